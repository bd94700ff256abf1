"""VGG-16: thirteen 3x3 convolutions, three full connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _classifier import imagenet, score
from _initial import he_initialised
from _vgg import PAPER, vgg

from benchsuite.formats.images import TORCHVISION, preparer
from benchsuite.types import Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "prepare", "score"]

WORKLOAD = Workload(
    title="VGG-16",
    paper=PAPER,
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={"reference": imagenet(batch=4, top_1=0.71592)},
    note=(
        "The paper's network D. Tensors are named as in torchvision's vgg16, so that its "
        "checkpoint loads. Published on ImageNet's validation set: top-1 74.4 %, top-5 91.9 % "
        "(dense evaluation, S in [256; 512], the paper's table 3); top-1 71.592 %, top-5 90.382 % "
        "with one central crop (torchvision's IMAGENET1K_V1)."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: images (batch, 3, 224, 224) to class scores (batch, 1000)."""
    return he_initialised(vgg((2, 2, 3, 3, 3)))


prepare = preparer(TORCHVISION)
