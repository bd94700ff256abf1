"""AlexNet as torchvision has it: one tower, fewer filters, no response normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _alexnet import Design, alexnet
from _classifier import imagenet, score
from _initial import he_initialised

from benchsuite.formats.images import TORCHVISION, preparer
from benchsuite.types import Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "prepare", "score"]

WORKLOAD = Workload(
    title="AlexNet (torchvision)",
    paper=(
        "Krizhevsky: One weird trick for parallelizing convolutional neural networks, "
        "arXiv:1404.5997, 2014; with the filters that torchvision chose"
    ),
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={"reference": imagenet(batch=8, top_1=0.56522)},
    note=(
        "Tensors are named as in torchvision's alexnet, so that its checkpoint loads. Published "
        "for it (IMAGENET1K_V1): top-1 56.522 %, top-5 79.066 % on ImageNet's validation set, one "
        "central crop. The 6x6 average pool before the classifier, which does nothing at "
        "this size, is left out. The paper is AlexNet's second: its 384 filters in the fourth "
        "convolution are 256 here."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: images (batch, 3, 224, 224) to class scores (batch, 1000)."""
    return he_initialised(alexnet(Design(filters=(64, 192, 384, 256, 256), padding=2)))


prepare = preparer(TORCHVISION)
