"""Tests of the classic image classifiers: hand counts, shapes, torchvision's outputs, export."""

from __future__ import annotations

import gc
import warnings
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchsuite import catalog
from benchsuite.accounting.count import count
from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.catalog import Entry
from benchsuite.formats import images
from benchsuite.harness import network as harness
from benchsuite.types import EMBEDDED, REFERENCE, Count, Part, Split

FOLDER = Path(__file__).parent.parent / "workloads" / "image"
SMALL = ("nin", "squeezenet_simple_bypass")

# A layer by hand: places of its output, filters, taps of each (inputs x side x side).
Row = tuple[int, int, int]


def fire(places: int, inputs: int, squeeze: int, expand: int, *, bypass: bool = False) -> list[Row]:
    """Half of `expand` filters are 1x1, half 3x3; a bypass is a 1x1 convolution of the input."""
    rows = [
        (places, squeeze, inputs),
        (places, expand // 2, squeeze),
        (places, expand // 2, squeeze * 9),
    ]
    return [*rows, (places, expand, inputs)] if bypass else rows


def inception(places: int, inputs: int, *filters: int, large: int = 25) -> list[Row]:
    """A row of the paper's table 1; `large` is 25 taps a channel, or 9 in torchvision."""
    f1, reduce3, f3, reduce5, f5, projection = filters
    return [
        (places, f1, inputs),
        (places, reduce3, inputs),
        (places, f3, reduce3 * 9),
        (places, reduce5, inputs),
        (places, f5, reduce5 * large),
        (places, projection, inputs),
    ]


def googlenet(large: int) -> list[Row]:
    """GoogLeNet's layers; 5x5 filters are 3x3 in torchvision."""
    return [
        (112 * 112, 64, 3 * 49),
        (56 * 56, 64, 64),
        (56 * 56, 192, 64 * 9),
        *inception(28 * 28, 192, 64, 96, 128, 16, 32, 32, large=large),
        *inception(28 * 28, 256, 128, 128, 192, 32, 96, 64, large=large),
        *inception(14 * 14, 480, 192, 96, 208, 16, 48, 64, large=large),
        *inception(14 * 14, 512, 160, 112, 224, 24, 64, 64, large=large),
        *inception(14 * 14, 512, 128, 128, 256, 24, 64, 64, large=large),
        *inception(14 * 14, 512, 112, 144, 288, 32, 64, 64, large=large),
        *inception(14 * 14, 528, 256, 160, 320, 32, 128, 128, large=large),
        *inception(7 * 7, 832, 256, 160, 320, 32, 128, 128, large=large),
        *inception(7 * 7, 832, 384, 192, 384, 48, 128, 128, large=large),
        (1, 1000, 1024),
    ]


def vgg(third: int) -> list[Row]:
    """VGG's layers with two convolutions in the first two stages and `third` in the others."""
    return [
        (224 * 224, 64, 3 * 9),
        (224 * 224, 64, 64 * 9),
        (112 * 112, 128, 64 * 9),
        (112 * 112, 128, 128 * 9),
        (56 * 56, 256, 128 * 9),
        *[(56 * 56, 256, 256 * 9)] * (third - 1),
        (28 * 28, 512, 256 * 9),
        *[(28 * 28, 512, 512 * 9)] * (third - 1),
        *[(14 * 14, 512, 512 * 9)] * third,
        (1, 4096, 512 * 7 * 7),
        (1, 4096, 4096),
        (1, 1000, 4096),
    ]


HAND: dict[tuple[str, str], list[Row]] = {
    ("alexnet", REFERENCE): [
        (55 * 55, 96, 3 * 121),
        (27 * 27, 256, 48 * 25),  # a group sees half the channels
        (13 * 13, 384, 256 * 9),
        (13 * 13, 384, 192 * 9),
        (13 * 13, 256, 192 * 9),
        (1, 4096, 256 * 6 * 6),
        (1, 4096, 4096),
        (1, 1000, 4096),
    ],
    ("alexnet_torchvision", REFERENCE): [
        (55 * 55, 64, 3 * 121),
        (27 * 27, 192, 64 * 25),
        (13 * 13, 384, 192 * 9),
        (13 * 13, 256, 384 * 9),
        (13 * 13, 256, 256 * 9),
        (1, 4096, 256 * 6 * 6),
        (1, 4096, 4096),
        (1, 1000, 4096),
    ],
    ("nin", REFERENCE): [
        (55 * 55, 96, 3 * 121),
        *[(55 * 55, 96, 96)] * 2,
        (27 * 27, 256, 96 * 25),
        *[(27 * 27, 256, 256)] * 2,
        (13 * 13, 384, 256 * 9),
        *[(13 * 13, 384, 384)] * 2,
        (6 * 6, 1024, 384 * 9),
        (6 * 6, 1024, 1024),
        (6 * 6, 1000, 1024),
    ],
    ("nin", EMBEDDED): [
        (14 * 14, 32, 25),
        *[(14 * 14, 32, 32)] * 2,
        (7 * 7, 64, 32 * 25),
        *[(7 * 7, 64, 64)] * 2,
        (3 * 3, 96, 64 * 9),
        *[(3 * 3, 96, 96)] * 2,
        (3 * 3, 96, 96 * 9),
        (3 * 3, 96, 96),
        (3 * 3, 10, 96),
    ],
    ("vgg16", REFERENCE): vgg(3),
    ("vgg19", REFERENCE): vgg(4),
    ("googlenet", REFERENCE): googlenet(25),
    ("googlenet_torchvision", REFERENCE): googlenet(9),
    ("squeezenet1_1", REFERENCE): [
        (113 * 113, 64, 3 * 9),
        *fire(56 * 56, 64, 16, 128),
        *fire(56 * 56, 128, 16, 128),
        *fire(28 * 28, 128, 32, 256),
        *fire(28 * 28, 256, 32, 256),
        *fire(14 * 14, 256, 48, 384),
        *fire(14 * 14, 384, 48, 384),
        *fire(14 * 14, 384, 64, 512),
        *fire(14 * 14, 512, 64, 512),
        (14 * 14, 1000, 512),
    ],
    ("squeezenet_simple_bypass", REFERENCE): [
        (111 * 111, 96, 3 * 49),
        *fire(55 * 55, 96, 16, 128),
        *fire(55 * 55, 128, 16, 128),
        *fire(55 * 55, 128, 32, 256),
        *fire(27 * 27, 256, 32, 256),
        *fire(27 * 27, 256, 48, 384),
        *fire(27 * 27, 384, 48, 384),
        *fire(27 * 27, 384, 64, 512),
        *fire(13 * 13, 512, 64, 512),
        (13 * 13, 1000, 512),
    ],
    ("squeezenet_simple_bypass", EMBEDDED): [
        (13 * 13, 32, 9),
        *fire(13 * 13, 32, 8, 32),
        *fire(13 * 13, 32, 8, 32),
        *fire(6 * 6, 32, 16, 64),
        *fire(6 * 6, 64, 16, 64),
        *fire(6 * 6, 64, 24, 96),
        *fire(6 * 6, 96, 24, 96),
        *fire(3 * 3, 96, 32, 128),
        *fire(3 * 3, 128, 32, 128),
        (3 * 3, 10, 128),
    ],
    ("squeezenet_complex_bypass", REFERENCE): [
        (111 * 111, 96, 3 * 49),
        *fire(55 * 55, 96, 16, 128, bypass=True),
        *fire(55 * 55, 128, 16, 128),
        *fire(55 * 55, 128, 32, 256, bypass=True),
        *fire(27 * 27, 256, 32, 256),
        *fire(27 * 27, 256, 48, 384, bypass=True),
        *fire(27 * 27, 384, 48, 384),
        *fire(27 * 27, 384, 64, 512, bypass=True),
        *fire(13 * 13, 512, 64, 512),
        (13 * 13, 1000, 512),
    ],
}


def entry(name: str) -> Entry:
    """A workload of the image folder."""
    return catalog.load_entry(FOLDER / f"{name}.py")


def counted(name: str, scale: str) -> Count:
    """One image through a network, on the meta device."""
    workload = entry(name)
    signature = workload.scale(scale).signatures[0]
    return count(lambda: workload.module.build(scale), signature, batch=1, training=False)


def on_meta(name: str) -> Any:
    """A network at reference scale that takes no memory."""
    import torch

    with torch.device("meta"):
        return entry(name).module.build(REFERENCE).eval()


# --- sizes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "scale"), HAND)
def test_every_layer_is_the_one_counted_by_hand(name: str, scale: str) -> None:
    """Places, filters, taps and parameters of each layer, and the sums, agree with the papers'."""
    result = counted(name, scale)
    table = HAND[name, scale]
    # a batch-normalised convolution has no bias; scale and shift are a layer of their own
    bias = 0 if name == "googlenet_torchvision" else 1
    working = [layer for layer in result.layers if layer.work]
    assert [
        (prod(layer.output_shape[2:]), layer.output_shape[1], layer.work) for layer in working
    ] == [(places, filters, 2 * places * filters * taps) for places, filters, taps in table]
    *convolutions, last = zip(working, table, strict=True)
    for layer, (_, filters, taps) in convolutions:
        assert layer.parameters == filters * (taps + bias)
    assert last[0].parameters == last[1][1] * (last[1][2] + 1)
    norms = 0 if bias else sum(2 * filters for _, filters, _ in table[:-1])
    assert result.parameters == sum(layer.parameters for layer in working) + norms
    assert result.uncounted == ()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("alexnet", 60_965_224),
        ("alexnet_torchvision", 61_100_840),
        ("nin", 7_595_176),
        ("vgg16", 138_357_544),
        ("vgg19", 143_667_240),
        ("googlenet", 6_998_552),
        ("googlenet_torchvision", 6_624_904),
        ("squeezenet1_1", 1_235_496),
        ("squeezenet_simple_bypass", 1_248_424),
        # 1.0's and the four convolutions'
        (
            "squeezenet_complex_bypass",
            1_248_424 + (96 + 1) * 128 + (128 + 1) * 256 + (256 + 1) * 384 + (384 + 1) * 512,
        ),
    ],
)
def test_parameters_are_the_published_ones(name: str, parameters: int) -> None:
    """Every parameter, biases included."""
    assert sum(parameter.numel() for parameter in on_meta(name).parameters()) == parameters


