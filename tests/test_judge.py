"""Tests of `benchsuite.judge` on simulated nights: false alarms, power, verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from benchsuite.judge import (
    IMPROVED,
    INCONCLUSIVE,
    REGRESSED,
    RULES,
    SAME,
    Case,
    Pair,
    Reading,
    Rule,
    Verdict,
    judge,
)

Noise = Callable[[np.random.Generator, int, float], "np.ndarray[tuple[int], np.dtype[np.float64]]"]
RULE = RULES["throughput"]


def normal(
    random: np.random.Generator, n: int, sd: float
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.exp(random.normal(0, sd, n))


def heavy(
    random: np.random.Generator, n: int, sd: float
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.exp(sd * random.standard_t(3, n))


def half_loaded(
    random: np.random.Generator, n: int, sd: float
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Another process takes half of the machine during half of the rounds."""
    return np.exp(random.normal(0, sd, n)) * np.where(random.random(n) < 0.5, 0.5, 1.0)


def readings(values: Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]]
             ) -> tuple[Reading, ...]:  # fmt: skip
    return tuple(Reading(value=float(value)) for value in values)


def night(
    random: np.random.Generator,
    *,
    rows: int = 100,
    before: int = 8,
    after: int = 8,
    interleaved: bool = True,
    slower: Sequence[float] = (),
    sd: float = 0.01,
    noise: Noise = normal,
) -> list[Case]:
    """Rows of unlike noise; the first ones are slower by the given factors."""
    cases = []
    for number in range(rows):
        own = sd * float(np.exp(random.normal(0, 0.4)))
        factor = slower[number] if number < len(slower) else 1.0
        first = readings(noise(random, before, own))
        pair = Pair(before=first, after=readings(factor * noise(random, after, own)),
                    interleaved=interleaved)  # fmt: skip
        second = readings(noise(random, before, own)) if interleaved else first
        again = Pair(before=second, after=readings(factor * noise(random, after, own)),
                     interleaved=interleaved)  # fmt: skip
        cases.append(Case(row=str(number), rule=RULE, pair=pair, again=again))
    return cases


def named(verdicts: Sequence[Verdict], verdict: str) -> list[str]:
    return [each.row for each in verdicts if each.verdict == verdict]


@pytest.mark.parametrize("noise", [normal, heavy, half_loaded])
@pytest.mark.parametrize(("before", "after", "interleaved"), [(5, 5, True), (7, 1, False)])
def test_nights_without_a_change_are_not_red(
    noise: Noise, before: int, after: int, interleaved: bool
) -> None:
    """Thirty nights of 100 unchanged rows have at most one false red."""
    random = np.random.default_rng(1)
    red = 0
    for _ in range(30):
        cases = night(random, before=before, after=after, interleaved=interleaved, noise=noise)
        red += bool(named(judge(cases), REGRESSED))
    assert red <= 1


def test_a_quiet_night_is_conclusive() -> None:
    """With 0.5 % of noise a side and eight rounds most rows are said to be the same."""
    verdicts = judge(night(np.random.default_rng(2), sd=0.005))
    assert len(named(verdicts, SAME)) >= 90
    assert all(each.detectable is not None for each in verdicts)


def test_planted_regressions_are_found() -> None:
    """Ten rows of a hundred, each 5 % slower, eight rounds, 1 % of noise: nine of ten or more."""
    random = np.random.default_rng(3)
    found = false = 0
    for _ in range(10):
        red = named(judge(night(random, slower=[0.95] * 10)), REGRESSED)
        found += sum(int(row) < 10 for row in red)
        false += sum(int(row) >= 10 for row in red)
    assert found >= 90
    assert false <= 0.05 * (found + false)


def test_a_library_that_slows_half_of_all_rows_is_found_by_single_runs() -> None:
    """Seven nights, one new run and one to confirm: 8 % of half the rows is not taken for noise."""
    random = np.random.default_rng(4)
    cases = night(random, before=7, after=1, interleaved=False, slower=[0.92] * 50)
    red = named(judge(cases), REGRESSED)
    assert len(red) >= 30
    assert all(int(row) < 50 for row in red)


def test_the_false_discovery_rate_holds_without_confirmation() -> None:
    """Improvements, which no second measurement checks, are false in at most 5 % of all."""
    random = np.random.default_rng(5)
    true = false = 0
    for _ in range(10):
        better = named(judge(night(random, slower=[1.06] * 20)), IMPROVED)
        true += sum(int(row) < 20 for row in better)
        false += sum(int(row) >= 20 for row in better)
    assert true >= 150
    assert false <= 0.05 * (true + false)


@pytest.mark.parametrize(("factor", "least"), [(0.95, 19), (0.97, 15)])
def test_one_comparison_finds_a_planted_slow_down(factor: float, least: int) -> None:
    """One system alone, ten interleaved rounds of 0.7 % noise: 5 % in 19 of 20, 3 % in 15."""
    random = np.random.default_rng(6)
    found = sum(
        bool(named(judge(night(random, rows=1, before=10, after=10, slower=[factor], sd=0.007)),
                   REGRESSED))
        for _ in range(20)
    )  # fmt: skip
    assert found >= least


