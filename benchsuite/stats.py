"""Statistics: percentiles that are valid, intervals, Student's t, false-discovery control."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

CONFIDENCE = 0.99
# spread between processes of one machine that a single process cannot show (share of 1)
PROCESS_SPREAD = 0.01
SINGLE_DF = 5.0
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


def median_interval(n: int) -> tuple[int, float]:
    """Which order statistics of `n` values hold the median, whatever their distribution.

    Returns:
        The rank k (from 1), and with what probability the k-th smallest and the k-th largest lie
        on both sides of the median: at least 95 % where n allows it (from 6 values on), else what
        the smallest and the largest give, 1 - 2^(1-n).
    """
    if n < 2:
        raise ValueError("an interval of fewer than two values")
    k = 1
    while 2 * _at_most(k, n, 0.5) <= 0.05:
        k += 1
    return k, 1 - 2 * _at_most(k - 1, n, 0.5)


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


def student_p(t: float, df: float) -> float:
    """The two-sided p-value of Student's t with `df` degrees of freedom.

    P(|T| > t) = I_x(df/2, 1/2) with x = df / (df + t^2), the regularised incomplete beta function.
    """
    if math.isinf(t):
        return 0.0
    return _incomplete_beta(df / 2, 0.5, df / (df + t * t))


@lru_cache(maxsize=4096)
def student_quantile(p: float, df: float) -> float:
    """The t that Student's distribution with `df` degrees of freedom exceeds in `p` both ways.

    Args:
        p: Two-sided, 0 < p < 1: 0.05 gives the factor of a 95 % interval.
        df: Degrees of freedom, above 0.
    """
    low, high = 0.0, 1.0
    while student_p(high, df) > p:
        low, high = high, 2 * high
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if student_p(middle, df) > p else (low, middle)
    return high


def discovery_cutoff(p_values: Sequence[float], *, rate: float) -> float:
    """The p-value up to which all are discoveries, at a false-discovery rate (Benjamini-Hochberg).

    Valid for independent tests and for positively dependent ones, as rows of one night on one
    machine are (Benjamini and Yekutieli 2001). Where nothing is discovered, `rate / m`: what a
    single discovery among the m tests would have needed.
    """
    m = len(p_values)
    if not m:
        return rate
    ranked = enumerate(sorted(p_values), 1)
    found = max((rank for rank, p in ranked if p <= rate * rank / m), default=1)
    return rate * found / m


def prior_variance(variances: Sequence[float], dfs: Sequence[float]) -> tuple[float, float]:
    """What many variances of few degrees of freedom say of each other (Smyth 2004, limma).

    Each is taken as drawn around a common one; the moments of their logarithms give that one and
    how many degrees of freedom it is worth.

    Args:
        variances: Above 0, one a row.
        dfs: The degrees of freedom of each.

    Returns:
        The prior variance and its degrees of freedom; those are infinite where the variances
        differ no more than chance makes them.
    """
    n = len(variances)
    e = [
        math.log(variance) - _digamma(df / 2) + math.log(df / 2)
        for variance, df in zip(variances, dfs, strict=True)
    ]
    mean = sum(e) / n
    rest = sum((each - mean) ** 2 for each in e) / (n - 1)
    rest -= sum(_trigamma(df / 2) for df in dfs) / n
    if rest <= 0:
        return math.exp(mean), math.inf
    half = _inverse_trigamma(rest)
    return math.exp(mean + _digamma(half) - math.log(half)), 2 * half


def _digamma(x: float) -> float:
    """The derivative of log gamma: shifted up, then its asymptotic series."""
    below = 0.0
    while x < 8:
        below -= 1 / x
        x += 1
    square = 1 / (x * x)
    return below + math.log(x) - 0.5 / x - square * (1 / 12 - square * (1 / 120 - square / 252))


def _trigamma(x: float) -> float:
    """The second derivative of log gamma: shifted up, then its asymptotic series."""
    below = 0.0
    while x < 8:
        below += 1 / (x * x)
        x += 1
    square = 1 / (x * x)
    return below + 1 / x + square / 2 + square / x * (1 / 6 - square * (1 / 30 - square / 42))


def _inverse_trigamma(y: float) -> float:
    """The x above 0 with trigamma(x) = y, by bisection; trigamma falls from infinity to 0."""
    low, high = 1e-8, 1.0
    while _trigamma(high) > y and high < 1e8:
        low, high = high, 2 * high
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _trigamma(middle) > y else (low, middle)
    return high


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function by its continued fraction (Lentz's method)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):  # where the fraction converges quickly
        return 1.0 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
        + a * math.log(x) + b * math.log1p(-x)
    )  # fmt: skip
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    value = d
    for m in range(1, 500):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + term * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + term / c
            c = c if abs(c) > tiny else tiny
            value *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return front * value / a


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
