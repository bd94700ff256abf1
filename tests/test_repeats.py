"""Tests of `--repeats`: turns, the median process's row, intervals, resuming, and the gate."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchsuite import repeats, run
from benchsuite.cli import main
from benchsuite.metrics import compute
from benchsuite.progress import Progress
from benchsuite.stats import median, median_interval
from benchsuite.store import Store, open_store
from benchsuite.types import Doubt, Measurement, Result, SystemSpec

from . import fakes
from .measurements import measurement, window
from .old_store import age


class Replay:
    """Stands in for the worker: throughputs as given, in turn for each backend."""

    def __init__(self, seconds: dict[str, list[float | str | BaseException]]) -> None:
        self.seconds = seconds
        self.order: list[str] = []

    def __call__(self, spec: SystemSpec, **_: object) -> Measurement | str:
        self.order.append(spec.backend)
        found = self.seconds[spec.backend].pop(0)
        if isinstance(found, BaseException):
            raise found
        if isinstance(found, str):
            return found
        return measurement(windows=(replace(window(queries=100), seconds=found),))


def measured(replay: Replay, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit code of `benchsuite run` with replayed workers."""
    monkeypatch.setattr(run, "run_worker", replay)
    return main(["run", *map(str, arguments), "--report", "none", "--quiet"])


def asked(content: Path, store: Path, *more: object) -> list[object]:
    return ["image/tiny", "--backend", "eager,onnxruntime", "--scenario", "Offline",
            "--content", content, "--store", store, *more]  # fmt: skip


def rows(store: Path) -> dict[str, Result]:
    """The newest run's rows by backend."""
    opened = open_store(store)
    return {row.key.backend: row for row in opened.results(opened.find_run("latest").id)}


