"""Tests of `benchsuite.stats`."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from benchsuite import stats
from benchsuite.stats import discovery_cutoff, prior_variance, student_p, student_quantile

SHARES = (0.5, 0.9, 0.95, 0.99, 0.999)


def at_most(k: int, n: int, p: Fraction) -> Fraction:
    """P(X <= k) of a binomial, exactly."""
    return sum((math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1)), Fraction(0))


@pytest.mark.parametrize(
    ("values", "middle"),
    [([3], 3), ([1, 9], 5), ([9, 1, 2], 2), ([4, 1, 3, 2], 2.5), ([1, 1, 1, 100], 1)],
)
def test_the_median_is_the_middle(values: list[float], middle: float) -> None:
    """The median is the middle value in order, or the mean of the middle two."""
    assert stats.median(values) == middle


def test_nothing_has_no_median() -> None:
    """The median of nothing is an error, not 0."""
    with pytest.raises(ValueError, match="nothing"):
        stats.median([])


@pytest.mark.parametrize(
    ("n", "share", "value"),
    [
        (10, 0.5, 5),
        (10, 0.9, 9),
        (10, 0.95, 10),
        (10, 0.0, 1),
        (10, 1.0, 10),
        (11, 0.5, 6),
        (1, 0.99, 1),
        (1000, 0.999, 999),
        (100, 0.55, 55),  # 0.55 * 100 is a little above 55 in binary
        (100, 0.07, 7),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(n: int, share: float, value: int) -> None:
    """The percentile of 1..n is the smallest that the share of all do not exceed."""
    assert stats.percentile(range(1, n + 1), share) == value


def test_percentiles_of_ties() -> None:
    """Among equal durations every percentile below the outlier is that duration."""
    ordered = [5] * 9 + [80]
    assert [stats.percentile(ordered, share) for share in (0.1, 0.5, 0.9, 0.91)] == [5, 5, 5, 80]


@pytest.mark.parametrize(
    ("share", "queries"), list(zip(SHARES, (11, 64, 130, 662, 6636), strict=True))
)
def test_mlperf_numbers_of_queries(share: float, queries: int) -> None:
    """With one outlier allowed a percentile needs the queries that MLPerf Inference publishes."""
    assert stats.least_queries(share) == queries


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("n", [1, 10, 64, 662, 5000, 1_000_000])
def test_the_most_outliers_are_those_of_the_incomplete_beta_function(share: float, n: int) -> None:
    """LoadGen's form of the condition, I_p(n - t, t + 1) <= 1 %, holds for t and not for t + 1."""
    special = pytest.importorskip("scipy.special")
    t = stats.most_outliers(n, share)
    assert special.betainc(n - (t or 0), (t or 0) + 1, share) <= 0.01 or t is None
    least_too_many = 0 if t is None else t + 1
    assert special.betainc(n - least_too_many, least_too_many + 1, share) > 0.01


def test_loadgens_own_verdict() -> None:
    """LoadGen 6.0.17 on 6001 queries of SingleStream, p50: it would discard the 2908 highest."""
    assert stats.most_outliers(6001, 0.5) == 2908 + 1


@pytest.mark.parametrize("outliers", [0, 1, 2, 7])
@pytest.mark.parametrize("share", [Fraction(1, 2), Fraction(9, 10), Fraction(99, 100)])
def test_least_queries_is_the_least(share: Fraction, outliers: int) -> None:
    """That many queries satisfy the binomial condition, computed exactly; one fewer do not."""
    n = stats.least_queries(float(share), outliers=outliers)
    bound = Fraction(1, 100)
    assert at_most(outliers, n, 1 - share) <= bound < at_most(outliers, n - 1, 1 - share)


def test_a_higher_confidence_needs_more_queries() -> None:
    """Without an outlier p90 at 95 % needs 29 queries: 0.9^29 is the first below 0.05."""
    assert stats.least_queries(0.9, outliers=0, confidence=0.95) == 29
    assert stats.least_queries(0.9, outliers=0, confidence=0.99) == 44


@pytest.mark.parametrize("share", SHARES)
def test_the_estimate_needs_the_least_queries(share: float) -> None:
    """One query too few gives None; with just enough the bound is the largest duration."""
    n = stats.least_queries(share)
    assert stats.early_stopping_estimate(range(n - 1), share) is None
    assert stats.early_stopping_estimate(range(n), share) == n - 1


