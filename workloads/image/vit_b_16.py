"""ViT-B/16, a transformer encoder over 16x16 patches of an image."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from _classifier import imagenet, score

from benchsuite.formats.images import TORCHVISION, preparer
from benchsuite.types import Workload

if TYPE_CHECKING:
    import torch

__all__ = ["WORKLOAD", "build", "prepare", "score"]

CLASSES = 1000
PATCH = 16
PATCHES = (224 // PATCH) ** 2
WIDTH = 768
HIDDEN = 3072  # of the two-layer perceptrons
LAYERS = 12
HEADS = 12
EPSILON = 1e-6  # of layer normalisation

WORKLOAD = Workload(
    title="ViT-B/16",
    paper=(
        "Dosovitskiy, Beyer, Kolesnikov, Weissenborn, Zhai, Unterthiner, Dehghani, Minderer, "
        "Heigold, Gelly, Uszkoreit, Houlsby: An Image is Worth 16x16 Words: Transformers for "
        "Image Recognition at Scale, ICLR 2021"
    ),
    frame="image",
    rate=30.0,  # a camera's
    latency_bound_s=0.015,  # as MLPerf's ResNet-50
    scales={"reference": imagenet(batch=8, top_1=0.81072)},
    note=(
        "Without dropout, as torchvision's. ImageNet-1k validation, one centre crop of 224 pixels: "
        "81.07 % top-1 and 95.32 % top-5 with torchvision's weights IMAGENET1K_V1 (trained on "
        "ImageNet-1k alone), which load; the paper trains on ImageNet-21k or JFT-300M first."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network (n, 3, 224, 224) -> (n, 1000); tensors are named as torchvision's."""
    import torch
    from torch import nn

    class SelfAttention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_proj_weight = nn.Parameter(torch.empty(3 * WIDTH, WIDTH))
            self.in_proj_bias = nn.Parameter(torch.zeros(3 * WIDTH))
            self.out_proj = nn.Linear(WIDTH, WIDTH)
            nn.init.xavier_uniform_(self.in_proj_weight)
            nn.init.zeros_(self.out_proj.bias)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            n, length, _ = x.shape
            projected = nn.functional.linear(x, self.in_proj_weight, self.in_proj_bias)
            heads = projected.view(n, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
            query, key, value = heads.unbind()
            y = nn.functional.scaled_dot_product_attention(query, key, value)
            return self.out_proj(y.transpose(1, 2).reshape(n, length, WIDTH))

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ln_1 = nn.LayerNorm(WIDTH, eps=EPSILON)
            self.self_attention = SelfAttention()
            self.ln_2 = nn.LayerNorm(WIDTH, eps=EPSILON)
            first, last = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)
            for linear in (first, last):
                nn.init.xavier_uniform_(linear.weight)
                nn.init.normal_(linear.bias, std=1e-6)
            # the number of `last` in torchvision counts a dropout, which has no tensors
            self.mlp = nn.Sequential(OrderedDict([("0", first), ("1", nn.GELU()), ("3", last)]))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x + self.self_attention(self.ln_1(x))
            return x + self.mlp(self.ln_2(x))

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pos_embedding = nn.Parameter(torch.empty(1, 1 + PATCHES, WIDTH).normal_(std=0.02))
            self.layers = nn.Sequential(
                OrderedDict((f"encoder_layer_{i}", Layer()) for i in range(LAYERS))
            )
            self.ln = nn.LayerNorm(WIDTH, eps=EPSILON)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.ln(self.layers(x + self.pos_embedding))

    class VisionTransformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.class_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
            self.conv_proj = nn.Conv2d(3, WIDTH, PATCH, stride=PATCH)
            self.encoder = Encoder()
            head = nn.Linear(WIDTH, CLASSES)
            self.heads = nn.Sequential(OrderedDict([("head", head)]))
            nn.init.trunc_normal_(self.conv_proj.weight, std=(3 * PATCH * PATCH) ** -0.5)
            nn.init.zeros_(self.conv_proj.bias)
            # not zero as where training begins: random weights must give outputs to compare
            nn.init.trunc_normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            patches = self.conv_proj(x).flatten(2).transpose(1, 2)
            token = self.class_token.expand(len(x), -1, -1)
            encoded = self.encoder(torch.cat([token, patches], dim=1))
            return self.heads(encoded[:, 0])

    return VisionTransformer()


prepare = preparer(TORCHVISION)
