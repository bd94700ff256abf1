"""MNIST as published: 60,000 training and 10,000 test images of handwritten digits."""

from __future__ import annotations

from pathlib import Path

from benchsuite.datasets import _digits
from benchsuite.datasets._digits import FILES
from benchsuite.errors import BadInput
from benchsuite.types import Dataset, Split

DATASET = Dataset(
    title="70,000 handwritten digits, 60,000 for training and 10,000 for the test",
    version=1,
    source="MNIST (LeCun, Cortes, Burges 1998)",
    places=f"the four files {', '.join(FILES)}, each plain or .gz",
)


def locate(place: Path | None) -> tuple[Path, ...]:
    """The four files in a folder of the user's.

    Raises:
        BadInput: There is no folder, or one of the files is not in it.
    """
    if place is None:
        raise BadInput(
            "data set mnist does not come with benchsuite: give its folder with --data mnist=DIR "
            "(mnist-5k, a part of it, does come)"
        )
    return _digits.locate("mnist", place)


def prepare(files: tuple[Path, ...]) -> dict[str, Split]:
    """Images (n, 1, 28, 28) of bytes and labels (n,) of the published halves."""
    digits = tuple("0123456789")
    return {
        "train": _digits.half(*files[:2], classes=digits),
        "test": _digits.half(*files[2:], classes=digits),
    }
