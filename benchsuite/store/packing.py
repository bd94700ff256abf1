"""Windows, durations and facts as compressed bytes."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from benchsuite.durations import shared
from benchsuite.types import (
    Count,
    Result,
    Window,
)

_PART = 1 << 20


# what a row of `results` has in columns of its own
_COLUMNS = frozenset({"run", "environment", "key", "scenario", "status", "metrics", "measured_at"})
_FACTS = tuple(name for name in Result.__dataclass_fields__ if name not in _COLUMNS)


def deflated(data: bytes) -> bytes:
    """Compressed with no more state than the data need: setting zlib up costs more than 1 kB does.

    The window is as long as the data, the hash table in proportion (zlib's defaults are 15 and 8).
    """
    bits = min(15, max(9, len(data).bit_length()))
    packer = zlib.compressobj(6, zlib.DEFLATED, bits, bits - 7)
    return packer.compress(data) + packer.flush()


def pack_json(value: Any) -> bytes:
    """Plain data and dataclasses as compressed JSON."""
    return deflated(msgspec.json.encode(value))


def unpack_json(packed: bytes) -> Any:
    """The inverse of `pack_json`, as plain data."""
    return msgspec.json.decode(zlib.decompress(packed))


def pack_facts(result: Result) -> bytes:
    facts = {name: getattr(result, name) for name in _FACTS}
    facts["counts"] = counts_id(result.counts) if result.counts else None
    return pack_json(facts)


def counts_id(counts: Sequence[Count]) -> str:
    """The name under which a network's layers are kept: the hash of what they are."""
    return hashlib.sha256(msgspec.json.encode(counts)).hexdigest()[:16]


def pack_window(window: Window) -> dict[str, Any]:
    facts = msgspec.to_builtins(window)
    facts["durations_ns"] = []
    return {
        "time_order": True,
        "window": pack_json(facts),
        "durations": pack_durations(window.durations_ns),
    }


def unpack_window(row: Any) -> Window:
    window = msgspec.json.decode(zlib.decompress(row.window), type=Window)
    return replace(window, durations_ns=unpack_durations(row.durations))


def pack_durations(durations: Sequence[int]) -> bytes:
    """Nanoseconds as compressed differences of 64-bit integers."""
    import numpy as np

    array = np.asarray(durations, dtype="<i8")
    return zlib.compress(np.diff(array, prepend=0).astype("<i8").tobytes(), 6)


def unpack_durations(packed: bytes) -> tuple[int, ...]:
    """The inverse of `pack_durations`."""
    import numpy as np

    found = np.cumsum(np.frombuffer(zlib.decompress(packed), dtype="<i8"))
    # in parts: a list of all of them would be an object for each
    parts = (found[at : at + _PART] for at in range(0, len(found), _PART))
    return shared(value for part in parts for value in part.tolist())


def pack_sorted(row: Any) -> dict[str, Any]:
    durations = pack_durations(sorted(unpack_durations(row.durations)))
    return {"time_order": False, "durations": durations}
