"""A sample of the English Wikipedia as word ids, tested on WordSim-353."""

from __future__ import annotations

import bz2
import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from benchsuite.datasets import installed_folder
from benchsuite.errors import BadInput
from benchsuite.types import Dataset, Part, Split

_TEXT = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
_PAIRS = "wordsim353.tsv"
VOCABULARY = 12_000

DATASET = Dataset(
    title=f"106 articles of the English Wikipedia, their {VOCABULARY:,} most frequent words",
    version=1,
    source=(
        "gensim's test data (Řehůřek): Wikipedia, April 2016, CC BY-SA; "
        "WordSim-353 (Finkelstein and others 2002) is the test"
    ),
    packages=("gensim",),
    places=f"{_TEXT} and {_PAIRS}",
)

# what stands after the prose of an article: lists of names, titles and links
_BACK_MATTER = re.compile(
    r"^=+ *(?:see also|references|notes|footnotes|further reading|external links) *=+ *$.*",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_NO_PROSE = re.compile(
    r"<!--.*?-->"
    r"|<ref\b[^<>]*/>"
    r"|<(ref|math|gallery|code|source|references|timeline)\b[^<>]*>.*?</\1\s*>",
    re.IGNORECASE | re.DOTALL,
)
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")
_TABLE = re.compile(r"^[ :]*\{\|(?:(?!\{\|).)*?^\s*\|\}", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[\[([^\[\]]*)\]\]")
_NO_TEXT_LINK = re.compile(r"\s*(?:file|image|category|media|[a-z]{2,3}):", re.IGNORECASE)
_OUTER_LINK = re.compile(r"\[(?:https?:|ftp:)?//\S*?(?:\s([^\]]*))?\]|https?://\S+")
_TAG = re.compile(r"<[^<>]*>")
_WORD = re.compile(r"[^\W\d_]+")


def locate(place: Path | None) -> tuple[Path, ...]:
    """The package's two files, or those of the same names in a folder of the user's."""
    folder = place
    if folder is None:
        gensim = installed_folder("gensim", needed_for="data set wikipedia-sample")
        folder = gensim / "test" / "test_data"
    files = (folder / _TEXT, folder / _PAIRS)
    for path in files:
        if not path.is_file():
            raise BadInput(f"data set wikipedia-sample: {path} is missing")
    return files


def prepare(files: tuple[Path, ...]) -> dict[str, Split]:
    """Word ids (n,) in reading order with their paragraph's number; pairs of words to judge.

    The vocabulary is the most frequent words of the articles, the most frequent first; other words
    leave the text before windows are laid over it. A test pair with a word outside it is left out.
    """
    import numpy as np

    text, pairs = files
    paragraphs = [words for page in articles(text) for words in paragraph_words(prose(page))]
    counts = Counter(word for words in paragraphs for word in words)
    # of equally frequent words the first in the alphabet
    ranked = sorted(counts, key=lambda word: (-counts[word], word))[:VOCABULARY]
    if len(ranked) < VOCABULARY:
        raise BadInput(f"{text}: {len(ranked)} different words; {VOCABULARY} are needed")
    ids = {word: i for i, word in enumerate(ranked)}
    known = [[ids[word] for word in words if word in ids] for words in paragraphs]
    judged = judgements(pairs)
    inside = [(ids[a], ids[b], value) for a, b, value in judged if a in ids and b in ids]
    if not inside:
        raise BadInput(f"{pairs}: no pair whose words are both in the vocabulary")
    first, second, value = zip(*inside, strict=True)
    facts = {"vocabulary": ranked, "counts": [counts[word] for word in ranked]}
    train = Part(
        inputs=(np.array([i for words in known for i in words], dtype=np.int64),),
        targets={"paragraph": np.repeat(np.arange(len(known)), [len(words) for words in known])},
    )
    test = Part(
        inputs=(np.array(first, dtype=np.int64),),
        targets={
            "second": np.array(second, dtype=np.int64),
            "judged": np.array(value, dtype=np.float64),
        },
    )
    return {
        "train": Split(parts=(train,), facts={**facts, "words": sum(counts.values())}),
        "test": Split(
            parts=(test,), facts={"pairs": len(judged), "left_out": len(judged) - len(inside)}
        ),
    }


class _NoDoctype(ElementTree.TreeBuilder):
    """Refuses a document type: an export has none, and entities could be declared in one."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError(f"a document type ({name}) in a Wikipedia export")


def articles(path: Path) -> list[str]:
    """The wikitext of the articles, as `titled_articles` gives it."""
    return [text for _, text in titled_articles(path)]


def titled_articles(path: Path) -> list[tuple[str, str]]:
    """Title and wikitext of the articles in a bz2-compressed MediaWiki export; no redirects.

    Raises:
        BadInput: It is not bz2, is cut off, is not XML or has no article.
    """
    parser = ElementTree.XMLParser(target=_NoDoctype())
    try:
        with bz2.open(path) as file:
            root = ElementTree.parse(file, parser=parser).getroot()
    except (OSError, EOFError, ValueError, ElementTree.ParseError) as error:
        raise BadInput(f"{path}: not a whole bz2-compressed Wikipedia export: {error}") from None
    found = [
        (page.findtext("{*}title") or "", page.findtext("{*}revision/{*}text") or "")
        for page in root.iterfind("{*}page")
        if page.findtext("{*}ns") == "0" and page.find("{*}redirect") is None
    ]
    if not found:
        raise BadInput(f"{path}: a Wikipedia export without articles")
    return found


def prose(wikitext: str) -> str:
    """The running text of an article: no references, templates, tables, files or markup."""
    text = _NO_PROSE.sub(" ", _BACK_MATTER.sub("", wikitext))
    text = _innermost_first(_TEMPLATE, "", text)
    text = _innermost_first(_TABLE, "", text)
    text = _innermost_first(_LINK, _shown, text)
    text = _OUTER_LINK.sub(lambda link: link[1] or " ", text)
    return html.unescape(_TAG.sub(" ", text))


def paragraph_words(text: str) -> Iterator[list[str]]:
    """The lower-case words of each line; digits, marks and stray letters are no words."""
    for line in text.splitlines():
        words = [word for word in _WORD.findall(line.lower()) if len(word) > 1 or word in "ai"]
        if words:
            yield words


def judgements(path: Path) -> list[tuple[str, str, float]]:
    """Lines of two words and a mean judgement, tab-separated; `#` opens a remark.

    Raises:
        BadInput: A line has another form.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        try:
            first, second, value = line.split("\t")
            found.append((first.lower(), second.lower(), float(value)))
        except ValueError:
            raise BadInput(f"{path}, line {number}: not `word TAB word TAB number`") from None
    return found


def _innermost_first(
    pattern: re.Pattern[str], by: str | Callable[[re.Match[str]], str], text: str
) -> str:
    replaced = 1
    while replaced:
        text, replaced = pattern.subn(by, text)
    return text


def _shown(link: re.Match[str]) -> str:
    inside = link[1]
    return "" if _NO_TEXT_LINK.match(inside) else inside.rpartition("|")[2]
