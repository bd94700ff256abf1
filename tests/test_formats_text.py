"""Tests of running text, of judged word pairs and of analogies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchsuite.datasets import installed_folder
from benchsuite.errors import BadInput, MissingPackage
from benchsuite.formats import analogies, text, word_pairs


def words_of(place: Path, split: str) -> list[str]:
    """All words of a split, piece after piece."""
    return [str(w) for sample in text.read(place, split).samples for w in sample.load()[0]]


# --- text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 10, 64, 10_000])
def test_every_word_comes_once_wherever_the_file_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """Pieces of any size give the words of the file, whole, in order and once."""
    generator = np.random.default_rng(0)
    content = "".join(
        "aé猫🎈"[generator.integers(4)] * int(generator.integers(1, 12))
        + " \n\t  "[: generator.integers(1, 5)]
        for _ in range(100)
    )
    (tmp_path / "train.txt").write_text(content, encoding="utf-8")
    monkeypatch.setattr(text, "PIECE_B", piece)
    assert words_of(tmp_path, "train") == content.split()


@pytest.mark.parametrize("place", ["text8", "."])
def test_text8_is_split_as_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Nine tenths train, a twentieth each val and test; no word is lost or doubled between."""
    words = [f"w{i}" for i in range(2000)]
    (tmp_path / "text8").write_text(" " + " ".join(words))
    monkeypatch.setattr(text, "PIECE_B", 100)
    found = {split: words_of(tmp_path / place, split) for split in ("train", "val", "test")}
    assert [word for one in found.values() for word in one] == words
    assert abs(len(" ".join(found["train"])) / len(" ".join(words)) - 0.9) < 0.01
    assert abs(len(found["val"]) - len(found["test"])) < 3


@pytest.mark.parametrize("name", ["valid.txt", "wiki.valid.tokens", "ptb.valid.txt", "val.txt"])
def test_a_file_a_split(tmp_path: Path, name: str) -> None:
    """The usual names of a validation file are found; another split's file is not taken."""
    (tmp_path / name).write_bytes(b"\xef\xbb\xbfone two\r\nthree\r\n")
    assert words_of(tmp_path, "val") == ["one", "two", "three"]
    assert text.read(tmp_path, "val").facts["file"] == name
    with pytest.raises(BadInput, match=r"text: .*no file train.txt \(plain text\), nor text8"):
        text.read(tmp_path, "train")


def test_a_large_text_is_listed_without_being_read(tmp_path: Path) -> None:
    """A hundred gigabytes are listed by their size; a piece is read alone."""
    path = tmp_path / "train.txt"
    with path.open("wb") as stream:
        stream.truncate(100 * 2**30)
        stream.seek(50 * 2**30)
        stream.write(b" hello world ")
    samples = text.read(tmp_path, "train").samples
    assert len(samples) == 100 * 2**30 // text.PIECE_B
    path.write_bytes(b"a " * 2**18)
    assert text.read(tmp_path, "train").samples[1].load()[0].size == 2**17


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "0 bytes; no text for the split train"),
        (b"fine caf\xe9 x", "from byte 0 on not UTF-8"),
        (b"a" * 1500, "a word of more than 1,000 bytes; is it text?"),
        (bytes(100_000), "a word of more than 1,000 bytes; is it text?"),
    ],
)
def test_what_is_not_text_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    """Empty, wrongly encoded and binary files each get a sentence."""
    (tmp_path / "train.txt").write_bytes(content)
    with pytest.raises(BadInput, match=says) as caught:
        words_of(tmp_path, "train")
    assert "train.txt: " in str(caught.value)


