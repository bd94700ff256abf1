"""What a store can be asked, and how it is written."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter, le, lt
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from benchsuite.errors import BadInput
from benchsuite.store import tables
from benchsuite.store.faults import damage, plain
from benchsuite.store.locks import lock_writers
from benchsuite.store.merging import Merged, merge
from benchsuite.store.packing import pack_window, unpack_window
from benchsuite.store.reading import (
    Course,
    Elsewhere,
    Latest,
    Moments,
    brief,
    keys_of,
    latest_of,
    read,
    run_of,
    sources,
)
from benchsuite.store.writing import (
    add_environment,
    add_result,
    add_run,
    row_values,
    same_row,
)
from benchsuite.types import (
    CONFIRMS,
    Result,
    RunInfo,
    SystemSpec,
    Window,
)
from benchsuite.units import counted

_PART = 10_000  # rows fetched at once: one call for each would take as long as all else


class Store:
    """Runs and their results. Use `open_store`; methods raise BadInput on a store that fails."""

    def __init__(self, engine: sa.Engine, *, place: str) -> None:
        self._engine = engine
        self.place = place

    def add_run(self, run: RunInfo, *, plan: Sequence[SystemSpec]) -> None:
        """Records a run before its first system is measured."""
        with self._write() as connection:
            add_run(connection, run, plan=plan)

    def finish_run(self, run: str, *, seconds: float) -> None:
        """Adds to a run's length the seconds that this invocation took."""
        with self._write() as connection:
            before = sa.func.coalesce(tables.runs.c.seconds, 0.0)
            connection.execute(
                tables.runs.update().where(tables.runs.c.id == run).values(seconds=before + seconds)
            )

    def add(
        self,
        result: Result,
        *,
        environment: Mapping[str, Any],
        window: Window | None = None,
    ) -> None:
        """Stores a result in one transaction; one of the same row in the same run is replaced."""
        with self._write() as connection:
            add_result(connection, result, environment=environment, window=window)

    def add_process(
        self, result: Result, *, environment: Mapping[str, Any], window: Window
    ) -> None:
        """Stores what one of several processes gave for a row; the row itself is `add`'s."""
        with self._write() as connection:
            add_environment(connection, result.environment, environment)
            values = row_values(connection, result) | pack_window(window)
            connection.execute(tables.processes.insert().values(**values))

    def processes(self, row: Result) -> dict[int, Result]:
        """What each process gave for a row, by its number in the store; empty of a lone one."""
        with self._begin() as connection:
            rows = connection.execute(
                tables.processes.select()
                .where(same_row(tables.processes, row))
                .order_by(tables.processes.c.id)
            ).all()
            results = read(connection, rows)
            return {row.id: each for row, each in zip(rows, results, strict=True)}

    def drop_processes(self, row: Result) -> None:
        """Forgets what processes gave for a row that begins anew."""
        with self._write() as connection:
            connection.execute(tables.processes.delete().where(same_row(tables.processes, row)))

    def process_windows(self, numbers: Sequence[int]) -> list[Window]:
        """Raw windows of processes, by their numbers in the store."""
        with self._begin() as connection:
            query = tables.processes.select().where(tables.processes.c.id.in_(list(numbers)))
            found = {row.id: unpack_window(row) for row in connection.execute(query)}
            return [found[number] for number in numbers]

    def merge(
        self,
        runs: Sequence[RunInfo],
        results: Iterable[Result],
        *,
        environments: Mapping[str, Mapping[str, Any]],
        window: Callable[[Result], Window | None] | None = None,
    ) -> Merged:
        """Takes over runs of another store, all in one transaction or none.

        A run that was measured here is left as it is. One that came by a file before gets the rows
        that it lacks, and those that had failed or been skipped: it was exported midway.

        Args:
            runs: With any ids.
            results: Of these runs.
            environments: By the id that the results carry.
            window: Gives a result's raw window, durations ascending, where there is one; asked
                for one after another.

        Raises:
            BadInput: An environment's id is taken by another environment.
        """
        with self._write() as connection:
            return merge(connection, runs, results, environments=environments, window=window)

    def runs(self) -> list[RunInfo]:
        """All runs, the newest first: by when they began, whenever they were stored."""
        with self._begin() as connection:
            order = (tables.runs.c.started_at.desc(), tables.runs.c.number.desc())
            rows = connection.execute(tables.runs.select().order_by(*order)).all()
            return [run_of(row) for row in rows]

    def labels(self) -> dict[str, dict[str, str]]:
        """The labels of every run, by its id."""
        with self._begin() as connection:
            query = sa.select(tables.runs.c.id, tables.runs.c.labels)
            return {
                row.id: msgspec.convert(row.labels, dict[str, str])
                for row in connection.execute(query)
            }

    def find_run(self, name: str) -> RunInfo:
        """The run of an id or unique prefix, `latest`, `latest~N`, or `label:KEY[=VALUE]`.

        `latest~N` is the N-th before the newest. A label with `~N` is the last N runs that carry it
        (`find_runs`), which no command that takes one run can mean. What `gate --remeasure`
        measured again is no night of its own: only its id and `label:confirms=RUN` mean it.

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
            nights = [run for run in runs if CONFIRMS not in run.labels] or runs
            if back >= len(nights):
                raise BadInput(f"{name}: {self.place} has only {counted(len(nights), 'run')}")
            return nights[back]
        near = [run for run in runs if run.id == name]
        near = near or [run for run in runs if run.id.startswith(name)]
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
        if tilde and not (count.isdecimal() and int(count) > 0):
            raise BadInput(f"{name}: write label:KEY=VALUE~N, N a number of runs of at least 1")
        found = [
            run
            for run in self.runs()
            if run.id not in without
            and (run.labels.get(key) == value if equals else key in run.labels)
            and (key == CONFIRMS or CONFIRMS not in run.labels)
        ]
        if not found:
            others = " other" if without else ""
            raise BadInput(f"{name}: no{others} run carries that label in {self.place}")
        return found[: int(count) if tilde else 1][::-1]

    def plan(self, run: str) -> list[SystemSpec]:
        """The systems that a run set out to measure."""
        with self._begin() as connection:
            packed = connection.scalar(sa.select(tables.runs.c.plan).where(tables.runs.c.id == run))
            if packed is None:
                return []
            return msgspec.json.decode(zlib.decompress(packed), type=list[SystemSpec])

    def results(self, run: str) -> list[Result]:
        """A run's results in the order they were stored."""
        with self._begin() as connection:
            rows = connection.execute(
                tables.results.select()
                .where(tables.results.c.run == run)
                .order_by(tables.results.c.id)
            ).all()
            return read(connection, rows)

    def whole(self, ids: Sequence[int]) -> dict[int, Result]:
        """Results with everything that is stored of them, by their numbers in the store."""
        found: dict[int, Result] = {}
        with self._begin() as connection:
            for start in range(0, len(ids), tables.MANY):
                part = list(ids[start : start + tables.MANY])
                rows = connection.execute(
                    tables.results.select().where(tables.results.c.id.in_(part))
                ).all()
                results = read(connection, rows)
                found |= {row.id: each for row, each in zip(rows, results, strict=True)}
        return found

    def latest(self) -> list[Latest]:
        """The newest result of every row in the store, in the order the rows first appeared."""
        # both read the index by series and time alone, and the newest by seeking to its end
        counted = (
            sa.select(
                tables.digests.c.series,
                sa.func.count().label("runs"),
                sa.func.min(tables.digests.c.measured_at).label("since"),
            )
            .group_by(tables.digests.c.series)
            .subquery()
        )
        newest = (
            sa.select(tables.digests.c.result)
            .where(tables.digests.c.series == counted.c.series)
            .order_by(tables.digests.c.measured_at.desc(), tables.digests.c.result.desc())
            .limit(1)
            .correlate(counted)
            .scalar_subquery()
        )
        query = (
            sa.select(tables.digests, counted.c.runs, counted.c.since, tables.raw.c.window)
            .select_from(counted)
            .join(tables.digests, tables.digests.c.result == newest)
            .outerjoin(tables.raw, tables.raw.c.result == tables.digests.c.result)
            .order_by(tables.digests.c.series)
        )
        with self._begin() as connection:
            keys = keys_of(connection)
            rows = connection.execute(query).all()
            return [latest_of(row, *keys[row.series]) for row in rows]

    def elsewhere(self, latest: Sequence[Latest]) -> list[Elsewhere]:
        """The newest results of the same rows from every other source, where there are any."""
        with self._begin() as connection:
            places = sources(connection)
            if len(set(places.values())) < 2:
                return []
            own = {each.series: places.get(each.result.run, "") for each in latest}
            newest: dict[tuple[int, str], int] = {}
            columns = (tables.digests.c.series, tables.digests.c.run, tables.digests.c.result)
            order = (tables.digests.c.measured_at, tables.digests.c.result)
            for series, run, number in connection.execute(sa.select(*columns).order_by(*order)):
                source = places.get(run, "")
                if source and own.get(series) not in (None, source):
                    newest[series, source] = number
            keys = keys_of(connection)
            rows: dict[int, Any] = {}
            wanted = list(newest.values())
            for start in range(0, len(wanted), tables.MANY):
                part = wanted[start : start + tables.MANY]
                query = tables.digests.select().where(tables.digests.c.result.in_(part))
                rows |= {row.result: row for row in connection.execute(query)}
            return [
                Elsewhere(series=series, source=source, result=brief(rows[number], *keys[series]))
                for (series, source), number in newest.items()
            ]

    def courses(self) -> list[Course]:
        """Every row's results in time, in brief, in the order the rows first appeared."""
        query = sa.select(
            tables.digests.c.series,
            tables.digests.c.result,
            tables.digests.c.run,
            tables.digests.c.measured_at,
            tables.digests.c.body,
        )
        with self._begin() as connection:
            keys = keys_of(connection)
            found: defaultdict[int, list[Any]] = defaultdict(list)
            for part in connection.execute(query).partitions(_PART):
                for row in part:
                    found[row[0]].append(row)
        # sorted here: an index would be read in order, but the rows behind it all over the table
        same = dict[tuple[str, ...], tuple[str, ...]]().setdefault  # most rows have the same runs
        return [
            Course(
                series=series,
                key=keys[series][0],
                scenario=keys[series][1],
                moments=_in_time(found[series], same),
            )
            for series in sorted(found)
        ]

    def environments(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Environments by id."""
        with self._begin() as connection:
            rows = connection.execute(
                tables.environments.select().where(tables.environments.c.id.in_(list(ids)))
            ).all()
            return {row.id: msgspec.convert(row.facts, dict[str, Any]) for row in rows}

    def window(self, result: Result) -> Window | None:
        """The raw window behind a result; its durations are sorted where the run is old."""
        with self._begin() as connection:
            row = connection.execute(
                sa.select(tables.raw.c.window, tables.raw.c.durations)
                .join(tables.results, tables.results.c.id == tables.raw.c.result)
                .where(same_row(tables.results, result))
            ).first()
            return None if row is None else unpack_window(row)

    @contextmanager
    def _write(self) -> Iterator[sa.Connection]:
        """A transaction that no other writer's runs beside: what it reads stays true."""
        with self._begin() as connection:
            lock_writers(connection)
            yield connection

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise BadInput(f"{self.place}: {plain(error)}") from error
        except (zlib.error, msgspec.DecodeError, ValueError, KeyError, TypeError) as error:
            raise BadInput(
                f"{self.place}: the store is damaged ({damage(error)}); restore it from a copy, "
                "or name another file"
            ) from error


def _in_time(
    rows: list[Any], same: Callable[[tuple[str, ...], tuple[str, ...]], tuple[str, ...]]
) -> Moments:
    """By time, those of one moment by their numbers; cheap where they were stored in that order."""
    _, ids, runs, times, bodies = zip(*rows, strict=True)
    if not (all(map(lt, ids, ids[1:])) and all(map(le, times, times[1:]))):
        rows.sort(key=itemgetter(3, 1))
        _, ids, runs, times, bodies = zip(*rows, strict=True)
    return Moments(ids=ids, runs=same(runs, runs), times=times, bodies=bodies)


def _count_of(name: str) -> int:
    """N of `label:KEY=VALUE~N`; 1 without it."""
    count = name.rpartition("~")[2]
    return int(count) if "~" in name and count.isdecimal() else 1
