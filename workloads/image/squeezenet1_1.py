"""SqueezeNet 1.1: 1.0's accuracy with less than half its work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from _classifier import imagenet, score
from _squeezenet import PAPER, Design, squeezenet

from benchsuite.formats.images import TORCHVISION, preparer
from benchsuite.types import Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "prepare", "score"]

WORKLOAD = Workload(
    title="SqueezeNet 1.1",
    paper=PAPER,
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={"reference": imagenet(side=227, batch=8, top_1=0.58178)},
    note=(
        "The authors' second release (github.com/forresti/SqueezeNet, SqueezeNet_v1.1): 64 3x3 "
        "filters first instead of 96 7x7 ones, and earlier pools. Tensors are named as in "
        "torchvision's squeezenet1_1, so that its checkpoint loads. Published for it "
        "(IMAGENET1K_V1): top-1 58.178 %, top-5 80.624 % on ImageNet's validation set, one central "
        "crop of 224."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: images (batch, 3, 227, 227) to class scores (batch, 1000)."""
    return squeezenet(Design(stem=64, kernel=3, pools=(1, 3, 5)))


prepare = preparer(replace(TORCHVISION, crop=(227, 227)))
