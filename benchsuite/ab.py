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

from benchsuite import environment, gate, hw, judge, machine, run, workers
from benchsuite.advice import advised
from benchsuite.errors import CANNOT_TELL, BadInput, one_line
from benchsuite.forks import Nurseries
from benchsuite.gate import Evidence, Judgement, Line, Row
from benchsuite.harness import pinning
from benchsuite.plan import Plan, Request, make_plan
from benchsuite.sequential import Limits, Source, State, follow
from benchsuite.stats import median
from benchsuite.types import Measurement, Result, RunInfo, SystemSpec, Turn

# of a round: where rounds stray, many short ones tell more than few long ones
SECONDS, WARMUP_S = 0.5, 1.0
ROUNDS_A_NURSERY = 4  # then the libraries lie elsewhere in memory
_SPEC_KEYS = ("backend", "precision", "scale", "batch", "scenario", "device", "threads", "data",
              "weights", "python")  # fmt: skip
_BEFORE, _AFTER = "A", "B"
# what one process shows as well as ten; how fast the machine is, `ab` only tells
_EXACT = ("accuracy", "accuracy_reason", "reference", "reference_reason", "distance",
          "distance_reason", "layer_times", "layer_times_reason", "preprocessing",
          "preprocessing_reason", "postprocessing", "postprocessing_reason")  # fmt: skip
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
    target, _, rest = text.partition("@")
    values = _values(text, rest)
    python = values.pop("python", None)
    if python is not None:
        check_interpreter(python)
    backend = values.get("backend", "eager")
    request = Request(
        targets=(target,),
        scale=values.get("scale"),
        backends=(backend,),
        precisions=(values.get("precision", "fp32"),),
        batch=_number(text, "batch", values.get("batch")),
        scenarios=tuple(values["scenario"].split("+")) if "scenario" in values else None,
        device=values.get("device"),
        threads=_number(text, "threads", values.get("threads")),
        seconds=SECONDS,
        warmup_s=WARMUP_S,
        data=_place(text, values.get("data")),
        weights={target: Path(values["weights"])} if "weights" in values else {},
        content=tuple(content),
        inputs=tuple(inputs),
    )
    plan = make_plan(request, cache=cache, home=home)
    if plan.skipped and not plan.specs and python is None:
        raise BadInput(f"{text}: it cannot be measured here: {plan.skipped[0][1]}")
    specs = plan.specs or tuple(spec for spec, _ in plan.skipped)
    if backend in ("best", "all"):
        raise BadInput(f"{text}: backend={backend} is several systems; name one backend a side")
    if len(specs) != 1:
        raise BadInput(f"{text}: names {len(specs)} systems; name one workload, as image/lenet")
    notes = plan.notes if "backend" in values else (*plan.notes, f"{target}: backend {backend}")
    return Side(name=text, spec=specs[0], plan=plan, interpreter=python), notes


