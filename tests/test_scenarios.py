"""Tests of benchsuite.harness.scenarios: schedules, latency from arrival, the search."""

from __future__ import annotations

import tracemalloc
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np
import pytest

from benchsuite.errors import NotMeasurable
from benchsuite.harness import doubts, scenarios, windows
from benchsuite.harness.performance import Gauges, Load, Metered, Warmth
from benchsuite.harness.scenarios import Clock, Demand, Schedule
from benchsuite.meters import Subject
from benchsuite.metrics import compute
from benchsuite.metrics.pacing import kept
from benchsuite.stats import most_outliers, percentile
from benchsuite.types import UNRANKING

from .measurements import DEVICE, measurement
from .measurements import window as windowed

MS = 1_000_000
LOOK_NS = 5_000
GAUGES = Gauges(
    metered=Metered(
        meter=None, subject=Subject(device=DEVICE, envelope=None, threads=1), reason="test"
    ),
    start_memory=lambda: None,
    peak_memory=lambda: 0,
)


class FakeTime:
    """Time that passes where something sleeps, works or, by a little, looks at the clock."""

    def __init__(self) -> None:
        self.ns = 0
        self.slept_s = 0.0

    def now(self) -> int:
        self.ns += LOOK_NS
        return self.ns

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        self.ns += round(seconds * 1e9)

    @property
    def clock(self) -> Clock:
        return Clock(now=self.now, sleep=self.sleep)

    def calls(self, durations_ms: Sequence[float]) -> list[Callable[[], None]]:
        """Queries that take so long."""

        def work(ms: float) -> None:
            self.ns += round(ms * MS)

        return [lambda ms=ms: work(ms) for ms in durations_ms]  # type: ignore[misc]


def load(calls: Sequence[Callable[[], None]], *, frames: float = 1.0) -> Load:
    return Load(scenario="Server", calls=calls, batch=1, frames=frames * len(calls))


def warmth(cycle_s: float) -> Warmth:
    return Warmth(seconds=1.0, steady=True, movement=0.0, cycle_s=cycle_s)


def every(ms: float, queries: int, *, deadline_ms: float = 1e6) -> Schedule:
    due = [round(n * ms * MS) for n in range(queries + 1)]
    return Schedule(due_ns=tuple(due[:-1]), length_ns=due[-1], deadline_ns=round(deadline_ms * MS))


def test_arrivals_are_poisson_and_come_from_the_seed() -> None:
    """Gaps have mean 1/rate and the exponential's spread and tail; the seed decides them."""
    made = scenarios.poisson(200.0, queries=100_000, deadline_s=0.01, seed=7)
    assert made == scenarios.poisson(200.0, queries=100_000, deadline_s=0.01, seed=7)
    assert made != scenarios.poisson(200.0, queries=100_000, deadline_s=0.01, seed=8)
    assert made.due_ns[0] == 0
    assert made.deadline_ns == 10 * MS
    gaps = np.diff([*made.due_ns, made.length_ns])
    assert gaps.mean() == pytest.approx(5 * MS, rel=0.01)
    assert gaps.std() == pytest.approx(5 * MS, rel=0.02)
    assert (gaps > 10 * MS).mean() == pytest.approx(np.exp(-2), rel=0.03)


def test_a_seed_gives_the_same_gaps_at_any_rate() -> None:
    """Twice the rate halves every gap, so that a search compares like with like."""
    slow = scenarios.poisson(100.0, queries=50, deadline_s=1.0, seed=1)
    fast = scenarios.poisson(200.0, queries=50, deadline_s=1.0, seed=1)
    assert np.allclose(slow.due_ns, 2 * np.array(fast.due_ns), atol=2)


@pytest.mark.parametrize("seed", range(8))
def test_arrivals_last_as_long_as_they_must(seed: int) -> None:
    """600 arrivals at 1 a second end before 600 s for half the seeds: whole cycles are added."""
    plain = scenarios.poisson(1.0, queries=600, deadline_s=1.0, seed=seed)
    least = scenarios.poisson(1.0, queries=600, deadline_s=1.0, seed=seed, least_s=600.0, cycle=4)
    assert least.length_ns >= 600e9
    assert len(least.due_ns) % 4 == 0
    assert list(least.due_ns[:600]) == list(plain.due_ns)
    assert (len(least.due_ns) == 600) == (plain.length_ns >= 600e9)


