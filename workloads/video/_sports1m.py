"""The Sports-1M family: one CNN whose first three convolutions reach into time as a fusion says."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import scoring
from benchsuite.types import Array, Arrays, Outputs, Score, Signature, Split, TensorSpec

if TYPE_CHECKING:
    from torch import nn

PAPER = (
    "Karpathy, Toderici, Shetty, Leung, Sukthankar, Fei-Fei: Large-scale Video Classification "
    "with Convolutional Neural Networks, CVPR 2014"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The network's dimensions in space; those in time are the fusion's.

    Attributes:
        side: Of a frame, in pixels.
        filter: Side of the first convolution's filters, in pixels.
        stride: Step of the first convolution, in pixels.
        channels: Filters of the five convolutions.
        hidden: Units of each of the two hidden fully connected layers.
        classes: Scores given.
        last_pool: Whether the fifth convolution is pooled (a half-size stream's is not).
    """

    side: int
    filter: int
    stride: int
    channels: tuple[int, int, int, int, int]
    hidden: int
    classes: int
    last_pool: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """Frames of a clip, and the extents and steps in time of the first three convolutions.

    What they leave of time is joined by the first fully connected layer.
    """

    frames: int
    extents: tuple[int, int, int] = (1, 1, 1)
    steps: tuple[int, int, int] = (1, 1, 1)


SIZES = {
    "embedded": Size(
        side=48, filter=7, stride=2, channels=(16, 32, 48, 48, 32), hidden=128, classes=8
    ),
    "reference": Size(
        side=170, filter=11, stride=3, channels=(96, 256, 384, 384, 256), hidden=4096, classes=487
    ),
}


def clip(size: Size, fusion: Fusion) -> tuple[Signature, ...]:
    """The signature of a network of this size and fusion: one clip (3, frames, side, side)."""
    shape = (3, fusion.frames, size.side, size.side)
    return (Signature(inputs=(TensorSpec(shape=shape),)),)


def network(size: Size, fusion: Fusion) -> nn.Sequential:
    """Clips (batch, 3, frames, side, side) to class scores (batch, classes)."""
    from torch import nn

    head = classifier(size, inputs=feature_count(size, fusion))
    return initialised(nn.Sequential(OrderedDict([*features(size, fusion), *head])))


def features(size: Size, fusion: Fusion) -> list[tuple[str, nn.Module]]:
    """Named layers C-N-P-C-N-P-C-C-C-P, flattened.

    The first convolution is not padded, the others keep the size, and pools round up: so frames
    of 170 pixels, and of 89 without the last pool, end in 7x7 places, as the paper has it.
    """
    from torch import nn

    c1, c2, c3, c4, c5 = size.channels

    def convolution(inputs: int, outputs: int, side: int, *, layer: int) -> nn.Conv3d:
        extent, step = (fusion.extents[layer], fusion.steps[layer]) if layer < 3 else (1, 1)
        stride, padding = (size.stride, 0) if layer == 0 else (1, side // 2)
        return nn.Conv3d(
            inputs,
            outputs,
            (extent, side, side),
            stride=(step, stride, stride),
            padding=(0, padding, padding),
        )

    def norm() -> nn.Module:
        # the paper's alpha multiplies the sum over the five channels, torch's their mean
        return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.5, k=2.0)

    def pool() -> nn.Module:
        return nn.MaxPool3d((1, 2, 2), ceil_mode=True)

    layers: list[tuple[str, nn.Module]] = [
        ("conv1", convolution(3, c1, size.filter, layer=0)),
        ("relu1", nn.ReLU()),
        ("norm1", norm()),
        ("pool1", pool()),
        ("conv2", convolution(c1, c2, 5, layer=1)),
        ("relu2", nn.ReLU()),
        ("norm2", norm()),
        ("pool2", pool()),
        ("conv3", convolution(c2, c3, 3, layer=2)),
        ("relu3", nn.ReLU()),
        ("conv4", convolution(c3, c4, 3, layer=3)),
        ("relu4", nn.ReLU()),
        ("conv5", convolution(c4, c5, 3, layer=4)),
        ("relu5", nn.ReLU()),
    ]
    if size.last_pool:
        layers.append(("pool5", pool()))
    return [*layers, ("flatten", nn.Flatten())]


