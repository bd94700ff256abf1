"""Tests of benchsuite.store."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchsuite.errors import BadInput
from benchsuite.metrics import compute
from benchsuite.store import open_store, pack_durations, unpack_durations
from benchsuite.types import Doubt, Result, RunInfo, SystemKey, SystemSpec

from .measurements import measurement, window

KEY = SystemKey(
    workload="image/x", scale="embedded", dataset="d", backend="eager", precision="fp32", batch=1,
    device_name="A processor", device_count=1, threads=2,
)  # fmt: skip


def spec() -> SystemSpec:
    return SystemSpec(
        path="/x.py", name="image/x", scale="embedded", backend="eager", precision="fp32", batch=1,
        device="cpu", threads=2, scenarios=("Offline",), seconds=1.0, warmup_s=1.0, meter="auto",
        cache="/c", roots=("/r",),
    )  # fmt: skip


def result(run: str = "aa11", **changes: object) -> Result:
    made = measurement()
    base = Result(
        run=run, environment="e1", key=KEY, domain="image", device="cpu", weights="w",
        scenario="Offline", status="ok", reason=None, rank_class="embedded", class_reason=None,
        frame="image", fingerprint=made.fingerprint, metrics=compute(made, made.windows[0]),
        doubts=(Doubt(code="not_steady", message="Offline: moved"),), beside={"top-5": 0.99},
        measured_at="2026-01-01T00:00:00+00:00",
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


def run_info(id: str = "aa11", **labels: str) -> RunInfo:
    return RunInfo(id=id, started_at="2026-01-01T00:00:00+00:00", labels=labels, command="test")


def test_what_is_stored_is_read_back(tmp_path: Path) -> None:
    """A result, its raw window, its environment, the run and its plan survive the way."""
    store = open_store(tmp_path / "r.db")
    store.add_run(run_info(branch="main"), plan=[spec()])
    raw = window()
    store.add(result(), environment={"machine": "m"}, window=raw)
    again = open_store(tmp_path / "r.db")
    assert again.results("aa11") == [result()]
    assert again.window(result()) == raw
    assert again.environments(["e1"]) == {"e1": {"machine": "m"}}
    assert again.plan("aa11") == [spec()]
    assert again.runs()[0].labels == {"branch": "main"}


def test_the_same_row_of_a_run_is_replaced(tmp_path: Path) -> None:
    """Measuring a failed system again with --resume leaves one row, the newer."""
    store = open_store(tmp_path / "r.db")
    store.add_run(run_info(), plan=[])
    store.add(result(status="failed", reason="crash"), environment={})
    store.add(result(), environment={})
    assert [r.status for r in store.results("aa11")] == ["ok"]


def test_runs_are_found_by_every_name(tmp_path: Path) -> None:
    """Id, prefix, latest, latest~N and labels name runs; what is not there is refused."""
    store = open_store(tmp_path / "r.db")
    with pytest.raises(BadInput, match="no run is stored"):
        store.find_run("latest")
    for id, label in (("aa11", "old"), ("ab22", "old"), ("cc33", "new")):
        store.add_run(run_info(id, release=label), plan=[])
    assert store.find_run("latest").id == "cc33"
    assert store.find_run("latest~2").id == "aa11"
    assert store.find_run("c").id == "cc33"
    assert store.find_run("label:release=old").id == "ab22"
    assert store.find_run("label:release=old~1").id == "ab22"
    assert store.find_run("label:release").id == "cc33"
    assert [run.id for run in store.find_runs("label:release=old~2")] == ["aa11", "ab22"]
    with pytest.raises(BadInput, match="the last 2 runs with that label, where one is wanted"):
        store.find_run("label:release=old~2")
    for name in ("a", "zz", "latest~3", "label:release=none", "label:branch"):
        with pytest.raises(BadInput):
            store.find_run(name)


def test_durations_pack_without_loss() -> None:
    """Delta-coded durations come back to the nanosecond, in order."""
    durations = (5, 3, 10**12, 0, 7)
    assert unpack_durations(pack_durations(durations)) == durations


def test_old_durations_are_sorted(tmp_path: Path) -> None:
    """The last 30 runs of a row keep the order of time; an older one is kept sorted."""
    store = open_store(tmp_path / "r.db")
    raw = replace(window(queries=3), durations_ns=(3, 1, 2))
    for number in range(31):
        store.add(result(run=f"r{number}"), environment={}, window=raw)
    old, recent = store.window(result(run="r0")), store.window(result(run="r1"))
    assert old is not None
    assert recent is not None
    assert old.durations_ns == (1, 2, 3)
    assert recent.durations_ns == (3, 1, 2)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    """A text file, another program's database and a damaged store are each refused in words."""
    text = tmp_path / "text.db"
    text.write_text("not a database, whatever its name says" * 100)
    with pytest.raises(BadInput, match="not a store"):
        open_store(text)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("create table mine (x)")
    with pytest.raises(BadInput, match="not a store of benchsuite"):
        open_store(other)
    assert text.read_text().startswith("not a database")


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A store written by a newer version is left alone."""
    path = tmp_path / "r.db"
    open_store(path)
    with sqlite3.connect(path) as connection:
        connection.execute("update about set value = '99' where key = 'schema'")
    with pytest.raises(BadInput, match="schema 99"):
        open_store(path)


def test_a_damaged_row_is_reported(tmp_path: Path) -> None:
    """A row whose blob was cut off is an error in words, not a traceback."""
    path = tmp_path / "r.db"
    store = open_store(path)
    store.add(result(), environment={})
    with sqlite3.connect(path) as connection:
        connection.execute("update results set metrics = x'789c00'")
    with pytest.raises(BadInput, match="damaged"):
        open_store(path).results("aa11")


@pytest.mark.skipif(os.name != "posix", reason="needs /dev/full and POSIX folders")
def test_an_impossible_place_is_refused() -> None:
    """A folder that cannot be made and a place that is a folder are bad input."""
    for place in ("/proc/nowhere/r.db", "/", "nosuchdialect://host/db"):
        with pytest.raises(BadInput):
            open_store(place)


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    """When the disk fills, the store says so and keeps what it has."""
    store = open_store(tmp_path / "r.db")
    store.add(result(), environment={})
    with store._engine.connect() as connection:
        pages = connection.exec_driver_sql("pragma page_count").scalar_one()
    import sqlalchemy as sa

    def limit(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"pragma max_page_count = {pages}")

    store._engine.dispose()
    sa.event.listen(store._engine, "connect", limit)
    with pytest.raises(BadInput, match="disk is full"):
        for number in range(500):
            store.add(
                result(run=f"r{number}"), environment={}, window=window(queries=2000 + number)
            )
    assert len(open_store(tmp_path / "r.db").results("aa11")) == 1


@pytest.mark.parametrize(
    ("statement", "read"),
    [
        ("UPDATE results SET facts = x'00'", "results"),
        ("UPDATE results SET metrics = x'789c'", "results"),
        ("UPDATE runs SET plan = x'00'", "plan"),
        ("UPDATE raw SET window = x'00'", "window"),
        ("UPDATE raw SET durations = x'00'", "window"),
        ("DROP TABLE texts", "results"),
        ("DELETE FROM texts", "results"),
        ("UPDATE runs SET labels = '3'", "runs"),
        ("UPDATE runs SET labels = '[]'", "runs"),
        ("UPDATE runs SET started_at = x'ff00'", "runs"),
        ("UPDATE runs SET seconds = '{'", "runs"),
        ("UPDATE environments SET facts = '[]'", "environments"),
    ],
)
def test_a_damaged_row_is_one_sentence(tmp_path: Path, statement: str, read: str) -> None:
    """Bytes that cannot be read back, and a lost table, are told with the store's name."""
    store = open_store(tmp_path / "r.db")
    store.add_run(run_info(), plan=[spec()])
    store.add(result(), environment={}, window=window())
    with sqlite3.connect(tmp_path / "r.db") as connection:
        connection.execute(statement)
    with pytest.raises(BadInput, match=r"r\.db: the store is damaged"):
        if read == "results":
            store.results("aa11")
        elif read == "plan":
            store.plan("aa11")
        elif read == "runs":
            store.runs()
        elif read == "environments":
            store.environments(["e1"])
        else:
            store.window(result())


