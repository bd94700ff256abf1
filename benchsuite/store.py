"""The store of results: SQLite by default, any SQLAlchemy URL for a team."""

from __future__ import annotations

import hashlib
import json
import math
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from benchsuite import digest
from benchsuite.digest import Digest
from benchsuite.durations import shared
from benchsuite.errors import BadInput, one_line
from benchsuite.types import (
    Count,
    Doubt,
    Fingerprint,
    LayerTimes,
    Process,
    Result,
    RunInfo,
    SystemKey,
    SystemSpec,
    Value,
    Window,
)

SCHEMA = 1
TIME_ORDER_RUNS = 30
_BUSY_S = 30
_PART = 1 << 20

_metadata = sa.MetaData()
_about = sa.Table(
    "about",
    _metadata,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)
_runs = sa.Table(
    "runs",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("started_at", sa.String, nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("command", sa.Text, nullable=False),
    sa.Column("seconds", sa.Float),
    sa.Column("plan", sa.LargeBinary, nullable=False),
)
_environments = sa.Table(
    "environments",
    _metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("facts", sa.JSON, nullable=False),
)
_texts = sa.Table(
    "texts",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("text", sa.Text, nullable=False, unique=True),
)
_KEY = ("workload", "scale", "dataset", "backend", "precision", "batch", "device_name",
        "device_count", "threads")  # fmt: skip
_results = sa.Table(
    "results",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run", sa.String, nullable=False, index=True),
    sa.Column("environment", sa.String, nullable=False),
    sa.Column("workload", sa.String, nullable=False),
    sa.Column("scale", sa.String, nullable=False),
    sa.Column("dataset", sa.String),
    sa.Column("backend", sa.String, nullable=False),
    sa.Column("precision", sa.String, nullable=False),
    sa.Column("batch", sa.Integer, nullable=False),
    sa.Column("device_name", sa.String, nullable=False),
    sa.Column("device_count", sa.Integer, nullable=False),
    sa.Column("threads", sa.Integer, nullable=False),
    sa.Column("scenario", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("measured_at", sa.String, nullable=False),
    sa.Column("facts", sa.LargeBinary, nullable=False),
    sa.Column("metrics", sa.LargeBinary, nullable=False),
    sa.Index("results_by_system", "workload", "backend", "scenario"),
)
_raw = sa.Table(
    "raw",
    _metadata,
    sa.Column("result", sa.Integer, primary_key=True),
    sa.Column("time_order", sa.Boolean, nullable=False),
    sa.Column("window", sa.LargeBinary, nullable=False),
    sa.Column("durations", sa.LargeBinary, nullable=False),
)
# a network's layers, kept once for all rows that count the same
_counts = sa.Table(
    "counts",
    _metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
# a row of `--repeats` has all its processes here; in `results` and `raw` is the one of the median
_processes = sa.Table(
    "processes",
    _metadata,
    *(
        sa.Column(column.name, column.type, primary_key=column.primary_key, index=column.index,
                  nullable=column.nullable)
        for column in _results.columns
    ),
    sa.Column("time_order", sa.Boolean, nullable=False),
    sa.Column("window", sa.LargeBinary, nullable=False),
    sa.Column("durations", sa.LargeBinary, nullable=False),
)  # fmt: skip
# a row's identity over all runs: pages over a whole store read these two tables alone
_series = sa.Table(
    "series",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    *(
        sa.Column(name, _results.c[name].type, nullable=name == "dataset")
        for name in (*_KEY, "scenario")
    ),
    sa.Index("series_by_system", "workload", "backend", "scenario"),
)
_digests = sa.Table(
    "digests",
    _metadata,
    sa.Column("result", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("series", sa.Integer, nullable=False),
    sa.Column("run", sa.String, nullable=False),
    sa.Column("measured_at", sa.String, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("digests_by_time", "series", "measured_at", "result"),
)
_SAME = 1e-9  # computed from one window of doubles
_MANY = 500  # ids in one statement: below every database's limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The newest result of a row.

    Attributes:
        id: The result's number in the store.
        series: The row's number in the store.
        result: With the metrics that a digest keeps.
        runs: How many results of the row there are.
        since: When the row was measured first.
        raw: Whether the raw window is in this store: it was measured here, not imported.
        recomputed: Whether that window gives the stored throughput and energy again.
    """

    id: int
    series: int
    result: Result
    runs: int
    since: str
    raw: bool
    recomputed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """The newest result of a row from another source than the newest of all.

    Attributes:
        source: Who measured it: the run's label `submitter` or `machine`, else what the
            environment tells of machine and device.
    """

    series: int
    source: str
    result: Result


class _RawEnergy(msgspec.Struct):
    energy_j: float
    seconds: float


class _RawWindow(msgspec.Struct):
    """What of a raw window a row's leading numbers follow from."""

    frames: float
    seconds: float
    energy: _RawEnergy | None = None


class Moment(msgspec.Struct, frozen=True, gc=False):
    """One result of a row in the course of time."""

    id: int
    run: str
    measured_at: str
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A row's results, the oldest first."""

    series: int
    key: SystemKey
    scenario: str
    moments: tuple[Moment, ...]


class Store:
    """Runs and their results. Use `open_store`; methods raise BadInput on a store that fails."""

    def __init__(self, engine: sa.Engine, *, place: str) -> None:
        self._engine = engine
        self.place = place

    def add_run(self, run: RunInfo, *, plan: Sequence[SystemSpec]) -> None:
        """Records a run before its first system is measured."""
        with self._begin() as connection:
            _add_run(connection, run, plan=plan)

    def finish_run(self, run: str, *, seconds: float) -> None:
        """Adds to a run's length the seconds that this invocation took."""
        with self._begin() as connection:
            before = sa.func.coalesce(_runs.c.seconds, 0.0)
            connection.execute(
                _runs.update().where(_runs.c.id == run).values(seconds=before + seconds)
            )

    def add(
        self,
        result: Result,
        *,
        environment: Mapping[str, Any],
        window: Window | None = None,
    ) -> None:
        """Stores a result in one transaction; one of the same row in the same run is replaced."""
        with self._begin() as connection:
            _add(connection, result, environment=environment, window=window)

    def add_process(
        self, result: Result, *, environment: Mapping[str, Any], window: Window
    ) -> None:
        """Stores what one of several processes gave for a row; the row itself is `add`'s."""
        with self._begin() as connection:
            _add_environment(connection, result.environment, environment)
            values = _row_values(connection, result) | _pack_window(window)
            connection.execute(_processes.insert().values(**values))

    def processes(self, row: Result) -> dict[int, Result]:
        """What each process gave for a row, by its number in the store; empty of a lone one."""
        with self._begin() as connection:
            rows = connection.execute(
                _processes.select().where(_same(_processes, row)).order_by(_processes.c.id)
            ).all()
            results = _read(connection, rows)
            return {row.id: each for row, each in zip(rows, results, strict=True)}

    def drop_processes(self, row: Result) -> None:
        """Forgets what processes gave for a row that begins anew."""
        with self._begin() as connection:
            connection.execute(_processes.delete().where(_same(_processes, row)))

    def process_windows(self, numbers: Sequence[int]) -> list[Window]:
        """Raw windows of processes, by their numbers in the store."""
        with self._begin() as connection:
            query = _processes.select().where(_processes.c.id.in_(list(numbers)))
            found = {row.id: _window(row) for row in connection.execute(query)}
            return [found[number] for number in numbers]

    def merge(
        self,
        runs: Sequence[RunInfo],
        results: Iterable[Result],
        *,
        environments: Mapping[str, Mapping[str, Any]],
    ) -> list[str]:
        """Takes over runs of another store, all in one transaction or none.

        Args:
            runs: A run whose id is stored already is left as it is, with its results.
            results: Of these runs.
            environments: By the id that the results carry.

        Returns:
            The ids of the runs that were left out.

        Raises:
            BadInput: An environment's id is taken by another environment.
        """
        with self._begin() as connection:
            known = set(connection.scalars(sa.select(_runs.c.id)))
            for run in sorted(runs, key=lambda run: run.started_at):
                if run.id not in known:
                    _add_run(connection, run, plan=[])
            for result in results:
                if result.run not in known:
                    facts = environments[result.environment]
                    _add(connection, result, environment=facts, window=None, strict=True)
        return [run.id for run in runs if run.id in known]

    def runs(self) -> list[RunInfo]:
        """All runs, the newest first."""
        with self._begin() as connection:
            rows = connection.execute(_runs.select().order_by(_runs.c.number.desc())).all()
            return [_run(row) for row in rows]

    def find_run(self, name: str) -> RunInfo:
        """The run of an id or unique prefix, `latest`, `latest~N`, or `label:KEY[=VALUE]`.

        `latest~N` is the N-th before the newest. A label with `~N` is the last N runs that carry it
        (`find_runs`), which no command that takes one run can mean.

        Raises:
            BadInput: None or several are meant.
        """
        if name.startswith("label:"):
            found = self.find_runs(name)
            if _count_of(name) > 1:
                raise BadInput(
                    f"{name}: the last {_count_of(name)} runs with that label, where one is "
                    f"wanted; {name.rpartition('~')[0]} is the newest"
                )
            return found[-1]
        runs = self.runs()
        if not runs:
            raise BadInput(f"{self.place}: no run is stored yet; benchsuite run smoke makes one")
        if match := re.fullmatch(r"latest(?:~(\d+))?", name):
            back = int(match[1] or 0)
            if back >= len(runs):
                raise BadInput(f"{name}: only {len(runs)} runs are stored in {self.place}")
            return runs[back]
        near = [run for run in runs if run.id.startswith(name)]
        if len(near) != 1:
            what = f"{len(near)} runs begin with it" if near else "no run has that id"
            raise BadInput(f"{name}: {what} in {self.place}; benchsuite list runs shows them")
        return near[0]

    def find_runs(self, name: str, *, without: Sequence[str] = ()) -> list[RunInfo]:
        """The runs that a side of a verdict means, the oldest first.

        `label:KEY=VALUE~N` is the last N runs that carry the label, `label:KEY` the newest that
        carries the key with whatever value; any other name is one run, as `find_run` has it.

        Args:
            name: What the user wrote.
            without: Run ids that a label does not mean: those that are judged against it.

        Raises:
            BadInput: None is meant.
        """
        if not name.startswith("label:"):
            return [self.find_run(name)]
        key, equals, value = name.removeprefix("label:").partition("=")
        value, tilde, count = value.partition("~") if equals else ("", "", "")
        if tilde and not (count.isdigit() and int(count) > 0):
            raise BadInput(f"{name}: write label:KEY=VALUE~N, N a number of runs of at least 1")
        found = [
            run
            for run in self.runs()
            if run.id not in without
            and (run.labels.get(key) == value if equals else key in run.labels)
        ]
        if not found:
            others = " other" if without else ""
            raise BadInput(f"{name}: no{others} run carries that label in {self.place}")
        return found[: int(count) if tilde else 1][::-1]

    def plan(self, run: str) -> list[SystemSpec]:
        """The systems that a run set out to measure."""
        with self._begin() as connection:
            packed = connection.scalar(sa.select(_runs.c.plan).where(_runs.c.id == run))
            if packed is None:
                return []
            return msgspec.json.decode(zlib.decompress(packed), type=list[SystemSpec])

    def results(self, run: str) -> list[Result]:
        """A run's results in the order they were stored."""
        with self._begin() as connection:
            rows = connection.execute(
                _results.select().where(_results.c.run == run).order_by(_results.c.id)
            ).all()
            return _read(connection, rows)

    def whole(self, ids: Sequence[int]) -> dict[int, Result]:
        """Results with everything that is stored of them, by their numbers in the store."""
        found: dict[int, Result] = {}
        with self._begin() as connection:
            for start in range(0, len(ids), _MANY):
                part = list(ids[start : start + _MANY])
                rows = connection.execute(_results.select().where(_results.c.id.in_(part))).all()
                results = _read(connection, rows)
                found |= {row.id: each for row, each in zip(rows, results, strict=True)}
        return found

    def latest(self) -> list[Latest]:
        """The newest result of every row in the store, in the order the rows first appeared."""
        order = (_digests.c.measured_at.desc(), _digests.c.result.desc())
        numbered = sa.select(
            _digests.c.result,
            sa.func.row_number()
            .over(partition_by=_digests.c.series, order_by=order)
            .label("place"),
            sa.func.count().over(partition_by=_digests.c.series).label("runs"),
            sa.func.min(_digests.c.measured_at).over(partition_by=_digests.c.series).label("since"),
        ).subquery()
        query = (
            sa.select(_digests, numbered.c.runs, numbered.c.since, _raw.c.window)
            .join(numbered, numbered.c.result == _digests.c.result)
            .outerjoin(_raw, _raw.c.result == _digests.c.result)
            .where(numbered.c.place == 1)
            .order_by(_digests.c.series)
        )
        with self._begin() as connection:
            keys = _keys_of(connection)
            return [_latest(row, *keys[row.series]) for row in connection.execute(query)]

    def elsewhere(self, latest: Sequence[Latest]) -> list[Elsewhere]:
        """The newest results of the same rows from every other source, where there are any."""
        with self._begin() as connection:
            sources = _sources(connection)
            if len(set(sources.values())) < 2:
                return []
            own = {each.series: sources.get(each.result.run, "") for each in latest}
            newest: dict[tuple[int, str], int] = {}
            columns = (_digests.c.series, _digests.c.run, _digests.c.result)
            order = (_digests.c.measured_at, _digests.c.result)
            for series, run, number in connection.execute(sa.select(*columns).order_by(*order)):
                source = sources.get(run, "")
                if source and own.get(series) not in (None, source):
                    newest[series, source] = number
            keys = _keys_of(connection)
            rows: dict[int, Any] = {}
            wanted = list(newest.values())
            for start in range(0, len(wanted), _MANY):
                part = wanted[start : start + _MANY]
                query = _digests.select().where(_digests.c.result.in_(part))
                rows |= {row.result: row for row in connection.execute(query)}
            return [
                Elsewhere(series=series, source=source, result=_brief(rows[number], *keys[series]))
                for (series, source), number in newest.items()
            ]

    def courses(self) -> list[Course]:
        """Every row's results in time, in brief, in the order the rows first appeared."""
        query = sa.select(
            _digests.c.series,
            _digests.c.result,
            _digests.c.run,
            _digests.c.measured_at,
            _digests.c.body,
        )
        with self._begin() as connection:
            keys = _keys_of(connection)
            found: dict[int, list[Moment]] = {}
            unpack = digest.unpack
            for series, number, run, measured_at, body in connection.execute(query).all():
                moment = Moment(number, run, measured_at, unpack(body))
                found.setdefault(series, []).append(moment)
        # sorted here: an index would be read in order, but the rows behind it all over the table
        return [
            Course(
                series=series,
                key=keys[series][0],
                scenario=keys[series][1],
                moments=tuple(sorted(found[series], key=lambda m: (m.measured_at, m.id))),
            )
            for series in sorted(found)
        ]

    def environments(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Environments by id."""
        with self._begin() as connection:
            rows = connection.execute(
                _environments.select().where(_environments.c.id.in_(list(ids)))
            ).all()
            return {row.id: msgspec.convert(row.facts, dict[str, Any]) for row in rows}

    def window(self, result: Result) -> Window | None:
        """The raw window behind a result; its durations are sorted where the run is old."""
        with self._begin() as connection:
            row = connection.execute(
                sa.select(_raw.c.window, _raw.c.durations)
                .join(_results, _results.c.id == _raw.c.result)
                .where(_same(_results, result))
            ).first()
            return None if row is None else _window(row)

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise BadInput(f"{self.place}: {_plain(error)}") from error
        except (zlib.error, msgspec.DecodeError, ValueError, KeyError, TypeError) as error:
            raise BadInput(
                f"{self.place}: the store is damaged ({_damage(error)}); restore it from a copy, "
                "or name another file"
            ) from error


def open_store(place: str | Path, *, create: bool = True) -> Store:
    """Opens a store.

    Args:
        place: A file, or an SQLAlchemy URL (`postgresql+psycopg://...`).
        create: Whether to make it where there is none; those who only read do not.

    Raises:
        BadInput: It cannot be opened or written, is no store, or is of a newer schema.
    """
    text = str(place)
    url = text if "://" in text else f"sqlite:///{Path(text).expanduser()}"
    shown = _without_password(text)
    try:
        if url.startswith("sqlite"):
            file = Path(url.removeprefix("sqlite:///"))
            if not create and not file.exists():
                raise BadInput(f"{shown}: no store yet; benchsuite run smoke makes one")
            file.parent.mkdir(parents=True, exist_ok=True)
            engine = sa.create_engine(url, connect_args={"timeout": _BUSY_S})
            sa.event.listen(engine, "connect", _tune_sqlite)
        else:
            engine = sa.create_engine(url)
        with engine.connect() as connection:
            _prepare_schema(connection, shown)
    except SQLAlchemyError as error:
        raise BadInput(f"{shown}: {_plain(error)}") from error
    except ImportError as error:
        raise BadInput(f"{shown}: the database driver {error.name} is not installed") from None
    except OSError as error:
        raise BadInput(f"{shown}: the store cannot be written: {error.strerror}") from error
    return Store(engine, place=shown)


def _count_of(name: str) -> int:
    """N of `label:KEY=VALUE~N`; 1 without it."""
    count = name.rpartition("~")[2]
    return int(count) if "~" in name and count.isdigit() else 1


def _prepare_schema(connection: sa.Connection, place: str) -> None:
    tables = set(sa.inspect(connection).get_table_names())
    if not tables:
        tables = _locked(connection)
        if not tables:
            _metadata.create_all(connection)
            connection.execute(_about.insert().values(key="schema", value=str(SCHEMA)))
            connection.commit()
            return
    if "about" not in tables:
        raise BadInput(f"{place}: a database, but not a store of benchsuite; name another file")
    version = connection.scalar(sa.select(_about.c.value).where(_about.c.key == "schema"))
    if version is None or not version.isdigit() or int(version) < 1:
        raise BadInput(f"{place}: the store is damaged: it does not tell its schema")
    if int(version) > SCHEMA:
        raise BadInput(
            f"{place}: the store has schema {version}, this benchsuite reads up to {SCHEMA}; "
            "install a newer benchsuite"
        )
    if "counts" not in tables and "counts" not in _locked(connection):
        _metadata.create_all(connection, tables=[_counts])
        connection.commit()
    if "digests" not in tables and "results" in tables and "digests" not in _locked(connection):
        _metadata.create_all(connection, tables=[_series, _digests])
        _digest_all(connection)
        connection.commit()
    if "processes" not in tables and "processes" not in _locked(connection):
        _metadata.create_all(connection, tables=[_processes])
        connection.commit()


def _locked(connection: sa.Connection) -> set[str]:
    """The tables, once nobody else makes any: of two first runs the second waits, then looks."""
    if connection.dialect.name == "sqlite":
        connection.commit()
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    return set(sa.inspect(connection).get_table_names())


def _digest_all(connection: sa.Connection) -> None:
    """Digests of a store that was made before they were kept."""
    try:
        ids = list(connection.scalars(sa.select(_results.c.id).order_by(_results.c.id)))
        for start in range(0, len(ids), _MANY):
            part = ids[start : start + _MANY]
            rows = connection.execute(_results.select().where(_results.c.id.in_(part))).all()
            for row, result in zip(rows, _read(connection, rows), strict=True):
                _add_digest(connection, row.id, result)
    except (zlib.error, msgspec.DecodeError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"the store is damaged ({one_line(error)}); restore it from a copy"
        ) from error


def _tune_sqlite(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    try:
        _write_ahead(cursor)  # readers do not wait for the writer
        cursor.execute("PRAGMA synchronous=FULL")  # what was reported is on the disk
    finally:
        cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Sets the journal's mode; SQLite does not wait by itself for another's lock here."""
    end = monotonic() + _BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() > end:
                raise
            sleep(0.05)


def _plain(error: SQLAlchemyError) -> str:
    """A database's error as one sentence with the fix."""
    text = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    fixes = {
        "file is not a database": "not a store of benchsuite, nor a SQLite file; name another",
        "malformed": "the store is damaged; restore it from a copy, or name another file",
        "database or disk is full": "the disk is full; free some space and go on with --resume",
        "unable to open database file": "it cannot be opened; name a writable file (--store)",
        "readonly": "the store cannot be written; name a writable file (--store)",
        "disk I/O error": "the disk fails or is full (disk I/O error)",
        "no such table": "the store is damaged: a table is missing; restore it from a copy",
        "no such column": "the store is damaged: a column is missing; restore it from a copy",
        "parse rfc1738": "not a file nor a database's URL (sqlite:///FILE, postgresql+psycopg://)",
    }
    for part, sentence in fixes.items():
        if part in text:
            return sentence
    return text


def _damage(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"what it names as {one_line(error)} is missing"
    return one_line(error)


def _without_password(place: str) -> str:
    return re.sub(r"(://[^:/@]+):[^@]*@", r"\1:***@", place)


def _add_run(connection: sa.Connection, run: RunInfo, *, plan: Sequence[SystemSpec]) -> None:
    connection.execute(
        _runs.insert().values(
            id=run.id,
            started_at=run.started_at,
            labels=dict(run.labels),
            command=run.command,
            seconds=run.seconds,
            plan=zlib.compress(msgspec.json.encode(list(plan))),
        )
    )


def _add(
    connection: sa.Connection,
    result: Result,
    *,
    environment: Mapping[str, Any],
    window: Window | None,
    strict: bool = False,
) -> None:
    """Adds a result; `strict` refuses an environment that differs from the one of that id."""
    _add_environment(connection, result.environment, environment, strict=strict)
    old = list(connection.scalars(sa.select(_results.c.id).where(_same(_results, result))))
    if old:
        connection.execute(_raw.delete().where(_raw.c.result.in_(old)))
        connection.execute(_digests.delete().where(_digests.c.result.in_(old)))
        connection.execute(_results.delete().where(_results.c.id.in_(old)))
    number = connection.execute(
        _results.insert().values(**_row_values(connection, result))
    ).inserted_primary_key
    assert number is not None
    _add_digest(connection, number[0], result)
    if window is not None:
        connection.execute(_raw.insert().values(result=number[0], **_pack_window(window)))
        _sort_old(connection, result)


def _add_environment(
    connection: sa.Connection, name: str, facts: Mapping[str, Any], *, strict: bool = False
) -> None:
    row = connection.execute(
        sa.select(_environments.c.facts).where(_environments.c.id == name)
    ).first()
    if row is None:
        connection.execute(_environments.insert().values(id=name, facts=dict(facts)))
    elif strict and row.facts != dict(facts):
        raise BadInput(
            f"environment {name} is stored already, with other facts; nothing was imported"
        )


def _same(table: sa.Table, result: Result) -> sa.ColumnElement[bool]:
    """Rows of a table that are this row of this run."""
    return sa.and_(
        table.c.run == result.run,
        table.c.scenario == result.scenario,
        *(table.c[name] == getattr(result.key, name) for name in _KEY),
    )


def _row_values(connection: sa.Connection, result: Result) -> dict[str, Any]:
    _add_counts(connection, result.counts)
    return {
        "run": result.run,
        "environment": result.environment,
        "scenario": result.scenario,
        "status": result.status,
        "measured_at": result.measured_at,
        "facts": _pack_facts(result),
        "metrics": _pack_metrics(connection, result.metrics),
        **{name: getattr(result.key, name) for name in _KEY},
    }


def _add_digest(connection: sa.Connection, number: int, result: Result) -> None:
    identity = {name: getattr(result.key, name) for name in _KEY} | {"scenario": result.scenario}
    series = connection.scalar(
        sa.select(_series.c.id).where(*(_series.c[n] == value for n, value in identity.items()))
    )
    if series is None:
        made = connection.execute(_series.insert().values(**identity)).inserted_primary_key
        assert made is not None
        series = made[0]
    connection.execute(
        _digests.insert().values(
            result=number,
            series=series,
            run=result.run,
            measured_at=result.measured_at,
            body=digest.pack(result),
        )
    )


def _keys_of(connection: sa.Connection) -> dict[int, tuple[SystemKey, str]]:
    """System and scenario of every series."""
    return {
        row.id: (SystemKey(**{name: getattr(row, name) for name in _KEY}), row.scenario)
        for row in connection.execute(_series.select())
    }


def _brief(row: Any, key: SystemKey, scenario: str) -> Result:
    """A result from its digest alone."""
    return digest.result(
        digest.unpack(row.body), run=row.run, key=key, scenario=scenario,
        measured_at=row.measured_at,
    )  # fmt: skip


def _latest(row: Any, key: SystemKey, scenario: str) -> Latest:
    result = _brief(row, key, scenario)
    return Latest(
        id=row.result,
        series=row.series,
        result=result,
        runs=row.runs,
        since=row.since,
        raw=row.window is not None,
        recomputed=row.window is not None and _recomputed(row.window, result),
    )


def _recomputed(packed: bytes, result: Result) -> bool:
    """Whether the raw window gives the stored throughput, and the energy where it has one."""
    window = msgspec.json.decode(zlib.decompress(packed), type=_RawWindow)
    speed = window.frames / window.seconds if window.seconds else math.nan
    pairs = [(result.metrics["throughput"].value, speed)]
    if window.energy is not None and result.metrics["energy_per_frame"].value is not None:
        joules = window.energy.energy_j / window.energy.seconds / speed
        pairs.append((result.metrics["energy_per_frame"].value, joules))
    return all(
        stored is not None and math.isclose(stored, again, rel_tol=_SAME) for stored, again in pairs
    )


def _sources(connection: sa.Connection) -> dict[str, str]:
    """Run to who measured it."""
    environment = (
        sa.select(_results.c.environment)
        .where(_results.c.run == _runs.c.id)
        .limit(1)
        .scalar_subquery()
    )
    query = sa.select(_runs.c.id, _runs.c.labels, environment.label("environment"))
    rows = connection.execute(query).all()
    facts = {
        row.id: f"{row.facts.get('machine')} {row.facts.get('device')}"
        for row in connection.execute(_environments.select())
    }
    return {
        row.id: row.labels.get("submitter")
        or row.labels.get("machine")
        or facts.get(row.environment, "")
        for row in rows
    }


def _pack_facts(result: Result) -> bytes:
    facts = msgspec.to_builtins(result)
    for name in ("run", "environment", "key", "scenario", "status", "metrics", "measured_at"):
        facts.pop(name)
    facts["counts"] = counts_id(result.counts) if result.counts else None
    return zlib.compress(json.dumps(facts).encode())


def counts_id(counts: Sequence[Count]) -> str:
    """The name under which a network's layers are kept: the hash of what they are."""
    return _hash_of(msgspec.json.encode(counts))


def _hash_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


def _add_counts(connection: sa.Connection, counts: Sequence[Count]) -> None:
    if not counts:
        return
    body = msgspec.json.encode(counts)
    number = _hash_of(body)
    known = connection.scalar(sa.select(_counts.c.id).where(_counts.c.id == number))
    if known is None:
        connection.execute(_counts.insert().values(id=number, body=zlib.compress(body)))


def _pack_metrics(connection: sa.Connection, metrics: Mapping[str, Value]) -> bytes:
    """Values with interned texts: [value, low, high, how, reason] by key."""
    wanted = {text for v in metrics.values() for text in (v.how, v.reason) if text is not None}
    ids = _interned(connection, wanted)
    packed = {
        key: [v.value, v.low, v.high, ids[v.how], None if v.reason is None else ids[v.reason]]
        for key, v in metrics.items()
    }
    return zlib.compress(json.dumps(packed).encode())


def _interned(connection: sa.Connection, texts: set[str]) -> dict[str, int]:
    listed = sorted(texts)
    query = sa.select(_texts.c.text, _texts.c.id).where(_texts.c.text.in_(listed))
    ids = {row.text: row.id for row in connection.execute(query)}
    for text in listed:
        if text not in ids:
            row = connection.execute(_texts.insert().values(text=text)).inserted_primary_key
            assert row is not None
            ids[text] = row[0]
    return ids


def _pack_window(window: Window) -> dict[str, Any]:
    facts = msgspec.to_builtins(window)
    facts["durations_ns"] = []
    return {
        "time_order": True,
        "window": zlib.compress(json.dumps(facts).encode()),
        "durations": pack_durations(window.durations_ns),
    }


def _window(row: Any) -> Window:
    window = msgspec.json.decode(zlib.decompress(row.window), type=Window)
    return replace(window, durations_ns=unpack_durations(row.durations))


def pack_durations(durations: Sequence[int]) -> bytes:
    """Nanoseconds as compressed differences of 64-bit integers."""
    import numpy as np

    array = np.asarray(durations, dtype="<i8")
    return zlib.compress(np.diff(array, prepend=0).astype("<i8").tobytes(), 6)


def unpack_durations(packed: bytes) -> tuple[int, ...]:
    """The inverse of `pack_durations`."""
    import numpy as np

    found = np.cumsum(np.frombuffer(zlib.decompress(packed), dtype="<i8"))
    # in parts: a list of all of them would be an object for each
    parts = (found[at : at + _PART] for at in range(0, len(found), _PART))
    return shared(value for part in parts for value in part.tolist())


def _sort_old(connection: sa.Connection, result: Result) -> None:
    """Sorts the durations of this row's runs before the last 30: they compress better so."""
    old = connection.execute(
        sa.select(_raw.c.result, _raw.c.durations, _results.c.run)
        .join(_results, _results.c.id == _raw.c.result)
        .where(_results.c.scenario == result.scenario, _raw.c.time_order.is_(True))
        .where(*(_results.c[name] == getattr(result.key, name) for name in _KEY))
        .order_by(_results.c.id.desc())
        .offset(TIME_ORDER_RUNS)
    ).all()
    for row in old:
        connection.execute(_raw.update().where(_raw.c.result == row.result).values(**_sorted(row)))
        mates = _processes.select().where(
            _same(_processes, replace(result, run=row.run)), _processes.c.time_order.is_(True)
        )
        for mate in connection.execute(mates).all():
            connection.execute(
                _processes.update().where(_processes.c.id == mate.id).values(**_sorted(mate))
            )


def _sorted(row: Any) -> dict[str, Any]:
    durations = pack_durations(sorted(unpack_durations(row.durations)))
    return {"time_order": False, "durations": durations}


def _texts_of(connection: sa.Connection, rows: Sequence[Any]) -> dict[int, str]:
    ids: set[int] = set()
    for row in rows:
        for packed in json.loads(zlib.decompress(row.metrics)).values():
            ids.update(i for i in packed[3:5] if i is not None)
    query = sa.select(_texts.c.id, _texts.c.text).where(_texts.c.id.in_(ids))
    return {row.id: row.text for row in connection.execute(query)}


def _run(row: Any) -> RunInfo:
    facts = {name: getattr(row, name) for name in RunInfo.__dataclass_fields__}
    return msgspec.convert(facts, RunInfo)


def _read(connection: sa.Connection, rows: Sequence[Any]) -> list[Result]:
    """Results from their rows, with the texts and counts that they share."""
    texts = _texts_of(connection, rows)
    facts = [json.loads(zlib.decompress(row.facts)) for row in rows]
    wanted = {each["counts"] for each in facts if each.get("counts")}
    query = sa.select(_counts.c.id, _counts.c.body).where(_counts.c.id.in_(wanted))
    counts = {
        row.id: msgspec.json.decode(zlib.decompress(row.body), type=tuple[Count, ...])
        for row in (connection.execute(query) if wanted else ())
    }
    return [_result(row, own, texts, counts) for row, own in zip(rows, facts, strict=True)]


def _result(
    row: Any,
    facts: dict[str, Any],
    texts: Mapping[int, str],
    counts: Mapping[str, tuple[Count, ...]],
) -> Result:
    counted = facts.pop("counts", None)
    fingerprint = facts.pop("fingerprint")
    doubts = facts.pop("doubts")
    layer_times = facts.pop("layer_times", None)
    processes = facts.pop("processes", ())
    metrics = {
        key: Value(
            value=value,
            low=low,
            high=high,
            how=texts[how],
            reason=None if reason is None else texts[reason],
        )
        for key, (value, low, high, how, reason) in json.loads(zlib.decompress(row.metrics)).items()
    }
    return Result(
        run=row.run,
        environment=row.environment,
        key=SystemKey(**{name: getattr(row, name) for name in _KEY}),
        scenario=row.scenario,
        status=row.status,
        measured_at=row.measured_at,
        metrics=metrics,
        fingerprint=None if fingerprint is None else Fingerprint(**fingerprint),
        doubts=tuple(Doubt(**doubt) for doubt in doubts),
        layer_times=msgspec.convert(layer_times, LayerTimes | None),
        counts=counts[counted] if counted else (),
        processes=msgspec.convert(processes, tuple[Process, ...]),
        **facts,
    )
