"""`--backend best`: tries every backend for a short while and measures the fastest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchsuite.types import (
    REAL_TIME,
    SERVER,
    SINGLE_STREAM,
    Choice,
    Measurement,
    SystemSpec,
    Window,
)

TRIAL_S = 0.5
TRIAL_WARMUP_S = 1.0
# backends this near to the fastest are tried once more: one short window may err by that
CLOSE = 0.1
# at an offered rate the backend does not show its speed: its single queries do
_TRIED_AS = {SERVER: SINGLE_STREAM, REAL_TIME: SINGLE_STREAM}

Measure = Callable[[SystemSpec], "Measurement | str"]


def measure_best(
    spec: SystemSpec, *, measure: Measure
) -> list[tuple[SystemSpec, Measurement | str]]:
    """Measures each scenario of a system on the backend that is fastest under it.

    A backend whose outputs are wrong is no candidate.

    Args:
        spec: The system; its `candidates` are tried, in trials of half a second.
        measure: Measures one system in a process of its own, or says why it cannot.

    Returns:
        A system with its measurement for each backend that won a scenario; or the spec itself
        with the reasons why no backend can run it.
    """
    looks = tuple(dict.fromkeys(_TRIED_AS.get(name, name) for name in spec.scenarios))
    trials: dict[str, Measurement] = {}
    refused: dict[str, str] = {}
    for name in spec.candidates:
        outcome = measure(_trial(spec, name, looks))
        reason = outcome if isinstance(outcome, str) else _breach(outcome)
        if isinstance(outcome, str) or reason is not None:
            refused[name] = str(reason)
        else:
            trials[name] = outcome
    rates = {look: _rates(trials, look) for look in looks}
    for name in sorted({name for by_name in rates.values() for name in _close(by_name)}):
        again = measure(_trial(spec, name, looks))
        if isinstance(again, Measurement):
            for look, rate in ((look, _rates({name: again}, look)) for look in looks):
                rates[look][name] = max(rates[look].get(name, 0.0), rate.get(name, 0.0))
    won: dict[str, list[str]] = {}
    for scenario in spec.scenarios:
        by_name = rates[_TRIED_AS.get(scenario, scenario)]
        if by_name:
            won.setdefault(max(by_name, key=lambda name: by_name[name]), []).append(scenario)
    if not won:
        why = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
        return [(spec, f"no backend can run it: {why}")]
    measured = []
    for name, scenarios in won.items():
        winner = replace(spec, backend=name, candidates=(), scenarios=tuple(scenarios))
        outcome = measure(winner)
        if isinstance(outcome, Measurement):
            choices = {
                scenario: _choice(name, rates, trials, refused, _TRIED_AS.get(scenario, scenario))
                for scenario in scenarios
            }
            outcome = replace(outcome, choices=choices)
        measured.append((winner, outcome))
    return measured


def _trial(spec: SystemSpec, name: str, looks: tuple[str, ...]) -> SystemSpec:
    return replace(
        spec,
        backend=name,
        candidates=(),
        trial=True,
        scenarios=looks,
        seconds=min(spec.seconds, TRIAL_S),
        warmup_s=min(spec.warmup_s, TRIAL_WARMUP_S),
        min_queries=1,
    )


def _breach(outcome: Measurement) -> str | None:
    return next((doubt.message for doubt in outcome.doubts if doubt.code == "parity"), None)


def _window(outcome: Measurement, look: str) -> Window | None:
    return next((window for window in outcome.windows if window.scenario == look), None)


def _rates(trials: dict[str, Measurement], look: str) -> dict[str, float]:
    """Frames a second by backend under one scenario."""
    windows = {name: _window(outcome, look) for name, outcome in trials.items()}
    return {name: w.frames / w.seconds for name, w in windows.items() if w is not None}


def _close(rates: dict[str, float]) -> list[str]:
    """Those that are too near to the fastest to be told from it; none where it stands alone."""
    near = [name for name, rate in rates.items() if rate >= (1 - CLOSE) * max(rates.values())]
    return near if len(near) > 1 else []


def _choice(
    name: str,
    rates: dict[str, dict[str, float]],
    trials: dict[str, Measurement],
    refused: dict[str, str],
    look: str,
) -> Choice:
    eager = trials.get("eager")
    window = None if eager is None else _window(eager, look)
    return Choice(
        tried=rates[look],
        ready_s=trials[name].compile_time_s,
        ready_how=trials[name].compile_how,
        refused=refused,
        eager_ready_s=None if eager is None else eager.compile_time_s,
        eager_query_s=None if window is None else window.seconds / window.queries,
    )
