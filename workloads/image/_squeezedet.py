"""SqueezeDet: a SqueezeNet whose last convolution gives boxes, and how boxes are read from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import scoring
from benchsuite.formats.images import SQUEEZEDET, preparer
from benchsuite.scoring import Detections, Objects
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
)

if TYPE_CHECKING:
    import torch

PAPER = (
    "Wu, Wan, Iandola, Jin, Keutzer: SqueezeDet: Unified, Small, Low Power Fully Convolutional "
    "Neural Networks for Real-Time Object Detection for Autonomous Driving, arXiv:1612.01051, 2016"
)
WIDTH, HEIGHT = 1248, 384  # of the input, in pixels
CLASSES = scoring.KITTI_CLASSES
DROPOUT = 0.5

# width and height in pixels: nine centres of k-means over KITTI's boxes (the authors' release)
ANCHORS = (
    (36, 37),
    (366, 174),
    (115, 59),
    (162, 87),
    (38, 90),
    (258, 173),
    (224, 108),
    (78, 170),
    (72, 43),
)
KEPT = 64  # boxes an image that suppression sees, the most probable ones
OVERLAP = 0.4  # of two boxes of a class, above which the less probable one is suppressed
EXPONENT = 1.0  # above it, a box grows along the tangent of exp


def scales(*, mean_average_precision: float) -> dict[str, Scale]:
    """The reference scale, with 99 % of the paper's mean over KITTI's classes and difficulties."""
    quality = Quality(
        measure="mean average precision",
        target=round(0.99 * mean_average_precision, 4),
        note=f"99 % of the paper's {mean_average_precision:.1%} on its split of KITTI",
    )
    return {
        "reference": Scale(
            signatures=(Signature(inputs=(TensorSpec(shape=(3, HEIGHT, WIDTH)),)),),
            batch=1,
            qualities={"kitti": quality},
        )
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The backbone; what follows it (ConvDet, 3x3 to nine anchors a place) is the same in all.

    Attributes:
        stem, kernel: Filters and side of conv1, which has stride 2.
        fires: Squeeze, expand 1x1 and expand 3x3 filters of fire2, fire3, ...
        pools: The 3x3/2 pools: the numbers of the layers they follow (1 is conv1, 2 is fire2).
        padded: Whether conv1 and the pools are padded as TensorFlow's `SAME`, on the right and
            at the bottom; without, what does not fill a window is cut off.
    """

    stem: int
    kernel: int
    fires: tuple[tuple[int, int, int], ...]
    pools: tuple[int, ...]
    padded: bool


def squeezedet(design: Design) -> torch.nn.Module:
    """The network (n, 3, h, w) -> (n, 72, h / 16, w / 16), the authors' layers by name.

    Channels: class scores (3 an anchor), confidence (1 an anchor), box (4 an anchor: shift in
    x and y in anchor sizes, logarithm of the stretch of width and height).
    """
    import torch
    from torch import nn

    class Fire(nn.Module):
        def __init__(self, inputs: int, squeeze: int, e1x1: int, e3x3: int) -> None:
            super().__init__()
            self.squeeze1x1 = nn.Conv2d(inputs, squeeze, 1)
            self.expand1x1 = nn.Conv2d(squeeze, e1x1, 1)
            self.expand3x3 = nn.Conv2d(squeeze, e3x3, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.squeeze1x1(x).relu()
            return torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1).relu()

    class SqueezeDet(nn.Sequential):
        def __init__(self) -> None:
            super().__init__()
            if design.padded:
                self.add_module("pad1", nn.ZeroPad2d((0, design.kernel - 2, 0, design.kernel - 2)))
            self.add_module("conv1", nn.Conv2d(3, design.stem, design.kernel, stride=2))
            self.add_module("relu1", nn.ReLU())
            channels = design.stem
            for number, (squeeze, e1x1, e3x3) in enumerate(design.fires, 2):
                if number - 1 in design.pools:
                    pool = nn.MaxPool2d(3, stride=2, ceil_mode=design.padded)
                    self.add_module(f"pool{number - 1}", pool)
                self.add_module(f"fire{number}", Fire(channels, squeeze, e1x1, e3x3))
                channels = e1x1 + e3x3
            self.add_module("drop11", nn.Dropout(DROPOUT))
            outputs = len(ANCHORS) * (len(CLASSES) + 1 + 4)
            self.add_module("conv12", nn.Conv2d(channels, outputs, 3, padding=1))
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                    nn.init.zeros_(layer.bias)
            # at the start every box is its anchor
            nn.init.normal_(self.conv12.weight, std=1e-4)

    return SqueezeDet()


prepare = preparer(SQUEEZEDET)


