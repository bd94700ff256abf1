"""MobileNetV2, inverted residuals with linear bottlenecks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from _bottlenecks import Block, Stage, blocks
from _classifier import DIGITS, imagenet, preprocess, score
from _jitter import jittered

from benchsuite.formats.images import TORCHVISION, preparer
from benchsuite.types import Quality, Scale, Training, Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "examples", "prepare", "preprocess", "score"]

DROPOUT = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The network's dimensions; table 2 of the paper.

    Attributes:
        colours: Channels of the input.
        classes: Scores given.
        stem, stride: Filters and stride of the first convolution, 3x3.
        stages: Of inverted bottlenecks.
        last: Filters of the last convolution, 1x1.
    """

    colours: int
    classes: int
    stem: int
    stride: int
    stages: tuple[Stage, ...]
    last: int


DESIGNS = {
    "embedded": Design(
        colours=1,
        classes=10,
        stem=8,
        stride=1,
        stages=(
            Stage(expansion=1, channels=8, blocks=1, stride=1),
            Stage(expansion=6, channels=12, blocks=2, stride=2),
            Stage(expansion=6, channels=16, blocks=3, stride=2),
            Stage(expansion=6, channels=24, blocks=4, stride=1),
            Stage(expansion=6, channels=32, blocks=3, stride=1),
            Stage(expansion=6, channels=40, blocks=3, stride=2),
            Stage(expansion=6, channels=64, blocks=1, stride=1),
        ),
        last=128,
    ),
    "reference": Design(
        colours=3,
        classes=1000,
        stem=32,
        stride=2,
        stages=(
            Stage(expansion=1, channels=16, blocks=1, stride=1),
            Stage(expansion=6, channels=24, blocks=2, stride=2),
            Stage(expansion=6, channels=32, blocks=3, stride=2),
            Stage(expansion=6, channels=64, blocks=4, stride=2),
            Stage(expansion=6, channels=96, blocks=3, stride=1),
            Stage(expansion=6, channels=160, blocks=3, stride=2),
            Stage(expansion=6, channels=320, blocks=1, stride=1),
        ),
        last=1280,
    ),
}

WORKLOAD = Workload(
    title="MobileNetV2",
    paper=(
        "Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2: Inverted Residuals and Linear "
        "Bottlenecks, CVPR 2018"
    ),
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.01,  # MLPerf Inference v0.5 for MobileNet-v1
    scales={
        "embedded": Scale(
            signatures=DIGITS,
            batch=64,
            qualities={
                "mnist-5k": Quality(measure="top-1", target=0.975),
                "mnist": Quality(measure="top-1", target=0.98, epochs=3),
                "fashion-mnist": Quality(
                    measure="top-1",
                    target=0.88,
                    epochs=4,
                    note="provisional: not yet reached in a training run with this recipe",
                ),
            },
            training=Training(epochs=20, batch=50, learning_rate=1e-2, weight_decay=1e-2),
        ),
        "reference": imagenet(batch=8, top_1=0.71878),
    },
    note=(
        "Width 1.0. ImageNet-1k validation, one centre crop of 224 pixels: 72.0 % top-1 in the "
        "paper, 71.88 % with torchvision's weights IMAGENET1K_V1, which load. The embedded "
        "network has the same seventeen blocks with half to a fifth of the channels (the last "
        "convolution a tenth) and strides in three layers instead of five, for 28x28 images in "
        "ten classes."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network (n, colours, h, w) -> (n, classes); tensors are named as torchvision's."""
    from torch import nn

    design = DESIGNS[scale]

    def convolution(
        inputs: int, outputs: int, side: int, *, stride: int = 1, groups: int = 1
    ) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU6(),
        )

    class InvertedResidual(nn.Module):
        def __init__(self, block: Block) -> None:
            super().__init__()
            hidden = block.hidden
            expand = [convolution(block.inputs, hidden, 1)] if hidden != block.inputs else []
            self.residual = block.residual
            self.conv = nn.Sequential(
                *expand,
                convolution(hidden, hidden, block.kernel, stride=block.stride, groups=hidden),
                nn.Conv2d(hidden, block.outputs, 1, bias=False),
                nn.BatchNorm2d(block.outputs),
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.conv(x) if self.residual else self.conv(x)

    class MobileNetV2(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential(
                convolution(design.colours, design.stem, 3, stride=design.stride),
                *(InvertedResidual(block) for block in blocks(design.stages, inputs=design.stem)),
                convolution(design.stages[-1].channels, design.last, 1),
            )
            self.classifier = nn.Sequential(
                nn.Dropout(DROPOUT), nn.Linear(design.last, design.classes)
            )
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, mode="fan_out")
                elif isinstance(layer, nn.Linear):
                    nn.init.normal_(layer.weight, std=0.01)
                    nn.init.zeros_(layer.bias)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.classifier(self.features(x).mean((2, 3)))

    return MobileNetV2()


examples = jittered
prepare = preparer(TORCHVISION)
