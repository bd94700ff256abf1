"""The verdict of every metric of a night's rows, from process-level values alone.

A value is what one measuring process gave. Two samples of such values are compared by the ratio
of their medians, or by the centre of the rounds' own ratios where processes changed places in short
turns: its interval comes from a bootstrap standard error (rounds that were interleaved are
resampled by round) widened by Student's t, because few processes are measured. All rows of a
night are judged together: their spreads inform each other (Smyth 2004), and the false-discovery
rate is set for the whole night. A suspected regression counts only if a second measurement, which
is handed in as data, shows it again; until then it is inconclusive, however large.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from benchsuite.stats import (
    PROCESS_SPREAD,
    SINGLE_DF,
    discovery_cutoff,
    median,
    percentile,
    prior_variance,
    student_p,
    student_quantile,
)

if TYPE_CHECKING:
    import numpy as np

IMPROVED, SAME, REGRESSED = "improved", "same", "regressed"
INCONCLUSIVE, MISSING, FAILED = "inconclusive", "missing", "failed"
VERDICTS = (IMPROVED, SAME, REGRESSED, INCONCLUSIVE, MISSING, FAILED)

RATE = 0.05  # false-discovery rate of a whole night
CONFIDENCE_P = 0.05  # of the interval shown, and of a confirmation
POWER = 0.80
# `same`: below the minimum effect, and the interval within so many times it. Rounds can be had, so
# of them it is so little, and at 99 %, since it is looked for again and again, that a change half
# as large again as matters is hardly ever within
MARGIN, MARGIN_OF_ROUNDS, ROUNDS_P = 2.5, 1.25, 0.01
LEANING = 0.5  # of the minimum effect: a `same` beyond it is worth further rounds

RATE_LIKE, TIME_LIKE, UNMOVED = "rate", "time", "unmoved"

_LEAST_SPREAD = 1e-3
_RESAMPLES = 2000
_ENOUGH_ROWS = 8
# How far processes of one machine may stray (standard deviation; reports/noise: a shared virtual
# machine). A second measurement says nothing of the luck of a baseline of one process: where too
# few rows tell how far it strays, only a loss beyond three times that is believed.
_STRAYING = 0.12
_BEYOND_LUCK = 3 * math.sqrt(2) * _STRAYING
_MOST_DF = 1000.0
_MOST_LOG = 700.0  # the largest float is e to the 709
_UNCHANGED = 0.75
_STILL = 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a metric is judged.

    Attributes:
        key: The metric.
        better: `higher` or `lower`.
        min_effect: The least change that matters (share of 1).
        exact: Compared as it is, without statistics.
        follows: How it moves with the machine: `rate`, `time`, or `unmoved`.
        worsens: Whether a change for the worse is a breach of accuracy parity.
    """

    key: str
    better: str
    min_effect: float = 0.02
    exact: bool = False
    follows: str = UNMOVED
    worsens: bool = False


