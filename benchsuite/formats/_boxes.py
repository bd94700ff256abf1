"""What the formats of object detection share: an image whose boxes are in a file of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from benchsuite.formats import Sample, _image
from benchsuite.formats._lazy import Later
from benchsuite.types import Array, Arrays

Target = int | float | str | Array


def sample(path: Path, read: Callable[[], Mapping[str, Target]]) -> Sample:
    """An image whose targets `read` gives, when it is loaded or they are first asked for."""
    targets: Later[Target] = Later(read)
    return Sample(path=path, load=partial(_load, path, targets), targets=targets)


def corners(rows: Sequence[Sequence[float]]) -> Array:
    """Boxes (n, 4) of float32: left, top, right, bottom in pixels of the image's own size."""
    import numpy as np

    return np.array(rows, dtype=np.float32).reshape(-1, 4)


def whole(values: Sequence[int]) -> Array:
    """Numbers (n,) of int64, none where there are none."""
    import numpy as np

    return np.array(values, dtype=np.int64)


def proper(box: Sequence[float]) -> bool:
    """Whether corners are finite and in order; a box without area is."""
    left, top, right, bottom = box
    return all(map(math.isfinite, box)) and left <= right and top <= bottom


def _load(path: Path, targets: Later[Target]) -> Arrays:
    targets.content()
    return _image.load(path)
