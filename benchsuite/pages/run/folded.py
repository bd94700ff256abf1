"""The details of a run of many systems: columns of texts, drawn by a script when one is opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchsuite.pages import Texts
from benchsuite.pages.everything import Everything, Line
from benchsuite.pages.numbers import Number
from benchsuite.pages.run.layers import WorkList
from benchsuite.pages.run.networks import Network

MOST_DRAWN = 24  # systems whose details stand in the page itself, for readers without a script


def details(
    everything: Sequence[Everything], networks: Sequence[Network], texts: Texts
) -> dict[str, Any]:
    """What `details.js` draws: all metrics by system, work lists but the first of each network."""
    return {
        "everything": everything_data(everything, texts),
        "lists": {
            work.id: _list_data(work, texts)
            for network in networks
            for work in network.work.lists[1:]
        },
    }


def everything_data(everything: Sequence[Everything], texts: Texts) -> dict[str, Any]:
    """All metrics of all systems, column by column; texts are named by their places in `texts`.

    `systems` has each system's first line and one more at the end; `metrics` the title, key and
    team that `metric` points at; `kind` a letter a line: `-` plain, `?` missing, `~` modelled;
    `only` the scenarios of a line that does not stand for all.
    """
    metrics: dict[tuple[str, str, str], int] = {}
    starts: dict[str, int] = {}
    found: list[Line] = []
    columns: dict[str, list[int]] = {"metric": [], "text": [], "how": []}
    for each in everything:
        starts[each.system.id] = len(found)
        for team, lines in each.teams if each.system.measured else ():
            for line in lines:
                found.append(line)
                name = (line.title, line.key, team)
                columns["metric"].append(metrics.setdefault(name, len(metrics)))
                columns["text"].append(texts.place(line.text))
                columns["how"].append(texts.place(line.how))
    return {
        "systems": list(starts),
        "starts": [*starts.values(), len(found)],
        "metrics": list(metrics),
        **columns,
        "kind": "".join("?" if x.missing else "~" if x.modelled else "-" for x in found),
        "only": {i: texts.place(x.scenarios) for i, x in enumerate(found) if x.scenarios},
        "facts": [
            [[texts.place(name), texts.place(value)] for name, value in each.facts]
            for each in everything
        ],
    }


def _list_data(work: WorkList, texts: Texts) -> dict[str, Any]:
    """A work list, column by column."""

    def column(numbers: Sequence[Number]) -> dict[str, Any]:
        return {
            "note": numbers[0].note,
            "text": [texts.place(f"{each.number} {each.unit}") for each in numbers],
        }

    return {
        "name": texts.place(work.name),
        "how": texts.place(work.how),
        "rest": work.rest,
        "layer": [texts.place(row.name) for row in work.rows],
        "kind": [texts.place(row.kind) for row in work.rows],
        "bound": [texts.place(row.bound) for row in work.rows],
        "time": [round(row.time, 4) for row in work.rows],
        "needed": [round(row.needed, 4) for row in work.rows],
        "measured": column([row.measured for row in work.rows]),
        "roofline": column([row.roofline for row in work.rows]),
        "fraction": column([row.fraction for row in work.rows]),
        "recoverable": column([row.recoverable for row in work.rows]),
    }
