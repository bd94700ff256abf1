"""Pairs of words that people have judged: WordSim-353 and SimLex-999.

    PLACE, or in it: combined.csv, combined.tab, wordsim353.tsv or wordsim353.csv
    PLACE, or in it: SimLex-999.txt, simlex999.txt

A line has two words and, in its last column or the one headed SimLex999, their similarity.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

from benchsuite.errors import BadInput
from benchsuite.formats import Listing, Sample
from benchsuite.formats._lazy import Made
from benchsuite.formats._texts import lines
from benchsuite.formats._trees import file, root, shown, some
from benchsuite.types import Arrays

NAME = "word-pairs"
_FILES = (
    *("combined.csv", "combined.tab", "wordsim353.tsv", "wordsim353.csv"),
    *("SimLex-999.txt", "simlex999.txt", "SimLex-999/SimLex-999.txt"),
)
_HEADED = "SimLex999"  # SimLex-999 has further columns


def read(place: Path, split: str) -> Listing:
    """Pairs (2,) of strings with the mean judgement, `similarity`, 0 to 10; fact `file`.

    Raises:
        BadInput: No such file, a line of another form, or a split other than `test`.
    """
    if split != "test":
        raise BadInput(f"{NAME}: no split {split!r}; judged pairs are for the test")
    path = place
    if not place.is_file():
        root(place, form=NAME, holds="combined.csv (WordSim-353) or SimLex-999.txt")
        path = file(place, *_FILES, form=NAME, holds="two words and their similarity a line")
    pairs = _pairs(path)
    some(len(pairs), form=NAME, place=path, what="pairs")

    def sample(index: int) -> Sample:
        first, second, similarity = pairs[index]
        return Sample(
            path=path, load=partial(_load, first, second), targets={"similarity": similarity}
        )

    return Listing(
        name=NAME,
        split=split,
        samples=Made(len(pairs), sample),
        facts={"file": shown(path.name)},
    )


def _pairs(path: Path) -> list[tuple[str, str, float]]:
    pairs: list[tuple[str, str, float]] = []
    column: int | None = None
    heading = True
    for number, line in lines(path):
        if line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t" if "\t" in line else ",")]
        if heading:
            heading = False
            if _HEADED in cells:
                column = cells.index(_HEADED)
                continue
            if cells[0].lower().replace(" ", "") == "word1":
                continue
        if column is None and len(cells) != 3:
            raise BadInput(f"{shown(path)}, line {number}: not two words and a number")
        try:
            value = float(cells[2 if column is None else column])
        except (ValueError, IndexError):
            value = math.nan
        if not (math.isfinite(value) and cells[0] and cells[1]):
            raise BadInput(f"{shown(path)}, line {number}: not two words and a number")
        pairs.append((cells[0], cells[1], value))
    return pairs


def _load(first: str, second: str) -> Arrays:
    import numpy as np

    return (np.array([first, second]),)
