"""Adding runs, results and what they share, inside a transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import sqlalchemy as sa

from benchsuite import digest
from benchsuite.errors import BadInput
from benchsuite.store import tables
from benchsuite.store.packing import (
    counts_id,
    deflated,
    pack_facts,
    pack_json,
    pack_sorted,
    pack_window,
)
from benchsuite.store.reading import keys_of
from benchsuite.types import (
    Count,
    Result,
    RunInfo,
    SystemKey,
    SystemSpec,
    Value,
    Window,
)

TIME_ORDER_RUNS = 30


def add_run(connection: sa.Connection, run: RunInfo, *, plan: Sequence[SystemSpec]) -> None:
    connection.execute(
        tables.runs.insert().values(
            id=run.id,
            started_at=run.started_at,
            labels=dict(run.labels),
            command=run.command,
            seconds=run.seconds,
            plan=pack_json(list(plan)),
        )
    )


def add_result(
    connection: sa.Connection,
    result: Result,
    *,
    environment: Mapping[str, Any],
    window: Window | None,
) -> None:
    """Adds a result; one of the same row in the same run is replaced."""
    add_environment(connection, result.environment, environment)
    drop_result(connection, result)
    number = connection.execute(
        tables.results.insert().values(**row_values(connection, result))
    ).inserted_primary_key
    assert number is not None
    add_digest(connection, number[0], result)
    if window is not None:
        connection.execute(tables.raw.insert().values(result=number[0], **pack_window(window)))
        _sort_old(connection, result)


def drop_result(connection: sa.Connection, result: Result) -> None:
    """Forgets what is stored of this row of this run."""
    old = list(
        connection.scalars(sa.select(tables.results.c.id).where(same_row(tables.results, result)))
    )
    if old:
        connection.execute(tables.raw.delete().where(tables.raw.c.result.in_(old)))
        connection.execute(tables.digests.delete().where(tables.digests.c.result.in_(old)))
        connection.execute(tables.results.delete().where(tables.results.c.id.in_(old)))


def add_results(
    connection: sa.Connection,
    results: Sequence[Result],
    *,
    environments: Mapping[str, Mapping[str, Any]],
    window: Callable[[Result], Window | None] | None = None,
) -> None:
    """Adds results of new runs, with few statements for all of them; of one row the last counts.

    Raises:
        BadInput: An environment's id is taken by another environment.
    """
    if not results:
        return
    for name in sorted({each.environment for each in results}):
        add_environment(connection, name, environments[name], strict=True)
    rows = list({(each.run, each.scenario, each.key): each for each in results}.values())
    for counts in {id(each.counts): each.counts for each in rows}.values():
        _add_counts(connection, counts)
    ids = interned(connection, {t for each in rows for t in _texts_in(each.metrics)})
    returning = tables.results.insert().returning(tables.results.c.id, sort_by_parameter_order=True)
    numbers = connection.scalars(
        returning, [_columns(each) | {"metrics": _packed(each.metrics, ids)} for each in rows]
    ).all()
    series = _series_of(connection, rows)
    connection.execute(
        tables.digests.insert(),
        [
            {"result": number, "series": series[each.key, each.scenario], "run": each.run,
             "measured_at": each.measured_at, "body": digest.pack(each)}
            for number, each in zip(numbers, rows, strict=True)
        ],
    )  # fmt: skip
    if window is None:
        return
    for number, each in zip(numbers, rows, strict=True):
        found = window(each)
        if found is not None:
            packed = pack_window(found) | {"time_order": False}
            connection.execute(tables.raw.insert().values(result=number, **packed))


def _series_of(
    connection: sa.Connection, rows: Sequence[Result]
) -> dict[tuple[SystemKey, str], int]:
    """The number of each row's identity over runs; made where it is new."""
    found = {place: number for number, place in keys_of(connection).items()}
    for key, scenario in dict.fromkeys((each.key, each.scenario) for each in rows):
        if (key, scenario) not in found:
            identity = {name: getattr(key, name) for name in tables.KEY} | {"scenario": scenario}
            made = connection.execute(tables.series.insert().values(**identity))
            assert made.inserted_primary_key is not None
            found[key, scenario] = made.inserted_primary_key[0]
    return found


def add_environment(
    connection: sa.Connection, name: str, facts: Mapping[str, Any], *, strict: bool = False
) -> None:
    row = connection.execute(
        sa.select(tables.environments.c.facts).where(tables.environments.c.id == name)
    ).first()
    if row is None:
        connection.execute(tables.environments.insert().values(id=name, facts=dict(facts)))
    elif strict and row.facts != dict(facts):
        raise BadInput(
            f"environment {name} is stored already, with other facts; nothing was imported"
        )


