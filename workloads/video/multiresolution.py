"""The Sports-1M network in two streams: the whole frame at half its size, and its middle."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from _sports1m import (
    PAPER,
    SIZES,
    Fusion,
    classifier,
    clip,
    feature_count,
    features,
    initialised,
    preprocess,
    score,
)

from benchsuite.types import Scale, Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "preprocess", "score"]

_SINGLE = Fusion(frames=1)
_FRAME = replace(SIZES["reference"], side=178)
_STREAM = replace(_FRAME, side=89, last_pool=False)

WORKLOAD = Workload(
    title="Sports-1M CNN, multi-resolution",
    paper=PAPER,
    frame="clip",
    rate=3.0,  # clips of ten frames, one after another, of a film of 30 frames a second
    latency_bound_s=0.333,  # before the next clip; MLPerf Inference has no such network
    scales={"reference": Scale(signatures=clip(_FRAME, _SINGLE), batch=16)},
    note=(
        "A clip is one frame of 178x178 pixels. The network halves it by the mean of 2x2 pixels "
        "for the context stream and cuts the middle 89x89 for the fovea stream (from pixel 44 on: "
        "the paper does not round). No embedded scale: in one frame no camera motion is seen."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: clips (batch, 3, 1, 178, 178) to class scores."""
    import torch
    from torch import nn

    class Streams(nn.Module):
        """Context and fovea through networks of their own; their features side by side."""

        def __init__(self) -> None:
            super().__init__()
            self.halve = nn.AvgPool3d((1, 2, 2))
            self.context = nn.Sequential(OrderedDict(features(_STREAM, _SINGLE)))
            self.fovea = nn.Sequential(OrderedDict(features(_STREAM, _SINGLE)))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            start, side = (_FRAME.side - _STREAM.side) // 2, _STREAM.side
            middle = x.narrow(3, start, side).narrow(4, start, side)
            return torch.cat([self.context(self.halve(x)), self.fovea(middle)], dim=1)

    head = classifier(_STREAM, inputs=2 * feature_count(_STREAM, _SINGLE))
    return initialised(nn.Sequential(OrderedDict([("streams", Streams()), *head])))
