"""Tests of the workload `text/word2vec`: its cost, its similarities, its examples, its score."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchsuite import catalog
from benchsuite.accounting.count import count
from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.harness import network as harness
from benchsuite.types import EMBEDDED, REFERENCE, Array, Arrays, Part, Split

ENTRY = catalog.load_entry(
    Path(__file__).parent.parent / "workloads" / "text" / "word2vec.py", name="text/word2vec"
)
SIZES = {EMBEDDED: (12_000, 100), REFERENCE: (692_000, 300)}


def text(ids: Sequence[int], paragraph: Sequence[int], *, counts: Sequence[int]) -> Split:
    """A training split of the given words."""
    part = Part(inputs=(np.array(ids),), targets={"paragraph": np.array(paragraph)})
    return Split(parts=(part,), facts={"counts": list(counts)})


def rare_words(*lengths: int) -> Split:
    """Paragraphs of those lengths in which every word is another, so rare that none is dropped."""
    ids = np.arange(sum(lengths))
    paragraph = np.repeat(np.arange(len(lengths)), lengths)
    # the last word of the vocabulary is not in the text; beside it all others are rare
    return text(ids.tolist(), paragraph.tolist(), counts=[1] * len(ids) + [10**7])


def drawn(split: Split, *, batch: int, seed: int) -> list[tuple[Arrays, dict[str, Array]]]:
    """An epoch of the workload's examples."""
    return list(ENTRY.module.examples(split, batch=batch, seed=seed))


def pairs(split: Split, *, seed: int) -> list[tuple[int, int]]:
    """An epoch's (word, context) in one minibatch."""
    ((inputs, targets),) = drawn(split, batch=10**6, seed=seed)
    return list(zip(inputs[0].tolist(), targets["context"].tolist(), strict=True))


# --- the network --------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [EMBEDDED, REFERENCE])
def test_a_word_costs_one_matrix_product(scale: str) -> None:
    """A word takes 2 V d FLOP, and the parameters are the V d of the first layer alone."""
    words, size = SIZES[scale]
    signature = ENTRY.scale(scale).signatures[0]
    counted = count(lambda: ENTRY.module.build(scale), signature, batch=3, training=False)
    assert counted.parameters == words * size
    assert sum(layer.work for layer in counted.layers) == 3 * 2 * words * size
    assert counted.uncounted == ()


@pytest.mark.parametrize("scale", [EMBEDDED, REFERENCE])
def test_it_runs_on_the_meta_device(scale: str) -> None:
    """Without memory for weights, word ids (n,) give similarities (n, words)."""
    import torch

    with torch.device("meta"):
        network = ENTRY.module.build(scale)
        output = network(torch.zeros(5, dtype=torch.int64))
    assert output.shape == (5, SIZES[scale][0])
    assert output.dtype == torch.float32


def test_the_signature_draws_every_word_of_the_vocabulary() -> None:
    """Random inputs are scalars below the number of rows, so that each is a valid word."""
    for scale, (words, _) in SIZES.items():
        (spec,) = ENTRY.scale(scale).signatures[0].inputs
        assert (spec.shape, spec.dtype, spec.high) == ((), "int64", words)


def test_the_outputs_are_cosines() -> None:
    """The output is the cosine of the word's vector with every vector, itself included."""
    import torch

    network = harness.build(ENTRY, EMBEDDED, seed=1)
    vectors = network.get_parameter("vectors").detach().double()
    with torch.inference_mode():
        (cosines,) = as_arrays(network(torch.tensor([7, 11_999])))
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    assert np.allclose(cosines, (unit[[7, 11_999]] @ unit.T).numpy(), atol=1e-6)
    assert np.isclose(cosines[1, 11_999], 1, atol=1e-6)