def test_a_schema_of_zero_is_no_store(tmp_path: Path) -> None:
    """A version below the first is damage."""
    open_store(tmp_path / "r.db")
    with sqlite3.connect(tmp_path / "r.db") as connection:
        connection.execute("UPDATE about SET value = '0' WHERE key = 'schema'")
    with pytest.raises(BadInput, match="damaged"):
        open_store(tmp_path / "r.db")


def test_reading_makes_no_store(tmp_path: Path) -> None:
    """Who only reads is told that there is none yet."""
    with pytest.raises(BadInput, match="no store yet"):
        open_store(tmp_path / "r.db", create=False)
    assert not (tmp_path / "r.db").exists()


def test_first_runs_at_once_share_one_store(tmp_path: Path) -> None:
    """Six processes that open a new store at the same moment all get it."""
    code = (
        "import sys, time\nfrom benchsuite.store import open_store\n"
        "time.sleep(max(0.0, float(sys.argv[2]) - time.time()))\n"
        "print(len(open_store(sys.argv[1]).runs()))"
    )
    at = str(time.time() + 3)
    many = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "r.db"), at],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(6)
    ]  # fmt: skip
    said = [process.communicate(timeout=60) for process in many]
    assert [out.strip() for out, _ in said] == ["0"] * 6, said
