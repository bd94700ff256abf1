"""Tests of benchsuite.durations: many queries in little memory, from the worker to the store."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from benchsuite import durations
from benchsuite.store import pack_durations, packing, unpack_durations

N = 200_000


def many() -> list[int]:
    draw = random.Random(1)
    return [20_000 + int(abs(draw.gauss(0, 800))) for _ in range(N)]


def test_equal_durations_are_one_object() -> None:
    """Order and values stay; the tuple takes 8 bytes a query and little more."""
    values = many()
    found = durations.shared(values)
    assert list(found) == values
    assert len({id(value) for value in found}) == len(set(values))


def test_a_file_carries_them(tmp_path: Path) -> None:
    """What was written is read; one that was cut off is an error, not fewer queries."""
    values = tuple(many())
    durations.write(tmp_path / "d", values)
    assert durations.read(tmp_path / "d") == values
    (tmp_path / "d").write_bytes((tmp_path / "d").read_bytes()[:-3])
    with pytest.raises(ValueError):
        durations.read(tmp_path / "d")


@pytest.mark.parametrize("way", ["file", "store"])
def test_reading_takes_a_bounded_memory_a_query(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes of 20-microsecond queries, 30 million, stay below 1.2 GB: 40 bytes a query."""
    monkeypatch.setattr(packing, "_PART", N // 50)  # as small a part as a million of 30 million
    values = many()
    durations.write(tmp_path / "d", values)
    packed = pack_durations(values)
    ways: dict[str, Callable[[], tuple[int, ...]]] = {
        "file": lambda: durations.read(tmp_path / "d"),
        "store": lambda: unpack_durations(packed),
    }
    unpack_durations(pack_durations([1]))  # numpy's import is not the durations'
    tracemalloc.start()
    found = ways[way]()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == N
    # 8 bytes a query, and the few thousand distinct integers with their table
    assert kept < 12 * N
    assert peak < 40 * N
