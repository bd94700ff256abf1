"""60,000 images of 32x32 pixels in 100 classes."""

from __future__ import annotations

from benchsuite.datasets import _answers
from benchsuite.types import Dataset

FORMAT = "cifar"

DATASET = Dataset(
    title="60,000 images of 32x32 pixels in 100 classes",
    version=1,
    source="CIFAR-100 (Krizhevsky 2009)",
    packages=("PIL",),
    like=("imagenet",),
    places="the python or binary batches (test, train)",
)

targets = _answers.labels
