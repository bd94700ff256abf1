"""AlexNet as published: eight layers, the convolutions in two groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _alexnet import Design, alexnet
from _classifier import imagenet, score
from _initial import he_initialised

from benchsuite.formats.images import CAFFE, preparer
from benchsuite.types import Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "prepare", "score"]

WORKLOAD = Workload(
    title="AlexNet",
    paper=(
        "Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep Convolutional Neural "
        "Networks, NIPS 2012"
    ),
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={"reference": imagenet(side=227, batch=8, top_1=0.571)},
    note=(
        "The paper writes 224x224, but its 55x55 first layer needs 227. Published on ImageNet's "
        "validation set: top-1 59.3 %, top-5 81.8 % (ten crops, the paper's table 2, 1 CNN); "
        "top-1 57.1 %, top-5 80.2 % with one central crop (BVLC's replication for Caffe)."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: images (batch, 3, 227, 227) to class scores (batch, 1000)."""
    design = Design(filters=(96, 256, 384, 384, 256), groups=(1, 2, 1, 2, 2), response_norm=True)
    return he_initialised(alexnet(design))


prepare = preparer(CAFFE)