def same_row(table: sa.Table, result: Result) -> sa.ColumnElement[bool]:
    """Rows of a table that are this row of this run."""
    return sa.and_(
        table.c.run == result.run,
        table.c.scenario == result.scenario,
        *(table.c[name] == getattr(result.key, name) for name in tables.KEY),
    )


def row_values(connection: sa.Connection, result: Result) -> dict[str, Any]:
    """A result as a row of `results`; what it shares with others is stored."""
    _add_counts(connection, result.counts)
    return _columns(result) | {"metrics": pack_metrics(connection, result.metrics)}


def _columns(result: Result) -> dict[str, Any]:
    return {
        "run": result.run,
        "environment": result.environment,
        "scenario": result.scenario,
        "status": result.status,
        "measured_at": result.measured_at,
        "facts": pack_facts(result),
        **{name: getattr(result.key, name) for name in tables.KEY},
    }


def add_digest(connection: sa.Connection, number: int, result: Result) -> None:
    identity = {name: getattr(result.key, name) for name in tables.KEY} | {
        "scenario": result.scenario
    }
    series = connection.scalar(
        sa.select(tables.series.c.id).where(
            *(tables.series.c[n] == value for n, value in identity.items())
        )
    )
    if series is None:
        made = connection.execute(tables.series.insert().values(**identity)).inserted_primary_key
        assert made is not None
        series = made[0]
    connection.execute(
        tables.digests.insert().values(
            result=number,
            series=series,
            run=result.run,
            measured_at=result.measured_at,
            body=digest.pack(result),
        )
    )


def _add_counts(connection: sa.Connection, counts: Sequence[Count]) -> None:
    if not counts:
        return
    body = msgspec.json.encode(counts)
    number = counts_id(counts)
    known = connection.scalar(sa.select(tables.counts.c.id).where(tables.counts.c.id == number))
    if known is None:
        connection.execute(tables.counts.insert().values(id=number, body=deflated(body)))


def pack_metrics(connection: sa.Connection, metrics: Mapping[str, Value]) -> bytes:
    """Values with interned texts: [value, low, high, how, reason] by key."""
    return _packed(metrics, interned(connection, _texts_in(metrics)))


def _texts_in(metrics: Mapping[str, Value]) -> set[str]:
    return {text for v in metrics.values() for text in (v.how, v.reason) if text is not None}


def _packed(metrics: Mapping[str, Value], ids: Mapping[str, int]) -> bytes:
    packed = {
        key: [v.value, v.low, v.high, ids[v.how], None if v.reason is None else ids[v.reason]]
        for key, v in metrics.items()
    }
    return pack_json(packed)


def interned(connection: sa.Connection, texts: set[str]) -> dict[str, int]:
    listed = sorted(texts)
    ids: dict[str, int] = {}
    for start in range(0, len(listed), tables.MANY):
        part = listed[start : start + tables.MANY]
        query = sa.select(tables.texts.c.text, tables.texts.c.id)
        found = connection.execute(query.where(tables.texts.c.text.in_(part)))
        ids |= {row.text: row.id for row in found}
    for text in listed:
        if text not in ids:
            row = connection.execute(tables.texts.insert().values(text=text)).inserted_primary_key
            assert row is not None
            ids[text] = row[0]
    return ids


def _sort_old(connection: sa.Connection, result: Result) -> None:
    """Sorts the durations of this row's runs before the last 30: they compress better so."""
    old = connection.execute(
        sa.select(tables.raw.c.result, tables.raw.c.durations, tables.results.c.run)
        .join(tables.results, tables.results.c.id == tables.raw.c.result)
        .where(tables.results.c.scenario == result.scenario, tables.raw.c.time_order.is_(True))
        .where(*(tables.results.c[name] == getattr(result.key, name) for name in tables.KEY))
        .order_by(tables.results.c.id.desc())
        .offset(TIME_ORDER_RUNS)
    ).all()
    for row in old:
        connection.execute(
            tables.raw.update().where(tables.raw.c.result == row.result).values(**pack_sorted(row))
        )
        mates = tables.processes.select().where(
            same_row(tables.processes, replace(result, run=row.run)),
            tables.processes.c.time_order.is_(True),
        )
        for mate in connection.execute(mates).all():
            connection.execute(
                tables.processes.update()
                .where(tables.processes.c.id == mate.id)
                .values(**pack_sorted(mate))
            )
