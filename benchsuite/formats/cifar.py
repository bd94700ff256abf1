"""CIFAR-10 and CIFAR-100, the Python batches (read without unpickling them) or the binary ones.

    PLACE/data_batch_1 ... 5, test_batch, batches.meta        CIFAR-10, cifar-10-batches-py
    PLACE/train, test, meta                                   CIFAR-100, cifar-100-python
    PLACE/data_batch_1.bin ... 5, test_batch.bin              CIFAR-10, cifar-10-batches-bin
    PLACE/train.bin, test.bin                                 CIFAR-100, cifar-100-binary

PLACE may also be the folder in which the archive was unpacked. A batch is one array, so those of a
split are read when it is listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchsuite.errors import BadInput
from benchsuite.formats import Listing, Sample, _pickles, _trees
from benchsuite.formats._lazy import Made
from benchsuite.formats._texts import lines
from benchsuite.formats._trees import shown
from benchsuite.types import Array, Arrays

NAME = "cifar"
_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE
_HOLDS = "data_batch_1 ... 5 and test_batch, or train and test, plain or .bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One of the four archives.

    Attributes:
        archive: The folder in it.
        files: Split to the names of its batches.
        names: The file of class names, and the key in it.
        labels: Keys of the labels; in a binary record they come in this order before the pixels.
        classes: How many of each there are.
    """

    archive: str
    files: dict[str, tuple[str, ...]]
    names: tuple[str, str]
    labels: dict[str, str]
    classes: dict[str, int]

    @property
    def binary(self) -> bool:
        """Whether its batches are records of bytes."""
        return self.files["test"][0].endswith(".bin")


_TEN = {"label": 10}
_HUNDRED = {"coarse_label": 20, "label": 100}
_KINDS = (
    _Kind(
        archive="cifar-10-batches-py",
        files={
            "train": tuple(f"data_batch_{i}" for i in range(1, 6)),
            "test": ("test_batch",),
        },
        names=("batches.meta", "label_names"),
        labels={"label": "labels"},
        classes=_TEN,
    ),
    _Kind(
        archive="cifar-10-batches-bin",
        files={
            "train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
            "test": ("test_batch.bin",),
        },
        names=("batches.meta.txt", ""),
        labels={"label": ""},
        classes=_TEN,
    ),
    _Kind(
        archive="cifar-100-python",
        files={"train": ("train",), "test": ("test",)},
        names=("meta", "fine_label_names"),
        labels={"coarse_label": "coarse_labels", "label": "fine_labels"},
        classes=_HUNDRED,
    ),
    _Kind(
        archive="cifar-100-binary",
        files={"train": ("train.bin",), "test": ("test.bin",)},
        names=("fine_label_names.txt", ""),
        labels={"coarse_label": "", "label": ""},
        classes=_HUNDRED,
    ),
)


def read(place: Path, split: str) -> Listing:
    """Images with their class, `label`, and of CIFAR-100 `coarse_label`; fact `classes`.

    Raises:
        BadInput: A batch is missing, is damaged, or holds anything else than a batch does.
    """
    if split not in ("train", "val", "test"):
        raise BadInput(f"{NAME}: no split {split!r}; there are train and test")
    folder, kind = _find(_trees.root(place, form=NAME, holds=_HOLDS))
    names = kind.files["train" if split == "train" else "test"]
    paths = [_trees.file(folder, name, form=NAME, holds=_HOLDS) for name in names]
    batches = [_binary(path, kind) if kind.binary else _python(path, kind) for path in paths]
    starts = [0]
    for pixels, _ in batches:
        starts.append(starts[-1] + len(pixels))
    some_of = starts[-1]
    _trees.some(some_of, form=NAME, place=folder, what="images")

    def sample(index: int) -> Sample:
        batch = next(i for i, end in enumerate(starts[1:]) if index < end)
        pixels, labels = batches[batch]
        row = index - starts[batch]
        return Sample(
            path=None,
            load=partial(_load, pixels[row]),
            targets={name: int(values[row]) for name, values in labels.items()},
        )

    return Listing(
        name=NAME,
        split=split,
        samples=Made(some_of, sample),
        facts={"classes": _class_names(folder, kind), "archive": kind.archive},
    )


def _find(place: Path) -> tuple[Path, _Kind]:
    for kind in _KINDS:
        wanted = (*kind.files["train"], *kind.files["test"])
        for folder in (place, place / kind.archive):
            if any((folder / name).is_file() for name in wanted):
                return folder, kind
    raise BadInput(f"{NAME}: {shown(place)}: no file {_KINDS[0].files['train'][0]} ({_HOLDS})")


def _python(path: Path, kind: _Kind) -> tuple[Array, dict[str, Array]]:
    """Pixels (images, 3072) and labels by name."""
    import numpy as np

    batch = _pickles.read(path)
    data = batch.get("data") if isinstance(batch, dict) else None
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != _PIXELS:
        raise BadInput(f"{shown(path)}: no array `data` of rows of {_PIXELS} bytes in this batch")
    labels = {}
    for name, key in kind.labels.items():
        values: Any = batch.get(key)
        if not isinstance(values, list) or not all(type(value) is int for value in values):
            raise BadInput(f"{shown(path)}: no list of numbers `{key}` in this batch")
        if len(values) != len(data):
            raise BadInput(f"{shown(path)}: {len(values):,} {key} for {len(data):,} images")
        labels[name] = _in_range(path, values, name=name, kind=kind)
    return data, labels


def _binary(path: Path, kind: _Kind) -> tuple[Array, dict[str, Array]]:
    """Pixels (images, 3072) and labels by name."""
    import numpy as np

    record = len(kind.labels) + _PIXELS
    size = path.stat().st_size
    if size % record or size > _pickles.LARGEST_B:
        raise BadInput(f"{shown(path)}: {size:,} bytes; a batch has {record:,} an image")
    rows = np.fromfile(path, dtype=np.uint8).reshape(-1, record)
    labels = {
        name: _in_range(path, rows[:, column], name=name, kind=kind)
        for column, name in enumerate(kind.labels)
    }
    return rows[:, len(kind.labels) :], labels


def _in_range(path: Path, values: Any, *, name: str, kind: _Kind) -> Array:
    import numpy as np

    count = kind.classes[name]
    wrong = next((value for value in values if not 0 <= value < count), None)
    if wrong is not None:
        raise BadInput(f"{shown(path)}: {name} {wrong}; there are {count} classes")
    return np.asarray(values, dtype=np.int64)


def _class_names(folder: Path, kind: _Kind) -> list[str]:
    """As the archive has them; numbers where its file of names is missing."""
    path = folder / kind.names[0]
    if not path.is_file():
        return [str(label) for label in range(kind.classes["label"])]
    if kind.binary:
        found: Any = [line for _, line in lines(path)]
    else:
        content = _pickles.read(path)
        found = content.get(kind.names[1]) if isinstance(content, dict) else None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise BadInput(f"{shown(path)}: no list of class names in it")
    if len(found) != kind.classes["label"]:
        raise BadInput(
            f"{shown(path)}: {len(found)} class names; there are {kind.classes['label']} classes"
        )
    return [shown(name) for name in found]


def _load(row: Array) -> Arrays:
    import numpy as np

    return (np.ascontiguousarray(row.reshape(3, _SIDE, _SIDE).transpose(1, 2, 0)),)
