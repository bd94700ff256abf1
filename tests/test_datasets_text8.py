"""Running text of the user's with WordSim-353, SimLex-999 and question-words as its tests."""

from __future__ import annotations

import itertools
import json
import string
from pathlib import Path

import numpy as np
import pytest

from benchsuite import catalog, datasets, scoring
from benchsuite.datasets import text8
from benchsuite.datasets.wikipedia_sample import VOCABULARY
from benchsuite.errors import BadInput
from benchsuite.types import Array

LETTERS = string.ascii_lowercase
RARE = ["".join(word) for word in itertools.product(LETTERS, repeat=3) if "".join(word) != "cat"]
WORDS = ["paris", "france", "rome", "italy", "tiger", "cat"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A text in which six words are frequent, and the three tests."""
    text = " ".join([*(WORDS * 3), "1234", *RARE])
    (tmp_path / "text8").write_text(text)
    (tmp_path / "wordsim353.tsv").write_text(
        "# judged\ntiger\tcat\t7.35\nParis\tFrance\t8.0\ncat\titaly\t1.0\ncat\tunheardof\t2\n"
    )
    (tmp_path / "SimLex-999.txt").write_text(
        "word1\tword2\tPOS\tSimLex999\ncat\ttiger\tN\t7\nparis\trome\tN\t5\ncat\tfrance\tN\t1\n"
    )
    (tmp_path / "questions-words.txt").write_text(
        ": capitals\nParis France Rome Italy\nParis France Oslo Norway\n"
    )
    return tmp_path


def test_a_text_becomes_ids_by_frequency(place: Path, cache: Path) -> None:
    """The frequent words come first, numbers are no words, rare words are left out."""
    made = datasets.prepare("text8", cache=cache, place=place)
    train, test = (datasets.load(made.folder, split) for split in ("train", "test"))
    assert train.facts["vocabulary"][:6] == sorted(WORDS)
    assert len(train.facts["vocabulary"]) == VOCABULARY
    ids = {word: i for i, word in enumerate(train.facts["vocabulary"])}
    assert train.parts[0].inputs[0][:6].tolist() == [ids[word] for word in WORDS]
    assert len(train.parts[0]) == 18 + VOCABULARY - 6
    asked = train.facts["vocabulary"]
    (inputs,) = test.parts[0].inputs
    pairs = [
        (asked[inputs[row]], asked[word], j) for row, word, j in test.facts["pairs"]["WordSim-353"]
    ]
    assert pairs == [("tiger", "cat", 7.35), ("paris", "france", 8.0), ("cat", "italy", 1.0)]
    assert test.facts["left_out"] == {"WordSim-353": 1, "analogies": 1}


def test_a_list_of_words_stands_for_weights_of_ones_own(place: Path, cache: Path) -> None:
    """Its order is the rows'; no text is needed to judge; another number of words is refused."""
    (place / "text8").unlink()
    words = [*WORDS[::-1], *RARE][:VOCABULARY]
    (place / "vocabulary.txt").write_text("\n".join(words))
    made = datasets.prepare("text8", cache=cache, place=place)
    assert datasets.load(made.folder, "train").facts["vocabulary"] == words
    assert len(datasets.load(made.folder, "train")) == 0
    (place / "vocabulary.txt").write_text("\n".join(words[:-1]))
    with pytest.raises(BadInput, match="11,999 words, 11,999 different ones; the network has"):
        datasets.prepare("text8", cache=cache, place=place)


@pytest.mark.parametrize(
    ("gone", "says"),
    [
        (["text8"], "text8 is missing, and so are train.txt and vocabulary.txt"),
        (["wordsim353.tsv", "SimLex-999.txt"], "wordsim353.tsv is missing, and so are combined"),
    ],
)
def test_what_is_missing_is_named(place: Path, gone: list[str], says: str) -> None:
    """Neither text nor words, or no judged pairs."""
    for name in gone:
        (place / name).unlink()
    with pytest.raises(BadInput, match=says):
        text8.locate(place)


def test_a_short_text_is_refused(place: Path, cache: Path) -> None:
    """Fewer different words than the network has rows."""
    (place / "text8").write_text(" ".join(WORDS))
    with pytest.raises(BadInput, match="6 different words; 12,000 are needed"):
        datasets.prepare("text8", cache=cache, place=place)


def test_vectors_that_know_the_answers_are_perfect(place: Path, cache: Path) -> None:
    """Capitals are their countries plus one direction; similarities are as people judged."""
    made = datasets.prepare("text8", cache=cache, place=place)
    test = datasets.load(made.folder, "test")
    vocabulary = datasets.load(made.folder, "train").facts["vocabulary"]
    vectors = np.random.default_rng(0).standard_normal((VOCABULARY, 8)) * 0.1
    # country and kind: a capital and its country share their first two places
    own = {
        "paris": [1, 0, 0.5, 0, 0, 0, 0, 0], "france": [1, 0, 0, 0.5, 0, 0, 0, 0],
        "rome": [0, 1, 0.5, 0, 0, 0, 0, 0], "italy": [0, 1, 0, 0.5, 0, 0, 0, 0],
        "tiger": [0, 0, 0, 0, 1, 0.95, 0, 0], "cat": [0, 0, -0.1, -0.2, 0.8, 0.2, 0, 0],
    }  # fmt: skip
    for word, vector in own.items():
        vectors[vocabulary.index(word)] = vector
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines: Array = (unit[test.parts[0].inputs[0]] @ unit.T).astype(np.float32)
    entry = catalog.load_entry(Path(__file__).parents[1] / "workloads" / "text" / "word2vec.py")
    score = entry.module.score([(cosines,)], test)
    assert score.samples == 3
    assert score.beside["analogies"] == 1.0
    assert score.beside["out of vocabulary"] == pytest.approx(0.25)
    expected = scoring.rank_correlation(
        np.array([unit[vocabulary.index(a)] @ unit[vocabulary.index(b)] for a, b in
                  (("tiger", "cat"), ("paris", "france"), ("cat", "italy"))]),
        np.array([7.35, 8.0, 1.0]),
    )  # fmt: skip
    assert score.value == pytest.approx(expected.value)
    assert "SimLex-999" in score.beside
    assert "1 of 1 answered" in score.how and "1 more have a word" in score.how
    json.dumps(test.facts)


def test_analogies_leave_out_the_three_words() -> None:
    """The nearest word is b itself, which is none of the answers; a batch of one does as well."""
    unit = np.eye(4)
    unit[3] = [-0.6, 0.6, 0.53, 0]
    rows, asked = np.array([[0, 1, 2]]), np.array([[0, 1, 2, 3]])
    assert scoring.analogies(unit @ unit.T, rows, asked) == (1, 1)
    assert scoring.analogies(unit @ unit.T, rows, np.array([[0, 1, 2, 2]])) == (0, 1)
    many = scoring.analogies(unit @ unit.T, rows.repeat(5, 0), asked.repeat(5, 0), at_once=2)
    assert many == (5, 5)
