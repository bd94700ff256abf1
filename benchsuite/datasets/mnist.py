"""70,000 handwritten digits, 60,000 for training and 10,000 for the test."""

from __future__ import annotations

from benchsuite.datasets import _answers
from benchsuite.types import Dataset

FORMAT = "idx"

DATASET = Dataset(
    title="70,000 handwritten digits, 60,000 for training and 10,000 for the test",
    version=1,
    source="MNIST (LeCun, Cortes, Burges 1998)",
    packages=(),
    places="t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, plain or .gz",
)

targets = _answers.labels
