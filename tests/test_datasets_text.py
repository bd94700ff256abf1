"""Tests of the data set `wikipedia-sample`: the export's reader, the clean-up and the ids."""

from __future__ import annotations

import bz2
import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchsuite import datasets
from benchsuite.datasets import wikipedia_sample
from benchsuite.errors import BadInput

TEXT = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
PAIRS = "wordsim353.tsv"

EXPORT = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" version="0.10">
  <page><title>Cat</title><ns>0</ns>
    <revision><text>'''Cats''' and dog, a.\n\nA dog, a [[cat (animal)|cat]] and 2 rare birds.</text>
    </revision></page>
  <page><title>Felines</title><ns>0</ns><redirect title="Cat" />
    <revision><text>redirected words</text></revision></page>
  <page><title>Talk:Cat</title><ns>1</ns>
    <revision><text>chatter about a cat</text></revision></page>
  <page><title>Dog</title><ns>0</ns>
    <revision><text>The cat &amp; the dog.\n== See also ==\n* horses</text></revision></page>
</mediawiki>"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a made-up export of two articles and five judged pairs."""
    (tmp_path / TEXT).write_bytes(bz2.compress(EXPORT.encode()))
    (tmp_path / PAIRS).write_text(
        "# a remark\ncat\tdog\t7.5\nDog\tDog\t10\ncat\thorse\t4\nunseen\tcat\t1\nbirds\tcat\t5\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(wikipedia_sample, "VOCABULARY", 5)
    return tmp_path


# --- the clean-up of wikitext -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wikitext", "words"),
    [
        ("'''Bold''' and ''slanted'' words", "bold and slanted words"),
        ("a [[link]] and [[target|shown]] [[plural]]s", "a link and shown plurals"),
        ("before {{outer|x={{inner|y}}|z}} after", "before after"),
        (
            "kept<ref>left out</ref> too<ref name=r /> and<ref name=r>out</ref> on",
            "kept too and on",
        ),
        ("one <!-- unseen\nremark --> two", "one two"),
        ("seen [[File:map.png|thumb|A [[map|big map]] of it]] again", "seen again"),
        ("end [[Category:Cats]][[fr:Chat]]", "end"),
        (
            "see [http://example.org/a_b the page] or https://example.org/x now",
            "see the page or now",
        ),
        ("mass <math>m_0 + \\alpha</math> here", "mass here"),
        ("two<br />lines of H<sub>2</sub>O", "two lines of"),
        ("caf\u00e9 &mdash; na\u00efve&nbsp;words", "caf\u00e9 na\u00efve words"),
        ("in 1492 I saw 3 b c ships", "in i saw ships"),
        ("{| class=x\n| cell\n{|\n| nested\n|}\n| more\n|}\nprose", "prose"),
        ("prose\n==References==\nSmith, John\n", "prose"),
        ("== History ==\nlong ago", "history long ago"),
        ("unclosed {{template and [[link", "unclosed template and link"),
    ],
)
def test_the_clean_up_leaves_the_running_text(wikitext: str, words: str) -> None:
    """Of wikitext only the words a reader would see in the running text stay, in lower case."""
    lines = wikipedia_sample.paragraph_words(wikipedia_sample.prose(wikitext))
    assert [word for line in lines for word in line] == words.split()


def test_each_line_is_a_paragraph_of_its_own() -> None:
    """Lines are kept apart and lines without a word are none."""
    assert list(wikipedia_sample.paragraph_words("One two.\n\n1984 !\nThree")) == [
        ["one", "two"],
        ["three"],
    ]


# --- the files ----------------------------------------------------------------------------------


def test_only_articles_are_read(folder: Path) -> None:
    """Redirects and pages outside the article name space are passed over; entities are read."""
    texts = wikipedia_sample.articles(folder / TEXT)
    assert len(texts) == 2
    assert texts[1].startswith("The cat & the dog.")


@pytest.mark.parametrize("missing", [TEXT, PAIRS])
def test_a_missing_file_is_named(folder: Path, missing: str) -> None:
    """Where one of the two files is not in the user's folder, the error names that one."""
    (folder / missing).unlink()
    with pytest.raises(BadInput, match=missing):
        wikipedia_sample.locate(folder)


def test_of_two_missing_files_the_first_is_named(tmp_path: Path) -> None:
    """An empty folder is reported by the first file that it lacks."""
    with pytest.raises(BadInput, match=TEXT):
        wikipedia_sample.locate(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not compressed",
        bz2.compress(EXPORT.encode())[:-20],
        bz2.compress(EXPORT.encode()[:-20]),
        bz2.compress(b"<mediawiki></mediawiki>"),
    ],
    ids=["empty", "not bz2", "cut bz2", "cut XML", "no article"],
)
def test_a_corrupt_export_is_named(folder: Path, content: bytes) -> None:
    """An export that is not whole is bad input that names the file, not a traceback."""
    (folder / TEXT).write_bytes(content)
    with pytest.raises(BadInput, match=TEXT):
        wikipedia_sample.prepare(wikipedia_sample.locate(folder))


