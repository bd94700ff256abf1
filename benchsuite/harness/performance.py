"""The performance harness: warms up until steady, then times queries in one window."""

from __future__ import annotations

import gc
import itertools
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from time import perf_counter, perf_counter_ns

from benchsuite.durations import shared
from benchsuite.errors import NotMeasurable
from benchsuite.harness import contention, throttling
from benchsuite.meters import Meter, Subject
from benchsuite.stats import median
from benchsuite.types import ClockReading, EnergyReading, Pace, Window
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

    @property
    def frames_a_query(self) -> float:
        """Mean over the cycle."""
        return self.frames / len(self.calls)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """What is read around a window: joules, the device's memory, its clocks where it tells them.

    Attributes:
        programs: Names the other processes on the device's board, where its driver tells.
        on_host: Whether the memory is this process's, the record of the queries included.
        counters: Reads what the machine did meanwhile; None for all that it tells.
    """

    metered: Metered
    start_memory: Call
    peak_memory: Callable[[], int]
    clocks: Callable[[], ClockReading] | None = None
    programs: Callable[[], tuple[str, ...]] | None = None
    on_host: bool = False
    counters: Callable[[], contention.Reading] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """What the timed part of a window gives; the fields are `Window`'s.

    `durations_ns` is gone through once memory and meter have been read; `stamps_b` is what this
    record itself took of the memory meanwhile.
    """

    durations_ns: Iterable[int]
    queries: int
    frames: float
    seconds: float
    queries_per_duration: int = 1
    pace: Pace | None = None
    stamps_b: int = 0


def measure(
    load: Load,
    *,
    seconds: float,
    warmup_s: float,
    gauges: Gauges,
    min_queries: int = 1,
) -> Window:
    """Measures one window in which each query follows the last one (or Offline's queue).

    Args:
        load: What to time.
        seconds: The window's least length; whole cycles are run, so it may be longer.
        warmup_s: The warm-up's longest.
        gauges: What is read around it.
        min_queries: The window's least queries.
    """
    warmth = warm_up_load(load, at_most_s=warmup_s)
    timed = partial(back_to_back, load, warmth, seconds=seconds, min_queries=min_queries)
    return observe(load, warmth, timed, gauges)


def observe(load: Load, warmth: Warmth, timed: Callable[[], Timed], gauges: Gauges) -> Window:
    """Runs a window's timed part with everything watched that belongs beside it."""
    gauges.start_memory()
    with _collector_at_rest():
        clock_watcher = throttling.Watcher(gauges.clocks)
        watcher = contention.Watcher(gauges.programs, gauges.counters)
        watch = None
        energy: EnergyReading | None = None
        energy_reason = gauges.metered.reason
        if gauges.metered.meter is not None:
            try:
                watch = gauges.metered.meter.start(gauges.metered.subject)
            except NotMeasurable as error:
                energy_reason = str(error)
        found = timed()
        # before the meter's: one that reads a log waits for it, which is not the window's time
        machine_did = watcher.stop()
        clocks_seen = clock_watcher.stop()
        memory_b = gauges.peak_memory()
        if gauges.on_host:
            memory_b = max(0, memory_b - found.stamps_b)
        if watch is not None:
            try:
                energy = watch.stop()
            except NotMeasurable as error:
                energy_reason = str(error)
    return Window(
        scenario=load.scenario,
        batch=load.batch,
        durations_ns=shared(found.durations_ns),
        queries=found.queries,
        frames=found.frames,
        seconds=found.seconds,
        warmup_s=warmth.seconds,
        steady=warmth.steady,
        movement=warmth.movement,
        queries_per_duration=found.queries_per_duration,
        energy=energy,
        energy_reason=energy_reason,
        contention=machine_did,
        clocks=clocks_seen,
        peak_memory_b=memory_b,
        pace=found.pace,
    )


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Keeps Python's garbage collector out of what is timed."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def back_to_back(load: Load, warmth: Warmth, *, seconds: float, min_queries: int) -> Timed:
    """Whole cycles, each query on the completion of the last, until time and queries are reached.

    `SingleStream` and `MultiStream` as MLPerf Inference has them; `Offline` where `load.queued`.
    """
    cycle = _cycle(load)
    cycles = max(1, round(_CHUNK_S / warmth.cycle_s))
    chunks: list[array[int]] = []
    least = -(-min_queries // (cycles * len(load.calls)))
    least_ns = round(seconds / NANOSECOND_S)
    while True:
        chunk = array("q", cycle(cycles))  # a fifth of a list of integers
        chunks.append(chunk)
        if chunk[-1] - chunks[0][0] >= least_ns and len(chunks) >= least:
            break
    return Timed(
        durations_ns=(b - a for chunk in chunks for a, b in pairwise(chunk)),
        queries=cycles * len(chunks) * len(load.calls),
        frames=cycles * len(chunks) * load.frames,
        seconds=(chunks[-1][-1] - chunks[0][0]) * NANOSECOND_S,
        queries_per_duration=1 if load.wait is None or not load.queued else len(load.calls),
        stamps_b=sum(chunk.buffer_info()[1] * chunk.itemsize for chunk in chunks),
    )


def timed_cycles(load: Load, cycles: int) -> Timed:
    """So many whole cycles, each query on the completion of the last."""
    stamps = array("q", _cycle(load)(cycles))
    return Timed(
        durations_ns=(b - a for a, b in pairwise(stamps)),
        queries=cycles * len(load.calls),
        frames=cycles * load.frames,
        seconds=(stamps[-1] - stamps[0]) * NANOSECOND_S,
        queries_per_duration=1 if load.wait is None or not load.queued else len(load.calls),
        stamps_b=stamps.buffer_info()[1] * stamps.itemsize,
    )


def warm_up_load(load: Load, *, at_most_s: float) -> Warmth:
    """Warms a load up back to back, whatever its scenario."""
    stamps_a_cycle = 1 if load.queued else len(load.calls)
    return warm_up(_cycle(load), at_most_s=at_most_s, stamps_a_cycle=stamps_a_cycle)


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
    moves: list[float] = []
    still = looks = 0
    while looks < 3 or perf_counter() - started < at_most_s:
        stamps = cycle(max(1, round(_LOOK_S / cycle_s)))
        cycles = max(1, round(_LOOK_S / cycle_s))
        cycle_s = max(1e-9, (stamps[-1] - stamps[0]) * NANOSECOND_S / cycles)
        now = median([b - a for a, b in pairwise(stamps[::stamps_a_cycle])])
        looks += 1
        if last is not None:
            moves.append(abs(now / last - 1) if last else 0.0)
            still = still + 1 if moves[-1] < STEADY_SHARE else 0
        last = now
        if still >= 2:
            break
    return Warmth(
        seconds=perf_counter() - started,
        steady=still >= 2,
        movement=max(moves[-2:], default=None),  # one look may stand still by chance
        cycle_s=cycle_s,
    )


def quickest_cycle(load: Load, *, seconds: float) -> float:
    """The seconds of the quickest cycle among those of about so long, one at least."""
    until = perf_counter() + seconds
    found = timed_cycles(load, 1).seconds
    while perf_counter() < until:
        found = min(found, timed_cycles(load, 1).seconds)
    return found


def run_for(load: Load, *, seconds: float) -> None:
    """Runs queries for about so long, one at least, untimed."""
    until = perf_counter() + seconds
    for call in itertools.cycle(load.calls):
        call()
        if load.wait is not None:
            load.wait()
        if perf_counter() >= until:
            return


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
