"""GoogLeNet's definition from its nine inception modules; the paper's and torchvision's differ."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from _classifier import STATISTICS

if TYPE_CHECKING:
    import torch
    from torch import nn

PAPER = (
    "Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich: Going Deeper with "
    "Convolutions, CVPR 2015"
)
CLASSES = 1000

# filters: 1x1; 3x3's reduction, 3x3; 5x5's reduction, 5x5; the pool's projection (table 1)
INCEPTIONS = {
    "inception3a": (64, 96, 128, 16, 32, 32),
    "inception3b": (128, 128, 192, 32, 96, 64),
    "inception4a": (192, 96, 208, 16, 48, 64),
    "inception4b": (160, 112, 224, 24, 64, 64),
    "inception4c": (128, 128, 256, 24, 64, 64),
    "inception4d": (112, 144, 288, 32, 64, 64),
    "inception4e": (256, 160, 320, 32, 128, 128),
    "inception5a": (256, 160, 320, 32, 128, 128),
    "inception5b": (384, 192, 384, 48, 128, 128),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What differs between the published network and torchvision's; the defaults are published.

    Attributes:
        batch_norm: After every convolution, which then has no bias; else two layers of response
            normalisation.
        large: Side of the filters in the branch that has 5x5 ones in the paper.
        last_pool: Side of the pool between modules 4e and 5a.
        dropout: Before the full connection.
        rescale: Whether inputs come normalised with ImageNet's statistics, for weights that were
            trained on pixels in [-1, 1]: the network then begins with the change.
    """

    batch_norm: bool = False
    large: int = 5
    last_pool: int = 3
    dropout: float = 0.4
    rescale: bool = False


def googlenet(design: Design) -> nn.Sequential:
    """Images (n, 3, 224, 224) to class scores (n, 1000), without the training's auxiliary heads.

    The tensors are named as torchvision's.
    """
    from torch import nn

    def pool(side: int) -> nn.Module:
        return nn.MaxPool2d(side, stride=2, ceil_mode=True)

    def response_norm() -> nn.Module:
        return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)

    layers: dict[str, nn.Module] = {"rescale": _rescale()} if design.rescale else {}
    layers["conv1"] = _convolution(design, 3, 64, 7, stride=2)
    layers["maxpool1"] = pool(3)
    if not design.batch_norm:
        layers["norm1"] = response_norm()
    layers["conv2"] = _convolution(design, 64, 64, 1)
    layers["conv3"] = _convolution(design, 64, 192, 3)
    if not design.batch_norm:
        layers["norm2"] = response_norm()
    layers["maxpool2"] = pool(3)
    channels = 192
    for name, filters in INCEPTIONS.items():
        if name == "inception4a":
            layers["maxpool3"] = pool(3)
        elif name == "inception5a":
            layers["maxpool4"] = pool(design.last_pool)
        layers[name] = _inception(design, channels, filters)
        channels = filters[0] + filters[2] + filters[4] + filters[5]
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["dropout"] = nn.Dropout(design.dropout)
    layers["fc"] = nn.Linear(channels, CLASSES)
    return nn.Sequential(OrderedDict(layers))


def _convolution(
    design: Design, inputs: int, filters: int, side: int, *, stride: int = 1
) -> nn.Sequential:
    from torch import nn

    bias = not design.batch_norm
    conv = nn.Conv2d(inputs, filters, side, stride=stride, padding=side // 2, bias=bias)
    layers: dict[str, nn.Module] = {"conv": conv}
    if design.batch_norm:
        layers["bn"] = nn.BatchNorm2d(filters, eps=1e-3)
    layers["relu"] = nn.ReLU()
    return nn.Sequential(OrderedDict(layers))


def _inception(design: Design, inputs: int, filters: tuple[int, ...]) -> nn.Module:
    import torch
    from torch import nn

    f1, reduce3, f3, reduce5, f5, projection = filters

    class Inception(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branch1 = _convolution(design, inputs, f1, 1)
            self.branch2 = nn.Sequential(
                _convolution(design, inputs, reduce3, 1), _convolution(design, reduce3, f3, 3)
            )
            self.branch3 = nn.Sequential(
                _convolution(design, inputs, reduce5, 1),
                _convolution(design, reduce5, f5, design.large),
            )
            self.branch4 = nn.Sequential(
                nn.MaxPool2d(3, stride=1, padding=1), _convolution(design, inputs, projection, 1)
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            branches = (self.branch1, self.branch2, self.branch3, self.branch4)
            return torch.cat([branch(x) for branch in branches], dim=1)

    return Inception()


def _rescale() -> nn.Module:
    import torch
    from torch import nn

    mean, deviation = (torch.tensor(values)[:, None, None] for values in STATISTICS[3])

    class Rescale(nn.Module):
        """(pixel - mean) / deviation to (pixel - 0.5) / 0.5, a channel; not in the state dict."""

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("scale", deviation / 0.5, persistent=False)
            self.register_buffer("shift", (mean - 0.5) / 0.5, persistent=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.scale + self.shift

    return Rescale()
