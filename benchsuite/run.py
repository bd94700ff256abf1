"""Runs a plan: a worker process a system, results stored the moment they exist, events told."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from benchsuite import device_lock, devices, environment, hw, metrics, repeats, targets
from benchsuite.best import measure_best
from benchsuite.catalog import content_roots
from benchsuite.errors import BadInput, Interrupted
from benchsuite.goals import Goals
from benchsuite.plan import BEST, Plan
from benchsuite.store import Store
from benchsuite.types import (
    CONFIRMS,
    EMBEDDED,
    SCENARIOS,
    UNRANKED,
    UNRANKING,
    USED_UP,
    Choice,
    DeviceInfo,
    Doubt,
    Fingerprint,
    LayerTimes,
    Measurement,
    Quality,
    Result,
    RunInfo,
    SystemKey,
    SystemSpec,
    Value,
    Window,
)
from benchsuite.workers import run_worker

OK = "ok"
_NIGHTS_BACK = 30  # of which it is asked how long a system has waited for its turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happens in a run, for those who show it.

    Attributes:
        kind: `waiting`, `start`, `phase` or `results`.
        number, total: Which process of how many.
        text: The phase, who is waited for, or of `results` which process of several it was.
        results: What was stored, for `results`.
    """

    kind: str
    number: int
    total: int
    spec: SystemSpec
    text: str = ""
    results: tuple[Result, ...] = ()


OnEvent = Callable[[Event], None]


def new_run(labels: Mapping[str, str], *, command: str) -> RunInfo:
    """A run with a fresh id."""
    return RunInfo(id=secrets.token_hex(5), started_at=_now(), labels=dict(labels), command=command)


def execute(
    plan: Plan,
    run: RunInfo,
    *,
    store: Store,
    goals: Goals | None,
    on_event: OnEvent,
    done: Mapping[SystemSpec, int] | None = None,
    budget_s: float | None = None,
) -> None:
    """Measures every system of a plan that is not done and stores each result at once.

    Repeats take turns: every system's first process, then every one's second, so that what drifts
    meanwhile is spread over all.

    Args:
        plan: What to measure.
        run: Already stored.
        store: Where results go.
        goals: The deployment's needs, if any.
        on_event: Told of everything.
        done: Processes of each system that an earlier invocation of the same run measured.
        budget_s: From when the device is free: no process is begun after it; a system that has
            none by then is skipped.

    Raises:
        Interrupted: The user stopped; all but the system under way is stored.
        BadInput: The store failed; what was stored stays stored.
    """
    turns = _turns(plan, done or {})
    total = len(turns)
    measurer = _Measurer(run=run, device=plan.device, store=store, goals=goals, on_event=on_event)
    started = monotonic()
    try:
        for spec, reason in plan.skipped:
            outcome = unmeasured(spec, run, plan.device, status="skipped", reason=reason)
            store.add(outcome, environment={})
            on_event(Event(kind="results", number=0, total=total, spec=spec, results=(outcome,)))
        with device_kept(plan, total, on_event):
            begun = monotonic()  # waiting for another run measures nothing
            for place, (number, spec) in enumerate(turns, 1):
                turn = _Turn(spec=spec, process=number, place=place, total=total)
                if budget_s is not None and monotonic() - begun > budget_s:
                    measurer.skip(turn, f"the run's budget of {budget_s:g} s {USED_UP}")
                else:
                    measurer.measure(turn)
    except KeyboardInterrupt:
        raise Interrupted(run.id) from None
    finally:
        store.finish_run(run.id, seconds=monotonic() - started)


