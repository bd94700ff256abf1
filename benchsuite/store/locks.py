"""One writer at a time, in every process that has the store open."""

from __future__ import annotations

from time import monotonic

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

# an import of a whole team's results takes its time, and a lock ends with its process
LONGEST_S = 600.0
_WRITERS = 0x62656E6368  # "bench": any number that all writers share


def lock_writers(connection: sa.Connection) -> None:
    """Waits until no other transaction writes; held until this one ends.

    Without it two writers both find that a text is not stored yet, and both add it. Readers do not
    wait.
    """
    if connection.dialect.name == "sqlite":
        _begin_immediately(connection)
    elif connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITERS)))


def _begin_immediately(connection: sa.Connection) -> None:
    """Asks again and again: while SQLite itself waits, nobody can stop the command."""
    end = monotonic() + LONGEST_S
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        except OperationalError as error:
            if "locked" not in str(error.orig) or monotonic() > end:
                raise
