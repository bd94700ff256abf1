"""A database's errors as one sentence with the fix."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from benchsuite.errors import one_line


def plain(error: SQLAlchemyError) -> str:
    """A database's error as one sentence with the fix."""
    text = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    fixes = {
        "file is not a database": "not a store of benchsuite, nor a SQLite file; name another",
        "malformed": "the store is damaged; restore it from a copy, or name another file",
        "database or disk is full": "the disk is full; free some space and go on with --resume",
        "unable to open database file": "it cannot be opened; name a writable file (--store)",
        "readonly": "the store cannot be written; name a writable file (--store)",
        "database is locked": "another process has been writing it all the while; go on with "
        "--resume when it has ended",
        "disk I/O error": "the disk fails or is full (disk I/O error)",
        "no such table": "the store is damaged: a table is missing; restore it from a copy",
        "no such column": "the store is damaged: a column is missing; restore it from a copy",
        "parse rfc1738": "not a file nor a database's URL (sqlite:///FILE, postgresql+psycopg://)",
    }
    for part, sentence in fixes.items():
        if part in text:
            return sentence
    return text


def damage(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"what it names as {one_line(error)} is missing"
    return one_line(error)
