"""GoogLeNet as published: nine inception modules, 22 layers deep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _classifier import imagenet, score
from _googlenet import PAPER, Design, googlenet
from _initial import he_initialised

from benchsuite.formats.images import CAFFE_224, preparer
from benchsuite.types import Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "prepare", "score"]

WORKLOAD = Workload(
    title="GoogLeNet",
    paper=PAPER,
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={"reference": imagenet(batch=8, top_1=0.687)},
    note=(
        "As in inference: without the two auxiliary heads. The paper leaves the response "
        "normalisation's constants open; they are those of BVLC's replication for Caffe (5 "
        "channels, alpha 1e-4, beta 0.75, k 1). Published on ImageNet's validation set: top-5 "
        "89.93 % with one crop (the paper's table 3); top-1 68.7 %, top-5 88.9 % with one central "
        "crop (the replication)."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: images (batch, 3, 224, 224) to class scores (batch, 1000)."""
    return he_initialised(googlenet(Design()))


prepare = preparer(CAFFE_224)
