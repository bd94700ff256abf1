"""Our measures against torchmetrics', where it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from benchsuite import scoring
from benchsuite.scoring import Detections, Objects
from benchsuite.types import Array, Part, Split


@pytest.fixture(scope="module")
def metrics(request: pytest.FixtureRequest) -> Any:
    """The library torchmetrics."""
    if importlib.util.find_spec("torchvision") is not None:
        request.getfixturevalue("torchvision_models")  # so that torchmetrics can import it
    return pytest.importorskip("torchmetrics")


@pytest.fixture(scope="module")
def detection(metrics: Any) -> Any:
    """Its part for boxes, which needs torchvision and pycocotools."""
    pytest.importorskip("torchvision")
    pytest.importorskip("pycocotools")
    return pytest.importorskip("torchmetrics.detection")


@pytest.mark.parametrize("k", [1, 5])
def test_top_k(metrics: Any, k: int) -> None:
    """Random scores of 20 classes: the same share of right answers."""
    generator = np.random.default_rng(0)
    scores = generator.standard_normal((400, 20)).astype(np.float32)
    labels = generator.integers(0, 20, 400)
    split = Split(parts=(Part(inputs=(scores,), targets={"label": labels}),))
    ours = scoring.top_k([(scores,)], split, k=5)
    theirs = metrics.functional.classification.multiclass_accuracy(
        torch.tensor(scores), torch.tensor(labels), num_classes=20, average="micro", top_k=k
    )
    assert (ours.value if k == 1 else ours.beside["top-5"]) == pytest.approx(float(theirs))


def test_rank_correlation(metrics: Any) -> None:
    """Spearman's rho with ties."""
    generator = np.random.default_rng(1)
    judged = generator.integers(0, 10, 200).astype(np.float64)
    predicted = judged + generator.normal(0, 4, 200)
    theirs = metrics.functional.spearman_corrcoef(torch.tensor(predicted), torch.tensor(judged))
    assert scoring.rank_correlation(predicted, judged).value == pytest.approx(float(theirs))


def test_word_and_character_error_rate(metrics: Any) -> None:
    """Sentences with words wrong, missing and too many."""
    pytest.importorskip("jiwer")
    said = ["the cat sat on the mat", "yes", "go right now"]
    heard = ["the cat sat on mat", "yes yes", "go write now"]
    ours = scoring.transcription(heard, said)
    text = metrics.functional.text
    assert ours.beside["word error rate"] == pytest.approx(float(text.word_error_rate(heard, said)))
    assert ours.beside["character error rate"] == pytest.approx(
        float(text.char_error_rate(heard, said))
    )


def boxes(generator: np.random.Generator, n: int) -> Array:
    """Random boxes (n, 4) within 200 pixels."""
    corner = generator.uniform(0, 150, (n, 2))
    whole = np.concatenate([corner, corner + generator.uniform(8, 50, (n, 2))], axis=1)
    return whole.astype(np.float32)  # torchmetrics computes in it


def test_intersection_over_union(detection: Any) -> None:
    """Overlaps of every pair of 30 and 20 boxes."""
    from torchmetrics.functional.detection import intersection_over_union

    generator = np.random.default_rng(2)
    first, second = boxes(generator, 30), boxes(generator, 20)
    theirs = intersection_over_union(
        torch.tensor(first), torch.tensor(second), aggregate=False
    ).numpy()
    assert np.allclose(scoring.intersection_over_union(first, second), theirs, atol=1e-6)


def scenes(seed: int, *, images: int, classes: int) -> tuple[list[Detections], list[Objects]]:
    """Objects, most of them found more or less, with false alarms and crowds."""
    generator = np.random.default_rng(seed)
    found, truth = [], []
    for _ in range(images):
        n = int(generator.integers(1, 9))
        there, kinds = boxes(generator, n), generator.integers(0, classes, n)
        seen = generator.random(n) < 0.8
        near = there[seen] + generator.uniform(-3, 3, (int(seen.sum()), 4)).astype(np.float32)
        wrong = boxes(generator, 3)
        truth.append(Objects(boxes=there, classes=kinds, ignored=generator.random(n) < 0.1))
        found.append(
            Detections(
                boxes=np.concatenate([near, wrong]),
                scores=generator.random(len(near) + 3, dtype=np.float32),
                classes=np.concatenate([kinds[seen], generator.integers(0, classes, 3)]),
            )
        )
    return found, truth


def as_theirs(
    found: Sequence[Detections], truth: Sequence[Objects]
) -> tuple[list[dict[str, torch.Tensor]], list[dict[str, torch.Tensor]]]:
    """Predictions and targets in torchmetrics' form."""
    predictions = [
        {
            "boxes": torch.tensor(one.boxes, dtype=torch.float32),
            "scores": torch.tensor(one.scores, dtype=torch.float32),
            "labels": torch.tensor(one.classes),
        }
        for one in found
    ]
    targets = [
        {
            "boxes": torch.tensor(one.boxes, dtype=torch.float32),
            "labels": torch.tensor(one.classes),
            "iscrowd": torch.tensor(np.asarray(one.ignored).astype(np.int64)),
        }
        for one in truth
    ]
    return predictions, targets


@pytest.mark.parametrize("seed", range(3))
def test_coco_mean_average_precision(detection: Any, seed: int) -> None:
    """COCO's mean over overlaps, and at 0.5 and 0.75, as pycocotools computes them."""
    found, truth = scenes(seed, images=25, classes=4)
    # torchmetrics' own thresholds are float32's: a recall of exactly 0.3 would miss its level
    theirs = detection.MeanAveragePrecision(
        iou_thresholds=np.linspace(0.5, 0.95, 10).tolist(),
        rec_thresholds=np.linspace(0, 1, 101).tolist(),
    )
    theirs.update(*as_theirs(found, truth))
    expected = theirs.compute()
    names = [f"class {number}" for number in range(4)]
    ours = scoring.coco(found, truth, names=names)
    assert ours.value == pytest.approx(float(expected["map"]), abs=1e-6)
    for name, key in (("at overlap 0.50", "map_50"), ("at overlap 0.75", "map_75")):
        assert ours.beside[name] == pytest.approx(float(expected[key]), abs=1e-6)
