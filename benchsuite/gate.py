"""The verdict of a night: two sides' rows matched, judged together, told in one sentence each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import compress
from typing import Any

from benchsuite import judge
from benchsuite.acceptance import Acceptance, covering
from benchsuite.attribution import (
    ENERGY,
    SPLITTABLE,
    Cause,
    Missing,
    Split,
    cause,
    credited,
    energy_origin,
    split,
    versions_between,
)
from benchsuite.compare import join
from benchsuite.judge import (
    FAILED,
    INCONCLUSIVE,
    MISSING,
    REGRESSED,
    RULES,
    Case,
    Pair,
    Reading,
    Rule,
    Verdict,
)
from benchsuite.repeats import DISTURBING, leading_metric
from benchsuite.stats import median
from benchsuite.types import (
    OFFLINE,
    SERVER,
    SINGLE_STREAM,
    TOO_FEW,
    USED_UP,
    Result,
    SystemKey,
    Window,
)
from benchsuite.units import counted

OK = "ok"
GREEN, YELLOW, RED = "GREEN", "YELLOW", "RED"
PASSED, SOME_REGRESSED, UNDECIDED, INCOMPLETE = 0, 1, 4, 5
GOOD, BAD, SKIP = 0, 1, 125  # what `git bisect run` makes of an exit code

_WHOLE = "all"
_LATER = "not measured this time: the budget was used up, the next run begins with it"
_PARITY = "parity"
_BLOCKS = 10
_MEMORY, _PROCESSOR = "peak_memory", "cpu"
# the least that matters of a process's memory: allocators keep a buffer of the network more or less
# (one of 2 MiB: 10.3 MB in some processes, 12.4 MB in others)
_LEAST_MEMORY_B = 4 << 20
# metrics of each scenario; those of no machine are judged once a system, in its leading row
_OF_OFFLINE = ("throughput", ENERGY, _MEMORY)
_OF_SERVER = ("throughput", ENERGY)  # latencies are of the rate that was found, another each time
_OF_OTHERS = ("latency_p50", "latency_p90", "latency_p99", ENERGY)
_OF_SYSTEM = ("accuracy", "model_size", "work")

Facts = Mapping[str, Any]
RowKey = tuple[SystemKey, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A system under one scenario, on both sides.

    Attributes:
        label: `image/squeezenet · onnxruntime fp32`.
        before, after, again: Results in the order of their runs, one a process; `again` is the
            second measurement of `after`'s system.
        again_before: The baseline's own second measurement, where it was interleaved with `again`.
        interleaved: Whether the n-th of both sides belong to one round.
        ratios, again_ratios: Metric to what the turns of each round, which lay side by side, say:
            after over before; a metric without is compared by its values.
        leading: Whether it stands for its system: there the metrics of no machine are judged.
    """

    label: str
    scenario: str
    before: tuple[Result, ...]
    after: tuple[Result, ...]
    again: tuple[Result, ...] = ()
    again_before: tuple[Result, ...] = ()
    interleaved: bool = False
    ratios: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    again_ratios: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    leading: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the store knows beside the results.

    Attributes:
        environments: By id.
        windows: Raw windows by `identity` of a result.
    """

    environments: Mapping[str, Facts] = field(default_factory=dict)
    windows: Mapping[tuple[str, SystemKey, str], Window] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One metric of one row with its verdict and what belongs beside it.

    Attributes:
        cause: Which fingerprint differs; None where nothing was compared.
        packages: `onnxruntime 1.23 -> 1.24` for each package that differs.
        split: The teams' shares of a change of a metric that has them.
        accepted: The owner's word that this regression may stay.
        leading: Whether it decides if its row is conclusive.
        since: The reference's name, where this is told against it and not the baseline.
    """

    label: str
    scenario: str
    verdict: Verdict
    key: SystemKey
    cause: Cause | None = None
    packages: tuple[str, ...] = ()
    split: Split | Missing | None = None
    accepted: Acceptance | None = None
    leading: bool = False
    since: str | None = None

    @property
    def name(self) -> str:
        """`image/squeezenet · onnxruntime fp32, Offline, throughput`."""
        return f"{self.label}, {self.scenario}, {self.verdict.metric}"

    @property
    def whole(self) -> bool:
        """Whether it tells of its whole row, which is missing or failed."""
        return self.verdict.metric == _WHOLE

    @property
    def red(self) -> bool:
        """Whether it is a regression that nobody accepted."""
        return self.verdict.verdict == REGRESSED and self.accepted is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A night's verdict.

    Attributes:
        before, after: What was compared, as it was named.
        lines: Every metric of every row.
        creep: The same against the reference (a release); empty where none was given.
        reference: The reference's name.
        new: Labels of rows that the baseline does not have.
        stale: Rows whose leading metric was inconclusive five runs in a row.
        notes: Sentences on what a reader must know, as of an acceptance that ended.
        advice: What would make it conclusive, where that is known.
        step: The exit code for `git bisect run` where this is a step of one; its colour follows.
    """

    before: str
    after: str
    lines: tuple[Line, ...]
    creep: tuple[Line, ...] = ()
    reference: str | None = None
    new: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    advice: str = ""
    step: int | None = None

    @property
    def regressions(self) -> tuple[Line, ...]:
        """Regressions that nobody accepted, the reference's among them."""
        return tuple(line for line in (*self.lines, *self.creep) if line.red)

    @property
    def absent(self) -> tuple[Line, ...]:
        """Rows, and metrics of rows, that the baseline or the reference has and the new side lacks.

        What both had is told once.
        """
        gone = {line.name: line for line in (*self.creep, *self.lines)
                if line.verdict.verdict in (MISSING, FAILED)}  # fmt: skip
        return tuple(sorted(gone.values(), key=lambda line: line.since is not None))

    @property
    def undecided(self) -> tuple[Line, ...]:
        """Rows whose leading metric is inconclusive, or may have got worse since the reference."""
        here = [line for line in self._leading() if not line.verdict.conclusive]
        return (*here, *(line for line in self.creep
                         if line.leading and not line.verdict.conclusive
                         and line.verdict.suspected))  # fmt: skip

    def _leading(self) -> list[Line]:
        compared = (line for line in self.lines if line.verdict.verdict not in (MISSING, FAILED))
        return [line for line in compared if line.leading]

    @property
    def conclusive(self) -> tuple[int, int]:
        """Rows with a verdict in their leading metric, of all that the baseline has."""
        leading = self._leading()
        gone = sum(
            line.verdict.verdict in (MISSING, FAILED) and (line.leading or line.whole)
            for line in self.lines
        )
        return sum(line.verdict.conclusive for line in leading), len(leading) + gone

    @property
    def detectable(self) -> float | None:
        """The median over rows of the smallest change their leading metric could have shown."""
        found = [line.verdict.detectable for line in self._leading()]
        known = [each for each in found if each is not None]
        return median(known) if known else None

    @property
    def coarsest(self) -> float | None:
        """The largest of these over the rows: whatever regressed by more would have been seen."""
        found = [line.verdict.detectable for line in self._leading()]
        return max((each for each in found if each is not None), default=None)

    @property
    def drift(self) -> tuple[float | None, float | None]:
        """The machine's drift of compute and bandwidth: medians over the rows."""
        leading = self._leading()
        return (
            _median([line.verdict.compute_drift for line in leading]),
            _median([line.verdict.bandwidth_drift for line in leading]),
        )

    @property
    def since_reference(self) -> float | None:
        """The median change of the leading metrics since the reference; above 1 is better."""
        gains = []
        for line in self.creep:
            estimate = line.verdict.estimate
            if line.leading and estimate is not None:
                higher = RULES[line.verdict.metric].better == "higher"
                gains.append(estimate.ratio if higher else 1 / estimate.ratio)
        return median(gains) if gains else None

    def exit_code(self, *, inconclusive_fails: bool) -> int:
        """The contract's: 1 a regression, 5 a row is missing, 4 inconclusive, 0 none of it."""
        if self.regressions:
            return SOME_REGRESSED
        if self.absent or not self.lines:
            return INCOMPLETE
        return UNDECIDED if self.undecided and inconclusive_fails else PASSED

    @property
    def colour(self) -> str:
        """The verdict in a word."""
        if self.step is not None:
            return {GOOD: GREEN, BAD: RED}.get(self.step, YELLOW)
        code = self.exit_code(inconclusive_fails=True)
        return {PASSED: GREEN, UNDECIDED: YELLOW}.get(code, RED)


