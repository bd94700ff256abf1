"""SqueezeNet 1.0, AlexNet's accuracy with a fiftieth of its parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from _classifier import imagenet, preprocess, score
from _jitter import jittered
from _squeezenet import EMBEDDED, PAPER, SMALL, Design, squeezenet

from benchsuite.formats.images import TORCHVISION, preparer
from benchsuite.types import Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "examples", "prepare", "preprocess", "score"]

DESIGNS = {"embedded": SMALL, "reference": Design()}

WORKLOAD = Workload(
    title="SqueezeNet 1.0",
    paper=PAPER,
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={"embedded": EMBEDDED, "reference": imagenet(side=227, batch=8, top_1=0.575)},
    note=(
        "Without batch normalisation, as published. The embedded network has the same eight fire "
        "modules with a quarter of the filters (squeeze ratio 0.25), a 3x3/2 first layer and two "
        "pools instead of three, for 28x28 images in ten classes. Tensors are named as in "
        "torchvision's squeezenet1_0. Published on ImageNet's validation set: top-1 57.5 %, top-5 "
        "80.3 % (the paper's table 2); torchvision's IMAGENET1K_V1 top-1 58.092 %, top-5 80.420 %. "
        "The target on Fashion-MNIST is provisional: not yet reached in a training run."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network; the embedded one has fewer filters and a smaller first layer."""
    return squeezenet(DESIGNS[scale])


examples = jittered
prepare = preparer(replace(TORCHVISION, crop=(227, 227)))
