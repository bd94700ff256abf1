"""Tests of the workload `text/textcnn` and of its data set of sentences."""

from __future__ import annotations

import bz2
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from benchsuite.accounting.count import count
from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.catalog import Entry, load_entry
from benchsuite.datasets import wikipedia_articles as articles
from benchsuite.errors import BadInput, MissingPackage
from benchsuite.harness import network as harness
from benchsuite.types import EMBEDDED, REFERENCE


@pytest.fixture(scope="module")
def entry() -> Entry:
    """The workload as the catalogue loads it."""
    root = Path(__file__).resolve().parent.parent
    return load_entry(root / "workloads" / "text" / "textcnn.py")


# --- the network --------------------------------------------------------------------------------


def test_parameters_and_work_by_hand(entry: Entry) -> None:
    """Vectors of 300 for 18,765 words and padding, 100 filters of each of three widths."""
    (signature,) = entry.scale(REFERENCE).signatures
    counted = count(lambda: entry.module.build(REFERENCE), signature, batch=1, training=False)
    filters = 100 * (3 * 300 + 1) + 100 * (4 * 300 + 1) + 100 * (5 * 300 + 1)
    assert counted.parameters == (18_765 + 1) * 300 + filters + 2 * (300 + 1) == 5_990_702
    macs = 54 * 100 * 3 * 300 + 53 * 100 * 4 * 300 + 52 * 100 * 5 * 300 + 2 * 300
    assert counted.work == 2 * macs == 38_041_200
    assert counted.uncounted == ()


def test_a_sentence_passes_as_published(entry: Entry) -> None:
    """Three widths give 54, 53 and 52 places, the best of each filter is kept, 300 are joined."""
    with torch.device("meta"):
        network = entry.module.build(REFERENCE)
        words = torch.zeros(2, 56, dtype=torch.int64)
        x = network.vectors(words).transpose(1, 2)
        assert [tuple(layer(x).shape) for layer in network.convolutions] == [
            (2, 100, 54),
            (2, 100, 53),
            (2, 100, 52),
        ]
        assert network.classes.in_features == 300
        assert network(words).shape == (2, 2)


def test_padding_is_a_vector_of_zeros_that_stays(entry: Entry) -> None:
    """Word 0 is no word: its vector is zero and has no gradient."""
    network = entry.module.build(EMBEDDED).train()
    assert not network.vectors.weight[0].any()
    words = torch.zeros(2, 56, dtype=torch.int64)
    words[:, :7] = torch.arange(1, 8)
    network(words).sum().backward()
    assert not network.vectors.weight.grad[0].any()
    assert network.vectors.weight.grad[1:8].any()


def test_only_the_order_within_a_filter_s_width_matters(entry: Entry) -> None:
    """A phrase is found wherever it stands in a sentence; its words reversed are another."""
    network = entry.module.build(EMBEDDED)
    words = torch.zeros(3, 56, dtype=torch.int64)
    words[0, 10:15] = words[1, 30:35] = torch.arange(1, 6)
    words[2, 10:15] = torch.arange(1, 6).flip(0)
    with torch.inference_mode():
        here, there, reversed_ = network(words)
    assert torch.allclose(here, there, atol=1e-6)
    assert not torch.allclose(here, reversed_, atol=1e-3)


def test_embedded_is_small_and_fits_its_data_set(entry: Entry) -> None:
    """Less than 1 MB of weights; words, length and classes are the data set's."""
    network = entry.module.build(EMBEDDED)
    assert 4 * sum(p.numel() for p in network.parameters()) < 1_000_000
    (spec,) = entry.scale(EMBEDDED).signatures[0].inputs
    assert spec.shape == (articles.LENGTH,)
    assert spec.high == articles.VOCABULARY + 1 == network.vectors.num_embeddings
    assert network.classes.out_features == articles.ARTICLES


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


# --- the data set -------------------------------------------------------------------------------


def export(*texts: tuple[str, str]) -> bytes:
    """A compressed export of articles, title and wikitext each."""
    pages = "".join(
        f"<page><title>{title}</title><ns>0</ns><revision><text>{text}</text></revision></page>"
        for title, text in texts
    )
    return bz2.compress(f"<mediawiki>{pages}</mediawiki>".encode())


def test_sentences_end_at_a_mark_before_a_capital() -> None:
    """Marks within a sentence do not end it; headings and short sentences are left out."""
    text = (
        "== Early life ==\nThe cat, e.g. a tabby, sleeps all day. &quot;Why does it?&quot; A very "
        "good question to ask (it is).\n\nNo.\n\nAt night it goes out to hunt!"
    )
    assert articles.paragraphs(text.replace("&quot;", '"')) == [
        ["the cat a tabby sleeps all day".split(), "a very good question to ask it is".split()],
        ["at night it goes out to hunt".split()],
    ]


def test_every_fifth_paragraph_is_held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Words are numbered by how often training has them; what it has not is left out."""
    monkeypatch.setattr(articles, "ARTICLES", 2)
    monkeypatch.setattr(articles, "VOCABULARY", 6)
    monkeypatch.setattr(articles, "LENGTH", 6)
    cats = ["cats cats sleep on mats here"] * 4 + ["cats sleep on unseen things here"]
    dogs = ["dogs cats on here " + "mats " * 9] * 4
    path = tmp_path / articles._TEXT
    path.write_bytes(
        export(
            ("Short", "some few words that are left out"),
            ("Cat", "\n".join(cats)),
            ("Dog", "\n".join(dogs)),
        )
    )
    made = articles.prepare(articles.locate(tmp_path))
    train, test = made["train"], made["test"]
    assert train.facts["classes"] == ["Cat", "Dog"]
    # mats 4 + 36, cats 8 + 4, then 8 each: here, on; 4 each: dogs, sleep
    assert train.facts["vocabulary"] == ["mats", "cats", "here", "on", "dogs", "sleep"]
    assert train.parts[0].targets["label"].tolist() == [0] * 4 + [1] * 4
    assert train.parts[0].inputs[0][0].tolist() == [2, 2, 6, 4, 1, 3]
    assert train.parts[0].inputs[0][4].tolist() == [5, 2, 4, 3, 1, 1]
    assert test.parts[0].inputs[0].tolist() == [[2, 6, 4, 3, 0, 0]]
    assert test.parts[0].targets["label"].tolist() == [0]
    assert test.facts["words"] == 6
    assert test.facts["out of vocabulary"] == 2


def test_too_few_articles_or_words_are_refused(tmp_path: Path) -> None:
    """The message says how many there are."""
    path = tmp_path / articles._TEXT
    path.write_bytes(export(("Cat", "the cat sleeps on a mat")))
    with pytest.raises(BadInput, match=r"1 articles; 20 are needed"):
        articles.prepare((path,))
    path.write_bytes(export(*((f"Cat {i}", "the cat sleeps on a mat") for i in range(20))))
    with pytest.raises(BadInput, match=r"6 different words; 5999 are needed"):
        articles.prepare((path,))


def test_a_missing_source_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without the export, or no package, is refused with what is missing."""
    with pytest.raises(BadInput, match=r"data set wikipedia-articles: .*bz2 is missing"):
        articles.locate(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match="gensim"):
        articles.locate(None)
