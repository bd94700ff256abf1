"""Statistics over raw durations and counts: percentiles that are valid, intervals, medians."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

CONFIDENCE = 0.99
_Z95 = 1.959963984540054


def median(values: Sequence[float]) -> float:
    """The middle value; of an even number the mean of the middle two.

    Raises:
        ValueError: `values` is empty.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("the median of nothing")
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def percentile(ordered: Sequence[float], share: float) -> float:
    """The empirical percentile: the smallest value that at least `share` of all do not exceed.

    Args:
        ordered: Ascending, not empty.
        share: For example 0.9.
    """
    # 0.55 * 100 is 55.000000000000007: the product is rounded before it is rounded up
    return ordered[max(0, math.ceil(round(share * len(ordered), 6)) - 1)]


@lru_cache(maxsize=64)
def least_queries(share: float, *, outliers: int = 1, confidence: float = CONFIDENCE) -> int:
    """Queries that a percentile needs, if `outliers` of them may lie above it.

    The least n for which n queries with at most `outliers` above the bound let us say with
    `confidence` that the share of queries below it is at least `share`: the binomial condition
    P(X <= outliers; n, 1 - share) <= 1 - confidence of MLPerf Inference's early stopping.
    With one outlier: p50 11, p90 64, p95 130, p99 662, p99.9 6636.
    """
    # MLPerf's appendix counts n = h + t with t overlatency queries *allowed*: t = outliers, and
    # the smallest n is that for which the probability of at most t exceedances is small enough.
    n = outliers + 1
    while _at_most(outliers, n, 1 - share) > 1 - confidence:
        n += 1
    return n


def most_outliers(n: int, share: float) -> int | None:
    """The most of `n` queries that may lie above a bound which the percentile `share` keeps.

    MLPerf Inference's early stopping with 99 % confidence and no tolerance: the largest t with
    P(X <= t; n, 1 - share) <= 1 %. A `Server` run is valid with no more queries over its bound.

    Returns:
        The number, or None where even no query above it would be too few to tell.
    """
    p = 1 - share
    # six deviations below the mean the probability is at most exp(-18 share) (Chernoff): no query
    # count is so small there that the condition fails, and the sum need not begin at 0
    spread = math.sqrt(n * p * share)
    outliers = max(0, math.floor(n * p - 6 * spread)) if share >= 0.5 else 0
    at_most = _at_most(outliers, n, p)
    if at_most > 1 - CONFIDENCE:
        return None
    while True:
        at_most += _exactly(outliers + 1, n, p)
        if at_most > 1 - CONFIDENCE:
            return outliers
        outliers += 1


def early_stopping_estimate(ordered: Sequence[float], share: float) -> float | None:
    """MLPerf's early-stopping estimate of a percentile, an upper bound with 99 % confidence.

    Args:
        ordered: Ascending durations.
        share: For example 0.9.

    Returns:
        The bound, or None where there are too few queries for even one outlier.
    """
    allowed = most_outliers(len(ordered), share)
    return ordered[len(ordered) - allowed] if allowed else None


def wilson(successes: float, n: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share (Wilson 1927).

    Raises:
        ValueError: `n` is not positive.
    """
    if n <= 0:
        raise ValueError("an interval of no samples")
    share = successes / n
    centre = share + _Z95**2 / (2 * n)
    half = _Z95 * math.sqrt(share * (1 - share) / n + _Z95**2 / (4 * n * n))
    scale = 1 + _Z95**2 / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def fisher_interval(correlation: float, n: int) -> tuple[float, float] | None:
    """The 95 % interval of a rank correlation by Fisher's transformation, variance 1.06/(n-3).

    The factor 1.06 is Fieller, Hartley and Pearson's (1957) for Spearman's coefficient.
    """
    if n < 10 or not -1 < correlation < 1:
        return None
    centre, half = math.atanh(correlation), _Z95 * math.sqrt(1.06 / (n - 3))
    return math.tanh(centre - half), math.tanh(centre + half)


def _at_most(k: int, n: int, p: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p); terms too small to matter are left out."""
    total = 0.0
    for i in range(k, -1, -1):
        term = _exactly(i, n, p)
        total += term
        if i < n * p and term < 1e-17 * total:  # below the mean the terms only fall
            break
    return min(total, 1.0)


def _exactly(k: int, n: int, p: float) -> float:
    """P(X = k) for X ~ Binomial(n, p), in logarithms since n! overflows."""
    log_choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(log_choose + k * math.log(p) + (n - k) * math.log1p(-p))
