"""Tests of the workload `video/slow_fusion` and of its family's definition."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from benchsuite.catalog import Entry, load_entry
from benchsuite.datasets import camera_motion
from benchsuite.datasets.camera_motion import CLASSES, FRAMES, SIDE
from benchsuite.types import Array, Part, Split

FOLDER = Path(__file__).resolve().parent.parent / "workloads" / "video"


@pytest.fixture(scope="module")
def entry() -> Entry:
    """The workload as the catalogue loads it."""
    return load_entry(FOLDER / "slow_fusion.py")


@pytest.fixture(scope="module")
def family() -> ModuleType:
    """The definition that the family shares."""
    name = "sports1m_family_under_test"
    spec = importlib.util.spec_from_file_location(name, FOLDER / "_sports1m.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while it is loaded
    spec.loader.exec_module(module)
    return module


def run_on_meta(network: torch.nn.Module, *shape: int) -> dict[str, tuple[int, ...]]:
    """Every layer's output shape, by name, without computing."""
    values = torch.empty(*shape, device="meta")
    shapes = {}
    for name, layer in network.named_children():
        values = layer(values)
        shapes[name] = tuple(values.shape)
    return shapes


# --- the network --------------------------------------------------------------------------------


def test_reference_has_the_published_dimensions(entry: Entry) -> None:
    """At reference scale every stage has the paper's channels, responses in time and places."""
    with torch.device("meta"):
        network = entry.module.build("reference")
    shapes = run_on_meta(network, 2, 3, 10, 170, 170)
    assert shapes["conv1"] == (2, 96, 4, 54, 54)
    assert shapes["pool1"] == (2, 96, 4, 27, 27)
    assert shapes["conv2"] == (2, 256, 2, 27, 27)
    assert shapes["conv3"] == (2, 384, 1, 14, 14)
    assert shapes["conv4"] == (2, 384, 1, 14, 14)
    assert shapes["pool5"] == (2, 256, 1, 7, 7)
    assert shapes["fc6"] == shapes["fc7"] == (2, 4096)
    assert shapes["fc8"] == (2, 487)


def test_reference_parameters_by_hand(entry: Entry) -> None:
    """Weights are filters x inputs x time x side x side, one bias an output, summed over layers."""
    with torch.device("meta"):
        network = entry.module.build("reference")
    convolutions = (
        96 * (3 * 4 * 11 * 11 + 1)
        + 256 * (96 * 2 * 5 * 5 + 1)
        + 384 * (256 * 2 * 3 * 3 + 1)
        + 384 * (384 * 1 * 3 * 3 + 1)
        + 256 * (384 * 1 * 3 * 3 + 1)
    )
    connected = 4096 * (256 * 7 * 7 + 1) + 4096 * (4096 + 1) + 487 * (4096 + 1)
    parameters = sum(p.numel() for p in network.parameters())
    assert parameters == convolutions + connected == 75_511_751


def test_embedded_keeps_the_structure_and_is_small(entry: Entry) -> None:
    """The embedded network has the same layers and responses in time, in at most 0.5 M weights."""
    with torch.device("meta"):
        small, large = (entry.module.build(scale) for scale in ("embedded", "reference"))
    assert list(small.state_dict()) == list(large.state_dict())
    assert [type(layer) for layer in small] == [type(layer) for layer in large]
    shapes = run_on_meta(small, 5, 3, FRAMES, SIDE, SIDE)
    assert [shapes[name][2] for name in ("conv1", "conv2", "conv3")] == [4, 2, 1]
    assert shapes["fc8"] == (5, len(CLASSES))
    assert sum(p.numel() for p in small.parameters()) <= 500_000


def test_signatures_are_what_the_networks_take(entry: Entry) -> None:
    """A clip of each scale's signature passes its network."""
    for name, scale in entry.workload.scales.items():
        (spec,) = scale.signatures[0].inputs
        with torch.device("meta"):
            network = entry.module.build(name)
        assert network(torch.empty(1, *spec.shape, device="meta")).shape[0] == 1


