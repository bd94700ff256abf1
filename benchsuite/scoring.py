"""Accuracy measures, from outputs and targets as arrays: what a workload's `score` calls.

Each takes the outputs of the network a part of the test split (the tuple of its output arrays,
samples first) and gives a `Score`; higher is better for every one. Those of detectors take the
boxes found and the true ones an image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from benchsuite.errors import MissingPackage, NotMeasurable
from benchsuite.stats import fisher_interval, wilson
from benchsuite.types import Array, Outputs, Score, Split

if TYPE_CHECKING:
    import numpy as np

# the classes that KITTI scores, by number; of the further ones in a label file, a van is no false
# alarm for a car, nor a sitting person for a pedestrian, nor anything in a region marked DontCare
KITTI_CLASSES = ("car", "pedestrian", "cyclist")
KITTI_FURTHER = {"van": 3, "person_sitting": 4, "dontcare": 5}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detections:
    """What a detector found in one image.

    Attributes:
        boxes: (k, 4) as x1, y1, x2, y2 in pixels.
        scores: (k,), higher is surer.
        classes: (k,), numbers.
    """

    boxes: Array
    scores: Array
    classes: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Objects:
    """What there is in one image.

    Attributes:
        boxes: (k, 4) as x1, y1, x2, y2 in pixels.
        classes: (k,), numbers.
        ignored: (k,) flags: VOC's `difficult`, COCO's `iscrowd`; None for none.
        occluded: (k,), KITTI's 0 (fully visible) to 3 (unknown); None for 0.
        truncated: (k,), KITTI's share of the object outside the image; None for 0.
    """

    boxes: Array
    classes: Array
    ignored: Array | None = None
    occluded: Array | None = None
    truncated: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Difficulty:
    """What KITTI asks of an object for it to count."""

    name: str
    height: float
    occluded: int
    truncated: float


_DIFFICULTIES = (
    _Difficulty(name="easy", height=40, occluded=0, truncated=0.15),
    _Difficulty(name="moderate", height=25, occluded=1, truncated=0.3),
    _Difficulty(name="hard", height=25, occluded=2, truncated=0.5),
)
_KITTI_OVERLAP = (0.7, 0.5, 0.5)
_KITTI_NEIGHBOUR = (KITTI_FURTHER["van"], KITTI_FURTHER["person_sitting"], None)
_KITTI_LEVELS = 40  # steps of recall at which precision is sampled
_COCO_FOUND = 100  # detections an image and class that count


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


def analogies(
    cosines: Array, rows: Array, questions: Array, *, at_once: int = 256
) -> tuple[int, int]:
    """How many questions "a is to b as c is to d" are answered by d, and how many there are.

    The answer is the word nearest to b - a + c, of unit vectors, that is none of the three
    (Mikolov and others 2013).

    Args:
        cosines: (n, words), of some words with all.
        rows: (q, 3), where a, b and c are among the n.
        questions: (q, 4), a, b, c and d as words.
        at_once: Questions whose similarities are held in memory.
    """
    import numpy as np

    right = 0
    for start in range(0, len(questions), at_once):
        some, asked = rows[start : start + at_once], questions[start : start + at_once]
        near = cosines[some[:, 1]] - cosines[some[:, 0]] + cosines[some[:, 2]]
        np.put_along_axis(near, asked[:, :3], -np.inf, axis=1)
        right += int((near.argmax(axis=1) == asked[:, 3]).sum())
    return right, len(questions)


def word_tests(cosines: Array, facts: Mapping[str, Any]) -> Score:
    """The rank correlation of the first test of judged pairs; other tests and analogies beside.

    Args:
        cosines: (n, words), of the words that the tests ask for with all.
        facts: `pairs`, a test's name to [place among the n, word, judgement] each; `questions`,
            places of a, b and c, then a, b, c and d as words; `left_out`, how many of each have a
            word out of the vocabulary.

    Raises:
        NotMeasurable: As `rank_correlation`.
    """
    import numpy as np

    missing = facts["left_out"]
    found: dict[str, Score] = {}
    for name, pairs in facts["pairs"].items():
        # reshaped, since none of them may be in the vocabulary
        table = np.array(pairs, dtype=np.float64).reshape(-1, 3)
        places, words = table[:, :2].astype(np.int64).T
        found[name] = rank_correlation(
            cosines[places, words], table[:, 2], left_out=missing.get(name, 0)
        )
    (name, first), *others = found.items()
    beside = {**first.beside, **{other: score.value for other, score in others}}
    told = [f"{test}: {score.how}" for test, score in found.items()]
    questions = np.array(facts["questions"], dtype=np.int64).reshape(-1, 7)
    if len(questions):
        right, asked = analogies(cosines, questions[:, :3], questions[:, 3:])
        unasked = missing.get("analogies", 0)
        beside["analogies"] = right / asked
        told.append(
            f"analogies: {right:,} of {asked:,} answered by the nearest word to b - a + c "
            f"({unasked:,} more have a word that is not in the vocabulary)"
        )
    return replace(first, beside=beside, how="; ".join(told))


def padded_objects(targets: Mapping[str, Array]) -> list[Objects]:
    """The objects of a part's images from its targets, whose rows are filled up to one length.

    Args:
        targets: `boxes` (n, m, 4) and `classes` (n, m), -1 where a row has no more objects; where
            known `ignored`, `occluded` and `truncated` (n, m).
    """
    there: Array = targets["classes"] >= 0

    def rows(name: str, image: int) -> Array | None:
        if name not in targets:
            return None
        row: Array = targets[name][image][there[image]]
        return row

    return [
        Objects(
            boxes=targets["boxes"][image][there[image]],
            classes=targets["classes"][image][there[image]],
            ignored=rows("ignored", image),
            occluded=rows("occluded", image),
            truncated=rows("truncated", image),
        )
        for image in range(len(there))
    ]


def intersection_over_union(
    first: Array, second: Array, *, inclusive: bool = False, of_first: bool = False
) -> Array:
    """The overlaps (n, m) of boxes (n, 4) with boxes (m, 4), each x1, y1, x2, y2.

    Args:
        first, second: Boxes.
        inclusive: x2 and y2 are the last pixels that belong to the box (VOC), not its border.
        of_first: Divides by the area of the first boxes instead of the union's: how much of each
            lies inside a region.
    """
    import numpy as np

    end = 1.0 if inclusive else 0.0
    a, b = (np.asarray(boxes, dtype=np.float64).reshape(-1, 4) for boxes in (first, second))
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low + end, 0, None).prod(axis=-1)
    areas_a, areas_b = ((boxes[:, 2:] - boxes[:, :2] + end).prod(axis=-1) for boxes in (a, b))
    whole = areas_a[:, None] + (0 if of_first else areas_b[None, :] - shared)
    overlaps: Array = np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
    return overlaps


def average_precision(
    scores: Array, right: Array, *, positives: int, levels: Array | None = None
) -> float:
    """Average precision of detections (k,) that are right or wrong, best score first.

    Precision at a recall is the best at that recall or above.

    Args:
        scores: How sure each detection is.
        right: Whether it is right.
        positives: Objects there are.
        levels: Recalls whose precisions are averaged; None takes the area under the curve.
    """
    import numpy as np

    order = np.argsort(-np.asarray(scores), kind="stable")
    hits = np.cumsum(np.asarray(right, dtype=bool)[order])
    recall = hits / positives
    precision = hits / np.arange(1, len(hits) + 1)
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    if levels is None:
        return float((np.diff(recall, prepend=0.0) * best[:-1]).sum())
    return float(best[np.searchsorted(recall, levels, side="left")].mean())


def voc(
    found: Sequence[Detections],
    truth: Sequence[Objects],
    *,
    names: Sequence[str],
    year: int = 2010,
    overlap: float = 0.5,
) -> Score:
    """Pascal VOC's mean average precision over the classes `names`, each of them beside.

    A detection belongs to the object of its class that it overlaps most, if by at least
    `overlap`; a second one of an object is wrong, one of a difficult object does not count.

    Args:
        found, truth: One entry an image.
        names: The classes, by number.
        year: To 2009 the mean precision at eleven recalls, from 2010 the area under the curve.
        overlap: Least intersection over union, boxes with their last pixels.

    Raises:
        NotMeasurable: No class has an object.
    """
    import numpy as np

    levels = np.arange(11) / 10 if year < 2010 else None
    values: dict[str, float] = {}
    for number, name in enumerate(names):
        scores: list[Array] = []
        marks: list[Array] = []
        positives = 0
        for detections, objects in zip(found, truth, strict=True):
            boxes, ignored = _of_class(objects, number)
            positives += int((~ignored).sum())
            own, own_scores = _sorted(detections, number)
            overlaps = intersection_over_union(own, boxes, inclusive=True)
            mark = np.zeros(len(own), dtype=np.int64)
            seen: set[int] = set()
            for index, row in enumerate(overlaps):
                nearest = int(row.argmax()) if len(row) else -1
                if nearest < 0 or row[nearest] < overlap:
                    continue
                mark[index] = -1 if ignored[nearest] else int(nearest not in seen)
                seen.add(nearest)
            scores.append(own_scores[mark >= 0])
            marks.append(mark[mark >= 0])
        if positives:
            values[name] = average_precision(
                np.concatenate(scores), np.concatenate(marks), positives=positives, levels=levels
            )
    rule = "11 recall points" if year < 2010 else "area under the curve"
    return _mean_precision(
        values, images=len(truth), how=f"Pascal VOC {year} ({rule}), overlap {overlap:g}"
    )


def coco(found: Sequence[Detections], truth: Sequence[Objects], *, names: Sequence[str]) -> Score:
    """COCO's mean average precision over overlaps 0.5 to 0.95; at 0.5 and 0.75 beside.

    The surest detections come first; each takes the object of its class that it overlaps most
    among those that are free. A crowd's detections do not count. At most 100 detections an image
    and class; precision at 101 recalls.

    Args:
        found, truth: One entry an image; `ignored` marks crowds.
        names: The classes, by number.

    Raises:
        NotMeasurable: No class has an object.
    """
    import numpy as np

    steps = np.linspace(0.5, 0.95, 10)
    levels = np.linspace(0, 1, 101)
    values: dict[str, Array] = {}
    for number, name in enumerate(names):
        scores: list[Array] = []
        marks: list[Array] = []
        positives = 0
        for detections, objects in zip(found, truth, strict=True):
            boxes, crowds = _of_class(objects, number)
            positives += int((~crowds).sum())
            own, own_scores = _sorted(detections, number)
            own, own_scores = own[:_COCO_FOUND], own_scores[:_COCO_FOUND]
            overlaps = np.where(
                crowds[None, :],
                intersection_over_union(own, boxes, of_first=True),
                intersection_over_union(own, boxes),
            )
            scores.append(own_scores)
            marks.append(np.stack([_coco_marks(overlaps, crowds, float(s)) for s in steps]))
        if positives:
            joined, right = np.concatenate(scores), np.concatenate(marks, axis=1)
            values[name] = np.array(
                [
                    average_precision(
                        joined[row >= 0], row[row >= 0], positives=positives, levels=levels
                    )
                    for row in right
                ]
            )
    result = _mean_precision(
        {name: float(per.mean()) for name, per in values.items()},
        images=len(truth),
        how="COCO, overlaps 0.50 to 0.95, 101 recall points",
    )
    beside = {
        "at overlap 0.50": float(np.mean([per[0] for per in values.values()])),
        "at overlap 0.75": float(np.mean([per[5] for per in values.values()])),
    }
    return Score(
        value=result.value, samples=result.samples, how=result.how, beside=beside | result.beside
    )


def kitti(found: Sequence[Detections], truth: Sequence[Objects], *, points: int = 40) -> Score:
    """KITTI's mean average precision over car, pedestrian, cyclist and the three difficulties.

    By the benchmark's own rules: an object below a difficulty's height (40, 25, 25 pixels), more
    occluded (0, 1, 2) or more truncated (0.15, 0.30, 0.50) does not count, nor do detections of
    it, of a neighbouring class, below that height or in a DontCare region; overlap above 0.7 for
    cars, 0.5 for pedestrians and cyclists. Each average is beside.

    Args:
        found: One entry an image, classes as in `KITTI_CLASSES`.
        truth: One entry an image, classes as in `KITTI_CLASSES` and `KITTI_FURTHER`.
        points: 40 as the benchmark has it since 2019, or the 11 of before.

    Raises:
        NotMeasurable: No difficulty of any class has an object.
    """
    if points not in (11, 40):
        raise ValueError(f"points={points}: KITTI averages precision at 11 or 40 recalls")
    values: dict[str, float] = {}
    for number, name in enumerate(KITTI_CLASSES):
        for difficulty in _DIFFICULTIES:
            frames = [
                _kitti_frame(detections, objects, number, difficulty)
                for detections, objects in zip(found, truth, strict=True)
            ]
            positives = sum(frame.positives for frame in frames)
            if positives:
                samples = _kitti_precisions(frames, positives, overlap=_KITTI_OVERLAP[number])
                chosen = samples[1:] if points == 40 else samples[::4]
                values[f"{name} {difficulty.name}"] = float(chosen.mean())
    return _mean_precision(values, images=len(truth), how=f"KITTI, {points} recall points")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Frame:
    """One image as KITTI sees it at a class and difficulty; flags, not all, are exclusive.

    Attributes:
        scores, ignored: Of the detections that take part; ignored ones are too small.
        overlaps: Detections by objects that take part (intersection over union).
        lenient: Of those objects, which do not count.
        excused: The largest share of each detection that lies inside one DontCare region.
    """

    scores: Array
    ignored: Array
    overlaps: Array
    lenient: Array
    excused: Array

    @property
    def positives(self) -> int:
        """Objects that must be found."""
        return int((~self.lenient).sum())


def _kitti_frame(
    detections: Detections, objects: Objects, number: int, difficulty: _Difficulty
) -> _Frame:
    import numpy as np

    boxes = np.asarray(objects.boxes, dtype=np.float64).reshape(-1, 4)
    labels = np.asarray(objects.classes)
    occluded = np.asarray(0 if objects.occluded is None else objects.occluded)
    truncated = np.asarray(0 if objects.truncated is None else objects.truncated)
    beyond = (
        (boxes[:, 3] - boxes[:, 1] < difficulty.height)
        | (occluded > difficulty.occluded)
        | (truncated > difficulty.truncated)
    )
    own = labels == number
    part = own | (labels == _KITTI_NEIGHBOUR[number])
    regions = boxes[labels == KITTI_FURTHER["dontcare"]]
    all_found = np.asarray(detections.boxes, dtype=np.float64).reshape(-1, 4)
    # as the benchmark has it, a small detection of another class takes part, and is ignored
    small = np.abs(all_found[:, 3] - all_found[:, 1]) < difficulty.height
    taking = small | (np.asarray(detections.classes) == number)
    taken = all_found[taking]
    inside = intersection_over_union(taken, regions, of_first=True)
    return _Frame(
        scores=np.asarray(detections.scores, dtype=np.float64)[taking],
        ignored=small[taking],
        overlaps=intersection_over_union(taken, boxes[part]),
        lenient=(~own | beyond)[part],
        excused=inside.max(axis=1, initial=0.0),
    )


def _kitti_precisions(frames: Sequence[_Frame], positives: int, *, overlap: float) -> Array:
    """Precision at 41 recalls from 0 on, each the best at that recall or above."""
    import numpy as np

    hits = np.concatenate([_kitti_hits(frame, overlap=overlap) for frame in frames])
    hits = np.sort(hits)[::-1]
    thresholds: list[float] = []
    for index, value in enumerate(hits):
        level = len(thresholds) / _KITTI_LEVELS
        here, next_one = (index + 1) / positives, (index + 2) / positives
        if index < len(hits) - 1 and next_one - level < level - here:
            continue  # the next detection's recall is nearer to the level
        thresholds.append(float(value))
    precision = np.zeros(max(_KITTI_LEVELS + 1, len(thresholds)))
    for index, threshold in enumerate(thresholds):
        right = wrong = 0
        for frame in frames:
            here_right, here_wrong = _kitti_counts(frame, threshold, overlap=overlap)
            right, wrong = right + here_right, wrong + here_wrong
        precision[index] = right / (right + wrong) if right + wrong else 0.0
    return np.maximum.accumulate(precision[::-1])[::-1][: _KITTI_LEVELS + 1]


def _kitti_hits(frame: _Frame, *, overlap: float) -> Array:
    """Scores of the detections that are right if each object takes the surest one."""
    import numpy as np

    free = np.ones(len(frame.scores), dtype=bool)
    hits = []
    for column, lenient in zip(frame.overlaps.T, frame.lenient, strict=True):
        candidates = np.flatnonzero(free & (column > overlap))
        if not len(candidates):
            continue
        chosen = candidates[frame.scores[candidates].argmax()]
        free[chosen] = False
        if not lenient and not frame.ignored[chosen]:
            hits.append(frame.scores[chosen])
    return np.array(hits)


def _kitti_counts(frame: _Frame, threshold: float, *, overlap: float) -> tuple[int, int]:
    """Right and wrong detections from a score on, if each object takes the nearest one."""
    import numpy as np

    shown = frame.scores >= threshold
    free = shown.copy()
    right = 0
    for column, lenient in zip(frame.overlaps.T, frame.lenient, strict=True):
        near = free & (column > overlap)
        candidates = np.flatnonzero(near & ~frame.ignored)
        if len(candidates):
            chosen = candidates[column[candidates].argmax()]
            right += int(not lenient)
        elif near.any():
            chosen = int(near.argmax())  # ignored ones: the first
        else:
            continue
        free[chosen] = False
    wrong = free & ~frame.ignored & (frame.excused <= overlap)
    return right, int(wrong.sum())


def _coco_marks(overlaps: Array, crowds: Array, least: float) -> Array:
    """Of detections by objects, best first: 1 right, 0 wrong, -1 one of a crowd."""
    import numpy as np

    marks = np.zeros(len(overlaps), dtype=np.int64)
    free = ~crowds
    for index, row in enumerate(overlaps):
        for group, mark in ((free, 1), (crowds, -1)):
            candidates = np.flatnonzero(group & (row >= least))
            if len(candidates):
                # among equals the last, as in the reference implementation
                nearest = candidates[::-1][row[candidates[::-1]].argmax()]
                free[nearest] = False
                marks[index] = mark
                break
    return marks


def _of_class(objects: Objects, number: int) -> tuple[Array, Array]:
    """Boxes (k, 4) of one class and which of them are ignored."""
    import numpy as np

    own = np.asarray(objects.classes) == number
    boxes = np.asarray(objects.boxes, dtype=np.float64).reshape(-1, 4)[own]
    if objects.ignored is None:
        return boxes, np.zeros(len(boxes), dtype=bool)
    return boxes, np.asarray(objects.ignored, dtype=bool)[own]


def _sorted(detections: Detections, number: int) -> tuple[Array, Array]:
    """Boxes (k, 4) and scores of one class, best first."""
    import numpy as np

    own = np.flatnonzero(np.asarray(detections.classes) == number)
    scores = np.asarray(detections.scores, dtype=np.float64)
    order = own[np.argsort(-scores[own], kind="stable")]
    return np.asarray(detections.boxes, dtype=np.float64).reshape(-1, 4)[order], scores[order]


def _mean_precision(values: Mapping[str, float], *, images: int, how: str) -> Score:
    if not values:
        raise NotMeasurable("mean average precision needs an object; the images have none")
    return Score(
        value=sum(values.values()) / len(values),
        samples=images,
        beside=dict(values),
        how=f"mean average precision over {images} test images; {how}",
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
