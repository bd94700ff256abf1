"""A deployment's needs from a TOML file, and what a result misses of them.

title = "Driver-assistance camera"
workload = "image/*"            # optional: which workloads it speaks of
[at_least]                      # metric key = value in its SI unit
accuracy = 0.95
throughput = 30
[at_most]
mean_power = 20
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from benchsuite.catalog import load_toml
from benchsuite.errors import BadInput

_TABLES = ("at_least", "at_most")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """What a deployment needs.

    Attributes:
        at_least, at_most: Metric key to bound, in the metric's SI unit.
    """

    name: str
    title: str
    workload: str
    at_least: Mapping[str, float]
    at_most: Mapping[str, float]

    def misses(self, values: Mapping[str, float | None]) -> dict[str, str]:
        """What `values` miss, by metric key, missing ones aside.

        A miss says by how much, as a share of the bound.
        """
        found: dict[str, str] = {}
        for bounds, word, sign in ((self.at_least, "below", 1), (self.at_most, "above", -1)):
            for key, bound in bounds.items():
                value = values.get(key)
                if value is not None and sign * value < sign * bound:
                    by = f" by {abs(value / bound - 1):.1%}" if bound else ""
                    found[key] = f"{key} {value:.4g} is {word} {bound:g}{by}"
        return found

    def needs(self) -> tuple[str, ...]:
        """The metric keys that have a bound."""
        return tuple(dict.fromkeys((*self.at_least, *self.at_most)))

    def speaks_of(self, workload: str) -> bool:
        """Whether the goals are meant for this workload."""
        return fnmatchcase(workload, self.workload)


def load_goals(path: Path, *, keys: Collection[str]) -> Goals:
    """Goals from a TOML file.

    Args:
        path: The file.
        keys: The metric keys there are.

    Raises:
        BadInput: Not TOML, an unknown table or metric, or a bound that is no number.
    """
    table = load_toml(path, what="goals")
    unknown = sorted(set(table) - {"title", "workload", *_TABLES})
    if unknown:
        raise BadInput(
            f"{path}: unknown key {unknown[0]!r}; known: title, workload, at_least, at_most"
        )
    bounds: dict[str, dict[str, float]] = {}
    for name in _TABLES:
        bounds[name] = {}
        entries = table.get(name, {})
        if not isinstance(entries, dict):
            raise BadInput(f"{path}: {name} must be a table of metric = value")
        for key, value in entries.items():
            if key not in keys:
                raise BadInput(f"{path}: [{name}] {key}: no such metric (benchsuite list metrics)")
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise BadInput(f"{path}: [{name}] {key} = {value!r} is not a number")
            if not math.isfinite(value):
                raise BadInput(f"{path}: [{name}] {key} = {value} is not finite")
            bounds[name][key] = float(value)
    if not any(bounds.values()):
        raise BadInput(f"{path}: no goal; give [at_least] or [at_most] with metric = value")
    return Goals(
        name=path.stem,
        title=str(table.get("title", path.stem)),
        workload=str(table.get("workload", "*")),
        at_least=bounds["at_least"],
        at_most=bounds["at_most"],
    )