# --- composing ------------------------------------------------------------------------------------


def rule_of(
    metric: str, before: Sequence[float], *, on_host: bool, min_effect: float | None = None
) -> Rule:
    """How a metric is judged: at the least change that matters and that can be told.

    Args:
        metric: One of `RULES`.
        before: The baseline's values in SI units.
        on_host: Whether memory is a process's, of which allocators keep a buffer more or less.
        min_effect: The least change that matters (share of 1); None for the metric's own.
    """
    rule = RULES[metric]
    if rule.exact:
        return rule
    least = rule.min_effect if min_effect is None else min_effect
    if metric == _MEMORY and on_host and before:
        least = max(least, _LEAST_MEMORY_B / median(before))
    return replace(rule, min_effect=least)


def match(
    before: Sequence[Result], after: Sequence[Result], *, again: Sequence[Result] = ()
) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Rows of two sides by system and scenario, the device aside.

    Args:
        before, after, again: Results, those of an older run first.

    Returns:
        The baseline's rows, and the labels of rows that only the new side has.
    """
    sides = [_by_row(results) for results in (before, after, again)]
    known = {key: each for key, each in sides[0].items() if any(r.status == OK for r in each)}
    labels = _labels([each[-1] for each in (sides[1] | known).values()])
    leading: dict[SystemKey, list[str]] = defaultdict(list)
    for key, scenario in known:
        leading[replace(key, batch=0)].append(scenario)
    rows = tuple(
        Row(
            label=labels[key, scenario],
            scenario=scenario,
            before=tuple(each),
            after=tuple(sides[1].get((key, scenario), ())),
            again=tuple(sides[2].get((key, scenario), ())),
            leading=_leads(scenario, leading[replace(key, batch=0)]),
        )
        for (key, scenario), each in known.items()
    )
    new = [
        f"{labels[key]}, {key[1]}"
        for key, each in sides[1].items()
        if key not in known and any(result.status == OK for result in each)
    ]
    return rows, tuple(new)


def decide(
    rows: Sequence[Row],
    *,
    evidence: Evidence,
    min_effect: float | None = None,
    accepted: Sequence[Acceptance] = (),
    today: date,
    rate: float = judge.RATE,
) -> tuple[Line, ...]:
    """Judges all metrics of all rows.

    Args:
        rows: As `match` gives them.
        evidence: Environments and raw windows.
        min_effect: The least change that matters, for every metric that is not exact.
        accepted: Regressions that may stay.
        today: For acceptances that end.
        rate: The false-discovery rate over all of it.
    """
    gone: list[Line] = []
    put_off = {_system(row) for row in rows if any(map(_over_budget, row.after[-1:]))}
    cases: list[Case] = []
    owners: list[tuple[Row, Result, Result]] = []
    for row in rows:
        old = [result for result in row.before if result.status == OK]
        new = [result for result in row.after if result.status == OK]
        if not new:
            gone.append(_put_off(row) if _system(row) in put_off else _absent_row(row))
            continue
        old, new = _of_one_machine(old, new, evidence)
        for metric in _metrics(row, old[-1]):
            was = [value for result in old if (value := _value(result, metric))]
            on_host = old[-1].device == _PROCESSOR
            rule = rule_of(metric, was, on_host=on_host, min_effect=min_effect)
            lost = _lost(row, rule, old, new)
            if lost is not None:
                gone.append(_line(row, lost, old[-1], new[-1], evidence=evidence))
                continue
            case = _case(row, rule, old, new, evidence=evidence)
            if case.pair.before and case.pair.after:
                cases.append(case)
                owners.append((row, old[-1], new[-1]))
            else:
                gone.append(_line(row, _of_nothing(case, old, new), old[-1], new[-1],
                                  evidence=evidence))  # fmt: skip
    lines = []
    for verdict, (row, first, last) in zip(judge.judge(cases, rate=rate), owners, strict=True):
        line = _line(row, _parity(verdict, last), first, last, evidence=evidence)
        lines.append(_accept(line, accepted, today=today))
    rest = [(row.label, row.after[-1]) for row in rows if row.after]
    lines += _breaches(rest, lines, accepted=accepted, today=today)
    order = {row.label + row.scenario: place for place, row in enumerate(rows)}
    return tuple(sorted((*lines, *gone), key=lambda line: order[line.label + line.scenario]))


def new_breaches(
    after: Sequence[Result],
    lines: Sequence[Line],
    *,
    accepted: Sequence[Acceptance] = (),
    today: date,
) -> tuple[Line, ...]:
    """Broken parity of systems that the baseline does not have: wrong answers need none.

    Args:
        after: The new side.
        lines: What was judged; what is red for its accuracy there is not told again.
        accepted, today: As of `decide`.
    """
    labels = _labels(after)
    labelled = [(labels[own], each[-1]) for own, each in _by_row(after).items()]
    return tuple(_breaches(labelled, lines, accepted=accepted, today=today))


def label_of(result: Result) -> str:
    """A lone row's label."""
    return join([result])[0].label


