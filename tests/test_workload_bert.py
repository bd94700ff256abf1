"""Tests of the workload `text/bert_base`, and of how attention is counted in it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from benchsuite.accounting.count import count
from benchsuite.catalog import Entry, load_entry
from benchsuite.types import REFERENCE, Count

L, H, INNER, LAYERS = 128, 768, 3072, 12


@pytest.fixture(scope="module")
def entry() -> Entry:
    """The workload as the catalogue loads it."""
    root = Path(__file__).resolve().parent.parent
    return load_entry(root / "workloads" / "text" / "bert_base.py")


@pytest.fixture(scope="module")
def network(entry: Entry) -> torch.nn.Module:
    """One with random weights."""
    torch.manual_seed(0)
    built: torch.nn.Module = entry.module.build(REFERENCE)
    return built


@pytest.fixture(scope="module")
def counted(entry: Entry) -> Count:
    """What one sequence of 128 tokens costs."""
    (signature,) = entry.scale(REFERENCE).signatures
    return count(lambda: entry.module.build(REFERENCE), signature, batch=1)


def test_parameters_are_the_published_ones(counted: Count) -> None:
    """Embeddings, twelve layers and the pooler, by hand: 109,482,240."""
    embeddings = (30_522 + 512 + 2) * H + 2 * H
    layer = 4 * H * (H + 1) + INNER * (H + 1) + H * (INNER + 1) + 2 * 2 * H
    pooler = H * (H + 1)
    assert counted.parameters == embeddings + LAYERS * layer + pooler == 109_482_240


def test_work_by_hand(counted: Count) -> None:
    """Projections, two products of L x L, the inner layers and the pooler: 22.35 GFLOP."""
    projections = 4 * L * H * H
    products = 2 * L * L * H  # queries with keys, shares with values, over all heads
    inner = 2 * L * H * INNER
    macs = LAYERS * (projections + products + inner) + H * H
    assert counted.work == 2 * macs == 22_348_431_360
    assert counted.uncounted == ()


def test_attention_is_counted_as_its_two_products(counted: Count) -> None:
    """Each layer's attention costs 2 x 2 x L x L x 768 FLOP, whichever kernel serves it."""
    attention = [x for x in counted.layers if x.kind == "scaled_dot_product_attention"]
    assert len(attention) == LAYERS
    assert {x.work for x in attention} == {4 * L * L * H}


def test_training_costs_three_times_inference(counted: Count) -> None:
    """Backward passes make two products of every one; nothing of attention is missed."""
    assert counted.training_reason is None
    assert counted.training_work == pytest.approx(3 * counted.work, rel=1e-3)


def test_outputs_are_states_and_a_pooled_state(network: torch.nn.Module) -> None:
    """(n, L, 768), normalised, and (n, 768) between -1 and 1; shorter sequences pass as well."""
    tokens = torch.randint(0, 30_522, (2, 16), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        states, pooled = network(tokens, torch.ones_like(tokens), torch.zeros_like(tokens))
    assert states.shape == (2, 16, H)
    assert states.mean(dim=2).abs().max() < 1e-4  # the last layer normalisation
    assert pooled.shape == (2, H)
    assert pooled.abs().max() < 1


def test_what_is_masked_is_not_seen(network: torch.nn.Module) -> None:
    """Tokens under a mask of zero change no state of the others; without the mask they do."""
    tokens = torch.randint(0, 30_522, (1, 16), generator=torch.Generator().manual_seed(0))
    other = tokens.clone()
    other[:, 10:] = 17
    segment, mask = torch.zeros_like(tokens), torch.ones_like(tokens)
    mask[:, 10:] = 0
    with torch.inference_mode():
        first, second = (network(x, mask, segment)[0][:, :10] for x in (tokens, other))
        seen, changed = (
            network(x, torch.ones_like(mask), segment)[0][:, :10] for x in (tokens, other)
        )
    assert torch.allclose(first, second, atol=1e-5)
    assert not torch.allclose(seen, changed, atol=1e-2)


def test_tensors_are_named_as_in_the_official_checkpoints(entry: Entry) -> None:
    """Every name of Hugging Face's BertModel, layer by layer, in its order."""
    ends = [
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "attention.output.LayerNorm",
        "intermediate.dense",
        "output.dense",
        "output.LayerNorm",
    ]
    expected = [
        "embeddings.word_embeddings.weight",
        "embeddings.position_embeddings.weight",
        "embeddings.token_type_embeddings.weight",
        *(f"embeddings.LayerNorm.{kind}" for kind in ("weight", "bias")),
        *(
            f"encoder.layer.{i}.{end}.{kind}"
            for i in range(LAYERS)
            for end in ends
            for kind in ("weight", "bias")
        ),
        *(f"pooler.dense.{kind}" for kind in ("weight", "bias")),
    ]
    with torch.device("meta"):
        state = entry.module.build(REFERENCE).state_dict()
    assert list(state) == expected


def test_outputs_equal_transformers(network: torch.nn.Module) -> None:
    """With the same weights and a mask, states are Hugging Face's to 1e-4 of their range."""
    if importlib.util.find_spec("transformers") is None:
        pytest.skip("transformers is not installed: its definition cannot be compared with")
    from transformers import BertConfig, BertModel

    theirs = BertModel(BertConfig()).eval()
    theirs.load_state_dict(network.state_dict())
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, 30_522, (2, 32), generator=generator)
    segment = torch.randint(0, 2, (2, 32), generator=generator)
    mask = torch.ones_like(tokens)
    mask[1, 20:] = 0
    with torch.inference_mode():
        expected = theirs(input_ids=tokens, attention_mask=mask, token_type_ids=segment)
        given = network(tokens, mask, segment)
    for own, other in zip(given, (expected[0], expected[1]), strict=True):
        assert (own - other).abs().max() <= 1e-4 * other.abs().max()
