"""Image folders: a subfolder a class, as ImageNet's synsets, or ImageNet's flat validation set.

    PLACE/train/n01440764/*.JPEG     PLACE/val/n01440764/*.JPEG     (test/ and validation/ too)
    PLACE/n01440764/*.JPEG           a bare folder: a test split and nothing else
    PLACE/val/ILSVRC2012_val_*.JPEG  with val.txt (`name label`) or synset_labels.txt beside it

Classes are numbered in the order of their names, which for ImageNet's is the order of the synsets
that published networks use. Of a part of ImageNet the numbers would be others, so that it is taken
only with synsets.txt or synset_words.txt in PLACE: a synset a line, the whole order.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from benchsuite.errors import BadInput
from benchsuite.formats import Listing, Sample, Skipped, _image
from benchsuite.formats._lazy import Made
from benchsuite.formats._texts import lines
from benchsuite.formats._trees import Content, content, of_kind, root, shown, some

NAME = "image-folder"
CLASSES = 1000  # of ILSVRC2012, where labels are numbers and nothing names them
_HOLDS = "class subfolders such as n01440764"
_FOLDERS = {
    "train": ("train",),
    "val": ("val", "validation"),
    "test": ("test", "val", "validation"),
}
_ORDERS = ("synsets.txt", "synset_words.txt")
_LABELS = ("val.txt", "synset_labels.txt", "imagenet_2012_validation_synset_labels.txt")
_DEVKIT = "ILSVRC2012_validation_ground_truth.txt"
_SYNSET = re.compile(r"n\d{8}")
_NUMBERED = re.compile(r"_(\d+)\.\w+")


def read(place: Path, split: str) -> Listing:
    """Images with their class, `label`; facts `classes`, and `synsets` where they are ImageNet's.

    Raises:
        BadInput: No folder of the split, no classes, a part of ImageNet's without its order, or
            labels that do not fit.
    """
    root(place, form=NAME, holds=f"train/ or val/ ({_HOLDS})")
    folder = _folder(place, split)
    inside = content(folder)
    order = _order(place)
    if inside.folders:
        return _by_folder(place, folder, inside, split=split, order=order)
    return _flat(place, folder, inside, split=split, order=order)


def _folder(place: Path, split: str) -> Path:
    names = _FOLDERS.get(split, (split,))
    there = [place / name for name in names if (place / name).is_dir()]
    # ImageNet's own test/ is flat, without answers
    found = next((folder for folder in there if content(folder).folders), None)
    if found or there:
        return found or there[-1]
    known = {name for group in _FOLDERS.values() for name in group}
    bare = content(place)
    if split in ("val", "test") and not known.intersection(bare.folders):
        if bare.folders or bare.files:
            return place
    elif split == "train" and not known.intersection(bare.folders) and bare.folders:
        raise BadInput(
            f"{NAME}: {shown(place)}: no folder train/ ({_HOLDS}); a bare folder of classes is a "
            "test split"
        )
    raise BadInput(f"{NAME}: {shown(place)}: no folder {'/ nor '.join(names)}/ ({_HOLDS})")


def _order(place: Path) -> dict[str, str] | None:
    """Synset to words, in the order of a file in the place; None if there is none."""
    path = next((place / name for name in _ORDERS if (place / name).is_file()), None)
    if path is None:
        return None
    order: dict[str, str] = {}
    for number, line in lines(path):
        synset, _, words = line.partition(" ")
        if synset in order:
            raise BadInput(f"{shown(path)}, line {number}: {synset} for the second time")
        order[synset] = words.strip() or synset
    some(len(order), form=NAME, place=path, what="synsets")
    return order


def _by_folder(
    place: Path, folder: Path, inside: Content, *, split: str, order: dict[str, str] | None
) -> Listing:
    import numpy as np

    skipped = list(inside.skipped)
    skipped += [
        Skipped(path=folder / name, why="not in a class folder")
        for name in inside.files
        if name not in _ORDERS
    ]
    names = inside.folders
    synsets = [name for name in names if _SYNSET.fullmatch(name)]
    if synsets:  # a stray folder would shift every number after it
        strays = sorted(set(names) - set(synsets))
        skipped += [
            Skipped(path=folder / name, why="not a synset, as others are") for name in strays
        ]
        names = tuple(synsets)
    if order is not None:
        strays = [name for name in names if name not in order]
        skipped += [
            Skipped(path=folder / name, why="not in the list of synsets") for name in strays
        ]
        names = tuple(name for name in names if name in order)
    elif synsets and len(synsets) != CLASSES:
        raise BadInput(
            f"{NAME}: {shown(folder)}: holds {len(synsets)} synsets, not ImageNet-1k's {CLASSES}, "
            f"so that their numbers are not known; put {_ORDERS[0]} into {shown(place)}, a synset "
            "a line in the order in which your network numbers them"
        )
    classes = list(order or names)
    numbers = {name: number for number, name in enumerate(classes)}
    files: list[str] = []
    counts = []
    for name in names:
        chosen, others = of_kind(
            folder / name, content(folder / name), suffixes=_image.SUFFIXES, kind="an image"
        )
        skipped += others
        if not chosen:
            skipped.append(Skipped(path=folder / name, why="a class folder without images"))
        files += chosen
        counts.append(len(chosen))
    some(len(files), form=NAME, place=folder, what="images in class folders")
    owners = np.repeat(np.arange(len(names)), counts)

    def sample(index: int) -> Sample:
        name = names[owners[index]]
        path = folder / name / files[index]
        return Sample(path=path, load=partial(_image.load, path), targets={"label": numbers[name]})

    return Listing(
        name=NAME,
        split=split,
        samples=Made(len(files), sample),
        facts=_facts(folder, classes, order=order, are_synsets=bool(synsets)),
        skipped=tuple(skipped),
    )


def _facts(
    folder: Path, classes: list[str], *, order: dict[str, str] | None, are_synsets: bool
) -> dict[str, object]:
    facts: dict[str, object] = {
        "folder": shown(folder.name),
        "classes": [shown(order[name] if order else name) for name in classes],
    }
    return facts | ({"synsets": [shown(name) for name in classes]} if are_synsets or order else {})


def _flat(
    place: Path, folder: Path, inside: Content, *, split: str, order: dict[str, str] | None
) -> Listing:
    files, skipped = of_kind(folder, inside, suffixes=_image.SUFFIXES, kind="an image")
    known = {*_LABELS, *_ORDERS}
    skipped = [one for one in skipped if one.path.name not in known]
    some(len(files), form=NAME, place=folder, what=f"class folders ({_HOLDS})")
    path = next(
        (at / name for name in _LABELS for at in (place, folder) if (at / name).is_file()), None
    )
    if path is None:
        if any((at / _DEVKIT).is_file() for at in (place, folder)):
            raise BadInput(
                f"{NAME}: {shown(place)}: {_DEVKIT} numbers classes as the development kit does, "
                f"not in the order of the synsets; give {_LABELS[0]} (`name label` a line) or "
                f"{_LABELS[1]} (a synset a line)"
            )
        raise BadInput(
            f"{NAME}: {shown(folder)}: no class folders ({_HOLDS}), and {_LABELS[0]} "
            "(`name label` a line), which a flat folder needs, is missing"
        )
    answers = _answers(path, files)
    synsets = order or dict.fromkeys(sorted({one for one in answers.values() if not one.isdigit()}))
    numbers = {synset: number for number, synset in enumerate(synsets)}
    count = len(synsets) or CLASSES
    labels: dict[str, int] = {}
    for name, answer in answers.items():
        label = int(answer) if answer.isdigit() else numbers.get(answer, count)
        if label >= count:
            raise BadInput(
                f"{shown(path)}: label {shown(answer)} of {shown(name)}; there are {count} classes"
            )
        labels[name] = label
    there = set(files)
    skipped += [
        Skipped(path=folder / name, why=f"no label in {path.name}")
        for name in files
        if name not in labels
    ]
    skipped += [Skipped(path=folder / name, why="missing") for name in labels if name not in there]
    files = [name for name in files if name in labels]
    some(len(files), form=NAME, place=folder, what=f"images that {path.name} labels")

    def sample(index: int) -> Sample:
        at = folder / files[index]
        return Sample(
            path=at, load=partial(_image.load, at), targets={"label": labels[files[index]]}
        )

    if synsets:
        facts = _facts(folder, list(synsets), order=order, are_synsets=True)
    else:
        facts = {"folder": shown(folder.name), "classes": [str(i) for i in range(count)]}
    return Listing(
        name=NAME,
        split=split,
        samples=Made(len(files), sample),
        facts={**facts, "labels": path.name},
        skipped=tuple(skipped),
    )


def _answers(path: Path, files: list[str]) -> dict[str, str]:
    """Image name to the label given, a number or a synset."""
    found: dict[str, str] = {}
    by_number = {
        int(match[1]): name for name in files if (match := _NUMBERED.search(name)) is not None
    }
    for number, line in lines(path):
        words = line.split()
        label = words[-1]
        if not (label.isascii() and label.isdigit()) and not _SYNSET.fullmatch(label):
            raise BadInput(
                f"{shown(path)}, line {number}: {shown(label)!r} is neither a number nor a synset"
            )
        if len(words) == 2:
            found[words[0]] = label
        elif len(words) == 1 and not label.isdigit():
            # the n-th line is of image n; images that are not there are not missed
            if number in by_number:
                found[by_number[number]] = label
        else:
            raise BadInput(f"{shown(path)}, line {number}: neither `name label` nor a synset")
    return found
