"""Tests of `benchsuite.scoring`, with values computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchsuite import scoring
from benchsuite.errors import NotMeasurable
from benchsuite.stats import fisher_interval, wilson
from benchsuite.types import Array, Part, Split

NAN = math.nan
INF = math.inf


def split(*parts: dict[str, list[int]]) -> Split:
    """A split with the given targets and inputs that no score looks at."""
    return Split(
        parts=tuple(
            Part(
                inputs=(np.zeros((len(next(iter(targets.values()))), 1)),),
                targets={name: np.array(values) for name, values in targets.items()},
            )
            for targets in parts
        )
    )


def scores(*rows: list[float]) -> tuple[Array]:
    """A part's outputs: one array of class scores."""
    return (np.array(rows, dtype=np.float32),)


def log(*rows: list[float]) -> tuple[Array]:
    """Class scores whose softmax is the given rows."""
    return (np.log(np.array(rows)),)


def test_top_k_counts_ranks() -> None:
    """Of ranks 0, 1 and 2 among four classes, one is right and two are in the first two."""
    outputs = [scores([0.9, 0.1, 0.0, 0.2], [0.5, 0.4, 0.1, 0.0], [0.3, 0.2, 0.1, 0.0])]
    result = scoring.top_k(outputs, split({"label": [0, 1, 2]}), k=2)
    assert result.value == pytest.approx(1 / 3)
    assert result.beside == {"top-2": pytest.approx(2 / 3)}
    assert result.samples == 3
    assert (result.low, result.high) == wilson(1, 3)


def test_top_k_pools_the_parts() -> None:
    """Parts of different lengths count by their samples, not as a mean of means."""
    outputs = [scores([1, 0]), scores([1, 0], [1, 0], [0, 1])]
    assert scoring.top_k(outputs, split({"label": [0]}, {"label": [1, 1, 1]})).value == 0.5


def test_top_k_takes_the_target_by_name() -> None:
    """The labels may lie under another name than `label`."""
    outputs = [scores([1, 0], [1, 0])]
    assert scoring.top_k(outputs, split({"next": [0, 1]}), target="next").value == 0.5


def test_top_k_ignores_further_outputs() -> None:
    """Only the first output of a network holds its class scores."""
    outputs = [(scores([1, 0])[0], np.zeros((1, 7)))]
    assert scoring.top_k(outputs, split({"label": [0]})).value == 1.0


@pytest.mark.parametrize(("label", "value"), [(0, 1.0), (1, 0.0), (2, 0.0)])
def test_ties_are_broken_as_argmax_does(label: int, value: float) -> None:
    """Among equal scores only the first class is right, so a constant network gets no credit."""
    result = scoring.top_k([scores([0.5, 0.5, 0.5])], split({"label": [label]}), k=2)
    assert result.value == value
    assert result.beside["top-2"] == float(label < 2)


@pytest.mark.parametrize(
    "row",
    [
        [NAN, NAN, NAN],
        [NAN, 0.0, 0.0],  # the true class is a NaN
        [1.0, NAN, 0.0],  # another class is
    ],
)
def test_a_nan_is_never_right(row: list[float]) -> None:
    """Where the true class or another one is a NaN, the sample is wrong."""
    assert scoring.top_k([scores(row)], split({"label": [0]})).value == 0.0


def test_a_network_of_nans_is_not_even_among_all_classes() -> None:
    """Top-5 of three classes is 1 for any numbers, but 0 for NaNs."""
    labels = split({"label": [2]})
    assert scoring.top_k([scores([3, 2, 1])], labels).beside["top-5"] == 1.0
    assert scoring.top_k([scores([NAN] * 3)], labels).beside["top-5"] == 0.0


@pytest.mark.parametrize(
    ("row", "value"),
    [([INF, 1, 0], 1.0), ([INF, INF, 0], 1.0), ([-INF, 1, 0], 0.0), ([0, -INF, -INF], 1.0)],
)
def test_infinite_scores_compare_as_numbers(row: list[float], value: float) -> None:
    """Infinities of either sign are ordered like any score."""
    assert scoring.top_k([scores(row)], split({"label": [0]})).value == value


def test_half_precision_and_small_integer_labels() -> None:
    """Scores in fp16 and labels as bytes give the same as any others."""
    outputs = [(np.array([[0, 1], [1, 0]], dtype=np.float16),)]
    labels = Split(
        parts=(Part(inputs=(np.zeros(2),), targets={"label": np.array([1, 0], dtype=np.uint8)}),)
    )
    assert scoring.top_k(outputs, labels).value == 1.0


def test_parts_must_match_the_outputs() -> None:
    """Outputs for fewer parts than the split has are an error, not a score of the rest."""
    with pytest.raises(ValueError, match="zip"):
        scoring.top_k([scores([1, 0])], split({"label": [0]}, {"label": [0]}))


def test_videos_are_the_mean_of_their_clips_probabilities() -> None:
    """One sure clip outvotes two that are barely wrong: 1 of 3 clips right, the video right."""
    outputs = [log([0.9, 0.1], [0.45, 0.55], [0.45, 0.55])]
    result = scoring.clips_and_videos(outputs, split({"label": [0, 0, 0], "video": [7, 7, 7]}))
    assert result.value == pytest.approx(1 / 3)
    assert result.beside == {"per video": 1.0}
    assert (result.low, result.high) == wilson(1, 3)


