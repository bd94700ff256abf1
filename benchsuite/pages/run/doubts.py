"""What would make the numbers wrong, and what was not measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from benchsuite.compare import OK, System
from benchsuite.types import Doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A kind of doubt: its messages, each with the systems it was raised against."""

    code: str
    messages: tuple[tuple[str, tuple[str, ...]], ...]


def own_doubts(system: System) -> dict[Doubt, None]:
    """The doubts of all of a system's rows, each once."""
    return dict.fromkeys(doubt for row in system.rows.values() for doubt in row.doubts)


def doubts(systems: Sequence[System]) -> list[Raised]:
    """Every doubt of the run by its kind."""
    kinds: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for system in systems:
        for doubt in own_doubts(system):
            kinds[doubt.code][doubt.message].append(system.label)
    return [
        Raised(code=code, messages=tuple((text, tuple(own)) for text, own in messages.items()))
        for code, messages in kinds.items()
    ]


def count(raised: Sequence[Raised]) -> int:
    """How many doubts there are, as every place on the page counts them."""
    return sum(len(kind.messages) for kind in raised)


def unmeasured(systems: Sequence[System]) -> list[tuple[str, str, str, str]]:
    """Label, scenario, status and reason of every row that was not measured."""
    return [
        (system.label, scenario, row.status, row.reason or "no reason was recorded")
        for system in systems
        for scenario, row in system.rows.items()
        if row.status != OK
    ]
