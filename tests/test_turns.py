"""Tests of windows in short turns: how they are cut, put together, paired, and where they run."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from threading import Event, Thread
from time import sleep

import pytest

from benchsuite import ab, judge, machine
from benchsuite.harness import contention, performance, pinning, turns
from benchsuite.harness.performance import Load
from benchsuite.judge import INCONCLUSIVE, REGRESSED, RULES, SAME, Case, Pair, Reading
from benchsuite.types import Contention, Measurement, Turn

from .measurements import measurement, window


def load(calls: int = 16) -> Load:
    return Load(scenario="Offline", calls=[lambda: None] * calls, batch=4, frames=float(4 * calls))


def test_a_turn_is_a_hundredth_of_a_second() -> None:
    """Queries of 2 ms: five a turn, a hundred turns; each piece holds its share of the frames."""
    plan = turns.schedule(load(), 16 * 2e-3, seconds=1.0, alike=True, min_queries=1)
    assert plan.turns == 100
    assert plan.turn_s == pytest.approx(0.01)
    assert [len(each.calls) * plan.cycles for each in plan.loads] == [5, 5, 5]
    assert {each.frames for each in plan.loads} == {20.0}


def test_short_queries_fill_a_turn_by_repeating_the_cycle() -> None:
    """16 queries of 0.1 ms are 1.6 ms: six times a turn."""
    plan = turns.schedule(load(), 16 * 1e-4, seconds=1.0, alike=True, min_queries=1)
    assert (len(plan.loads), plan.cycles) == (1, 6)


def test_queries_of_many_shapes_stay_whole_cycles() -> None:
    """A turn of part of a cycle would be another mix of lengths."""
    plan = turns.schedule(load(), 16 * 4e-3, seconds=1.0, alike=False, min_queries=1)
    assert [len(each.calls) for each in plan.loads] == [16]
    assert plan.turns == 16  # of 64 ms


def test_slow_queries_are_few_turns_but_an_even_number() -> None:
    """Who is first must be first as often as the other."""
    plan = turns.schedule(load(), 16 * 0.5, seconds=1.0, alike=True, min_queries=1)
    assert (plan.turns, len(plan.loads[0].calls)) == (turns.FEWEST, 1)
    assert turns.FEWEST % 2 == 0


def test_the_least_queries_are_reached_over_all_turns() -> None:
    """662 for a p99 among 100 turns of 2."""
    plan = turns.schedule(load(), 16 * 4e-3, seconds=1.0, alike=True, min_queries=662)
    assert plan.turns * plan.cycles * len(plan.loads[0].calls) >= 662


def test_turns_are_put_together_by_sums() -> None:
    """Durations in their order; energy, contention and time add up, memory is the most."""
    first = replace(
        window(queries=3),
        contention=Contention(involuntary_switches=2, steal_s=0.5, programs=("b",)),
    )
    second = replace(
        first, durations_ns=(9, 8, 7), peak_memory_b=3 << 20,
        contention=Contention(involuntary_switches=1, steal_s=0.25, programs=("a", "b")),
    )  # fmt: skip
    whole = turns.together([first, second])
    assert whole.durations_ns == (1, 2, 3, 9, 8, 7)
    assert (whole.queries, whole.frames, whole.seconds) == (6, 6.0, 4.0)
    assert whole.energy is not None
    assert (whole.energy.energy_j, whole.energy.seconds, whole.energy.course) == (40.0, 4.0, None)
    assert whole.peak_memory_b == 3 << 20
    assert whole.contention == Contention(involuntary_switches=3, steal_s=0.75, programs=("a", "b"))
    assert turns.together([first]) is first


def test_energy_that_one_turn_lacks_is_not_known() -> None:
    """A sum of some of the turns would be too small."""
    lacking = replace(window(queries=3), energy=None, energy_reason="the meter was silent")
    whole = turns.together([lacking, window(queries=3)])
    assert whole.energy is None
    assert whole.energy_reason == "the meter was silent"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux alone binds")
def test_all_threads_are_bound_meanwhile_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library's thread that was there before is bound as well."""
    monkeypatch.setenv(machine.STARTED_WITH, "")
    before = os.sched_getaffinity(0)
    core = min(before)
    ready, end = Event(), Event()
    native: list[int] = []

    def wait() -> None:
        native.append(int(os.readlink("/proc/thread-self").rpartition("/")[2]))
        ready.set()
        end.wait()

    thread = Thread(target=wait)
    thread.start()
    ready.wait()
    try:
        with pinning.bound_to([core]):
            assert os.sched_getaffinity(0) == {core}
            assert os.sched_getaffinity(native[0]) == {core}
        assert os.sched_getaffinity(0) == os.sched_getaffinity(native[0]) == before
        with pinning.bound_to([]):
            assert os.sched_getaffinity(0) == before
    finally:
        end.set()
        thread.join()


