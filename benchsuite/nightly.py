"""Two sides of a night read from the store and judged: `benchsuite gate`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from benchsuite import gate, repeats
from benchsuite.acceptance import Acceptance
from benchsuite.difference import fits
from benchsuite.errors import BadInput
from benchsuite.gate import Evidence, Judgement, Line
from benchsuite.judge import INCONCLUSIVE, RULES
from benchsuite.store import Store
from benchsuite.types import COMMIT, CONFIRMS, Result, RunInfo, SystemKey, Window
from benchsuite.units import counted

NIGHTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a gate is asked.

    Attributes:
        before, after: `RUN` or `RUN#SPEC`; a label with `~N` is several runs.
        confirm: A second measurement of what `after` measured; None without.
        reference: What the new side is compared with besides, as a release; None without.
        min_effect: The least change that matters; None for each metric's own.
        today: For acceptances that end.
    """

    before: str
    after: str
    confirm: str | None = None
    reference: str | None = None
    min_effect: float | None = None
    accepted: tuple[Acceptance, ...] = ()
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    runs: tuple[RunInfo, ...]
    spec: str

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(run.id for run in self.runs)


def judge_night(store: Store, question: Question) -> Judgement:
    """Judges two sides of a store.

    Raises:
        BadInput: A name means no run, both sides are the same runs, or a side measured nothing.
    """
    after = _side(store, question.after)
    again = None
    if question.confirm is not None:
        again = _side(store, question.confirm, without=after.ids)
        if set(again.ids) & set(after.ids):
            raise BadInput(f"--confirm {question.confirm}: the run that is judged, not a second")
        _check_confirms(question.confirm, again, after)
    judged = (*after.ids, *(again.ids if again else ()))
    before = _side(store, question.before, without=judged)
    if set(before.ids) & set(judged):
        raise BadInput(
            f"{question.before} and {question.after}: the same run; give two, as latest~1 latest"
        )
    notes: list[str] = []
    if len(before.ids) < _wanted(question.before):
        notes.append(
            f"{question.before}: only {len(before.ids)} other runs carry that label; their spread "
            "is less certain"
        )
    lines, new, elsewhere = _lines(store, before, after, question, again=again)
    if elsewhere:
        notes.append(
            f"{question.before}: {counted(len(elsewhere), 'run')} of another machine left out"
        )
    creep: tuple[Line, ...] = ()
    if question.reference is not None:
        reference = _side(store, question.reference, without=judged)
        since, _, _ = _lines(store, reference, after, question, again=again)
        creep = tuple(replace(line, since=question.reference) for line in since)
        notes += _not_compared(question.reference, creep)
    judgement = Judgement(
        before=_said(question.before, before),
        after=_said(question.after, after),
        lines=lines,
        creep=creep,
        reference=question.reference,
        new=new,
        notes=(*_of_acceptances(question, (*lines, *creep)), *notes),
    )
    stale = _stale(store, before, after, question, judgement)
    return replace(judgement, stale=stale)


def suspects(judgement: Judgement) -> frozenset[SystemKey]:
    """The systems that a second measurement should look at; their devices and batches aside."""
    lines = (*judgement.lines, *judgement.creep)
    return frozenset(system_of(line.key) for line in lines if line.verdict.suspected
                     and not RULES[line.verdict.metric].exact)  # fmt: skip


def system_of(key: SystemKey) -> SystemKey:
    """What tells a system from another on the same machine."""
    return replace(key, batch=0, device_name="", device_count=0)


def newest(store: Store, name: str) -> RunInfo:
    """The newest run that `RUN` or `RUN#SPEC` names."""
    return store.find_runs(name.partition("#")[0])[-1]


def pinned(store: Store, question: Question) -> Question:
    """The same question with the ids of the runs that `latest`, or a label, means now.

    They outlast runs that are added: the second measurement, or a night that begins meanwhile.
    """
    judged = _side(store, question.after).ids
    others = [name and _pinned(store, name, without=judged)
              for name in (question.before, question.reference)]  # fmt: skip
    return replace(
        question,
        before=others[0] or question.before,
        after=_pinned(store, question.after),
        reference=others[1],
    )


def _pinned(store: Store, name: str, *, without: Sequence[str] = ()) -> str:
    if _wanted(name) > 1:
        return name
    run, mark, spec = name.partition("#")
    return f"{store.find_runs(run, without=without)[-1].id}{mark}{spec}"


def _not_compared(reference: str, creep: Sequence[Line]) -> list[str]:
    """That slow creep was not looked for, and why: nothing else would tell it."""
    leading = [line.verdict for line in creep if line.leading]
    kept = [each for each in leading if each.verdict == INCONCLUSIVE and each.estimate is None]
    if not kept:
        return []
    return [f"{reference}: {len(kept)} of {len(leading)} rows not compared: {kept[0].reason}"]


def _of_acceptances(question: Question, lines: Sequence[Line]) -> list[str]:
    """What a reader must know of acceptances: one ended, was gone beyond, or is of no row."""
    found = []
    narrowed = any("#" in name for name in (question.before, question.after))
    for each in question.accepted:
        what = f"{each.metric} of {each.workload} ({each.owner})"
        mine = [line for line in lines if each.concerns(line.key, line.scenario, each.metric)]
        if each.ended(question.today):
            found.append(f"accepted no more since {each.expires}: {what}")
        elif not mine and not narrowed:
            found.append(f"accepted, but of no row here: {what}")
        elif any(line.red and line.verdict.metric == each.metric for line in mine):
            found.append(f"worse than the {100 * each.size:g}% that was accepted: {what}")
    return found


