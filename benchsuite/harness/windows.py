"""A scenario's window: its load, its meter, and what is read around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchsuite import backends, devices, meters, plugins
from benchsuite.errors import NotMeasurable
from benchsuite.harness import contention, memory, performance, phases, pinning, scenarios, turns
from benchsuite.harness.performance import Gauges, Load, Metered
from benchsuite.harness.subject import System
from benchsuite.types import OFFLINE, REAL_TIME, SERVER, Arrays, Executable, Rate, Turn, Window
from benchsuite.units import duration

_METERED_SHARE = 0.5  # of a process's time limit: the windows that a meter makes longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all windows of a system share.

    Attributes:
        metered: The meter, or why there is none.
        idle: What the device drew before anything ran; None with `idle_reason`.
        resident_b: Resident bytes once the backend's packages are imported.
    """

    system: System
    executable: Executable
    plug: devices.Device
    metered: Metered
    idle: Rate | None
    idle_reason: str | None
    resident_b: int


def meter(system: System, *, preferred: tuple[str, ...]) -> tuple[Metered, Rate | None, str | None]:
    """The meter, and the idle power it measures before anything runs."""
    spec = system.spec
    subject = meters.subject(
        system.device, threads=spec.threads, roots=[Path(root) for root in spec.roots]
    )
    try:
        name, found = meters.choose(spec.meter, subject, preferred=preferred, cache=system.cache)
    except NotMeasurable as error:
        return Metered(meter=None, subject=subject, reason=str(error)), None, str(error)
    # idle power takes its time too, whatever the scenarios
    needed_s = found.window_s * max(1, len({OFFLINE, REAL_TIME} & set(spec.scenarios)))
    if found.measures and needed_s > _METERED_SHARE * spec.time_limit_s:
        reason = (
            f"{name}: it needs windows of {duration(found.window_s)}, together "
            f"{duration(needed_s)} of the time limit of {duration(spec.time_limit_s)}, of which "
            f"half is left for all else; take a faster meter, or a longer --time-limit"
        )
        return Metered(meter=None, subject=subject, reason=reason), None, reason
    phases.tell(f"meter {name}")
    metered = Metered(meter=found, subject=subject)
    try:
        return metered, found.idle_power(subject), None
    except NotMeasurable as error:
        return metered, None, str(error)


@plugins.blaming((backends, devices))
def measure(scenario: str, pool: Sequence[Arrays], setting: Setting) -> Window:
    """Measures one scenario's window over a pool of queries.

    Raises:
        NotMeasurable: The scenario lacks its rate or bound, or no rate meets the bound.
    """
    spec = setting.system.spec
    seconds, metered = _length(scenario, seconds=spec.seconds, metered=setting.metered)
    load = _load(scenario, pool, setting)
    gauges = _gauges(scenario, setting, metered)
    return _with_idle(_run(load, gauges, setting, seconds=seconds), setting)


@plugins.blaming((backends, devices))
def measure_in_turns(
    scenario: str, pool: Sequence[Arrays], setting: Setting, *, turn: Callable[[], None]
) -> tuple[Window, tuple[Turn, ...]]:
    """One scenario's window in short turns, between which other processes take theirs.

    Gives all turns as one window, and what is paired of each. A scenario with arrivals of its own,
    and a meter that needs a long window, take one turn.

    Args:
        scenario, pool, setting: As of `measure`.
        turn: Sleeps until this process may measure.

    Raises:
        NotMeasurable: As `measure`.
    """
    system = setting.system
    spec = system.spec
    seconds, metered = _length(scenario, seconds=spec.seconds, metered=setting.metered)
    load = _load(scenario, pool, setting)
    if scenario in (REAL_TIME, SERVER) or seconds > spec.seconds:
        turn()
        with pinning.bound_to(spec.cores or ()):
            phases.tell(scenario)
            gauges = _gauges(scenario, setting, metered)
            window = _with_idle(_run(load, gauges, setting, seconds=seconds), setting)
        return window, (turns.turn_of(window),)
    # the others are getting ready, too: what matters is that first calls are over
    warmth = performance.warm_up_load(load, at_most_s=spec.warmup_s)
    gauges = _gauges(scenario, setting, metered)
    turn()
    found: list[Window] = []
    with pinning.bound_to(spec.cores or ()):
        phases.tell(scenario)
        cycle_s = performance.quickest_cycle(load, seconds=turns.ARRIVING_S)
        plan = turns.schedule(
            load,
            cycle_s,
            seconds=seconds,
            alike=len(system.shares) == 1,
            min_queries=1 if scenario == OFFLINE else spec.min_queries,
        )
        if plan.turn_s < turns.LONG_S:
            gauges = replace(gauges, counters=contention.interruptions)
        for number in range(plan.turns):
            turn()
            part = plan.loads[number % len(plan.loads)]
            performance.run_for(part, seconds=turns.SETTLING_S)
            timed = partial(performance.timed_cycles, part, plan.cycles)
            found.append(performance.observe(part, warmth, timed, gauges))
            # given back a second time, memory would have to be had again within the turn
            gauges = replace(gauges, start_memory=lambda: None)
    window = _with_idle(turns.together(found), setting)
    return window, tuple(turns.turn_of(each) for each in found)


