"""IDX: MNIST, Fashion-MNIST and their family, four files of bytes, plain or gzipped.

    PLACE/train-images-idx3-ubyte[.gz]    PLACE/train-labels-idx1-ubyte[.gz]
    PLACE/t10k-images-idx3-ubyte[.gz]     PLACE/t10k-labels-idx1-ubyte[.gz]

A file is one array, so both of a split are read when it is listed.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchsuite.errors import BadInput
from benchsuite.formats import Listing, Sample, _idx, _trees
from benchsuite.formats._lazy import Made
from benchsuite.types import Array, Arrays

NAME = "idx"
_STEMS = {"train": "train", "test": "t10k", "val": "t10k"}


def read(place: Path, split: str) -> Listing:
    """Images with their class, `label`; fact `classes`, the numbers up to the largest label.

    Raises:
        BadInput: A file is missing, is not IDX, or the two do not fit together.
    """
    if split not in _STEMS:
        raise BadInput(f"{NAME}: no split {split!r}; there are train and test")
    images = _idx.read(_file(place, f"{_STEMS[split]}-images", "idx3-ubyte"), dimensions=3)
    path = _file(place, f"{_STEMS[split]}-labels", "idx1-ubyte")
    labels = _idx.read(path, dimensions=1)
    if len(images) != len(labels):
        raise BadInput(f"{_trees.shown(path)}: {len(labels):,} labels for {len(images):,} images")
    if not images.size:
        raise BadInput(f"{NAME}: {_trees.shown(place)}: images of {images.shape}, no pixels")

    def sample(index: int) -> Sample:
        return Sample(
            path=None, load=partial(_load, images[index]), targets={"label": int(labels[index])}
        )

    return Listing(
        name=NAME,
        split=split,
        samples=Made(len(images), sample),
        facts={"classes": [str(label) for label in range(int(labels.max()) + 1)]},
    )


def _file(place: Path, stem: str, kind: str) -> Path:
    names = [f"{stem}{mark}{kind}" for mark in "-."]
    holds = "MNIST's four files, each plain or .gz"
    _trees.root(place, form=NAME, holds=holds)
    return _trees.file(
        place, names[0], f"{names[0]}.gz", names[1], f"{names[1]}.gz", form=NAME, holds=holds
    )


def _load(image: Array) -> Arrays:
    import numpy as np

    return (np.repeat(image[..., None], 3, axis=2),)
