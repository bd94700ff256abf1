"""GoogLeNet as torchvision has it: batch-normalised, with 3x3 filters where the paper's are 5x5."""

from __future__ import annotations

from typing import TYPE_CHECKING

from _classifier import imagenet, score
from _googlenet import PAPER, Design, googlenet
from _initial import he_initialised

from benchsuite.formats.images import TORCHVISION, preparer
from benchsuite.types import Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "prepare", "score"]

WORKLOAD = Workload(
    title="GoogLeNet (torchvision)",
    paper=PAPER,
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={"reference": imagenet(batch=8, top_1=0.69778)},
    note=(
        "Tensors are named as in torchvision's googlenet, so that its checkpoint loads once it is "
        "saved from googlenet(weights='IMAGENET1K_V1'), which drops the auxiliary heads. Those "
        "weights were trained on pixels in [-1, 1]: as torchvision's transform_input does, the "
        "network begins by bringing its ImageNet-normalised input there. Published for it: top-1 "
        "69.778 %, top-5 89.530 % on ImageNet's validation set, one central crop."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: images (batch, 3, 224, 224) to class scores (batch, 1000)."""
    design = Design(batch_norm=True, large=3, last_pool=2, dropout=0.2, rescale=True)
    return he_initialised(googlenet(design))


prepare = preparer(TORCHVISION)
