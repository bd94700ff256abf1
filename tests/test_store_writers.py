"""Tests of a store under several writers, killed writers, and on a PostgreSQL server."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchsuite.errors import BadInput
from benchsuite.store import Store, locks, open_store, opening, schema

from . import postgres
from .kills import kill_writers
from .measurements import window
from .test_store import result, run_info, spec
from .test_store_schema import difference

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL server, where the test extras are installed."""
    why = postgres.missing()
    if why is not None:
        pytest.skip(why)
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty store's place, of each kind."""
    if request.param == "sqlite":
        yield str(tmp_path / "r.db")
        return
    url: str = request.getfixturevalue("server")
    yield url
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()


def close(store: Store) -> None:
    store._engine.dispose()


def test_a_connection_that_the_server_ended_is_made_anew(server: str) -> None:
    """Ten minutes of measuring lie between two results: a firewall forgets such a connection."""
    store = open_store(server)
    store.add_run(run_info(), plan=[])
    engine = sa.create_engine(server)
    with engine.begin() as connection:
        ended = connection.scalars(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        ).all()
        assert any(ended)
    store.add(result(), environment={"machine": "m"}, window=window())
    assert len(store.results("aa11")) == 1
    close(store)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()


def test_what_is_stored_is_read_back(place: str) -> None:
    """Result, window, environment, plan, digest and a text of any length survive the way."""
    store = open_store(place)
    store.add_run(run_info(branch="main"), plan=[spec()])
    row = result(reason="".join(chr(33 + i * i % 8191) for i in range(9000)))
    store.add(row, environment={"machine": "m"}, window=window())
    store.add(row, environment={"machine": "m"}, window=window())
    store.add_process(row, environment={"machine": "m"}, window=window())
    store.finish_run("aa11", seconds=3.0)
    again = open_store(place)
    assert again.results("aa11") == [row]
    assert again.window(row) == window()
    assert list(again.processes(row).values()) == [row]
    assert again.environments(["e1"]) == {"e1": {"machine": "m"}}
    assert again.plan("aa11") == [spec()]
    assert again.find_run("label:branch=main").seconds == 3.0
    (newest,) = again.latest()
    assert (newest.result.run, newest.runs, newest.recomputed) == (
        "aa11",
        1,
        store.latest()[0].recomputed,
    )
    assert [len(course.moments) for course in again.courses()] == [1]
    for each in (store, again):
        close(each)


def test_two_writers_at_once_lose_nothing(place: str) -> None:
    """Four processes that add runs with the same new texts at the same time all succeed."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.writer", place, name, "12"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        )
        for name in "abcd"
    ]  # fmt: skip
    said = [each.communicate(timeout=120) for each in writers]
    reported = {line for out, _ in said for line in out.split() if line != "ready"}
    assert len(reported) == 48, said
    store = open_store(place)
    stored = [each for run in store.runs() for each in store.results(run.id)]
    assert sorted(each.run for each in stored) == sorted(reported)
    assert {each.reason for each in stored} == {f"text {number}" for number in range(12)}
    (newest,) = store.latest()  # one row's identity, made once
    assert newest.runs == 48
    with store._engine.connect() as connection:
        twice = "SELECT text FROM texts GROUP BY text HAVING count(*) > 1"
        assert connection.exec_driver_sql(twice).all() == []
    close(store)


def test_a_writer_waits_for_a_long_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than SQLite itself waits; in the end one sentence says what goes on."""
    monkeypatch.setattr(opening, "_BUSY_S", 0.05)
    place = tmp_path / "r.db"
    store = open_store(place)
    other = sqlite3.connect(place, check_same_thread=False, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.5, other.rollback)
    later.start()
    store.add_run(run_info(), plan=[])
    later.join()
    assert [each.id for each in store.runs()] == ["aa11"]
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(locks, "LONGEST_S", 0.1)
    with pytest.raises(BadInput, match="another process has been writing it"):
        store.finish_run("aa11", seconds=1.0)
    other.rollback()
    other.close()
    close(store)


