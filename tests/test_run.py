"""Tests of benchsuite.run: classes, doubts, and how a worker's end is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from benchsuite import run, workers
from benchsuite.metrics import compute
from benchsuite.plan import Plan
from benchsuite.store import open_store
from benchsuite.types import REAL_TIME, SCENARIOS, Doubt, Pace, Quality, SystemSpec, Value

from .fakes import failed
from .measurements import measurement, window
from .test_store import spec

QUALITY = Quality(measure="top-1", target=0.85)


def test_an_embedded_result_that_meets_its_target_is_embedded() -> None:
    """The scale decides between embedded and qualified; the target decides whether it ranks."""
    assert run.classify(spec(), measurement(), [], QUALITY) == ("embedded", None)
    full = replace(spec(), scale="reference")
    assert run.classify(full, measurement(), [], QUALITY) == ("qualified", None)
    missed, reason = run.classify(spec(), measurement(), [], replace(QUALITY, target=0.95))
    assert missed == "unranked"
    assert "0.900 is below the target 0.95" in str(reason)


def test_a_nan_accuracy_never_meets_a_target() -> None:
    """A network of NaNs is unranked, not qualified by a comparison that is false both ways."""
    score = measurement().accuracy
    assert score is not None
    broken = replace(measurement(), accuracy=replace(score, value=float("nan")))
    assert run.classify(spec(), broken, [], QUALITY)[0] == "unranked"


def test_without_accuracy_reference_is_speed_only_and_embedded_is_unranked() -> None:
    """Speed alone is a class of its own at reference scale only."""
    bare = replace(measurement(), accuracy=None, accuracy_reason="no data")
    assert run.classify(replace(spec(), scale="reference"), bare, [], None) == (
        "speed-only", "no data",
    )  # fmt: skip
    assert run.classify(spec(), bare, [], QUALITY)[0] == "unranked"


@pytest.mark.parametrize(
    "code", ["contended", "throttled", "replayed", "parity", "above_peak_unexplained"]
)
def test_grave_doubts_keep_a_result_out_of_rankings(code: str) -> None:
    """Contention, throttling, wrong outputs, an impossible speed: unranked with the reason."""
    doubt = Doubt(code=code, message="because")
    assert run.classify(spec(), measurement(), [doubt], QUALITY) == (
        "unranked", f"{code}: because",
    )  # fmt: skip


def fast(fraction: float) -> dict[str, Value]:
    made = measurement()
    values = compute(made, made.windows[0])
    return values | {"fraction_of_peak": Value(value=fraction, how="test")}


def test_above_peak_names_its_cause() -> None:
    """A tenth of the taps on padding explains 105 % of peak, but not 120 %."""
    assert run.above_peak(fast(0.99)) == []
    (padded,) = run.above_peak(fast(1.05))
    assert padded.code == "above_peak"
    assert "10%" in padded.message
    (odd,) = run.above_peak(fast(1.2))
    assert odd.code == "above_peak_unexplained"


def test_doubts_of_a_scenario_stay_with_its_row() -> None:
    """What disturbed SingleStream does not mark Offline; what concerns the system marks both."""
    made = measurement()
    offline = made.windows[0]
    single = Doubt(code="contended", message="SingleStream: others took CPU time")
    shared = Doubt(code="drift", message="the machine runs slower now")
    assert not run._concerns(single, offline)
    assert run._concerns(shared, offline)


def test_every_scenarios_doubts_stay_with_it() -> None:
    """A doubt that begins with a scenario's name concerns that row alone."""
    for scenario in SCENARIOS:
        doubt = Doubt(code="not_steady", message=f"{scenario}: not steady")
        assert run._concerns(doubt, window(scenario))
        assert not run._concerns(doubt, window("Training"))


def test_the_rate_is_configuration_of_its_row_alone() -> None:
    """Two rates of RealTime differ in their configuration; Offline's stays the measurement's."""
    made = measurement()
    slow, fast = (
        replace(window(REAL_TIME), pace=Pace(rate=1 / period, deadline_s=period))
        for period in (0.1, 0.02)
    )
    prints = [run._fingerprint(made, each).configuration for each in (window(), slow, fast)]
    assert prints[0] == made.fingerprint.configuration
    assert len(set(prints)) == 3