def _side(store: Store, name: str, *, without: Sequence[str] = ()) -> _Side:
    run, _, spec = name.partition("#")
    return _Side(runs=tuple(store.find_runs(run, without=without)), spec=spec)


def _check_confirms(name: str, again: _Side, after: _Side) -> None:
    """Refuses what `--remeasure` measured again for another run than the one that is judged."""
    for run in again.runs:
        meant = run.labels.get(CONFIRMS)
        if meant is not None and meant not in after.ids:
            raise BadInput(
                f"--confirm {name}: {run.id} measured {meant} again, not {after.ids[-1]}; give "
                f"{meant} as NEW"
            )


def _wanted(name: str) -> int:
    count = name.partition("#")[0].partition("~")[2]
    return int(count) if name.startswith("label:") and count.isdecimal() else 1


def _said(name: str, side: _Side) -> str:
    ids = ", ".join(side.ids[:3]) + (f" and {len(side.ids) - 3} more" if len(side.ids) > 3 else "")
    return ids if ids.startswith(name) and name else f"{name} ({ids})"


def _lines(
    store: Store, before: _Side, after: _Side, question: Question, *, again: _Side | None = None
) -> tuple[tuple[Line, ...], tuple[str, ...], frozenset[str]]:
    """The verdicts, the labels of new rows, and the baseline's runs of other machines."""
    given = [side for side in (before, after, again) if side is not None]
    # several runs show how nights differ, which processes of one night do not: there a run is one
    # value, its median; of lone runs each process is one
    lone = all(len(side.runs) == 1 for side in given)
    sides = [
        [] if side is None else _results(store, side, each_process=lone)
        for side in (before, after, again)
    ]
    if not any(result.status == gate.OK for result in sides[0]):
        raise BadInput(f"{_said(question.before, before)}: the baseline has no measured system")
    evidence = _evidence(store, sides)
    sides[0], elsewhere = _of_the_nights_machine(sides[0], sides[1], evidence)
    rows, new = gate.match(sides[0], sides[1], again=sides[2])
    lines = gate.decide(
        rows,
        evidence=evidence,
        min_effect=question.min_effect,
        accepted=question.accepted,
        today=question.today,
    )
    broken = gate.new_breaches(sides[1], lines, accepted=question.accepted, today=question.today)
    return (*lines, *broken), new, elsewhere


def _of_the_nights_machine(
    before: list[Result], after: Sequence[Result], evidence: Evidence
) -> tuple[list[Result], frozenset[str]]:
    """The baseline's results of the new side's machine classes, and the runs that are left out.

    Rows that only another machine measures are not missing on this one. A baseline without any of
    this machine stays as it is: each row tells.
    """
    machines = {
        gate.machine_class(result, evidence) for result in after if result.status == gate.OK
    }
    here = [result for result in before if gate.machine_class(result, evidence) in machines]
    if not any(result.status == gate.OK for result in here):
        return before, frozenset()
    measured = {result.run for result in before if result.status == gate.OK}
    return here, frozenset(measured - {result.run for result in here})


def _results(store: Store, side: _Side, *, each_process: bool) -> list[Result]:
    found = [result for run in side.runs for result in store.results(run.id)]
    found = [result for result in found if not side.spec or fits(result.key, side.spec)]
    if not each_process:
        return found
    return [process for result in found for process in repeats.apart(result)]


def _evidence(store: Store, sides: Sequence[Sequence[Result]]) -> Evidence:
    """Environments of all; raw windows only where one process a side must tell its own spread."""
    results = [result for side in sides for result in side]
    windows: dict[tuple[str, SystemKey, str], Window] = {}
    for side in sides:
        times = Counter(gate.identity(result)[1:] for result in side)
        for result in side:
            if times[gate.identity(result)[1:]] == 1:
                window = store.window(result) if result.status == gate.OK else None
                if window is not None:
                    windows[gate.identity(result)] = window
    return Evidence(
        environments=store.environments(sorted({result.environment for result in results})),
        windows=windows,
    )


def _alike(labels: Mapping[str, str], others: Mapping[str, str]) -> bool:
    """Whether two runs are nights of one series: `build=17` may differ, `branch=main` may not.

    The commit says nothing: nights differ in it, and older runs have none.
    """
    mine, theirs = (
        {key: value for key, value in each.items() if key != COMMIT} for each in (labels, others)
    )
    if mine.keys() != theirs.keys():
        return False
    return not mine or bool(mine.items() & theirs.items())


def _stale(
    store: Store, before: _Side, after: _Side, question: Question, judgement: Judgement
) -> tuple[str, ...]:
    """Rows that were as inconclusive in the four runs before: each judged as this one was.

    The store keeps no verdicts; they follow from its results.
    """
    names = {line.name for line in judgement.undecided if line.since is None}
    runs = store.runs()
    place = next(n for n, run in enumerate(runs) if run.id == after.ids[-1])
    labels = runs[place].labels
    earlier = [run for run in runs[place + 1 :] if _alike(run.labels, labels)][: NIGHTS - 1]
    if not names or len(earlier) < NIGHTS - 1:
        return ()
    for run in earlier:
        rest = tuple(each for each in before.runs if each.id != run.id)
        if not rest:
            return ()
        night = _Side(runs=(run,), spec=after.spec)
        lines, _, _ = _lines(store, _Side(runs=rest, spec=before.spec), night, question)
        names &= {
            line.name for line in lines if line.leading and line.verdict.verdict == INCONCLUSIVE
        }
        if not names:
            return ()
    return tuple(sorted(names))
