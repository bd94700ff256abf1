"""What would make an inconclusive `ab` conclusive: one sentence, with the flag to give."""

from __future__ import annotations

from dataclasses import replace

from benchsuite.gate import Judgement
from benchsuite.sequential import MOST_ROUNDS, Limits

_LONGER = 5  # times the budget: a standard error falls with the root of the rounds


def advised(judgement: Judgement, *, rounds: int, again: int, limits: Limits) -> Judgement:
    """The same judgement with what its reader can do, where that is known.

    Args:
        judgement: Of a comparison.
        rounds, again: Made in its first look, and to measure again what was suspected.
        limits: Under which they were made.
    """
    return replace(judgement, advice=_advice(judgement, rounds=rounds, again=again, limits=limits))


def _advice(judgement: Judgement, *, rounds: int, again: int, limits: Limits) -> str:
    if judgement.regressions:
        return ""
    absent = [line.verdict.metric for line in judgement.absent]
    if absent:
        weights = set(absent) == {"accuracy"}
        return "give both sides weights: WORKLOAD@weights=FILE" if weights else ""
    # what disturbed a row is its reason, and more of the same would not help
    noisy = [line.verdict for line in judgement.undecided if line.verdict.estimate is not None]
    if not noisy:
        return ""
    if limits.rounds is not None:
        return f"{rounds} rounds were asked for; give --rounds {2 * rounds}, or leave it out"
    if any(verdict.confirmed is False for verdict in noisy):
        told = f"{rounds} rounds and the {again} that measured it again do not agree"
    elif rounds >= MOST_ROUNDS:
        return f"{rounds} rounds are the most that a budget makes; give --rounds {2 * rounds}"
    else:
        told = f"the budget of {limits.budget_s:g} s ended after {rounds} rounds"
    return f"{told}; give --budget {_LONGER * limits.budget_s:g}"
