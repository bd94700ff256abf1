"""Tests of SqueezeDet and SqueezeDet+: published sizes, hand counts, boxes, suppression."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from benchsuite import catalog
from benchsuite.accounting.count import count
from benchsuite.arrays import as_arrays
from benchsuite.catalog import Entry
from benchsuite.scoring import Detections
from benchsuite.types import REFERENCE, Part, Split

FOLDER = Path(__file__).parent.parent / "workloads" / "image"
NAMES = ("squeezedet", "squeezedet_plus")
PLACES = {"squeezedet": (24, 78), "squeezedet_plus": (22, 76)}

Fires = list[tuple[int, int, int, int]]  # inputs, squeeze, expand 1x1 and expand 3x3 filters
FIRES: dict[str, Fires] = {
    "squeezedet": [
        (64, 16, 64, 64),
        (128, 16, 64, 64),
        (128, 32, 128, 128),
        (256, 32, 128, 128),
        (256, 48, 192, 192),
        (384, 48, 192, 192),
        (384, 64, 256, 256),
        (512, 64, 256, 256),
        (512, 96, 384, 384),
        (768, 96, 384, 384),
    ],
    "squeezedet_plus": [
        (96, 96, 64, 64),
        (128, 96, 64, 64),
        (128, 192, 128, 128),
        (256, 192, 128, 128),
        (256, 288, 192, 192),
        (384, 288, 192, 192),
        (384, 384, 256, 256),
        (512, 384, 256, 256),
        (512, 384, 256, 256),
        (512, 384, 256, 256),
    ],
}


def entry(name: str) -> Entry:
    """A workload of the image folder."""
    return catalog.load_entry(FOLDER / f"{name}.py")


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The definition that both share."""
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    import _squeezedet

    yield _squeezedet


# --- sizes and work -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "first", "last", "total", "megabytes"),
    [
        ("squeezedet", 64 * 3 * 9 + 64, 72 * 768 * 9 + 72, 2_082_120, 7.9),
        ("squeezedet_plus", 96 * 3 * 49 + 96, 72 * 512 * 9 + 72, 7_021_640, 26.8),
    ],
)
def test_parameters_are_the_hand_count_and_the_published_size(
    name: str, first: int, last: int, total: int, megabytes: float
) -> None:
    """With biases, by layers; in fp32 the paper's model sizes, whose MB are 1024 x 1024 bytes."""
    fires = [
        i * s + s + s * e1 + e1 + s * e3 * 9 + e3  # squeeze, expand 1x1, expand 3x3
        for i, s, e1, e3 in FIRES[name]
    ]
    assert first + sum(fires) + last == total
    assert round(4 * total / 2**20, 1) == megabytes
    workload = entry(name)
    signature = workload.scale(REFERENCE).signatures[0]
    counted = count(lambda: workload.module.build(REFERENCE), signature, batch=1, training=False)
    assert counted.parameters == total


def fire(inputs: int, squeeze: int, e1x1: int, e3x3: int) -> int:
    """Multiply-accumulates of a fire module, a place."""
    return inputs * squeeze + squeeze * e1x1 + squeeze * e3x3 * 9


SQUEEZEDET_MACS = [
    192 * 624 * 64 * 3 * 9,
    96 * 312 * sum(fire(*f) for f in FIRES["squeezedet"][:2]),
    48 * 156 * sum(fire(*f) for f in FIRES["squeezedet"][2:4]),
    24 * 78 * sum(fire(*f) for f in FIRES["squeezedet"][4:]),
    24 * 78 * 72 * 768 * 9,
]
SQUEEZEDET_PLUS_MACS = [
    189 * 621 * 96 * 3 * 49,
    94 * 310 * sum(fire(*f) for f in FIRES["squeezedet_plus"][:3]),
    46 * 154 * sum(fire(*f) for f in FIRES["squeezedet_plus"][3:7]),
    22 * 76 * sum(fire(*f) for f in FIRES["squeezedet_plus"][7:]),
    22 * 76 * 72 * 512 * 9,
]


@pytest.mark.parametrize(
    ("name", "macs", "total"),
    [
        ("squeezedet", SQUEEZEDET_MACS, 10_566_107_136),
        ("squeezedet_plus", SQUEEZEDET_PLUS_MACS, 78_901_492_800),
    ],
)
def test_work_is_the_hand_count(name: str, macs: list[int], total: int) -> None:
    """Twice the multiply-accumulates of the shapes for 1248x384 pixels."""
    workload = entry(name)
    signature = workload.scale(REFERENCE).signatures[0]
    counted = count(lambda: workload.module.build(REFERENCE), signature, batch=1, training=False)
    assert counted.work == 2 * sum(macs) == total
    assert counted.uncounted == ()