def side(rates: list[float], *, p50: float = 1.0) -> Measurement:
    made = tuple(Turn(rate=rate, latency_p50_s=p50) for rate in rates)
    return replace(measurement(), turns={"Offline": made})


def test_turns_are_paired_by_number() -> None:
    """The machine halves its speed after two turns; B is a tenth slower throughout."""
    machine = [100.0, 100.0, 50.0, 50.0]
    before = side(machine)
    after = side([0.9 * rate for rate in machine], p50=1.1)
    found = ab.ratios([ab.Round(before=before, after=after)], "Offline")
    assert found["throughput"] == pytest.approx((0.9,))
    assert found["latency_p50"] == pytest.approx((1.1,))
    assert "energy_per_frame" not in found  # no turn has one


def test_who_was_first_has_no_advantage() -> None:
    """The second of two turns side by side is 5 % slower, whoever it is: the ratio is 1."""
    before = side([100.0, 95.0] * 5)
    after = side([95.0, 100.0] * 5)
    found = ab.ratios([ab.Round(before=before, after=after)], "Offline")
    assert found["throughput"] == pytest.approx((1.0,))


def test_a_round_without_turns_leaves_it_to_the_values() -> None:
    """An environment of an older benchsuite has none."""
    one = ab.Round(before=side([1.0, 1.0]), after=measurement())
    assert ab.ratios([one], "Offline") == {}


def judged(
    ratios: list[float], before: list[float], after: list[float], *, again: bool = False
) -> judge.Verdict:
    pair = Pair(
        before=tuple(Reading(value=value) for value in before),
        after=tuple(Reading(value=value) for value in after),
        interleaved=True,
        ratios=tuple(ratios),
    )
    case = Case(row="r", rule=RULES["throughput"], pair=pair, again=pair if again else None)
    return judge.judge([case])[0]


def test_ratios_decide_where_values_are_noise() -> None:
    """Processes differ by 40 %, the turns side by side by a tenth: confirmed."""
    values = [100.0, 60.0, 90.0, 140.0, 75.0, 110.0]
    ratios = [0.901, 0.899, 0.902, 0.898, 0.9, 0.9]
    found = judged(ratios, values, values[::-1], again=True)
    assert found.verdict == REGRESSED
    assert found.estimate is not None
    assert found.estimate.ratio == pytest.approx(0.9)
    assert judged([], values, values[::-1]).verdict == INCONCLUSIVE


def test_rare_stalls_are_not_the_same() -> None:
    """Most turns are alike, but the whole windows of one side are 10 % slower."""
    ratios = [1.001, 0.999, 1.0, 1.002, 0.998, 1.0]
    before = [100.0, 101.0, 99.0, 100.0, 100.0, 101.0]
    assert judged(ratios, before, before).verdict == SAME
    found = judged(ratios, before, [0.9 * value for value in before])
    assert found.verdict == INCONCLUSIVE
    assert found.reason is not None
    assert "something rare stalls one side" in found.reason


def test_in_turns_as_short_as_a_tick_only_interruptions_are_counted() -> None:
    """The kernel counts CPU time in ticks of 10 ms; interruptions it counts one by one."""
    watcher = contention.Watcher(None, contention.interruptions)
    found = turns.together([replace(window(), contention=watcher.stop())] * 2).contention
    assert found.involuntary_switches is not None
    assert (found.steal_s, found.other_cpu_s, found.bound_cpu_s) == (None, None, None)


def test_the_quickest_cycle_tells_how_long_a_turn_is() -> None:
    """One that was stalled would make turns of too few queries."""
    waits = itertools.cycle([0.02, 0.002, 0.002])
    slow = replace(load(1), calls=[lambda: sleep(next(waits))])
    assert performance.quickest_cycle(slow, seconds=0.05) < 0.02