def left_over_first(plan: Plan, store: Store) -> Plan:
    """The plan with those systems first that the runs before had no time for, the longest first.

    A run that only confirms another (`gate --remeasure`) measures what was suspected, and is no
    night of its own; one that did not set out to measure a system says nothing of it, nor does one
    of another machine in the same store.
    """
    here = (plan.device.name, plan.device.count)
    times = dict.fromkeys(plan.specs, 0)
    waiting = list(plan.specs)
    nights = [run for run in store.runs() if CONFIRMS not in run.labels]
    for night in nights[:_NIGHTS_BACK]:
        if not waiting:
            break
        results = [result for result in store.results(night.id)
                   if (result.key.device_name, result.key.device_count) == here]  # fmt: skip
        for spec in tuple(waiting):
            own = [result for result in results if _is(spec, result.key)]
            if own and all(map(_put_off, own)):
                times[spec] += 1
            elif own:
                waiting.remove(spec)
    return replace(plan, specs=tuple(sorted(plan.specs, key=lambda spec: -times[spec])))


def _put_off(result: Result) -> bool:
    return result.status == "skipped" and (result.reason or "").endswith(USED_UP)


def turns_left(plan: Plan, done: Mapping[SystemSpec, int]) -> int:
    """How many processes a plan still needs."""
    return len(_turns(plan, done))


def _turns(plan: Plan, done: Mapping[SystemSpec, int]) -> list[tuple[int, SystemSpec]]:
    """Every system's first process, then every one's second, and so on."""
    return [
        (number, spec)
        for number in range(1, max((spec.repeats for spec in plan.specs), default=0) + 1)
        for spec in plan.specs
        if done.get(spec, 0) < number <= spec.repeats
    ]


def resumed_plan(store: Store, run: RunInfo) -> Plan:
    """The plan of a stored run, to measure what it lacks.

    Raises:
        BadInput: A workload file or prepared data set of the plan is gone.
    """
    specs = store.plan(run.id)
    if not specs:
        raise BadInput(f"run {run.id} has no plan to go on with")
    specs = [_moved(spec) for spec in specs]
    for spec in specs:
        for path in (spec.path, spec.weights, spec.data):
            if path is not None and not Path(path).exists():
                raise BadInput(f"run {run.id} cannot go on: {path} is gone")
    return Plan(specs=tuple(specs), skipped=(), notes=(), device=devices.find(specs[0].device))


def repeated_plan(store: Store, run: RunInfo, systems: Collection[SystemKey]) -> Plan:
    """The plan of a stored run with these systems alone, to measure them again as they were.

    Args:
        store: Where the run is.
        run: Whose plan it is.
        systems: As `nightly.system_of` gives them: the device and the batch aside.

    Raises:
        BadInput: The run has no plan (it was imported), or what it names is gone.
    """
    plan = resumed_plan(store, run)
    return replace(
        plan, specs=tuple(spec for spec in plan.specs if any(_is(spec, key) for key in systems))
    )


def _is(spec: SystemSpec, key: SystemKey) -> bool:
    mine = (spec.name, spec.scale, spec.dataset, spec.precision, spec.threads)
    theirs = (key.workload, key.scale, key.dataset, key.precision, key.threads)
    return mine == theirs and (spec.backend == key.backend or bool(spec.candidates))


def _moved(spec: SystemSpec) -> SystemSpec:
    """A stored system with the shipped content where it is now: benchsuite may have moved."""
    old, new = Path(spec.roots[-1]), content_roots()[-1]

    def now(path: str | None) -> str | None:
        if path is None or not Path(path).is_relative_to(old):
            return path
        return str(new / Path(path).relative_to(old))

    return replace(
        spec,
        path=now(spec.path) or spec.path,
        weights=now(spec.weights),
        roots=(*spec.roots[:-1], str(new)),
    )


