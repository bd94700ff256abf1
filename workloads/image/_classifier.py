"""The image classifiers' common end: pixels as the networks take them, scores as they count."""

from __future__ import annotations

from benchsuite import scoring
from benchsuite.types import Arrays, Outputs, Score, Split

# mean and standard deviation a channel, of pixels in [0, 1], by the number of channels
STATISTICS = {
    1: ((0.1307,), (0.3081,)),  # MNIST's training digits
    3: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),  # ImageNet's, as torchvision has them
}


def preprocess(inputs: Arrays) -> Arrays:
    """Bytes (n, c, h, w), grey or RGB, to floats of about zero mean and unit variance a channel."""
    import numpy as np

    (images,) = inputs
    mean, deviation = (
        np.array(values, dtype=np.float32)[:, None, None] for values in STATISTICS[images.shape[1]]
    )
    return ((images.astype(np.float32) / 255 - mean) / deviation,)


def score(outputs: Outputs, split: Split) -> Score:
    """Top-1, with top-5 beside it."""
    return scoring.top_k(outputs, split)