def failure(result: Result, *, label: str, reason: str, verdict: str = FAILED) -> Line:
    """The line of a system that does not run; `MISSING` for a scenario that it cannot have."""
    return Line(
        label=label,
        scenario=result.scenario,
        key=result.key,
        verdict=Verdict(row=label, metric=_WHOLE, verdict=verdict, reason=reason),
    )


def timed_metrics(scenario: str) -> tuple[str, ...]:
    """The metrics of a scenario that are judged with statistics."""
    return {OFFLINE: _OF_OFFLINE, SERVER: _OF_SERVER}.get(scenario, _OF_OTHERS)


def identity(result: Result) -> tuple[str, SystemKey, str]:
    """What tells a result from all others of a store."""
    return result.run, result.key, result.scenario


# --- rows -----------------------------------------------------------------------------------------


def _by_row(results: Iterable[Result]) -> dict[RowKey, list[Result]]:
    rows: dict[RowKey, list[Result]] = defaultdict(list)
    for result in results:
        key = replace(result.key, device_name="", device_count=0)
        # a row that failed does not know at which precision it would have run; it says its own
        rows[key, result.scenario].append(result)
    return dict(rows)


def _labels(results: Sequence[Result]) -> dict[RowKey, str]:
    same = [
        replace(
            result,
            run="",
            environment="",
            key=replace(result.key, device_name="", device_count=0),
        )
        for result in results
    ]
    found: dict[RowKey, str] = {}
    for system in join(same):
        for scenario, row in system.rows.items():
            found.setdefault((row.key, scenario), system.label)
    for row in same:
        found.setdefault((row.key, row.scenario), f"{row.key.workload} · {row.key.backend}")
    return found


