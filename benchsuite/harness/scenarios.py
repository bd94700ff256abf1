"""Scenarios whose queries arrive on a schedule: MLPerf's `Server`, and `RealTime`.

A query's latency counts from its *scheduled* arrival: one that waits behind a slow one carries the
delay (no coordinated omission). One worker answers in order, in the thread that keeps the schedule.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter_ns, sleep
from typing import overload

from benchsuite.errors import NotMeasurable
from benchsuite.harness.performance import (
    Gauges,
    Load,
    Timed,
    Warmth,
    observe,
)
from benchsuite.stats import least_queries, most_outliers
from benchsuite.types import Pace, Window
from benchsuite.units import NANOSECOND_S

NO_RATE = "RealTime needs a rate: the workload has none of its own (--rate FRAMES_PER_S)"
NO_BOUND = "Server needs a latency bound: the workload has none (latency_bound_s in a suite)"
TRIES = 8  # of the search: it ends within 1 % of the capacity
LOWEST = 1 / 16
_SHARES = (0.99, 0.95, 0.9, 0.5)
_SPIN_NS = 100_000  # sleeping ends some 50 us late, so the last stretch is waited out awake
_LEAD_NS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The time in nanoseconds, and how to sleep for some seconds."""

    now: Callable[[], int] = perf_counter_ns
    sleep: Callable[[float], object] = sleep


