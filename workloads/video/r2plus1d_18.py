"""R(2+1)D-18: a residual network whose convolutions take space first, then time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchsuite import scoring
from benchsuite.formats import images, videos
from benchsuite.types import (
    Array,
    Arrays,
    Outputs,
    Quality,
    Scale,
    Score,
    Signature,
    Split,
    TensorSpec,
    Workload,
)

if TYPE_CHECKING:
    import torch

_CHANNELS = (64, 128, 256, 512)
_BLOCKS = 2  # of two convolutions, in each of the four stages
_STEM = 45  # between space and time in the first layer
_CLASSES = 400

WORKLOAD = Workload(
    title="R(2+1)D-18",
    paper=(
        "Tran, Wang, Torresani, Ray, LeCun, Paluri: A Closer Look at Spatiotemporal Convolutions "
        "for Action Recognition, CVPR 2018"
    ),
    frame="clip",
    rate=1.875,  # clips of 16 frames, one after another, of a film of 30 frames a second
    latency_bound_s=0.533,  # before the next clip; MLPerf Inference has no such network
    scales={
        "reference": Scale(
            signatures=(Signature(inputs=(TensorSpec(shape=(3, 16, 112, 112)),)),),
            batch=4,
            qualities={
                "kinetics": Quality(
                    measure="top-1",
                    target=0.50,
                    note=(
                        "Of a clip, at 15 frames a second of a film of 30. torchvision "
                        "publishes 57.5 % a clip and 67.5 % a video of five clips for its weights; "
                        "the target is a floor under that, not a published figure."
                    ),
                )
            },
        )
    },
    note=(
        "Clips of 16 frames, the 400 classes of Kinetics; tensors are named as torchvision's "
        "r2plus1d_18, whose checkpoints load. As there, both factored convolutions of a block "
        "share the width in between that matches the first one's 3x3x3 parameters."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: clips (n, 3, 16, 112, 112) to class scores (n, 400)."""
    from torch import nn

    def factored(inputs: int, between: int, outputs: int, *, step: int) -> nn.Sequential:
        """1x3x3 in space, then 3x1x1 in time, in the place of 3x3x3."""
        return nn.Sequential(
            nn.Conv3d(inputs, between, (1, 3, 3), (1, step, step), (0, 1, 1), bias=False),
            nn.BatchNorm3d(between),
            nn.ReLU(),
            nn.Conv3d(between, outputs, (3, 1, 1), (step, 1, 1), (1, 0, 0), bias=False),
        )

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, *, step: int) -> None:
            super().__init__()
            # as many parameters as 3x3x3 filters have (section 3.5 of the paper)
            between = 27 * inputs * outputs // (9 * inputs + 3 * outputs)
            self.conv1 = nn.Sequential(
                factored(inputs, between, outputs, step=step), nn.BatchNorm3d(outputs), nn.ReLU()
            )
            self.conv2 = nn.Sequential(
                factored(outputs, between, outputs, step=1), nn.BatchNorm3d(outputs)
            )
            if step > 1:
                self.downsample: nn.Module = nn.Sequential(
                    nn.Conv3d(inputs, outputs, 1, step, bias=False), nn.BatchNorm3d(outputs)
                )
            else:
                self.downsample = nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (self.conv2(self.conv1(x)) + self.downsample(x)).relu()

    class R2Plus1D(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(
                nn.Conv3d(3, _STEM, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
                nn.BatchNorm3d(_STEM),
                nn.ReLU(),
                nn.Conv3d(_STEM, _CHANNELS[0], (3, 1, 1), 1, (1, 0, 0), bias=False),
                nn.BatchNorm3d(_CHANNELS[0]),
                nn.ReLU(),
            )
            inputs = _CHANNELS[0]
            for stage, outputs in enumerate(_CHANNELS, 1):
                steps = [1 if stage == 1 else 2] + [1] * (_BLOCKS - 1)
                blocks = []
                for step in steps:
                    blocks.append(Block(inputs, outputs, step=step))
                    inputs = outputs
                self.add_module(f"layer{stage}", nn.Sequential(*blocks))
            self.avgpool = nn.AdaptiveAvgPool3d(1)
            self.fc = nn.Linear(inputs, _CLASSES)
            for layer in self.modules():
                if isinstance(layer, nn.Conv3d):
                    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

        def forward(self, clips: torch.Tensor) -> torch.Tensor:
            x = self.stem(clips)
            for stage in range(1, len(_CHANNELS) + 1):
                x = self.get_submodule(f"layer{stage}")(x)
            return self.fc(self.avgpool(x).flatten(1))

    return R2Plus1D().eval()


def prepare(sample: Arrays, scale: str) -> Array:
    """Sixteen frames (16, height, width, 3) of bytes as the weights' authors prepare them."""
    return videos.prepare(sample[0], images.KINETICS)


def score(outputs: Outputs, split: Split) -> Score:
    """Top-1 per clip, and per video from the mean of its clips."""
    return scoring.clips_and_videos(outputs, split)