def test_the_lengths_follow_the_vectors() -> None:
    """After training has moved and stretched a vector its cosines are right in evaluation form."""
    import torch

    network = harness.build(ENTRY, EMBEDDED)
    network.train()
    vectors = network.get_parameter("vectors")
    with torch.no_grad():
        vectors[3], vectors[4] = 5 * vectors[8], -2 * vectors[8]
    network.eval()
    with torch.inference_mode():
        (cosines,) = as_arrays(network(torch.tensor([8])))
    assert cosines[0, 3:5] == pytest.approx([1, -1], abs=1e-6)


def test_the_saved_weights_need_nothing_else(tmp_path: Path) -> None:
    """Weights saved from one network make another give the same similarities."""
    import torch
    from safetensors.torch import save_file

    first, second = (harness.build(ENTRY, EMBEDDED, seed=seed) for seed in (1, 2))
    words = torch.tensor([1, 2])
    with torch.inference_mode():
        assert not torch.equal(first(words), second(words))
        save_file(first.state_dict(), tmp_path / "w.safetensors")
        harness.load_weights(second, tmp_path / "w.safetensors")
        assert torch.equal(first(words), second(words))
    assert (tmp_path / "w.safetensors").stat().st_size < 5_000_000


def test_it_exports_to_onnx(tmp_path: Path) -> None:
    """Exported with a fixed batch, ONNX Runtime gives the same similarities."""
    import torch

    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network = harness.build(ENTRY, EMBEDDED)
    inputs = harness.random_inputs(ENTRY.scale(EMBEDDED).signatures[0], batch=4, seed=0)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(network, to_tensors(inputs), dynamo=True, verbose=False)
        (expected,) = as_arrays(network(*to_tensors(inputs)))
    assert program is not None
    program.save(str(tmp_path / "w.onnx"))
    session = onnxruntime.InferenceSession(
        str(tmp_path / "w.onnx"), providers=["CPUExecutionProvider"]
    )
    (result,) = session.run(None, {session.get_inputs()[0].name: inputs[0]})
    assert np.allclose(result, expected, atol=1e-5)


# --- the examples -------------------------------------------------------------------------------


def test_windows_never_cross_a_boundary() -> None:
    """Word and context come from one paragraph and are at most ten words apart."""
    split = rare_words(30, 1, 25)
    of = split.parts[0].targets["paragraph"]
    found = [pair for seed in range(5) for pair in pairs(split, seed=seed)]
    assert all(of[word] == of[context] for word, context in found)
    assert {abs(word - context) for word, context in found} == set(range(1, 11))


def test_a_word_reaches_as_far_to_the_left_as_to_the_right() -> None:
    """Each word's contexts are all words within its own reach, which differs between words."""
    split = rare_words(60)
    contexts: dict[int, set[int]] = {}
    for word, context in pairs(split, seed=0):
        assert context not in contexts.setdefault(word, set())
        contexts[word].add(context)
    reaches = set()
    for word, near in contexts.items():
        reach = max(abs(word - context) for context in near)
        around = range(max(0, word - reach), min(60, word + reach + 1))
        assert near == set(around) - {word}
        reaches.add(reach)
    assert len(reaches) > 5


def test_frequent_words_are_thinned_out() -> None:
    """A word that is half of the text hardly occurs; rare words stay."""
    ids = [0, 1] * 1000
    counts = [10**6, 1, 10**6]
    kept = [word for word, _ in pairs(text(ids, [0] * 2000, counts=counts), seed=0)]
    assert kept.count(1) > 1000
    assert kept.count(0) < 0.1 * kept.count(1)


def test_noise_follows_the_damped_counts() -> None:
    """Noise words, 64 a minibatch, are drawn in proportion to their count to the power 3/4."""
    split = text(range(100), [0] * 100, counts=[1] * 5000 + [16] * 5000)
    noise = np.concatenate(
        [drawn(split, batch=10**6, seed=seed)[0][1]["noise"] for seed in range(200)]
    )
    assert len(noise) == 200 * 64
    assert np.mean(noise < 5000) == pytest.approx(1 / 9, abs=0.02)
    assert 0 <= noise.min() < 500 and 9500 < noise.max() < 10_000


