"""One thing that the doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass

GOOD, NOTE, PROBLEM = "good", "note", "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: The thing and how it is.
        state: `good`, `note` (good to know) or `problem`.
        how: Where it was read.
        cost: What it does to a measurement; empty where it is good.
        mend: The command or action that changes it; empty where there is none to be made.
    """

    what: str
    state: str
    how: str
    cost: str = ""
    mend: str = ""
