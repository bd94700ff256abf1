"""ResNet-50, sixteen residual blocks of 1x1, 3x3 and 1x1 convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _classifier import imagenet, score
from _resnet import PAPER, Design, resnet

from benchsuite.formats.images import TORCHVISION, preparer
from benchsuite.types import Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "prepare", "score"]

DESIGN = Design(blocks=(3, 4, 6, 3), bottleneck=True)

WORKLOAD = Workload(
    title="ResNet-50",
    paper=PAPER,
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # MLPerf Inference, resnet50.Server.target_latency
    scales={"reference": imagenet(batch=8, top_1=0.7613)},
    note=(
        "A stage's stride lies in its first 3x3 convolution (known as v1.5, torchvision's and "
        "MLPerf's), not in the 1x1 convolution before it as in the paper: 4.089 instead of 3.858 "
        "G multiply-accumulates. ImageNet-1k validation, one centre crop of 224 pixels: 76.13 % "
        "top-1 and 92.86 % top-5 with torchvision's weights IMAGENET1K_V1, which load."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network."""
    return resnet(DESIGN)


prepare = preparer(TORCHVISION)
