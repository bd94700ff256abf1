"""The performance harness: warms up until steady, then times queries in one window."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter, perf_counter_ns

from benchsuite.errors import NotMeasurable
from benchsuite.harness import throttling
from benchsuite.harness.contention import Watcher
from benchsuite.meters import Meter, Subject
from benchsuite.stats import median
from benchsuite.types import ClockReading, EnergyReading, Window
from benchsuite.units import NANOSECOND_S

Call = Callable[[], object]
STEADY_SHARE = 0.01
_LOOK_S = 0.1
_CHUNK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is timed: one cycle of queries, each already bound to its inputs.

    Attributes:
        scenario: Its name.
        calls: One a query; inputs rotate through them.
        batch: Samples a query.
        frames: Frames in one cycle.
        wait: Waits for queued work; None where calls return when done.
        queued: Wait once a cycle (Offline on a GPU), not after each query.
    """

    scenario: str
    calls: Sequence[Call]
    batch: int
    frames: float
    wait: Call | None = None
    queued: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmth:
    """How a warm-up ended."""

    seconds: float
    steady: bool
    movement: float | None
    cycle_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """A meter with its subject, or the reason why there is none."""

    meter: Meter | None
    subject: Subject
    reason: str | None = None


def measure(
    load: Load,
    *,
    seconds: float,
    warmup_s: float,
    metered: Metered,
    start_memory: Call,
    peak_memory: Callable[[], int],
    clocks: Callable[[], ClockReading] | None = None,
) -> Window:
    """Measures one window.

    Args:
        load: What to time.
        seconds: The window's least length; whole cycles are run, so it may be longer.
        warmup_s: The warm-up's longest.
        metered: Where joules come from.
        start_memory, peak_memory: The device's.
        clocks: Reads the device's clocks and throttle reasons, where it tells them.
    """
    cycle = _cycle(load)
    stamps_a_cycle = 1 if load.queued else len(load.calls)
    warmth = warm_up(cycle, at_most_s=warmup_s, stamps_a_cycle=stamps_a_cycle)
    cycles = max(1, round(_CHUNK_S / warmth.cycle_s))
    start_memory()
    gc.collect()
    gc.disable()
    clock_watcher = throttling.Watcher(clocks)
    watcher = Watcher()
    watch = None
    energy_reason = metered.reason
    try:
        if metered.meter is not None:
            try:
                watch = metered.meter.start(metered.subject)
            except NotMeasurable as error:
                energy_reason = str(error)
        chunks: list[list[int]] = []
        end = perf_counter_ns() + round(seconds / NANOSECOND_S)
        while True:
            chunk = cycle(cycles)
            chunks.append(chunk)
            if chunk[-1] >= end:
                break
        energy: EnergyReading | None = None
        if watch is not None:
            try:
                energy = watch.stop()
            except NotMeasurable as error:
                energy_reason = str(error)
    finally:
        gc.enable()
    contention = watcher.stop()
    clocks_seen = clock_watcher.stop()
    memory_b = peak_memory()
    durations = tuple(after - before for chunk in chunks for before, after in pairwise(chunk))
    run_cycles = cycles * len(chunks)
    return Window(
        scenario=load.scenario,
        batch=load.batch,
        durations_ns=durations,
        queries=run_cycles * len(load.calls),
        frames=run_cycles * load.frames,
        seconds=(chunks[-1][-1] - chunks[0][0]) * NANOSECOND_S,
        warmup_s=warmth.seconds,
        steady=warmth.steady,
        movement=warmth.movement,
        queries_per_duration=len(load.calls) if load.queued else 1,
        energy=energy,
        energy_reason=energy_reason,
        contention=contention,
        clocks=clocks_seen,
        peak_memory_b=memory_b,
    )


def warm_up(
    cycle: Callable[[int], list[int]], *, at_most_s: float, stamps_a_cycle: int = 1
) -> Warmth:
    """Runs cycles until the median cycle of two looks in a row moved less than 1 %.

    Cycles are looked at, not queries: where queries differ in length (buckets), the median query
    jumps between the lengths.

    Args:
        cycle: Runs a number of cycles and gives its time stamps in nanoseconds.
        at_most_s: The bound; at least three looks are taken all the same.
        stamps_a_cycle: Time stamps of one cycle after the first of all.
    """
    started = perf_counter()
    first = cycle(1)
    cycle_s = max(1e-9, (first[-1] - first[0]) * NANOSECOND_S)
    last: float | None = None
    movement: float | None = None
    still = looks = 0
    while looks < 3 or perf_counter() - started < at_most_s:
        stamps = cycle(max(1, round(_LOOK_S / cycle_s)))
        cycles = max(1, round(_LOOK_S / cycle_s))
        cycle_s = max(1e-9, (stamps[-1] - stamps[0]) * NANOSECOND_S / cycles)
        now = median([b - a for a, b in pairwise(stamps[::stamps_a_cycle])])
        looks += 1
        if last is not None:
            movement = abs(now / last - 1) if last else 0.0
            still = still + 1 if movement < STEADY_SHARE else 0
        last = now
        if still >= 2:
            break
    return Warmth(
        seconds=perf_counter() - started, steady=still >= 2, movement=movement, cycle_s=cycle_s
    )


def _cycle(load: Load) -> Callable[[int], list[int]]:
    """The timed loop: nothing but the call, the clock and an append.

    One reading of the clock a query: the next begins when this one ends.
    """
    calls, clock, wait = tuple(load.calls), perf_counter_ns, load.wait

    def done_at_return(cycles: int) -> list[int]:
        stamps = [clock()]
        stamp = stamps.append
        for _ in range(cycles):
            for call in calls:
                call()
                stamp(clock())
        return stamps

    def waited(cycles: int) -> list[int]:
        assert wait is not None
        stamps = [clock()]
        stamp = stamps.append
        for _ in range(cycles):
            for call in calls:
                call()
                wait()
                stamp(clock())
        return stamps

    def queued(cycles: int) -> list[int]:
        assert wait is not None
        stamps = [clock()]
        stamp = stamps.append
        for _ in range(cycles):
            for call in calls:
                call()
            wait()
            stamp(clock())
        return stamps

    if wait is None:
        return done_at_return
    return queued if load.queued else waited
