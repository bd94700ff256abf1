"""Tests of benchsuite.best: trials, the choice for each scenario, and what it costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchsuite.best import TRIAL_S, measure_best
from benchsuite.metrics import compute
from benchsuite.types import OFFLINE, SERVER, SINGLE_STREAM, Doubt, Measurement, SystemSpec

from .measurements import measurement, window

SPEC = SystemSpec(
    path="/x.py", name="image/x", scale="embedded", backend="best", precision="fp32", batch=8,
    device="cpu", threads=1, scenarios=(OFFLINE, SINGLE_STREAM), seconds=5.0, warmup_s=5.0,
    meter="automatic", cache="/cache", roots=(), candidates=("eager", "fast", "small"),
)  # fmt: skip


class Machine:
    """Measures at given speeds: backend to scenario to frames a second; remembers what it ran."""

    def __init__(self, speeds: dict[str, dict[str, float]], *, noise: float = 0.0) -> None:
        self.speeds = speeds
        self.noise = noise
        self.ran: list[SystemSpec] = []
        self.wrong: set[str] = set()

    def __call__(self, spec: SystemSpec) -> Measurement | str:
        self.ran.append(spec)
        if spec.backend not in self.speeds:
            return "it cannot take the network"
        windows = tuple(
            replace(
                window(scenario, queries=100, batch=spec.batch_of(scenario)),
                seconds=100.0 * spec.batch_of(scenario) / self.speed(spec, scenario),
            )
            for scenario in spec.scenarios
        )
        doubts = (Doubt(code="parity", message="outputs differ"),)
        return replace(
            measurement(windows=windows),
            compile_time_s=0.5 if spec.backend == "eager" else 10.5,
            doubts=doubts if spec.backend in self.wrong else (),
        )

    def speed(self, spec: SystemSpec, scenario: str) -> float:
        first = not any(s.backend == spec.backend for s in self.ran[:-1])
        return self.speeds[spec.backend][scenario] * (1 - self.noise if first else 1)


SPEEDS = {
    "eager": {OFFLINE: 100.0, SINGLE_STREAM: 10.0},
    "fast": {OFFLINE: 400.0, SINGLE_STREAM: 20.0},
    "small": {OFFLINE: 200.0, SINGLE_STREAM: 60.0},
}


def test_each_scenario_is_measured_on_its_fastest_backend() -> None:
    """Trials are short and without accuracy; each winner is measured in full for its scenarios."""
    machine = Machine(SPEEDS)
    measured = measure_best(SPEC, measure=machine)
    assert [(spec.backend, spec.scenarios) for spec, _ in measured] == [
        ("fast", (OFFLINE,)),
        ("small", (SINGLE_STREAM,)),
    ]
    trials = [spec for spec in machine.ran if spec.trial]
    assert [spec.backend for spec in trials] == ["eager", "fast", "small"]
    assert all(spec.seconds == TRIAL_S for spec in trials)
    assert all(spec.seconds == 5.0 and not spec.trial for spec, _ in measured)
    for spec, outcome in measured:
        assert isinstance(outcome, Measurement)
        (scenario,) = spec.scenarios
        assert outcome.choices[scenario].tried == {
            name: pytest.approx(by[scenario]) for name, by in SPEEDS.items()
        }


def test_near_ties_are_tried_again() -> None:
    """A trial that was disturbed does not decide between two that are close."""
    speeds = {"fast": {OFFLINE: 105.0}, "small": {OFFLINE: 100.0}}
    machine = Machine({"fast": speeds["fast"], "small": speeds["small"]})
    spec = replace(SPEC, scenarios=(OFFLINE,), candidates=("fast", "small"))
    ((winner, _),) = measure_best(spec, measure=machine)
    assert winner.backend == "fast"
    assert [s.backend for s in machine.ran if s.trial] == ["fast", "small", "fast", "small"]


def test_wrong_or_broken_backends_are_no_candidates() -> None:
    """A parity breach is refused however fast it is; what fails is named."""
    machine = Machine({k: v for k, v in SPEEDS.items() if k != "small"})
    machine.wrong = {"fast"}
    ((winner, outcome),) = measure_best(SPEC, measure=machine)
    assert winner.backend == "eager"
    assert isinstance(outcome, Measurement)
    assert outcome.choices[OFFLINE].refused == {
        "fast": "outputs differ",
        "small": "it cannot take the network",
    }
    ((spec, reason),) = measure_best(SPEC, measure=Machine({}))
    assert spec is SPEC
    assert str(reason).startswith("no backend can run it: eager: it cannot")


def test_at_an_offered_rate_single_queries_decide() -> None:
    """Server's throughput is what is offered, so its trial is SingleStream's."""
    machine = Machine({k: v | {SERVER: 5.0} for k, v in SPEEDS.items()})
    ((winner, outcome),) = measure_best(replace(SPEC, scenarios=(SERVER,)), measure=machine)
    assert winner.backend == "small"
    assert winner.scenarios == (SERVER,)
    assert all(s.scenarios == (SINGLE_STREAM,) for s in machine.ran if s.trial)
    assert isinstance(outcome, Measurement)
    assert SERVER in outcome.choices


def test_the_cost_of_preparing_is_shown_as_queries() -> None:
    """10 s more than eager are gained back by queries of 8/400 s in place of 8/100 s."""
    ((_, outcome), _) = measure_best(SPEC, measure=Machine(SPEEDS))
    assert isinstance(outcome, Measurement)
    (count,) = outcome.counts
    counted = replace(outcome, counts=(replace(count, batch=8, frames=8.0),))
    values = compute(counted, counted.windows[0])
    broken_even = values["break_even_queries"]
    assert broken_even.value == pytest.approx(10.0 / (8 / 100 - 8 / 400))
    assert "fastest in trials of fast 400 frame/s, small 200 frame/s" in values["throughput"].how
    alone = compute(measurement(), measurement().windows[0])["break_even_queries"]
    assert alone.value is None
    assert "--backend best" in str(alone.reason)