def test_a_schedule_holds_eight_bytes_a_query_or_none() -> None:
    """A million arrivals take 8 MB (Poisson) or nothing (regular), where a tuple takes 40 MB."""
    queries = 1_000_000
    random = scenarios.poisson(1e5, queries=queries, deadline_s=0.01, seed=1).due_ns
    assert isinstance(random, array)
    assert len(random) * random.itemsize == 8 * queries
    tracemalloc.start()
    even = scenarios.regular(3.0, queries=queries)
    assert tracemalloc.get_traced_memory()[0] < 10_000
    tracemalloc.stop()
    # a third of a second is no whole nanosecond: each arrival is rounded, none drifts
    assert list(even.due_ns[:4]) == [0, 333_333_333, 666_666_667, 1_000_000_000]
    assert even.due_ns[-1] == round((queries - 1) / 3.0 * 1e9)
    assert even.length_ns == round(queries / 3.0 * 1e9)
    assert list(scenarios.regular(3.0, queries=4).due_ns) == list(even.due_ns[:4])


def test_latencies_are_gathered_as_they_lie_in_memory() -> None:
    """Of both scheduled scenarios, and their bytes come off the process's peak memory."""
    time = FakeTime()
    found = scenarios.answer(load(time.calls([1.0])), every(10, 1000), clock=time.clock)
    assert isinstance(found.latencies_ns, array)
    assert found.latencies_ns.itemsize == 8
    gauges = replace(GAUGES, peak_memory=lambda: 1_000_000, on_host=True)
    time = FakeTime()
    calls = Load(scenario="RealTime", calls=time.calls([1.0]), batch=1, frames=1.0)
    got = scenarios.real_time(
        calls, warmth(1.0), gauges, rate=100.0, seconds=10.0, clock=time.clock
    )
    assert got.peak_memory_b == 1_000_000 - 8 * 1000
    time = FakeTime()
    demand = Demand(bound_s=0.05, seconds=300.0)
    served = scenarios.server(
        load(time.calls([10.0])), warmth(0.01), gauges, demand, clock=time.clock
    )
    assert served.peak_memory_b == 1_000_000 - 8 * served.queries


def test_a_rate_whose_cycle_outlasts_the_time_limit_is_said_at_once() -> None:
    """Sixteen frames at one in a thousand seconds would be four hours and a half."""
    calls = Load(scenario="RealTime", calls=FakeTime().calls([1.0]), batch=1, frames=16.0)
    with pytest.raises(NotMeasurable, match=r"16 frames takes 1.6e\+04 s, more than"):
        windows._check_length(calls, rate=0.001, at_most_s=600.0)
    windows._check_length(calls, rate=1.0, at_most_s=600.0)


def test_latency_counts_from_the_scheduled_arrival() -> None:
    """One query of 50 ms delays those behind it; each carries the delay until it is worked off.

    Timed from their start (coordinated omission) they would all seem to take 4 ms.
    """
    time = FakeTime()
    took = [4.0, 4.0, 50.0, *[4.0] * 12]
    found = scenarios.answer(load(time.calls(took)), every(10, 15), clock=time.clock)
    # by hand: the third ends 50 ms after its arrival, the next 54 - 10, then 6 ms less each time
    by_hand = [4, 4, 50, 44, 38, 32, 26, 20, 14, 8, 4, 4, 4, 4, 4]
    assert [round(ns / MS) for ns in found.latencies_ns] == by_hand
    assert found.dropped == 0


def test_no_query_begins_before_it_is_due() -> None:
    """Waiting is slept, but for the last tenth of a millisecond before an arrival."""
    time = FakeTime()
    begun: list[int] = []
    calls = [lambda: begun.append(time.ns)]
    found = scenarios.answer(load(calls), every(10, 20), clock=time.clock)
    start = begun[0]
    for number, moment in enumerate(begun):
        assert abs(moment - start - number * 10 * MS) <= 2 * LOOK_NS
    assert found.elapsed_ns == 200 * MS
    assert time.slept_s == pytest.approx(0.2, abs=0.0025)


def test_queries_wait_for_an_asynchronous_device() -> None:
    """The answer is there when the device has been waited for, not when the call returns."""
    time = FakeTime()
    found = scenarios.answer(
        Load(
            scenario="Server", calls=time.calls([1.0]), batch=1, frames=1.0,
            wait=time.calls([3.0])[0],
        ),
        every(10, 3), clock=time.clock,
    )  # fmt: skip
    assert [round(ns / MS) for ns in found.latencies_ns] == [4, 4, 4]