@pytest.mark.parametrize(
    ("name", "gflop"),
    [
        ("alexnet", 1.449),
        ("alexnet_torchvision", 2 * 0.714),  # torchvision's own figures are multiply-accumulates
        ("nin", 2.212),
        ("vgg16", 30.94),
        ("vgg19", 39.26),
        ("googlenet", 3.165),
        ("googlenet_torchvision", 2 * 1.498),
    ],
)
def test_work_is_the_published_one(name: str, gflop: float) -> None:
    """FLOP an image to a thousandth."""
    assert counted(name, REFERENCE).work / 1e9 == pytest.approx(gflop, rel=1e-3)


@pytest.mark.parametrize("name", SMALL)
def test_the_embedded_scale_is_small(name: str) -> None:
    """The embedded scale's weights stay below 1 MB, and its images are the digits'."""
    workload = entry(name)
    network = harness.build(workload, EMBEDDED)
    assert 4 * sum(parameter.numel() for parameter in network.parameters()) <= 1_000_000
    digits = Split(
        parts=(
            Part(inputs=(np.zeros((2, 1, 28, 28), np.uint8),), targets={"label": np.zeros(2, int)}),
        )
    )
    harness.check_split(workload, EMBEDDED, digits)
    qualities = workload.scale(EMBEDDED).qualities
    assert list(qualities) == ["mnist-5k", "mnist", "fashion-mnist"]
    assert qualities["mnist-5k"].target == 0.975


