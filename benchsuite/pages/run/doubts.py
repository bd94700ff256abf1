"""What would make the numbers wrong, and what was not measured."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from benchsuite.compare import OK, System
from benchsuite.types import Doubt

_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A kind of doubt: its messages, each with the systems it was raised against."""

    code: str
    messages: tuple[tuple[str, tuple[str, ...]], ...]


def own_doubts(system: System) -> dict[Doubt, None]:
    """The doubts of all of a system's rows, each once."""
    return dict.fromkeys(doubt for row in system.rows.values() for doubt in row.doubts)


def doubts(systems: Sequence[System]) -> list[Raised]:
    """Every doubt of the run by its kind, within a kind that of the largest share first."""
    kinds: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for system in systems:
        for doubt in own_doubts(system):
            kinds[doubt.code][doubt.message].append(system.label)
    return [
        Raised(
            code=code,
            messages=tuple(
                (text, tuple(own))
                for text, own in sorted(messages.items(), key=lambda each: -_share(each[0]))
            ),
        )
        for code, messages in kinds.items()
    ]


def _share(message: str) -> float:
    """The largest percentage that a doubt names; 0 where it names none."""
    return max(map(float, _PERCENT.findall(message)), default=0.0)


def count(raised: Sequence[Raised]) -> int:
    """How many doubts there are, as every place on the page counts them."""
    return sum(len(kind.messages) for kind in raised)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """Rows that were not measured for one reason, by label and scenario."""

    status: str
    reason: str
    rows: tuple[str, ...]


def unmeasured(systems: Sequence[System]) -> list[Unmeasured]:
    """Every row that was not measured, by its reason."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for system in systems:
        for scenario, row in system.rows.items():
            if row.status != OK:
                reason = row.reason or "no reason was recorded"
                found[row.status, reason].append(f"{system.label}, {scenario}")
    return [
        Unmeasured(status=status, reason=reason, rows=tuple(rows))
        for (status, reason), rows in found.items()
    ]
