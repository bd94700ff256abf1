"""The SqueezeNet family: one definition from metaparameters, which the variants' files choose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchsuite.types import Quality, Scale, Signature, TensorSpec, Training

if TYPE_CHECKING:
    import torch

PAPER = (
    "Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer: SqueezeNet: AlexNet-level accuracy with "
    "50x fewer parameters and <0.5MB model size, arXiv:1602.07360, 2016"
)
FIRES = 8
DROPOUT = 0.5

Bypass = Literal["none", "simple", "complex"]


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
        bypass: What is added to a fire module's output (section 6): `simple` adds its input where
            that has as many channels, which is so within each `freq` modules; `complex` also adds
            a 1x1 convolution of the input where it has not.
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
    bypass: Bypass = "none"

    def fires(self) -> Iterator[tuple[int, int, int]]:
        """Squeeze, expand 1x1 and expand 3x3 filters of fire2, fire3, ..."""
        for i in range(FIRES):
            e = self.base_e + self.incr_e * (i // self.freq)
            e3x3 = round(self.pct3x3 * e)
            yield round(self.squeeze_ratio * e), e - e3x3, e3x3

    def bypasses(self) -> Iterator[Bypass]:
        """How fire2, fire3, ... are bypassed."""
        for i in range(FIRES):
            widens = i % self.freq == 0
            if self.bypass == "none" or (widens and self.bypass == "simple"):
                yield "none"
            else:
                yield "complex" if widens else "simple"


# the embedded scale: 28x28 grey images in ten classes
SMALL = Design(
    colours=1,
    classes=10,
    stem=32,
    kernel=3,
    pools=(3, 7),
    base_e=32,
    incr_e=32,
    squeeze_ratio=0.25,
)
EMBEDDED = Scale(
    signatures=(Signature(inputs=(TensorSpec(shape=(1, 28, 28)),)),),
    batch=64,
    qualities={
        "mnist-5k": Quality(measure="top-1", target=0.975),
        "mnist": Quality(measure="top-1", target=0.98, epochs=4),
        "fashion-mnist": Quality(measure="top-1", target=0.88, epochs=12),
    },
    training=Training(epochs=40, batch=50, learning_rate=3e-3, weight_decay=1e-2, clip=1.0),
)


def squeezenet(design: Design) -> torch.nn.Module:
    """The network (n, colours, h, w) -> (n, classes); tensors are named as torchvision's."""
    import torch
    from torch import nn

    class Fire(nn.Module):
        def __init__(self, inputs: int, squeeze: int, e1x1: int, e3x3: int, bypass: Bypass) -> None:
            super().__init__()
            self.squeeze = nn.Conv2d(inputs, squeeze, 1)
            self.expand1x1 = nn.Conv2d(squeeze, e1x1, 1)
            self.expand3x3 = nn.Conv2d(squeeze, e3x3, 3, padding=1)
            self.bypass: nn.Module | None = None
            if bypass != "none":
                simple = bypass == "simple"
                self.bypass = nn.Identity() if simple else nn.Conv2d(inputs, e1x1 + e3x3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            squeezed = self.squeeze(x).relu()
            expanded = torch.cat([self.expand1x1(squeezed), self.expand3x3(squeezed)], dim=1).relu()
            return expanded if self.bypass is None else expanded + self.bypass(x)

    class SqueezeNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            first = nn.Conv2d(design.colours, design.stem, design.kernel, stride=design.stride)
            layers: list[nn.Module] = [first, nn.ReLU()]
            channels = design.stem
            modules = zip(design.fires(), design.bypasses(), strict=True)
            for number, ((squeeze, e1x1, e3x3), bypass) in enumerate(modules, 2):
                if number - 1 in design.pools:
                    layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
                layers.append(Fire(channels, squeeze, e1x1, e3x3, bypass))
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
