"""Another store's runs taken over: each row once, and what a run lacked that came midway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from benchsuite.store import tables
from benchsuite.store.packing import unpack_json
from benchsuite.store.writing import add_results, add_run, drop_result
from benchsuite.types import Result, RunInfo, SystemKey, Window

_OK = "ok"
_Place = tuple[str, str, SystemKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge brought.

    Attributes:
        runs: How many runs were added.
        resumed: Ids of runs that came before and have got further rows.
        results: How many rows were added.
        left: Ids of runs that were left as they are.
    """

    runs: int
    resumed: tuple[str, ...]
    results: int
    left: tuple[str, ...]


def merge(
    connection: sa.Connection,
    runs: Sequence[RunInfo],
    results: Iterable[Result],
    *,
    environments: Mapping[str, Mapping[str, Any]],
    window: Callable[[Result], Window | None] | None = None,
) -> Merged:
    """As `Store.merge`, in the connection's transaction."""
    from_files = _known(connection, [run.id for run in runs])
    for run in sorted(runs, key=lambda run: run.started_at):
        if run.id not in from_files:
            add_run(connection, run, plan=[])
    have = _statuses(connection, [name for name, came in from_files.items() if came])
    new = [each for each in results if from_files.get(each.run, True) and _lacking(have, each)]
    for each in new:
        if _place(each) in have:
            drop_result(connection, each)
    add_results(connection, new, environments=environments, window=window)
    touched = {each.run for each in new}
    stored = [run.id for run in runs if run.id in from_files]
    return Merged(
        runs=len(runs) - len(stored),
        resumed=tuple(name for name in stored if name in touched),
        results=len(new),
        left=tuple(name for name in stored if name not in touched),
    )


def _known(connection: sa.Connection, names: Sequence[str]) -> dict[str, bool]:
    """Which of these runs are stored, and whether they came by a file: those have no plan."""
    found: dict[str, bool] = {}
    for start in range(0, len(names), tables.MANY):
        part = list(names[start : start + tables.MANY])
        query = sa.select(tables.runs.c.id, tables.runs.c.plan).where(tables.runs.c.id.in_(part))
        found |= {row.id: not unpack_json(row.plan) for row in connection.execute(query)}
    return found


def _statuses(connection: sa.Connection, names: Sequence[str]) -> dict[_Place, str]:
    """The rows that runs have already, each with its status."""
    key = [tables.results.c[name] for name in tables.KEY]
    found: dict[_Place, str] = {}
    for start in range(0, len(names), tables.MANY):
        part = list(names[start : start + tables.MANY])
        query = sa.select(
            tables.results.c.run, tables.results.c.scenario, tables.results.c.status, *key
        ).where(tables.results.c.run.in_(part))
        for run, scenario, status, *own in connection.execute(query):
            system = SystemKey(**dict(zip(tables.KEY, own, strict=True)))
            found[run, scenario, system] = status
    return found


def _lacking(have: Mapping[_Place, str], result: Result) -> bool:
    """Whether a row is not stored, or was failed or skipped when its run was exported."""
    status = have.get(_place(result))
    return status is None or (status != _OK and result.status == _OK)


def _place(result: Result) -> _Place:
    return result.run, result.scenario, result.key
