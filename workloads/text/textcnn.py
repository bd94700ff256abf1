"""TextCNN: one layer of convolutions over word vectors, for the classification of sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import scoring
from benchsuite.types import (
    Outputs,
    Quality,
    Scale,
    Score,
    Signature,
    Split,
    TensorSpec,
    Training,
    Workload,
)

if TYPE_CHECKING:
    import torch

LENGTH = 56  # words of a sentence, the longest of MR; shorter ones end in padding
_DROPOUT = 0.5
_WIDTHS = (3, 4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Of the network: words known, numbers in a word's vector, filters of each width, classes."""

    words: int
    vector: int
    filters: int
    classes: int


SIZES = {
    "embedded": Size(words=5_999, vector=32, filters=48, classes=20),
    "reference": Size(words=18_765, vector=300, filters=100, classes=2),
}


def _sentence(size: Size) -> tuple[Signature, ...]:
    words = TensorSpec(shape=(LENGTH,), dtype="int64", high=size.words + 1)
    return (Signature(inputs=(words,)),)


WORKLOAD = Workload(
    title="TextCNN",
    paper="Kim: Convolutional Neural Networks for Sentence Classification, EMNLP 2014",
    frame="sentence",
    latency_bound_s=0.01,  # LoadGen's where a network has none of its own
    scales={
        "embedded": Scale(
            signatures=_sentence(SIZES["embedded"]),
            batch=64,
            qualities={
                "wikipedia-articles": Quality(
                    measure="top-1",
                    target=0.62,
                    note=(
                        "Which of 20 articles a sentence is from, by its words; the longest "
                        "article has 7 % of the sentences. It is no benchmark of the paper's: "
                        "those cannot be shipped."
                    ),
                )
            },
            training=Training(epochs=12, batch=50, learning_rate=3e-3, weight_decay=1e-2),
        ),
        "reference": Scale(signatures=_sentence(SIZES["reference"]), batch=64),
    },
    note=(
        "Reference: the sizes for movie reviews (MR): 18,765 words, 56 a sentence, two classes. "
        "Word 0 is padding, a vector of zeros that is not trained. CNN-static and CNN-non-static "
        "are this one network; they differ in whether training moves the vectors. The paper's "
        "bound on the length of the last weights is replaced by weight decay. Embedded: 5,999 "
        "words, vectors of 32, 48 filters of each width, learned from scratch."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: word numbers (n, 56), 0 for padding, to class scores (n, classes)."""
    import torch
    from torch import nn

    size = SIZES[scale]

    class TextCNN(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.vectors = nn.Embedding(size.words + 1, size.vector, padding_idx=0)
            self.convolutions = nn.ModuleList(
                nn.Conv1d(size.vector, size.filters, width) for width in _WIDTHS
            )
            self.dropout = nn.Dropout(_DROPOUT)
            self.classes = nn.Linear(size.filters * len(_WIDTHS), size.classes)

        def forward(self, words: torch.Tensor) -> torch.Tensor:
            x = self.vectors(words).transpose(1, 2)
            best = [convolution(x).relu().amax(dim=2) for convolution in self.convolutions]
            return self.classes(self.dropout(torch.cat(best, dim=1)))

    return TextCNN().eval()


def score(outputs: Outputs, split: Split) -> Score:
    """Top-1, with top-5 beside it."""
    return scoring.top_k(outputs, split)
