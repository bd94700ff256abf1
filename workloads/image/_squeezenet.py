"""SqueezeNet's definition from its metaparameters; the variants' files choose them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

FIRES = 8
DROPOUT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A point of SqueezeNet's design space (section 5 of the paper); the defaults are 1.0's.

    Attributes:
        colours: Channels of the input.
        classes: Filters of the last convolution.
        stem: Filters of the first convolution.
        kernel, stride: Of the first convolution, which has no padding.
        pools: The 3x3/2 pools: the numbers of the layers they follow (1 is conv1, 2 is fire2).
        base_e: Expand filters of the first fire module.
        incr_e: Expand filters that every `freq` modules are added.
        pct3x3: Share of the expand filters that are 3x3.
        squeeze_ratio: Squeeze filters per expand filter (SR).
    """

    colours: int = 3
    classes: int = 1000
    stem: int = 96
    kernel: int = 7
    stride: int = 2
    pools: tuple[int, ...] = (1, 4, 8)
    base_e: int = 128
    incr_e: int = 128
    freq: int = 2
    pct3x3: float = 0.5
    squeeze_ratio: float = 0.125

    def fires(self) -> Iterator[tuple[int, int, int]]:
        """Squeeze, expand 1x1 and expand 3x3 filters of fire2, fire3, ..."""
        for i in range(FIRES):
            e = self.base_e + self.incr_e * (i // self.freq)
            e3x3 = round(self.pct3x3 * e)
            yield round(self.squeeze_ratio * e), e - e3x3, e3x3


def squeezenet(design: Design) -> torch.nn.Module:
    """The network (n, colours, h, w) -> (n, classes); tensors are named as torchvision's."""
    import torch
    from torch import nn

    class Fire(nn.Module):
        def __init__(self, inputs: int, squeeze: int, e1x1: int, e3x3: int) -> None:
            super().__init__()
            self.squeeze = nn.Conv2d(inputs, squeeze, 1)
            self.expand1x1 = nn.Conv2d(squeeze, e1x1, 1)
            self.expand3x3 = nn.Conv2d(squeeze, e3x3, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.squeeze(x).relu()
            return torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1).relu()

    class SqueezeNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            first = nn.Conv2d(design.colours, design.stem, design.kernel, stride=design.stride)
            layers: list[nn.Module] = [first, nn.ReLU()]
            channels = design.stem
            for number, (squeeze, e1x1, e3x3) in enumerate(design.fires(), 2):
                if number - 1 in design.pools:
                    layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
                layers.append(Fire(channels, squeeze, e1x1, e3x3))
                channels = e1x1 + e3x3
            self.features = nn.Sequential(*layers)
            last = nn.Conv2d(channels, design.classes, 1)
            self.classifier = nn.Sequential(
                nn.Dropout(DROPOUT), last, nn.ReLU(), nn.AdaptiveAvgPool2d(1)
            )
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                    nn.init.zeros_(layer.bias)
            # the authors' own: all classes begin nearly equal
            nn.init.normal_(last.weight, std=0.01)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.classifier(self.features(x)).flatten(1)

    return SqueezeNet()
