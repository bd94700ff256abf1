"""The image classifiers' common end: pixels as the networks take them, scores as they count."""

from __future__ import annotations

from benchsuite import scoring
from benchsuite.types import (
    Arrays,
    Outputs,
    Quality,
    Scale,
    Score,
    Signature,
    Split,
    TensorSpec,
)

DIGITS = (Signature(inputs=(TensorSpec(shape=(1, 28, 28)),)),)
KEPT = 0.99  # of the published accuracy, as MLPerf Inference asks

# mean and standard deviation a channel, of pixels in [0, 1], by the number of channels
STATISTICS = {
    1: ((0.1307,), (0.3081,)),  # MNIST's training digits
    3: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),  # ImageNet's, as torchvision has them
}


def imagenet(*, side: int = 224, batch: int, top_1: float) -> Scale:
    """The reference scale of a classifier of RGB images of `side` pixels.

    Args:
        side: Height and width of the input.
        batch: Samples a query.
        top_1: Published for one central crop of ImageNet-1k's validation images.
    """
    quality = Quality(
        measure="top-1",
        target=round(KEPT * top_1, 4),
        note=f"99 % of the published {top_1:.2%} on ImageNet-1k's validation images, one crop",
    )
    return Scale(
        signatures=(Signature(inputs=(TensorSpec(shape=(3, side, side)),)),),
        batch=batch,
        qualities={"imagenet": quality},
    )


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