def test_normalisation_is_the_papers(entry: Entry) -> None:
    """A response is divided by (2 + 1e-4 x the squares of five neighbouring channels)^0.5."""
    values = 30 * torch.randn(1, 16, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    squares = torch.stack(
        [(values[:, max(0, c - 2) : c + 3] ** 2).sum(1) for c in range(16)], dim=1
    )
    with torch.inference_mode():
        normalised = entry.module.build("embedded").norm1(values)
    assert torch.allclose(normalised, values / (2 + 1e-4 * squares) ** 0.5, rtol=1e-5)


def test_fresh_weights_let_clips_differ_in_the_scores(entry: Entry) -> None:
    """Random weights keep the clips' variance through the layers, so that training can start."""
    torch.manual_seed(0)
    network = entry.module.build("embedded")
    clips = torch.randn(32, 3, FRAMES, SIDE, SIDE)
    with torch.inference_mode():
        assert network(clips).std(dim=0).mean() > 0.05


@pytest.mark.parametrize(
    ("frames", "extents", "steps", "time"),
    [
        (10, (4, 2, 2), (2, 2, 2), 1),  # slow fusion
        (1, (1, 1, 1), (1, 1, 1), 1),  # single frame
        (10, (10, 1, 1), (1, 1, 1), 1),  # early fusion
        (2, (1, 1, 1), (1, 1, 1), 2),  # late fusion: the frames meet in fc6
    ],
)
def test_one_definition_makes_every_fusion(
    family: ModuleType,
    frames: int,
    extents: tuple[int, int, int],
    steps: tuple[int, int, int],
    time: int,
) -> None:
    """For each fusion the first connected layer takes what is left of time, times 7x7x256."""
    fusion = family.Fusion(frames=frames, extents=extents, steps=steps)
    with torch.device("meta"):
        network = family.network(family.SIZES["reference"], fusion)
    shapes = run_on_meta(network, 1, 3, frames, 170, 170)
    assert shapes["flatten"] == (1, time * 256 * 7 * 7)
    assert shapes["fc8"] == (1, 487)


def test_half_size_streams_end_alike_without_their_last_pool(family: ModuleType) -> None:
    """Frames of 89 pixels without the last pool end in 7x7 places, as whole frames do with it."""
    from dataclasses import replace

    size = replace(family.SIZES["reference"], side=89, last_pool=False)
    fusion = family.Fusion(frames=1)
    with torch.device("meta"):
        layers = [layer for _, layer in family.features(size, fusion)]
        values = torch.empty(1, 3, 1, 89, 89)
        for layer in layers:
            values = layer(values)
    assert values.shape[1] == family.feature_count(size, fusion) == 256 * 7 * 7


# --- data in, score out -------------------------------------------------------------------------


def test_preprocess_normalises_bytes(entry: Entry) -> None:
    """Bytes become floats about zero, shape kept, and the stored bytes stay as they were."""
    clips = np.array([46, 110, 174, 255], dtype=np.uint8).reshape(1, 1, 1, 2, 2)
    (floats,) = entry.module.preprocess((clips,))
    assert floats.dtype == np.float32
    assert floats.reshape(-1).tolist() == [-1.0, 0.0, 1.0, (255 - 110) / 64]
    assert clips.reshape(-1).tolist() == [46, 110, 174, 255]


def test_signature_fits_the_data_set(entry: Entry) -> None:
    """The embedded signature is the data set's clip."""
    (spec,) = entry.scale("embedded").signatures[0].inputs
    assert spec.shape == (3, FRAMES, SIDE, SIDE)
    assert spec.dtype == "float32"


def test_score_by_hand(entry: Entry) -> None:
    """Three of four clips are right; the wrong clip's video is right by its clips' mean."""
    logits = np.log([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]]).astype(np.float32)
    part = Part(
        inputs=(np.zeros((4, 1)),),
        targets={"label": np.array([0, 0, 1, 1]), "video": np.array([7, 7, 8, 8])},
    )
    score = entry.module.score([(logits,)], Split(parts=(part,)))
    assert score.value == 0.75
    assert score.beside == {"per video": 1.0}
    assert score.samples == 4


