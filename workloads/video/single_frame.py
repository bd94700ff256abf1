"""The Sports-1M network that sees a single frame: the family's baseline without motion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _sports1m import PAPER, SIZES, Fusion, clip, network, preprocess, score

from benchsuite.types import Scale, Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "preprocess", "score"]

_SINGLE = Fusion(frames=1)

WORKLOAD = Workload(
    title="Sports-1M CNN, single frame",
    paper=PAPER,
    frame="clip",
    rate=30.0,  # a film's
    latency_bound_s=0.033,  # before the next frame; MLPerf Inference has no such network
    scales={"reference": Scale(signatures=clip(SIZES["reference"], _SINGLE), batch=16)},
    note=(
        "A clip is one frame, so the network says nothing about motion: it has no embedded scale, "
        "because the camera motions that the family is trained on there cannot be seen in it."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: clips (batch, 3, 1, side, side) to class scores."""
    return network(SIZES[scale], _SINGLE)
