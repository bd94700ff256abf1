"""LeNet-5, the digit classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _classifier import preprocess, score
from _jitter import jittered

from benchsuite.types import Quality, Scale, Signature, TensorSpec, Training, Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "examples", "preprocess", "score"]

_IMAGE = (Signature(inputs=(TensorSpec(shape=(1, 28, 28)),)),)

WORKLOAD = Workload(
    title="LeNet-5",
    paper=(
        "LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition, "
        "Proc. IEEE 86(11), 1998"
    ),
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={
        "embedded": Scale(
            signatures=_IMAGE,
            batch=64,
            qualities={
                "mnist-5k": Quality(measure="top-1", target=0.975),
                "mnist": Quality(measure="top-1", target=0.98, epochs=8),
                "fashion-mnist": Quality(
                    measure="top-1",
                    target=0.90,
                    note="Trained once with this recipe, seed 0: 0.909.",
                    epochs=20,
                ),
            },
            training=Training(epochs=80, batch=50, learning_rate=5e-3, weight_decay=3e-2),
        ),
        "reference": Scale(signatures=_IMAGE, batch=64),
    },
    note=(
        "ReLU, max pooling, full connections and a linear output instead of the paper's scaled "
        "tanh, trainable subsampling, connection table of the second convolution and RBF output."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network; both scales have the published dimensions."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 120, 5),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


examples = jittered
