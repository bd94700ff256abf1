"""Many measured durations, held and carried without an integer object for each."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from pathlib import Path

_CODE = "q"  # 64-bit integers


def shared(values: Iterable[int]) -> tuple[int, ...]:
    """A tuple in which equal values are one object: 8 bytes a value where 40 were.

    At 20 microseconds a query ten minutes are 30 million durations, of which few ten thousand
    differ.
    """
    known: dict[int, int] = {}
    same = known.setdefault
    return tuple(same(value, value) for value in values)


def write(path: Path, values: Iterable[int]) -> None:
    """Writes integers as they lie in memory, for a process of the same machine."""
    with path.open("wb") as file:
        array(_CODE, values).tofile(file)


def read(path: Path) -> tuple[int, ...]:
    """What `write` wrote.

    Raises:
        OSError, ValueError: There is no such file, or it was cut off.
    """
    found = array(_CODE)
    found.frombytes(path.read_bytes())
    return shared(found)
