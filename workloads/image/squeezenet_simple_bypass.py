"""SqueezeNet with simple bypass: every second fire module adds its input to its output."""

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
    title="SqueezeNet with simple bypass",
    paper=PAPER,
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={"embedded": EMBEDDED, "reference": imagenet(side=227, batch=8, top_1=0.604)},
    note=(
        "SqueezeNet 1.0 with bypasses around fire3, 5, 7 and 9, added after the ReLU as in the "
        "authors' release; no parameter more. The embedded network is SqueezeNet's with the same "
        "bypasses. Published on ImageNet's validation set: top-1 60.4 %, top-5 82.5 % (the "
        "paper's table 3). "
        "The target on Fashion-MNIST is provisional: not yet reached in a training run."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network; the embedded one has fewer filters and a smaller first layer."""
    return squeezenet(replace(DESIGNS[scale], bypass="simple"))


examples = jittered
prepare = preparer(replace(TORCHVISION, crop=(227, 227)))
