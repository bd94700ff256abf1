"""Fashion-MNIST as published: 60,000 training and 10,000 test images of clothes."""

from __future__ import annotations

from pathlib import Path

from benchsuite.errors import BadInput
from benchsuite.formats import _idx
from benchsuite.types import Dataset, Part, Split

_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
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
        f"the four files {', '.join(_FILES)}, each plain or .gz; "
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
    folder = _DEBIAN if place is None else place
    if not folder.is_dir():
        raise BadInput(
            f"data set fashion-mnist: {folder} is not a folder; it must hold {_FILES[0]}"
        )
    return tuple(_plain_or_packed(folder, name) for name in _FILES)


def prepare(files: tuple[Path, ...]) -> dict[str, Split]:
    """Images (n, 1, 28, 28) of bytes and labels (n,) of the published halves."""
    return {"train": _half(*files[:2]), "test": _half(*files[2:])}


def _plain_or_packed(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise BadInput(f"data set fashion-mnist: {folder / name} is missing, and so is its .gz")


def _half(images_path: Path, labels_path: Path) -> Split:
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
    if labels.max() >= len(_CLASSES):
        raise BadInput(f"{labels_path}: label {labels.max()}; there are {len(_CLASSES)} classes")
    # MNIST's four files have the same names and shapes
    if len(set(np.bincount(labels, minlength=len(_CLASSES)).tolist())) > 1:
        raise BadInput(
            f"{labels_path}: Fashion-MNIST has equally many images of every class, these labels "
            "do not; are they MNIST's?"
        )
    return Split(
        parts=(Part(inputs=(images[:, None],), targets={"label": labels.astype(np.int64)}),),
        facts={"classes": list(_CLASSES)},
    )
