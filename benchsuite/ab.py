"""Two systems measured in interleaved rounds of fresh processes and judged: `benchsuite ab`.

A round is a fresh process a side; both are made ready at once, then change places in short turns on
the same cores, A B B A, and the next round begins with B: what disturbs the machine hits both sides
alike, and the turns that lie side by side give the round's ratio. What is exact (accuracy,
size, work) is found in the first round, the others only time. Rounds end as soon as the verdict is
clear or the time is over; what looks like a regression is measured again in fresh rounds before it
is called one.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from time import monotonic

from benchsuite import environment, gate, hw, judge, machine, run, specs, workers
from benchsuite.advice import advised
from benchsuite.errors import CANNOT_TELL, BadInput, one_line
from benchsuite.forks import Nurseries
from benchsuite.gate import Evidence, Judgement, Line, Row
from benchsuite.harness import pinning
from benchsuite.harness.phases import TURN
from benchsuite.plan import Plan, make_plan
from benchsuite.sequential import Limits, Source, State, follow
from benchsuite.stats import median
from benchsuite.types import Measurement, Result, RunInfo, SystemSpec, Turn

# of a round: where rounds stray, many short ones tell more than few long ones
SECONDS, WARMUP_S = 0.5, 1.0
ROUNDS_A_NURSERY = 4  # then the libraries lie elsewhere in memory
_BEFORE, _AFTER = "A", "B"
# what one process shows as well as ten; how fast the machine is, `ab` only tells
_EXACT = ("accuracy", "accuracy_reason", "reference", "reference_reason", "distance",
          "distance_reason", "layer_times", "layer_times_reason", "preprocessing",
          "preprocessing_reason", "postprocessing", "postprocessing_reason",
          "calibrations")  # fmt: skip
_OF_TURNS: dict[str, Callable[[Turn], float | None]] = {
    "throughput": lambda turn: turn.rate,
    "latency_p50": lambda turn: turn.latency_p50_s,
    "energy_per_frame": lambda turn: turn.energy_j,
}
_EXACT_DOUBTS = ("parity", "left_out", "uncounted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison, ready to measure.

    Attributes:
        name: The SPEC as it was written.
        spec: The system.
        plan: What it came from, for the device lock.
        interpreter: Another environment's Python; None for this one.
    """

    name: str
    spec: SystemSpec
    plan: Plan
    interpreter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One process a side; a text is the reason why it failed."""

    before: Measurement | str
    after: Measurement | str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A whole round as rows, by scenario."""

    round: Round
    before: dict[str, Result]
    after: dict[str, Result]

    @property
    def shared(self) -> set[str]:
        """The scenarios that both sides have."""
        return self.before.keys() & self.after.keys()


OnRound = Callable[[str, int], None]
OnMeasured = Callable[[Round, float], None]


def prepare(
    text: str,
    *,
    cache: Path,
    home: Path,
    content: Sequence[Path] = (),
    inputs: Sequence[str] = (),
) -> tuple[Side, tuple[str, ...]]:
    """The system that `WORKLOAD[@KEY=VALUE,...]` names, and the choices made for the user.

    Args:
        text: The system.
        cache, home: Where prepared data and the user's weights lie.
        content: Folders of the user's own.
        inputs: Shapes as of `run --input`, for a network of the user's own.

    Raises:
        BadInput: An unknown key, not exactly one system, or a Python without benchsuite.
    """
    asked = specs.read(text, seconds=SECONDS, warmup_s=WARMUP_S, content=content, inputs=inputs)
    if asked.python is not None:
        check_interpreter(asked.python)
    plan = make_plan(asked.request, cache=cache, home=home)
    found = plan.specs or tuple(spec for spec, _ in plan.skipped)
    named = asked.request.scenarios is not None  # else those that it cannot have are left out
    refused = (named and len(plan.specs) == 1) or (not plan.specs and asked.python is None)
    if plan.skipped and refused:
        raise BadInput(f"{text}: it cannot be measured here: {plan.skipped[0][1]}")
    if len(found) != 1:
        raise BadInput(f"{text}: names {len(found)} systems; name one workload, as image/lenet")
    left = [f"{text}: {'+'.join(spec.scenarios)} left out: {why}"
            for spec, why in plan.skipped if plan.specs]  # fmt: skip
    notes = (*plan.notes, *([] if asked.note is None else [asked.note]), *left)
    return Side(name=text, spec=found[0], plan=plan, interpreter=asked.python), notes


