"""Tests of the image workloads: their published sizes, hand counts, export and augmentation."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from benchsuite import catalog
from benchsuite.accounting.count import count
from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.catalog import Entry
from benchsuite.harness import network as harness
from benchsuite.types import EMBEDDED, REFERENCE, Arrays, Part, Split

FOLDER = Path(__file__).parent.parent / "workloads" / "image"
NAMES = ("lenet", "squeezenet")
BOTH = [(name, scale) for name in NAMES for scale in (EMBEDDED, REFERENCE)]


def entry(name: str) -> Entry:
    """A workload of the image folder."""
    return catalog.load_entry(FOLDER / f"{name}.py")


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets a test import the files that workloads share."""
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    yield


def outputs(name: str, scale: str, *, seed: int) -> tuple[object, Arrays, Arrays]:
    """A network with its random inputs and what it makes of them."""
    import torch

    workload = entry(name)
    network = harness.build(workload, scale, seed=seed)
    inputs = harness.random_inputs(workload.scale(scale).signatures[0], batch=2, seed=seed)
    with torch.inference_mode():
        return network, inputs, as_arrays(network(*to_tensors(inputs)))


# --- the networks -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "scale", "parameters"),
    [
        ("lenet", EMBEDDED, 61_706),
        ("lenet", REFERENCE, 61_706),
        ("squeezenet", REFERENCE, 1_248_424),
    ],
)
def test_parameters_are_the_published_ones(name: str, scale: str, parameters: int) -> None:
    """Parameters with biases: LeNet-5's and SqueezeNet 1.0's totals."""
    signature = entry(name).scale(scale).signatures[0]
    build = entry(name).module.build
    assert count(lambda: build(scale), signature, batch=1, training=False).parameters == parameters


def test_the_embedded_squeezenet_is_small() -> None:
    """The embedded scale's weights stay below 0.8 MB."""
    network = harness.build(entry("squeezenet"), EMBEDDED)
    assert 4 * sum(parameter.numel() for parameter in network.parameters()) < 800_000


# multiply-accumulates by hand: places x filters x taps
LENET_MACS = [
    28 * 28 * 6 * 25,  # conv 1 -> 6, padded
    10 * 10 * 16 * 6 * 25,
    1 * 1 * 120 * 16 * 25,
    120 * 84,
    84 * 10,
]
SQUEEZENET_MACS = [
    111 * 111 * 96 * 3 * 49,  # conv1
    55 * 55 * (96 * 16 + 16 * 64 + 16 * 64 * 9),  # fire2
    55 * 55 * (128 * 16 + 16 * 64 + 16 * 64 * 9),
    55 * 55 * (128 * 32 + 32 * 128 + 32 * 128 * 9),
    27 * 27 * (256 * 32 + 32 * 128 + 32 * 128 * 9),  # fire5
    27 * 27 * (256 * 48 + 48 * 192 + 48 * 192 * 9),
    27 * 27 * (384 * 48 + 48 * 192 + 48 * 192 * 9),
    27 * 27 * (384 * 64 + 64 * 256 + 64 * 256 * 9),
    13 * 13 * (512 * 64 + 64 * 256 + 64 * 256 * 9),  # fire9
    13 * 13 * 512 * 1000,  # conv10
]


@pytest.mark.parametrize(
    ("name", "macs", "total"),
    [("lenet", LENET_MACS, 833_040), ("squeezenet", SQUEEZENET_MACS, 1_665_335_872)],
)
def test_work_is_the_hand_count(name: str, macs: list[int], total: int) -> None:
    """The suite counts twice the multiply-accumulates that the paper's shapes give by hand."""
    workload = entry(name)
    signature = workload.scale(REFERENCE).signatures[0]
    counted = count(lambda: workload.module.build(REFERENCE), signature, batch=1, training=False)
    assert 2 * sum(macs) == total
    assert sum(layer.work for layer in counted.layers) == total
    assert counted.uncounted == ()