@pytest.mark.parametrize(
    ("name", "stem", "kernel", "pools", "published"),
    [("squeezedet", 64, 3, (1, 3, 5), 9.7), ("squeezedet_plus", 96, 7, (1, 4, 8), 77.2)],
)
def test_the_papers_work_is_that_of_smaller_images(
    name: str, stem: int, kernel: int, pools: tuple[int, ...], published: float
) -> None:
    """At 1242x375 without padding, with an addition a bias and two FLOP a ReLU, it is the paper's.

    So the published figures belong to the same layers; the difference to this suite's is the
    input, the padding and the convention of counting.
    """

    def work(places: int, inputs: int, filters: int, side: int) -> int:
        return places * filters * (2 * inputs * side * side + 1 + 2)

    width, height = (1242 - kernel) // 2 + 1, (375 - kernel) // 2 + 1
    total = work(width * height, 3, stem, kernel)
    for number, (inputs, squeeze, e1x1, e3x3) in enumerate(FIRES[name], 2):
        if number - 1 in pools:
            width, height = (width - 3) // 2 + 1, (height - 3) // 2 + 1
        total += work(width * height, inputs, squeeze, 1)
        total += work(width * height, squeeze, e1x1, 1) + work(width * height, squeeze, e3x3, 3)
    assert (width, height) == (76, 22)
    total += work(width * height, sum(FIRES[name][-1][2:]), 72, 3)
    assert total / 1e9 == pytest.approx(published, abs=0.06)


@pytest.mark.parametrize("name", NAMES)
def test_layers_have_the_published_shapes(name: str) -> None:
    """Output of conv1, of every fire module and of ConvDet, and the authors' names of layers."""
    import torch

    with torch.device("meta"):
        network = entry(name).module.build(REFERENCE).eval()
    shapes: dict[str, tuple[int, ...]] = {}
    x = torch.empty(2, 3, 384, 1248, device="meta")
    for layer, module in network.named_children():
        x = module(x)
        shapes[layer] = tuple(x.shape[1:])
    if name == "squeezedet":
        at = {1: (192, 624), 2: (96, 312), 4: (48, 156), 6: (24, 78)}
    else:
        at = {1: (189, 621), 2: (94, 310), 5: (46, 154), 9: (22, 76)}
    place = at[1]
    assert shapes["conv1"] == (64 if name == "squeezedet" else 96, *place)
    for number, (_, _, e1x1, e3x3) in enumerate(FIRES[name], 2):
        place = at.get(number, place)
        assert shapes[f"fire{number}"] == (e1x1 + e3x3, *place)
    assert place == PLACES[name]
    assert shapes["conv12"] == (72, *place)
    layers = ["conv1", *(f"fire{i}.{part}" for i in range(2, 12) for part in PARTS), "conv12"]
    assert list(network.state_dict()) == [
        f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")
    ]


PARTS = ("squeeze1x1", "expand1x1", "expand3x3")


def test_padding_is_on_the_right_and_at_the_bottom(family: ModuleType) -> None:
    """As TensorFlow's SAME for even sizes: the first tap lies on the pixels 0, 2, 4, ..."""
    import torch

    design = family.Design(stem=3, kernel=3, fires=((1, 1, 1),), pools=(1,), padded=True)
    network = family.squeezedet(design).eval()
    with torch.inference_mode():
        network.conv1.weight.zero_()
        for channel in range(3):
            network.conv1.weight[channel, channel, 0, 0] = 1
        x = torch.rand(1, 3, 8, 12)
        convolved = network.relu1(network.conv1(network.pad1(x)))
        assert torch.equal(convolved, x[:, :, ::2, ::2])
        pooled = network.pool1(convolved)
    assert pooled.shape[2:] == (2, 3)
    assert pooled[0, 0, 1, 2] == convolved[0, 0, 2:, 4:].max()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("padded", [False, True])