def test_five_hundred_comparisons_of_a_system_with_itself() -> None:
    """At most one false `regressed`."""
    random = np.random.default_rng(7)
    found = sum(
        bool(named(judge(night(random, rows=1, before=6, after=6)), REGRESSED)) for _ in range(500)
    )
    assert found <= 1


def test_slow_drift_hits_both_sides_of_a_round() -> None:
    """The machine slows by half over the rounds; interleaved sides are still told the same."""
    drift = np.linspace(1.0, 0.5, 10)
    random = np.random.default_rng(8)
    pair = Pair(
        before=readings(drift * normal(random, 10, 0.002)),
        after=readings(drift * normal(random, 10, 0.002)),
        interleaved=True,
    )
    (verdict,) = judge([Case(row="x", rule=RULE, pair=pair)])
    assert verdict.verdict == SAME


def reading(value: float, *, compute: float = 1.0, bandwidth: float = 1.0) -> Reading:
    return Reading(value=value, compute=compute, bandwidth=bandwidth)


def test_drift_of_one_kind_alone_is_inconclusive() -> None:
    """Compute drifted, bandwidth did not: whether the change is drift cannot be told."""
    base = tuple(reading(100 + n / 10) for n in range(5))
    new = tuple(reading(90 + n / 10, compute=0.9) for n in range(5))
    (verdict,) = judge([Case(row="x", rule=RULE, pair=Pair(before=base, after=new))])
    assert verdict.verdict == INCONCLUSIVE
    assert verdict.reason is not None
    assert verdict.reason.startswith("the machine's drift explains part of -10.0%")
    assert verdict.compute_drift == pytest.approx(0.9)
    assert verdict.bandwidth_drift == pytest.approx(1.0)


def test_latency_and_drift_move_against_each_other() -> None:
    """On a machine half as fast a latency twice as long is the same."""
    base = tuple(reading(1 + n / 1000) for n in range(5))
    new = tuple(reading(2 + n / 500, compute=0.5, bandwidth=0.5) for n in range(5))
    rule = RULES["latency_p50"]
    (verdict,) = judge([Case(row="x", rule=rule, pair=Pair(before=base, after=new))])
    assert verdict.verdict == SAME


def test_a_suspicion_that_is_not_seen_again_is_no_regression() -> None:
    """The second measurement clears it, and the reason tells what it gave."""
    base, slow = readings([100, 101, 99, 100, 100.5]), readings([94, 95, 93, 94, 94.5])
    pair = Pair(before=base, after=slow, interleaved=True)
    calm = Pair(before=base, after=base, interleaved=True)
    (first,) = judge([Case(row="x", rule=RULE, pair=pair)])
    assert (first.verdict, first.suspected) == (INCONCLUSIVE, True)
    (cleared,) = judge([Case(row="x", rule=RULE, pair=pair, again=calm)])
    assert (cleared.verdict, cleared.suspected, cleared.confirmed) == (INCONCLUSIVE, False, False)
    (confirmed,) = judge([Case(row="x", rule=RULE, pair=pair, again=pair)])
    assert (confirmed.verdict, confirmed.confirmed) == (REGRESSED, True)


@pytest.mark.parametrize(
    ("metric", "before", "after", "verdict"),
    [
        ("accuracy", 0.98, 0.98, SAME),
        ("accuracy", 0.98, 0.979999, REGRESSED),
        ("accuracy", 0.98, 0.981, IMPROVED),
        ("model_size", 1000.0, 1001.0, REGRESSED),
        ("work", 1e9, 0.9e9, IMPROVED),
        ("accuracy", 0.0, 0.0, SAME),
    ],
)
def test_accuracy_size_and_work_are_exact(
    metric: str, before: float, after: float, verdict: str
) -> None:
    """Not a statistic: any difference counts."""
    pair = Pair(before=readings([before]), after=readings([after]))
    (found,) = judge([Case(row="x", rule=RULES[metric], pair=pair)])
    assert found.verdict == verdict


def test_a_change_below_the_minimum_effect_is_the_same() -> None:
    """A certain 1 % is no regression at a minimum effect of 2 %; at 0.5 % it is."""
    base, slow = readings([100.0, 100.01] * 4), readings([99.0, 99.01] * 4)
    pair = Pair(before=base, after=slow, interleaved=True)
    (found,) = judge([Case(row="x", rule=RULE, pair=pair, again=pair)])
    assert found.verdict == SAME
    rule = Rule(key="throughput", better="higher", min_effect=0.005)
    (found,) = judge([Case(row="x", rule=rule, pair=pair, again=pair)])
    assert found.verdict == REGRESSED


def test_a_verdict_is_repeatable() -> None:
    """The same data give the same numbers."""
    cases = night(np.random.default_rng(9), rows=10)
    assert judge(cases) == judge(cases)


def test_an_obstacle_is_inconclusive_with_its_reason() -> None:
    """What must not be compared is not, and counts for nothing else."""
    pair = Pair(before=readings([1.0]), after=readings([2.0]))
    (found,) = judge([Case(row="x", rule=RULE, pair=pair, obstacle="other machine: a against b")])
    assert (found.verdict, found.reason) == (INCONCLUSIVE, "other machine: a against b")
    assert found.estimate is None


