"""KITTI objects: boxes in text files, an image each, with what makes them hard to see.

    PLACE/training/image_2/000000.png
    PLACE/training/label_2/000000.txt
    PLACE/ImageSets/train.txt, val.txt         image numbers, one a line

PLACE may also be training/ itself. KITTI has published no answers to its testing/ and no lists of
a split; `test` is test.txt where that is, else val.txt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchsuite.errors import BadInput
from benchsuite.formats import Listing, Sample, Skipped, _boxes
from benchsuite.formats._lazy import Made
from benchsuite.formats._texts import inside as relative
from benchsuite.formats._texts import lines
from benchsuite.formats._trees import content, file, folder, root, shown, some

NAME = "kitti"
CLASSES = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
_NO_CLASS = "DontCare"
_FIELDS = 15  # a type, truncation, occlusion, angle, 4 corners, 3 sizes, 3 coordinates, angle


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """What a box must be for one of KITTI's three levels (Geiger and others 2012).

    Attributes:
        height: Least height in pixels.
        occlusion: Worst occlusion, 0 fully visible, 1 partly, 2 largely.
        truncation: Largest share outside the image.
    """

    height: float
    occlusion: int
    truncation: float


DIFFICULTIES = {
    "easy": Difficulty(height=40, occlusion=0, truncation=0.15),
    "moderate": Difficulty(height=25, occlusion=1, truncation=0.30),
    "hard": Difficulty(height=25, occlusion=2, truncation=0.50),
}


def read(place: Path, split: str) -> Listing:
    """Images with their boxes, corners in pixels: left, top, right, bottom.

    Targets: `boxes` (n, 4), `labels` (n,), `truncation` (n,) 0 to 1, `occlusion` (n,) 0 to 3 (3 is
    unknown), `height` (n,) in pixels, `difficulty` (n,): 0 easy, 1 moderate, 2 hard, 3 harder (a
    level's boxes are those up to it), and `ignored` (m, 4), where KITTI does not care.

    Raises:
        BadInput: A folder or the list is missing, or names no image that is there.
    """
    holds = "training/image_2/ and training/label_2/"
    root(place, form=NAME, holds=holds)
    training = place if (place / "image_2").is_dir() else place / "training"
    if not training.is_dir():
        raise BadInput(f"{NAME}: {shown(place)}: no folder training/ (image_2/ and label_2/)")
    images = folder(training, "image_2", form=NAME, holds="images such as 000000.png")
    labels = folder(training, "label_2", form=NAME, holds="boxes such as 000000.txt")
    path = _list(place, training, split)
    pictures = {Path(name).stem: name for name in content(images).files}
    answers = set(content(labels).files)
    chosen: list[str] = []
    skipped: list[Skipped] = []
    for number, line in lines(path):
        name = relative(path, number, line, parts=1)
        if name not in pictures:
            skipped.append(Skipped(path=images / f"{name}.png", why="missing"))
        elif f"{name}.txt" not in answers:
            skipped.append(Skipped(path=labels / f"{name}.txt", why="missing"))
        else:
            chosen.append(name)
    some(len(chosen), form=NAME, place=images, what=f"images of {path.name} with boxes")

    def sample(index: int) -> Sample:
        name = chosen[index]
        return _boxes.sample(images / pictures[name], partial(_targets, labels / f"{name}.txt"))

    return Listing(
        name=NAME,
        split=split,
        samples=Made(len(chosen), sample),
        facts={
            "list": path.name,
            "classes": list(CLASSES),
            "difficulties": list(DIFFICULTIES),
        },
        skipped=tuple(skipped),
    )


def _list(place: Path, training: Path, split: str) -> Path:
    holds = "image numbers, one a line: KITTI publishes no split of its training images"
    lists = next(
        (at / "ImageSets" for at in (place, training) if (at / "ImageSets").is_dir()), None
    )
    if lists is None:
        raise BadInput(f"{NAME}: {shown(place)}: no file ImageSets/{split}.txt ({holds})")
    names = ("test.txt", "val.txt") if split == "test" else (f"{split}.txt",)
    return file(lists, *names, form=NAME, holds=holds)


def _targets(path: Path) -> Mapping[str, _boxes.Target]:
    import numpy as np

    boxes, labels, truncation, occlusion, ignored = [], [], [], [], []
    for number, line in lines(path):
        kind, *fields = line.split()
        try:
            truncated, hidden, _, *box = map(float, fields[:7])
        except ValueError:
            truncated, hidden, box = 0.0, 0.0, []
        if len(fields) != _FIELDS - 1 or len(box) != 4 or not _boxes.proper(box):
            raise BadInput(
                f"{shown(path)}, line {number}: not a type and {_FIELDS - 1} numbers, the fourth "
                "to the seventh of them a box"
            )
        if kind == _NO_CLASS:
            ignored.append(box)
            continue
        if kind not in CLASSES:
            raise BadInput(
                f"{shown(path)}, line {number}: {shown(kind)!r} is not a type of KITTI's"
            )
        if not 0 <= truncated <= 1 or hidden not in (0, 1, 2, 3):
            raise BadInput(
                f"{shown(path)}, line {number}: truncation {truncated:g}, occlusion {hidden:g}; "
                "they lie in 0 to 1 and are one of 0, 1, 2, 3"
            )
        boxes.append(box)
        labels.append(CLASSES.index(kind))
        truncation.append(truncated)
        occlusion.append(int(hidden))
    corners = _boxes.corners(boxes)
    height = corners[:, 3] - corners[:, 1]
    return {
        "boxes": corners,
        "labels": _boxes.whole(labels),
        "truncation": np.array(truncation, dtype=np.float32),
        "occlusion": _boxes.whole(occlusion),
        "height": height,
        "difficulty": _boxes.whole(
            [
                difficulty(float(h), hidden, cut)
                for h, hidden, cut in zip(height, occlusion, truncation, strict=True)
            ]
        ),
        "ignored": _boxes.corners(ignored),
    }


def difficulty(height: float, occlusion: int, truncation: float) -> int:
    """The easiest level that a box belongs to: 0 easy, 1 moderate, 2 hard, 3 none."""
    for level, limit in enumerate(DIFFICULTIES.values()):
        if (
            height >= limit.height
            and occlusion <= limit.occlusion
            and truncation <= limit.truncation
        ):
            return level
    return len(DIFFICULTIES)