def measured(plan: Plan, results: Sequence[Result]) -> dict[SystemSpec, int]:
    """How many processes have measured all scenarios of each system of a plan."""
    have = {
        (r.key.workload, r.key.scale, r.key.dataset, BEST if r.chosen else r.key.backend,
         r.key.precision, r.key.threads, r.scenario, r.key.batch): max(1, len(r.processes))
        for r in results
        if r.status == "ok"
    }  # fmt: skip
    found = {
        spec: min(
            have.get(
                (spec.name, spec.scale, spec.dataset, spec.backend, spec.precision, spec.threads,
                 scenario, spec.batch_of(scenario)), 0)
            for scenario in spec.scenarios
        )
        for spec in plan.specs
    }  # fmt: skip
    # a choice that has not all its processes is made anew: what was tried is not stored
    return {
        spec: 0 if spec.candidates and number < spec.repeats else number
        for spec, number in found.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """One process to be measured.

    Attributes:
        process: Which of the system's, from 1.
        place, total: Which of the run's.
    """

    spec: SystemSpec
    process: int
    place: int
    total: int


@dataclass(slots=True, kw_only=True)
class _Measurer:
    """Measures the turns of a run and stores what they give.

    Attributes:
        parts: Of a system whose backend is chosen: the winners with their choices.
        ended: Systems that are not measured again in this run: their first process failed.
    """

    run: RunInfo
    device: DeviceInfo
    store: Store
    goals: Goals | None
    on_event: OnEvent
    parts: dict[SystemSpec, list[tuple[SystemSpec, dict[str, Choice]]]] = field(
        default_factory=dict
    )
    ended: set[SystemSpec] = field(default_factory=set)

    def skip(self, turn: _Turn, reason: str) -> None:
        """Leaves a turn out; a system without any process gets a row that says so."""
        if turn.process > 1:
            return
        self.ended.add(turn.spec)
        left = unmeasured(turn.spec, self.run, self.device, status="skipped", reason=reason)
        self.store.add(left, environment={})
        self._tell("results", turn, results=(left,))

    def measure(self, turn: _Turn) -> None:
        """Measures one process of a system, or one of each winner of a choice."""
        spec = turn.spec
        if spec in self.ended:
            return
        self._tell("start", turn)
        results: list[Result] = []
        for part, outcome in self._outcomes(turn):
            results += self._stored(part, outcome, turn)
        if turn.process == 1 and all(result.status != OK for result in results):
            self.ended.add(spec)
        told = f"process {turn.process} of {spec.repeats}" if spec.repeats > 1 else ""
        self._tell("results", turn, text=told, results=tuple(results))

    def _outcomes(self, turn: _Turn) -> list[tuple[SystemSpec, Measurement | str]]:
        def measure(part: SystemSpec) -> Measurement | str:
            prefix = f"trial of {part.backend}: " if part.trial else ""
            return run_worker(
                part, on_phase=lambda name: self._tell("phase", turn, text=f"{prefix}{name}")
            )

        spec = turn.spec
        if not spec.candidates:
            return [(spec, measure(spec))]
        if spec in self.parts:
            again = [(part, measure(part), choices) for part, choices in self.parts[spec]]
            return [
                (part, found if isinstance(found, str) else replace(found, choices=choices))
                for part, found, choices in again
            ]
        outcomes = measure_best(spec, measure=measure)
        self.parts[spec] = [
            (part, found.choices) for part, found in outcomes if isinstance(found, Measurement)
        ]
        return outcomes

    def _stored(self, spec: SystemSpec, outcome: Measurement | str, turn: _Turn) -> list[Result]:
        """Stores the rows of one worker's outcome; gives what this worker itself measured."""
        if isinstance(outcome, str):
            return self._failed(spec, outcome, turn)
        results = []
        model = hw.describe(outcome.device, roots=[Path(root) for root in spec.roots])
        for window in outcome.windows:
            result = to_result(spec, self.run, outcome, window, model=model, goals=self.goals)
            if spec.repeats > 1:
                self._repeated(spec, result, outcome, window, turn)
            else:
                self.store.add(result, environment=outcome.environment, window=window)
            results.append(result)
        for scenario, reason in outcome.unmet.items():
            part = replace(spec, scenarios=(scenario,))
            unmet = unmeasured(part, self.run, self.device, status="skipped", reason=reason)
            if not self.store.processes(unmet):
                self.store.add(unmet, environment={})
                results.append(unmet)
        return results

    def _failed(self, spec: SystemSpec, reason: str, turn: _Turn) -> list[Result]:
        """A row that says why; where other processes gave numbers, a doubt on their row."""
        failed = unmeasured(spec, self.run, self.device, status="failed", reason=reason)
        if turn.process == 1:
            self.store.add(failed, environment={})
            return [failed]
        for row in self.store.results(self.run.id):
            if _system_of(row) == _system_of(failed) and row.processes:
                facts = self.store.environments([row.environment])[row.environment]
                self.store.add(
                    repeats.with_failure(row, reason),
                    environment=facts,
                    window=self.store.window(row),
                )
        return [failed]

    def _repeated(
        self,
        spec: SystemSpec,
        result: Result,
        outcome: Measurement,
        window: Window,
        turn: _Turn,
    ) -> None:
        """Stores one process of several, and the row that they make."""
        if turn.process == 1:
            self.store.drop_processes(result)
        self.store.add_process(result, environment=outcome.environment, window=window)
        found = self.store.processes(result)
        row, chosen = repeats.combine(list(found.values()), planned=spec.repeats)
        (raw,) = self.store.process_windows([list(found)[chosen]])
        facts = self.store.environments([row.environment])[row.environment]
        self.store.add(row, environment=facts, window=raw)

    def _tell(
        self, kind: str, turn: _Turn, *, text: str = "", results: tuple[Result, ...] = ()
    ) -> None:
        self.on_event(
            Event(
                kind=kind,
                number=turn.place,
                total=turn.total,
                spec=turn.spec,
                text=text,
                results=results,
            )
        )


def _system_of(row: Result) -> SystemKey:
    """A row's system, whatever the scenario, with it the batch, and the device, which is one."""
    return replace(row.key, batch=0, device_name="", device_count=0)


def to_result(
    spec: SystemSpec,
    run: RunInfo,
    measurement: Measurement,
    window: Window,
    *,
    model: hw.DeviceModel | None,
    goals: Goals | None,
) -> Result:
    """One row: a measurement's window with its metrics, class and doubts."""
    entry = targets.entry_of(spec)
    values = metrics.compute(measurement, window, model=model, goals=goals, workload=spec.name)
    doubts = [d for d in measurement.doubts if _concerns(d, window)]
    doubts += above_peak(values)
    quality = entry.scale(spec.scale).qualities.get(spec.dataset or "")
    rank_class, reason = classify(spec, measurement, doubts, quality)
    score = measurement.accuracy
    return Result(
        run=run.id,
        environment=environment.digest(measurement.environment),
        key=_key(spec, measurement.device, window.scenario, precision=measurement.precision_ran),
        domain=entry.domain,
        device=measurement.device.label,
        weights=measurement.fingerprint.weights,
        scenario=window.scenario,
        status="ok",
        reason=None,
        rank_class=rank_class,
        class_reason=reason,
        frame=entry.workload.frame,
        fingerprint=_fingerprint(measurement, window),
        metrics=values,
        doubts=tuple(doubts),
        beside={} if score is None else score.beside,
        measured_at=_now(),
        chosen=window.scenario in measurement.choices,
        layer_times=_layer_times(measurement, window),
        counts=tuple(each for each in measurement.counts if each.batch == window.batch),
        target=None if quality is None else quality.target,
        measure=None if quality is None else quality.measure,
    )


def _layer_times(measurement: Measurement, window: Window) -> LayerTimes | None:
    times = measurement.layer_times
    return times if times is not None and times.batch == window.batch else None


def _fingerprint(measurement: Measurement, window: Window) -> Fingerprint:
    """The measurement's; the rate or bound that a window was scheduled for is configuration too."""
    found, pace = measurement.fingerprint, window.pace
    if pace is None:
        return found
    load = {"deadline_s": pace.deadline_s, "share": pace.share}
    facts = {"configuration": found.configuration, "scenario": window.scenario, **load}
    return replace(found, configuration=environment.digest(facts))


def classify(
    spec: SystemSpec,
    measurement: Measurement,
    doubts: Sequence[Doubt],
    quality: Quality | None,
) -> tuple[str, str | None]:
    """The class a result may be ranked in, and why it is unranked if it is."""
    for doubt in doubts:
        if doubt.code in UNRANKING:
            return UNRANKED, f"{doubt.code}: {doubt.message}"
    score = measurement.accuracy
    if score is not None and quality is not None:
        if not score.value >= quality.target:
            return "unranked", (
                f"{quality.measure} {score.value:.3f} is below the target {quality.target:g}"
            )
        return ("embedded" if spec.scale == EMBEDDED else "qualified"), None
    if spec.scale == EMBEDDED:
        return "unranked", measurement.accuracy_reason or "the accuracy was not measured"
    return "speed-only", measurement.accuracy_reason


def above_peak(values: Mapping[str, Value]) -> list[Doubt]:
    """A fraction of peak above 1 with its cause: taps on padding, or unexplained."""
    fraction = values["fraction_of_peak"].value
    if fraction is None or fraction <= 1:
        return []
    work = values["work"].value or 1.0
    inside = (values["work_without_padding"].value or work) / work
    if fraction * inside <= 1:
        return [
            Doubt(
                code="above_peak",
                message=(
                    f"{fraction:.0%} of peak: {1 - inside:.0%} of the counted taps fall on "
                    "padding, which the backend skips. Compare work_without_padding"
                ),
            )
        ]
    return [
        Doubt(
            code="above_peak_unexplained",
            message=(
                f"{fraction:.0%} of peak is more than padding explains: a faster algorithm "
                "(Winograd, FFT), or a peak probed on a disturbed machine. Probe it again: "
                "benchsuite hw probe"
            ),
        )
    ]


def unmeasured(
    spec: SystemSpec, run: RunInfo, device: DeviceInfo, *, status: str, reason: str
) -> Result:
    """The row of a system that has no numbers, with the reason."""
    entry = targets.entry_of(spec)
    return Result(
        run=run.id,
        environment="none",
        key=_key(spec, device, spec.scenarios[0], precision=spec.precision),
        domain=entry.domain,
        device=device.label,
        weights=None,
        scenario=spec.scenarios[0],
        status=status,
        reason=reason,
        rank_class="unranked",
        class_reason=status,
        frame=entry.workload.frame,
        fingerprint=None,
        metrics=metrics.empty(f"{status}: {reason}"),
        measured_at=_now(),
    )


def _key(spec: SystemSpec, device: DeviceInfo, scenario: str, *, precision: str) -> SystemKey:
    return SystemKey(
        workload=spec.name,
        scale=spec.scale,
        dataset=spec.dataset,
        backend=spec.backend,
        precision=precision,
        batch=spec.batch_of(scenario),
        device_name=device.name,
        device_count=device.count,
        threads=spec.threads,
    )


def _concerns(doubt: Doubt, window: Window) -> bool:
    """Doubts of one window begin with its scenario; the others concern all."""
    scenario, colon, _ = doubt.message.partition(":")
    return not (colon and scenario in SCENARIOS) or scenario == window.scenario


@contextmanager
def device_kept(plan: Plan, total: int, on_event: OnEvent) -> Iterator[None]:
    """Keeps two measurements on one device apart; says who holds it while it waits."""
    if not plan.specs:
        yield
        return
    spec = plan.specs[0]

    def tell(holder: str) -> None:
        on_event(Event(kind="waiting", number=0, total=total, spec=spec, text=holder))

    with device_lock.held(Path(spec.cache), plan.device.label, tell):
        yield


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
