"""Opening a store: the engine and its settings, a new store, an older or newer schema."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from benchsuite.errors import BadInput, one_line
from benchsuite.masking import without_password
from benchsuite.store.access import Store
from benchsuite.store.faults import plain
from benchsuite.store.schema import prepare

_BUSY_S = 30


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
    shown = without_password(text)
    try:
        if url.startswith("sqlite"):
            file = Path(url.removeprefix("sqlite:///"))
            if not create and not file.exists():
                raise BadInput(f"{shown}: no store yet; benchsuite run smoke makes one")
            file.parent.mkdir(parents=True, exist_ok=True)
            engine = sa.create_engine(url, connect_args={"timeout": _BUSY_S})
            sa.event.listen(engine, "connect", _tune_sqlite)
        else:
            # minutes lie between two results: a server, or a wall before it, may have hung up
            engine = sa.create_engine(url, pool_pre_ping=True)
        with engine.connect() as connection:
            prepare(connection, shown)
    except SQLAlchemyError as error:
        raise BadInput(f"{shown}: {plain(error)}") from error
    except ImportError as error:
        raise BadInput(f"{shown}: {_package(error)}") from None
    except OSError as error:
        raise BadInput(f"{shown}: the store cannot be written: {error.strerror}") from error
    return Store(engine, place=shown)


def _package(error: ImportError) -> str:
    """What is not installed, and the line that installs it."""
    name = (error.name or "").partition(".")[0]
    if name == "alembic":
        return "a store of an older benchsuite, brought up to date by alembic: pip install alembic"
    if not name:
        return one_line(error)
    return f"the database's driver {name} is not installed: pip install {name}"


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
