"""Tests of `benchsuite.figures`: the numbers of many digests are those of each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from benchsuite import digest, figures
from benchsuite.types import Doubt, Result
from tests.fakes import result

METRICS = ("throughput", "drift", "energy_per_frame", "accuracy", "latency_p90")


def slowly(bodies: Sequence[bytes], metric: str) -> list[float]:
    """The same, each digest decoded by itself."""
    numbers = [digest.unpack(body).number(metric) for body in bodies]
    return [math.nan if number is None else number for number in numbers]


def agree(bodies: Sequence[bytes]) -> None:
    """Holds numbers and sources against the digests' own."""
    found = figures.read(bodies, METRICS)
    for metric in METRICS:
        assert list(found.values[metric]) == pytest.approx(
            slowly(bodies, metric), nan_ok=True, rel=0, abs=0
        )
    sources = [digest.unpack(body).energy_how for body in bodies]
    same = [[a == b for b in sources] for a in sources]
    assert [[a == b for b in found.sources] for a in found.sources] == same


def nights() -> list[Result]:
    """What may differ from night to night: texts, the meter, doubts, numbers that are missing."""
    steady = result()
    return [
        steady,
        result(drift=0.9),
        replace(steady, environment="another"),
        replace(steady, environment="e2"),
        replace(steady, environment="another", reason="odd"),
        result(source="rapl", power=40.0),
        result(power=None),
        replace(steady, doubts=(Doubt(code="contended", message="x"),)),
        replace(steady, reason="long " * 60, class_reason="ü" * 200),
        replace(steady, metrics={}, status="failed", fingerprint=None),
        result(drift=1.1),
    ]


def test_a_rows_figures_are_those_of_its_digests() -> None:
    """Of one layout, of several, of more than are looked for, of none."""
    bodies = [digest.pack(each) for each in nights()]
    agree(bodies)
    agree([bodies[0]] * 3)
    agree([*bodies, *reversed(bodies)])
    many = [digest.pack(replace(result(), reason="x" * length)) for length in range(20)]
    agree([body for body in many for _ in range(2)])
    assert figures.read([], METRICS).sources == ()


def test_most_nights_are_not_decoded_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other numbers, another environment, another hash: the layout is the same."""
    bodies = [
        digest.pack(replace(result(drift=0.5 + number / 100), environment=f"e{number:02d}"))
        for number in range(50)
    ]
    expected = slowly(bodies, "drift")
    monkeypatch.setattr(digest, "unpack", None)
    assert list(figures.read(bodies, METRICS).values["drift"]) == expected


def test_digests_of_before_a_metric_was_kept_have_none() -> None:
    """Older rows are shorter: what they lack is missing, not another metric's value."""
    whole = digest.unpack(digest.pack(result()))
    fields = msgspec.msgpack.decode(digest.pack(result()))
    short = msgspec.msgpack.encode(msgspec.structs.replace(whole, values=whole.values[:3]))
    later = msgspec.msgpack.encode(
        msgspec.structs.replace(whole, values=(*whole.values, 3.0, None, 5.0))
    )
    fewer = msgspec.msgpack.encode(fields[:16])
    more = msgspec.msgpack.encode([*fields, "of a later version", {"with": ["a", "map"]}])
    bodies = [digest.pack(result()), short, fewer, later, more]
    agree([*bodies, *bodies])
    assert math.isnan(figures.read(bodies, ["drift"]).values["drift"][1])


def test_what_is_no_digest_is_refused() -> None:
    """Cut off, or another thing altogether, whatever stands beside it."""
    whole = digest.pack(result())
    fields = msgspec.msgpack.decode(whole)
    odd = bytes([*whole[:-1], 0xC1])
    cut = (whole[:-3], whole[:40], b"\xff", b"", msgspec.msgpack.encode(fields[:9]), odd)
    for broken in cut:
        for bodies in ([broken], [whole, broken], [broken, whole]):
            with pytest.raises(msgspec.DecodeError):
                figures.read(bodies, METRICS)
