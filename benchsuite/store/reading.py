"""Results from their rows."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import msgspec
import sqlalchemy as sa

from benchsuite import digest, figures
from benchsuite.digest import Digest
from benchsuite.errors import BadInput
from benchsuite.figures import Figures
from benchsuite.store import tables
from benchsuite.store.faults import damage
from benchsuite.store.packing import unpack_json
from benchsuite.types import (
    Count,
    Doubt,
    Fingerprint,
    LayerTimes,
    Process,
    Result,
    RunInfo,
    SystemKey,
    Value,
)

_SAME = 1e-9  # computed from one window of doubles


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The newest result of a row.

    Attributes:
        id: The result's number in the store.
        series: The row's number in the store.
        result: With the metrics that a digest keeps.
        runs: How many results of the row there are.
        since: When the row was measured first.
        raw: Whether the raw window is in this store: measured here, or come with its file.
        recomputed: Whether that window gives the stored throughput and energy again.
    """

    id: int
    series: int
    result: Result
    runs: int
    since: str
    raw: bool
    recomputed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """The newest result of a row from another source than the newest of all.

    Attributes:
        source: Who measured it: the run's label `submitter` or `machine`, else what the
            environment tells of machine and device.
    """

    series: int
    source: str
    result: Result


class _RawEnergy(msgspec.Struct):
    energy_j: float
    seconds: float


class _RawWindow(msgspec.Struct):
    """What of a raw window a row's leading numbers follow from."""

    frames: float
    seconds: float
    energy: _RawEnergy | None = None


