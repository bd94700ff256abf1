"""Runs a plan: a worker process a system, results stored the moment they exist, events told."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

from benchsuite import devices, environment, hw, metrics
from benchsuite.best import measure_best
from benchsuite.catalog import content_roots, load_entry
from benchsuite.errors import BadInput, Interrupted
from benchsuite.goals import Goals
from benchsuite.plan import BEST, Plan
from benchsuite.store import Store
from benchsuite.types import (
    EMBEDDED,
    SCENARIOS,
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

LOCK_NOTE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happens in a run, for those who show it.

    Attributes:
        kind: `waiting`, `start`, `phase` or `results`.
        number, total: Which system of how many.
        text: The phase, or who is waited for.
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
    done: Sequence[SystemSpec] = (),
    budget_s: float | None = None,
) -> None:
    """Measures every system of a plan that is not done and stores each result at once.

    Args:
        plan: What to measure.
        run: Already stored.
        store: Where results go.
        goals: The deployment's needs, if any.
        on_event: Told of everything.
        done: Systems that an earlier invocation of the same run measured.
        budget_s: Of the whole run: no system is begun after it, what is left over is skipped.

    Raises:
        Interrupted: The user stopped; all but the system under way is stored.
        BadInput: The store failed; what was stored stays stored.
    """
    total = len(plan.specs)
    started = monotonic()
    try:
        for spec, reason in plan.skipped:
            outcome = unmeasured(spec, run, plan.device, status="skipped", reason=reason)
            store.add(outcome, environment={})
            on_event(Event(kind="results", number=0, total=total, spec=spec, results=(outcome,)))
        with device_lock(plan, total, on_event):
            for number, spec in enumerate(plan.specs, 1):
                if spec in done:
                    continue
                if budget_s is not None and monotonic() - started > budget_s:
                    reason = f"the run's budget of {budget_s:g} s was used up (--budget)"
                    left = unmeasured(spec, run, plan.device, status="skipped", reason=reason)
                    store.add(left, environment={})
                    on_event(
                        Event(
                            kind="results", number=number, total=total, spec=spec, results=(left,)
                        )
                    )
                    continue
                _measure(spec, run, plan.device, store, goals, number, total, on_event)
    except KeyboardInterrupt:
        raise Interrupted(run.id) from None
    finally:
        store.finish_run(run.id, seconds=monotonic() - started)


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


def measured_specs(plan: Plan, results: Sequence[Result]) -> list[SystemSpec]:
    """The systems of a plan of which all scenarios have an ok result."""
    have = {
        (r.key.workload, r.key.scale, r.key.dataset, BEST if r.chosen else r.key.backend,
         r.key.precision, r.key.threads, r.scenario, r.key.batch)
        for r in results
        if r.status == "ok"
    }  # fmt: skip
    return [
        spec
        for spec in plan.specs
        if all(
            (spec.name, spec.scale, spec.dataset, spec.backend, spec.precision, spec.threads,
             scenario, spec.batch_of(scenario)) in have
            for scenario in spec.scenarios
        )
    ]  # fmt: skip


def _measure(
    spec: SystemSpec,
    run: RunInfo,
    device: DeviceInfo,
    store: Store,
    goals: Goals | None,
    number: int,
    total: int,
    on_event: OnEvent,
) -> None:
    on_event(Event(kind="start", number=number, total=total, spec=spec))

    def measure(part: SystemSpec) -> Measurement | str:
        prefix = f"trial of {part.backend}: " if part.trial else ""

        def on_phase(name: str) -> None:
            text = f"{prefix}{name}"
            on_event(Event(kind="phase", number=number, total=total, spec=spec, text=text))

        return run_worker(part, on_phase=on_phase)

    outcomes = measure_best(spec, measure=measure) if spec.candidates else [(spec, measure(spec))]
    results: list[Result] = []
    for part, outcome in outcomes:
        results += _stored(part, outcome, run, device, store, goals)
    on_event(Event(kind="results", number=number, total=total, spec=spec, results=tuple(results)))


def _stored(
    spec: SystemSpec,
    outcome: Measurement | str,
    run: RunInfo,
    device: DeviceInfo,
    store: Store,
    goals: Goals | None,
) -> list[Result]:
    """Stores the rows of one worker's outcome."""
    if isinstance(outcome, str):
        failed = unmeasured(spec, run, device, status="failed", reason=outcome)
        store.add(failed, environment={})
        return [failed]
    results = []
    model = hw.describe(outcome.device, roots=[Path(root) for root in spec.roots])
    for window in outcome.windows:
        result = to_result(spec, run, outcome, window, model=model, goals=goals)
        store.add(result, environment=outcome.environment, window=window)
        results.append(result)
    for scenario, reason in outcome.unmet.items():
        part = replace(spec, scenarios=(scenario,))
        unmet = unmeasured(part, run, device, status="skipped", reason=reason)
        store.add(unmet, environment={})
        results.append(unmet)
    return results


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
    entry = load_entry(Path(spec.path), name=spec.name)
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
        if doubt.code in ("contended", "throttled", "replayed", "parity", "above_peak_unexplained"):
            return "unranked", f"{doubt.code}: {doubt.message}"
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
    entry = load_entry(Path(spec.path), name=spec.name)
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
def device_lock(plan: Plan, total: int, on_event: OnEvent) -> Iterator[None]:
    """Keeps two measurements on one device apart; says who holds it while it waits."""
    if not plan.specs:
        yield
        return
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        yield
        return
    folder = Path(plan.specs[0].cache) / "locks"
    path = folder / f"{plan.device.label.replace(':', '-')}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: the device lock cannot be made: {error.strerror}") from error
    with file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if not told:
                    file.seek(0)
                    holder = file.read().strip() or "another process"
                    on_event(
                        Event(
                            kind="waiting", number=0, total=total, spec=plan.specs[0], text=holder
                        )
                    )
                    told = True
                sleep(LOCK_NOTE_S)
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()}, since {_now()}")
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.truncate()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