def test_videos_are_averaged_as_probabilities_and_not_as_scores() -> None:
    """A clip with huge scores has one vote at most: (1 + 0.2 + 0.2) / 3 loses against 0.8s."""
    outputs = [(np.array([[1000.0, 0.0], [0.0, math.log(4)], [0.0, math.log(4)]]),)]
    result = scoring.clips_and_videos(outputs, split({"label": [1, 1, 1], "video": [0, 0, 0]}))
    assert result.beside == {"per video": 1.0}


def test_a_video_may_lie_in_several_parts() -> None:
    """Clips of one video in different parts are pooled; another video counts for itself."""
    outputs = [log([0.9, 0.1], [0.2, 0.8]), log([0.4, 0.6])]
    targets = split({"label": [0, 0], "video": [1, 2]}, {"label": [0], "video": [1]})
    result = scoring.clips_and_videos(outputs, targets)
    assert result.value == pytest.approx(1 / 3)
    assert result.beside == {"per video": 0.5}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_video_of_nans_is_never_right() -> None:
    """Class 0 is what argmax says of NaNs; a video of class 0 is wrong all the same."""
    targets = split({"label": [0, 0], "video": [0, 0]})
    result = scoring.clips_and_videos([scores([NAN, NAN], [1, 0])], targets)
    assert result.value == 0.5
    assert result.beside == {"per video": 0.0}


def test_word_errors_by_hand() -> None:
    """One word substituted, one deleted, one inserted of six spoken: 1 - 3/6."""
    pytest.importorskip("jiwer")
    result = scoring.transcription(
        ["the cat sat", "down", "now then"], ["the bat sat", "sit down", "now"]
    )
    assert result.value == pytest.approx(0.5)
    assert result.beside["word error rate"] == pytest.approx(0.5)
    # c for b; "sit " missing; " then" too many: 1 + 4 + 5 of 11 + 8 + 3 characters
    assert result.beside["character error rate"] == pytest.approx(10 / 22)
    assert result.samples == 3
    assert (result.low, result.high) == pytest.approx(wilson(3, 6))
    assert "1 substituted, 1 deleted, 1 inserted" in result.how


def test_an_empty_transcription_is_all_deletions() -> None:
    """A network that says nothing scores 0."""
    pytest.importorskip("jiwer")
    assert scoring.transcription(["", ""], ["one two", "three"]).value == 0.0


def test_too_many_words_score_below_zero() -> None:
    """More insertions than words spoken give a negative value, with an interval that ends at 0."""
    pytest.importorskip("jiwer")
    result = scoring.transcription(["a b c d"], ["a"])
    assert result.value == pytest.approx(-2.0)
    assert (result.low, result.high) == wilson(0, 1)


def test_rank_correlation_by_hand() -> None:
    """Ranks 1 2 3 4 5 against 2 1 4 3 5: 1 - 6 * 4 / (5 * 24) = 0.8; too few for an interval."""
    predicted, judged = np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.array([20, 10, 40, 30, 50])
    result = scoring.rank_correlation(predicted, judged, left_out=3)
    assert result.value == pytest.approx(0.8)
    assert result.beside == {"out of vocabulary": 3 / 8}
    assert (result.samples, result.low, result.high) == (5, None, None)


def test_tied_similarities_share_their_mean_rank() -> None:
    """Ranks 1.5 1.5 3 against 1 2 3 correlate as their mean ranks do: sqrt(3) / 2."""
    result = scoring.rank_correlation(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]))
    assert result.value == pytest.approx(math.sqrt(3) / 2)


def test_rank_correlation_ignores_the_scale() -> None:
    """Only the order counts, and a reversed order gives -1."""
    judged = np.arange(12.0)
    assert scoring.rank_correlation(np.exp(judged), judged).value == pytest.approx(1.0)
    assert scoring.rank_correlation(-(judged**3), judged).value == pytest.approx(-1.0)


def test_rank_correlation_has_fishers_interval() -> None:
    """From ten pairs on the interval is Fisher's."""
    judged = np.arange(12.0)
    predicted = judged.copy()
    predicted[[0, 11]] = predicted[[11, 0]]
    result = scoring.rank_correlation(predicted, judged)
    assert (result.low, result.high) == fisher_interval(result.value, 12)
    assert result.low is not None


@pytest.mark.parametrize(
    ("predicted", "judged", "reason"),
    [
        ([1, 1, 1], [1, 2, 3], "undefined"),
        ([1, 2, 3], [2, 2, 2], "undefined"),
        ([NAN, 2, 3], [1, 2, 3], "undefined"),
        ([1], [1], "1 are in the vocabulary"),
        ([], [], "0 are in the vocabulary"),
    ],
)
def test_an_undefined_correlation_has_a_reason_and_no_value(
    predicted: list[float], judged: list[float], reason: str
) -> None:
    """Where the coefficient does not exist the reason is given instead of a NaN."""
    with pytest.raises(NotMeasurable, match=reason):
        scoring.rank_correlation(np.array(predicted, dtype=float), np.array(judged, dtype=float))
