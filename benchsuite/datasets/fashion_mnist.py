"""Fashion-MNIST as published: 60,000 training and 10,000 test images of clothes."""

from __future__ import annotations

from pathlib import Path

from benchsuite.datasets import _digits
from benchsuite.datasets._digits import FILES
from benchsuite.errors import BadInput
from benchsuite.types import Dataset, Split

_DEBIAN = Path("/usr/share/datasets/fashion-mnist")
_CLASSES = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip

DATASET = Dataset(
    title="70,000 images of clothes in 10 classes, 60,000 for training and 10,000 for the test",
    version=1,
    source="Fashion-MNIST (Xiao, Rasul, Vollgraf, arXiv:1708.07747, 2017)",
    places=(
        f"the four files {', '.join(FILES)}, each plain or .gz; "
        f"Debian's package dataset-fashion-mnist puts them in {_DEBIAN}"
    ),
)


def locate(place: Path | None) -> tuple[Path, ...]:
    """The four files in a folder of the user's, else where Debian's package has put them.

    Raises:
        BadInput: There is no folder, or one of the files is not in it.
    """
    if place is None and not _DEBIAN.is_dir():
        raise BadInput(
            "data set fashion-mnist does not come with benchsuite: give its folder with "
            "--data fashion-mnist=DIR, or install Debian's package dataset-fashion-mnist "
            f"({_DEBIAN})"
        )
    return _digits.locate("fashion-mnist", _DEBIAN if place is None else place)


def prepare(files: tuple[Path, ...]) -> dict[str, Split]:
    """Images (n, 1, 28, 28) of bytes and labels (n,) of the published halves.

    Raises:
        BadInput: The files are not Fashion-MNIST's.
    """
    return {"train": _half(*files[:2]), "test": _half(*files[2:])}


def _half(images_path: Path, labels_path: Path) -> Split:
    import numpy as np

    split = _digits.half(images_path, labels_path, classes=_CLASSES)
    labels = split.parts[0].targets["label"]
    # MNIST's four files have the same names and shapes
    if len(set(np.bincount(labels, minlength=len(_CLASSES)).tolist())) > 1:
        raise BadInput(
            f"{labels_path}: Fashion-MNIST has equally many images of every class, these labels "
            "do not; are they MNIST's?"
        )
    return split
