"""Tests of when a comparison stops, on made-up rounds with a clock of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchsuite.judge import RATE
from benchsuite.sequential import FEWEST_ROUNDS, Limits, Source, State, follow


def counted(
    state: Callable[[int, float], State], *, round_s: float, limits: Limits | None = None
) -> tuple[int, int, float]:
    """Rounds of the first look, rounds to confirm, and seconds."""
    clock = [0.0]

    def measure(number: int, again: bool) -> int:
        clock[0] += round_s
        return number

    def judged(rounds: Sequence[int], rate: float) -> State:
        return state(len(rounds), rate)

    source = Source(
        measure=measure, usable=lambda each: True, judged=judged, clock=lambda: clock[0]
    )
    first, again = follow(source, limits or Limits(), started=0.0)
    return len(first), len(again), clock[0]


NOTHING = State(clear=False, suspected=False)
SUSPECTED = State(clear=True, suspected=True)


def test_clear_at_the_first_look() -> None:
    """Four rounds are enough."""
    assert counted(lambda n, rate: State(clear=True, suspected=False), round_s=5) == (4, 0, 20)


def test_undecided_takes_the_whole_budget() -> None:
    """And no more than that."""
    assert counted(lambda n, rate: NOTHING, round_s=5) == (12, 0, 60)


def test_suspected_early_is_confirmed_within_the_budget() -> None:
    """Four rounds, then as many of the eight as fit."""
    assert counted(lambda n, rate: SUSPECTED, round_s=5) == (4, 8, 60)
    assert counted(lambda n, rate: SUSPECTED, round_s=7) == (4, 4, 56)


def test_what_is_suspected_at_the_whole_rate_is_measured_again_at_once() -> None:
    """Fresh rounds decide on it, after any round that leaves time for them."""

    def from_round(least: int) -> Callable[[int, float], State]:
        return lambda n, rate: SUSPECTED if rate == RATE and n >= least else NOTHING

    assert counted(from_round(5), round_s=5) == (5, 7, 60)
    assert counted(from_round(7), round_s=5) == (7, 5, 60)
    assert counted(from_round(8), round_s=5) == (8, 4, 60)
    assert counted(from_round(9), round_s=5) == (12, 0, 60)


def test_what_needs_no_confirmation_needs_its_part_of_the_rate() -> None:
    """An improvement at the whole rate alone goes on to the end."""

    def state(rounds: int, rate: float) -> State:
        return State(clear=rate == RATE, suspected=False)

    assert counted(state, round_s=5) == (12, 0, 60)


def test_suspected_too_late_is_not_confirmed() -> None:
    """It gets the rounds that are left, and stays within the budget."""
    assert counted(lambda n, rate: SUSPECTED if n >= 9 else NOTHING, round_s=5) == (12, 0, 60)


def test_slow_rounds_are_the_fewest() -> None:
    """Four for either, whatever the budget."""
    assert counted(lambda n, rate: NOTHING, round_s=100) == (FEWEST_ROUNDS, 0, 400)
    assert counted(lambda n, rate: SUSPECTED, round_s=100) == (4, FEWEST_ROUNDS, 800)


def test_a_given_number_of_rounds_is_kept() -> None:
    """Whatever they show and however long they take."""
    limits = Limits(rounds=6, budget_s=1.0)
    assert counted(lambda n, rate: NOTHING, round_s=5, limits=limits) == (6, 0, 30)
    assert counted(lambda n, rate: SUSPECTED, round_s=5, limits=limits) == (6, 6, 60)
