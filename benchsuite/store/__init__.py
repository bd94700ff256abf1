"""The store of results: SQLite by default, any SQLAlchemy URL for a team."""

from benchsuite.store.access import Store
from benchsuite.store.opening import open_store
from benchsuite.store.packing import pack_durations, unpack_durations
from benchsuite.store.reading import Course, Elsewhere, Latest, Moment, Moments

__all__ = [
    "Course",
    "Elsewhere",
    "Latest",
    "Moment",
    "Moments",
    "Store",
    "open_store",
    "pack_durations",
    "unpack_durations",
]
