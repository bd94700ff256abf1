"""ImageNet-1k's 50,000 validation images in 1,000 classes, or any folder of class folders."""

from __future__ import annotations

from benchsuite.datasets import _answers
from benchsuite.types import Dataset

FORMAT = "image-folder"

DATASET = Dataset(
    title="ImageNet-1k's 50,000 validation images in 1,000 classes, or any folder of class folders",
    version=1,
    source="ImageNet (Russakovsky and others, IJCV 2015)",
    packages=("PIL",),
    places="val/ with a folder a synset (n01440764), or a flat folder with val.txt",
)

targets = _answers.labels
