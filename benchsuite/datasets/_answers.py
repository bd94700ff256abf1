"""The answers of a streamed split as arrays, from its samples' targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchsuite.formats import Sample
from benchsuite.types import Array

NONE = -1


def labels(samples: Sequence[Sample]) -> dict[str, Array]:
    """`label` (n,): class numbers."""
    import numpy as np

    return {"label": np.array([sample.targets["label"] for sample in samples], dtype=np.int64)}


def clips(samples: Sequence[Sample]) -> dict[str, Array]:
    """`label` (n,): class numbers; `video` (n,): which video a clip is of."""
    import numpy as np

    videos = [sample.targets["video"] for sample in samples]
    return {**labels(samples), "video": np.array(videos, dtype=np.int64)}


def texts(samples: Sequence[Sample]) -> dict[str, Array]:
    """`text` (n,): what is said."""
    import numpy as np

    return {"text": np.array([str(sample.targets["text"]) for sample in samples])}


def objects(
    samples: Sequence[Sample], *, flags: Mapping[str, str], classes: Mapping[int, int] | None = None
) -> dict[str, Array]:
    """Boxes as `scoring.padded_objects` takes them, and `size` (n, 2), each image's width, height.

    Args:
        samples: With targets `boxes` (k, 4) and `labels` (k,).
        flags: Our name of a further target (k,) to the format's.
        classes: The format's class number to ours; objects of other classes are left out. None
            keeps all.
    """
    import numpy as np

    rows: list[dict[str, Array]] = []
    sizes = []
    for sample in samples:
        found = {name: np.asarray(sample.targets[key]) for name, key in flags.items()}
        boxes, numbers = (np.asarray(sample.targets[key]) for key in ("boxes", "labels"))
        if classes is not None:
            keep = np.isin(numbers, list(classes))
            boxes, numbers = boxes[keep], np.array([classes[int(n)] for n in numbers[keep]])
            found = {name: array[keep] for name, array in found.items()}
        rows.append({"boxes": boxes, "classes": numbers, **found})
        sizes.append(_size(sample))
    most = max(1, *(len(row["classes"]) for row in rows))
    padded: dict[str, Array] = {"size": np.array(sizes, dtype=np.int64).reshape(-1, 2)}
    for name in rows[0] if rows else ():
        shape = (len(rows), most, 4) if name == "boxes" else (len(rows), most)
        whole = np.full(shape, NONE, dtype=np.int64 if name == "classes" else np.float64)
        for row, target in zip(rows, whole, strict=True):
            target[: len(row[name])] = row[name]
        padded[name] = whole
    return padded


def _size(sample: Sample) -> tuple[int, int]:
    """An image's width and height, from its header alone; (0, 0) where it cannot be read."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(sample.path or "") as image:
            return image.size
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError):
        return 0, 0  # the stream will find the image broken and leave it out