def _leads(scenario: str, have: Sequence[str]) -> bool:
    first = next((name for name in (OFFLINE, SINGLE_STREAM) if name in have), sorted(have)[0])
    return scenario == first


def _metrics(row: Row, first: Result) -> list[str]:
    own = list(timed_metrics(row.scenario))
    if row.leading:
        own = [*_OF_SYSTEM, *own]
    return [metric for metric in own if _value(first, metric) is not None]


def _absent_row(row: Row) -> Line:
    failed = [result for result in row.after if result.status == FAILED]
    if failed:
        verdict, reason = FAILED, failed[-1].reason or "no reason was recorded"
    else:
        skipped = row.after[-1].reason if row.after else None
        verdict, reason = MISSING, f"skipped: {skipped}" if skipped else "it was not measured"
    return Line(
        label=row.label,
        scenario=row.scenario,
        key=row.before[-1].key,
        verdict=Verdict(row=row.label, metric=_WHOLE, verdict=verdict, reason=reason),
    )


def _system(row: Row) -> SystemKey:
    """What a row's system is on whatever machine, with whatever batch."""
    return replace(row.before[-1].key, batch=0, device_name="", device_count=0)


def _over_budget(result: Result) -> bool:
    return result.status != OK and (result.reason or "").endswith(USED_UP)


