"""The numbers of many digests at once, as columns: a history reads hundreds of thousands.

Digests of one row differ from night to night in their numbers, and in texts of the same length (an
environment's name, a hash). The bytes by which MessagePack tells kinds and lengths stay: where they
are those of a digest that was looked through, the numbers stand at the same places and are taken
from all of these digests together. Any other digest is decoded by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchsuite import digest
from benchsuite.digest import PLACES, Digest

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Places = np.ndarray[Any, np.dtype[np.intp]]

_LAYOUTS = 8  # tried for a row, the most frequent first: nights with one doubt, with another
_VALUES, _SOURCE = (Digest.__struct_fields__.index(name) for name in ("values", "energy_how"))
# MessagePack's kinds: below them numbers up to 127; arrays and texts up to 15 and 31 long, and
# longer ones with their length in the bytes that follow
_SMALL, _ARRAY, _TEXT, _NIL, _FLOAT, _TEXT_8, _ARRAY_16 = 0x80, 0x90, 0xA0, 0xC0, 0xCB, 0xD9, 0xDC


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The numbers of a row's digests, the oldest first.

    Attributes:
        values: By metric, in its SI unit; NaN where it is missing.
        sources: Where joules come from, of each: equal texts are equal sources.
    """

    values: Mapping[str, Floats]
    sources: tuple[bytes, ...]


def read(bodies: Sequence[bytes], metrics: Sequence[str]) -> Figures:
    """Numbers of `DIGESTED` in packed digests.

    Raises:
        msgspec.DecodeError: One of them is no digest.
    """
    import numpy as np

    values = np.full((len(metrics), len(bodies)), np.nan)
    sources = [b""] * len(bodies)
    lengths = np.fromiter(map(len, bodies), dtype=np.intp, count=len(bodies))
    left = np.arange(len(bodies), dtype=np.intp)
    for _ in range(_LAYOUTS):
        layout = _layout(bodies[left[0]]) if len(left) else None
        if layout is None:
            break
        alike = left[lengths[left] == layout.length]
        data = np.frombuffer(b"".join([bodies[place] for place in alike.tolist()]), dtype=np.uint8)
        data = data.reshape(-1, layout.length)
        marks = layout.marks
        fits = (data[:, marks] == data[0, marks]).all(axis=1)
        places = alike[fits]
        data = data[fits]
        for row, metric in enumerate(metrics):
            at = layout.numbers.get(metric)
            if at is not None:
                values[row, places] = np.ascontiguousarray(data[:, at : at + 8]).view(">f8")[:, 0]
        start, end = layout.source
        for place in places.tolist():
            sources[place] = bodies[place][start:end]
        left = np.setdiff1d(left, places, assume_unique=True)
    for place in left.tolist():
        whole = digest.unpack(bodies[place])
        sources[place] = whole.energy_how.encode()
        for row, metric in enumerate(metrics):
            number = whole.number(metric)
            values[row, place] = np.nan if number is None else number
    return Figures(values=dict(zip(metrics, values, strict=True)), sources=tuple(sources))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where what stands in a digest.

    Attributes:
        length: Of the digest.
        marks: The bytes that tell kinds and lengths.
        numbers: Where a metric's eight bytes begin; one that is missing has none.
        source: From where to where the source of energy stands.
    """

    length: int
    marks: Places
    numbers: Mapping[str, int]
    source: tuple[int, int]


def _layout(body: bytes) -> _Layout | None:
    """The layout of a digest; None where it is none, or of a kind that no digest had so far."""
    import numpy as np

    marks: list[int] = []
    starts: list[int] = []
    numbers: dict[str, int] = {}
    try:
        at, fields = _opened(body, 0, marks)
        for number in range(fields):
            starts.append(at)
            if number != _VALUES:
                at = _passed(body, at, marks)
                continue
            at, count = _opened(body, at, marks)
            for metric, _ in zip(PLACES, range(count), strict=False):
                if body[at] == _FLOAT:
                    numbers[metric] = at + 1
                elif body[at] != _NIL:
                    return None
                at = _passed(body, at, marks)
            for _ in range(len(PLACES), count):  # of a newer benchsuite
                at = _passed(body, at, marks)
    except (IndexError, ValueError):
        return None
    if at != len(body) or fields <= _SOURCE + 1:
        return None
    source = starts[_SOURCE]
    if not (_TEXT <= body[source] < _NIL or body[source] == _TEXT_8):
        return None
    return _Layout(
        length=len(body),
        marks=np.asarray(marks),
        numbers=numbers,
        source=(source + _head(body[source]), starts[_SOURCE + 1]),
    )


def _passed(body: bytes, at: int, marks: list[int]) -> int:
    """Where the value at a place ends; the bytes that tell kind and length go to the marks."""
    kind = body[at]
    if kind == _FLOAT:
        marks.append(at)
        return at + 9
    if _TEXT <= kind < _NIL or kind == _TEXT_8:
        head = _head(kind)
        marks.extend(range(at, at + head))
        return at + head + (kind - _TEXT if head == 1 else body[at + 1])
    if _ARRAY <= kind < _TEXT:
        at, count = _opened(body, at, marks)
        for _ in range(count):
            at = _passed(body, at, marks)
        return at
    if kind == _NIL or kind < _SMALL:  # a small number is its own mark
        marks.append(at)
        return at + 1
    raise ValueError(f"kind {kind:#x}")


def _head(kind: int) -> int:
    """How many bytes tell a text's kind and length."""
    return 2 if kind == _TEXT_8 else 1


def _opened(body: bytes, at: int, marks: list[int]) -> tuple[int, int]:
    """Where an array's first element begins, and how many it has."""
    kind = body[at]
    if _ARRAY <= kind < _TEXT:
        marks.append(at)
        return at + 1, kind - _ARRAY
    if kind == _ARRAY_16:
        marks.extend(range(at, at + 3))
        return at + 3, int.from_bytes(body[at + 1 : at + 3], "big")
    raise ValueError(f"kind {kind:#x}")
