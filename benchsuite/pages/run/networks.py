"""Each network of a run by itself: its teams, where its time goes, its latency, its power."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchsuite.compare import System
from benchsuite.pages import Notes
from benchsuite.pages.run import latency, layers, power, teams
from benchsuite.pages.run.grouping import by_network
from benchsuite.pages.run.latency import Drawn
from benchsuite.pages.run.layers import WorkLists
from benchsuite.pages.run.teams import Teams
from benchsuite.types import Result, Window

Windows = Callable[[Result], Window | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What is shown of one network."""

    id: str
    title: str
    teams: Teams
    work: WorkLists
    latency: Drawn
    power: Drawn


def networks(systems: Sequence[System], notes: Notes, *, windows: Windows) -> list[Network]:
    """Every network of the run.

    Args:
        systems: Those that were measured.
        notes: Where the notes behind the numbers are kept.
        windows: Gives a row's raw window where the store has it.
    """
    found = []
    for place, (title, group) in enumerate(by_network(systems).items()):
        name = f"network-{place}"
        found.append(
            Network(
                id=name,
                title=title,
                teams=teams.teams(title, group, notes),
                work=layers.work_lists(group, notes),
                latency=latency.latency(group, notes, id=f"{name}-latency", windows=windows),
                power=power.power(group, notes, id=f"{name}-power", windows=windows),
            )
        )
    return found