def _put_off(row: Row) -> Line:
    """A row whose turn did not come: the next night begins with it, so it is not missing yet."""
    return Line(
        label=row.label,
        scenario=row.scenario,
        key=row.before[-1].key,
        verdict=Verdict(row=row.label, metric=_WHOLE, verdict=INCONCLUSIVE, reason=_LATER),
        leading=True,
    )


def _lost(row: Row, rule: Rule, old: Sequence[Result], new: Sequence[Result]) -> Verdict | None:
    """A metric that the baseline has and the new side lacks.

    A percentile that a window of fewer queries cannot give is no loss: it cannot be told.
    """
    if any(_value(result, rule.key) is not None for result in new):
        return None
    value = new[-1].metrics.get(rule.key)
    reason = (value and value.reason) or "not in this result"
    return Verdict(
        row=row.label,
        metric=rule.key,
        verdict=INCONCLUSIVE if reason.startswith(TOO_FEW) else MISSING,
        reason=reason,
        before=_value(old[-1], rule.key),
    )


def _case(
    row: Row, rule: Rule, old: Sequence[Result], new: Sequence[Result], *, evidence: Evidence
) -> Case:
    if rule.key == ENERGY:
        origin = energy_origin(new[-1])
        old = [result for result in old if energy_origin(result) == origin] or old
    # what was disturbed is left out, unless the others have no value
    told, heard = ([result for result in side if _readable(result, rule.key)]
                   for side in (old, new))  # fmt: skip
    obstacle = None
    if not rule.exact:
        obstacle = _obstacle(row, rule, told or old, heard or new, evidence)
    # both sides of a round were disturbed alike: none is left out
    sides = (list(old), list(new)) if row.interleaved else (_calm(told), _calm(heard))
    again, spoilt = None, None
    if row.again and not rule.exact:
        machine = machine_class(new[-1], evidence)
        repeated = [
            result
            for result in row.again
            if result.status == OK and machine_class(result, evidence) == machine
        ]
        beside = [result for result in row.again_before if result.status == OK]
        if not beside:  # what was disturbed confirms nothing
            spoilt = _all_disturbed(repeated)
            repeated = [] if spoilt else _calm(repeated)
        pair = replace(
            _pair(rule, beside or sides[0], repeated, evidence, interleaved=bool(beside)),
            ratios=row.again_ratios.get(rule.key, ()),
        )
        again = pair if pair.before and pair.after else None
    return Case(
        row=row.label,
        rule=rule,
        pair=replace(
            _pair(rule, *sides, evidence, interleaved=row.interleaved),
            ratios=row.ratios.get(rule.key, ()),
        ),
        again=again,
        spoilt=spoilt,
        obstacle=obstacle,
    )


def _calm(results: Sequence[Result]) -> list[Result]:
    """Those that nothing disturbed; all of them where there is none."""
    return [result for result in results if _disturbed(result) is None] or list(results)


