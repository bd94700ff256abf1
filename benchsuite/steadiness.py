"""How far a row's median still moved when its window began, as the doubt `not_steady` tells."""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchsuite.types import Doubt

NOT_STEADY = "not_steady"
_STILL_MOVED = re.compile(r"the median still moved (?P<percent>\d+(?:\.\d+)?)%")


def still_moved(doubts: Sequence[Doubt]) -> float | None:
    """The share of 1; None where the row was steady or its doubt tells no number."""
    for doubt in doubts:
        found = _STILL_MOVED.search(doubt.message) if doubt.code == NOT_STEADY else None
        if found:
            return float(found["percent"]) / 100
    return None


def moved_said(moved: float) -> str:
    """The same in the words of the doubt, which `still_moved` reads back."""
    return f"the median still moved {moved:.1%}"
