"""What the image classifiers share: the inputs they take and how stored bytes become them."""

from __future__ import annotations

from benchsuite import scoring
from benchsuite.types import Arrays, Outputs, Score, Signature, Split, TensorSpec

IMAGENET = (Signature(inputs=(TensorSpec(shape=(3, 224, 224)),)),)
DIGITS = (Signature(inputs=(TensorSpec(shape=(1, 28, 28)),)),)

# means and standard deviations of the training sets, of bytes divided by 255
_STATISTICS = {
    1: ((0.1307,), (0.3081,)),  # MNIST
    3: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),  # ImageNet-1k, RGB
}


def preprocess(inputs: Arrays) -> Arrays:
    """Grey or RGB bytes (n, 1 or 3, h, w) to floats of about zero mean and unit variance."""
    import numpy as np

    (images,) = inputs
    means, deviations = (
        np.array(values, dtype=np.float32)[:, None, None] for values in _STATISTICS[images.shape[1]]
    )
    return ((images.astype("float32") / 255 - means) / deviations,)


def score(outputs: Outputs, split: Split) -> Score:
    """Top-1, with top-5 beside it."""
    return scoring.top_k(outputs, split)