def test_processes_take_turns_and_the_median_one_is_the_row(
    content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Round robin; the row is one process's, so identities hold, with low and high over all."""
    replay = Replay({"eager": [2.0, 2.5, 1.6], "onnxruntime": [1.0, 1.0, 1.0]})
    store = tmp_path / "s.db"
    assert measured(replay, monkeypatch, *asked(content, store, "--repeats", 3)) == 0
    assert replay.order == ["eager", "onnxruntime"] * 3
    found = rows(store)
    throughput = found["eager"].metrics["throughput"]
    assert (throughput.low, throughput.value, throughput.high) == (40.0, 50.0, 62.5)
    assert "the process of the median throughput of 3; interval: smallest and largest" in (
        throughput.how
    )
    assert "holds the median with 75%" in throughput.how
    assert "no interval" not in throughput.how
    alone = compute(measurement(), replace(window(queries=100), seconds=2.0), workload="image/tiny")
    assert {key: value.value for key, value in found["eager"].metrics.items()} == {
        key: value.value for key, value in alone.items()
    }
    assert [process.values["throughput"] for process in found["eager"].processes] == [
        50.0, 40.0, 62.5,
    ]  # fmt: skip
    equal = found["onnxruntime"].metrics["throughput"]
    assert (equal.low, equal.high) == (None, None)
    assert len(found["onnxruntime"].processes) == 3


def test_each_process_is_told_as_it_was(
    content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line of process 3 of 3 shows that process, not the median of all."""
    told: list[tuple[str, float | None]] = []

    def note(_: Progress, event: run.Event) -> None:
        if event.kind == "results":
            (row,) = event.results
            told.append((event.text, row.metrics["throughput"].value))

    monkeypatch.setattr(Progress, "on_event", note)
    replay = Replay({"eager": [1.0, 4.0, 2.0]})
    arguments = asked(content, tmp_path / "r.db", "--repeats", 3, "--backend", "eager")
    assert measured(replay, monkeypatch, *arguments) == 0
    assert told == [
        ("process 1 of 3", 100.0), ("process 2 of 3", 25.0), ("process 3 of 3", 50.0),
    ]  # fmt: skip


def test_the_raw_window_of_every_process_is_kept(
    content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them in the order of measuring; the row's own is the median process's."""
    replay = Replay({"eager": [2.0, 2.5, 1.6], "onnxruntime": [1.0, 1.1, 1.2]})
    store = tmp_path / "s.db"
    measured(replay, monkeypatch, *asked(content, store, "--repeats", 3))
    opened = open_store(store)
    row = rows(store)["eager"]
    kept = opened.process_windows(list(opened.processes(row)))
    assert [each.seconds for each in kept] == [2.0, 2.5, 1.6]
    assert all(len(each.durations_ns) == 100 for each in kept)
    own = opened.window(row)
    assert own is not None
    assert own.seconds == 2.0


def test_resume_adds_the_processes_that_are_missing(
    content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the second round: rows of one process stay; the rest is measured on resuming."""
    store = tmp_path / "s.db"
    stopped = Replay({"eager": [2.0, KeyboardInterrupt()], "onnxruntime": [1.0]})
    assert measured(stopped, monkeypatch, *asked(content, store, "--repeats", 2)) == 130
    first = rows(store)["eager"]
    assert len(first.processes) == 1
    assert "one process of 2 asked for, so no interval" in first.metrics["throughput"].how
    assert first.metrics["throughput"].low is None
    rest = Replay({"eager": [2.2], "onnxruntime": [1.1]})
    identifier = open_store(store).find_run("latest").id
    assert measured(rest, monkeypatch, "--resume", identifier, "--store", store) == 0
    assert rest.order == ["eager", "onnxruntime"]
    found = rows(store)
    assert [len(row.processes) for row in found.values()] == [2, 2]
    # of a middle pair the worse
    assert found["eager"].metrics["throughput"].value == pytest.approx(100 / 2.2)
    assert found["eager"].metrics["throughput"].high == 50.0


def test_a_budget_ends_the_repeats_and_keeps_what_there_is(
    content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No system is skipped that has a process already; its `how` says how many were asked for."""
    times = iter([0.0, 0.0, 1.0, 2.0, 99.0, 99.0, 99.0, 99.0, 99.0])
    monkeypatch.setattr(run, "monotonic", lambda: next(times))
    replay = Replay({"eager": [2.0, 2.5], "onnxruntime": [1.0, 1.1]})
    store = tmp_path / "s.db"
    code = measured(replay, monkeypatch, *asked(content, store, "--repeats", 3, "--budget", 10))
    assert code == 0
    assert replay.order == ["eager", "onnxruntime"]
    assert {row.status for row in rows(store).values()} == {"ok"}


def test_waiting_for_the_device_uses_up_no_budget(
    content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run had the device for an hour: the budget begins after it."""
    clock = [0.0]
    monkeypatch.setattr(run, "monotonic", lambda: clock[0])

    @contextmanager
    def after_an_hour(cache: Path, device: str, on_wait: Callable[[str], None]) -> Iterator[None]:
        on_wait("process 7: benchsuite run full, since noon")
        clock[0] += 3600.0
        yield

    monkeypatch.setattr(run.device_lock, "held", after_an_hour)
    replay = Replay({"eager": [2.0], "onnxruntime": [1.0]})
    store = tmp_path / "s.db"
    assert measured(replay, monkeypatch, *asked(content, store, "--budget", 10)) == 0
    assert {row.status for row in rows(store).values()} == {"ok"}


def test_a_system_that_fails_at_once_is_not_tried_again(
    content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row says why; a later process that fails only raises a doubt."""
    replay = Replay({"eager": ["no such kernel"], "onnxruntime": [1.0, "killed", 1.2]})
    store = tmp_path / "s.db"
    assert measured(replay, monkeypatch, *asked(content, store, "--repeats", 3)) == 3
    assert replay.order == ["eager", "onnxruntime", "onnxruntime", "onnxruntime"]
    found = rows(store)
    assert (found["eager"].status, found["eager"].reason) == ("failed", "no such kernel")
    whole = found["onnxruntime"].metrics["throughput"]
    assert "of 2, 3 were asked for" in whole.how
    last = Replay({"eager": ["no"], "onnxruntime": [1.0, "killed"]})
    measured(last, monkeypatch, *asked(content, store, "--repeats", 2))
    (doubt,) = [d for d in rows(store)["onnxruntime"].doubts if d.code == "process_failed"]
    assert "a process failed where 1 did not: killed" in doubt.message


def test_an_energy_interval_holds_repeats_and_granularity() -> None:
    """Each process's own ends count, not its value alone."""
    found = []
    for joules, half in ((10.0, 1.0), (11.0, 0.5), (12.0, 3.0)):
        one = window(queries=100)
        assert one.energy is not None
        energy = replace(one.energy, energy_j=joules, low_j=joules - half, high_j=joules + half)
        part = measurement(windows=(replace(one, energy=energy),))
        values = compute(part, part.windows[0])
        found.append(replace(fakes.result(), metrics=values, doubts=()))
    row, _ = repeats.combine(found, planned=3)
    value = row.metrics["energy_per_frame"]
    assert value.low == pytest.approx(0.09)
    assert value.high == pytest.approx(0.15)
    assert "of the processes' own ends" in value.how


def test_a_modelled_energy_has_the_interval_of_its_processes() -> None:
    """A lone model has none and says so; several processes span one, and nothing denies it."""
    found = []
    for joules in (10.0, 11.0, 12.0):
        one = window(queries=100)
        assert one.energy is not None
        energy = replace(one.energy, energy_j=joules, source="modelled")
        part = measurement(windows=(replace(one, energy=energy),))
        values = compute(part, part.windows[0])
        found.append(replace(fakes.result(), metrics=values, doubts=()))
    assert "no interval: it is a model" in found[0].metrics["mean_power"].how
    row, _ = repeats.combine(found, planned=3)
    value = row.metrics["mean_power"]
    assert (value.low, value.high) == (5.0, 6.0)
    assert "no interval" not in value.how
    assert value.how.startswith("modelled, boundary package; test; the process of the median")


def test_disturbed_processes_are_left_out_while_most_are_calm() -> None:
    """One contended process of three counts neither in value nor interval; two unrank the row."""
    doubt = Doubt(code="contended", message="Offline: others took the machine")
    speeds = [
        replace(fakes.result(), metrics=_with(fakes.result(), value), doubts=())
        for value in (100.0, 104.0, 10.0)
    ]
    speeds[2] = replace(speeds[2], doubts=(doubt,), rank_class="unranked", class_reason="contended")
    row, chosen = repeats.combine(speeds, planned=3)
    assert chosen == 0
    assert row.metrics["throughput"].low == 100.0
    assert "1 disturbed and left out" in row.metrics["throughput"].how
    assert row.rank_class != "unranked"
    assert row.doubts == ()
    assert [bool(each.doubts) for each in repeats.apart(row)] == [False, False, True]
    speeds[0] = replace(speeds[0], doubts=(doubt,), rank_class="unranked", class_reason="contended")
    row, _ = repeats.combine(speeds, planned=3)
    assert row.rank_class == "unranked"
    assert row.metrics["throughput"].low == 10.0


def _with(result: Result, throughput: float) -> dict[str, Any]:
    value = replace(result.metrics["throughput"], value=throughput, low=None, high=None)
    return {**result.metrics, "throughput": value}


@pytest.mark.parametrize("n", [2, 3, 5, 6, 9, 12, 20])
def test_order_statistics_hold_the_median_as_often_as_they_say(n: int) -> None:
    """Simulated on skewed values: the coverage told is the coverage found."""
    k, coverage = median_interval(n)
    assert (coverage >= 0.95) == (n >= 6)
    draw = random.Random(n)
    inside = 0
    for _ in range(4000):
        values = sorted(draw.expovariate(1.0) for _ in range(n))
        inside += values[k - 1] <= 0.6931471805599453 <= values[-k]
    # five standard errors of 4000 draws
    assert inside / 4000 == pytest.approx(
        coverage, abs=5 * (coverage * (1 - coverage) / 4000) ** 0.5
    )


def test_the_gate_takes_processes_of_lone_runs_as_samples(
    content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five processes a side show 6 % less at once, which two lone processes cannot."""
    draw = random.Random(3)

    def night(factor: float) -> list[float | str | BaseException]:
        return [2.0 * factor * (1 + draw.gauss(0, 0.003)) for _ in range(5)]

    store, out = tmp_path / "s.db", tmp_path / "gate.json"
    only = ["image/tiny", "--backend", "eager", "--scenario", "Offline", "--content", content,
            "--store", store]  # fmt: skip
    for factor in (1.0, 1.06):
        measured(Replay({"eager": night(factor)}), monkeypatch, *only, "--repeats", 5)
    main(["gate", "latest~1", "latest", "--store", str(store), "--json", str(out)])
    said = json.loads(out.read_text())
    (line,) = [line for line in said["lines"] if line["metric"] == "throughput"]
    assert line["suspected"] is True
    assert line["detectable"] < 0.03


def test_an_exported_row_takes_its_processes_along(
    content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Export and import keep what each process gave."""
    store, file = tmp_path / "s.db", tmp_path / "r.json"
    replay = Replay({"eager": [2.0, 2.5, 1.6], "onnxruntime": [1.0, 1.1, 1.2]})
    measured(
        replay, monkeypatch, *asked(content, store, "--repeats", 3, "--batch", 1, "--json", file)
    )
    assert main(["import", str(file), "--store", str(tmp_path / "other.db")]) == 0
    there, here = rows(tmp_path / "other.db"), rows(store)
    assert [p.values for p in there["eager"].processes] == [
        p.values for p in here["eager"].processes
    ]


def test_a_store_from_before_repeats_opens(tmp_path: Path) -> None:
    """Its table of processes is added; a row of it has none."""
    path = tmp_path / "old.db"
    made = open_store(path)
    made.add_run(fakes.run_info(), plan=[])
    made.add(fakes.result(), environment={})
    age(path, without=("processes",))
    old: Store = open_store(path)
    (row,) = old.results(fakes.run_info().id)
    assert row.processes == ()
    assert old.processes(row) == {}


def test_a_median_run_is_chosen_by_the_leading_metric() -> None:
    """Latency where queries wait for nothing; of an even number the worse of the middle two."""
    assert repeats.leading_metric("Offline") == "throughput"
    assert repeats.leading_metric("Server") == "throughput"  # the rate that meets the bound
    assert repeats.leading_metric("RealTime") == "latency_p50"
    four = [
        replace(fakes.result(), metrics=_with(fakes.result(), value), scenario="Offline")
        for value in (4.0, 1.0, 3.0, 2.0)
    ]
    row, chosen = repeats.combine(four, planned=4)
    assert (chosen, row.metrics["throughput"].value) == (3, 2.0)
    assert median([4.0, 1.0, 3.0, 2.0]) == 2.5