def _all_disturbed(results: Sequence[Result]) -> str | None:
    """What disturbed the last of these results, where all were."""
    disturbed = [_disturbed(result) for result in results]
    return disturbed[-1] if disturbed and all(disturbed) else None


def _pair(
    rule: Rule,
    before: Sequence[Result],
    after: Sequence[Result],
    evidence: Evidence,
    *,
    interleaved: bool,
) -> Pair:
    if interleaved and len(before) == len(after):  # a round of which a side tells nothing
        whole = [_readable(a, rule.key) and _readable(b, rule.key)
                 for a, b in zip(before, after, strict=True)]  # fmt: skip
        before, after = (list(compress(side, whole)) for side in (before, after))
    return Pair(
        before=_readings(before, rule.key, evidence),
        after=_readings(after, rule.key, evidence),
        interleaved=interleaved,
    )


def _readings(results: Sequence[Result], metric: str, evidence: Evidence) -> tuple[Reading, ...]:
    return tuple(
        Reading(
            value=_value(result, metric) or 0.0,
            compute=_value(result, "drift"),
            bandwidth=_value(result, "bandwidth_drift"),
            spread=spread_within(evidence.windows.get(identity(result))),
        )
        for result in results
        if _readable(result, metric)
    )


def _readable(result: Result, metric: str) -> bool:
    """Whether a metric can be compared: it has a value, and one that has ratios."""
    value = _value(result, metric)
    return value is not None and (value > 0 or RULES[metric].exact)


def _of_nothing(case: Case, old: Sequence[Result], new: Sequence[Result]) -> Verdict:
    """The verdict where a side is 0 throughout, as the memory of what takes none."""
    key = case.rule.key
    before, after = (
        [value for result in side if (value := _value(result, key)) is not None][-1]
        for side in (old, new)
    )
    verdict = Verdict(row=case.row, metric=key, verdict=judge.SAME, before=before, after=after)
    if before == after:
        return verdict
    reason = f"{before:g} against {after:g}: a change from or to 0 has no ratio"
    return replace(verdict, verdict=INCONCLUSIVE, reason=case.obstacle or reason)


def spread_within(window: Window | None) -> float | None:
    """The relative standard error of a window's mean, from ten blocks of it.

    None where there is no window, too few queries, or only their sorted durations.
    """
    durations = () if window is None else window.durations_ns
    size = len(durations) // _BLOCKS
    if size < 1 or list(durations) == sorted(durations):
        return None
    sums = [sum(durations[n * size : (n + 1) * size]) for n in range(_BLOCKS)]
    mean = sum(sums) / _BLOCKS
    variance = sum((each - mean) ** 2 for each in sums) / (_BLOCKS - 1)
    return float((variance / _BLOCKS) ** 0.5 / mean) if mean else None


def _obstacle(
    row: Row, rule: Rule, old: Sequence[Result], new: Sequence[Result], evidence: Evidence
) -> str | None:
    """Why a metric of a machine cannot be compared; None where it can."""
    machines = [machine_class(old[-1], evidence), machine_class(new[-1], evidence)]
    if machines[0] != machines[1]:
        named = " against ".join(", ".join(str(part) for part in each) for each in machines)
        return f"other machine: {named}"
    if any(result.rank_class == "unranked" and _misses(result) for result in (old[-1], new[-1])):
        return "speed counts only where the quality target is met"
    if rule.key == ENERGY:
        origins = [energy_origin(side[-1]) for side in (old, new)]
        if origins[0] != origins[1]:
            said = [f"{each.source}, {each.boundary}" if each else "unknown" for each in origins]
            return f"energy of another source: {said[0]} against {said[1]}"
    if row.interleaved:
        return None  # both sides were disturbed alike: their spread tells
    for side, results in (("baseline", old), ("new run", new)):
        if disturbed := _all_disturbed(results):
            return f"the {side} was disturbed: {disturbed}"
    return None