# --- the training examples ----------------------------------------------------------------------


def bar_clips() -> Split:
    """One clip a class and sense of a slanted bar on grey, as the data set's own paths show it."""
    rows, columns = np.mgrid[:201, :201] - 100.0
    along, across = columns * 0.8 + rows * 0.6, rows * 0.8 - columns * 0.6
    bar = 220.0 * ((abs(along) < 12) & (abs(across) < 5))
    frames = np.repeat(np.repeat(bar[None, ..., None], 3, axis=3), FRAMES, axis=0)
    clips, labels = [], []
    for label, motion in enumerate(CLASSES):
        for sense in (1.0, -1.0):
            path = camera_motion.camera_path(motion, speed=0.4, sense=sense)
            points = camera_motion.window_points(
                path, scale=1.0, tilt=0.0, shake=np.zeros((FRAMES, 2))
            )
            clips.append(camera_motion.sample(frames.astype(np.uint8), points + 100.0))
            labels.append(label)
    inputs = np.stack(clips).transpose(0, 4, 1, 2, 3).astype(np.float32) / 255
    part = Part(inputs=(inputs,), targets={"label": np.array(labels)})
    return Split(parts=(part,), facts={"classes": list(CLASSES)})


def motion_of(clip: Array) -> str:
    """The class that a clip of a bright bar (3, frames, side, side) shows, from its moments."""
    floor = clip.min(axis=(1, 2, 3), keepdims=True)
    light = ((clip - floor) / (clip.max(axis=(1, 2, 3), keepdims=True) - floor)).mean(axis=0)
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    mass = light.sum(axis=(1, 2))
    x, y = ((light * axis).sum(axis=(1, 2)) / mass for axis in (columns, rows))
    right, down = x[-1] - x[0], y[-1] - y[0]
    if max(abs(right), abs(down)) > 3:
        if abs(right) > abs(down):
            return "pan left" if right > 0 else "pan right"
        return "tilt up" if down > 0 else "tilt down"
    if not 0.8 < mass[-1] / mass[0] < 1.25:
        return "zoom in" if mass[-1] > mass[0] else "zoom out"
    slant = (light * rows * columns).sum(axis=(1, 2)) / (light * (rows**2 + columns**2)).sum((1, 2))
    return "roll" if abs(slant[-1] - slant[0]) > 0.05 else "static"


def test_the_judge_of_these_tests_knows_the_classes() -> None:
    """Unchanged clips are judged as what they are; else the next test would show nothing."""
    part = bar_clips().parts[0]
    judged = [motion_of(clip) for clip in part.inputs[0]]
    assert judged == [CLASSES[label] for label in part.targets["label"]]


def test_changed_clips_carry_the_label_of_what_they_show(entry: Entry) -> None:
    """Mirrored, transposed or played backwards, a clip shows the motion that its label says."""
    split = bar_clips()
    turned_to: set[tuple[int, ...]] = set()
    for seed in range(40):
        for (clips,), targets in entry.module.examples(split, batch=16, seed=seed):
            assert [motion_of(clip) for clip in clips] == [CLASSES[i] for i in targets["label"]]
            turned_to.add(tuple(targets["label"]))
    assert len(turned_to) > 30  # labels do change from epoch to epoch


def test_examples_leave_the_split_as_it_is(entry: Entry) -> None:
    """An epoch draws whole batches, the same for the same seed, from data that do not change."""
    split = bar_clips()
    before = split.parts[0].inputs[0].copy()
    epochs = [list(entry.module.examples(split, batch=5, seed=seed)) for seed in (3, 3, 4)]
    assert [len(targets["label"]) for _, targets in epochs[0]] == [5, 5, 5]
    same, other = (
        [np.array_equal(a[0][0], b[0][0]) for a, b in zip(epochs[0], epoch, strict=True)]
        for epoch in epochs[1:]
    )
    assert all(same)
    assert not any(other)
    assert np.array_equal(split.parts[0].inputs[0], before)
    assert split.parts[0].targets["label"].tolist() == sorted(list(range(8)) * 2)
