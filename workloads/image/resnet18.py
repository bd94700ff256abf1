"""ResNet-18, eight residual blocks of two 3x3 convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _classifier import DIGITS, imagenet, preprocess, score
from _jitter import jittered
from _resnet import PAPER, Design, resnet

from benchsuite.formats.images import TORCHVISION, preparer
from benchsuite.types import Quality, Scale, Training, Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "examples", "prepare", "preprocess", "score"]

DESIGNS = {
    "embedded": Design(
        blocks=(2, 2, 2, 2), widths=(8, 16, 32, 64), colours=1, classes=10, kernel=3, stride=1
    ),
    "reference": Design(blocks=(2, 2, 2, 2)),
}

WORKLOAD = Workload(
    title="ResNet-18",
    paper=PAPER,
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={
        "embedded": Scale(
            signatures=DIGITS,
            batch=64,
            qualities={
                "mnist-5k": Quality(measure="top-1", target=0.975),
                "mnist": Quality(measure="top-1", target=0.98, epochs=3),
                "fashion-mnist": Quality(
                    measure="top-1",
                    target=0.88,
                    epochs=12,
                    note="provisional: not yet reached in a training run with this recipe",
                ),
            },
            training=Training(epochs=20, batch=50, learning_rate=1e-2, weight_decay=1e-2),
        ),
        "reference": imagenet(batch=8, top_1=0.69758),
    },
    note=(
        "With projection shortcuts where the shape changes. ImageNet-1k validation, one centre "
        "crop of 224 pixels: 69.76 % top-1 and 89.08 % top-5 with torchvision's weights "
        "IMAGENET1K_V1, which load. The embedded network has the same eight blocks with an eighth "
        "of the filters and a 3x3/1 first layer, for 28x28 images in ten classes."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network; the embedded one has fewer filters and a smaller first layer."""
    return resnet(DESIGNS[scale])


examples = jittered
prepare = preparer(TORCHVISION)