def test_an_endless_word_at_the_end_of_a_piece_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word is followed past its piece, but not without end; later pieces do not see it."""
    monkeypatch.setattr(text, "PIECE_B", 10)
    (tmp_path / "train.txt").write_bytes(b"a bc " + b"d" * 1001 + b" e")
    first, *others = text.read(tmp_path, "train").samples
    with pytest.raises(BadInput, match="a word of more than 1,000 bytes"):
        first.load()
    assert [str(w) for sample in others for w in sample.load()[0]] == ["e"]


# --- word pairs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("combined.csv", "Word 1,Word 2,Human (mean)\r\nlove,sex,6.77\r\ntiger,tiger,10.00\r\n"),
        ("combined.tab", "Word 1\tWord 2\tHuman (mean)\nlove\tsex\t6.77\ntiger\ttiger\t10\n"),
        ("wordsim353.tsv", "# WordSim\n# Word 1\tWord 2\nlove\tsex\t6.77\ntiger\ttiger\t10.00\n"),
        (
            "SimLex-999.txt",
            "word1\tword2\tPOS\tSimLex999\tconc(w1)\n"
            "love\tsex\tN\t6.77\t3\ntiger\ttiger\tN\t10.00\t2\n",
        ),
    ],
)
@pytest.mark.parametrize("is_file", [True, False])
def test_word_pairs_of_every_published_form(
    tmp_path: Path, name: str, content: str, is_file: bool
) -> None:
    """Both sets, as tables with commas or tabs, give pairs and similarities."""
    (tmp_path / name).write_bytes(content.encode())
    listing = word_pairs.read(tmp_path / name if is_file else tmp_path, "test")
    found = [(*map(str, s.load()[0]), s.targets["similarity"]) for s in listing.samples]
    assert found == [("love", "sex", 6.77), ("tiger", "tiger", 10.0)]
    assert listing.facts == {"file": name}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a\tb\t1\na\tb\n", "line 2: not two words and a number"),
        ("a\tb\tc\n", "line 1: not two words and a number"),
        ("a\tb\tnan\n", "line 1: not two words and a number"),
        ("a\t\t1\n", "line 1: not two words and a number"),
        ("word1\tword2\tPOS\tSimLex999\na\tb\tN\n", "line 2: not two words and a number"),
        ("# nothing\n", "no pairs in it"),
    ],
)
def test_wrong_word_pairs_are_named(tmp_path: Path, content: str, says: str) -> None:
    """Lines of another form are refused with file and line."""
    (tmp_path / "simlex999.txt").write_text(content)
    with pytest.raises(BadInput, match=says):
        word_pairs.read(tmp_path, "test")


def test_word_pairs_are_not_for_training(tmp_path: Path) -> None:
    """Judged pairs and analogies have a test split alone."""
    for read in (word_pairs.read, analogies.read):
        with pytest.raises(BadInput, match="no split 'train'; .* for the test"):
            read(tmp_path, "train")


# --- analogies ----------------------------------------------------------------------------------

QUESTIONS = ": capitals\nAthens Greece Oslo Norway\n\n: plural\r\nbird birds cat cats\r\n"


def test_analogies_have_sections(tmp_path: Path) -> None:
    """Three words are given, the fourth is asked for."""
    (tmp_path / "question-words.txt").write_text(QUESTIONS)
    listing = analogies.read(tmp_path, "test")
    assert listing.facts["sections"] == ["capitals", "plural"]
    assert listing.samples[0].load()[0].tolist() == ["Athens", "Greece", "Oslo"]
    assert listing.samples[1].targets == {"answer": "cats", "section": 1}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a b c d\n", "line 1: before the first `: SECTION`"),
        (": s\na b c\n", "line 2: not four words"),
        (": s\n", "no questions in it"),
        (": s\n\xff", "line 2: not UTF-8"),
    ],
)
def test_wrong_analogies_are_named(tmp_path: Path, content: str, says: str) -> None:
    """Lines of another form are refused with file and line."""
    (tmp_path / "questions-words.txt").write_bytes(content.encode("latin-1"))
    with pytest.raises(BadInput, match=says):
        analogies.read(tmp_path, "test")


# --- the published files ------------------------------------------------------------------------


def test_the_published_sets() -> None:
    """The package gensim carries all three: 353 and 999 pairs, 19,544 analogies in 14 sections."""
    try:
        folder = installed_folder("gensim", needed_for="this test") / "test" / "test_data"
    except MissingPackage:
        pytest.skip("gensim is not installed")
    similar = word_pairs.read(folder / "wordsim353.tsv", "test").samples
    assert len(similar) == 353
    assert similar[0].load()[0].tolist() == ["love", "sex"]
    assert len(word_pairs.read(folder / "simlex999.txt", "test").samples) == 999
    questions = analogies.read(folder, "test")
    assert len(questions.samples) == 19_544
    assert len(questions.facts["sections"]) == 14
