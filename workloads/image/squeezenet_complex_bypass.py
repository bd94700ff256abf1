"""SqueezeNet with complex bypass: every fire module is bypassed, half of them by a convolution."""

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
    title="SqueezeNet with complex bypass",
    paper=PAPER,
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={"reference": imagenet(side=227, batch=8, top_1=0.588)},
    note=(
        "SqueezeNet 1.0 with the simple bypasses, and a 1x1 convolution around fire2, 4, 6 and 8, "
        "whose input has fewer channels than their output: 6.1 MiB of parameters, where the "
        "paper's table 3 says 7.7 MB without a list of layers. Published on ImageNet's validation "
        "set: top-1 58.8 %, top-5 82.0 % (table 3)."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: images (batch, 3, 227, 227) to class scores (batch, 1000)."""
    return squeezenet(Design(bypass="complex"))


prepare = preparer(replace(TORCHVISION, crop=(227, 227)))
