"""Tests of `benchsuite.raw`: raw windows travel with results, and results follow from them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchsuite import exchange, metrics, raw, run
from benchsuite.errors import BadInput
from benchsuite.importing import import_files, read
from benchsuite.store import Store, open_store
from benchsuite.types import (
    OFFLINE,
    REAL_TIME,
    SINGLE_STREAM,
    Pace,
    PowerCourse,
    SystemSpec,
    Value,
    Window,
)
from tests import golden_store
from tests.fakes import environments, run_info
from tests.measurements import measurement, window

WORKLOAD = str(golden_store.ROOT / "workloads" / "image" / "lenet.py")


NONE = Value(value=None, how="not measured", reason="left out")


def exported(store: Store) -> dict[str, Any]:
    """What `export --format json` writes."""
    found: dict[str, Any] = json.loads(json.dumps(exchange.to_json(store, store.runs())))
    return found


def offered(*, queries: int = 400, dropped: int = 3) -> Window:
    """A window of RealTime: a tenth of the frames is late, some by a hair."""
    period_ns = 10_000_000
    durations = tuple(
        period_ns + 1 if n % 20 == 0 else period_ns if n % 20 == 1 else 4_000_000 + n
        for n in range(queries)
    )
    return replace(
        window(REAL_TIME, queries=queries),
        durations_ns=durations, pace=Pace(rate=100.0, deadline_s=0.01, dropped=dropped),
        seconds=4.1,
    )  # fmt: skip


def stored(path: Path, *windows: Window) -> Store:
    """A store with one system of these windows."""
    made = measurement(windows=windows)
    spec = SystemSpec(
        path=WORKLOAD, name="image/lenet", scale="embedded", dataset="mnist-5k", backend="eager",
        precision="fp32", batch=1, device="cpu", threads=2,
        scenarios=tuple(each.scenario for each in windows), seconds=1.0, warmup_s=1.0, meter="csv",
        cache="", roots=(str(golden_store.ROOT),),
    )  # fmt: skip
    info = run_info()
    store = open_store(path)
    store.add_run(info, plan=[])
    for each in windows:
        result = run.to_result(spec, info, made, each, model=None, goals=None)
        result = replace(result, environment="e1")
        store.add(result, environment=environments()["e1"], window=each)
    return store


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An export of Offline, SingleStream and RealTime, power over time included."""
    course = PowerCourse(at_s=(-0.5, 0.5, 1.0), power_w=(4.0, 10.0, 11.0), how="test")
    first = window(OFFLINE)
    assert first.energy is not None
    first = replace(first, energy=replace(first.energy, course=course, disagreement=-0.1))
    path = tmp_path_factory.mktemp("raw") / "r.db"
    return exported(stored(path, first, window(SINGLE_STREAM), offered()))


def imported(data: dict[str, Any], tmp_path: Path) -> Store:
    (tmp_path / "a.json").write_text(json.dumps(data))
    store = open_store(tmp_path / "other.db")
    import_files(store, [tmp_path / "a.json"])
    return store


def test_raw_windows_come_back_in_ascending_order(data: dict[str, Any], tmp_path: Path) -> None:
    """Everything of a window but its order travels; numbers are recomputed, in the store too."""
    store = imported(data, tmp_path)
    assert exported(store) == data
    rows = store.results(run_info().id)
    for row, before in zip(rows, (window(OFFLINE), window(SINGLE_STREAM), offered()), strict=True):
        after = store.window(row)
        assert after is not None
        assert after.durations_ns == tuple(sorted(before.durations_ns))
        assert (after.pace, after.peak_memory_b) == (before.pace, before.peak_memory_b)
    first = store.window(rows[0])
    assert first is not None and first.energy is not None and first.energy.course is not None
    assert first.energy.course.power_w == (4.0, 10.0, 11.0)
    assert all(each.raw and each.recomputed for each in store.latest())


def test_what_a_window_gives_is_what_was_stored(tmp_path: Path) -> None:
    """`of_window` and `compute` have each metric from the same function."""
    for each in (window(OFFLINE), window(SINGLE_STREAM), offered()):
        whole = metrics.compute(measurement(windows=(each,)), each)
        for key, value in metrics.of_window(each).items():
            known = whole[key]
            assert (value.value, value.low, value.high) == (known.value, known.low, known.high)


