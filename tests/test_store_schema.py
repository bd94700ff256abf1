"""Tests of benchsuite.store.schema and its migrations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchsuite.errors import BadInput
from benchsuite.store import open_store, schema, tables

from .measurements import window
from .old_store import age
from .test_store import result, run_info, spec

VERSIONS = Path(schema.__file__).with_name("migrations") / "versions"


def difference(engine: sa.Engine) -> list[object]:
    """What alembic would change to come from this database to the tables of the code."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with engine.connect() as connection:
        return compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), tables.metadata
        )


@pytest.mark.parametrize(
    "without", [(), ("processes",), ("counts", "processes", "digests", "series")]
)
def test_an_older_store_is_migrated_when_opened(tmp_path: Path, without: tuple[str, ...]) -> None:
    """It keeps its results, has the tables of a new one, and its newest results are found."""
    path = tmp_path / "r.db"
    made = open_store(path)
    made.add_run(run_info(), plan=[spec()])
    row = result(reason="kept")
    made.add(row, environment={}, window=window())
    newest = made.latest()
    age(path, without=without)
    opened = open_store(path)
    assert opened.results("aa11") == [row]
    assert opened.latest() == newest
    assert difference(opened._engine) == []
    opened.add(result("bb22", reason="a new text"), environment={})
    assert open_store(path).results("bb22")[0].reason == "a new text"


def test_a_new_store_is_what_the_migrations_make(tmp_path: Path) -> None:
    """New and migrated stores have the same tables, indexes and stamp."""
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    for path in (new, old):
        open_store(path)
    age(old, without=("counts", "processes", "digests", "series"))
    engines = [open_store(path)._engine for path in (new, old)]
    assert [difference(engine) for engine in engines] == [[], []]
    stamps, texts = [], []
    for engine in engines:
        with engine.connect() as connection:
            stamps.append(connection.exec_driver_sql("SELECT * FROM alembic_version").scalar_one())
            stamps.append(connection.exec_driver_sql("SELECT value FROM about").scalar_one())
            query = "SELECT count(*) FROM sqlite_master WHERE tbl_name = 'texts'"
            texts.append(connection.exec_driver_sql(query).scalar_one())
    assert stamps == [f"{schema.NEWEST:04d}", str(schema.NEWEST)] * 2
    assert texts[0] == texts[1]
    assert max(int(file.name[:4]) for file in VERSIONS.glob("0*.py")) == schema.NEWEST


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Migrations run in one transaction: what stops half-way leaves the older store as it was."""
    path = tmp_path / "r.db"
    open_store(path).add(result(), environment={})
    age(path, without=("digests", "series"))

    def fail(*_: object) -> None:
        raise ValueError("half-way")

    monkeypatch.setattr(schema, "add_digest", fail)
    with pytest.raises(BadInput, match="half-way"):
        open_store(path)
    with sa.create_engine(f"sqlite:///{path}").connect() as connection:
        names = set(sa.inspect(connection).get_table_names())
        assert connection.exec_driver_sql("SELECT value FROM about").scalar_one() == "1"
    assert names.isdisjoint({"digests", "series", "alembic_version"})
    monkeypatch.undo()
    assert len(open_store(path).latest()) == 1


def test_what_is_not_installed_is_named_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older store needs alembic, which is no database driver; a URL needs its driver."""
    path = tmp_path / "r.db"
    open_store(path)
    age(path)
    monkeypatch.setitem(sys.modules, "alembic", None)
    with pytest.raises(BadInput, match="older benchsuite.*: pip install alembic$"):
        open_store(path)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(BadInput, match="driver psycopg is not installed: pip install psycopg$"):
        open_store("postgresql+psycopg://nowhere/none")


def test_a_current_store_opens_without_alembic(tmp_path: Path) -> None:
    """Neither making a store nor opening one of the newest schema imports the migrations' tool."""
    code = (
        "import sys; from benchsuite.store import open_store\n"
        "open_store(sys.argv[1]); open_store(sys.argv[1]); print('alembic' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "r.db")], capture_output=True, text=True
    )
    assert told.stdout.strip() == "False", told.stderr
