"""The Sports-1M network with early fusion: the first filters reach over all frames at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _sports1m import PAPER, SIZES, Fusion, clip, examples, network, preprocess, score

from benchsuite.types import Quality, Scale, Training, Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "examples", "preprocess", "score"]

# the first filters are 11 x 11 x 3 x 10: after them time is one response
_EARLY = Fusion(frames=10, extents=(10, 1, 1))

WORKLOAD = Workload(
    title="Sports-1M CNN, early fusion",
    paper=PAPER,
    frame="clip",
    rate=3.0,  # clips of ten frames, one after another, of a film of 30 frames a second
    latency_bound_s=0.333,  # before the next clip; MLPerf Inference has no such network
    scales={
        "embedded": Scale(
            signatures=clip(SIZES["embedded"], _EARLY),
            batch=16,
            qualities={
                "camera-motion": Quality(
                    measure="top-1",
                    target=0.80,
                    note=(
                        "Per clip, on a film that training does not see. The motions are made by "
                        "a moving crop window; they say nothing about recognising activities."
                    ),
                )
            },
            training=Training(epochs=40, batch=32, learning_rate=2e-3, weight_decay=1e-2, clip=1.0),
        ),
        "reference": Scale(signatures=clip(SIZES["reference"], _EARLY), batch=16),
    },
    note=(
        "The single-frame network but for its first filters, 11x11x3x10. Embedded: 7x7x3x10, "
        "frames of 48 pixels, fewer filters, eight camera motions."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: clips (batch, 3, 10, side, side) to class scores."""
    return network(SIZES[scale], _EARLY)