@pytest.mark.parametrize("share", [Fraction(1, 2), Fraction(9, 10), Fraction(99, 100)])
@pytest.mark.parametrize("n", [662, 700, 1000])
def test_the_estimate_allows_as_many_outliers_as_it_can(share: Fraction, n: int) -> None:
    """The estimate of 0..n-1 is n - t for the largest t that the exact condition allows."""
    bound = stats.early_stopping_estimate(range(n), float(share))
    assert bound is not None
    t = n - int(bound)
    assert at_most(t, n, 1 - share) <= Fraction(1, 100) < at_most(t + 1, n, 1 - share)


def test_the_estimate_lies_above_the_percentile_and_approaches_it() -> None:
    """The bound is never below the empirical percentile and comes nearer with more queries."""
    gaps = []
    for n in (100, 10_000, 200_000):
        ordered = range(n)
        bound = stats.early_stopping_estimate(ordered, 0.9)
        assert bound is not None
        gaps.append((bound - stats.percentile(ordered, 0.9)) / n)
    assert gaps[0] > gaps[1] > gaps[2] > 0


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (970, 1000, 0.9575, 0.9789),
    ],
)
def test_wilson_intervals(successes: int, n: int, low: float, high: float) -> None:
    """The interval is Wilson's, to four digits as computed by hand, and stays within [0, 1]."""
    assert stats.wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_solves_its_own_equation() -> None:
    """At either end of the interval the observed share lies 1.96 standard errors away."""
    for end in stats.wilson(83, 100):
        assert abs(0.83 - end) / math.sqrt(end * (1 - end) / 100) == pytest.approx(1.959964)


@pytest.mark.parametrize("n", [0, -1])
def test_no_samples_have_no_interval(n: int) -> None:
    """An interval of no samples is an error."""
    with pytest.raises(ValueError, match="no samples"):
        stats.wilson(0, n)


def test_fisher_interval_by_hand() -> None:
    """For r = 0.5, n = 109: atanh r = 0.549306, half width 1.959964 * 0.1 = 0.195996."""
    low, high = stats.fisher_interval(0.5, 109) or (math.nan, math.nan)
    assert (low, high) == pytest.approx((math.tanh(0.353310), math.tanh(0.745303)), abs=1e-6)


@pytest.mark.parametrize(("correlation", "n"), [(0.5, 9), (1.0, 50), (-1.0, 50), (math.nan, 50)])
def test_correlations_without_an_interval(correlation: float, n: int) -> None:
    """Few pairs, a perfect correlation and a NaN have no interval."""
    assert stats.fisher_interval(correlation, n) is None


@pytest.mark.parametrize(("t", "df"), [(0.5, 1), (2.0, 3), (5.0, 8), (3.3, 30.5), (40.0, 2)])
def test_students_distribution_is_scipys(t: float, df: float) -> None:
    """Two-sided p-values to ten digits, and the quantile is their inverse."""
    reference = pytest.importorskip("scipy.stats")
    p = student_p(t, df)
    assert p == pytest.approx(2 * float(reference.t.sf(t, df)), rel=1e-10)
    assert student_quantile(p, df) == pytest.approx(t, rel=1e-6)


def test_benjamini_and_hochbergs_own_example() -> None:
    """Table of their paper (1995): four of 15 hypotheses fall at a rate of 5 %."""
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
                0.4262, 0.5719, 0.6528, 0.7590, 1.0]  # fmt: skip
    cutoff = discovery_cutoff(p_values, rate=0.05)
    assert sum(p <= cutoff for p in p_values) == 4


def test_nothing_discovered_leaves_what_one_would_have_needed() -> None:
    """The cut-off is the rate over the number of tests, or the rate where there are none."""
    assert discovery_cutoff([0.5, 0.9], rate=0.05) == 0.025
    assert discovery_cutoff([], rate=0.05) == 0.05


def test_the_prior_of_many_variances_is_found() -> None:
    """Variances drawn around 0.01 with 10 degrees of freedom, each seen with 4."""
    numpy = pytest.importorskip("numpy")
    random = numpy.random.default_rng(0)
    true = 0.01 * 10 / random.chisquare(10, 5000)
    seen = [float(v) for v in true * random.chisquare(4, 5000) / 4]
    prior, worth = prior_variance(seen, [4.0] * 5000)
    assert prior == pytest.approx(0.01, rel=0.05)
    assert worth == pytest.approx(10, rel=0.25)
    equal = [float(v) for v in 0.01 * random.chisquare(4, 200) / 4]
    assert prior_variance(equal, [4.0] * 200)[1] > 30
