"""Running text as word ids, tested on judged pairs of words and on analogies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchsuite.datasets.wikipedia_sample import VOCABULARY
from benchsuite.errors import BadInput
from benchsuite.formats import analogies, text, word_pairs
from benchsuite.formats._texts import lines
from benchsuite.types import Array, Dataset, Part, Split

_WORDS = "vocabulary.txt"
_PAIRS = {
    "WordSim-353": ("combined.csv", "combined.tab", "wordsim353.tsv", "wordsim353.csv"),
    "SimLex-999": ("SimLex-999.txt", "simlex999.txt", "SimLex-999/SimLex-999.txt"),
}
_QUESTIONS = ("questions-words.txt", "question-words.txt")
_TESTS = (*(name for files in _PAIRS.values() for name in files), *_QUESTIONS)
_WORD = re.compile(r"[^\W\d_]+")

DATASET = Dataset(
    title=f"Running text of yours, its {VOCABULARY:,} most frequent words",
    version=1,
    source=(
        "text8 (Mahoney 2006) or any plain text; tested on WordSim-353 (Finkelstein and others "
        "2002), SimLex-999 (Hill and others 2015) and question-words (Mikolov and others 2013)"
    ),
    packages=("scipy",),
    places=(
        f"text8 or train.txt (any plain text), or {_WORDS} with the words of weights of yours, a "
        "line each row; combined.csv or wordsim353.tsv (WordSim-353) or SimLex-999.txt; if you "
        "like questions-words.txt"
    ),
)


def locate(place: Path | None) -> tuple[Path, ...]:
    """The text or the list of words or both, then the tests that there are.

    Raises:
        BadInput: No folder, neither text nor words, or no test.
    """
    if place is None:
        raise BadInput(
            "data set text8 does not come with benchsuite: give its folder with --data text8=DIR; "
            f"it must hold {DATASET.places}"
        )
    files = [path for path in (place / _WORDS,) if path.is_file()]
    try:
        files.append(text.path_of(place, "train"))
    except BadInput:
        if not files:
            raise BadInput(
                f"data set text8: {place / 'text8'} is missing, and so are train.txt and {_WORDS}"
            ) from None
    tests = [place / name for name in _TESTS if (place / name).is_file()]
    if all(path.name in _QUESTIONS for path in tests):
        raise BadInput(
            f"data set text8: {place / 'wordsim353.tsv'} is missing, and so are combined.csv and "
            "SimLex-999.txt: one of these tests is needed"
        )
    return (*files, *tests)


def prepare(files: tuple[Path, ...]) -> dict[str, Split]:
    """Word ids (n,) in reading order; the words whose similarities the tests need.

    The vocabulary is the list's, in its order, else the text's most frequent words, the most
    frequent first. Facts of the test: `pairs`, a test's name to [row, word, judgement] each,
    `questions`, [a, b, c] as rows and as words and d, and the share of each `left_out`, which has
    a word outside the vocabulary. A row is a place in the part's inputs.

    Raises:
        BadInput: Another number of words, or no question whose words are all in the vocabulary.
    """
    import numpy as np

    tests = [path for path in files if path.name in {Path(name).name for name in _TESTS}]
    listed = next((path for path in files if path.name == _WORDS), None)
    running = next((path for path in files if path not in tests and path != listed), None)
    counts = Counter[str]()
    for words in pieces(running):
        counts.update(words)
    ranked = _vocabulary(listed, running, counts)
    ids = {word: number for number, word in enumerate(ranked)}
    known = [
        np.array([ids[word] for word in words if word in ids], dtype=np.int64)
        for words in pieces(running)
    ]
    stream = np.concatenate(known) if known else np.empty(0, dtype=np.int64)
    train = Part(inputs=(stream,), targets={"paragraph": np.zeros(len(stream), dtype=np.uint8)})
    needed: dict[int, int] = {}  # word to its place in the inputs
    facts = _questions(tests, ids, needed)
    test = Part(inputs=(np.array(list(needed), dtype=np.int64),), targets={})
    return {
        "train": Split(
            parts=(train,),
            # a word that the list has and the text has not is never drawn as noise
            facts={"vocabulary": ranked, "counts": [counts[word] for word in ranked]},
        ),
        "test": Split(parts=(test,), facts=facts),
    }


def pieces(path: Path | None) -> Iterator[list[str]]:
    """The small-letter words of a text, a piece of the file at a time; digits are no words."""
    if path is None:
        return
    for split in ("train", "val", "test"):
        for sample in text.read(path, split).samples:
            yield _WORD.findall(" ".join(sample.load()[0].tolist()).lower())


def _vocabulary(listed: Path | None, running: Path | None, counts: Counter[str]) -> list[str]:
    if listed is not None:
        words = [line.lower() for _, line in lines(listed)]
        if len(set(words)) != len(words) or len(words) != VOCABULARY:
            raise BadInput(
                f"{listed}: {len(words):,} words, {len(set(words)):,} different ones; the network "
                f"has {VOCABULARY:,} rows"
            )
        return words
    # of equally frequent words the first in the alphabet
    words = sorted(counts, key=lambda word: (-counts[word], word))[:VOCABULARY]
    if len(words) < VOCABULARY:
        raise BadInput(f"{running}: {len(words):,} different words; {VOCABULARY:,} are needed")
    return words


def _questions(
    tests: Sequence[Path], ids: dict[str, int], needed: dict[int, int]
) -> dict[str, object]:
    """The facts of the test split; `needed` is filled with the words to ask for."""

    def row(word: int) -> int:
        return needed.setdefault(word, len(needed))

    pairs: dict[str, list[tuple[int, int, float]]] = {}
    questions: list[list[int]] = []
    left_out: dict[str, int] = {}
    for path in tests:
        if path.name in _QUESTIONS:
            for sample in analogies.read(path, "test").samples:
                words = [*_small(sample.load()[0]), str(sample.targets["answer"]).lower()]
                if all(word in ids for word in words):
                    a, b, c, d = (ids[word] for word in words)
                    questions.append([row(a), row(b), row(c), a, b, c, d])
                else:
                    left_out["analogies"] = left_out.get("analogies", 0) + 1
            continue
        name = next(n for n, names in _PAIRS.items() if path.name in {Path(f).name for f in names})
        if name in pairs:
            continue  # the same test in another form
        pairs[name] = []
        for sample in word_pairs.read(path, "test").samples:
            first, second = _small(sample.load()[0])
            if first in ids and second in ids:
                judged = float(sample.targets["similarity"])
                pairs[name].append((row(ids[first]), ids[second], judged))
            else:
                left_out[name] = left_out.get(name, 0) + 1
    if not needed:
        raise BadInput(f"{tests[0]}: no question whose words are all in the vocabulary")
    return {"pairs": pairs, "questions": questions, "left_out": left_out}


def _small(words: Array) -> list[str]:
    return [str(word).lower() for word in words]
