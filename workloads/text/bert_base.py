"""BERT-base: the encoder whose layers let every token attend to every other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchsuite.types import Scale, Signature, TensorSpec, Workload

if TYPE_CHECKING:
    import torch

_TOKENS, _POSITIONS, _KINDS = 30_522, 512, 2
_LAYERS, _HIDDEN, _HEADS, _INNER = 12, 768, 12, 3072
_EPSILON = 1e-12  # of the layer normalisations
LENGTH = 128  # tokens of a sequence: of the 512 that it can take, as most of its training had

WORKLOAD = Workload(
    title="BERT-base, uncased",
    paper=(
        "Devlin, Chang, Lee, Toutanova: BERT: Pre-training of Deep Bidirectional Transformers for "
        "Language Understanding, NAACL 2019"
    ),
    frame="sequence",
    latency_bound_s=0.13,  # as MLPerf's BERT-large
    scales={
        "reference": Scale(
            signatures=(
                Signature(
                    inputs=(
                        TensorSpec(shape=(LENGTH,), dtype="int64", high=_TOKENS),
                        TensorSpec(shape=(LENGTH,), dtype="int64", high=2),
                        TensorSpec(shape=(LENGTH,), dtype="int64", high=_KINDS),
                    )
                ),
            ),
            batch=8,
        )
    },
    note=(
        "The encoder with its pooler, without a head. Sequences of 128 tokens, at which nine "
        "tenths of its training ran. Inputs are, in this order, tokens, mask (0 where a token is "
        "padding) and segment; tensors are named as in Hugging Face's BertModel. Work counts every "
        "pair of tokens, masked or not, as it is computed."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: tokens, mask and segment (n, 128) to states (n, 128, 768) and (n, 768)."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Embeddings(nn.Module):
        positions: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.word_embeddings = nn.Embedding(_TOKENS, _HIDDEN, padding_idx=0)
            self.position_embeddings = nn.Embedding(_POSITIONS, _HIDDEN)
            self.token_type_embeddings = nn.Embedding(_KINDS, _HIDDEN)
            self.LayerNorm = nn.LayerNorm(_HIDDEN, eps=_EPSILON)
            self.dropout = nn.Dropout(0.1)
            self.register_buffer("positions", torch.arange(_POSITIONS), persistent=False)

        def forward(self, tokens: torch.Tensor, segment: torch.Tensor) -> torch.Tensor:
            place = self.position_embeddings(self.positions[: tokens.shape[1]])
            x = self.word_embeddings(tokens) + self.token_type_embeddings(segment) + place
            return self.dropout(self.LayerNorm(x))

    class SelfAttention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query = nn.Linear(_HIDDEN, _HIDDEN)
            self.key = nn.Linear(_HIDDEN, _HIDDEN)
            self.value = nn.Linear(_HIDDEN, _HIDDEN)

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            q, k, v = (
                projection(x).unflatten(2, (_HEADS, -1)).transpose(1, 2)
                for projection in (self.query, self.key, self.value)
            )
            dropout = 0.1 if self.training else 0.0
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
            return y.transpose(1, 2).flatten(2)

    class Residual(nn.Module):
        """A linear layer back to the hidden size, added to what came before it."""

        def __init__(self, inputs: int) -> None:
            super().__init__()
            self.dense = nn.Linear(inputs, _HIDDEN)
            self.LayerNorm = nn.LayerNorm(_HIDDEN, eps=_EPSILON)
            self.dropout = nn.Dropout(0.1)

        def forward(self, x: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
            return self.LayerNorm(self.dropout(self.dense(x)) + before)

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.self = SelfAttention()
            self.output = Residual(_HIDDEN)

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return self.output(self.self(x, mask), x)

    class Dense(nn.Module):
        def __init__(self, outputs: int) -> None:
            super().__init__()
            self.dense = nn.Linear(_HIDDEN, outputs)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.dense(x)

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = Attention()
            self.intermediate = Dense(_INNER)
            self.output = Residual(_INNER)

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            x = self.attention(x, mask)
            return self.output(F.gelu(self.intermediate(x)), x)

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.ModuleList(Layer() for _ in range(_LAYERS))

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            for layer in self.layer:
                x = layer(x, mask)
            return x

    class Bert(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embeddings = Embeddings()
            self.encoder = Encoder()
            self.pooler = Dense(_HIDDEN)
            for module in self.modules():
                if isinstance(module, (nn.Linear, nn.Embedding)):
                    nn.init.normal_(module.weight, std=0.02)
                if isinstance(module, nn.Linear):
                    nn.init.zeros_(module.bias)

        def forward(
            self, tokens: torch.Tensor, mask: torch.Tensor, segment: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            seen = (mask != 0)[:, None, None, :]
            states = self.encoder(self.embeddings(tokens, segment), seen)
            return states, self.pooler(states[:, 0]).tanh()

    return Bert().eval()