def check_interpreter(python: str) -> None:
    """Refuses a Python that cannot run the worker, before anything is measured.

    Raises:
        BadInput: It cannot be started, or has no benchsuite.
    """
    try:
        done = subprocess.run(
            [python, "-c", "from benchsuite.harness.phases import TURN"],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadInput(f"python={python}: cannot be started: {one_line(error)}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BadInput(
            f"python={python}: benchsuite does not run there ({last}); "
            f"{python} -m pip install benchsuite"
        )


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
    judgement = _judgement(before, after, lines, first, repeated=len(again))
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
    """Whether more rounds may still change what is said."""
    leading = [line.verdict for line in lines if line.leading]
    return State(
        clear=bool(leading)
        and all(judge.settled(each, min_effect=limits.min_effect) for each in leading),
        suspected=any(line.verdict.suspected for line in lines),
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
    """The verdicts of interleaved rounds; a round in which either side failed is left out."""
    whole = [each for each in rounds if complete(each)]
    facts: dict[str, dict[str, object]] = {}
    if not whole:
        return _failures(before, after, rounds[-1])
    sides = [
        [_results(side, m, name, facts) for m in measured]
        for side, name, measured in (
            (before, _BEFORE, [each.before for each in whole]),
            (after, _AFTER, [each.after for each in whole]),
        )
    ]
    repeats = [each for each in again if complete(each)]
    seconds = [
        [_results(side, m, name, facts) for m in measured]
        for side, name, measured in (
            (before, _BEFORE, [each.before for each in repeats]),
            (after, _AFTER, [each.after for each in repeats]),
        )
    ]
    names = [name for name in sides[0][0] if name in sides[1][0]]
    label = gate.label_of(sides[1][0][names[0]])
    rows = [
        Row(
            label=label,
            scenario=scenario,
            before=tuple(each[scenario] for each in sides[0]),
            after=tuple(each[scenario] for each in sides[1]),
            again=tuple(each[scenario] for each in seconds[1]),
            again_before=tuple(each[scenario] for each in seconds[0]),
            interleaved=True,
            ratios=ratios(whole, scenario),
            again_ratios=ratios(repeats, scenario),
            leading=scenario == names[0],
        )
        for scenario in names
    ]
    return gate.decide(
        rows,
        evidence=Evidence(environments=facts),
        min_effect=limits.min_effect,
        today=date.today(),
        rate=rate,
    )


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
    specs = [replace(side.spec, trial=known is not None, cores=cores) for side in sides]
    interpreters = [side.interpreter for side in sides]
    order = (1, 0) if number % 2 else (0, 1)
    outcomes = workers.run_in_turns(
        [specs[n] for n in order],
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
    """Whether both sides were measured."""
    return isinstance(each.before, Measurement) and isinstance(each.after, Measurement)


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
    """Where a side does not run there is one line, with its reason."""
    side, reason = (before, last.before) if isinstance(last.before, str) else (after, last.after)
    assert isinstance(reason, str)
    spec = side.spec
    row = run.unmeasured(
        spec, RunInfo(id=_AFTER, started_at=""), side.plan.device, status="failed", reason=reason
    )
    label = gate.label_of(row)
    return (gate.failure(row, label=label, reason=f"{side.name}: {reason}"),)


def _judgement(
    before: Side, after: Side, lines: tuple[Line, ...], rounds: Sequence[Round], *, repeated: int
) -> Judgement:
    again = f", {repeated} more to confirm" if repeated else ""
    turns = max((_turns(each) for each in rounds), default=0)
    in_turns = (
        f"; a round's ratio is the median of {turns} short turns side by side" if turns > 1 else ""
    )
    return Judgement(
        before=before.name,
        after=after.name,
        lines=lines,
        notes=(f"{len(rounds)} interleaved rounds of fresh processes{again}{in_turns}",),
    )


def _turns(each: Round) -> int:
    """Pairs of turns in a round's longest window; 0 where it failed."""
    if not isinstance(each.before, Measurement) or not isinstance(each.after, Measurement):
        return 0
    sides = (each.before.turns, each.after.turns)
    return max((min(len(side.get(name, ())) for side in sides) for name in sides[0]), default=0)


# --- the SPEC -------------------------------------------------------------------------------------


def _values(text: str, rest: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in filter(None, rest.split(",")):
        key, equals, value = pair.partition("=")
        if not equals or not value or key not in _SPEC_KEYS:
            raise BadInput(
                f"{text}: write WORKLOAD@KEY=VALUE with a KEY of {', '.join(_SPEC_KEYS)}"
            )
        if key in values:
            raise BadInput(f"{text}: {key} is given twice")
        values[key] = value
    return values


def _number(text: str, key: str, value: str | None) -> int | None:
    if value is None:
        return None
    if not value.isdigit() or int(value) < 1:
        raise BadInput(f"{text}: {key}={value} must be a whole number of at least 1")
    return int(value)


def _place(text: str, value: str | None) -> dict[str, Path]:
    if value is None:
        return {}
    name, equals, folder = value.partition("=")
    if not (name and equals and folder):
        raise BadInput(f"{text}: write data=NAME=DIR")
    return {name: Path(folder).expanduser()}