def test_squeezenets_layers_have_the_published_shapes() -> None:
    """Every layer of the paper's table: its output's places and its parameters with biases."""
    import torch

    with torch.device("meta"):
        network = entry("squeezenet").module.build(REFERENCE)
    x = torch.empty(1, 3, 227, 227, device="meta")
    table = []
    for layer in [*network.features, *network.classifier]:
        x = layer(x)
        if parameters := sum(parameter.numel() for parameter in layer.parameters()):
            table.append((x.shape[-1], x.shape[1], parameters))
    assert table == [
        (111, 96, 14_208),
        (55, 128, 11_920),
        (55, 128, 12_432),
        (55, 256, 45_344),
        (27, 256, 49_440),
        (27, 384, 104_880),
        (27, 384, 111_024),
        (27, 512, 188_992),
        (13, 512, 197_184),
        (13, 1000, 513_000),
    ]


def test_squeezenets_tensors_are_named_as_in_the_official_checkpoints() -> None:
    """The state-dict's names and shapes are those of torchvision's `squeezenet1_0`."""
    import torch

    with torch.device("meta"):
        state = entry("squeezenet").module.build(REFERENCE).state_dict()
    filters = {3: 64, 4: 64, 5: 128, 7: 128, 8: 192, 9: 192, 10: 256, 12: 256}
    layers = [
        f"features.{i}.{part}" for i in filters for part in ("squeeze", "expand1x1", "expand3x3")
    ]
    assert list(state) == [
        f"{layer}.{kind}"
        for layer in ["features.0", *layers, "classifier.1"]
        for kind in ("weight", "bias")
    ]
    for i, e in filters.items():
        assert state[f"features.{i}.expand3x3.weight"].shape == (e, e // 4, 3, 3)
        assert state[f"features.{i}.expand1x1.weight"].shape == (e, e // 4, 1, 1)


def test_the_metaparameters_give_the_other_published_variant(beside: None) -> None:
    """With 64 3x3 filters first and earlier pools the definition is 1.1: 1,235,496 parameters."""
    import torch
    from _squeezenet import Design, squeezenet

    with torch.device("meta"):
        network = squeezenet(Design(stem=64, kernel=3, pools=(1, 3, 5)))
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_235_496
    assert "features.12.squeeze.weight" in network.state_dict()


def test_the_metaparameters_are_the_papers(beside: None) -> None:
    """Of base + incr * floor(i / freq) expand filters a share is 3x3; a ratio of them squeezes."""
    from _squeezenet import Design

    design = Design(base_e=40, incr_e=20, freq=3, pct3x3=0.25, squeeze_ratio=0.5)
    assert list(design.fires()) == [(20, 30, 10)] * 3 + [(30, 45, 15)] * 3 + [(40, 60, 20)] * 2


@pytest.mark.parametrize(("name", "scale"), BOTH)
def test_runs_on_the_meta_device(name: str, scale: str) -> None:
    """Every scale can be counted without memory, and gives one row of class scores a sample."""
    import torch

    workload = entry(name)
    (spec,) = workload.scale(scale).signatures[0].inputs
    with torch.device("meta"):
        network = workload.module.build(scale).eval()
        result = network(torch.empty(3, *spec.shape))
    assert result.device.type == "meta"
    assert result.shape == (3, 1000 if (name, scale) == ("squeezenet", REFERENCE) else 10)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "scale"), BOTH)
