"""Network in Network: each convolution is followed by two of 1x1; none is fully connected."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from _classifier import imagenet, preprocess, score
from _initial import he_initialised
from _jitter import jittered

from benchsuite.formats.images import CAFFE, preparer
from benchsuite.types import Quality, Scale, Signature, TensorSpec, Training, Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "examples", "prepare", "preprocess", "score"]

DROPOUT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The network's dimensions.

    Attributes:
        colours: Channels of the input.
        filters: Of each of a block's three convolutions; the very last one has `classes`.
        kernels: Sides of each block's first convolution; from the second block on they keep the
            size.
        stride, padding: Of the very first convolution.
        pools: The numbers of the blocks that a 3x3/2 pool follows.
        classes: Filters of the very last convolution.
    """

    colours: int
    filters: tuple[int, int, int, int]
    kernels: tuple[int, int, int, int]
    stride: int
    padding: int
    pools: tuple[int, ...]
    classes: int


DESIGNS = {
    "embedded": Design(
        colours=1,
        filters=(32, 64, 96, 96),
        kernels=(5, 5, 3, 3),
        stride=2,
        padding=2,
        pools=(1, 2),
        classes=10,
    ),
    "reference": Design(
        colours=3,
        filters=(96, 256, 384, 1024),
        kernels=(11, 5, 3, 3),
        stride=4,
        padding=0,
        pools=(1, 2, 3),
        classes=1000,
    ),
}

WORKLOAD = Workload(
    title="Network in Network",
    paper="Lin, Chen, Yan: Network In Network, ICLR 2014",
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={
        "embedded": Scale(
            signatures=(Signature(inputs=(TensorSpec(shape=(1, 28, 28)),)),),
            batch=64,
            qualities={
                "mnist-5k": Quality(measure="top-1", target=0.975),
                "mnist": Quality(measure="top-1", target=0.98, epochs=4),
                "fashion-mnist": Quality(measure="top-1", target=0.88, epochs=12),
            },
            training=Training(epochs=40, batch=50, learning_rate=2e-3, weight_decay=1e-2, clip=1.0),
        ),
        "reference": imagenet(side=227, batch=8, top_1=0.5936),
    },
    note=(
        "The author's network for ImageNet (Caffe model zoo, NIN-Imagenet; the paper has smaller "
        "images only). Published for it: top-1 59.36 % on the validation set, one central crop of "
        "224. The embedded network has the same twelve convolutions with fewer filters, a 5x5/2 "
        "first layer and two pools instead of three, for 28x28 images in ten classes."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: images (batch, colours, side, side) to class scores (batch, classes)."""
    from torch import nn

    design = DESIGNS[scale]
    layers: dict[str, nn.Module] = {}
    channels = design.colours
    number = 0
    for block, (filters, kernel) in enumerate(zip(design.filters, design.kernels, strict=True), 1):
        if block == len(design.filters):
            layers["dropout"] = nn.Dropout(DROPOUT)
        for side in (kernel, 1, 1):
            number += 1
            last = number == 3 * len(design.filters)
            width = design.classes if last else filters
            layers[f"conv{number}"] = nn.Conv2d(
                channels,
                width,
                side,
                stride=design.stride if number == 1 else 1,
                padding=design.padding if number == 1 else side // 2,
            )
            layers[f"relu{number}"] = nn.ReLU()
            channels = width
        if block in design.pools:
            layers[f"pool{block}"] = nn.MaxPool2d(3, stride=2, ceil_mode=True)
    layers["average"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    network = he_initialised(nn.Sequential(OrderedDict(layers)))
    # the author's own: all classes begin nearly equal
    nn.init.normal_(network[-4].weight, std=0.01)
    return network


examples = jittered
prepare = preparer(CAFFE)