def test_a_document_type_is_refused(folder: Path) -> None:
    """An export that declares entities is refused before any of them is expanded."""
    bomb = '<!DOCTYPE m [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + EXPORT.replace("2 rare", "&b;")
    (folder / TEXT).write_bytes(bz2.compress(bomb.encode()))
    with pytest.raises(BadInput, match="document type"):
        wikipedia_sample.articles(folder / TEXT)


@pytest.mark.parametrize("line", ["cat\tdog", "cat dog 7", "cat\tdog\tmuch", "cat\tdog\t7\t8"])
def test_a_bad_judgement_is_named_by_its_line(folder: Path, line: str) -> None:
    """A pair that is not two words and a number is bad input that names file and line."""
    (folder / PAIRS).write_text(f"# a remark\ncat\tdog\t7\n{line}\n", encoding="utf-8")
    with pytest.raises(BadInput, match=f"{PAIRS}, line 3"):
        wikipedia_sample.prepare(wikipedia_sample.locate(folder))


def test_too_few_words_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text with fewer different words than the network has rows is bad input."""
    monkeypatch.setattr(wikipedia_sample, "VOCABULARY", 1000)
    with pytest.raises(BadInput, match="different words; 1000 are needed"):
        wikipedia_sample.prepare(wikipedia_sample.locate(folder))


def test_a_test_without_known_words_is_refused(folder: Path) -> None:
    """A test of which no pair lies inside the vocabulary is bad input."""
    (folder / PAIRS).write_text("horse\tcow\t8\n", encoding="utf-8")
    with pytest.raises(BadInput, match="no pair"):
        wikipedia_sample.prepare(wikipedia_sample.locate(folder))


# --- the arrays ---------------------------------------------------------------------------------


def test_the_ids_are_the_text(folder: Path) -> None:
    """The train split reads as the text without rare words; ties go by the alphabet."""
    train = wikipedia_sample.prepare(wikipedia_sample.locate(folder))["train"]
    assert train.facts["vocabulary"] == ["a", "dog", "and", "cat", "the"]
    assert train.facts["counts"] == [3, 3, 2, 2, 2]
    (part,) = train.parts
    words = [train.facts["vocabulary"][i] for i in part.inputs[0]]
    assert words == ["and", "dog", "a", "a", "dog", "a", "cat", "and", "the", "cat", "the", "dog"]
    assert part.targets["paragraph"].tolist() == [0] * 3 + [1] * 5 + [2] * 4
    assert part.inputs[0].dtype == np.int64


def test_pairs_outside_the_vocabulary_are_left_out_and_counted(folder: Path) -> None:
    """The test holds the pairs whose words are known and says how many others there are."""
    splits = wikipedia_sample.prepare(wikipedia_sample.locate(folder))
    (part,) = splits["test"].parts
    vocabulary = splits["train"].facts["vocabulary"]
    pairs = zip(part.inputs[0], part.targets["second"], part.targets["judged"], strict=True)
    assert [(vocabulary[a], vocabulary[b], value) for a, b, value in pairs] == [
        ("cat", "dog", 7.5),
        ("dog", "dog", 10.0),
    ]
    assert splits["test"].facts == {"pairs": 5, "left_out": 3}


def test_the_pairs_have_no_part_in_the_training_split(folder: Path) -> None:
    """Other pairs and judgements give the same training arrays and vocabulary."""
    before = wikipedia_sample.prepare(wikipedia_sample.locate(folder))["train"]
    (folder / PAIRS).write_text("the\tand\t1\nzebra\tcat\t9\n", encoding="utf-8")
    after = wikipedia_sample.prepare(wikipedia_sample.locate(folder))["train"]
    assert after.facts == before.facts
    assert np.array_equal(after.parts[0].inputs[0], before.parts[0].inputs[0])
    assert after.parts[0].targets.keys() == {"paragraph"}


def test_it_is_prepared_from_the_users_folder(folder: Path, tmp_path: Path) -> None:
    """Through the cache the arrays and facts come back as `prepare` made them."""
    done = datasets.prepare("wikipedia-sample", cache=tmp_path / "cache", place=folder)
    train, test = (datasets.load(done.folder, split) for split in datasets.SPLITS)
    assert (len(train), len(test)) == (12, 2)
    assert train.facts["words"] == 15


def test_the_installed_sample_is_what_the_network_is_built_for() -> None:
    """The installed file gives 12,000 words, each at least thrice, and most of the judged pairs."""
    if importlib.util.find_spec("gensim") is None:
        pytest.skip("the sample comes with gensim's test data")
    splits = wikipedia_sample.prepare(wikipedia_sample.locate(None))
    facts = splits["train"].facts
    (part,) = splits["train"].parts
    assert len(facts["vocabulary"]) == len(set(facts["vocabulary"])) == 12_000
    assert min(facts["counts"]) == 3
    assert len(part) == sum(facts["counts"]) > 400_000
    found = Counter(part.inputs[0].tolist())
    assert [found[i] for i in range(12_000)] == facts["counts"]
    assert (np.diff(part.targets["paragraph"]) >= 0).all()
    assert splits["test"].facts["pairs"] == 353
    assert splits["test"].facts["left_out"] / 353 < 0.3