def check_interpreter(python: str) -> None:
    """Refuses a Python that cannot run the worker, before anything is measured.

    Raises:
        BadInput: It cannot be started, or has no benchsuite.
    """
    try:
        done = subprocess.run(
            [python, "-c", "from benchsuite.harness.phases import TURN; print(TURN)"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=120,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadInput(f"python={python}: cannot be started: {one_line(error)}") from error
    if done.returncode or done.stdout.split()[-1:] != [TURN]:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BadInput(
            f"python={python}: benchsuite does not run there ({last}); "
            f"{python} -m pip install benchsuite"
        )


def _aligned(before: Side, after: Side) -> Side:
    """B with A's order of scenarios: their turns lie side by side.

    Raises:
        BadInput: A side has a scenario that the other was not asked for.
    """
    asked = [side.spec.scenarios for side in (before, after)]
    if set(asked[0]) != set(asked[1]):
        said = " against ".join("+".join(each) for each in asked)
        raise BadInput(
            f"{before.name} and {after.name}: {said}; give both sides the same scenarios, as "
            f"scenario={asked[0][0]}"
        )
    return replace(after, spec=replace(after.spec, scenarios=asked[0]))


def compare_sides(
    before: Side,
    after: Side,
    limits: Limits,
    *,
    on_round: OnRound = lambda what, number: None,
    started: float | None = None,
) -> Judgement:
    """Measures both sides in interleaved rounds and judges them.

    Args:
        before, after: A and B.
        limits: When to stop.
        on_round: Told of each round that begins.
        started: When the budget began (`time.monotonic`); a wait for the device prolongs it. None
            for now.
    """
    after = _aligned(before, after)
    started = monotonic() if started is None else started
    asked = monotonic()
    waiting = run.device_kept(
        before.plan, 1, lambda event: on_round(f"waiting for {event.text}", 0)
    )
    with waiting:
        waited = monotonic() - asked  # for another run: that measures nothing
        first, again = measure_rounds(
            before, after, limits, started=started + waited, on_round=on_round
        )
    lines = judge_rounds(before, after, first, again=again, limits=limits)
    judgement = _judgement(before, after, lines, first, again=again)
    return advised(judgement, rounds=len(first), again=len(again), limits=limits)


def measure_rounds(
    before: Side,
    after: Side,
    limits: Limits,
    *,
    started: float,
    on_round: OnRound = lambda what, number: None,
    on_measured: OnMeasured = lambda found, seconds: None,
) -> tuple[list[Round], list[Round]]:
    """The rounds of a comparison, and those that confirm what they suspect.

    Args:
        before, after: A and B.
        limits: When to stop.
        started: When the budget began (`time.monotonic`).
        on_round: Told of each round that begins.
        on_measured: Told of each round and how many seconds it took; the first finds what is exact.
    """
    known: list[Round] = []
    with Nurseries() as nurseries:

        def measure(number: int, again: bool) -> Round:
            on_round("measured again, round" if again else "round", number + 1)
            begun = monotonic()
            found = measure_round(
                before,
                after,
                number=number,
                known=known[0] if known else None,
                nurseries=nurseries,
            )
            on_measured(found, monotonic() - begun)
            if not known and complete(found):
                known.append(found)
            return found

        def judged(rounds: Sequence[Round], rate: float) -> State:
            return state(judge_rounds(before, after, rounds, limits=limits, rate=rate), limits)

        source = Source(measure=measure, usable=complete, judged=judged, clock=monotonic)
        return follow(source, limits, started=started)


def state(lines: Sequence[Line], limits: Limits) -> State:
    """Whether more rounds may still change what is said; what is exact needs no others."""
    leading = [line.verdict for line in lines if line.leading]
    return State(
        clear=bool(leading)
        and all(judge.settled(each, min_effect=limits.min_effect) for each in leading),
        suspected=any(
            line.verdict.suspected and not judge.RULES[line.verdict.metric].exact for line in lines
        ),
    )


def judge_rounds(
    before: Side,
    after: Side,
    rounds: Sequence[Round],
    *,
    again: Sequence[Round] = (),
    limits: Limits,
    rate: float = judge.RATE,
) -> tuple[Line, ...]:
    """The verdicts of interleaved rounds; a round in which either side failed is left out.

    A scenario that B cannot have, as one whose latency bound no rate meets, is missing; one that
    either has in some rounds only is judged by those.
    """
    if not any(map(complete, rounds)):
        return _failures(before, after, rounds[-1])
    facts: dict[str, dict[str, object]] = {}
    looks = [_told(before, after, some, facts) for some in (rounds, again)]
    shared = set[str]().union(*(each.shared for each in looks[0]))
    names = [name for name in before.spec.scenarios if name in shared]
    label = gate.label_of(next(each.after[names[0]] for each in looks[0] if names[0] in each.after))
    rows = []
    for scenario in names:
        first, second = ([each for each in look if scenario in each.shared] for look in looks)
        rows.append(
            Row(
                label=label,
                scenario=scenario,
                before=tuple(each.before[scenario] for each in first),
                after=tuple(each.after[scenario] for each in first),
                again=tuple(each.after[scenario] for each in second),
                again_before=tuple(each.before[scenario] for each in second),
                interleaved=True,
                ratios=ratios([each.round for each in first], scenario),
                again_ratios=ratios([each.round for each in second], scenario),
                leading=scenario == names[0],
            )
        )
    lines = gate.decide(
        rows,
        evidence=Evidence(environments=facts),
        min_effect=limits.min_effect,
        today=date.today(),
        rate=rate,
    )
    return (*lines, *_missing(after, label, looks[0], names))


def _told(
    before: Side, after: Side, rounds: Sequence[Round], facts: dict[str, dict[str, object]]
) -> list[_Told]:
    """The rows of each whole round; environments go into `facts`."""
    return [
        _Told(
            round=each,
            before=_results(before, each.before, _BEFORE, facts),
            after=_results(after, each.after, _AFTER, facts),
        )
        for each in rounds
        if complete(each)
    ]


def _missing(after: Side, label: str, rounds: Sequence[_Told], judged: Sequence[str]) -> list[Line]:
    """A line a scenario that A has and B lacks in every round, with B's reason."""
    found = []
    lost = dict.fromkeys(name for each in rounds for name in each.before if name not in judged)
    for scenario in lost:
        last = rounds[-1].round.after
        assert isinstance(last, Measurement)
        reason = last.unmet.get(scenario, "it was not measured")
        row = _unmeasured(after, scenario=scenario, reason=reason)
        found.append(gate.failure(row, label=label, reason=f"{after.name}: {reason}",
                                  verdict=judge.MISSING))  # fmt: skip
    return found


def ratios(rounds: Sequence[Round], scenario: str) -> dict[str, tuple[float, ...]]:
    """What the turns of each whole round say of each metric that they have: after over before."""
    found: dict[str, tuple[float, ...]] = {}
    for metric, value in _OF_TURNS.items():
        each = [_ratio(one.before, one.after, scenario, value) for one in rounds]
        if each and None not in each:
            found[metric] = tuple(ratio for ratio in each if ratio is not None)
    return found


def _ratio(
    before: Measurement | str,
    after: Measurement | str,
    scenario: str,
    value: Callable[[Turn], float | None],
) -> float | None:
    """The median of paired turns; of those in which A was first, and of the others, the mean."""
    assert isinstance(before, Measurement) and isinstance(after, Measurement)
    logs = []
    for a, b in zip(before.turns.get(scenario, ()), after.turns.get(scenario, ()), strict=False):
        was, now = value(a), value(b)
        if not was or not now or was < 0 or now < 0:
            return None
        logs.append(math.log(now / was))
    halves = [median(half) for half in (logs[::2], logs[1::2]) if half]
    return math.exp(sum(halves) / len(halves)) if halves else None


def bisect_code(judgement: Judgement) -> int:
    """For `git bisect run`: 0 good, 1 bad, 125 cannot tell."""
    if judgement.regressions:
        return 1
    return CANNOT_TELL if judgement.absent or judgement.undecided or not judgement.lines else 0


# --- rounds ---------------------------------------------------------------------------------------


def measure_round(
    before: Side,
    after: Side,
    *,
    number: int,
    known: Round | None = None,
    nurseries: Nurseries | None = None,
) -> Round:
    """One process a side; A first in even rounds, B first in odd ones.

    Args:
        before, after: A and B.
        number: Of the round.
        known: A whole round before this one: what is exact is taken over from it, and this one
            only times.
        nurseries: What processes are forked from; renewed now and then. None starts each by itself.
    """
    if nurseries is not None and number % ROUNDS_A_NURSERY == 0:
        nurseries.renew()
    sides = [before, after]
    together = before.plan.device.kind == "cpu"
    # an accelerator's host is not bound, here as in a run
    cores = _cores(max(side.spec.threads for side in sides), number) if together else None
    systems = [replace(side.spec, trial=known is not None, cores=cores) for side in sides]
    interpreters = [side.interpreter for side in sides]
    order = (1, 0) if number % 2 else (0, 1)
    outcomes = workers.run_in_turns(
        [systems[n] for n in order],
        [interpreters[n] for n in order],
        together=together,
        nurseries=nurseries,
    )
    first, second = (outcomes[n] for n in order)
    if known is None:
        return Round(before=first, after=second)
    return Round(before=_with_exact(first, known.before), after=_with_exact(second, known.after))


def _cores(threads: int, number: int) -> tuple[int, ...]:
    """The cores that both sides use in this round; none where they use all there are."""
    allowed = machine.allowed()
    if allowed is None:
        return ()
    # of each core's two rounds A is first in one
    return pinning.choose(threads, allowed, pinning.topology(), first=number // 2)


def _with_exact(found: Measurement | str, known: Measurement | str) -> Measurement | str:
    """A round that only timed, with what does not change from process to process."""
    if isinstance(found, str) or isinstance(known, str):
        return found
    if found.fingerprint != known.fingerprint:
        return "its network, weights, data or software changed during the comparison"
    exact = {name: getattr(known, name) for name in _EXACT}
    doubts = [each for each in known.doubts if each.code in _EXACT_DOUBTS]
    doubts += [each for each in found.doubts if each not in doubts]
    return replace(found, **exact, doubts=tuple(doubts))


def complete(each: Round) -> bool:
    """Whether both sides were measured, and in a scenario that both have."""
    if not isinstance(each.before, Measurement) or not isinstance(each.after, Measurement):
        return False
    had = [{window.scenario for window in side.windows} for side in (each.before, each.after)]
    return bool(had[0] & had[1])


def _results(
    side: Side, measured: Measurement | str, name: str, facts: dict[str, dict[str, object]]
) -> dict[str, Result]:
    """A process's rows by scenario; its environment goes into `facts`."""
    assert isinstance(measured, Measurement)
    info = RunInfo(id=name, started_at="")
    model = hw.describe(measured.device, roots=[Path(root) for root in side.spec.roots])
    facts[environment.digest(measured.environment)] = measured.environment
    return {
        window.scenario: run.to_result(side.spec, info, measured, window, model=model, goals=None)
        for window in measured.windows
    }


def _failures(before: Side, after: Side, last: Round) -> tuple[Line, ...]:
    """Where a side does not run, or has no scenario, there is one line, with its reason."""
    outcomes = [(before, last.before), (after, last.after)]
    ended = [(side, outcome) for side, outcome in outcomes if isinstance(outcome, str)]
    unmet = [(side, "; ".join(f"{scenario}: {why}" for scenario, why in outcome.unmet.items()))
             for side, outcome in outcomes if not isinstance(outcome, str)]  # fmt: skip
    side, reason = next(each for each in (*ended, *unmet, (after, "not measured")) if each[1])
    row = _unmeasured(side, scenario=side.spec.scenarios[0], reason=reason)
    label = gate.label_of(row)
    return (gate.failure(row, label=label, reason=f"{side.name}: {reason}"),)


def _unmeasured(side: Side, *, scenario: str, reason: str) -> Result:
    spec = replace(side.spec, scenarios=(scenario,))
    info = RunInfo(id=_AFTER, started_at="")
    return run.unmeasured(spec, info, side.plan.device, status="failed", reason=reason)


def _judgement(
    before: Side,
    after: Side,
    lines: tuple[Line, ...],
    rounds: Sequence[Round],
    *,
    again: Sequence[Round],
) -> Judgement:
    repeated = f", {len(again)} more to confirm" if again else ""
    turns = max((_turns(each) for each in rounds), default=0)
    in_turns = (
        f"; a round's ratio is the median of {turns} short turns side by side" if turns > 1 else ""
    )
    return Judgement(
        before=before.name,
        after=after.name,
        lines=lines,
        notes=(
            f"{len(rounds)} interleaved rounds of fresh processes{repeated}{in_turns}",
            *_not_compared(before, rounds),
            *_left_out(before, after, [*rounds, *again]),
        ),
    )


def _not_compared(before: Side, rounds: Sequence[Round]) -> list[str]:
    """Scenarios that A itself could not have in any round, with its reason."""
    found = [each.before for each in rounds if isinstance(each.before, Measurement)]
    had = {window.scenario for each in found for window in each.windows}
    reasons = {name: why for each in found for name, why in each.unmet.items() if name not in had}
    return [f"{name} not compared: {before.name}: {why}" for name, why in reasons.items()]


def _left_out(before: Side, after: Side, rounds: Sequence[Round]) -> list[str]:
    """That a side failed in some rounds, and how it did last; where it failed in all, a line says.

    A system that fails now and then is not one that runs.
    """
    found = []
    for side, outcomes in ((before, [each.before for each in rounds]),
                           (after, [each.after for each in rounds])):  # fmt: skip
        failed = [each for each in outcomes if isinstance(each, str)]
        if failed and len(failed) < len(outcomes):
            found.append(
                f"{side.name}: failed in {len(failed)} of {len(outcomes)} rounds, which are left "
                f"out: {failed[-1]}"
            )
    return found


def _turns(each: Round) -> int:
    """Pairs of turns in a round's longest window; 0 where it failed."""
    if not isinstance(each.before, Measurement) or not isinstance(each.after, Measurement):
        return 0
    sides = (each.before.turns, each.after.turns)
    return max((min(len(side.get(name, ())) for side in sides) for name in sides[0]), default=0)
