"""AlexNet's definition from its filters and groups; the paper's and torchvision's choose them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

KERNELS = (11, 5, 3, 3, 3)
POOLED = (1, 2, 5)  # the convolutions that a 3x3/2 pool follows
HIDDEN = 4096
CLASSES = 1000
DROPOUT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What differs between the published network and its variants.

    Attributes:
        filters: Of the five convolutions.
        groups: Of each convolution: 2 where the paper's two GPUs do not talk.
        padding: Of the first convolution, whose stride is 4; the others keep the size.
        response_norm: Whether the first two convolutions are normalised across channels.
    """

    filters: tuple[int, int, int, int, int]
    groups: tuple[int, int, int, int, int] = (1, 1, 1, 1, 1)
    padding: int = 0
    response_norm: bool = False


def alexnet(design: Design) -> nn.Sequential:
    """Images (n, 3, side, side) that end in 6x6 places to class scores (n, 1000).

    A side of 227 does without padding, one of 224 with 2 pixels. The tensors are named as
    torchvision's where there is no response normalisation.
    """
    from torch import nn

    layers: list[nn.Module] = []
    channels = 3
    plan = zip(design.filters, KERNELS, design.groups, strict=True)
    for number, (filters, kernel, groups) in enumerate(plan, 1):
        first = number == 1
        layers.append(
            nn.Conv2d(
                channels,
                filters,
                kernel,
                stride=4 if first else 1,
                padding=design.padding if first else kernel // 2,
                groups=groups,
            )
        )
        layers.append(nn.ReLU())
        if design.response_norm and number <= 2:
            # the paper's alpha multiplies the sum over the five channels, torch's their mean
            layers.append(nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0))
        if number in POOLED:
            layers.append(nn.MaxPool2d(3, stride=2))
        channels = filters
    classifier = nn.Sequential(
        nn.Dropout(DROPOUT),
        nn.Linear(channels * 6 * 6, HIDDEN),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, CLASSES),
    )
    parts = {"features": nn.Sequential(*layers), "flatten": nn.Flatten(), "classifier": classifier}
    return nn.Sequential(OrderedDict(parts))
