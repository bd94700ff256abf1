"""A store as it was before migrations, made from a new one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path


def age(path: Path, *, without: Sequence[str] = ()) -> None:
    """Takes a store back to schema 1, unknown to alembic.

    Args:
        path: Its file.
        without: Tables that came later in schema 1, to be dropped as well.
    """
    database = sqlite3.connect(path)
    with database:
        database.executescript("""
            DROP TABLE alembic_version;
            UPDATE about SET value = '1' WHERE key = 'schema';
            CREATE TABLE before (
                id INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (id), UNIQUE (text)
            );
            INSERT INTO before SELECT id, text FROM texts;
            DROP TABLE texts;
            ALTER TABLE before RENAME TO texts;
        """)
        for name in without:
            database.execute(f"DROP TABLE {name}")
    database.close()
