"""Sentences of the English Wikipedia, each with the article that it is from."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from benchsuite.datasets import installed_folder, wikipedia_sample
from benchsuite.datasets.wikipedia_sample import paragraph_words, prose, titled_articles
from benchsuite.errors import BadInput
from benchsuite.types import Dataset, Part, Split

_TEXT = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
ARTICLES = 20
VOCABULARY = 5_999
LENGTH = 56
_SHORTEST = 5  # words; what is shorter is mostly a heading or a broken sentence
_TEST_EVERY = 5  # paragraphs

DATASET = Dataset(
    title=(
        f"sentences of the {ARTICLES} longest of 106 articles of the English Wikipedia, to be told "
        "apart by their words; every fifth paragraph is held out"
    ),
    version=1,
    source="gensim's test data (Řehůřek): Wikipedia, April 2016, CC BY-SA",
    packages=wikipedia_sample.DATASET.packages,
    places=_TEXT,
)
_SENTENCE_END = re.compile(r"""(?<=[.!?])["')\]]*\s+(?=["'(\[]?[A-Z])""")


def locate(place: Path | None) -> tuple[Path, ...]:
    """The package's export, or that of the same name in a folder of the user's."""
    folder = place
    if folder is None:
        gensim = installed_folder("gensim", needed_for="data set wikipedia-articles")
        folder = gensim / "test" / "test_data"
    if not (folder / _TEXT).is_file():
        raise BadInput(f"data set wikipedia-articles: {folder / _TEXT} is missing")
    return (folder / _TEXT,)


def prepare(files: tuple[Path, ...]) -> dict[str, Split]:
    """Word numbers (n, 56), 0 after the sentence's end, with `label` (n,), its article.

    Words are numbered from 1, the most frequent of the training sentences first; words that are
    not among those leave the sentence, and of a long sentence the first 56 words stay.

    Raises:
        BadInput: The export is damaged, or has too few articles or words.
    """
    (path,) = files
    found = [(title, paragraphs(text)) for title, text in titled_articles(path)]
    # of equally long articles the first in the export
    longest = sorted(found, key=lambda article: -sum(map(len, article[1])))[:ARTICLES]
    if len(longest) < ARTICLES:
        raise BadInput(f"{path}: {len(longest)} articles; {ARTICLES} are needed")
    sentences: dict[str, list[tuple[int, list[str]]]] = {"train": [], "test": []}
    for label, (_, blocks) in enumerate(longest):
        for number, block in enumerate(blocks):
            which = "test" if number % _TEST_EVERY == _TEST_EVERY - 1 else "train"
            sentences[which] += [(label, words) for words in block]
    counts = Counter(word for _, words in sentences["train"] for word in words)
    # of equally frequent words the first in the alphabet
    ranked = sorted(counts, key=lambda word: (-counts[word], word))[:VOCABULARY]
    if len(ranked) < VOCABULARY:
        raise BadInput(f"{path}: {len(ranked)} different words; {VOCABULARY} are needed")
    facts: dict[str, Any] = {"classes": [title for title, _ in longest], "vocabulary": ranked}
    ids = {word: i for i, word in enumerate(ranked, 1)}
    return {name: _split(rows, ids, facts=facts) for name, rows in sentences.items()}


def paragraphs(wikitext: str) -> list[list[list[str]]]:
    """The words of each sentence of each paragraph; sentences end where `.!?` and a capital meet.

    A rule, not a grammar: it also cuts after "St." and keeps "e.g. the" whole.
    """
    found = []
    for line in prose(wikitext).splitlines():
        sentences = [
            words for part in _SENTENCE_END.split(line.strip()) for words in paragraph_words(part)
        ]
        long_enough = [words for words in sentences if len(words) >= _SHORTEST]
        if long_enough:
            found.append(long_enough)
    return found


def _split(
    rows: list[tuple[int, list[str]]], ids: dict[str, int], *, facts: dict[str, Any]
) -> Split:
    import numpy as np

    numbers = np.zeros((len(rows), LENGTH), dtype=np.int64)
    unknown = 0
    for row, (_, words) in zip(numbers, rows, strict=True):
        known = [ids[word] for word in words if word in ids]
        unknown += len(words) - len(known)
        row[: len(known)] = known[:LENGTH]
    labels = np.array([label for label, _ in rows])
    total = sum(len(words) for _, words in rows)
    return Split(
        parts=(Part(inputs=(numbers,), targets={"label": labels}),),
        facts={**facts, "words": total, "out of vocabulary": unknown},
    )
