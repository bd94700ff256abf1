"""VGG's definition: five stages of 3x3 convolutions, each a number of layers deep."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

PAPER = (
    "Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, "
    "ICLR 2015"
)
FILTERS = (64, 128, 256, 512, 512)
HIDDEN = 4096
CLASSES = 1000
DROPOUT = 0.5


def vgg(depths: tuple[int, int, int, int, int]) -> nn.Sequential:
    """Images (n, 3, 224, 224) to class scores (n, 1000); tensors are named as torchvision's.

    Args:
        depths: Convolutions of each stage; a 2x2 pool ends it.
    """
    from torch import nn

    layers: list[nn.Module] = []
    channels = 3
    for filters, depth in zip(FILTERS, depths, strict=True):
        for _ in range(depth):
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()]
            channels = filters
        layers.append(nn.MaxPool2d(2))
    classifier = nn.Sequential(
        nn.Linear(channels * 7 * 7, HIDDEN),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN, CLASSES),
    )
    parts = {"features": nn.Sequential(*layers), "flatten": nn.Flatten(), "classifier": classifier}
    return nn.Sequential(OrderedDict(parts))
