"""Whether each network does what it must, in a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchsuite import compare
from benchsuite.attribution import ENERGY, THROUGHPUT
from benchsuite.compare import System
from benchsuite.formatting import cut
from benchsuite.pages import Notes
from benchsuite.pages.numbers import Number, number_of, plain_of, target_of
from benchsuite.pages.run.grouping import by_network


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a network does what it must, in a line."""

    workload: str
    state: str
    said: str
    fastest: str | None
    throughput: Number | None
    energy: Number | None


def verdicts(systems: Sequence[System], notes: Notes) -> list[Verdict]:
    best = compare.best(systems)
    found = []
    for title, group in by_network(systems).items():
        states = {system.target_met for system in group} - {None}
        state = "unknown" if not states else "met" if states == {True} else "missed"
        fastest = next((s for s in best.values() if any(s is each for each in group)), None)
        found.append(
            Verdict(
                workload=title,
                state=state,
                said=_said(group, fastest, state),
                fastest=fastest.short if fastest and len(group) > 1 else None,
                throughput=number_of(fastest, THROUGHPUT, notes) if fastest else None,
                energy=(
                    number_of(fastest, ENERGY, notes)
                    if fastest and fastest.number(ENERGY) is not None
                    else None
                ),
            )
        )
    return found


def _unranked(group: Sequence[System], fastest: System | None) -> str:
    """Why no speed stands beside what reaches its target."""
    if fastest is not None:
        return ""
    reasons = (compare.why_unranked(system.row) for system in group)
    why = next(filter(None, reasons), "no reason was recorded")
    return f"; its speed is not ranked: {cut(why).replace('_', ' ')}"


def _said(group: Sequence[System], fastest: System | None, state: str) -> str:
    losers = [system for system in group if system.target_met is False]
    shown = losers[0] if losers else fastest or group[0]
    row = shown.source("accuracy")
    measure = row.measure or "accuracy"
    accuracy = plain_of(shown, "accuracy")
    if shown.number("accuracy") is None:
        return f"accuracy is not known: {shown.value('accuracy').reason or 'no reason recorded'}"
    if state == "unknown":
        return f"{measure} {accuracy}, no target is set"
    bound = target_of(row) or ""
    if state == "met":
        return f"{measure} {accuracy} reaches {bound}{_unranked(group, fastest)}"
    where = "" if len(losers) == len(group) else f" on {', '.join(s.short for s in losers)}"
    return f"{measure} {accuracy} misses {bound}{where}"