def _of_one_machine(
    old: Sequence[Result], new: Sequence[Result], evidence: Evidence
) -> tuple[list[Result], list[Result]]:
    """Of several runs a side those of the newest one's machine class; nights may take turns.

    A baseline that has none stays as it is: `_obstacle` tells.
    """
    machine = machine_class(new[-1], evidence)
    here = [
        [result for result in side if machine_class(result, evidence) == machine]
        for side in (old, new)
    ]
    return here[0] or list(old), here[1]


def machine_class(result: Result, evidence: Evidence) -> tuple[Any, ...]:
    """Within what results are compared: device model and number, cores, driver."""
    facts = evidence.environments.get(result.environment, {}).get("device", {})
    driver = [facts[name] for name in ("driver", "cuda") if facts.get(name) is not None]
    cores = facts.get("units")
    return (
        result.key.device_name if result.key.device_count == 1
        else f"{result.key.device_count} x {result.key.device_name}",
        *([] if cores is None else [counted(cores, "core")]),
        *driver,
    )  # fmt: skip


def _disturbed(result: Result) -> str | None:
    return next((doubt.message for doubt in result.doubts if doubt.code in DISTURBING), None)


def _misses(result: Result) -> bool:
    accuracy = _value(result, "accuracy")
    return accuracy is not None and result.target is not None and accuracy < result.target


def _parity(verdict: Verdict, last: Result) -> Verdict:
    """An accuracy whose outputs left the precision's tolerance regressed, whatever its value."""
    broken = _broken(last)
    if verdict.metric != "accuracy" or broken is None:
        return verdict
    return replace(verdict, verdict=REGRESSED, confirmed=True, reason=broken)


def _broken(result: Result) -> str | None:
    """What a result says of its broken parity; None where it is kept."""
    found = (doubt.message for doubt in result.doubts if doubt.code == _PARITY)
    message = next(found, None)
    return None if message is None else f"accuracy parity is broken: {message}"


def _breaches(
    labelled: Sequence[tuple[str, Result]],
    lines: Sequence[Line],
    *,
    accepted: Sequence[Acceptance],
    today: date,
) -> list[Line]:
    """A line a system whose parity is broken and whose accuracy no line shows as regressed.

    Random inputs have no accuracy, and yet outputs that can be wrong.
    """
    told = {
        _anywhere(line.key)
        for line in lines
        if line.verdict.metric == "accuracy" and line.verdict.verdict == REGRESSED
    }
    found = []
    for label, result in labelled:
        broken = _broken(result) if result.status == OK else None
        if broken is None or _anywhere(result.key) in told:
            continue
        told.add(_anywhere(result.key))
        verdict = Verdict(
            row=label, metric="accuracy", verdict=REGRESSED, confirmed=True, reason=broken
        )
        line = Line(label=label, scenario=result.scenario, key=result.key, verdict=verdict)
        found.append(_accept(line, accepted, today=today))
    return found


def _anywhere(key: SystemKey) -> SystemKey:
    return replace(key, batch=0, device_name="", device_count=0)


# --- lines ----------------------------------------------------------------------------------------


def _line(row: Row, verdict: Verdict, before: Result, after: Result, *, evidence: Evidence) -> Line:
    why = cause(before, after)
    found = split(before, after, verdict.metric) if verdict.metric in SPLITTABLE else None
    return Line(
        label=row.label,
        scenario=row.scenario,
        key=after.key,
        verdict=verdict,
        cause=why,
        packages=versions_between(
            *(evidence.environments.get(each.environment, {}) for each in (before, after))
        ),
        split=found and credited(found, why),
        leading=verdict.metric == leading_metric(row.scenario),
    )


def _accept(line: Line, accepted: Sequence[Acceptance], *, today: date) -> Line:
    if line.verdict.verdict != REGRESSED:
        return line
    return replace(
        line, accepted=covering(accepted, line.key, line.scenario, line.verdict, today=today)
    )


def _value(result: Result, metric: str) -> float | None:
    found = result.metrics.get(metric)
    return None if found is None else found.value


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
