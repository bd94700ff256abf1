"""SqueezeNet 1.0, AlexNet's accuracy with a fiftieth of its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _jitter import jittered
from _squeezenet import Design, squeezenet

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
    Training,
    Workload,
)

if TYPE_CHECKING:
    import torch

DESIGNS = {
    "embedded": Design(
        colours=1,
        classes=10,
        stem=32,
        kernel=3,
        pools=(3, 7),
        base_e=32,
        incr_e=32,
        squeeze_ratio=0.25,
    ),
    "reference": Design(),
}

WORKLOAD = Workload(
    title="SqueezeNet 1.0",
    paper=(
        "Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer: SqueezeNet: AlexNet-level accuracy with "
        "50x fewer parameters and <0.5MB model size, arXiv:1602.07360, 2016"
    ),
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={
        "embedded": Scale(
            signatures=(Signature(inputs=(TensorSpec(shape=(1, 28, 28)),)),),
            batch=64,
            qualities={
                "mnist-5k": Quality(measure="top-1", target=0.975),
                "fashion-mnist": Quality(measure="top-1", target=0.88, epochs=12),
            },
            training=Training(epochs=40, batch=50, learning_rate=3e-3, weight_decay=1e-2, clip=1.0),
        ),
        "reference": Scale(
            signatures=(Signature(inputs=(TensorSpec(shape=(3, 227, 227)),)),), batch=8
        ),
    },
    note=(
        "Without batch normalisation, as published. The embedded network has the same eight fire "
        "modules with a quarter of the filters (squeeze ratio 0.25), a 3x3/2 first layer and two "
        "pools instead of three, for 28x28 images in ten classes."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network; the embedded one has fewer filters and a smaller first layer."""
    return squeezenet(DESIGNS[scale])


def preprocess(inputs: Arrays) -> Arrays:
    """Bytes (n, 1, 28, 28) to floats of about zero mean and unit variance."""
    (images,) = inputs
    return ((images.astype("float32") / 255 - 0.1307) / 0.3081,)


examples = jittered


def score(outputs: Outputs, split: Split) -> Score:
    """Top-1, with top-5 beside it."""
    return scoring.top_k(outputs, split)
