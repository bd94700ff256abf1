"""A store's history in words and as JSON: what changed when, to the better or to the worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchsuite import formatting, history
from benchsuite.attribution import OWNERS, TEAMLESS
from benchsuite.compare import said
from benchsuite.history import CORRECTED, LEAST_RUNS, LINEAR, Line
from benchsuite.metrics import METRICS
from benchsuite.shifts import History, Moved, Place, Shift

SCHEMA = "benchsuite/history/1"
IMPROVED, WORSE = "improved", "worse"
_LISTED = 30
_NAMED = 3
_DECIMALS = 3  # of a ratio, everywhere alike


def sentence(found: History) -> str:
    """How much is known, how much changed, and the newest change of all."""
    if not found.lines:
        return "Nothing is stored yet."
    rows = _count(len(found.lines), "row")
    judged = sum(len(line.course.moments) >= LEAST_RUNS for line in found.lines)
    if not judged:
        return f"None of {rows} has the {LEAST_RUNS} results that judging takes."
    if not found.shifts:
        return f"No level changed in {judged} of {rows} that can be judged."
    systems, runs = extent(found.lines)
    changes = sum(len(shift.places) for shift in found.shifts)
    moved = sum(bool(line.changes) for line in found.lines)
    causes = f" from {_count(len(found.shifts), 'cause')}" if len(found.shifts) > 1 else ""
    return (
        f"{_count(systems, 'system')} in {_count(runs, 'run')}: {_count(changes, 'change')} of "
        f"level in {moved} of {rows}{causes}; the newest {headline(found.shifts[0])}."
    )


def extent(lines: Sequence[Line]) -> tuple[int, int]:
    """How many systems there are, whatever the scenario, and in how many runs."""
    # the systems of a row by all that scenarios share
    keys = {(line.key.workload, line.key.scale, line.key.dataset, line.key.backend,
             line.key.precision, line.key.device_name, line.key.device_count, line.key.threads)
            for line in lines}  # fmt: skip
    runs = set[str]().union(*{line.course.moments.runs for line in lines})
    return len(keys), len(runs)


def headline(shift: Shift) -> str:
    """`on 2026-05-16 in run X (abc..def): 34 systems, throughput x1.100, improved; only ...`."""
    first = shift.moved[0]
    rest = len(shift.moved) - 1
    more = f", and {rest} more" if rest else ""
    return (
        f"on {when(shift)} {where(shift)}: {_count(shift.systems, 'system')}, "
        f"{moved(first)}{more}; {because(shift)}"
    )


def when(shift: Shift) -> str:
    """The day."""
    return formatting.date_said(shift.measured_at).partition(" ")[0]


def where(shift: Shift) -> str:
    """The run and what it was made of: `in run night00500 (abc1234..def5678)`."""
    before, dots, after = (shift.commits or "").partition("..")
    commits = f"commit {after} before and after" if before == after else before + dots + after
    return f"in run {said(shift.run, longest=40)}{f' ({commits})' if dots else ''}"


def word(better: bool) -> str:
    """Which way a change went."""
    return IMPROVED if better else WORSE


def moved(found: Moved) -> str:
    """`throughput x1.100 (x1.081 to x1.119), improved`."""

    def by(value: float) -> str:
        return amount(found.metric, value, measure=found.measure)

    text = f"{title(found.metric, modelled=found.modelled)} {by(found.middle)}"
    if found.low != found.high:
        ends = sorted((found.low, found.high), reverse=found.middle < _still(found.metric))
        text += f" ({' to '.join(map(by, ends))})"
    return f"{text}, {word(found.better)}"


def because(shift: Shift) -> str:
    """What alone differs there, and whose it is."""
    cause = shift.cause
    if not cause.differing:
        return cause.text[0].lower() + cause.text[1:].rstrip(".")
    what = _listed(cause.differing)
    if cause.team is None:
        return f"interaction: {what} differ, so no team is named"
    owner = "no team's" if cause.team in TEAMLESS else OWNERS[cause.team]
    if cause.differing == ("software",) and shift.packages:
        return f"only {_listed(shift.packages)} changed ({owner})"
    return f"only {what} {'differ' if len(cause.differing) > 1 else 'differs'} ({owner})"


def report(found: History) -> list[tuple[str, str]]:
    """The changes for a terminal or a log, the newest first.

    Returns:
        Lines, each with `improved`, `worse` or nothing for its colour.
    """
    lines: list[tuple[str, str]] = []
    several = len({line.key.device_name for line in found.lines}) > 1
    for shift in found.shifts[:_LISTED]:
        lines.append((f"{when(shift)} {where(shift)}: {because(shift)}", ""))
        for each in shift.moved:
            names = [name(place, on_device=several) for place in each.places]
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            told = f"  {_count(each.systems, 'system')}: {moved(each)}: {'; '.join(names[:_NAMED])}"
            lines.append((told + more, word(each.better)))
    if len(found.shifts) > _LISTED:
        lines.append((f"and {len(found.shifts) - _LISTED} earlier ones, on the page", ""))
    return lines


def name(place: Place, *, on_device: bool) -> str:
    """A row by network, backend, precision and scenario, and by its device if asked for."""
    key = place.line.key
    text = f"{said(key.workload)} · {said(key.backend)} {key.precision}"
    device = f" on {said(key.device_name)}" if on_device else ""
    return f"{text}, {place.line.course.scenario}{device}"


def title(metric: str, *, modelled: bool = False) -> str:
    """A watched metric by name."""
    text = "throughput without drift" if metric == CORRECTED else METRICS[metric].title
    return f"modelled {text}" if modelled else text


def amount(metric: str, value: float, *, measure: str | None) -> str:
    """A change of level: a ratio, points of a share, or a difference of a correlation.

    Args:
        metric: What moved.
        value: `Place.amount`.
        measure: The accuracy's; None of another metric.
    """
    if metric in LINEAR:
        return formatting.difference(value, measure=measure)
    return formatting.times(value, decimals=_DECIMALS)


def as_json(found: History) -> dict[str, Any]:
    """What `history --json` gives: the sentence, the groups, and every change of every row."""
    return {
        "schema": SCHEMA,
        "sentence": sentence(found),
        "groups": [_shift_json(shift) for shift in found.shifts],
        "changes": history.as_json(found.lines),
    }


def _shift_json(shift: Shift) -> dict[str, Any]:
    return {
        "run": shift.run,
        "measured_at": shift.measured_at,
        "run_before": shift.run_before,
        "commits": shift.commits,
        "cause": asdict(shift.cause),
        "packages": list(shift.packages),
        "systems": shift.systems,
        "rows": len({id(place.line) for place in shift.places}),
        "changes": len(shift.places),
        "moved": [
            {
                "metric": each.metric,
                "verdict": word(each.better),
                "systems": each.systems,
                "unit": "difference" if each.metric in LINEAR else "ratio",
                "median": each.middle,
                "low": each.low,
                "high": each.high,
                "modelled": each.modelled,
                "measure": each.measure,
            }
            for each in shift.moved
        ],
    }


def _still(metric: str) -> float:
    """The amount of no change."""
    return 0.0 if metric in LINEAR else 1.0


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}".replace(
        ",", "\N{NARROW NO-BREAK SPACE}"
    )


def _listed(names: Sequence[str]) -> str:
    cleaned = [said(each) for each in names[:6]]
    if len(names) > 6:
        cleaned.append(f"{len(names) - 6} more")
    if len(cleaned) < 2:
        return "".join(cleaned)
    return f"{', '.join(cleaned[:-1])} and {cleaned[-1]}"
