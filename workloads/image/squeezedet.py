"""SqueezeDet, an object detector for road scenes on a SqueezeNet backbone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _squeezedet import PAPER, Design, postprocess, prepare, scales, score, squeezedet

from benchsuite.types import Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "postprocess", "prepare", "score"]

DESIGN = Design(
    stem=64,
    kernel=3,
    fires=(
        (16, 64, 64),
        (16, 64, 64),
        (32, 128, 128),
        (32, 128, 128),
        (48, 192, 192),
        (48, 192, 192),
        (64, 256, 256),
        (64, 256, 256),
        (96, 384, 384),
        (96, 384, 384),
    ),
    pools=(1, 3, 5),
    padded=True,
)

WORKLOAD = Workload(
    title="SqueezeDet",
    paper=PAPER,
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.1,  # as MLPerf's RetinaNet
    scales=scales(mean_average_precision=0.767),
    note=(
        "SqueezeNet 1.1's layers to fire9, two more fire modules and ConvDet; conv1 and pools "
        "padded, 78x24 places, as in the authors' release for 1248x384 pixels. KITTI, their split: "
        "mean average precision 76.7 % (car 90.2, 84.7, 73.9; cyclist 82.9, 75.4, 72.1; pedestrian "
        "77.1, 68.3, 65.8, easy to hard). The paper's 9.7 GFLOP agree with 1242x375 pixels "
        "without padding (76x22 places), biases and ReLUs counted; at 1248x384 padded the "
        "convolutions alone are 10.6."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: images (n, 3, 384, 1248) to maps (n, 72, 24, 78)."""
    return squeezedet(DESIGN)
