"""Tests of the workload `audio/ds_cnn`, its cepstra, and its data set of keywords."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from benchsuite.accounting.count import count
from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.catalog import Entry, load_entry
from benchsuite.datasets import espeak_commands as commands
from benchsuite.datasets import espeak_keywords as keywords
from benchsuite.harness import network as harness
from benchsuite.types import EMBEDDED, REFERENCE, Array, Part, Split


@pytest.fixture(scope="module")
def entry() -> Entry:
    """The workload as the catalogue loads it."""
    root = Path(__file__).resolve().parent.parent
    return load_entry(root / "workloads" / "audio" / "ds_cnn.py")


# --- the network --------------------------------------------------------------------------------

CONVOLUTIONS = 64 * (10 * 4 + 1) + 4 * (64 * (9 + 1) + 64 * (64 + 1))
NORMS = 9 * 64
CLASSES = 12 * (64 + 1)


@pytest.mark.parametrize("scale", [EMBEDDED, REFERENCE])
def test_parameters_are_the_published_ones(entry: Entry, scale: str) -> None:
    """With the normalisations' running figures 24.9 k, as Keras counts; 38.6 kB once folded."""
    network = entry.module.build(scale)
    trained = sum(p.numel() for p in network.parameters())
    running = sum(b.numel() for b in network.buffers() if b.dim())
    assert trained == CONVOLUTIONS + 2 * NORMS + CLASSES == 23_756
    assert running == 2 * NORMS
    assert trained + running == 24_908
    folded = CONVOLUTIONS + CLASSES
    assert folded == 22_604
    # the paper's memory: 8-bit weights, and the largest layer's input and output
    assert folded + 2 * 64 * 25 * 5 == 38_604


def test_work_by_hand(entry: Entry) -> None:
    """At 25 x 5 places: 40 taps, then four times 9 taps and 64 channels; 5.31 MFLOP."""
    (signature,) = entry.scale(REFERENCE).signatures
    counted = count(lambda: entry.module.build(REFERENCE), signature, batch=1, training=False)
    macs = 25 * 5 * 64 * (10 * 4 + 4 * (9 + 64)) + 64 * 12
    assert counted.work == 2 * macs == 5_313_536
    assert counted.uncounted == ()


def test_every_layer_keeps_the_first_one_s_places(entry: Entry) -> None:
    """49 x 10 cepstra become 25 x 5 places of 64 channels, which stay until the pool."""
    with torch.device("meta"):
        network = entry.module.build(REFERENCE)
    x = torch.empty(2, 1, 49, 10, device="meta")
    for name, layer in network.named_children():
        x = layer(x)
        if name.startswith(("conv", "depthwise", "pointwise")):
            assert x.shape == (2, 64, 25, 5), name
    assert x.shape == (2, 12)


