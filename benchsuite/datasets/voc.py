"""PASCAL VOC's photographs with the boxes of 20 classes."""

from __future__ import annotations

from collections.abc import Sequence

from benchsuite.datasets import _answers
from benchsuite.formats import Sample
from benchsuite.types import Array, Dataset

FORMAT = "voc"

DATASET = Dataset(
    title="PASCAL VOC's photographs with the boxes of 20 classes",
    version=1,
    source="PASCAL VOC (Everingham and others, IJCV 2010)",
    packages=("PIL",),
    places="VOCdevkit/VOC2007/ or a year's folder: JPEGImages/, Annotations/, ImageSets/Main/",
    like=("kitti",),
)


def targets(samples: Sequence[Sample]) -> dict[str, Array]:
    """Objects with `ignored`, which neither count as found nor as missed."""
    return _answers.objects(samples, flags={"ignored": "difficult"})