def test_exports_to_onnx_with_equal_outputs(
    padded: bool, family: ModuleType, tmp_path: Path
) -> None:
    """A small network of the same layers, exported, gives what torch gives."""
    import torch

    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    design = family.Design(
        stem=8, kernel=3, fires=((4, 8, 8), (4, 8, 8)), pools=(1, 2), padded=padded
    )
    network = family.squeezedet(design).eval()
    inputs = torch.rand(2, 3, 48, 64)
    with torch.inference_mode():
        (expected,) = as_arrays(network(inputs))
    path = tmp_path / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (inputs,), str(path), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {session.get_inputs()[0].name: inputs.numpy()})
    assert np.ptp(expected) > 0
    assert np.allclose(result, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_preprocessing_swaps_colours_and_removes_their_means() -> None:
    """RGB bytes become blue, green, red in float32, each less ImageNet's mean."""
    image = np.zeros((375, 1242, 3), dtype=np.uint8)
    image[..., 0] = 200  # red
    result = entry("squeezedet").module.prepare((image,), REFERENCE)
    assert result.dtype == np.float32
    assert result.shape == (3, 384, 1248)
    assert result[:, 0, 0] == pytest.approx([-103.939, -116.779, 200 - 123.68], rel=1e-5)


# --- boxes --------------------------------------------------------------------------------------


def test_anchors_divide_the_image_evenly(family: ModuleType) -> None:
    """Nine shapes a place in rows of places: 16,848 for 78x24 and 15,048 for 76x22."""
    anchors = family.anchor_boxes(24, 78)
    assert anchors.shape == (16_848, 4)
    assert family.anchor_boxes(22, 76).shape == (15_048, 4)
    assert anchors[0] == pytest.approx([1248 / 79, 384 / 25, 36, 37])
    assert anchors[1] == pytest.approx([1248 / 79, 384 / 25, 366, 174])
    assert anchors[9] == pytest.approx([2 * 1248 / 79, 384 / 25, 36, 37])
    assert anchors[78 * 9] == pytest.approx([1248 / 79, 2 * 384 / 25, 36, 37])
    assert anchors[-1] == pytest.approx([78 * 1248 / 79, 24 * 384 / 25, 72, 43])


@pytest.mark.parametrize(
    ("delta", "box"),
    [
        ((0, 0, 0, 0), (580, 180, 620, 220)),
        ((0.5, -0.25, 0, 0), (600, 170, 640, 210)),  # in shares of the anchor's size
        ((0, 0, np.log(2), np.log(0.5)), (560, 190, 640, 210)),
        ((0, 0, 2, 0), (600 - 40 * np.e, 180, 600 + 40 * np.e, 220)),  # e (2 - 1 + 1), not e^2
        ((-20, 0, 0, 0), (0, 180, 0, 220)),  # cut at the border
        ((16, 10, 0, 0), (1220, 383, 1247, 383)),
    ],
)
def test_boxes_are_decoded(delta: tuple[float, ...], box: Any, family: ModuleType) -> None:
    """Shifted and stretched from an anchor of 40x40 pixels at (600, 200)."""
    anchor = np.array([600.0, 200.0, 40.0, 40.0])
    assert family.decode(np.array(delta), anchor) == pytest.approx(np.array(box))


BOXES = np.array(
    [
        [0, 0, 100, 100],
        [0, 0, 100, 90],  # 0.9 of the first
        [0, 60, 100, 160],  # 0.25 of the first, 0.2 of the second
        [0, 0, 100, 39],  # 0.39 of the first, 0.43 of the second
    ],
    dtype=np.float64,
)


@pytest.mark.parametrize(
    ("scores", "classes", "kept"),
    [
        ((0.9, 0.8, 0.7, 0.6), (0, 0, 0, 0), [0, 2, 3]),  # the second goes, and harms none
        ((0.8, 0.9, 0.7, 0.6), (0, 0, 0, 0), [1, 2]),
        ((0.8, 0.9, 0.7, 0.6), (0, 1, 0, 1), [1, 0, 2]),  # classes do not see each other
        ((0.5, 0.5, 0.5, 0.5), (0, 0, 0, 0), [0, 2, 3]),  # equal ones stay in order
    ],
)
def test_suppression(scores: Any, classes: Any, kept: list[int], family: ModuleType) -> None:
    """A box goes if one of its class that stays is more probable and overlaps it above 0.4."""
    result = family.suppress(BOXES, np.array(scores), np.array(classes))
    assert result.tolist() == kept


def test_suppression_of_nothing(family: ModuleType) -> None:
    """No boxes, no indices."""
    none = np.zeros((0, 4))
    assert family.suppress(none, np.zeros(0), np.zeros(0)).tolist() == []


def maps(*entries: tuple[int, int, int, int, float], rows: int = 24, columns: int = 78) -> Any:
    """A network's output (1, 72, rows, columns) with sure classes at some anchors.

    Entries are row, column, anchor, class and logit of the confidence; elsewhere it is -20.
    """
    output = np.zeros((1, 72, rows, columns), dtype=np.float32)
    output[:, 27:36] = -20
    for row, column, anchor, number, confidence in entries:
        output[0, anchor * 3 + number, row, column] = 50
        output[0, 27 + anchor, row, column] = confidence
    return output


def best(output: Any, *, above: float = 0.1) -> Detections:
    """What is found in an output above a probability."""
    (detections,) = entry("squeezedet").module.postprocess((output,))
    sure = detections.scores > above
    return Detections(
        boxes=detections.boxes[sure],
        scores=detections.scores[sure],
        classes=detections.classes[sure],
    )


def test_an_output_becomes_boxes() -> None:
    """Two anchors are sure: their boxes, class times confidence, the more probable first."""
    output = maps((12, 40, 2, 1, 0.0), (3, 5, 0, 2, 2.0))
    output[0, 36 + 0 * 4 + 0, 3, 5] = 1.0  # one anchor's width to the right
    output[0, 36 + 2 * 4 + 3, 12, 40] = np.log(0.5)  # half of the height
    result = best(output)
    assert result.classes.tolist() == [2, 1]
    assert result.scores == pytest.approx([1 / (1 + np.exp(-2)), 0.5], rel=1e-5)
    x, y = 6 * 1248 / 79 + 36, 4 * 384 / 25
    assert result.boxes[0] == pytest.approx([x - 18, y - 18.5, x + 18, y + 18.5], rel=1e-5)
    x, y = 41 * 1248 / 79, 13 * 384 / 25
    expected = [x - 57.5, y - 14.75, x + 57.5, y + 14.75]
    assert result.boxes[1] == pytest.approx(expected, rel=1e-5)


def test_class_scores_are_a_softmax() -> None:
    """Scores 1, 0, 0 give the first class e / (e + 2) of the confidence."""
    output = maps((12, 40, 2, 0, 100.0))
    output[0, 6, 12, 40] = 1.0
    assert best(output).scores == pytest.approx([np.e / (np.e + 2)], rel=1e-5)


def test_neighbouring_places_give_one_box() -> None:
    """Three places see a car of 366 pixels: the surest one's box stays, another class's too."""
    output = maps(
        (12, 40, 1, 0, 1.0), (12, 41, 1, 0, 3.0), (12, 42, 1, 0, 2.0), (12, 43, 1, 1, 0.0)
    )
    result = best(output)
    assert result.classes.tolist() == [0, 1]
    x = 42 * 1248 / 79
    assert result.boxes[0, [0, 2]] == pytest.approx([x - 183, x + 183], rel=1e-5)


def test_at_most_64_boxes_an_image() -> None:
    """Of a hundred sure and distant boxes the 64 most probable ones are given; images are apart."""
    places = [(row, column) for row in range(1, 24, 2) for column in range(0, 78, 6)][:100]
    one = maps(*((row, column, 0, 0, 5 - i / 50) for i, (row, column) in enumerate(places)))
    two = maps((12, 40, 2, 1, 4.0))
    first, second = entry("squeezedet").module.postprocess((np.concatenate([one, two]),))
    assert len(first.scores) == 64
    assert (np.diff(first.scores) <= 0).all()
    assert first.scores[-1] == pytest.approx(1 / (1 + np.exp(-(5 - 63 / 50))), rel=1e-5)
    assert second.classes[0] == 1


def test_the_larger_variant_has_its_own_places() -> None:
    """22x76 places divide the same image."""
    result = best(maps((20, 74, 0, 0, 3.0), rows=22, columns=76))
    x, y = 75 * 1248 / 77, 21 * 384 / 23
    assert result.boxes[0] == pytest.approx([x - 18, y - 18.5, x + 18, y + 18.5], rel=1e-5)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_the_score_compares_in_the_original_image(scale: float) -> None:
    """Found cars in images of the input's size or half of it score by KITTI's rules."""
    x, y = 41 * 1248 / 79, 13 * 384 / 25
    box = scale * np.array([x - 112, y - 54, x + 112, y + 54])
    n = 41  # KITTI's samples of recall, 0 and 1 among them
    outputs = np.concatenate([maps((12, 40, 6, 0, 5 - i / 20)) for i in range(n)])
    targets = {
        "size": np.tile(scale * np.array([1248, 384]), (n, 1)),
        "boxes": np.tile(box, (n, 1, 1)),
        "classes": np.zeros((n, 1), dtype=np.int64),
    }
    split = Split(parts=(Part(inputs=(np.zeros(n),), targets=targets),))
    result = entry("squeezedet").module.score([(outputs,)], split)
    assert result.value == pytest.approx(1.0)
    assert result.samples == n