def test_runs_merge_without_duplicates(place: str, tmp_path: Path) -> None:
    """Runs of another store are taken once, however often they are imported."""
    other = open_store(tmp_path / "other.db")
    for name in ("aa11", "bb22"):
        other.add_run(run_info(name), plan=[])
        other.add(result(name), environment={"machine": "m"})
    runs = other.runs()
    rows = [each for run in runs for each in other.results(run.id)]
    store = open_store(place)
    facts = {"e1": {"machine": "m"}}
    first = store.merge(runs, rows, environments=facts)
    assert (first.runs, first.results, first.left) == (2, 2, ())
    again = store.merge(runs, rows, environments=facts)
    assert (again.runs, again.results, sorted(again.left)) == (0, 0, ["aa11", "bb22"])
    assert [len(store.results(run.id)) for run in store.runs()] == [1, 1]
    with pytest.raises(BadInput, match="stored already, with other facts"):
        store.merge([run_info("cc33")], [result("cc33")], environments={"e1": {"machine": "n"}})
    assert len(store.runs()) == 2
    close(store)


def test_a_run_that_came_midway_gets_what_it_lacked(place: str, tmp_path: Path) -> None:
    """Exported twice, once half done: the second file brings what failed and what was to come."""
    facts = {"e1": {"machine": "m"}}
    store = open_store(place)
    late = replace(result(), scenario="SingleStream")
    store.merge([run_info()], [result(status="failed", reason="crash")], environments=facts)
    again = store.merge([run_info()], [result(), late], environments=facts)
    assert (again.runs, again.resumed, again.results, again.left) == (0, ("aa11",), 2, ())
    assert [(r.scenario, r.status) for r in store.results("aa11")] == [
        ("Offline", "ok"), ("SingleStream", "ok"),
    ]  # fmt: skip
    other = replace(result(), metrics={}, status="failed", reason="later")
    left = store.merge([run_info()], [other], environments=facts)
    assert (left.results, left.left) == (0, ("aa11",))
    close(store)


def test_a_run_that_was_measured_here_is_not_changed_by_a_file(place: str) -> None:
    """Whoever knows its id cannot add to it."""
    store = open_store(place)
    store.add_run(run_info(), plan=[spec()])
    done = store.merge([run_info()], [result()], environments={"e1": {"machine": "m"}})
    assert (done.results, done.left) == (0, ("aa11",))
    assert store.results("aa11") == []
    close(store)


def test_the_newest_run_is_the_one_that_began_last(place: str) -> None:
    """An old file that is imported today is not `latest`."""
    store = open_store(place)
    store.add_run(run_info(branch="main"), plan=[spec()])
    old = replace(run_info("bb22", branch="main"), started_at="2020-01-01T00:00:00+00:00")
    store.merge([old], [result("bb22")], environments={"e1": {"machine": "m"}})
    assert store.find_run("latest").id == "aa11"
    assert store.find_run("label:branch").id == "aa11"
    assert store.find_run("latest~1").id == "bb22"
    close(store)


def test_a_server_with_an_older_schema_is_migrated(server: str) -> None:
    """PostgreSQL runs the migrations in one transaction; a newer schema is refused in words."""
    store = open_store(server)
    store.add(result(reason="kept"), environment={})
    with store._engine.begin() as connection:
        for statement in (
            "DROP TABLE alembic_version",
            "DROP TABLE processes",
            "DROP INDEX texts_by_text",
            "ALTER TABLE texts ADD CONSTRAINT texts_text_key UNIQUE (text)",
            "UPDATE about SET value = '1' WHERE key = 'schema'",
        ):
            connection.exec_driver_sql(statement)
    old = open_store(server)
    assert old.results("aa11")[0].reason == "kept"
    assert difference(old._engine) == []
    with old._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE about SET value = '99' WHERE key = 'schema'")
    with pytest.raises(BadInput, match=f"schema 99, this benchsuite reads up to {schema.NEWEST}"):
        open_store(server)
    with old._engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    for each in (store, old):
        close(each)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_killed_writer_loses_nothing_it_reported(tmp_path: Path) -> None:
    """Twenty kills at random moments: every reported result is whole, and none is half there."""
    found = kill_writers(str(tmp_path / "r.db"), 20)
    assert found.reported > 0
    assert found.stored >= found.reported
    assert (found.lost, found.half_written) == ((), ())