def by_ratio(ratios: Sequence[float]) -> Verdict:
    """One comparison of rounds whose turns gave these ratios."""
    same = readings([1.0] * len(ratios))
    pair = Pair(before=same, after=same, interleaved=True, ratios=tuple(ratios))
    (verdict,) = judge([Case(row="row", rule=RULE, pair=pair)])
    return verdict


def test_the_centre_of_rounds_is_the_median_of_the_means_of_pairs() -> None:
    """Of logarithms 0, 0.01, 0.02, 0.09: the ten pairs' means are 0, .005, .01, .01, .015, .02,
    .045, .05, .055, .09, and their middle is 0.0175.
    """
    found = by_ratio(np.exp([0.0, 0.01, 0.02, 0.09]))
    assert found.estimate is not None
    assert np.log(found.estimate.ratio) == pytest.approx(0.0175)


def test_one_wild_round_hardly_moves_the_centre() -> None:
    """Seven rounds of 5 % and one that was stalled to half: still 5 %."""
    found = by_ratio([0.95, 0.951, 0.949, 0.95, 0.952, 0.948, 0.95, 0.5])
    assert found.estimate is not None
    assert found.estimate.ratio == pytest.approx(0.95, abs=0.002)


@pytest.mark.parametrize("rounds", [4, 6, 9])
def test_the_interval_of_the_centre_holds_the_truth(rounds: int) -> None:
    """At least 95 % of 1,000 intervals, of normal noise and of such with rare jumps."""
    random = np.random.default_rng(rounds)
    for jumps in (0.0, 0.15):
        held = 0
        for _ in range(1000):
            noise = random.normal(0, 0.01, rounds)
            noise *= np.where(random.random(rounds) < jumps, 5, 1)
            estimate = by_ratio(np.exp(noise)).estimate
            assert estimate is not None
            held += estimate.low <= 1 <= estimate.high
        assert held >= 950


def test_what_surely_changed_but_hardly_matters_is_no_same() -> None:
    """-1.8 % with an interval to -2.6: it may be more than the 2 % that matter; -0.4 % is not."""
    found = by_ratio(np.exp([-0.016, -0.018, -0.020, -0.0178, -0.022, -0.0155]))
    assert found.verdict == INCONCLUSIVE
    assert found.reason is not None
    assert "may be more than the 2% that matter" in found.reason
    assert by_ratio(np.exp([-0.004, -0.0042, -0.0038, -0.0041])).verdict == SAME


@pytest.mark.parametrize("sd", [0.01, 0.02, 0.03])
@pytest.mark.parametrize("rounds", [4, 6, 9])
def test_what_is_slower_by_half_more_than_matters_is_hardly_ever_the_same(
    rounds: int, sd: float
) -> None:
    """Of 3 % at most 2 of 200 comparisons say `same`, however much the rounds stray."""
    random = np.random.default_rng(5)
    found = [by_ratio(heavy(random, rounds, sd) / 1.03) for _ in range(200)]
    assert sum(each.verdict == SAME for each in found) <= 2


def test_hostile_values_give_no_overflow() -> None:
    """What an imported file may say is judged like anything else."""
    pair = Pair(before=readings([1e-300, 2e-300]), after=readings([1e300, 1e305]))
    (found,) = judge([Case(row="x", rule=RULE, pair=pair)])
    assert found.estimate is not None
    assert np.isfinite([found.estimate.high, found.detectable]).all()
    assert found.estimate.low > 0


def test_the_luck_of_a_lone_baseline_is_no_regression() -> None:
    """Two lone processes against a lone one whose machine strays by 12 %: what looks worse twice
    may be one lucky baseline; a loss beyond all luck is believed, and so is one among many rows.
    """
    random = np.random.default_rng(11)
    red = 0
    for _ in range(300):
        before, after, again = np.exp(random.normal(0, 0.12, 3))
        pairs = [Pair(before=readings([before]), after=readings([x])) for x in (after, again)]
        verdicts = judge([Case(row="x", rule=RULE, pair=pairs[0], again=pairs[1])])
        red += bool(named(verdicts, REGRESSED))
    assert red <= 1
    lone = Pair(before=readings([100.0]), after=readings([80.0]))
    (lucky,) = judge([Case(row="x", rule=RULE, pair=lone, again=lone)])
    assert (lucky.verdict, lucky.confirmed) == (INCONCLUSIVE, False)
    assert "give both runs --repeats 5" in (lucky.reason or "")
    half = Pair(before=readings([100.0]), after=readings([50.0]))
    (sure,) = judge([Case(row="x", rule=RULE, pair=half, again=half)])
    assert (sure.verdict, sure.confirmed) == (REGRESSED, True)
    quiet = Pair(before=readings([100.0]), after=readings([100.1]))
    cases = [Case(row=str(n), rule=RULE, pair=quiet, again=quiet) for n in range(9)]
    found = judge([*cases, Case(row="x", rule=RULE, pair=lone, again=lone)])
    assert found[-1].verdict == REGRESSED