# --- what the layers do -------------------------------------------------------------------------


def test_alexnets_response_normalisation_is_the_papers() -> None:
    """Each channel is divided by (2 + 1e-4 sum of squares over five channels) ** 0.75."""
    import torch

    norm = on_meta("alexnet").features[2]
    x = 40 * torch.randn(1, 96, 2, 2, generator=torch.Generator().manual_seed(0))
    squares = x.numpy()[0].astype(np.float64) ** 2
    sums = np.stack([squares[max(0, c - 2) : c + 3].sum(axis=0) for c in range(96)])
    expected = x.numpy()[0] / (2 + 1e-4 * sums) ** 0.75
    assert np.allclose(norm(x).numpy()[0], expected, rtol=1e-4)


def test_googlenets_stem_is_in_the_papers_order() -> None:
    """Response normalisation follows the first pool and precedes the second."""
    names = [name for name, _ in on_meta("googlenet").named_children()]
    assert names[:7] == ["conv1", "maxpool1", "norm1", "conv2", "conv3", "norm2", "maxpool2"]
    assert "norm1" not in dict(on_meta("googlenet_torchvision").named_children())


def test_torchvisions_googlenet_sees_pixels_between_minus_one_and_one() -> None:
    """Black becomes -1 and white 1 in every channel once prepared input has passed the change."""
    import torch

    workload = entry("googlenet_torchvision")
    pixels = np.array([0, 255, 51], dtype=np.uint8).reshape(1, 3, 1).repeat(3, axis=2)
    prepared = images.normalise(pixels, images.TORCHVISION)[None]
    assert prepared.dtype == np.float32
    rescale = workload.module.build(REFERENCE).rescale
    result = rescale(torch.from_numpy(prepared)).numpy()
    assert np.allclose(result, np.array([-1, 1, -0.6]), atol=1e-6)