@dataclass(frozen=True, slots=True)
class EvenArrivals(Sequence[int]):
    """`queries` arrivals, one every 1/`rate` seconds; computed when asked for, never held."""

    rate: float
    queries: int

    def __len__(self) -> int:
        return self.queries

    def __iter__(self) -> Iterator[int]:
        return (self._at(number) for number in range(self.queries))

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[int]: ...
    def __getitem__(self, place: int | slice) -> int | Sequence[int]:
        found = range(self.queries)[place]
        return self._at(found) if isinstance(found, int) else [self._at(n) for n in found]

    def _at(self, number: int) -> int:
        return round(number / self.rate / NANOSECOND_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When queries arrive.

    Attributes:
        due_ns: Arrivals in nanoseconds after the start, ascending; 8 bytes each at most.
        length_ns: When the one after the last would arrive.
        deadline_ns: A query is late where its answer comes later than this after its arrival.
        drops: A query that cannot begin before its deadline is not run.
    """

    due_ns: Sequence[int]
    length_ns: int
    deadline_ns: int
    drops: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What became of a schedule's queries.

    Attributes:
        latencies_ns: From the scheduled arrival to the answer, in order, of those that were run.
        late: How many of them missed the deadline.
        dropped: Queries that were not run.
        elapsed_ns: From the start to the schedule's end, or to the last answer if that is later.
    """

    latencies_ns: array[int]
    late: int
    dropped: int
    elapsed_ns: int


def poisson(
    rate: float, *, queries: int, deadline_s: float, seed: int, least_s: float = 0.0, cycle: int = 1
) -> Schedule:
    """Poisson arrivals: the first at once, gaps exponential with mean 1/`rate`.

    The same seed gives the same gaps at any rate, stretched: a search compares like with like.

    Args:
        rate: Queries a second.
        queries: At least so many.
        deadline_s: The latency bound.
        seed: Of the gaps.
        least_s: The schedule's least length: chance makes one of `least_s * rate` arrivals shorter
            as often as longer, and MLPerf's minimum duration is one.
        cycle: What is added to reach it is a multiple of so many queries.
    """
    import numpy as np

    generator, mean_ns = np.random.default_rng(seed), 1 / rate / NANOSECOND_S
    gaps = generator.exponential(mean_ns, queries)
    while (lacking_ns := least_s / NANOSECOND_S - gaps.sum()) > 0:
        cycles = math.ceil(lacking_ns / mean_ns / cycle)
        gaps = np.concatenate([gaps, generator.exponential(mean_ns, cycles * cycle)])
    ends = np.cumsum(gaps, out=gaps).round(out=gaps).astype("int64")
    due = array("q", (0,))
    due.frombytes(ends[:-1].tobytes())
    return Schedule(
        due_ns=due, length_ns=int(ends[-1]), deadline_ns=round(deadline_s / NANOSECOND_S)
    )


def regular(rate: float, *, queries: int) -> Schedule:
    """One query every 1/`rate` seconds, which must be answered before the next one arrives."""
    return Schedule(
        due_ns=EvenArrivals(rate, queries),
        length_ns=round(queries / rate / NANOSECOND_S),
        deadline_ns=round(1 / rate / NANOSECOND_S),
        drops=True,
    )


def answer(
    load: Load, schedule: Schedule, *, clock: Clock | None = None, most_late: int | None = None
) -> Answered:
    """Runs a schedule's queries in order, none before it is due.

    Args:
        load: What is run; its calls take turns.
        schedule: When.
        clock: The real one unless a test brings its own.
        most_late: Ends as soon as more queries than this are late.
    """
    clock = clock or Clock()
    now, calls, wait = clock.now, tuple(load.calls), load.wait
    latencies = array("q")  # a fifth of a list of integers
    late = dropped = 0
    start = done = now() + _LEAD_NS
    end = start + schedule.length_ns
    for number, offset in enumerate(schedule.due_ns):
        due = start + offset
        if now() < due:
            _wait_until(due, clock)
        elif schedule.drops and now() >= due + schedule.deadline_ns:
            dropped += 1
            continue
        calls[number % len(calls)]()
        if wait is not None:
            wait()
        done = now()
        latencies.append(done - due)
        if done - due > schedule.deadline_ns:
            late += 1
            if most_late is not None and late > most_late:
                break
    else:
        _wait_until(end, clock)
    return Answered(
        latencies_ns=latencies,
        late=late,
        dropped=dropped,
        elapsed_ns=max(end, done) - start,
    )


def _wait_until(moment: int, clock: Clock) -> None:
    """Sleeps until shortly before a moment, then looks at the clock until it has come."""
    left = moment - clock.now() - _SPIN_NS
    if left > 0:
        clock.sleep(left * NANOSECOND_S)
    while clock.now() < moment:
        pass


# --- RealTime -----------------------------------------------------------------------------------


def real_time(
    load: Load,
    warmth: Warmth,
    gauges: Gauges,
    *,
    rate: float,
    seconds: float,
    clock: Clock | None = None,
) -> Window:
    """A window of `rate` frames a second, waiting included; late and dropped frames are misses."""
    query_rate = rate / load.frames_a_query
    schedule = regular(query_rate, queries=_whole_cycles(load, query_rate * seconds))

    def timed() -> Timed:
        found = answer(load, schedule, clock=clock)
        queries = len(found.latencies_ns)
        # a schedule that was kept has its nominal length: nanoseconds are rounded
        on_time = found.elapsed_ns <= schedule.length_ns
        nominal = len(schedule.due_ns) / query_rate
        return Timed(
            durations_ns=found.latencies_ns,
            queries=queries,
            frames=queries * load.frames_a_query,
            seconds=nominal if on_time else found.elapsed_ns * NANOSECOND_S,
            pace=Pace(rate=query_rate, deadline_s=1 / query_rate, dropped=found.dropped),
            stamps_b=_bytes(found.latencies_ns),
        )

    return observe(load, warmth, timed, gauges)


# --- Server -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What `Server` must meet.

    Attributes:
        bound_s: The latency bound.
        seconds: A window's least length.
        min_queries: Its least queries.
        seed: Of the arrivals.
    """

    bound_s: float
    seconds: float
    min_queries: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How a search for the highest rate ended: the rate (None: none meets the bound), the tries."""

    rate: float | None
    tries: int


def server(
    load: Load, warmth: Warmth, gauges: Gauges, demand: Demand, *, clock: Clock | None = None
) -> Window:
    """The window at the highest rate of Poisson arrivals that meets the latency bound.

    Every try is a window of full length: in a shorter one early stopping allows fewer late queries
    and would find a lower rate. A try that fails ends as soon as it has too many.

    Raises:
        NotMeasurable: No rate meets the bound.
    """
    capacity = len(load.calls) / warmth.cycle_s
    share = _share(capacity, demand)
    kept: list[Window] = []

    def meets(rate: float) -> bool:
        schedule = _offer(load, rate, demand, share)
        pace = Pace(
            rate=len(schedule.due_ns) / (schedule.length_ns * NANOSECOND_S),
            deadline_s=demand.bound_s, share=share, capacity=capacity,
        )  # fmt: skip
        window = observe(load, warmth, partial(_served, load, schedule, pace, clock), gauges)
        if not _few_late(window, pace):
            return False
        kept.append(window)
        return True

    found = search(meets, capacity=capacity)
    if found.rate is None:
        raise NotMeasurable(
            f"no rate meets the latency bound of {demand.bound_s:g} s at p{100 * share:g} (Poisson "
            f"arrivals, one worker): not even {LOWEST * capacity:.3g} query/s; back to back it "
            f"answers {capacity:.3g} query/s"
        )
    best = kept[-1]  # rates that met the bound were tried in ascending order
    assert best.pace is not None
    return replace(best, pace=replace(best.pace, tries=found.tries))


def search(meets: Callable[[float], bool], *, capacity: float) -> Search:
    """Bisects for the highest rate that meets a bound, up to the back-to-back rate.

    More than `capacity` cannot last, whatever a window may show. If half of it fails, the lowest
    rate is tried next, so that a hopeless bound is known after two tries.
    """
    low, high, best = 0.0, capacity, None
    for tried in range(1, TRIES + 1):
        rate = LOWEST * capacity if tried == 2 and best is None else (low + high) / 2
        if meets(rate):
            low = best = rate
        elif rate <= LOWEST * capacity:
            return Search(rate=None, tries=tried)
        else:
            high = rate
    return Search(rate=best, tries=TRIES)


def _share(capacity: float, demand: Demand) -> float:
    """The highest percentile for which a window at half the capacity has queries enough."""
    queries = max(demand.min_queries, capacity / 2 * demand.seconds)
    return next((share for share in _SHARES if least_queries(share) <= queries), _SHARES[-1])


def _offer(load: Load, rate: float, demand: Demand, share: float) -> Schedule:
    queries = max(rate * demand.seconds, demand.min_queries, least_queries(share))
    return poisson(
        rate,
        queries=_whole_cycles(load, queries),
        deadline_s=demand.bound_s,
        seed=demand.seed,
        least_s=demand.seconds,
        cycle=len(load.calls),
    )


def _served(load: Load, schedule: Schedule, pace: Pace, clock: Clock | None) -> Timed:
    assert pace.share is not None
    allowed = most_outliers(len(schedule.due_ns), pace.share)
    found = answer(load, schedule, clock=clock, most_late=allowed)
    queries = len(found.latencies_ns)
    return Timed(
        durations_ns=found.latencies_ns,
        queries=queries,
        frames=queries * load.frames_a_query,
        seconds=schedule.length_ns * NANOSECOND_S,
        pace=pace,
        stamps_b=_bytes(found.latencies_ns),
    )


def _few_late(window: Window, pace: Pace) -> bool:
    """MLPerf's verdict: with 99 % confidence the percentile is within the bound.

    A window that was ended early has too many late queries for its fewer queries too.
    """
    assert pace.share is not None
    deadline_ns = round(pace.deadline_s / NANOSECOND_S)
    allowed = most_outliers(window.queries, pace.share)
    late = sum(latency > deadline_ns for latency in window.durations_ns)
    return allowed is not None and late <= allowed


def _bytes(values: array[int]) -> int:
    return len(values) * values.itemsize


def _whole_cycles(load: Load, queries: float) -> int:
    cycles = math.ceil(queries / len(load.calls) - 1e-9)
    return max(1, cycles) * len(load.calls)
