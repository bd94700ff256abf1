"""Photographs of everyday scenes with the boxes of 80 classes."""

from __future__ import annotations

from collections.abc import Sequence

from benchsuite.datasets import _answers
from benchsuite.formats import Sample
from benchsuite.types import Array, Dataset

FORMAT = "coco"

DATASET = Dataset(
    title="Photographs of everyday scenes with the boxes of 80 classes",
    version=1,
    source="COCO (Lin and others, ECCV 2014)",
    packages=("PIL",),
    places="annotations/instances_val2017.json and val2017/",
    like=("kitti",),
)


def targets(samples: Sequence[Sample]) -> dict[str, Array]:
    """Objects with `ignored`, which neither count as found nor as missed."""
    return _answers.objects(samples, flags={"ignored": "crowd"})
