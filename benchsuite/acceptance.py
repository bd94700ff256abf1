"""Regressions that their owners accepted, from a TOML file, each with a size and an end.

[[accepted]]
workload = "image/squeezenet"     # a glob; so are backend, precision and scenario, all optional
backend = "onnxruntime"
metric = "throughput"
size = 0.06                       # at most this much worse, as a share
owner = "j.doe"
expires = 2026-12-31
reason = "the new kernel is safer"
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from benchsuite.catalog import load_toml
from benchsuite.errors import BadInput
from benchsuite.judge import RULES, Verdict
from benchsuite.types import SystemKey

_GLOBS = ("workload", "backend", "precision", "scenario")
_NEEDED = ("workload", "metric", "size", "owner", "expires")
_MOST = 100.0  # a hundred times as slow; more is a mistake
_KNOWN = (*_GLOBS, "metric", "size", "owner", "expires", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """One accepted regression.

    Attributes:
        size: The largest loss it covers, a share of the baseline's value.
        expires: The last day on which it holds.
    """

    workload: str
    metric: str
    size: float
    owner: str
    expires: date
    backend: str = "*"
    precision: str = "*"
    scenario: str = "*"
    reason: str = ""

    def ended(self, today: date) -> bool:
        """Whether its last day is over."""
        return today > self.expires

    def concerns(self, key: SystemKey, scenario: str, metric: str) -> bool:
        """Whether it is of this row's metric, whatever its size and end."""
        named = zip(
            (self.workload, self.backend, self.precision, self.scenario),
            (key.workload, key.backend, key.precision, scenario),
            strict=True,
        )
        return self.metric == metric and all(fnmatchcase(value, glob) for glob, value in named)

    def said(self) -> str:
        """`accepted by j.doe until 2026-12-31, up to 6%: the new kernel is safer`."""
        why = f": {self.reason}" if self.reason else ""
        return f"accepted by {self.owner} until {self.expires}, up to {100 * self.size:g}%{why}"


def load_accepted(path: Path) -> tuple[Acceptance, ...]:
    """The file's acceptances.

    Raises:
        BadInput: Not TOML, an unknown or missing key, a value of the wrong kind.
    """
    table = load_toml(path, what="accepted regressions")
    entries = table.get("accepted", [])
    unknown = sorted(set(table) - {"accepted"})
    if unknown or not isinstance(entries, list):
        what = f"unknown key {unknown[0]!r}" if unknown else "accepted is no list"
        raise BadInput(f"{path}: {what}; write [[accepted]] tables")
    return tuple(_acceptance(path, number, entry) for number, entry in enumerate(entries, 1))


def covering(
    accepted: Sequence[Acceptance],
    key: SystemKey,
    scenario: str,
    verdict: Verdict,
    *,
    today: date,
) -> Acceptance | None:
    """The acceptance that covers a regression, if one does."""
    loss = loss_of(verdict)
    for each in accepted:
        mine = each.concerns(key, scenario, verdict.metric) and not each.ended(today)
        if mine and loss is not None and loss <= each.size:
            return each
    return None


def loss_of(verdict: Verdict) -> float | None:
    """By what share a metric is worse than the baseline's; None where that has no size."""
    if verdict.estimate is not None:
        ratio = verdict.estimate.ratio
    elif verdict.before and verdict.after is not None:
        ratio = verdict.after / verdict.before
    else:
        return None
    return 1 - ratio if RULES[verdict.metric].better == "higher" else ratio - 1


def _acceptance(path: Path, number: int, entry: Any) -> Acceptance:
    where = f"{path}: [[accepted]] {number}"
    if not isinstance(entry, dict):
        raise BadInput(f"{where} is no table")
    _names(where, set(entry) - set(_KNOWN), "unknown key", f"known: {', '.join(_KNOWN)}")
    _names(where, set(_NEEDED) - set(entry), "lacks", f"needed: {', '.join(_NEEDED)}")
    for name in (*_GLOBS, "metric", "owner", "reason"):
        text = entry.get(name, "*")
        if not isinstance(text, str) or not (text.strip() or name == "reason"):
            raise BadInput(f"{where}: {name} = {text!r} must be a text")
    if entry["metric"] not in RULES:
        known = ", ".join(RULES)
        raise BadInput(f"{where}: metric {entry['metric']!r} is not judged; judged: {known}")
    size = entry["size"]
    if isinstance(size, bool) or not isinstance(size, (int, float)) or not 0 < size <= _MOST:
        shown = f"{size!r}"[:40]
        raise BadInput(f"{where}: size = {shown} must be a share above 0, as 0.05 for 5%")
    expires = entry["expires"]
    if isinstance(expires, datetime) or not isinstance(expires, date):
        raise BadInput(f"{where}: expires = {expires!r} must be a date, as 2026-12-31")
    return Acceptance(**{**entry, "size": float(size)})


def _names(where: str, names: Collection[str], what: str, fix: str) -> None:
    if names:
        raise BadInput(f"{where}: {what} {min(names)!r}; {fix}")
