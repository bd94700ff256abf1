"""Tests of the Sports-1M family's other fusions and of its network of two resolutions."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from benchsuite.accounting.count import count
from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.catalog import Entry, load_entry
from benchsuite.datasets.camera_motion import FRAMES, SIDE
from benchsuite.harness import network as harness
from benchsuite.types import EMBEDDED, REFERENCE, Count

FOLDER = Path(__file__).resolve().parent.parent / "workloads" / "video"
NAMES = ("single_frame", "early_fusion", "late_fusion", "multiresolution")
TRAINED = ("early_fusion", "late_fusion")


def entry(name: str) -> Entry:
    """A workload of the video folder."""
    return load_entry(FOLDER / f"{name}.py")


def counted(name: str) -> Count:
    """What one clip costs at reference scale."""
    workload = entry(name)
    (signature,) = workload.scale(REFERENCE).signatures
    return count(lambda: workload.module.build(REFERENCE), signature, batch=1, training=False)


# filters x (inputs x time x side x side + 1 bias)
CONV2_TO_5 = (
    256 * (96 * 5 * 5 + 1)
    + 384 * (256 * 3 * 3 + 1)
    + 384 * (384 * 3 * 3 + 1)
    + 256 * (384 * 3 * 3 + 1)
)
FC7_AND_8 = 4096 * (4096 + 1) + 487 * (4096 + 1)
ONE_FRAME = 96 * (3 * 11 * 11 + 1) + CONV2_TO_5


@pytest.mark.parametrize(
    ("name", "by_hand", "total"),
    [
        ("single_frame", ONE_FRAME + 4096 * (256 * 7 * 7 + 1) + FC7_AND_8, 73_908_071),
        (
            "early_fusion",
            96 * (3 * 10 * 11 * 11 + 1) + CONV2_TO_5 + 4096 * (256 * 7 * 7 + 1) + FC7_AND_8,
            74_221_703,
        ),
        ("late_fusion", ONE_FRAME + 4096 * (2 * 256 * 7 * 7 + 1) + FC7_AND_8, 125_288_295),
        ("multiresolution", 2 * ONE_FRAME + 4096 * (2 * 256 * 7 * 7 + 1) + FC7_AND_8, 129_035_495),
    ],
)
def test_parameters_by_hand(name: str, by_hand: int, total: int) -> None:
    """Shared towers count once, separate streams twice; only the joined layers grow else."""
    assert counted(name).parameters == by_hand == total


# multiply-accumulates: places x filters x taps, of a frame of 170 and of a stream of 89 pixels
CONV1_OF_170 = 54 * 54 * 96 * 3 * 11 * 11
REST_OF_170 = 27 * 27 * 256 * 96 * 25 + 14 * 14 * 9 * (384 * 256 + 384 * 384 + 256 * 384)
OF_89 = (
    27 * 27 * 96 * 3 * 11 * 11
    + 14 * 14 * 256 * 96 * 25
    + 7 * 7 * 9 * (384 * 256 + 384 * 384 + 256 * 384)
)
FC = 4096 * 4096 + 4096 * 487
FC6 = 256 * 7 * 7 * 4096


@pytest.mark.parametrize(
    ("name", "macs", "work"),
    [
        ("single_frame", CONV1_OF_170 + REST_OF_170 + FC6 + FC, 2_453_190_912),
        ("early_fusion", 10 * CONV1_OF_170 + REST_OF_170 + FC6 + FC, 4_282_292_736),
        ("late_fusion", 2 * (CONV1_OF_170 + REST_OF_170 + FC6) + FC, 4_868_837_888),
        ("multiresolution", 2 * (OF_89 + FC6) + FC, 1_433_300_096),
    ],
)
def test_work_by_hand(name: str, macs: int, work: int) -> None:
    """Twice the multiply-accumulates; ten frames cost early fusion only in its first layer."""
    result = counted(name)
    assert result.work == 2 * macs == work
    assert result.uncounted == ()


def test_streams_see_the_whole_frame_and_its_middle() -> None:
    """The context is the mean of 2x2 pixels, the fovea the middle 89x89; both end in 7x7x256."""
    network = entry("multiresolution").module.build(REFERENCE)
    streams = network.streams
    seen = {}
    for name in ("context", "fovea"):
        first = getattr(streams, name).conv1
        first.register_forward_hook(
            lambda _, given, __, name=name: seen.__setitem__(name, given[0].clone())
        )
    frame = torch.randn(1, 3, 1, 178, 178, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        joined = streams(frame)
    assert joined.shape == (1, 2 * 256 * 7 * 7)
    assert torch.equal(seen["fovea"], frame[..., 44:133, 44:133])
    halved = frame.reshape(1, 3, 1, 89, 2, 89, 2).mean(dim=(4, 6))
    assert torch.allclose(seen["context"], halved, atol=1e-6)


def test_streams_have_weights_of_their_own() -> None:
    """No tensor serves both streams."""
    with torch.device("meta"):
        names = list(entry("multiresolution").module.build(REFERENCE).state_dict())
    ends = {
        kind: [n.split(".", 2)[2] for n in names if f".{kind}." in n]
        for kind in ("context", "fovea")
    }
    assert ends["context"] == ends["fovea"]
    assert len(ends["context"]) == 10


def test_towers_of_late_fusion_are_the_single_frame_network() -> None:
    """Each frame's features are what single-frame convolutions of the same weights give."""
    late = entry("late_fusion").module.build(EMBEDDED)
    clips = torch.randn(2, 3, 2, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    end = list(dict(late.named_children())).index("flatten")
    with torch.inference_mode():
        both = late[:end](clips)
        alone = [late[:end](clips[:, :, [i]]) for i in (0, 1)]
    assert torch.allclose(both, torch.cat(alone, dim=2), atol=1e-6)


def test_late_fusion_takes_the_first_and_the_last_frame() -> None:
    """Of a stored clip two frames are left, nine apart, normalised as the family's."""
    clips = np.arange(FRAMES, dtype=np.uint8).reshape(1, 1, FRAMES, 1, 1)
    (frames,) = entry("late_fusion").module.preprocess((clips,))
    assert frames.dtype == np.float32
    assert frames.ravel().tolist() == [(0 - 110) / 64, (FRAMES - 1 - 110) / 64]


@pytest.mark.parametrize("name", NAMES)
def test_one_row_of_scores_a_clip(name: str) -> None:
    """Each scale's signature passes its network on the meta device."""
    workload = entry(name)
    for scale, classes in {REFERENCE: 487, EMBEDDED: 8}.items():
        if scale not in workload.workload.scales:
            continue
        (spec,) = workload.scale(scale).signatures[0].inputs
        with torch.device("meta"):
            network = workload.module.build(scale)
        assert network(torch.empty(3, *spec.shape, device="meta")).shape == (3, classes)


@pytest.mark.parametrize("name", TRAINED)
def test_embedded_is_the_same_network_in_small(name: str) -> None:
    """The embedded scale has the reference's layers, and less than 1 MB of weights."""
    with torch.device("meta"):
        small, large = (entry(name).module.build(scale) for scale in (EMBEDDED, REFERENCE))
    assert [type(layer) for layer in small] == [type(layer) for layer in large]
    assert 4 * sum(p.numel() for p in small.parameters()) < 1_000_000


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TRAINED)
def test_exports_to_onnx_with_equal_outputs(name: str, tmp_path: Path) -> None:
    """ONNX Runtime gives the embedded network's scores."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    workload = entry(name)
    network = harness.build(workload, EMBEDDED, seed=3)
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
