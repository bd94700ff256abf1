"""Road scenes with the boxes of cars, pedestrians and cyclists."""

from __future__ import annotations

from collections.abc import Sequence

from benchsuite import scoring
from benchsuite.datasets import _answers
from benchsuite.formats import Sample, kitti
from benchsuite.types import Array, Dataset

FORMAT = "kitti"

DATASET = Dataset(
    title="7,481 road scenes with the boxes of cars, pedestrians and cyclists",
    version=1,
    source="KITTI (Geiger, Lenz, Urtasun, CVPR 2012), object detection, a split of your own",
    packages=("PIL",),
    places="training/image_2/, training/label_2/ and ImageSets/val.txt",
)

# the three classes that are scored, and the neighbours that are no false alarm
_CLASSES = {
    **{kitti.CLASSES.index(name.capitalize()): i for i, name in enumerate(scoring.KITTI_CLASSES)},
    kitti.CLASSES.index("Van"): scoring.KITTI_FURTHER["van"],
    kitti.CLASSES.index("Person_sitting"): scoring.KITTI_FURTHER["person_sitting"],
}


def targets(samples: Sequence[Sample]) -> dict[str, Array]:
    """Objects with `occluded` and `truncated`; regions marked DontCare are objects of their own."""
    import numpy as np

    found = _answers.objects(
        samples, flags={"occluded": "occlusion", "truncated": "truncation"}, classes=_CLASSES
    )
    regions = [np.asarray(sample.targets["ignored"]) for sample in samples]
    most = max(1, *(len(rows) for rows in regions))
    n = len(samples)
    further = {
        "boxes": np.full((n, most, 4), _answers.NONE, dtype=np.float64),
        "classes": np.full((n, most), _answers.NONE, dtype=np.int64),
        "occluded": np.zeros((n, most)),
        "truncated": np.zeros((n, most)),
    }
    for i, rows in enumerate(regions):
        further["boxes"][i, : len(rows)] = rows
        further["classes"][i, : len(rows)] = scoring.KITTI_FURTHER["dontcare"]
    joined = {name: np.concatenate([found[name], more], axis=1) for name, more in further.items()}
    return {**joined, "size": found["size"]}
