"""The Sports-1M network with slow fusion: time is joined little by little over three layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _sports1m import PAPER, SIZES, Fusion, clip, examples, network, preprocess, score

from benchsuite.types import Quality, Scale, Training, Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "examples", "preprocess", "score"]

# 10 frames give 4 responses in time, then 2, then 1
_SLOW = Fusion(frames=10, extents=(4, 2, 2), steps=(2, 2, 2))

WORKLOAD = Workload(
    title="Sports-1M CNN, slow fusion",
    paper=PAPER,
    frame="clip",
    rate=3.0,  # clips of ten frames, one after another, of a film of 30 frames a second
    latency_bound_s=0.333,  # before the next clip; MLPerf Inference has no such network
    scales={
        "embedded": Scale(
            signatures=clip(SIZES["embedded"], _SLOW),
            batch=16,
            qualities={
                "camera-motion": Quality(
                    measure="top-1",
                    target=0.85,
                    note=(
                        "Per clip, on a film that training does not see. The motions are made by "
                        "a moving crop window; they say nothing about recognising activities."
                    ),
                )
            },
            training=Training(epochs=40, batch=32, learning_rate=2e-3, weight_decay=1e-2, clip=1.0),
        ),
        "reference": Scale(signatures=clip(SIZES["reference"], _SLOW), batch=16),
    },
    note=(
        "The paper gives neither padding nor rounding: conv1 unpadded, the others padded to keep "
        "the size, pools rounding up end in the 7x7x256 that it names. Embedded: the same layers "
        "and steps in time on frames of 48 pixels with fewer filters, and eight camera motions "
        "instead of the 487 sports of Sports-1M, which cannot be shipped."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: clips (batch, 3, 10, side, side) to class scores."""
    return network(SIZES[scale], _SLOW)
