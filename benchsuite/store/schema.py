"""The schema of a store: made new, migrated at opening, refused where it is newer."""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from benchsuite.errors import BadInput, one_line
from benchsuite.store import tables
from benchsuite.store.locks import lock_writers
from benchsuite.store.reading import read
from benchsuite.store.writing import add_digest

NEWEST = 2  # the last file in migrations/versions
_STAMP = sa.table("alembic_version", sa.column("version_num", sa.String))


def prepare(connection: sa.Connection, place: str) -> None:
    """Brings the store to the newest schema, in one transaction; one SELECT where it has it.

    Raises:
        BadInput: It is no store, is damaged, or is of a newer schema.
    """
    if _current(connection):
        return
    connection.rollback()
    lock_writers(connection)  # of two first runs the second waits, then looks
    names = set(sa.inspect(connection).get_table_names())
    if not names:
        tables.metadata.create_all(connection)
        connection.execute(tables.about.insert().values(key="schema", value=str(NEWEST)))
        _stamp(connection)
    elif "about" not in names:
        raise BadInput(f"{place}: a database, but not a store of benchsuite; name another file")
    elif _version(connection, place) < NEWEST:
        _migrate(connection)
        if "digests" not in names:
            _digest_all(connection, place)
    connection.commit()


def _current(connection: sa.Connection) -> bool:
    """Whether the store says that it has the newest schema."""
    query = sa.select(tables.about.c.value).where(tables.about.c.key == "schema")
    try:
        return connection.scalar(query) == str(NEWEST)
    except DBAPIError:  # no such table, or no database: the long way says which
        return False


def _version(connection: sa.Connection, place: str) -> int:
    version = connection.scalar(
        sa.select(tables.about.c.value).where(tables.about.c.key == "schema")
    )
    if version is None or not version.isdigit() or int(version) < 1:
        raise BadInput(f"{place}: the store is damaged: it does not tell its schema")
    if int(version) > NEWEST:
        raise BadInput(
            f"{place}: the store has schema {version}, this benchsuite reads up to {NEWEST}; "
            "install a newer benchsuite"
        )
    return int(version)


def _stamp(connection: sa.Connection) -> None:
    """Marks a new store for alembic as if all migrations had run, without importing it."""
    made = sa.Table(
        "alembic_version",
        sa.MetaData(),
        sa.Column("version_num", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    )
    made.create(connection)
    connection.execute(_STAMP.insert().values(version_num=f"{NEWEST:04d}"))


def _migrate(connection: sa.Connection) -> None:
    """Runs what is missing of migrations/versions in the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.execute(
        tables.about.update().where(tables.about.c.key == "schema").values(value=str(NEWEST))
    )


def _digest_all(connection: sa.Connection, place: str) -> None:
    """Digests of a store that was made before they were kept."""
    try:
        ids = list(connection.scalars(sa.select(tables.results.c.id).order_by(tables.results.c.id)))
        for start in range(0, len(ids), tables.MANY):
            part = ids[start : start + tables.MANY]
            rows = connection.execute(
                tables.results.select().where(tables.results.c.id.in_(part))
            ).all()
            for row, result in zip(rows, read(connection, rows), strict=True):
                add_digest(connection, row.id, result)
    except (zlib.error, msgspec.DecodeError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{place}: the store is damaged ({one_line(error)}); restore it from a copy"
        ) from error
