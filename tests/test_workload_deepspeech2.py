"""Deep Speech 2: its dimensions, its spectrogram and its decoding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchsuite import catalog
from benchsuite.datasets.espeak_commands import ALPHABET
from benchsuite.harness.training import shuffled
from benchsuite.types import Part, Split

_ENTRY = catalog.load_entry(Path(__file__).parents[1] / "workloads" / "audio" / "deepspeech2.py")
_MODULE = _ENTRY.module


def test_reference_parameters_by_hand() -> None:
    """Three convolutions, seven recurrences that share their input's matrix, 29 characters."""
    convolutions = 41 * 11 * 32 + 21 * 11 * 32 * 32 + 21 * 11 * 32 * 96
    hidden, inputs = 1760, 21 * 96
    recurrent = inputs * hidden + 2 * hidden**2 + 6 * 3 * hidden**2
    norms = 2 * (32 + 32 + 96) + 2 * (inputs + 6 * hidden)
    characters = (hidden + 1) * 29
    with torch.device("meta"):
        network = _MODULE.build("reference")
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == convolutions + recurrent + norms + characters
    assert round(count / 1e6) == 67  # as published for 1760 units


def test_embedded_is_small() -> None:
    """At most a million parameters are shipped."""
    network = _MODULE.build("embedded")
    assert sum(parameter.numel() for parameter in network.parameters()) <= 1_000_000


@pytest.mark.parametrize("scale", ["embedded", "reference"])
def test_scores_every_second_column(scale: str) -> None:
    """On the meta device each signature gives (batch, columns / 2 rounded up, 29)."""
    with torch.device("meta"):
        network = _MODULE.build(scale)
    for signature in _ENTRY.scale(scale).signatures:
        shape = signature.inputs[0].shape
        out = network(torch.empty(2, *shape, device="meta"))
        assert out.shape == (2, (shape[2] + 1) // 2, 29)


def test_a_tone_is_found_in_its_bin() -> None:
    """1 kHz at 16 kHz with windows of 320 samples peaks in bin 20, in every column."""
    time = np.arange(16_000) / 16_000
    tone = (8000 * np.sin(2 * np.pi * 1000 * time)).astype(np.int16)[None]
    (spectrogram,) = _MODULE.preprocess((tone,))
    assert spectrogram.shape == (1, 1, 161, 99)
    assert spectrogram.dtype == np.float32
    assert set(spectrogram[0, 0].argmax(axis=0)) == {20}
    assert abs(spectrogram.mean()) < 1e-4
    assert abs(spectrogram.std() - 1) < 1e-3


def test_loudness_of_the_recording_hardly_matters() -> None:
    """A recording at half its level gives nearly the same spectrogram."""
    noise = (np.random.default_rng(0).standard_normal((1, 16_000)) * 4000).astype(np.int16)
    (loud,), (soft,) = _MODULE.preprocess((noise,)), _MODULE.preprocess((noise // 2,))
    # in the mean: rounding to whole numbers moves the few deep gaps of the spectrum
    assert np.abs(loud - soft).mean() < 0.02


def test_greedy_decoding_by_hand() -> None:
    """Repeats are merged, blanks dropped, and a blank between equal letters keeps both."""
    steps = "__ttr_e__e_  nn_o_"
    scores = np.eye(29, dtype=np.float32)[[[ALPHABET.index(c) for c in steps]]]
    assert _MODULE.decode(scores, ALPHABET) == ["tree no"]


def test_score_is_perfect_for_the_true_labels() -> None:
    """Outputs that spell the text score 1, and one wrong word of two scores a half."""
    texts = ["go on", "go up"]
    spelt = [[ALPHABET.index(c) for c in "go on"]] * 2
    outputs = [(np.eye(29, dtype=np.float32)[spelt],)]
    part = Part(inputs=(np.zeros((2, 1)),), targets={"text": np.array(texts)})
    split = Split(parts=(part,), facts={"alphabet": ALPHABET})
    assert _MODULE.score(outputs, split).value == pytest.approx(0.75)


def test_augmentation_keeps_targets_and_depends_on_the_seed() -> None:
    """The same seed draws the same epoch; targets stay with their samples, shapes stay."""
    images = np.random.default_rng(0).standard_normal((4, 1, 161, 99), dtype=np.float32)
    split = Split(parts=(Part(inputs=(images,), targets={"label": np.arange(4)}),))
    (first,) = _MODULE.examples(split, batch=4, seed=1)
    (again,) = _MODULE.examples(split, batch=4, seed=1)
    (plain,) = shuffled(split, batch=4, seed=1)
    assert np.array_equal(first[0][0], again[0][0])
    assert np.array_equal(first[1]["label"], plain[1]["label"])
    assert first[0][0].shape == plain[0][0].shape
    assert not np.array_equal(first[0][0], plain[0][0])


def test_the_loss_ignores_other_targets_and_has_gradients() -> None:
    """CTC against padded labels is finite and reaches the first convolution."""
    network = _MODULE.build("embedded").train()
    labels = torch.tensor([[7, 15, 0], [25, 5, 19]])
    loss = _MODULE.objective(network)(
        torch.randn(2, 1, 161, 99), labels=labels, lengths=torch.tensor([2, 3]), other=labels
    )
    loss.backward()
    gradient = network.convolutions.conv1.weight.grad
    assert torch.isfinite(loss)
    assert gradient.abs().sum() > 0


@pytest.mark.slow
def test_onnx_runtime_gives_the_same_scores(tmp_path: Path) -> None:
    """Exported with the recurrence as one operator, both lengths agree within 1e-3."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    network = _MODULE.build("embedded")
    for number, signature in enumerate(_ENTRY.scale("embedded").signatures):
        x = torch.randn(2, *signature.inputs[0].shape)
        path = tmp_path / f"{number}.onnx"
        program = torch.onnx.export(network, (x,), dynamo=True, opset_version=18, verbose=False)
        program.save(str(path))
        operators = [node.op_type for node in program.model.graph]
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (scores,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        with torch.inference_mode():
            expected = network(x).numpy()
        assert operators.count("RNN") == 2
        np.testing.assert_allclose(scores, expected, atol=1e-3)