def test_a_missing_executable_is_a_reason_not_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies at once leaves its last line as the reason."""
    lost: SystemSpec = replace(spec(), cache=str(tmp_path), path=str(tmp_path / "gone.py"))
    outcome = run.run_worker(replace(lost, backend="none", time_limit_s=120))
    assert isinstance(outcome, str)
    assert "unknown backend" in outcome


def test_the_workers_phases_are_told() -> None:
    """Marked lines are phases; whatever else a workload prints is passed over."""
    code = (
        "import json\nprint('chatter')\n"
        f"print({workers.PHASE_MARK!r} + json.dumps({{'phase': 'build'}}))\n"
        f"print({workers.PHASE_MARK!r} + 'no json')\n"
        f"print({workers.PHASE_MARK!r} + json.dumps({{'phase': 'Offline'}}))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert list(workers.phases(process.stdout)) == ["build", "Offline"]


def test_what_a_budget_left_over_comes_first(tmp_path: Path) -> None:
    """The next run begins with the systems that the last one had no time for."""
    store = open_store(tmp_path / "r.db")
    first, second = replace(spec(), name="image/a"), replace(spec(), name="image/b")
    plan = Plan(specs=(first, second), skipped=(), notes=(), device=measurement().device)
    assert run.left_over_first(plan, store).specs == (first, second)
    info = run.new_run({}, command="x")
    store.add_run(info, plan=plan.specs)
    key = replace(failed(backend=second.backend).key, workload="image/b", scale=second.scale,
                  dataset=second.dataset, precision=second.precision, threads=second.threads,
                  device_name=plan.device.name)  # fmt: skip
    reason = "the run's budget of 60 s was used up (--budget)"
    skipped = replace(failed(), run=info.id, key=key, status="skipped", reason=reason)
    store.add(skipped, environment={})
    assert run.left_over_first(plan, store).specs == (second, first)
    again = run.new_run({run.CONFIRMS: info.id}, command="x")  # as `gate --remeasure` makes one
    store.add_run(again, plan=(first,))
    assert run.left_over_first(plan, store).specs == (second, first)
    elsewhere = run.new_run({}, command="x")  # another machine's in the team's store
    store.add_run(elsewhere, plan=())
    theirs = replace(key, device_name="Another processor")
    store.add(replace(failed(), run=elsewhere.id, key=theirs), environment={})
    assert run.left_over_first(plan, store).specs == (second, first)
    store.add(replace(failed(), run=elsewhere.id, key=key), environment={})
    assert run.left_over_first(plan, store).specs == (first, second)


def test_systems_take_turns_over_nights(tmp_path: Path) -> None:
    """With time for one system a night all four are measured in four nights, and again in the next
    four; a run of something else in between changes nothing.
    """
    store = open_store(tmp_path / "r.db")
    specs = tuple(replace(spec(), name=f"image/{letter}") for letter in "abcd")
    plan = Plan(specs=specs, skipped=(), notes=(), device=measurement().device)
    reason = "the run's budget of 60 s was used up (--budget)"
    measured = []
    for night in range(8):
        ordered = run.left_over_first(plan, store).specs
        info = run.new_run({}, command="x")
        store.add_run(info, plan=ordered)
        for place, each in enumerate(ordered):
            key = replace(failed().key, workload=each.name, scale=each.scale, dataset=each.dataset,
                          backend=each.backend, precision=each.precision,
                          threads=each.threads, device_name=plan.device.name)  # fmt: skip
            row = replace(failed(), run=info.id, key=key)
            if place:
                row = replace(row, status="skipped", reason=reason)
            store.add(row, environment={})
        measured.append(ordered[0].name)
        if night % 3 == 0:
            other = run.new_run({}, command="something else")
            store.add_run(other, plan=())
    assert sorted(measured[:4]) == [each.name for each in specs]
    assert measured[4:] == measured[:4]


def test_waiting_for_the_device_costs_no_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget begins when the run before has ended."""
    now = [0.0]

    @contextmanager
    def held(*_: object) -> Iterator[None]:
        now[0] += 1000.0
        yield

    def worker(*_: object, **__: object) -> str:
        now[0] += 8.0
        return "broken"

    monkeypatch.setattr(run, "monotonic", lambda: now[0])
    monkeypatch.setattr(run, "device_kept", held)
    monkeypatch.setattr(run, "run_worker", worker)
    monkeypatch.setattr(run, "unmeasured", lambda each, info, device, **how: replace(
        failed(**how), run=info.id, key=replace(failed().key, workload=each.name)
    ))  # fmt: skip
    store = open_store(tmp_path / "r.db")
    specs = tuple(replace(spec(), name=f"image/{letter}") for letter in "abc")
    plan = Plan(specs=specs, skipped=(), notes=(), device=measurement().device)
    info = run.new_run({}, command="x")
    store.add_run(info, plan=specs)
    run.execute(plan, info, store=store, goals=None, on_event=lambda event: None, budget_s=10.0)
    found = {each.key.workload: each.status for each in store.results(info.id)}
    assert found == {"image/a": "failed", "image/b": "failed", "image/c": "skipped"}
