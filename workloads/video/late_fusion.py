"""The Sports-1M network with late fusion: two frames, one tower, joined where it is connected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import _sports1m as family
from _sports1m import PAPER, SIZES, Fusion, clip, examples, network, score

from benchsuite.types import Arrays, Quality, Scale, Training, Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "examples", "preprocess", "score"]

# filters of one frame pass over both: two towers that share their parameters
_LATE = Fusion(frames=2)

WORKLOAD = Workload(
    title="Sports-1M CNN, late fusion",
    paper=PAPER,
    frame="clip",
    rate=3.0,  # clips of ten frames, one after another, of a film of 30 frames a second
    latency_bound_s=0.333,  # before the next clip; MLPerf Inference has no such network
    scales={
        "embedded": Scale(
            signatures=clip(SIZES["embedded"], _LATE),
            batch=16,
            qualities={
                "camera-motion": Quality(
                    measure="top-1",
                    target=0.50,
                    note=(
                        "Per clip, on a film that training does not see. The motions are made by "
                        "a moving crop window; they say nothing about recognising activities."
                    ),
                )
            },
            training=Training(epochs=90, batch=32, learning_rate=2e-3, weight_decay=1e-2, clip=1.0),
        ),
        "reference": Scale(signatures=clip(SIZES["reference"], _LATE), batch=16),
    },
    note=(
        "A clip is its first and its last frame, in the paper 15 frames apart; the first connected "
        "layer takes both towers' 7x7x256. Embedded: 9 frames apart, as the data set's clips "
        "are 10 frames long; frames of 48 pixels, fewer filters, eight camera motions."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: clips (batch, 3, 2, side, side) to class scores."""
    return network(SIZES[scale], _LATE)


def preprocess(inputs: Arrays) -> Arrays:
    """The first and last frames of bytes (n, 3, frames, side, side), as floats."""
    (clips,) = inputs
    return family.preprocess((clips[:, :, [0, -1]],))
