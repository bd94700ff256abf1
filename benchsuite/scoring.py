"""Accuracy measures, from outputs and targets as arrays: what a workload's `score` calls.

Each takes the outputs of the network a part of the test split (the tuple of its output arrays,
samples first) and gives a `Score`; higher is better for every one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchsuite.errors import MissingPackage, NotMeasurable
from benchsuite.stats import fisher_interval, wilson
from benchsuite.types import Array, Outputs, Score, Split

if TYPE_CHECKING:
    import numpy as np


def top_k(outputs: Outputs, split: Split, *, k: int = 5, target: str = "label") -> Score:
    """Top-1 accuracy, top-k beside it, of class scores (n, classes) against labels (n,)."""
    import numpy as np

    first = best = 0
    for (scores, *_), part in zip(outputs, split.parts, strict=True):
        labels = np.asarray(part.targets[target])
        ranks = _ranks(scores, labels)
        first += int((ranks == 0).sum())
        best += int((ranks < min(k, scores.shape[1])).sum())  # a NaN's rank is the last plus one
    n = len(split)
    low, high = wilson(first, n)
    return Score(
        value=first / n,
        samples=n,
        low=low,
        high=high,
        beside={f"top-{k}": best / n},
        how=f"top-1 over {n} test samples, {first} right; Wilson 95 % interval",
    )


def clips_and_videos(outputs: Outputs, split: Split) -> Score:
    """Top-1 per clip, and per video from the mean of its clips' class probabilities.

    Needs the targets `label` (n,) and `video` (n,), the clip's video as a number.
    """
    import numpy as np

    right = 0
    sums: dict[int, np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = {}
    truth: dict[int, int] = {}
    for (scores, *_), part in zip(outputs, split.parts, strict=True):
        labels = np.asarray(part.targets["label"])
        right += int((_ranks(scores, labels) == 0).sum())
        exponent = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
        shares = exponent / exponent.sum(axis=1, keepdims=True)
        for video, label, share in zip(part.targets["video"], labels, shares, strict=True):
            sums[int(video)] = sums.get(int(video), 0) + share
            truth[int(video)] = int(label)
    n = len(split)
    low, high = wilson(right, n)
    video_ranks = _ranks(np.stack([sums[v] for v in truth]), np.array(list(truth.values())))
    per_video = float((video_ranks == 0).mean())
    return Score(
        value=right / n,
        samples=n,
        low=low,
        high=high,
        beside={"per video": per_video},
        how=f"top-1 per clip over {n} test clips; per video over {len(truth)}, mean of its clips",
    )


def transcription(hypotheses: Sequence[str], references: Sequence[str]) -> Score:
    """1 - word error rate, with the character error rate beside it (jiwer).

    The value is negative where more words are inserted than were spoken.

    Raises:
        MissingPackage: jiwer is not installed.
    """
    try:
        import jiwer
    except ImportError:
        raise MissingPackage("jiwer", needed_for="the word error rate") from None
    # jiwer refuses nothing but empty references; an empty hypothesis is a deletion
    words = jiwer.process_words(list(references), list(hypotheses))
    characters = jiwer.process_characters(list(references), list(hypotheses))
    spoken = words.hits + words.substitutions + words.deletions
    low, high = wilson(max(0.0, spoken * (1 - words.wer)), spoken)
    return Score(
        value=1 - words.wer,
        samples=len(references),
        low=low,
        high=high,
        beside={"character error rate": characters.cer, "word error rate": words.wer},
        how=(
            f"1 - WER over {len(references)} test utterances, {spoken} words "
            f"({words.substitutions} substituted, {words.deletions} deleted, "
            f"{words.insertions} inserted); Wilson 95 % interval over the words"
        ),
    )


def rank_correlation(predicted: Array, judged: Array, *, left_out: int = 0) -> Score:
    """Spearman's rank correlation between predicted and judged similarities, (n,) each.

    Args:
        predicted: The network's.
        judged: People's.
        left_out: Pairs of the set with a word out of the vocabulary, shown beside.

    Raises:
        NotMeasurable: Fewer than two pairs, a NaN, or similarities that are all equal.
    """
    import numpy as np
    from scipy.stats import spearmanr

    n = len(judged)
    if n < 2:
        raise NotMeasurable(f"a rank correlation needs two pairs; {n} are in the vocabulary")
    if np.isnan(predicted).any() or np.ptp(predicted) == 0 or np.ptp(judged) == 0:
        raise NotMeasurable(
            "the rank correlation is undefined: a similarity is not a number, or all are equal"
        )
    value = float(spearmanr(predicted, judged).statistic)
    low, high = fisher_interval(value, n) or (None, None)
    return Score(
        value=value,
        samples=n,
        low=low,
        high=high,
        beside={"out of vocabulary": left_out / (n + left_out)},
        how=(
            f"Spearman rank correlation over {n} pairs ({left_out} of {n + left_out} left out: "
            "a word is not in the vocabulary); Fisher 95 % interval"
        ),
    )


def _ranks(scores: Array, labels: Array) -> Array:
    """Each sample's rank of the true class, 0 the best, as argmax would break ties.

    A NaN counts as above the true class, so that a network of NaNs is never right.
    """
    import numpy as np

    own = np.take_along_axis(scores, labels[:, None].astype(np.int64), axis=1)
    above = ~(scores <= own)
    tied_before = (scores == own) & (np.arange(scores.shape[1]) < labels[:, None])
    return np.asarray((above | tied_before).sum(axis=1))