def test_a_hopeless_try_ends_early() -> None:
    """As soon as more queries are late than may be, the rest is not run."""
    time = FakeTime()
    found = scenarios.answer(
        load(time.calls([20.0])), every(10, 1000, deadline_ms=25), clock=time.clock, most_late=3
    )
    assert found.late == 4
    assert len(found.latencies_ns) == 5  # 20 ms, then 30, 40, 50, 60


def real_time(took_ms: Sequence[float], *, rate: float, seconds: float) -> scenarios.Window:
    time = FakeTime()
    return scenarios.real_time(
        Load(scenario="RealTime", calls=time.calls(took_ms), batch=1, frames=len(took_ms)),
        warmth(1.0), GAUGES, rate=rate, seconds=seconds, clock=time.clock,
    )  # fmt: skip


def test_a_system_that_keeps_up_misses_no_frame() -> None:
    """Throughput is the rate that was offered, and the window lasts as long as the frames do."""
    got = real_time([5.0] * 4, rate=50.0, seconds=2.0)
    found = compute(measurement(), got)
    assert (got.queries, got.seconds) == (100, 2.0)
    assert found["throughput"].value == 50.0
    assert found["missed_frames"].value == 0.0
    assert found["latency_p50"].value == pytest.approx(0.005, rel=0.01)
    assert found["end_to_end_throughput"].value is None


def test_late_frames_are_missed() -> None:
    """Of four frames one takes 25 ms of a period of 20: it and only it is late."""
    got = real_time([5.0, 25.0, 5.0, 5.0], rate=50.0, seconds=2.0)
    found = compute(measurement(), got)
    assert found["missed_frames"].value == pytest.approx(0.25)
    assert found["throughput"].value == pytest.approx(50.0)
    assert got.pace is not None
    assert got.pace.dropped == 0


def test_frames_that_cannot_begin_in_time_are_dropped() -> None:
    """At 50 ms a frame and a period of 20 every frame is missed, and the window still ends."""
    got = real_time([50.0], rate=50.0, seconds=2.0)
    found = compute(measurement(), got)
    assert got.pace is not None
    assert got.queries + got.pace.dropped == 100
    # every 50 ms the newest frame whose deadline has not passed is taken: two in five
    assert got.queries == pytest.approx(40, abs=1)
    assert found["missed_frames"].value == 1.0
    assert found["throughput"].value == pytest.approx(20.0, rel=0.03)
    assert got.seconds < 2.1
    assert found["latency_p90"].value is None
    assert "dropped" in str(found["latency_p90"].reason)


@pytest.mark.parametrize(
    ("took_ms", "rate", "valid"),
    [
        ([5.0], 50.0, True),
        ([25.0, *[5.0] * 99], 50.0, True),  # MLPerf's limit: 1 %
        ([25.0, 5.0, 25.0, *[5.0] * 97], 50.0, False),
        ([25.0, *[5.0] * 19], 10.0, True),
        ([150.0, *[5.0] * 19], 10.0, True),  # one outlier is allowed in any window
        ([50.0], 50.0, False),
        ([0.5], 1e6, False),
    ],
)
def test_a_system_that_does_not_keep_up_is_doubted(
    took_ms: list[float], rate: float, valid: bool
) -> None:
    """Above 1 % of frames missed it says so, with the share; throughput tells asked and met."""
    got = real_time(took_ms, rate=rate, seconds=min(2.0, 20_000 / rate))
    raised = [each for each in doubts.of_window(got) if each.code == "rate_missed"]
    assert (raised == []) is valid
    how = compute(measurement(), got)["throughput"].how
    assert f"asked: {rate:.4g} query/s" in how
    assert got.pace is not None
    offered = got.queries + got.pace.dropped
    found = compute(measurement(), got)["missed_frames"].value
    assert found is not None
    assert f"met: {round((1 - found) * offered)} of {offered} in time" in how
    assert ("the system does not keep up" in how) is not valid
    if not valid:
        (doubt,) = raised
        assert f"{found:.1%} of the {offered:,} queries" in doubt.message
        assert doubt.message.startswith("RealTime: ")
        assert doubt.code in UNRANKING


def test_other_scenarios_are_not_held_to_a_rate() -> None:
    """Late queries of `Server` are its search's affair."""
    assert kept(windowed()) is None


def test_a_query_of_several_frames_comes_less_often() -> None:
    """At a rate of one second of audio a second, recordings of 5 s come every 5 s."""
    time = FakeTime()
    got = scenarios.real_time(
        Load(scenario="RealTime", calls=time.calls([100.0]), batch=1, frames=5.0),
        warmth(1.0), GAUGES, rate=1.0, seconds=50.0, clock=time.clock,
    )  # fmt: skip
    assert (got.queries, got.frames, got.seconds) == (10, 50.0, 50.0)
    assert got.pace is not None
    assert got.pace.deadline_s == 5.0


