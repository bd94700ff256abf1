"""SqueezeDet+, SqueezeDet with wide squeeze layers (ratio 0.75) and a larger first layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _squeezedet import PAPER, Design, postprocess, prepare, scales, score, squeezedet

from benchsuite.types import Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "postprocess", "prepare", "score"]

DESIGN = Design(
    stem=96,
    kernel=7,
    fires=(
        (96, 64, 64),
        (96, 64, 64),
        (192, 128, 128),
        (192, 128, 128),
        (288, 192, 192),
        (288, 192, 192),
        (384, 256, 256),
        (384, 256, 256),
        (384, 256, 256),
        (384, 256, 256),
    ),
    pools=(1, 4, 8),
    padded=False,
)

WORKLOAD = Workload(
    title="SqueezeDet+",
    paper=PAPER,
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.1,  # as MLPerf's RetinaNet
    scales=scales(mean_average_precision=0.804),
    note=(
        "SqueezeNet 1.0's layers with three quarters as many squeeze as expand filters, two more "
        "fire modules and ConvDet; conv1 and pools without padding, 76x22 places, as in the "
        "authors' release. KITTI, their split: mean average precision 80.4 % (car 90.4, 87.1, "
        "78.9; cyclist 87.6, 80.3, 78.1; pedestrian 81.4, 71.3, 68.5, easy to hard). The paper's "
        "77.2 GFLOP agree with 1242x375 pixels, biases and ReLUs counted; at 1248x384 the "
        "convolutions alone are 78.9."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: images (n, 3, 384, 1248) to maps (n, 72, 22, 76)."""
    return squeezedet(DESIGN)