def test_a_file_without_raw_is_taken_and_says_why(data: dict[str, Any], tmp_path: Path) -> None:
    """Files of before raw windows travelled stay sound; what they export says what is missing."""
    older = json.loads(json.dumps(data))
    for row in older["results"]:
        del row["raw"], row["raw_reason"]
    store = imported(older, tmp_path)
    again = exported(store)["results"]
    assert {(row["raw"], row["raw_reason"]) for row in again} == {
        (None, "not in the store it came from")
    }
    assert not any(each.raw for each in store.latest())


def test_many_distinct_durations_are_rounded_and_still_give_the_percentiles(
    tmp_path: Path,
) -> None:
    """The file says to how many digits; it can be passed on; percentiles lie within that."""
    source = random.Random(1)
    durations = tuple(int(1e5 * source.lognormvariate(0, 0.7)) for _ in range(60_000))
    assert len(set(durations)) > raw.MOST_VALUES
    long = replace(
        window(SINGLE_STREAM, queries=len(durations)), durations_ns=durations,
        seconds=sum(durations) / 1e9,
    )  # fmt: skip
    data = exported(stored(tmp_path / "r.db", long))
    packed = data["results"][0]["raw"]
    digits = packed["duration_digits"]
    assert digits in (3, 4, 5)
    assert len(packed["durations_ns"].split()) <= raw.MOST_VALUES
    store = imported(data, tmp_path)
    assert exported(store) == data
    row = store.results(run_info().id)[0]
    after = store.window(row)
    assert after is not None and after.duration_digits == digits
    again = metrics.of_window(after)
    for key in ("latency_p50", "latency_p90", "latency_p99"):
        told = row.metrics[key].value
        assert again[key].value == pytest.approx(told, rel=0.5 * 10 ** (1 - digits))
    broken = json.loads(json.dumps(data))
    broken["results"][0]["metrics"]["latency_p90"]["value"] *= 0.99
    with pytest.raises(BadInput, match="latency_p90 is"):
        read(json.dumps(broken).encode(), name="f")


