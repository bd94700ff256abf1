"""The environments of a run: the first in full, of the others only what differs from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchsuite.types import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """An environment as it is shown.

    Attributes:
        name: Its id.
        rows: How many rows of the run were measured in it.
        facts: All, or only those that differ from the first environment's.
        beside: The environment that is shown in full; None for that itself.
    """

    name: str
    rows: int
    facts: Mapping[str, Any]
    beside: str | None = None


def machines_of(
    results: Sequence[Result], environments: Mapping[str, Mapping[str, Any]]
) -> list[Machine]:
    """The run's environments, the one with the most rows first."""
    rows = Counter(result.environment for result in results if environments.get(result.environment))
    found: list[Machine] = []
    for name, count in rows.most_common():
        own = environments[name]
        if not found:
            found.append(Machine(name=name, rows=count, facts=own))
            continue
        other = differing(own, found[0].facts)
        found.append(Machine(name=name, rows=count, facts=other, beside=found[0].name))
    return found


def differing(own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves of `own` that `other` lacks or has otherwise; what only `other` has is None."""
    found: dict[str, Any] = {}
    for key in dict.fromkeys([*own, *other]):
        here, there = own.get(key), other.get(key)
        if here == there:
            continue
        if isinstance(here, Mapping) and isinstance(there, Mapping):
            found[key] = differing(here, there)
        else:
            found[key] = here
    return found
