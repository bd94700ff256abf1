"""ResNet's definition from its dimensions; the variants' files choose them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

PAPER = "He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016"
EXPANSION = 4  # of a bottleneck's last convolution


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The dimensions of a residual network; those of the input layer default to ImageNet's.

    Attributes:
        blocks: Residual blocks of the four stages.
        bottleneck: Blocks of 1x1, 3x3, 1x1 convolutions; else of two 3x3.
        widths: Filters of the stages' 3x3 convolutions.
        colours: Channels of the input.
        classes: Scores given.
        kernel, stride: Of the first convolution, which is padded to keep the size; it has the
            first stage's width and is followed by a 3x3/2 pool.
    """

    blocks: tuple[int, int, int, int]
    bottleneck: bool = False
    widths: tuple[int, int, int, int] = (64, 128, 256, 512)
    colours: int = 3
    classes: int = 1000
    kernel: int = 7
    stride: int = 2


def resnet(design: Design) -> torch.nn.Module:
    """The network (n, colours, h, w) -> (n, classes); tensors are named as torchvision's."""
    from torch import nn

    def convolution(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Conv2d:
        return nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False)

    def shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
        if stride == 1 and inputs == outputs:
            return nn.Identity()
        return nn.Sequential(convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    class Basic(nn.Module):
        def __init__(self, inputs: int, width: int, stride: int) -> None:
            super().__init__()
            self.conv1 = convolution(inputs, width, 3, stride)
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = convolution(width, width, 3)
            self.bn2 = nn.BatchNorm2d(width)
            self.downsample = shortcut(inputs, width, stride)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.bn1(self.conv1(x)).relu()
            y = self.bn2(self.conv2(y))
            return (y + self.downsample(x)).relu()

    class Bottleneck(nn.Module):
        def __init__(self, inputs: int, width: int, stride: int) -> None:
            super().__init__()
            self.conv1 = convolution(inputs, width, 1)
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = convolution(width, width, 3, stride)
            self.bn2 = nn.BatchNorm2d(width)
            self.conv3 = convolution(width, width * EXPANSION, 1)
            self.bn3 = nn.BatchNorm2d(width * EXPANSION)
            self.downsample = shortcut(inputs, width * EXPANSION, stride)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.bn1(self.conv1(x)).relu()
            y = self.bn2(self.conv2(y)).relu()
            y = self.bn3(self.conv3(y))
            return (y + self.downsample(x)).relu()

    def stage(inputs: int, number: int) -> nn.Sequential:
        width = design.widths[number]
        block = Bottleneck if design.bottleneck else Basic
        outputs = width * EXPANSION if design.bottleneck else width
        rest = [block(outputs, width, 1) for _ in range(design.blocks[number] - 1)]
        return nn.Sequential(block(inputs, width, 1 if number == 0 else 2), *rest)

    class ResNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            stem = design.widths[0]
            self.conv1 = convolution(design.colours, stem, design.kernel, design.stride)
            self.bn1 = nn.BatchNorm2d(stem)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
            expansion = EXPANSION if design.bottleneck else 1
            first, second, third, fourth = (width * expansion for width in design.widths)
            self.layer1 = stage(stem, 0)
            self.layer2 = stage(first, 1)
            self.layer3 = stage(second, 2)
            self.layer4 = stage(third, 3)
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(fourth, design.classes)
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.maxpool(self.bn1(self.conv1(x)).relu())
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.fc(self.avgpool(x).flatten(1))

    return ResNet()