def _length(scenario: str, *, seconds: float, metered: Metered) -> tuple[float, Metered]:
    """The window's length, and the meter where the window is long enough for it."""
    meter = metered.meter
    if meter is None or not meter.measures:
        return seconds, metered
    if scenario in (OFFLINE, REAL_TIME):
        return max(seconds, meter.window_s), metered
    if seconds >= meter.window_s:
        return seconds, metered
    reason = (
        f"the {seconds:g}-s window of {scenario} is too short for the meter, "
        f"which needs {meter.window_s:g} s; energy is measured in {OFFLINE} and {REAL_TIME}"
    )
    return seconds, Metered(meter=None, subject=metered.subject, reason=reason)


def _load(scenario: str, pool: Sequence[Arrays], setting: Setting) -> Load:
    system = setting.system
    batch = system.spec.batch_of(scenario)
    cycle_frames = sum(s.frames * s.share for s in system.scale.signatures) * batch
    rounds = len(pool) // sum(system.shares)
    return Load(
        scenario=scenario,
        calls=[setting.executable.bind(query) for query in pool],
        batch=batch,
        frames=cycle_frames * rounds,
        wait=setting.plug.synchroniser(system.device),
        queued=scenario == OFFLINE,
    )


def _gauges(scenario: str, setting: Setting, metered: Metered) -> Gauges:
    plug, device = setting.plug, setting.system.device

    def start_memory() -> None:
        phases.tell(phases.window(scenario))  # the warm-up is over, nothing is counted yet
        memory.give_back()
        plug.start_memory(device)

    def peak_memory() -> int:
        # on the processor the interpreter and the libraries are in the figure: they come off
        imports_b = setting.resident_b if device.kind == "cpu" else 0
        return max(0, plug.peak_memory(device) - imports_b)

    return Gauges(
        metered=metered,
        start_memory=start_memory,
        peak_memory=peak_memory,
        clocks=devices.clock_reader(plug, device),
        programs=devices.program_reader(plug, device),
        on_host=device.kind == "cpu",
    )


def _run(load: Load, gauges: Gauges, setting: Setting, *, seconds: float) -> Window:
    spec = setting.system.spec
    if load.scenario == REAL_TIME:
        if spec.rate is None:
            raise NotMeasurable(scenarios.NO_RATE)
        _check_length(load, rate=spec.rate, at_most_s=spec.time_limit_s)
        warmth = performance.warm_up_load(load, at_most_s=spec.warmup_s)
        return scenarios.real_time(load, warmth, gauges, rate=spec.rate, seconds=seconds)
    if load.scenario == SERVER:
        if spec.latency_bound_s is None:
            raise NotMeasurable(scenarios.NO_BOUND)
        warmth = performance.warm_up_load(load, at_most_s=spec.warmup_s)
        demand = scenarios.Demand(
            bound_s=spec.latency_bound_s,
            seconds=seconds,
            min_queries=spec.min_queries,
            seed=spec.seed,
        )
        return scenarios.server(load, warmth, gauges, demand)
    return performance.measure(
        load,
        seconds=seconds,
        warmup_s=spec.warmup_s,
        gauges=gauges,
        min_queries=1 if load.scenario == OFFLINE else spec.min_queries,
    )


def _check_length(load: Load, *, rate: float, at_most_s: float) -> None:
    """Refuses a rate at which one load cycle, the least that is measured, takes too long."""
    cycle_s = load.frames / rate
    if cycle_s > at_most_s:
        raise NotMeasurable(
            f"at {rate:g} frames a second one load cycle of {load.frames:g} frames takes "
            f"{cycle_s:.3g} s, more than the time limit of {at_most_s:g} s; give a higher --rate "
            "or --time-limit"
        )


def _with_idle(window: Window, setting: Setting) -> Window:
    """The idle power that was measured before all windows, written into the window's reading."""
    if window.energy is None:
        return window
    idle = setting.idle
    energy = replace(
        window.energy,
        idle_power_w=None if idle is None else idle.value,
        idle_low_w=None if idle is None else idle.low,
        idle_high_w=None if idle is None else idle.high,
        idle_power_reason=setting.idle_reason,
    )
    return replace(window, energy=energy)
