"""A result in brief: what rankings and histories read, without the texts behind the numbers.

A store keeps one beside every result, so that a page over many reads a few hundred bytes of each.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from benchsuite.steadiness import NOT_STEADY, moved_said, still_moved
from benchsuite.types import Doubt, Fingerprint, Process, Result, SystemKey, Value

# the order is that of `Digest.values` in stored bytes: add at the end only
DIGESTED = (
    "accuracy",
    "throughput",
    "latency_p50",
    "latency_p90",
    "latency_p99",
    "energy_per_frame",
    "mean_power",
    "max_power",
    "peak_memory",
    "work",
    "model_size",
    "drift",
    "fraction_of_roofline",
    "meets_goals",
)
# those whose interval tells how far they stray, in the order of `Digest.intervals`
STRAYING = ("throughput", "latency_p90", "energy_per_frame")
PLACES = {metric: place for place, metric in enumerate(DIGESTED)}
_ENERGY = "energy_per_frame"
# digests of before have no `moved`: whoever ranks them must know it
_NOT_KEPT = "by how much was not kept when it was stored, so that its place takes it for steady"
_MISSING = Value(value=None, how="", reason="told with the whole result")


class Digest(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The facts of a result that tables and histories need.

    Attributes:
        values: Of `DIGESTED`, in its order.
        accuracy_interval: Its low and high end.
        energy_how: Where joules come from: source and boundary, as `how` begins.
        doubts: Their codes.
        intervals: Low and high end of the metrics of `STRAYING`; the last fields are absent in
            digests that were stored before they were kept.
        processes: How many measured the row; 0 where one was asked for.
        moved: How far the median still moved, of a row that was not steady (share of 1).
    """

    environment: str
    domain: str
    device: str
    weights: str | None
    status: str
    reason: str | None
    rank_class: str
    class_reason: str | None
    frame: str
    measure: str | None
    target: float | None
    fingerprint: tuple[str, str, str, str, str, str] | None
    values: tuple[float | None, ...]
    accuracy_interval: tuple[float | None, float | None]
    energy_how: str
    doubts: tuple[str, ...]
    intervals: tuple[tuple[float | None, float | None], ...] = ()
    processes: int = 0
    moved: float | None = None

    def number(self, metric: str) -> float | None:
        """A metric of `DIGESTED`; None where it is missing or was stored before it was kept."""
        place = PLACES[metric]
        return self.values[place] if place < len(self.values) else None


_FINGERPRINT = tuple(Fingerprint.__dataclass_fields__)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Digest)


def pack(result: Result) -> bytes:
    """A result's digest as bytes."""
    found = result.metrics.get("accuracy")
    energy = result.metrics.get(_ENERGY)
    return _encoder.encode(
        Digest(
            environment=result.environment,
            domain=result.domain,
            device=result.device,
            weights=result.weights,
            status=result.status,
            reason=result.reason,
            rank_class=result.rank_class,
            class_reason=result.class_reason,
            frame=result.frame,
            measure=result.measure,
            target=result.target,
            fingerprint=(
                None
                if result.fingerprint is None
                else tuple(getattr(result.fingerprint, name) for name in _FINGERPRINT)
            ),
            values=tuple(_value(result.metrics, key) for key in DIGESTED),
            accuracy_interval=_ends(found),
            energy_how="" if energy is None else energy.how.partition(";")[0],
            doubts=tuple(doubt.code for doubt in result.doubts),
            intervals=tuple(_ends(result.metrics.get(metric)) for metric in STRAYING),
            processes=len(result.processes),
            moved=still_moved(result.doubts),
        )
    )


def unpack(packed: bytes) -> Digest:
    """The inverse of `pack`."""
    return _decoder.decode(packed)


def fingerprint(digest: Digest) -> Fingerprint | None:
    """The hashes that explain a change."""
    if digest.fingerprint is None:
        return None
    return Fingerprint(**dict(zip(_FINGERPRINT, digest.fingerprint, strict=True)))


def result(digest: Digest, *, run: str, key: SystemKey, scenario: str, measured_at: str) -> Result:
    """The result with the metrics that the digest keeps; the others are missing."""
    return Result(
        run=run,
        environment=digest.environment,
        key=key,
        domain=digest.domain,
        device=digest.device,
        weights=digest.weights,
        scenario=scenario,
        status=digest.status,
        reason=digest.reason,
        rank_class=digest.rank_class,
        class_reason=digest.class_reason,
        frame=digest.frame,
        fingerprint=fingerprint(digest),
        metrics=_metrics(digest),
        doubts=tuple(_doubt(code, digest.moved) for code in digest.doubts),
        processes=(Process(measured_at=measured_at),) * digest.processes,
        target=digest.target,
        measure=digest.measure,
        measured_at=measured_at,
    )


def _doubt(code: str, moved: float | None) -> Doubt:
    if code != NOT_STEADY:
        return Doubt(code=code, message=code)
    return Doubt(code=code, message=f"{code}: {_NOT_KEPT if moved is None else moved_said(moved)}")


def _ends(value: Value | None) -> tuple[float | None, float | None]:
    return (None, None) if value is None else (value.low, value.high)


def _metrics(digest: Digest) -> dict[str, Value]:
    """The values of `DIGESTED`; all that are missing are one object."""
    found = dict.fromkeys(DIGESTED, _MISSING)
    intervals = dict(zip(STRAYING, digest.intervals, strict=False))
    for name, value in zip(DIGESTED, digest.values, strict=False):  # older digests are shorter
        if value is None:
            continue
        if name == "accuracy":
            low, high = digest.accuracy_interval
            found[name] = Value(value=value, how="", low=low, high=high)
        else:
            low, high = intervals.get(name, (None, None))
            how = digest.energy_how if name == _ENERGY else ""
            found[name] = Value(value=value, how=how, low=low, high=high)
    return found


def _value(metrics: Mapping[str, Value], key: str) -> float | None:
    found = metrics.get(key)
    return None if found is None else found.value
