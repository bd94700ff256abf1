"""word2vec: the skip-gram network, asked how similar a word is to every other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchsuite import scoring
from benchsuite.types import (
    Array,
    Arrays,
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

_WORDS_AND_SIZE = {"embedded": (12_000, 100), "reference": (692_000, 300)}
_WORD = {
    scale: (Signature(inputs=(TensorSpec(shape=(), dtype="int64", high=words),)),)
    for scale, (words, _) in _WORDS_AND_SIZE.items()
}
# training: reach to each side, threshold of frequent words, noise words a pair, drawn a minibatch
_WINDOW = 10
_FREQUENT = 1e-4
_NOISE = 5
_NOISE_DRAWN = 64

WORKLOAD = Workload(
    title="word2vec skip-gram",
    paper=(
        "Mikolov, Sutskever, Chen, Corrado, Dean: Distributed Representations of Words and Phrases "
        "and their Compositionality, NIPS 2013"
    ),
    frame="word",
    latency_bound_s=0.01,  # LoadGen's where a network has none of its own
    scales={
        "embedded": Scale(
            signatures=_WORD["embedded"],
            batch=64,
            qualities={
                "wikipedia-sample": Quality(measure="Spearman rho", target=0.38),
                "text8": Quality(
                    measure="Spearman rho",
                    target=0.38,
                    note=(
                        "The default set's target as a floor: a longer text gives more. Of "
                        "WordSim-353 where it is there, else of SimLex-999."
                    ),
                    epochs=1,
                ),
            },
            training=Training(epochs=12, batch=8192, learning_rate=5e-3),
        ),
        "reference": Scale(signatures=_WORD["reference"], batch=16),
    },
    note=(
        "A frame is one word's cosine similarity with the whole vocabulary: one matrix product. "
        "Minibatches with shared noise words take the place of the paper's one pair at a time."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: word (n,) -> cosine similarity with every word of the vocabulary (n, words)."""
    import torch
    from torch.nn import functional as F

    words, size = _WORDS_AND_SIZE[scale]

    class SkipGram(torch.nn.Module):
        scale: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.vectors = torch.nn.Parameter(torch.randn(words, size) * 0.1 / size**0.5)
            self.register_buffer("scale", torch.ones(words))

        def train(self, mode: bool = True) -> SkipGram:
            if not mode:  # training moves the vectors; inference pays for their lengths only once
                with torch.no_grad():
                    self.scale.copy_(1 / self.vectors.norm(dim=1).clamp(min=1e-12))
            super().train(mode)
            return self

        def forward(self, word: torch.Tensor) -> torch.Tensor:
            row = F.embedding(word, self.vectors) * self.scale.index_select(0, word).unsqueeze(1)
            return F.linear(row, self.vectors) * self.scale

    return SkipGram().eval()


def objective(network: torch.nn.Module) -> torch.nn.Module:
    """Negative sampling; it owns the second layer, which is not deployed."""
    import torch
    from torch.nn import functional as F

    class NegativeSampling(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.contexts = torch.nn.Parameter(torch.zeros_like(network.get_parameter("vectors")))

        def forward(
            self, word: torch.Tensor, *, context: torch.Tensor, noise: torch.Tensor
        ) -> torch.Tensor:
            row = F.embedding(word, self.network.get_parameter("vectors"))
            true = (row * F.embedding(context, self.contexts)).sum(1)
            # every pair sees the minibatch's noise words: a matrix product, not a gather a pair
            false = F.linear(row, F.embedding(noise, self.contexts))
            return F.softplus(-true).mean() + _NOISE * F.softplus(false).mean()

    return NegativeSampling()


def examples(split: Split, *, batch: int, seed: int) -> Iterator[tuple[Arrays, dict[str, Array]]]:
    """Minibatches of words (batch,), a word near each, and noise words (64,) for them all.

    As in the paper and its program: frequent words are thinned out, then each word reaches up to
    1 .. 10 words (drawn anew) to both sides in its paragraph; noise comes from count^0.75.
    """
    import numpy as np

    longest = 2**21  # words whose pairs are drawn and shuffled together; a longer text in stretches
    generator = np.random.default_rng(seed)
    (part,) = split.parts
    counts = np.asarray(split.facts["counts"], dtype=np.float64)
    excess = _FREQUENT * counts.sum() / np.maximum(counts, 1)
    share = np.cumsum(counts**0.75)
    for begin in range(0, len(part), longest):
        stretch = slice(begin, begin + longest)
        text, of = part.inputs[0][stretch], part.targets["paragraph"][stretch]
        stays = generator.random(len(text)) < (np.sqrt(excess) + excess)[text]
        words, paragraph = text[stays], of[stays]
        reach = generator.integers(1, _WINDOW, size=len(words), endpoint=True)
        pairs = []
        for distance in range(1, _WINDOW + 1):
            left, right = words[:-distance], words[distance:]
            same = paragraph[:-distance] == paragraph[distance:]
            ahead, back = (same & (r >= distance) for r in (reach[:-distance], reach[distance:]))
            pairs += [np.stack([left[ahead], right[ahead]]), np.stack([right[back], left[back]])]
        word, context = generator.permutation(np.concatenate(pairs, axis=1), axis=1)
        for start in range(0, len(word) // batch * batch or len(word), batch):
            noise = np.searchsorted(share, generator.random(_NOISE_DRAWN) * share[-1])
            chosen = slice(start, start + batch)
            yield (word[chosen],), {"context": context[chosen], "noise": noise}


def score(outputs: Outputs, split: Split) -> Score:
    """Rank correlation with people's judgement of the pairs; the share left out stands beside.

    Of several tests the first one's is the value, the others and the analogies are beside.
    """
    import numpy as np

    ((similarity, *_),), (part,) = outputs, split.parts
    if "judged" not in part.targets:
        return scoring.word_tests(similarity, split.facts)
    predicted = similarity[np.arange(len(part)), part.targets["second"]]
    return scoring.rank_correlation(
        predicted, part.targets["judged"], left_out=split.facts["left_out"]
    )