class Moment(msgspec.Struct, frozen=True, gc=False):
    """One result of a row in the course of time.

    Attributes:
        body: Its digest as stored; decoded when it is asked for.
    """

    id: int
    run: str
    measured_at: str
    body: bytes

    @property
    def digest(self) -> Digest:
        """The result in brief.

        Raises:
            BadInput: The store is damaged.
        """
        try:
            return digest.unpack(self.body)
        except msgspec.DecodeError as error:
            raise BadInput(
                f"the store is damaged (result {self.id}: {damage(error)}); restore it from a copy"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """A row's results, the oldest first, as columns: an object for each would cost too much.

    Attributes:
        ids, runs, times, bodies: What each `Moment` has.
    """

    ids: tuple[int, ...] = ()
    runs: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    bodies: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, place: int) -> Moment:
        return Moment(self.ids[place], self.runs[place], self.times[place], self.bodies[place])

    def __iter__(self) -> Iterator[Moment]:
        return map(Moment, self.ids, self.runs, self.times, self.bodies)

    def only(self, chosen: Sequence[bool]) -> Moments:
        """Those moments that are chosen."""
        return Moments(
            ids=tuple(compress(self.ids, chosen)),
            runs=tuple(compress(self.runs, chosen)),
            times=tuple(compress(self.times, chosen)),
            bodies=tuple(compress(self.bodies, chosen)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A row's results, the oldest first."""

    series: int
    key: SystemKey
    scenario: str
    moments: Moments

    def figures(self, metrics: Sequence[str]) -> Figures:
        """The numbers of every moment.

        Raises:
            BadInput: The store is damaged.
        """
        try:
            return figures.read(self.moments.bodies, metrics)
        except msgspec.DecodeError as error:
            raise BadInput(
                f"the store is damaged ({damage(error)}); restore it from a copy"
            ) from error


def keys_of(connection: sa.Connection) -> dict[int, tuple[SystemKey, str]]:
    """System and scenario of every series."""
    own = (tables.series.c[name] for name in tables.KEY)
    rows = connection.execute(sa.select(tables.series.c.id, tables.series.c.scenario, *own)).all()
    return {
        number: (SystemKey(**dict(zip(tables.KEY, key, strict=True))), scenario)
        for number, scenario, *key in rows
    }


def brief(row: Any, key: SystemKey, scenario: str) -> Result:
    """A result from its digest alone."""
    return digest.result(
        digest.unpack(row.body), run=row.run, key=key, scenario=scenario,
        measured_at=row.measured_at,
    )  # fmt: skip


def latest_of(row: Any, key: SystemKey, scenario: str) -> Latest:
    result = brief(row, key, scenario)
    return Latest(
        id=row.result,
        series=row.series,
        result=result,
        runs=row.runs,
        since=row.since,
        raw=row.window is not None,
        recomputed=row.window is not None and _recomputed(row.window, result),
    )


def _recomputed(packed: bytes, result: Result) -> bool:
    """Whether the raw window gives the stored throughput, and the energy where it has one."""
    window = msgspec.json.decode(zlib.decompress(packed), type=_RawWindow)
    speed = window.frames / window.seconds if window.seconds else math.nan
    pairs = [(result.metrics["throughput"].value, speed)]
    if window.energy is not None and result.metrics["energy_per_frame"].value is not None:
        joules = window.energy.energy_j / window.energy.seconds / speed
        pairs.append((result.metrics["energy_per_frame"].value, joules))
    return all(
        stored is not None and math.isclose(stored, again, rel_tol=_SAME) for stored, again in pairs
    )


def sources(connection: sa.Connection) -> dict[str, str]:
    """Run to who measured it."""
    environment = (
        sa.select(tables.results.c.environment)
        .where(tables.results.c.run == tables.runs.c.id)
        .limit(1)
        .scalar_subquery()
    )
    query = sa.select(tables.runs.c.id, tables.runs.c.labels, environment.label("environment"))
    rows = connection.execute(query).all()
    facts = {
        row.id: f"{row.facts.get('machine')} {row.facts.get('device')}"
        for row in connection.execute(tables.environments.select())
    }
    return {
        row.id: row.labels.get("submitter")
        or row.labels.get("machine")
        or facts.get(row.environment, "")
        for row in rows
    }


def _texts_of(connection: sa.Connection, metrics: Sequence[dict[str, Any]]) -> dict[int, str]:
    ids: set[int] = set()
    for own in metrics:
        for packed in own.values():
            ids.update(i for i in packed[3:5] if i is not None)
    query = sa.select(tables.texts.c.id, tables.texts.c.text).where(tables.texts.c.id.in_(ids))
    return {row.id: row.text for row in connection.execute(query)}


def run_of(row: Any) -> RunInfo:
    facts = {name: getattr(row, name) for name in RunInfo.__dataclass_fields__}
    return msgspec.convert(facts, RunInfo)


def read(connection: sa.Connection, rows: Sequence[Any]) -> list[Result]:
    """Results from their rows, with the texts and counts that they share."""
    metrics = [unpack_json(row.metrics) for row in rows]
    texts = _texts_of(connection, metrics)
    facts = [unpack_json(row.facts) for row in rows]
    wanted = {each["counts"] for each in facts if each.get("counts")}
    query = sa.select(tables.counts.c.id, tables.counts.c.body).where(
        tables.counts.c.id.in_(wanted)
    )
    counts = {
        row.id: msgspec.json.decode(zlib.decompress(row.body), type=tuple[Count, ...])
        for row in (connection.execute(query) if wanted else ())
    }
    return [
        _result(row, own, packed, texts, counts)
        for row, own, packed in zip(rows, facts, metrics, strict=True)
    ]


def _result(
    row: Any,
    facts: dict[str, Any],
    packed: dict[str, Any],
    texts: Mapping[int, str],
    counts: Mapping[str, tuple[Count, ...]],
) -> Result:
    counted = facts.pop("counts", None)
    fingerprint = facts.pop("fingerprint")
    doubts = facts.pop("doubts")
    layer_times = facts.pop("layer_times", None)
    processes = facts.pop("processes", ())
    metrics = {
        key: Value(
            value=value,
            low=low,
            high=high,
            how=texts[how],
            reason=None if reason is None else texts[reason],
        )
        for key, (value, low, high, how, reason) in packed.items()
    }
    return Result(
        run=row.run,
        environment=row.environment,
        key=SystemKey(**{name: getattr(row, name) for name in tables.KEY}),
        scenario=row.scenario,
        status=row.status,
        measured_at=row.measured_at,
        metrics=metrics,
        fingerprint=None if fingerprint is None else Fingerprint(**fingerprint),
        doubts=tuple(Doubt(**doubt) for doubt in doubts),
        layer_times=msgspec.convert(layer_times, LayerTimes | None),
        counts=counts[counted] if counted else (),
        processes=msgspec.convert(processes, tuple[Process, ...]),
        **facts,
    )
