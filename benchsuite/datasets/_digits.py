"""MNIST's four files, which Fashion-MNIST has too: 28x28 images of bytes in ten classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchsuite.errors import BadInput
from benchsuite.formats import _idx
from benchsuite.types import Part, Split

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def locate(name: str, folder: Path) -> tuple[Path, ...]:
    """The four files in a folder, each plain or packed.

    Raises:
        BadInput: No folder, or a file is not in it.
    """
    if not folder.is_dir():
        raise BadInput(f"data set {name}: {folder} is not a folder; it must hold {FILES[0]}")
    return tuple(_plain_or_packed(name, folder, file) for file in FILES)


def _plain_or_packed(name: str, folder: Path, file: str) -> Path:
    for path in (folder / file, folder / f"{file}.gz"):
        if path.is_file():
            return path
    raise BadInput(f"data set {name}: {folder / file} is missing, and so is its .gz")


def half(images_path: Path, labels_path: Path, *, classes: Sequence[str]) -> Split:
    """Images (n, 1, 28, 28) of bytes and labels (n,).

    Raises:
        BadInput: Other sizes, other numbers of labels, or a label without a class.
    """
    import numpy as np

    images = _idx.read(images_path, dimensions=3)
    labels = _idx.read(labels_path, dimensions=1)
    if images.shape[1:] != (28, 28):
        raise BadInput(
            f"{images_path}: images of {images.shape[1]} x {images.shape[2]}, not 28 x 28"
        )
    if not len(images):
        raise BadInput(f"{images_path}: holds no images")
    if len(images) != len(labels):
        raise BadInput(f"{labels_path}: {len(labels)} labels for {len(images)} images")
    if labels.max() >= len(classes):
        raise BadInput(f"{labels_path}: label {labels.max()}; there are {len(classes)} classes")
    return Split(
        parts=(Part(inputs=(images[:, None],), targets={"label": labels.astype(np.int64)}),),
        facts={"classes": list(classes)},
    )
