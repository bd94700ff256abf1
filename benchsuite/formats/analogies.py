"""Analogies between words: question-words.txt (Mikolov and others 2013), a is to b as c is to d.

    PLACE, or in it: questions-words.txt or question-words.txt

`: SECTION` opens a section, every other line has four words.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchsuite.errors import BadInput
from benchsuite.formats import Listing, Sample
from benchsuite.formats._lazy import Made
from benchsuite.formats._texts import lines
from benchsuite.formats._trees import file, root, shown, some
from benchsuite.types import Arrays

NAME = "analogies"
_FILES = ("questions-words.txt", "question-words.txt")


def read(place: Path, split: str) -> Listing:
    """Questions (3,) of strings with the fourth word, `answer`, and `section`, a number.

    Raises:
        BadInput: No such file, a line of another form, or a split other than `test`.
    """
    if split != "test":
        raise BadInput(f"{NAME}: no split {split!r}; analogies are for the test")
    path = place
    if not place.is_file():
        root(place, form=NAME, holds=_FILES[0])
        path = file(place, *_FILES, form=NAME, holds="four words a line")
    sections: list[str] = []
    questions: list[tuple[int, str]] = []
    for number, line in lines(path):
        if line.startswith(":"):
            sections.append(line[1:].strip())
        elif not sections:
            raise BadInput(f"{shown(path)}, line {number}: before the first `: SECTION`")
        elif len(line.split()) != 4:
            raise BadInput(f"{shown(path)}, line {number}: not four words")
        else:
            questions.append((len(sections) - 1, line))
    some(len(questions), form=NAME, place=path, what="questions")

    def sample(index: int) -> Sample:
        section, line = questions[index]
        *given, answer = line.split()
        return Sample(
            path=path,
            load=partial(_load, *given),
            targets={"answer": answer, "section": section},
        )

    return Listing(
        name=NAME,
        split=split,
        samples=Made(len(questions), sample),
        facts={"file": shown(path.name), "sections": sections},
    )


def _load(first: str, second: str, third: str) -> Arrays:
    import numpy as np

    return (np.array([first, second, third]),)