def test_rounding_leaves_missed_frames_within_what_it_may_move() -> None:
    """A frame late by a nanosecond may be rounded to the deadline; one more or less may not."""
    exact = offered()
    share = metrics.of_window(exact)["missed_frames"].value
    assert share == (20 + 3) / 403
    rounded = replace(
        exact,
        durations_ns=tuple(round(each, -5) for each in exact.durations_ns),
        duration_digits=3,
    )
    made = measurement(windows=(exact,))
    spec_row = run.to_result(
        SystemSpec(
            path=WORKLOAD, name="image/lenet", scale="embedded", backend="eager", precision="fp32",
            batch=1, device="cpu", threads=2, scenarios=(REAL_TIME,), seconds=1.0, warmup_s=1.0,
            meter="csv", cache="", roots=(str(golden_store.ROOT),),
        ),
        run_info(), made, exact, model=None, goals=None,
    )  # fmt: skip
    assert raw.disagreement(exact, spec_row) is None
    assert raw.disagreement(rounded, spec_row) is None
    far = replace(rounded, durations_ns=tuple(each // 3 for each in rounded.durations_ns))
    assert str(raw.disagreement(far, spec_row)).startswith("latency_p50")
    slow = tuple(each if n < 40 else 20_000_000 for n, each in enumerate(rounded.durations_ns))
    late = replace(rounded, durations_ns=slow)
    shares = {**spec_row.metrics, **{f"latency_p{n}": NONE for n in (50, 90, 99)}}
    said = raw.disagreement(late, replace(spec_row, metrics=shares))
    assert said is not None and said.startswith("missed_frames is 0.0570")
    value = replace(spec_row.metrics["missed_frames"], value=(20 + 2) / 403)
    fewer = replace(spec_row, metrics={**spec_row.metrics, "missed_frames": value})
    said = raw.disagreement(exact, fewer)
    assert said is not None and said.startswith("missed_frames is 0.0545906")


def _raw(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["results"][1]["raw"].update(changes)


def _metric(key: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["results"][1]["metrics"][key].update(changes)


def _energy(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["results"][1]["raw"]["energy"].update(changes)


UNSOUND = {
    "a latency": (_metric("latency_p99", value=9.8e-7), "latency_p99 is 9.8e-07, its"),
    "its upper end": (_metric("latency_p50", high=None), "latency_p50.high is missing, its raw"),
    "a power": (_metric("max_power", value=11.0), "max_power is 11, its raw window gives 12"),
    "another meter": (
        _metric("energy_per_frame", how="nvml counter, boundary board; 60 periods"),
        "energy is 'nvml counter, boundary board', in its raw window 'rapl, boundary package'",
    ),
    "missed frames": (_metric("missed_frames", value=0.1, reason=None), "missed_frames is 0.1"),
    "faster queries": (_raw(durations_ns="1x1000"), "latency_p50 is 5e-07, its raw window gives"),
    "fewer queries": (_raw(durations_ns="1x999"), "1000 queries with 999 durations"),
    "longer than its window": (_raw(durations_ns="9000000x1000"), "its durations are 9 s"),
    "more frames": (_raw(frames=2000.0), "throughput is 500, its raw|2000 frames in 1000"),
    "another scenario": (_raw(scenario="Offline"), "it is one of Offline at batch 1"),
    "another batch": (_raw(batch=2), "it is one of SingleStream at batch 2"),
    "no seconds": (_raw(seconds=0.0), "seconds must be above 0"),
    "no energy's seconds": (_energy(seconds=0.0), "energy.seconds must be above 0"),
    "negative": (_energy(idle_power_w=-1.0), "idle_power_w is negative"),
    "beyond": (_raw(peak_memory_b=2**70), "peak_memory_b is beyond"),
    "a type": (_raw(steady="yes"), "Expected `bool`"),
    "no durations": (_raw(durations_ns=[]), "durations_ns is no text"),
    "empty": (_raw(durations_ns=""), "'' is no step"),
    "words": (_raw(durations_ns="1x5 __import__"), "'__import__' is no step"),
    "signs": (_raw(durations_ns="5 -1"), "'-1' is no step"),
    "a step of 0": (_raw(durations_ns="5 0x999"), "a step of 0"),
    "too many": (_raw(durations_ns="1x9999999999"), "more than 33554432 durations"),
    "dropped": (_raw(pace={"rate": 1.0, "deadline_s": 1.0, "dropped": 10**12}), "more than 3355"),
    "centuries": (_raw(durations_ns="9999999999999999999"), "longer than thirty years"),
    "a text": (_raw(energy_reason="x" * 200_000), "energy_reason is too long a text"),
    "a course": (
        _energy(course={"at_s": [0.0, 1.0], "power_w": [1.0], "how": "h"}), "as many times as",
    ),
    "back in time": (
        _energy(course={"at_s": [1.0, 0.5], "power_w": [1.0, 1.0], "how": "h"}), "times that go ba",
    ),
    "a long course": (
        _energy(course={"at_s": [0.0] * 10_001, "power_w": [1.0] * 10_001, "how": "h"}),
        "more than 10000 entries",
    ),
    "a skipped row": (
        lambda data: data["results"][1].update(
            {"status": "skipped", "reason": "r", "class": "unranked", "metrics": {}}
        ),
        "status skipped, and yet a raw window",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSOUND)
def test_a_raw_window_that_is_not_its_rows_is_refused(name: str, data: dict[str, Any]) -> None:
    """One sentence that names the row."""
    change, said = UNSOUND[name]
    bad = json.loads(json.dumps(data))
    change(bad)
    with pytest.raises(BadInput) as caught:
        read(json.dumps(bad).encode(), name="f")
    assert "results[1]" in str(caught.value)
    assert any(each in str(caught.value) for each in said.split("|"))
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_too_long_stays_out_with_its_reason(
    data: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file holds so many durations; the rows after are without raw, and an import keeps to it."""
    store = imported(data, tmp_path)
    monkeypatch.setattr(raw, "MOST_IN_FILE", 2100)
    rows = exported(store)["results"]
    assert [row["raw"] is None for row in rows] == [False, False, True]
    assert rows[2]["raw_reason"].startswith("too long: 400 durations")
    with pytest.raises(BadInput, match="the file has more than 2100 durations"):
        read(json.dumps(data).encode(), name="f")
    monkeypatch.setattr(raw, "MOST_DURATIONS", 900)
    assert [row["raw"] is None for row in exported(store)["results"]] == [True, True, False]