def serve(took_ms: float, demand: Demand) -> scenarios.Window:
    time = FakeTime()
    calls = time.calls([took_ms])
    return scenarios.server(load(calls), warmth(took_ms * 1e-3), GAUGES, demand, clock=time.clock)


def late_share(rate: float, *, took_s: float, bound_s: float) -> float:
    """Queries over a bound at a queue of one worker: Lindley's recursion on other arrivals."""
    gaps = np.random.default_rng(99).exponential(1 / rate, 40_000)
    waits = accumulate(gaps, lambda wait, gap: max(0.0, wait + took_s - gap), initial=0.0)
    return sum(wait + took_s > bound_s for wait in waits) / len(gaps)


@pytest.mark.parametrize("bound_s", [0.03, 0.06, 0.2])
def test_the_search_finds_the_capacity_of_a_queue(bound_s: float) -> None:
    """The rate is that at which a simulated queue has as many late queries as may be, to 5 %."""
    got = serve(10.0, Demand(bound_s=bound_s, seconds=400.0, seed=3))
    assert got.pace is not None
    assert got.pace.share == 0.99
    may_be = (most_outliers(got.queries, 0.99) or 0) / got.queries
    assert 0.007 < may_be < 0.01
    known, above = 1.0, 100.0
    while above - known > 0.5:
        rate = (known + above) / 2
        meets = late_share(rate, took_s=0.01, bound_s=bound_s) <= may_be
        known, above = (rate, above) if meets else (known, rate)
    assert got.pace.rate == pytest.approx(known, rel=0.05)
    assert percentile(sorted(got.durations_ns), 0.99) <= bound_s * 1e9


def test_a_loose_bound_gives_the_back_to_back_rate() -> None:
    """No rate above what the system answers back to back is claimed."""
    got = serve(10.0, Demand(bound_s=60.0, seconds=200.0))
    assert got.pace is not None
    assert got.pace.capacity == pytest.approx(100.0)
    assert 93 < got.queries / got.seconds < 104


def test_the_servers_row_says_how_its_rate_was_found() -> None:
    """Throughput is the scheduled rate; bound, percentile and tries are in its `how`."""
    got = serve(10.0, Demand(bound_s=0.05, seconds=300.0))
    assert got.pace is not None
    found = compute(measurement(), got)
    assert found["throughput"].value == pytest.approx(got.pace.rate)
    for words in ("p99 is within 0.05 s", f"{got.pace.tries} rates", "Poisson", "99 % confidence"):
        assert words in found["throughput"].how
    assert "from the scheduled arrival" in found["latency_p99"].how
    assert found["missed_frames"].value is None
    late = sum(ns > 0.05e9 for ns in got.durations_ns)
    assert late <= (most_outliers(got.queries, 0.99) or 0)


def test_few_queries_judge_a_lower_percentile() -> None:
    """A window too short for p99 takes the highest percentile that early stopping allows."""
    got = serve(10.0, Demand(bound_s=0.05, seconds=2.0))
    assert got.pace is not None
    assert got.pace.share == 0.9  # half the capacity gives 100 queries: 64 are needed, not 130
    assert "too few queries for p99" in compute(measurement(), got)["throughput"].how
    more = serve(10.0, Demand(bound_s=0.05, seconds=2.0, min_queries=662))
    assert more.pace is not None
    assert more.pace.share == 0.99
    assert more.queries >= 662


def test_a_bound_that_no_rate_meets_is_said() -> None:
    """Where one query alone takes longer than the bound, a few tries end the search."""
    with pytest.raises(NotMeasurable, match=r"no rate meets the latency bound of 0.005 s"):
        serve(10.0, Demand(bound_s=0.005, seconds=10.0))


@pytest.mark.parametrize("capacity", [1.0, 800.0])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.62, 0.97])
def test_the_search_converges(capacity: float, share: float) -> None:
    """Wherever the highest rate lies, it is found from below within 2 % of the capacity."""
    tried: list[float] = []

    def meets(rate: float) -> bool:
        tried.append(rate)
        return rate <= share * capacity

    found = scenarios.search(meets, capacity=capacity)
    assert found.rate is not None
    assert (share - 0.02) * capacity <= found.rate <= share * capacity
    assert found.tries == len(tried) == scenarios.TRIES
    assert scenarios.search(lambda rate: False, capacity=capacity).tries == 2
