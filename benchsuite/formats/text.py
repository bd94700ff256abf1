"""Running text in pieces of whole words: text8, or any plain text in UTF-8.

    PLACE/text8, or PLACE itself a file     nine tenths train, then a twentieth each val and test
    PLACE/train.txt, valid.txt, test.txt    a file a split (also wiki.train.tokens and so on)

A sample is the words that begin in `PIECE_B` bytes of the file; nothing is read before it is
loaded, and then that piece alone.
"""

from __future__ import annotations

import codecs
from functools import partial
from pathlib import Path

from benchsuite.errors import BadInput
from benchsuite.formats import Listing, Sample
from benchsuite.formats._lazy import Made
from benchsuite.formats._trees import shown
from benchsuite.types import Arrays

NAME = "text"
PIECE_B = 2**18
LONGEST_WORD_B = 1000
_STEMS = {"train": ("train",), "val": ("valid", "validation", "val"), "test": ("test",)}
_PATTERNS = ("{}.txt", "wiki.{}.tokens", "wiki.{}.raw", "{}.tokens", "ptb.{}.txt")
_WHOLE = ("text8", "text8.txt")
_SHARES = {"train": (0, 18), "val": (18, 19), "test": (19, 20)}  # twentieths, as text8 is split


def read(place: Path, split: str) -> Listing:
    """Pieces of text, each (words,) of strings as they stand; facts `file` and `bytes`.

    Raises:
        BadInput: No file of the split, or an empty one.
    """
    if split not in _SHARES:
        raise BadInput(f"{NAME}: no split {split!r}; there are train, val and test")
    path, shared = _file(place, split)
    size = path.stat().st_size
    first, last = _SHARES[split] if shared else (0, 20)
    start, end = size * first // 20, size * last // 20
    if start == end:
        raise BadInput(f"{shown(path)}: {size:,} bytes; no text for the split {split}")

    def sample(index: int) -> Sample:
        at = start + index * PIECE_B
        return Sample(path=path, load=partial(_load, path, at, min(at + PIECE_B, end)), targets={})

    return Listing(
        name=NAME,
        split=split,
        samples=Made(-((start - end) // PIECE_B), sample),
        facts={"file": shown(path.name), "bytes": end - start},
    )


def path_of(place: Path, split: str) -> Path:
    """The file that a split is in.

    Raises:
        BadInput: There is none.
    """
    return _file(place, split)[0]


def _file(place: Path, split: str) -> tuple[Path, bool]:
    """The file, and whether the splits share it."""
    if place.is_file():
        return place, True
    if not place.is_dir():
        raise BadInput(f"{NAME}: {shown(place)} is neither a file nor a folder")
    for stem in _STEMS[split]:
        for pattern in _PATTERNS:
            if (place / pattern.format(stem)).is_file():
                return place / pattern.format(stem), False
    for name in _WHOLE:
        if (place / name).is_file():
            return place / name, True
    raise BadInput(
        f"{NAME}: {shown(place)}: no file {_STEMS[split][0]}.txt (plain text), nor text8"
    )


def _load(path: Path, start: int, end: int) -> Arrays:
    """The words whose first byte lies from `start` to before `end`."""
    import numpy as np

    before = min(start, 1)
    try:
        with path.open("rb") as stream:
            stream.seek(start - before)
            raw = stream.read(before + end - start + LONGEST_WORD_B + 1)
    except OSError as error:
        raise BadInput(f"{shown(path)}: cannot be read: {error.strerror}") from None
    inside = before + end - start
    words = []
    if not start:
        raw = raw.removeprefix(codecs.BOM_UTF8).rjust(len(raw))  # spaces for the mark
    # a byte of white space is never part of a longer UTF-8 character
    stop = inside
    while stop < len(raw) and not _has_space(raw[stop - 1 : stop + 1]):
        stop += 1
    begin = 0
    if before:  # the word that began in the piece before is that piece's
        while begin < stop and not _has_space(raw[begin : begin + 1]):
            begin += 1
    for word in raw[begin:stop].split():
        if len(word) > LONGEST_WORD_B:
            raise BadInput(
                f"{shown(path)}: from byte {start:,} on a word of more than {LONGEST_WORD_B:,} "
                "bytes; is it text?"
            )
        try:
            words.append(word.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise BadInput(
                f"{shown(path)}: from byte {start:,} on not UTF-8: {error.reason}"
            ) from None
    return (np.array(words, dtype=np.str_),)


def _has_space(some: bytes) -> bool:
    return any(some[i : i + 1].isspace() for i in range(len(some)))