@pytest.mark.filterwarnings("ignore")
def test_exports_to_onnx_with_equal_outputs(entry: Entry, tmp_path: Path) -> None:
    """ONNX Runtime gives the embedded network's scores."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network = harness.build(entry, EMBEDDED, seed=3)
    inputs = harness.random_inputs(entry.scale(EMBEDDED).signatures[0], batch=2, seed=3)
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


# --- data in ------------------------------------------------------------------------------------


def noise(seed: int = 0) -> Array:
    """A second of white noise, (1, 16,000) of int16."""
    sound = np.random.default_rng(seed).standard_normal((1, 16_000)) * 4000
    return np.asarray(sound.astype(np.int16))


def test_cepstra_fit_the_signature(entry: Entry) -> None:
    """Each coefficient has zero mean and unit variance over the recording."""
    (cepstra,) = entry.module.preprocess((noise(),))
    (spec,) = entry.scale(EMBEDDED).signatures[0].inputs
    assert cepstra.shape == (1, *spec.shape)
    assert cepstra.dtype == np.float32
    assert np.abs(cepstra.mean(axis=2)).max() < 1e-4
    assert np.abs(cepstra.std(axis=2) - 1).max() < 0.02


def test_loudness_of_the_recording_hardly_matters(entry: Entry) -> None:
    """A recording at half its level gives nearly the same cepstra."""
    (loud,), (soft,) = (entry.module.preprocess((x,)) for x in (noise(), noise() // 2))
    assert np.abs(loud - soft).max() < 0.01


def test_mel_bands_overlap_by_halves(entry: Entry) -> None:
    """Forty triangles from 20 Hz to 4 kHz: none is empty, two share a frequency at most."""
    filters = entry.module.mel_filters()
    assert filters.shape == (321, 40)
    assert filters.min() == 0
    assert filters.max() <= 1
    assert (filters.max(axis=0) > 0).all()
    assert (filters > 0).sum(axis=1).max() == 2
    frequencies = np.flatnonzero(filters.any(axis=1)) * 25  # Hz a bin
    assert frequencies.min() > 20
    assert frequencies.max() < 4000
    inner = filters[(frequencies.min() + 200) // 25 : (frequencies.max() - 400) // 25]
    assert np.allclose(inner.sum(axis=1), 1, atol=1e-5)


def test_a_tone_lights_the_band_at_its_mel(entry: Entry) -> None:
    """1 kHz is 1000 mel (HTK); bands lie evenly from 32 to 2146 mel: the nineteenth."""
    filters = entry.module.mel_filters()
    assert filters[1000 // 25].argmax() == round((1000 - 31.7) / (2146.1 - 31.7) * 41) - 1


def test_examples_shift_in_time_alone(entry: Entry) -> None:
    """Columns move by at most five and come back in on the other side; labels stay."""
    cepstra = np.random.default_rng(0).standard_normal((8, 1, 49, 10), dtype=np.float32)
    split = Split(parts=(Part(inputs=(cepstra,), targets={"label": np.arange(8)}),))
    moved: set[int] = set()
    for seed in range(10):
        for (given,), targets in entry.module.examples(split, batch=4, seed=seed):
            for x, label in zip(given, targets["label"], strict=True):
                shifts = [
                    by
                    for by in range(-24, 25)
                    if np.array_equal(x, np.roll(cepstra[label], by, axis=1))
                ]
                assert len(shifts) == 1
                moved.add(shifts[0])
    assert moved == set(range(-5, 6))


# --- the data set -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """Two speakers' recordings, two of each class."""
    pytest.importorskip("espeakng_loader")
    synthesiser = commands.Synthesiser(commands.locate(None), tmp_path_factory.mktemp("espeak"))
    few = commands.Speakers(accents=("en",), voices=("m1", "f2"), phrases_each=24)
    return keywords.speak(synthesiser, few)


def test_classes_are_mlperf_tinys(entry: Entry) -> None:
    """Ten keywords, silence and unknown: as many as the network has scores."""
    assert len(keywords.CLASSES) == 12
    assert set(keywords.KEYWORDS) < set(commands.WORDS)
    assert entry.module.build(EMBEDDED).classes.out_features == 12


def test_every_speaker_says_every_class_alike_often(split: Split) -> None:
    """Labels name the word; unknown words are no keywords, silence is none."""
    (part,) = split.parts
    assert part.inputs[0].shape == (48, 16_000)
    assert part.inputs[0].dtype == np.int16
    for speaker in ("en+m1", "en+f2"):
        own = part.targets["speaker"] == speaker
        assert np.bincount(part.targets["label"][own]).tolist() == [2] * 12
    for label, word in zip(part.targets["label"], part.targets["word"], strict=True):
        name = keywords.CLASSES[label]
        if name == "unknown":
            assert word in set(commands.WORDS) - set(keywords.KEYWORDS)
        else:
            assert word == ("" if name == "silence" else name)


def test_silence_has_a_background_and_nothing_louder(split: Split) -> None:
    """Silence is never digital, and its level varies less over time than that of a word."""
    (part,) = split.parts
    pieces = part.inputs[0].astype(float).reshape(48, -1, 800)
    power = (pieces**2).mean(axis=2)
    assert power.min() > 0
    silent = part.targets["label"] == keywords.CLASSES.index("silence")
    swing = power.max(axis=1) / np.median(power, axis=1)
    assert np.median(swing[silent]) < np.median(swing[~silent])


def test_the_data_set_fits_the_network(entry: Entry, split: Split) -> None:
    """Recordings as stored pass the check of shapes at the embedded scale."""
    harness.check_split(entry, EMBEDDED, split)
