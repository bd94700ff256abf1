"""Speech Commands: single words of a second, a folder a word, with lists of two of the splits.

    PLACE/yes/0a7c2a8d_nohash_0.wav ...
    PLACE/validation_list.txt, PLACE/testing_list.txt     `WORD/FILE.wav` a line

What is in neither list is for training. `_background_noise_`, as every folder that begins with
`_`, is no word and is left out.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchsuite.errors import BadInput
from benchsuite.formats import Listing, Sample, Skipped, _audio
from benchsuite.formats._lazy import Made
from benchsuite.formats._texts import inside as relative
from benchsuite.formats._texts import lines
from benchsuite.formats._trees import content, file, of_kind, root, shown, some

NAME = "speech-commands"
RATE_HZ = 16_000
_LISTS = {"val": "validation_list.txt", "test": "testing_list.txt"}


def read(place: Path, split: str) -> Listing:
    """Recordings with their word's number, `label`, and `speaker`; fact `classes`, all words.

    Raises:
        BadInput: A list is missing or names what is not there, or there are no word folders.
    """
    if split not in ("train", *_LISTS):
        raise BadInput(f"{NAME}: no split {split!r}; there are train, val and test")
    root(place, form=NAME, holds="word folders and testing_list.txt")
    listed = {
        name: _names(file(place, name, form=NAME, holds="`WORD/FILE.wav` a line"))
        for name in _LISTS.values()
    }
    inside = content(place)
    words = [name for name in inside.folders if not name.startswith("_")]
    some(len(words), form=NAME, place=place, what="word folders (such as yes/)")
    skipped = list(inside.skipped)
    there: list[str] = []
    for word in words:
        files, others = of_kind(
            place / word, content(place / word), suffixes=(".wav",), kind="a recording"
        )
        skipped += others
        if not files:
            skipped.append(Skipped(path=place / word, why="a word folder without recordings"))
        there += [f"{word}/{name}" for name in files]
    if split == "train":
        others_have = set().union(*listed.values())
        chosen = [name for name in there if name not in others_have]
    else:
        wanted = listed[_LISTS[split]]
        chosen = [name for name in there if name in wanted]
        missing = sorted(wanted.difference(there))
        skipped += [Skipped(path=place / name, why="missing") for name in missing]
    some(len(chosen), form=NAME, place=place, what=f"recordings of the split {split}")
    numbers = {word: number for number, word in enumerate(words)}

    def sample(index: int) -> Sample:
        word, _, name = chosen[index].partition("/")
        path = place / word / name
        return Sample(
            path=path,
            load=partial(_audio.load, path, rate_hz=RATE_HZ),
            targets={"label": numbers[word], "speaker": shown(name.partition("_")[0])},
        )

    return Listing(
        name=NAME,
        split=split,
        samples=Made(len(chosen), sample),
        facts={"classes": [shown(word) for word in words], "rate_hz": RATE_HZ},
        skipped=tuple(skipped),
    )


def _names(path: Path) -> set[str]:
    return {relative(path, number, line, parts=2) for number, line in lines(path)}
