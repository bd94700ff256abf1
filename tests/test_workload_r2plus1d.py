"""Tests of the workload `video/r2plus1d_18`."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from benchsuite.accounting.count import count
from benchsuite.catalog import Entry, load_entry
from benchsuite.types import REFERENCE


@pytest.fixture(scope="module")
def entry() -> Entry:
    """The workload as the catalogue loads it."""
    root = Path(__file__).resolve().parent.parent
    return load_entry(root / "workloads" / "video" / "r2plus1d_18.py")


# inputs, outputs and width between of both convolutions; frames and side of the output
BLOCKS = [
    *[(64, 64, 144, 16, 56)] * 2,
    (64, 128, 230, 8, 28),
    (128, 128, 288, 8, 28),
    (128, 256, 460, 4, 14),
    (256, 256, 576, 4, 14),
    (256, 512, 921, 2, 7),
    (512, 512, 1152, 2, 7),
]


def test_parameters_are_the_published_ones(entry: Entry) -> None:
    """By hand, with two a channel for batch normalisation: torchvision's 31,505,325."""
    total = 45 * 3 * 49 + 2 * 45 + 64 * 45 * 3 + 2 * 64  # the stem
    for inputs, outputs, between, *_ in BLOCKS:
        total += between * (inputs + outputs) * 9 + 2 * outputs * between * 3
        total += 2 * (2 * between + 2 * outputs)
        if inputs != outputs:
            total += inputs * outputs + 2 * outputs
    total += 400 * (512 + 1)
    with torch.device("meta"):
        network = entry.module.build(REFERENCE)
    assert sum(p.numel() for p in network.parameters()) == total == 31_505_325


def test_work_by_hand(entry: Entry) -> None:
    """A block's first convolution strides in space before it strides in time: 40.5 GMAC."""
    macs = 16 * 56 * 56 * (45 * 3 * 49 + 64 * 45 * 3)
    for inputs, outputs, between, frames, side in BLOCKS:
        before = frames if inputs == outputs else 2 * frames  # frames while space is convolved
        places = side * side
        macs += before * places * between * inputs * 9 + frames * places * outputs * between * 3
        macs += frames * places * (between * outputs * 9 + outputs * between * 3)
        if inputs != outputs:
            macs += frames * places * inputs * outputs
    macs += 512 * 400
    (signature,) = entry.scale(REFERENCE).signatures
    counted = count(lambda: entry.module.build(REFERENCE), signature, batch=1, training=False)
    assert counted.work == 2 * macs
    assert counted.uncounted == ()
    assert macs == pytest.approx(40.519e9, rel=1e-3)  # as torchvision publishes it


def test_stages_halve_time_and_space(entry: Entry) -> None:
    """16 frames of 112 pixels become 2 of 7, channels grow from 64 to 512."""
    with torch.device("meta"):
        network = entry.module.build(REFERENCE)
        x = network.stem(torch.empty(2, 3, 16, 112, 112))
        assert x.shape == (2, 64, 16, 56, 56)
        for stage, shape in enumerate(
            [(64, 16, 56, 56), (128, 8, 28, 28), (256, 4, 14, 14), (512, 2, 7, 7)], 1
        ):
            x = network.get_submodule(f"layer{stage}")(x)
            assert x.shape == (2, *shape)
        assert network(torch.empty(2, 3, 16, 112, 112)).shape == (2, 400)


def test_tensors_are_named_as_in_the_official_checkpoints(entry: Entry) -> None:
    """One name of each kind, and how many there are."""
    with torch.device("meta"):
        state = entry.module.build(REFERENCE).state_dict()
    assert state["stem.0.weight"].shape == (45, 3, 1, 7, 7)
    assert state["stem.3.weight"].shape == (64, 45, 3, 1, 1)
    assert state["layer2.0.conv1.0.0.weight"].shape == (230, 64, 1, 3, 3)
    assert state["layer2.0.conv1.0.3.weight"].shape == (128, 230, 3, 1, 1)
    assert state["layer2.0.conv2.0.0.weight"].shape == (230, 128, 1, 3, 3)
    assert state["layer2.0.downsample.0.weight"].shape == (128, 64, 1, 1, 1)
    assert state["layer4.1.conv2.1.running_var"].shape == (512,)
    assert state["fc.weight"].shape == (400, 512)
    # 2 of the stem, 4 of each block, 3 that widen: a convolution and five of its normalisation
    assert len(state) == (2 + 8 * 4 + 3) * 6 + 2


def test_outputs_equal_torchvisions(entry: Entry, torchvision_models: ModuleType) -> None:
    """With the same weights, a small clip gets torchvision's scores to 1e-4 of the largest."""
    torch.manual_seed(0)
    theirs = torchvision_models.video.r2plus1d_18(weights=None).eval()
    own = entry.module.build(REFERENCE)
    for norm in theirs.modules():  # else every normalisation is the identity
        if isinstance(norm, torch.nn.BatchNorm3d):
            norm.running_mean.normal_(0, 0.1)
            norm.running_var.uniform_(0.5, 2)
    own.load_state_dict(theirs.state_dict())
    clips = torch.randn(2, 3, 8, 56, 56)
    with torch.inference_mode():
        expected, given = theirs(clips).numpy(), own(clips).numpy()
    assert np.ptp(expected) > 0
    assert np.abs(given - expected).max() <= 1e-4 * np.abs(expected).max()


def test_a_video_is_scored_by_its_clips(entry: Entry) -> None:
    """The score per video stands beside that per clip."""
    from benchsuite.types import Part, Split

    logits = np.log([[0.9, 0.1], [0.4, 0.6]]).astype(np.float32)
    targets = {"label": np.array([0, 0]), "video": np.array([1, 1])}
    split = Split(parts=(Part(inputs=(np.zeros((2, 1)),), targets=targets),))
    score = entry.module.score([(logits,)], split)
    assert score.value == 0.5
    assert score.beside == {"per video": 1.0}