def postprocess(outputs: Arrays) -> list[Detections]:
    """The boxes that an image's output holds, most probable first, one entry an image.

    Each anchor gives its most probable class times its confidence; the 64 best go through
    non-maximum suppression among those of their class (overlap 0.4). Boxes are in pixels of the
    network's input, cut at its border.

    Args:
        outputs: The network's one output (n, 72, rows, columns).
    """
    import numpy as np

    (maps,) = outputs
    n, _, rows, columns = maps.shape
    anchors, classes = len(ANCHORS), len(CLASSES)
    # (n, rows, columns, channels), the places' anchors in a row
    maps = np.asarray(maps, dtype=np.float64).transpose(0, 2, 3, 1)
    scores, confidences, deltas = np.split(maps, [anchors * classes, anchors * (classes + 1)], -1)
    scores = scores.reshape(n, -1, classes)
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    confidence = 0.5 * (1 + np.tanh(confidences.reshape(n, -1) / 2))  # the sigmoid
    probability = shares.max(axis=-1) * confidence
    label = shares.argmax(axis=-1)
    boxes = decode(deltas.reshape(n, -1, 4), anchor_boxes(rows, columns))
    found = []
    for image in range(n):
        best = np.argsort(-probability[image], kind="stable")[:KEPT]
        kept = best[suppress(boxes[image, best], probability[image, best], label[image, best])]
        found.append(
            Detections(
                boxes=boxes[image, kept],
                scores=probability[image, kept],
                classes=label[image, kept],
            )
        )
    return found


def anchor_boxes(rows: int, columns: int) -> Array:
    """Centre x, centre y, width and height (rows * columns * 9, 4) of all anchors, in pixels.

    The centres divide the image evenly, none on its border.
    """
    import numpy as np

    boxes = np.empty((rows, columns, len(ANCHORS), 4))
    boxes[..., 0] = (np.arange(1, columns + 1) * WIDTH / (columns + 1))[None, :, None]
    boxes[..., 1] = (np.arange(1, rows + 1) * HEIGHT / (rows + 1))[:, None, None]
    boxes[..., 2:] = np.array(ANCHORS)
    return boxes.reshape(-1, 4)


def decode(deltas: Array, anchors: Array) -> Array:
    """Boxes (..., 4) as x1, y1, x2, y2 from deltas (..., 4) and anchors (..., 4), cut at the image.

    The last pixel is at width - 1 and height - 1.
    """
    import numpy as np

    centre = anchors[..., :2] + deltas[..., :2] * anchors[..., 2:]
    stretch = np.where(
        deltas[..., 2:] > EXPONENT,
        np.exp(EXPONENT) * (deltas[..., 2:] - EXPONENT + 1),
        np.exp(np.minimum(deltas[..., 2:], EXPONENT)),
    )
    half = anchors[..., 2:] * stretch / 2
    limit = np.array([WIDTH - 1, HEIGHT - 1], dtype=np.float64)
    return np.concatenate(
        [np.clip(centre - half, 0, limit), np.clip(centre + half, 0, limit)], axis=-1
    )


def suppress(boxes: Array, scores: Array, classes: Array, *, overlap: float = OVERLAP) -> Array:
    """Non-maximum suppression: the indices of the boxes that stay, best first.

    A box goes where one of its class with a higher score, which itself stays, overlaps it by
    more than `overlap` (intersection over union).
    """
    import numpy as np

    order = np.argsort(-scores, kind="stable")
    shared = scoring.intersection_over_union(boxes, boxes)
    kept: list[int] = []
    for index in order:
        rivals = [other for other in kept if classes[other] == classes[index]]
        if not rivals or shared[rivals, index].max() <= overlap:
            kept.append(int(index))
    return np.array(kept, dtype=np.int64)


def score(outputs: Outputs, split: Split) -> Score:
    """The paper's mean average precision, by KITTI's rules at 11 recall points.

    On a set of other classes (facts `classes`) it is VOC's, over the network's classes that the
    set has: VOC's and COCO's `person` is a pedestrian; nobody there marks cyclists.

    Needs the targets of `scoring.padded_objects` and `size` (n, 2), width and height of the
    original images in pixels: boxes are compared there, since the difficulties are in its pixels.
    """
    import numpy as np

    found: list[Detections] = []
    truth: list[Objects] = []
    for maps, part in zip(outputs, split.parts, strict=True):
        found += scaled(postprocess(maps), np.asarray(part.targets["size"]))
        truth += scoring.padded_objects(part.targets)
    if "difficulties" in split.facts or "classes" not in split.facts:
        return scoring.kitti(found, truth, points=11)
    own = {"person": CLASSES.index("pedestrian"), "car": CLASSES.index("car")}
    renamed = [own.get(name, -1) for name in split.facts["classes"]]
    truth = [
        Objects(
            boxes=objects.boxes,
            classes=np.array([renamed[int(number)] for number in objects.classes], dtype=np.int64),
            ignored=objects.ignored,
        )
        for objects in truth
    ]
    return scoring.voc(found, truth, names=CLASSES)


def scaled(found: Sequence[Detections], sizes: Array) -> list[Detections]:
    """Boxes of the network's input as boxes of images of `sizes` (n, 2), width and height."""
    import numpy as np

    return [
        Detections(
            boxes=detections.boxes * np.tile(size / (WIDTH, HEIGHT), 2),
            scores=detections.scores,
            classes=detections.classes,
        )
        for detections, size in zip(found, sizes, strict=True)
    ]
