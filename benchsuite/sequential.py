"""When enough rounds were measured: looks at what there is, stops where it is clear, confirms.

Pure: what a round is, how rounds are judged and what time it is come from the caller, so that
recorded rounds follow the very procedure that fresh ones do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from benchsuite.judge import RATE

R = TypeVar("R")

BUDGET_S = 60.0
FEWEST_ROUNDS = 4
MOST_ROUNDS = 40
CONFIRMING_ROUNDS = 12
LOOKS = (4, 6, 9, 13, 19, 28, 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to look.

    Attributes:
        rounds: Exactly so many in the first look; None: as many as it takes.
        budget_s: Seconds for all of it, on the clock that `follow` is given.
        min_effect: The least change that matters; None for each metric's own.
    """

    rounds: int | None = None
    budget_s: float = BUDGET_S
    min_effect: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the rounds so far say.

    Attributes:
        clear: Whether no leading metric is undecided: more rounds would change nothing.
        suspected: Whether a metric would be a regression if fresh rounds showed it again.
    """

    clear: bool
    suspected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Generic[R]):
    """Where rounds come from.

    Attributes:
        measure: The next round; told its number in its series and whether it is to confirm.
        usable: Whether both sides gave something.
        judged: The state after these rounds at this false-discovery rate.
        clock: Seconds.
    """

    measure: Callable[[int, bool], R]
    usable: Callable[[R], bool]
    judged: Callable[[Sequence[R], float], State]
    clock: Callable[[], float]


def follow(source: Source[R], limits: Limits, *, started: float) -> tuple[list[R], list[R]]:
    """The rounds of a comparison and those that were measured again to confirm a regression.

    Args:
        source: Of rounds.
        limits: When to stop.
        started: When the budget began, on the source's clock.
    """
    first, longest, room = _first_look(source, limits, started=started)
    usable = any(map(source.usable, first))
    if not usable or not room or not source.judged(first, RATE).suspected:
        return first, []
    again: list[R] = []
    wanted = limits.rounds or max(len(first), CONFIRMING_ROUNDS)  # not what these rounds show
    while len(again) < wanted:
        begun = source.clock()
        over = begun - started + longest > limits.budget_s
        if limits.rounds is None and over and len(again) >= FEWEST_ROUNDS:
            break
        again.append(source.measure(len(again), True))
        longest = max(longest, source.clock() - begun)
    return first, again


def _first_look(
    source: Source[R], limits: Limits, *, started: float
) -> tuple[list[R], float, bool]:
    """Rounds until every row is clear or the time is over.

    What is suspected is measured again while there is time for it; what is suspected too late for
    that gets more rounds instead, and stays inconclusive.

    Returns:
        The rounds, how long one takes, and whether there is room for a second measurement.
    """
    rounds: list[R] = []
    longest = 0.0
    room, usable = True, False
    while len(rounds) < (limits.rounds or MOST_ROUNDS):
        begun = source.clock()
        spent = begun - started
        if limits.rounds is None and len(rounds) >= FEWEST_ROUNDS:
            room = room and spent + (FEWEST_ROUNDS + 1) * longest <= limits.budget_s
            if spent + longest > limits.budget_s:
                break
        rounds.append(source.measure(len(rounds), False))
        took = source.clock() - begun
        # the first also finds what is exact: the others are shorter
        longest = took if len(rounds) <= 2 else max(longest, took)
        usable = usable or source.usable(rounds[-1])
        if len(rounds) >= 2 and not usable:
            break  # twice in a row nothing came of it: it does not run
        if limits.rounds is not None or not usable or len(rounds) < FEWEST_ROUNDS:
            continue
        # fresh rounds decide on what is suspected: the sooner it is, the more of them
        if room and source.judged(rounds, RATE).suspected:
            break
        # what needs no other rounds is looked at seldom: each look has its part of the rate
        if len(rounds) in LOOKS:
            found = source.judged(rounds, RATE / len(LOOKS))
            if found.clear and not found.suspected:
                break
    return rounds, longest, room
