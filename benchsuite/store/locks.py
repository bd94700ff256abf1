"""One writer at a time, in every process that has the store open."""

from __future__ import annotations

import sqlalchemy as sa

_WRITERS = 0x62656E6368  # "bench": any number that all writers share


def lock_writers(connection: sa.Connection) -> None:
    """Waits until no other transaction writes; held until this one ends.

    Without it two writers both find that a text is not stored yet, and both add it. Readers do not
    wait.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITERS)))
