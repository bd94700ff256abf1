"""Tests of the detectors' measures: by hand, and against COCO's reference implementation."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest

from benchsuite import scoring
from benchsuite.errors import NotMeasurable
from benchsuite.scoring import KITTI_FURTHER, Detections, Objects, intersection_over_union

Box = tuple[float, float, float, float]
SQUARE: Box = (0, 0, 10, 10)
FAR: Box = (50, 50, 60, 60)


def found(*entries: tuple[Box, float, int]) -> Detections:
    """Detections of one image: box, score and class each."""
    return Detections(
        boxes=np.array([box for box, _, _ in entries], dtype=np.float64).reshape(-1, 4),
        scores=np.array([score for _, score, _ in entries], dtype=np.float64),
        classes=np.array([number for _, _, number in entries], dtype=np.int64),
    )


def there(*entries: tuple[Box, int], ignored: tuple[bool, ...] | None = None) -> Objects:
    """Objects of one image: box and class each."""
    return Objects(
        boxes=np.array([box for box, _ in entries], dtype=np.float64).reshape(-1, 4),
        classes=np.array([number for _, number in entries], dtype=np.int64),
        ignored=None if ignored is None else np.array(ignored),
    )


# --- overlap and curve --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "overlap"),
    [
        (SQUARE, 1.0),
        ((5, 0, 15, 10), 50 / 150),
        ((2, 2, 4, 4), 4 / 100),
        ((10, 0, 20, 10), 0.0),  # they touch
        (FAR, 0.0),
        ((5, 5, 5, 5), 0.0),  # no area
        ((8, 8, 2, 2), 0.0),  # turned inside out
    ],
)
def test_overlap_is_intersection_over_union(other: Box, overlap: float) -> None:
    """Shared area over joint area, the same both ways, 0 where nothing is shared."""
    first, second = np.array([SQUARE]), np.array([other])
    assert intersection_over_union(first, second)[0, 0] == pytest.approx(overlap)
    assert intersection_over_union(second, first)[0, 0] == pytest.approx(overlap)


def test_overlaps_of_all_pairs_and_of_none() -> None:
    """Rows are the first boxes, columns the second; either may be empty."""
    overlaps = intersection_over_union(np.array([SQUARE, FAR]), np.array([FAR, SQUARE, FAR]))
    assert overlaps.tolist() == [[0, 1, 0], [1, 0, 1]]
    assert intersection_over_union(np.zeros((0, 4)), np.array([FAR])).shape == (0, 1)
    assert intersection_over_union(np.array([FAR]), np.zeros((0, 4))).shape == (1, 0)


def test_overlap_of_pixels_counts_the_last_one() -> None:
    """Boxes from pixel 0 to 9 and from 5 to 14 share 5 of 15 columns."""
    boxes = np.array([[0, 0, 9, 9], [5, 0, 14, 9]])
    assert intersection_over_union(boxes[:1], boxes[1:], inclusive=True)[0, 0] == pytest.approx(
        5 / 15
    )


def test_overlap_with_a_region_is_the_share_inside() -> None:
    """A box of 100 pixels with 50 of them in a large region lies in it by half."""
    region = np.array([[5.0, -100, 200, 200]])
    assert intersection_over_union(np.array([SQUARE]), region, of_first=True)[0, 0] == 0.5


@pytest.mark.parametrize(
    ("levels", "value"),
    [
        (None, 0.5 * 1 + 0.5 * 2 / 3),
        (np.arange(11) / 10, (6 * 1 + 5 * 2 / 3) / 11),
        (np.linspace(0, 1, 101), (51 * 1 + 50 * 2 / 3) / 101),
    ],
)
def test_average_precision_by_hand(levels: Any, value: float) -> None:
    """Right, wrong, right of two objects: precision 1 to recall 1/2, then 2/3, however sampled."""
    scores, right = np.array([0.7, 0.9, 0.8]), np.array([1, 1, 0])
    assert scoring.average_precision(scores, right, positives=2, levels=levels) == pytest.approx(
        value
    )


@pytest.mark.parametrize(("positives", "eleven"), [(4, 3 / 11), (10, 2 / 11)])
def test_recalls_that_are_not_reached_count_zero(positives: int, eleven: float) -> None:
    """One right detection of 4 or 10 objects: recall 0.25 or 0.1, which is a level itself."""
    arguments = (np.array([0.5]), np.array([1]))
    assert scoring.average_precision(*arguments, positives=positives) == 1 / positives
    levels = np.arange(11) / 10
    value = scoring.average_precision(*arguments, positives=positives, levels=levels)
    assert value == pytest.approx(eleven)


def test_no_detection_has_no_precision() -> None:
    """Without detections both rules give 0."""
    none = np.zeros(0)
    assert scoring.average_precision(none, none, positives=3) == 0
    assert scoring.average_precision(none, none, positives=3, levels=np.arange(11) / 10) == 0


# --- Pascal VOC ---------------------------------------------------------------------------------


def test_voc_counts_a_second_detection_of_an_object_as_wrong() -> None:
    """Right at 0.9, its double at 0.8, the second object at 0.7: as right, wrong, right."""
    boxes = [found((SQUARE, 0.9, 0), ((1, 0, 10, 10), 0.8, 0), (FAR, 0.7, 0))]
    truth = [there((SQUARE, 0), (FAR, 0))]
    assert scoring.voc(boxes, truth, names=["a"]).value == pytest.approx(0.5 + 0.5 * 2 / 3)
    older = scoring.voc(boxes, truth, names=["a"], year=2007)
    assert older.value == pytest.approx((6 + 5 * 2 / 3) / 11)
    assert "11 recall points" in older.how


def test_voc_takes_the_nearest_object_even_if_it_is_taken() -> None:
    """A box nearer to a taken object does not fall back on a free one that it overlaps enough."""
    truth = [there(((0, 0, 99, 99), 0), ((0, 0, 99, 149), 0))]
    boxes = [found(((0, 0, 99, 99), 0.9, 0), ((0, 0, 99, 104), 0.8, 0))]
    assert scoring.voc(boxes, truth, names=["a"]).value == 0.5
    # COCO's rule gives it the free one at low overlaps: 105 of 150 rows are 0.7
    assert scoring.coco(boxes, truth, names=["a"]).beside["at overlap 0.50"] == 1.0


def test_voc_leaves_difficult_objects_out() -> None:
    """Neither finding nor missing a difficult object counts."""
    truth = [there((SQUARE, 0), (FAR, 0), ignored=(False, True))]
    with_it = [found((FAR, 0.9, 0), (SQUARE, 0.8, 0))]
    without = [found((SQUARE, 0.8, 0))]
    assert scoring.voc(with_it, truth, names=["a"]).value == 1.0
    assert scoring.voc(without, truth, names=["a"]).value == 1.0


def test_voc_averages_the_classes_that_occur() -> None:
    """Class a is found, b is not, c has no object: a mean of two; a and b are beside."""
    truth = [there((SQUARE, 0)), there((FAR, 1))]
    boxes = [found((SQUARE, 0.5, 0), (SQUARE, 0.9, 2)), found((FAR, 0.5, 0))]
    result = scoring.voc(boxes, truth, names=["a", "b", "c"])
    assert result.beside == {"a": 1.0, "b": 0.0}
    assert result.value == 0.5
    assert result.samples == 2


def test_voc_joins_the_images_by_score() -> None:
    """A wrong box that is surer than the right one in another image halves the precision."""
    truth = [there(), there((SQUARE, 0))]
    boxes = [found((SQUARE, 0.9, 0)), found((SQUARE, 0.5, 0))]
    assert scoring.voc(boxes, truth, names=["a"]).value == 0.5


@pytest.mark.parametrize(("height", "value"), [(4, 0.0), (5, 1.0)])
def test_voc_needs_half_of_the_pixels(height: int, value: float) -> None:
    """Of ten rows of pixels, four are too few and five are enough."""
    truth = [there(((0, 0, 9, 9), 0))]
    boxes = [found(((0, 0, 9, height - 1), 0.5, 0))]
    assert scoring.voc(boxes, truth, names=["a"]).value == value


@pytest.mark.parametrize("measure", [scoring.voc, scoring.coco])
def test_without_objects_nothing_can_be_measured(measure: Any) -> None:
    """No class of the images has an object: there is no precision to average."""
    with pytest.raises(NotMeasurable, match="have none"):
        measure([found((SQUARE, 0.5, 0))], [there()], names=["a"])


# --- COCO ---------------------------------------------------------------------------------------


def test_coco_averages_ten_overlaps() -> None:
    """A box that overlaps by 0.82 is right at seven of ten thresholds, 0.50 to 0.80."""
    truth = [there(((0, 0, 100, 100), 0))]
    result = scoring.coco([found(((0, 0, 100, 82), 0.5, 0))], truth, names=["a"])
    assert result.value == pytest.approx(0.7)
    assert result.beside == {
        "at overlap 0.50": 1.0,
        "at overlap 0.75": 1.0,
        "a": pytest.approx(0.7),
    }


def test_coco_ignores_what_lies_in_a_crowd() -> None:
    """Boxes inside a crowd do not count, however many; one outside is wrong."""
    truth = [there((SQUARE, 0), ((20, 0, 100, 100), 0), ignored=(False, True))]
    inside = [((30, y, 40, y + 5), 0.9, 0) for y in (0, 10, 20)]
    assert scoring.coco([found((SQUARE, 0.5, 0), *inside)], truth, names=["a"]).value == 1.0
    outside = ((0, 50, 10, 60), 0.9, 0)
    assert scoring.coco([found((SQUARE, 0.5, 0), outside)], truth, names=["a"]).value == 0.5


def random_images(*, seed: int, crowds: bool) -> tuple[list[Detections], list[Objects]]:
    """Forty images of up to nine objects in three classes, with boxes near them and elsewhere."""
    generator = np.random.default_rng(seed)
    boxes: list[Detections] = []
    truth: list[Objects] = []
    for _ in range(40):
        count = int(generator.integers(0, 10))
        corners = generator.uniform(0, 80, (count, 2))
        objects = np.concatenate([corners, corners + generator.uniform(5, 40, (count, 2))], axis=1)
        classes = generator.integers(0, 3, count)
        near = np.repeat(objects, 2, axis=0) + generator.normal(0, 3, (2 * count, 4))
        extra = generator.uniform(0, 80, (4, 2))
        extra = np.concatenate([extra, extra + 15], axis=1)
        shown = np.concatenate([near, extra])
        shown[:, 2:] = np.maximum(shown[:, 2:], shown[:, :2] + 1)
        boxes.append(
            Detections(
                boxes=shown,
                scores=generator.permutation(len(shown)) / len(shown) + generator.uniform(0, 0.01),
                classes=np.concatenate([np.repeat(classes, 2), generator.integers(0, 3, 4)]),
            )
        )
        truth.append(
            Objects(
                boxes=objects,
                classes=classes,
                ignored=generator.random(count) < (0.2 if crowds else 0),
            )
        )
    return boxes, truth


@pytest.mark.parametrize("crowds", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_coco_equals_the_reference_implementation(seed: int, crowds: bool) -> None:
    """On random images pycocotools gives the same three figures."""
    reason = "pycocotools is not installed: pip install pycocotools"
    reference = pytest.importorskip("pycocotools.coco", reason=reason).COCO
    evaluation = pytest.importorskip("pycocotools.cocoeval").COCOeval
    boxes, truth = random_images(seed=seed, crowds=crowds)
    result = scoring.coco(boxes, truth, names=["a", "b", "c"])

    def sized(box: Any) -> list[float]:
        return [*box[:2], *(box[2:] - box[:2])]

    annotations = [
        {
            "image_id": image,
            "category_id": int(number),
            "bbox": sized(box),
            "area": float((box[2] - box[0]) * (box[3] - box[1])),
            "iscrowd": int(crowd),
        }
        for image, objects in enumerate(truth)
        for box, number, crowd in zip(objects.boxes, objects.classes, objects.ignored, strict=True)
    ]
    for number, annotation in enumerate(annotations, 1):
        annotation["id"] = number
    detected = [
        {
            "image_id": image,
            "category_id": int(number),
            "bbox": sized(box),
            "score": float(score),
        }
        for image, each in enumerate(boxes)
        for box, score, number in zip(each.boxes, each.scores, each.classes, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        known = reference()
        known.dataset = {
            "info": {},
            "images": [{"id": image} for image in range(len(truth))],
            "categories": [{"id": number} for number in range(3)],
            "annotations": annotations,
        }
        known.createIndex()
        judged = evaluation(known, known.loadRes(detected), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    mine = [result.value, result.beside["at overlap 0.50"], result.beside["at overlap 0.75"]]
    assert 0.05 < result.value < 0.95
    assert mine == pytest.approx(judged.stats[:3].tolist(), abs=1e-9)


# --- KITTI --------------------------------------------------------------------------------------

CAR: Box = (100, 100, 200, 150)  # 50 pixels high
VAN = KITTI_FURTHER["van"]
SITTING = KITTI_FURTHER["person_sitting"]
DONT_CARE = KITTI_FURTHER["dontcare"]
TRUCK = 9  # neither scored nor a neighbour


def road(*, n: int = 100, hits: int = 100, box: Box = CAR, number: int = 0) -> Any:
    """`n` images with one object each, found in the first `hits` of them with falling scores."""
    truth = [there((box, number)) for _ in range(n)]
    boxes = [found((box, 0.9 - i / 1000, number)) if i < hits else found() for i in range(n)]
    return boxes, truth


def with_box(boxes: list[Detections], box: Box, *, score: float, number: int) -> list[Detections]:
    """The detections with one more in every image."""
    return [
        Detections(
            boxes=np.concatenate([each.boxes, [box]]),
            scores=np.append(each.scores, score),
            classes=np.append(each.classes, number),
        )
        for each in boxes
    ]


def with_object(truth: list[Objects], box: Box, *, number: int) -> list[Objects]:
    """The objects with one more in every image."""
    return [
        Objects(boxes=np.concatenate([each.boxes, [box]]), classes=np.append(each.classes, number))
        for each in truth
    ]


@pytest.mark.parametrize("points", [11, 40])
def test_kitti_gives_all_for_finding_all(points: int) -> None:
    """A hundred cars found without error: 1 at every difficulty; other classes do not occur."""
    result = scoring.kitti(*road(), points=points)
    assert result.beside == {"car easy": 1.0, "car moderate": 1.0, "car hard": 1.0}
    assert result.value == 1.0
    assert f"{points} recall points" in result.how


@pytest.mark.parametrize(("points", "value"), [(40, 20 / 40), (11, 6 / 11)])
def test_kitti_samples_recall(points: int, value: float) -> None:
    """Half of the cars found: the 20 of 40 points up to a half, or 6 of 11 with the one at 0."""
    assert scoring.kitti(*road(hits=50), points=points).value == pytest.approx(value)


def test_kitti_takes_the_best_precision_from_a_recall_on() -> None:
    """Every fourth image has a false alarm surer than all: at best 100 right of 125."""
    boxes, truth = road()
    alarms = with_box(boxes, (50, 50, 60, 110), score=0.99, number=0)
    boxes = [alarms[i] if i % 4 == 0 else boxes[i] for i in range(100)]
    assert scoring.kitti(boxes, truth).value == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("box", "number", "value"),
    [
        ((100, 100, 200, 135.5), 0, 1.0),  # 0.71 of a car
        ((100, 100, 200, 134.5), 0, 0.0),  # 0.69
        ((100, 100, 200, 125.5), 1, 1.0),  # 0.51 of a pedestrian
        ((100, 100, 200, 125), 2, 0.0),  # exactly 0.5 of a cyclist is not above
    ],
)
def test_kitti_has_an_overlap_a_class(box: Box, number: int, value: float) -> None:
    """Cars must be overlapped by more than 0.7, people by more than 0.5."""
    _, truth = road(number=number)
    boxes = [found((box, 0.9 - i / 1000, number)) for i in range(100)]
    result = scoring.kitti(boxes, truth)
    assert result.beside[f"{scoring.KITTI_CLASSES[number]} moderate"] == value


@pytest.mark.parametrize(
    ("height", "occluded", "truncated", "counts"),
    [
        (40, 0, 0.15, ("easy", "moderate", "hard")),
        (39, 0, 0.0, ("moderate", "hard")),
        (50, 1, 0.0, ("moderate", "hard")),
        (50, 0, 0.3, ("moderate", "hard")),
        (50, 2, 0.0, ("hard",)),
        (50, 0, 0.5, ("hard",)),
        (24, 0, 0.0, ()),
        (50, 3, 0.0, ()),
        (50, 0, 0.51, ()),
    ],
)
def test_kitti_counts_an_object_by_its_difficulty(
    height: float, occluded: int, truncated: float, counts: tuple[str, ...]
) -> None:
    """Beside found cars there is a missed one an image: it halves recall only where it counts."""
    boxes, truth = road()
    missed = with_object(truth, (300, 100, 400, 100 + height), number=0)
    truth = [
        Objects(
            boxes=each.boxes,
            classes=each.classes,
            occluded=np.array([0, occluded]),
            truncated=np.array([0, truncated]),
        )
        for each in missed
    ]
    beside = scoring.kitti(boxes, truth).beside
    for name in ("easy", "moderate", "hard"):
        assert beside[f"car {name}"] == pytest.approx(0.5 if name in counts else 1.0), name


@pytest.mark.parametrize(
    ("number", "other", "value"),
    [(0, VAN, 1.0), (1, SITTING, 1.0), (0, SITTING, 0.5), (0, TRUCK, 0.5), (2, 1, 0.5)],
)
def test_kitti_forgives_neighbours(number: int, other: int, value: float) -> None:
    """A van taken for a car is no error, a truck is; so with sitting people and pedestrians."""
    boxes, truth = road(number=number)
    place: Box = (300, 100, 400, 150)
    truth = with_object(truth, place, number=other)
    boxes = with_box(boxes, place, score=0.99, number=number)
    name = f"{scoring.KITTI_CLASSES[number]} moderate"
    assert scoring.kitti(boxes, truth).beside[name] == pytest.approx(value)


@pytest.mark.parametrize(("right", "value"), [(371, 1.0), (369, 0.5)])
def test_kitti_forgives_what_lies_in_a_region(right: float, value: float) -> None:
    """A box with more than 0.7 of it inside a DontCare region is no error, with less it is."""
    boxes, truth = road()
    truth = with_object(truth, (0, 0, right, 300), number=DONT_CARE)
    boxes = with_box(boxes, (300, 200, 400, 250), score=0.99, number=0)
    assert scoring.kitti(boxes, truth).value == pytest.approx(value)


def test_kitti_forgives_small_boxes() -> None:
    """A false alarm of 30 pixels does not count as one where objects have at least 40."""
    boxes, truth = road()
    boxes = with_box(boxes, (300, 100, 400, 130), score=0.99, number=0)
    beside = scoring.kitti(boxes, truth).beside
    assert beside["car easy"] == 1.0
    assert beside["car moderate"] == pytest.approx(0.5)


def test_kitti_counts_doubles_as_errors() -> None:
    """Each of 100 cars has a second box, shown from the score on that the last car needs."""
    boxes, truth = road()
    boxes = [*with_box(boxes, (100, 100, 200, 148), score=0.6, number=0), found((CAR, 0.5, 0))]
    value = scoring.kitti(boxes, [*truth, there((CAR, 0))]).value
    assert value == pytest.approx((39 + 101 / 201) / 40)


def test_kitti_averages_classes_and_difficulties() -> None:
    """Cars all found and pedestrians none: a mean over six of 0.5."""
    boxes, truth = road()
    truth = with_object(truth, (300, 100, 330, 180), number=1)
    result = scoring.kitti(boxes, truth)
    assert result.value == 0.5
    assert result.beside["pedestrian hard"] == 0.0
    assert len(result.beside) == 6


def test_kitti_refuses_other_points() -> None:
    """Only 11 and 40 recall points are defined."""
    with pytest.raises(ValueError, match="11 or 40"):
        scoring.kitti(*road(n=2, hits=2), points=41)


# --- targets ------------------------------------------------------------------------------------


def test_rows_of_one_length_become_objects() -> None:
    """Rows filled up with class -1 give each image its own objects, and what is known of them."""
    targets = {
        "boxes": np.array([[SQUARE, FAR], [FAR, (0, 0, 0, 0)], [(0, 0, 0, 0)] * 2]),
        "classes": np.array([[1, 0], [2, -1], [-1, -1]]),
        "truncated": np.array([[0.1, 0.2], [0.3, 0], [0, 0]]),
    }
    first, second, third = scoring.padded_objects(targets)
    assert first.classes.tolist() == [1, 0]
    assert second.boxes.tolist() == [list(FAR)]
    assert second.truncated is not None
    assert second.truncated.tolist() == [0.3]
    assert second.occluded is None
    assert third.boxes.shape == (0, 4)
