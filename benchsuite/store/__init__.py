"""The store of results: SQLite by default, any SQLAlchemy URL for a team."""

from benchsuite.store.access import Store
from benchsuite.store.opening import open_store
from benchsuite.store.packing import pack_durations, unpack_durations
from benchsuite.store.reading import Course, Elsewhere, Latest, Moment

__all__ = [
    "Course",
    "Elsewhere",
    "Latest",
    "Moment",
    "Store",
    "open_store",
    "pack_durations",
    "unpack_durations",
]