def test_exports_to_onnx_with_equal_outputs(name: str, scale: str, tmp_path: Path) -> None:
    """Exported with a fixed batch, ONNX Runtime gives what torch gives, for any inputs."""
    import torch

    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network, inputs, expected = outputs(name, scale, seed=3)
    path = tmp_path / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, to_tensors(inputs), str(path), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    (result,) = session.run(None, {given.name: inputs[0]})
    assert np.ptp(expected[0]) > 0
    assert np.allclose(result, expected[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_is_deterministic(name: str) -> None:
    """Two builds of one seed give equal outputs in evaluation; another seed gives others."""
    first, again, other = (outputs(name, EMBEDDED, seed=seed)[2][0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("seed", range(5))
def test_squeezenet_begins_undecided(seed: int) -> None:
    """At the start the class scores are small and nearly equal; most classes have a gradient."""
    _, _, (scores,) = outputs("squeezenet", EMBEDDED, seed=seed)
    assert scores.min() >= 0  # the ReLU after conv10
    assert np.ptp(scores) < 1
    assert (scores.max(axis=0) > 0).sum() >= 5


# --- preparation and augmentation ---------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_preprocessing_normalises_bytes(name: str) -> None:
    """Black and white become MNIST's standard scores, in float32, whatever came before."""
    (result,) = entry(name).module.preprocess((np.array([[[[0, 255]]]], dtype=np.uint8),))
    assert result.dtype == np.float32
    assert result.ravel() == pytest.approx([-0.1307 / 0.3081, 0.8693 / 0.3081], abs=1e-5)


def pictures(n: int = 40) -> Split:
    """Noise images between 1 and 2, each labelled with its number."""
    images = np.random.default_rng(0).uniform(1, 2, (n, 1, 28, 28)).astype(np.float32)
    images[:, 0, 8:20, 8:20] += np.arange(n, dtype=np.float32)[:, None, None] * 10
    return Split(parts=(Part(inputs=(images,), targets={"label": np.arange(n)}),))


@pytest.fixture
def jitter(beside: None) -> ModuleType:
    """The workloads' augmentation."""
    import _jitter

    return _jitter


def test_without_room_to_move_nothing_changes(jitter: ModuleType) -> None:
    """A jitter of zero gives the images themselves, shuffled, each once with its own label."""
    split = pictures()
    seen = []
    for (images,), targets in jitter.jittered(
        split, batch=8, seed=0, shift=0, degrees=0, stretch=0
    ):
        labels = targets["label"]
        assert np.allclose(images, split.parts[0].inputs[0][labels], atol=1e-4)
        seen += labels.tolist()
    assert seen != sorted(seen)
    assert sorted(seen) == list(range(40))


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_moved_but_keeps_its_label_and_its_range(name: str) -> None:
    """Warped images differ from the stored ones, hold no new values and stay recognisable."""
    split = pictures()
    before = split.parts[0].inputs[0].copy()
    for (images,), targets in entry(name).module.examples(split, batch=8, seed=0):
        assert images.dtype == np.float32
        assert images.shape == (8, 1, 28, 28)
        for image, label in zip(images, targets["label"], strict=True):
            original = before[label]
            assert not np.allclose(image, original, atol=0.05)
            assert image.min() >= original.min() - 1e-4
            assert image.max() <= original.max() + 1e-4
            assert image[0, 14, 14] == pytest.approx(10 * label + 1.5, abs=0.6)
    assert np.array_equal(split.parts[0].inputs[0], before)


def test_shifts_stay_within_the_bound(jitter: ModuleType) -> None:
    """A lit pixel moves by at most the shift, is seen on both sides, and the border is repeated."""
    images = np.full((200, 1, 28, 28), 5.0, dtype=np.float32)
    images[:, 0, 14, 14] = 10
    split = Split(parts=(Part(inputs=(images,), targets={"label": np.zeros(200, int)}),))
    ((moved,), _), *_ = jitter.jittered(split, batch=200, seed=0, shift=3, degrees=0, stretch=0)
    rows, columns = np.indices((28, 28))
    light = moved[:, 0] - 5
    for places in (rows, columns):
        centres = (light * places).sum(axis=(1, 2)) / light.sum(axis=(1, 2)) - 14
        assert np.abs(centres).max() <= 3.001
        assert centres.min() < -2
        assert centres.max() > 2
    assert np.allclose(moved[:, 0, :4], 5, atol=1e-4)


def test_epochs_differ_by_their_seed_alone(jitter: ModuleType) -> None:
    """One seed gives one epoch again; another seed gives other warps."""
    epochs = [
        np.concatenate([images for (images,), _ in jitter.jittered(pictures(), batch=8, seed=seed)])
        for seed in (4, 4, 5)
    ]
    assert np.array_equal(epochs[0], epochs[1])
    assert not np.allclose(np.sort(epochs[0].ravel()), np.sort(epochs[2].ravel()))


@pytest.mark.parametrize("name", NAMES)
def test_the_default_data_set_fits_the_signature(name: str) -> None:
    """Digits as stored pass the check of shapes and types at the embedded scale."""
    digits = Split(
        parts=(
            Part(inputs=(np.zeros((2, 1, 28, 28), np.uint8),), targets={"label": np.zeros(2, int)}),
        )
    )
    harness.check_split(entry(name), EMBEDDED, digits)
    assert next(iter(entry(name).scale(EMBEDDED).qualities)) == "mnist-5k"