def test_minibatches_are_whole() -> None:
    """Every minibatch has the asked size; what is left over is dropped."""
    split = rare_words(200)
    epoch = drawn(split, batch=64, seed=0)
    assert len(epoch) == len(pairs(split, seed=0)) // 64
    assert all(inputs[0].shape == targets["context"].shape == (64,) for inputs, targets in epoch)


def test_an_epoch_is_its_seeds() -> None:
    """The same seed gives the same minibatches, another seed others."""
    split = rare_words(100)
    first, again, other = (drawn(split, batch=128, seed=seed) for seed in (3, 3, 4))
    for (a, b), (c, d) in zip(first, again, strict=True):
        assert np.array_equal(a[0], c[0])
        assert all(np.array_equal(b[name], d[name]) for name in ("context", "noise"))
    assert not np.array_equal(first[0][0][0], other[0][0][0])


# --- the objective ------------------------------------------------------------------------------


def test_the_loss_is_that_of_negative_sampling() -> None:
    """The loss is -log s(true) - 5 E[log s(-noise)], here worked out pair by pair."""
    import torch

    network = harness.build(ENTRY, EMBEDDED)
    objective = ENTRY.module.objective(network)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        objective.contexts.normal_(generator=generator)
        network.get_parameter("vectors").normal_(generator=generator).mul_(0.1)
    word, context, noise = torch.tensor([1, 2]), torch.tensor([3, 4]), torch.tensor([5, 6, 7])
    loss = objective(word, context=context, noise=noise).item()
    rows = network.get_parameter("vectors").detach()[word].double().numpy()
    others = objective.contexts.detach().double().numpy()

    def log_sigmoid(value: float) -> float:
        return -float(np.log1p(np.exp(-value)))

    by_hand = 0.0
    for row, near in zip(rows, context.tolist(), strict=True):
        by_hand -= log_sigmoid(row @ others[near]) / 2
        by_hand -= 5 * sum(log_sigmoid(-row @ others[far]) for far in noise.tolist()) / 3 / 2
    assert loss == pytest.approx(by_hand, rel=1e-5)


def test_words_with_the_same_neighbours_become_similar() -> None:
    """Two words that never meet but have the same contexts end near each other."""
    import torch

    network = harness.build(ENTRY, EMBEDDED)
    objective = ENTRY.module.objective(network)
    optimiser = torch.optim.AdamW(objective.parameters(), lr=0.05)
    word = torch.tensor([1, 1, 2, 2, 3, 3])
    context = torch.tensor([10, 11, 10, 11, 12, 13])
    for _ in range(60):
        optimiser.zero_grad()
        objective(word, context=context, noise=torch.tensor([10, 11, 12, 13])).backward()
        optimiser.step()
    network.eval()
    with torch.inference_mode():
        (cosines,) = as_arrays(network(torch.tensor([1])))
    assert cosines[0, 2] > 0.8
    assert cosines[0, 3] < 0.5


# --- the score ----------------------------------------------------------------------------------


def test_the_score_is_the_rank_correlation_worked_out_by_hand() -> None:
    """Ranks 1 2 3 4 against 2 1 3 4 give rho = 1 - 6 * 2 / (4 * 15) = 0.8; left out 1 of 5."""
    part = Part(
        inputs=(np.array([0, 1, 2, 0]),),
        targets={"second": np.array([1, 2, 0, 2]), "judged": np.array([1.0, 4.5, 6.0, 9.5])},
    )
    similarity = np.full((4, 3), 99.0, dtype=np.float32)
    similarity[np.arange(4), part.targets["second"]] = [0.2, 0.1, 0.3, 0.9]
    split = Split(parts=(part,), facts={"pairs": 5, "left_out": 1})
    score = ENTRY.module.score([(similarity,)], split)
    assert score.value == pytest.approx(0.8)
    assert score.samples == 4
    assert score.beside == {"out of vocabulary": pytest.approx(0.2)}