def test_colour_and_grey_are_normalised_by_their_own_statistics() -> None:
    """Three channels by ImageNet's mean and deviation, one by MNIST's."""
    module = entry("nin").module
    (colour,) = module.preprocess((np.full((2, 3, 4, 4), 255, np.uint8),))
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    assert np.allclose(colour[1, :, 2, 3], (1 - mean) / deviation, atol=1e-5)
    (grey,) = module.preprocess((np.zeros((2, 1, 4, 4), np.uint8),))
    assert np.allclose(grey, -0.1307 / 0.3081, atol=1e-6)


@pytest.mark.parametrize("name", sorted({name for name, _ in HAND} | {"squeezenet"}))
def test_a_picture_is_prepared_for_the_reference_scale(name: str) -> None:
    """A decoded picture of any size becomes the signature's shape; the target is ImageNet's."""
    pytest.importorskip("PIL")
    workload = entry(name)
    picture = np.zeros((300, 400, 3), dtype=np.uint8)
    scale = workload.scale(REFERENCE)
    result = workload.module.prepare((picture,), REFERENCE)
    assert result.dtype == np.float32
    assert result.shape == scale.signatures[0].inputs[0].shape
    assert list(scale.qualities) == ["imagenet"]
    assert scale.qualities["imagenet"].note


def test_bypasses_are_added_where_the_paper_has_them() -> None:
    """A bypassed fire module gives 1.0's output plus its input, or plus a convolution of it."""
    import torch

    plain = harness.build(entry("squeezenet"), REFERENCE)
    state = plain.state_dict()
    generator = torch.Generator().manual_seed(0)
    fires = (3, 4, 5, 7, 8, 9, 10, 12)  # where fire2 to fire9 lie in `features`
    for name in ("squeezenet_simple_bypass", "squeezenet_complex_bypass"):
        network = harness.build(entry(name), REFERENCE, seed=1)
        missing = network.load_state_dict(state, strict=False).missing_keys
        widening = [
            f"features.{i}.bypass.{kind}" for i in fires[::2] for kind in ("weight", "bias")
        ]
        assert missing == (widening if "complex" in name else [])
        for number, i in enumerate(fires, 2):
            x = torch.randn(1, plain.features[i].squeeze.in_channels, 5, 5, generator=generator)
            with torch.inference_mode():
                expected = plain.features[i](x)
                if number % 2:
                    expected = expected + x
                elif "complex" in name:
                    expected = expected + network.features[i].bypass(x)
                assert torch.equal(network.features[i](x), expected)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("seed", range(3))
def test_most_classes_have_a_gradient_at_the_start(name: str, seed: int) -> None:
    """The ReLU after the last convolution does not silence a class before training begins."""
    import torch

    workload = entry(name)
    network = harness.build(workload, EMBEDDED, seed=seed)
    inputs = harness.random_inputs(workload.scale(EMBEDDED).signatures[0], batch=4, seed=seed)
    with torch.inference_mode():
        (scores,) = as_arrays(network(*to_tensors(inputs)))
    assert scores.min() >= 0
    assert (scores.max(axis=0) > 0).sum() >= 5