def feature_count(size: Size, fusion: Fusion) -> int:
    """How many numbers `features` gives a clip."""
    side = (size.side - size.filter) // size.stride + 1
    for _ in range(3 if size.last_pool else 2):
        side = (side + 1) // 2
    time = fusion.frames
    for extent, step in zip(fusion.extents, fusion.steps, strict=True):
        time = (time - extent) // step + 1
    return size.channels[-1] * time * side * side


def classifier(size: Size, *, inputs: int) -> list[tuple[str, nn.Module]]:
    """Named layers FC-FC-FC; the softmax is left to the score."""
    from torch import nn

    return [
        ("fc6", nn.Linear(inputs, size.hidden)),
        ("relu6", nn.ReLU()),
        ("fc7", nn.Linear(size.hidden, size.hidden)),
        ("relu7", nn.ReLU()),
        ("fc8", nn.Linear(size.hidden, size.classes)),
    ]


def initialised(network: nn.Sequential) -> nn.Sequential:
    """Random weights that keep the variance through eight layers of ReLU; torch's own lose it.

    Source: He, Zhang, Ren, Sun: Delving Deep into Rectifiers, ICCV 2015.
    """
    from torch import nn

    for layer in network.modules():
        if isinstance(layer, (nn.Conv3d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network


def preprocess(inputs: Arrays) -> Arrays:
    """Bytes (n, 3, frames, side, side) to floats of about zero mean and unit variance."""
    (clips,) = inputs
    # in place: a training split of floats is large enough once
    normal = clips.astype("float32")
    normal -= 110
    normal /= 64
    return (normal,)


def score(outputs: Outputs, split: Split) -> Score:
    """Top-1 per clip, with per video beside it."""
    return scoring.clips_and_videos(outputs, split)


def examples(split: Split, *, batch: int, seed: int) -> Iterator[tuple[Arrays, dict[str, Array]]]:
    """An epoch of clips mirrored, transposed and played backwards, the labels changed to match.

    A mirrored pan to the left is one to the right, a zoom in played backwards is a zoom out: each
    clip of the camera motions stands for sixteen. The colours' strengths vary as well.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    (part,) = split.parts
    changes = _changes(split.facts["classes"])
    order = generator.permutation(len(part))
    for start in range(0, len(part) // batch * batch or len(part), batch):
        chosen = order[start : start + batch]
        clips = np.empty((len(chosen), *part.inputs[0].shape[1:]), dtype=np.float32)
        labels = np.array(part.targets["label"])[chosen]
        for i, index in enumerate(chosen):
            clip = part.inputs[0][index]
            for change, renamed in changes:
                if generator.uniform() < 0.5:
                    clip, labels[i] = change(clip), renamed[labels[i]]
            contrast = generator.uniform(0.7, 1.3, (3, 1, 1, 1))
            clips[i] = clip * contrast + generator.uniform(-0.4, 0.4, (3, 1, 1, 1))
        yield (clips,), {"label": labels}


def _changes(classes: list[str]) -> list[tuple[Callable[[Array], Array], list[int]]]:
    """Changes of a clip (3, frames, side, side), and the class that each makes of each class."""
    across = [("pan left", "pan right")]
    upright = [("tilt up", "tilt down")]
    turned = [("pan left", "tilt up"), ("pan right", "tilt down")]
    zooms = [("zoom in", "zoom out")]
    changes: list[tuple[Callable[[Array], Array], list[tuple[str, str]]]] = [
        (lambda clip: clip[..., ::-1], across),
        (lambda clip: clip[..., ::-1, :], upright),
        (lambda clip: clip.swapaxes(-1, -2), turned),
        (lambda clip: clip[:, ::-1], across + upright + zooms),
    ]
    renamings = [{**dict(pairs), **{b: a for a, b in pairs}} for _, pairs in changes]
    return [
        (change, [classes.index(names.get(name, name)) for name in classes])
        for (change, _), names in zip(changes, renamings, strict=True)
    ]