RULES: Mapping[str, Rule] = {
    rule.key: rule
    for rule in (
        Rule(key="accuracy", better="higher", exact=True, worsens=True),
        Rule(key="throughput", better="higher", follows=RATE_LIKE),
        Rule(key="latency_p50", better="lower", follows=TIME_LIKE),
        Rule(key="latency_p90", better="lower", min_effect=0.05, follows=TIME_LIKE),
        Rule(key="latency_p99", better="lower", min_effect=0.1, follows=TIME_LIKE),
        Rule(key="energy_per_frame", better="lower", follows=TIME_LIKE),
        Rule(key="peak_memory", better="lower", min_effect=0.05),
        Rule(key="model_size", better="lower", exact=True),
        Rule(key="work", better="lower", exact=True),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one process gave.

    Attributes:
        value: In the metric's unit.
        compute, bandwidth: The calibrations beside it over the pinned ones; None where not run.
        spread: Relative standard error of the value within its process, where that is known.
    """

    value: float
    compute: float | None = None
    bandwidth: float | None = None
    spread: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two samples.

    Attributes:
        interleaved: Whether the n-th of both were measured in one round.
        ratios: After over before of each round, from turns that lay side by side; empty where
            there were none, and each process's own value tells.
    """

    before: tuple[Reading, ...]
    after: tuple[Reading, ...]
    interleaved: bool = False
    ratios: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One metric of one row.

    Attributes:
        row: The row's name.
        again: The second measurement, where there is one.
        spoilt: What disturbed the second measurement, where it tells nothing.
        obstacle: Why the two must not be compared, where they must not.
    """

    row: str
    rule: Rule
    pair: Pair
    again: Pair | None = None
    spoilt: str | None = None
    obstacle: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The ratio of the medians, after over before.

    Attributes:
        low, high: 95 % interval.
        p: Two-sided, against no change.
        error: Standard error of the logarithm of the ratio, with `df` degrees of freedom.
    """

    ratio: float
    low: float
    high: float
    p: float
    error: float
    df: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is said of one metric of one row.

    Attributes:
        verdict: One of `VERDICTS`.
        reason: Why, where the numbers do not tell.
        estimate: Drift taken out; None of an exact metric or one that was not compared.
        raw: As measured.
        confirmed: Whether a second measurement showed it again; None where it was not needed.
        suspected: Whether it would be a regression if a second measurement showed it.
        detectable: The smallest change that would have been found four times in five.
        compute_drift, bandwidth_drift: Of the machine, after over before.
        before, after: The medians as measured.
    """

    row: str
    metric: str
    verdict: str
    reason: str | None = None
    estimate: Estimate | None = None
    raw: Estimate | None = None
    confirmed: bool | None = None
    suspected: bool = False
    detectable: float | None = None
    compute_drift: float | None = None
    bandwidth_drift: float | None = None
    before: float | None = None
    after: float | None = None

    @property
    def conclusive(self) -> bool:
        """Whether the metric was compared with a result."""
        return self.verdict in (IMPROVED, SAME, REGRESSED)


def judge(cases: Sequence[Case], *, rate: float = RATE) -> list[Verdict]:
    """Judges all metrics of all rows of a night together.

    Args:
        cases: What is compared, in any order.
        rate: The false-discovery rate over all of them.
    """
    timed = [case for case in cases if not case.rule.exact and case.obstacle is None]
    first = _estimate_all([(case.rule, case.pair, case.again) for case in timed])
    second = dict(
        zip(
            [n for n, case in enumerate(timed) if case.again is not None],
            _estimate_all([(c.rule, c.again, c.pair) for c in timed if c.again is not None]),
            strict=True,
        )
    )
    cutoff = discovery_cutoff([_worst_p(each) for each in first], rate=rate)
    lone = Counter(case.rule.key for case in timed if _lone(case.pair))
    found: list[Verdict] = []
    number = 0
    for case in cases:
        if case.obstacle is not None:
            verdict = Verdict(
                row=case.row, metric=case.rule.key, verdict=INCONCLUSIVE, reason=case.obstacle
            )
            found.append(_with_values(verdict, case))
        elif case.rule.exact:
            found.append(_exactly(case))
        else:
            alone = _lone(case.pair) and lone[case.rule.key] < _ENOUGH_ROWS
            judged = _timed(case, first[number], second.get(number), cutoff=cutoff, alone=alone)
            found.append(_with_values(judged, case))
            number += 1
    return found


def settled(verdict: Verdict, *, min_effect: float | None = None) -> bool:
    """Whether more rounds would hardly change a verdict: it is suspected, clear, or not leaning."""
    if verdict.verdict == INCONCLUSIVE:
        return verdict.suspected
    if verdict.verdict != SAME or verdict.estimate is None:
        return True
    least = RULES[verdict.metric].min_effect if min_effect is None else min_effect
    return abs(math.log(verdict.estimate.ratio)) < LEANING * math.log1p(least)


def drift(pair: Pair) -> tuple[float | None, float | None]:
    """How the machine's compute and bandwidth moved from one sample to the other."""
    return _ratio_of(pair, "compute"), _ratio_of(pair, "bandwidth")


# --- one verdict ----------------------------------------------------------------------------------


def _exactly(case: Case) -> Verdict:
    before, after = case.pair.before[-1].value, case.pair.after[-1].value
    sign = 1 if case.rule.better == "higher" else -1
    change = sign * (after - before)
    verdict = SAME if change == 0 else (IMPROVED if change > 0 else REGRESSED)
    return Verdict(
        row=case.row,
        metric=case.rule.key,
        verdict=verdict,
        before=before,
        after=after,
        confirmed=True if verdict == REGRESSED else None,
        suspected=verdict == REGRESSED,
    )


def _timed(
    case: Case,
    variants: Sequence[Estimate],
    again: Sequence[Estimate] | None,
    *,
    cutoff: float,
    alone: bool,
) -> Verdict:
    rule, raw = case.rule, variants[0]
    shown = _shown(variants)
    least = math.log1p(rule.min_effect)
    gain = _gain(shown, rule)
    found_from = student_quantile(min(cutoff, 0.5), shown.df)
    found_from += student_quantile(2 * (1 - POWER), 1e3)
    detectable = max(_exp(found_from * shown.error) - 1, rule.min_effect)
    base = Verdict(
        row=case.row,
        metric=rule.key,
        verdict=INCONCLUSIVE,
        estimate=shown,
        raw=raw,
        detectable=detectable,
    )
    significant = shown.p <= cutoff and abs(gain) >= least and abs(_gain(raw, rule)) >= least
    if significant and gain > 0:
        return replace(base, verdict=IMPROVED)
    if significant:
        return _suspected(base, case, again, alone=alone)
    reach = max(abs(math.log(shown.low)), abs(math.log(shown.high)))
    near = reach <= math.log1p(MARGIN * rule.min_effect)
    if case.pair.interleaved:
        wide = abs(math.log(shown.ratio)) + student_quantile(ROUNDS_P, shown.df) * shown.error
        near = wide <= math.log1p(MARGIN_OF_ROUNDS * rule.min_effect)
    # of the hundred rows of two nights some miss 1 by chance; of one row's rounds it is a sign
    unmoved = shown.low <= 1 <= shown.high or reach <= least or not case.pair.interleaved
    if near and unmoved and abs(gain) < least:
        stalls = _stalls(case)
        return replace(base, verdict=SAME) if stalls is None else replace(base, reason=stalls)
    return replace(base, reason=_why_inconclusive(shown, raw, cutoff=cutoff, rule=rule))


def _stalls(case: Case) -> str | None:
    """Why turns that are alike do not tell of the whole: what is rare is in few of them."""
    if len(case.pair.ratios) < 2:
        return None
    whole = _estimate(_spread(replace(case.pair, ratios=())))
    if whole.p > CONFIDENCE_P or abs(_gain(whole, case.rule)) < math.log1p(case.rule.min_effect):
        return None
    return (
        f"most turns are alike, but in all of them together it is {change_said(whole)}: something "
        "rare stalls one side"
    )


def _lone(pair: Pair) -> bool:
    """Whether each side is one process, and nothing shows how far it strays."""
    return len(pair.before) == len(pair.after) == 1 and not pair.interleaved


def _suspected(
    base: Verdict, case: Case, again: Sequence[Estimate] | None, *, alone: bool
) -> Verdict:
    rule, shown = case.rule, base.estimate
    assert shown is not None
    base = replace(base, suspected=True)
    if again is not None:
        second = _shown(again)
        worse = _gain(second, rule) < 0 and _gain(again[0], rule) < 0
        loss = -max(_gain(shown, rule), _gain(second, rule))
        if worse and alone and loss < _BEYOND_LUCK:
            why = (
                f"measured again it gave {change_said(second)}, but against one process of the "
                "baseline, which may have been lucky; give both runs --repeats 5"
            )
            return replace(base, confirmed=False, suspected=False, reason=why)
        if worse and second.p <= 2 * CONFIDENCE_P:  # one-sided: the direction is known
            return replace(base, verdict=REGRESSED, confirmed=True)
        return replace(
            base,
            confirmed=False,
            suspected=False,
            reason=f"suspected, but a second measurement gave {change_said(second)}",
        )
    if case.spoilt is not None:
        why = f"suspected, but the second measurement was disturbed: {case.spoilt}"
        return replace(base, reason=why)
    return replace(base, reason="suspected; measure it again before it is called a regression")


def _why_inconclusive(shown: Estimate, raw: Estimate, *, cutoff: float, rule: Rule) -> str:
    if abs(math.log(raw.ratio)) - abs(math.log(shown.ratio)) > math.log1p(rule.min_effect):
        return f"the machine's drift explains part of {change_said(raw)}"
    if shown.p <= CONFIDENCE_P and abs(_gain(shown, rule)) < math.log1p(rule.min_effect):
        return f"{change_said(shown)} may be more than the {rule.min_effect:.0%} that matter"
    if shown.p <= CONFIDENCE_P:
        return f"too little evidence among so many rows (p {shown.p:.2g}, needed {cutoff:.2g})"
    return "too noisy to tell"


def change_said(estimate: Estimate) -> str:
    """A change as it is said: `-4.8% [-5.6, -4.1]`."""
    ratio, low, high = (100 * (x - 1) for x in (estimate.ratio, estimate.low, estimate.high))
    return f"{ratio:+.1f}% [{low:+.1f}, {high:+.1f}]"


def _gain(estimate: Estimate, rule: Rule) -> float:
    """Log-ratio, positive where the change is for the better."""
    return math.log(estimate.ratio) * (1 if rule.better == "higher" else -1)


def _shown(variants: Sequence[Estimate]) -> Estimate:
    """What stands with drift taken out: the most doubtful variant, with an interval over all.

    `variants` begins with the raw one, which counts only where nothing was taken out.
    """
    corrected = variants[1:] or variants
    doubtful = max(corrected, key=lambda each: each.p)
    return replace(
        doubtful,
        p=_worst_p(variants),
        low=min(each.low for each in corrected),
        high=max(each.high for each in corrected),
        error=max(each.error for each in corrected),
    )


def _worst_p(variants: Sequence[Estimate]) -> float:
    """The p-value of the variant that shows least; 1 where two point in opposite directions."""
    signs = {math.copysign(1.0, math.log(each.ratio)) for each in variants if each.ratio != 1}
    return 1.0 if len(signs) > 1 else max(each.p for each in variants)


def _with_values(verdict: Verdict, case: Case) -> Verdict:
    compute, bandwidth = drift(case.pair)
    return replace(
        verdict,
        compute_drift=compute,
        bandwidth_drift=bandwidth,
        before=median([reading.value for reading in case.pair.before]),
        after=median([reading.value for reading in case.pair.after]),
    )


# --- estimates ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spread:
    """A log-ratio with its variance.

    Attributes:
        alone: Whether a side is a single process, which cannot show how it was disturbed.
        single: Whether both are.
        values: Logarithms of the other side's processes, where one side is alone.
        repeat: Log-ratio of a second measurement of the lone process's system to the first.
    """

    log_ratio: float
    variance: float
    df: float
    alone: bool = False
    single: bool = False
    values: tuple[float, ...] = ()
    repeat: float | None = None


def _estimate_all(
    pairs: Sequence[tuple[Rule, Pair | None, Pair | None]],
) -> list[list[Estimate]]:
    """Each pair's estimates: as measured, then with each kind of drift taken out.

    Args:
        pairs: A rule, what is compared by it, and the other measurement of the same where there
            is one.
    """
    spreads: list[list[_Spread]] = []
    groups: dict[tuple[str, int, bool], list[tuple[int, int]]] = defaultdict(list)
    for place, (rule, pair, other) in enumerate(pairs):
        assert pair is not None
        others = _variants(rule, other) if other is not None else []
        own = []
        for kind, each in enumerate(_variants(rule, pair)):
            found = _spread(each)
            if found.alone and kind < len(others) and not others[kind].interleaved:
                found = replace(found, repeat=_repeat(each, others[kind]))
            own.append(found)
            groups[rule.key, kind, found.alone].append((place, kind))
        spreads.append(own)
    for (_, _, alone), places in groups.items():
        if len(places) < _ENOUGH_ROWS:
            continue
        together = [spreads[place][kind] for place, kind in places]
        prior, worth = _prior(together)
        informed = [_informed(each, prior=prior, worth=worth) for each in together]
        if alone:
            informed = _widened(informed, prior=prior, worth=worth)
        for (place, kind), better in zip(places, informed, strict=True):
            spreads[place][kind] = better
    return [[_estimate(each) for each in own] for own in spreads]


def _repeat(pair: Pair, other: Pair) -> float | None:
    """How far a second measurement of the very same lies from a single first one (log-ratio)."""
    if len(pair.after) != 1 or len(other.after) != 1:
        return None
    return math.log(other.after[0].value / pair.after[0].value)


def _variants(rule: Rule, pair: Pair) -> list[Pair]:
    """The pair as measured and, where it was not interleaved, with each drift taken out."""
    found = [pair]
    if rule.follows == UNMOVED or pair.interleaved:
        return found
    for name in ("compute", "bandwidth"):
        sides = [_without(side, name, follows=rule.follows) for side in (pair.before, pair.after)]
        if sides[0] and sides[1]:
            found.append(replace(pair, before=sides[0], after=sides[1]))
    return found


def _without(side: Sequence[Reading], name: str, *, follows: str) -> tuple[Reading, ...]:
    found = []
    for reading in side:
        moved = getattr(reading, name)
        if not moved:
            return ()
        value = reading.value / moved if follows == RATE_LIKE else reading.value * moved
        found.append(replace(reading, value=value))
    return tuple(found)


def _spread(pair: Pair) -> _Spread:
    before = [math.log(reading.value) for reading in pair.before]
    after = [math.log(reading.value) for reading in pair.after]
    log_ratio = median(after) - median(before)
    n, m = len(before), len(after)
    if len(pair.ratios) > 1:
        logs = [math.log(ratio) for ratio in pair.ratios]
        log_ratio = float(_centres(logs))
        variance, df = _bootstrap(logs, _centres), float(len(logs) - 1)
    elif pair.interleaved and n == m and n > 1:
        variance, df = _bootstrap_paired(before, after), float(n - 1)
    elif n > 1 and m > 1:
        mine, theirs = _bootstrap(before), _bootstrap(after)
        variance = mine + theirs
        # Welch and Satterthwaite
        parts = mine**2 / (n - 1) + theirs**2 / (m - 1)
        df = variance**2 / parts if parts > 0 else float(n + m - 2)
    elif n > 1 or m > 1:
        many = before if n > 1 else after
        return _Spread(
            log_ratio=log_ratio,
            variance=max(_bootstrap(many) + _variance(many), _LEAST_SPREAD**2),
            df=float(len(many) - 1),
            alone=True,
            values=tuple(many),
        )
    else:
        within = [reading.spread or 0.0 for reading in (*pair.before, *pair.after)]
        variance = sum(each**2 for each in within) + 2 * PROCESS_SPREAD**2
        return _Spread(
            log_ratio=log_ratio, variance=variance, df=SINGLE_DF, alone=True, single=True
        )
    return _Spread(log_ratio=log_ratio, variance=max(variance, _LEAST_SPREAD**2), df=df)


def _prior(spreads: Sequence[_Spread]) -> tuple[float, float]:
    """The variance that the rows of a night share, and the degrees of freedom it is worth."""
    several = [s for s in spreads if not s.single]
    if len(several) < _ENOUGH_ROWS:
        return 0.0, 0.0
    prior, worth = prior_variance([s.variance for s in several], [s.df for s in several])
    return prior, min(worth, _MOST_DF)


def _informed(spread: _Spread, *, prior: float, worth: float) -> _Spread:
    """A variance of few degrees of freedom, drawn towards what all rows of a night show."""
    if spread.single:
        return spread
    return replace(
        spread,
        variance=(worth * prior + spread.df * spread.variance) / (worth + spread.df),
        df=min(worth + spread.df, _MOST_DF),
    )


def _widened(spreads: Sequence[_Spread], *, prior: float, worth: float) -> list[_Spread]:
    """Spreads that fit how far lone processes stray where nothing changed.

    That is seen where a baseline's runs are left out one at a time, and where a second
    measurement lies beside the first; failing both, in the rows themselves, of which three
    quarters are taken to be unchanged (genomic control: Devlin and Roeder 1999).
    """
    usual = median([s.df for s in spreads])
    still = [score for s in spreads for score in _still_scores(s, prior=prior, worth=worth)]
    if still:
        factor = percentile(sorted(still), _STILL) / student_quantile(1 - _STILL, usual)
    else:
        middle = median([s.log_ratio for s in spreads])
        scores = sorted(abs(s.log_ratio - middle) / math.sqrt(s.variance) for s in spreads)
        factor = percentile(scores, _UNCHANGED) / student_quantile(1 - _UNCHANGED, usual)
    return [replace(s, variance=s.variance * max(1.0, factor) ** 2) for s in spreads]


def _still_scores(spread: _Spread, *, prior: float, worth: float) -> list[float]:
    """Distances between processes of the same system, in standard errors."""
    found = []
    if spread.repeat is not None:
        found.append(abs(spread.repeat) / math.sqrt(spread.variance))
    n = len(spread.values)
    for place, value in enumerate(spread.values if n > 2 else ()):
        rest = [*spread.values[:place], *spread.values[place + 1 :]]
        # of one value and of the median of the rest, whose variance is about pi / 2 / (n - 1)
        own = _variance(rest) * (1 + math.pi / 2 / (n - 1))
        variance = (worth * prior + (n - 2) * own) / (worth + n - 2)
        found.append(abs(value - median(rest)) / math.sqrt(max(variance, _LEAST_SPREAD**2)))
    return found


def _estimate(spread: _Spread) -> Estimate:
    error = math.sqrt(spread.variance)
    reach = student_quantile(CONFIDENCE_P, spread.df) * error
    return Estimate(
        ratio=_exp(spread.log_ratio),
        low=_exp(spread.log_ratio - reach),
        high=_exp(spread.log_ratio + reach),
        p=student_p(abs(spread.log_ratio) / error, spread.df),
        error=error,
        df=spread.df,
    )


def _exp(logarithm: float) -> float:
    """A ratio that stays a positive, finite number whatever was handed in."""
    return math.exp(min(max(logarithm, -_MOST_LOG), _MOST_LOG))


def _bootstrap(values: Sequence[float], locate: Callable[[Any], Any] | None = None) -> float:
    """The bootstrap variance of the median or another location, unbiased by n / (n - 1)."""
    import numpy as np

    n = len(values)
    drawn = np.asarray(values)[_draws(n)]
    located = np.median(drawn, axis=1) if locate is None else locate(drawn)
    return float(located.var()) * n / (n - 1)


def _centres(values: Any) -> Any:
    """The median of the means of all pairs along the last axis.

    Of few rounds it is nearly as sharp as the mean, and a wild one hardly moves it (Hodges and
    Lehmann 1963).
    """
    import numpy as np

    array = np.asarray(values)
    first, second = np.triu_indices(array.shape[-1])
    return np.median((array[..., first] + array[..., second]) / 2, axis=-1)


def _bootstrap_paired(before: Sequence[float], after: Sequence[float]) -> float:
    """The bootstrap variance of the difference of the medians, whole rounds drawn together."""
    import numpy as np

    n, draws = len(before), _draws(len(before))
    medians = [np.median(np.asarray(side)[draws], axis=1) for side in (before, after)]
    return float((medians[1] - medians[0]).var()) * n / (n - 1)


@lru_cache(maxsize=64)
def _draws(n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The same draws at every call: a verdict is repeatable."""
    import numpy as np

    return np.random.default_rng(n).integers(0, n, size=(_RESAMPLES, n))


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _ratio_of(pair: Pair, name: str) -> float | None:
    sides = [[getattr(reading, name) for reading in side] for side in (pair.before, pair.after)]
    if any(value is None or value <= 0 for side in sides for value in side):
        return None
    return median(sides[1]) / median(sides[0])