# --- the official checkpoints -------------------------------------------------------------------

TORCHVISION = {
    "alexnet_torchvision": "alexnet",
    "vgg16": "vgg16",
    "vgg19": "vgg19",
    "googlenet_torchvision": "googlenet",
    "squeezenet": "squeezenet1_0",
    "squeezenet1_1": "squeezenet1_1",
}


@pytest.mark.parametrize(
    ("name", "features", "classifier"),
    [
        ("alexnet_torchvision", (0, 3, 6, 8, 10), (1, 4, 6)),
        ("vgg16", (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), (0, 3, 6)),
        ("vgg19", (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34), (0, 3, 6)),
    ],
)
def test_tensors_are_named_as_in_the_official_checkpoints(
    name: str, features: tuple[int, ...], classifier: tuple[int, ...]
) -> None:
    """Weights and biases lie at torchvision's positions in `features` and `classifier`."""
    layers = [f"features.{i}" for i in features] + [f"classifier.{i}" for i in classifier]
    expected = [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
    assert list(on_meta(name).state_dict()) == expected


def test_googlenets_tensors_are_named_as_in_the_official_checkpoint() -> None:
    """Convolution and batch normalisation of each branch, then the full connection."""
    state = list(on_meta("googlenet_torchvision").state_dict())
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    kinds = ["conv.weight", *(f"bn.{kind}" for kind in norm)]
    branches = ("branch1", "branch2.0", "branch2.1", "branch3.0", "branch3.1", "branch4.1")
    modules = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
    convolutions = ["conv1", "conv2", "conv3"] + [
        f"inception{module}.{branch}" for module in modules for branch in branches
    ]
    assert state == [
        *(f"{convolution}.{kind}" for convolution in convolutions for kind in kinds),
        "fc.weight",
        "fc.bias",
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TORCHVISION)
def test_outputs_are_torchvisions(name: str, torchvision_models: Any) -> None:
    """With one state dict, torchvision's own definition gives the same scores to 1e-4."""
    import torch

    workload = entry(name)
    network = harness.build(workload, REFERENCE, seed=5)
    generator = torch.Generator().manual_seed(6)
    for key, tensor in network.state_dict().items():
        if key.endswith(("bias", "running_mean")):
            tensor.normal_(std=0.1, generator=generator)
        elif key.endswith("running_var") or ".bn.weight" in key:
            tensor.uniform_(0.5, 1.5, generator=generator)
    options: dict[str, Any] = {}
    if name == "googlenet_torchvision":  # as torchvision makes it for its own weights
        options = {"aux_logits": False, "transform_input": True, "init_weights": False}
    with torch.device("meta"):
        official = getattr(torchvision_models, TORCHVISION[name])(**options).eval()
    official.load_state_dict(network.state_dict(), assign=True)
    x = torch.randn(2, 3, 224, 224, generator=generator)
    with torch.inference_mode():
        ours, theirs = network(x), official(x)
    assert theirs.std() > 0
    assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()
    del network, official
    gc.collect()


# --- export -------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "scale"),
    [
        *((name, EMBEDDED) for name in SMALL),
        ("googlenet", REFERENCE),
        ("googlenet_torchvision", REFERENCE),
        ("squeezenet_complex_bypass", REFERENCE),
    ],
)
def test_exports_to_onnx_with_equal_outputs(name: str, scale: str, tmp_path: Path) -> None:
    """Exported with a fixed batch, ONNX Runtime gives what torch gives, for any inputs."""
    import torch

    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    workload = entry(name)
    network = harness.build(workload, scale, seed=3)
    inputs = harness.random_inputs(workload.scale(scale).signatures[0], batch=2, seed=3)
    with torch.inference_mode():
        (expected,) = as_arrays(network(*to_tensors(inputs)))
    path = tmp_path / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, to_tensors(inputs), str(path), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    (result,) = session.run(None, {given.name: inputs[0]})
    assert np.ptp(expected) > 0
    assert np.allclose(result, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
