"""LibriSpeech: read books, a folder a speaker and in it one a chapter, with its transcripts.

    PLACE/test-clean/SPEAKER/CHAPTER/SPEAKER-CHAPTER-0000.flac
    PLACE/test-clean/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt     `UTTERANCE WORDS` a line

PLACE may also be the folder in which LibriSpeech/ lies. The splits `train`, `val` and `test` are
train-clean-100, dev-clean and test-clean; any other subset goes by its own name.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchsuite.errors import BadInput
from benchsuite.formats import Listing, Sample, Skipped, _audio
from benchsuite.formats._lazy import Made
from benchsuite.formats._texts import lines
from benchsuite.formats._trees import content, folder, root, shown, some

NAME = "librispeech"
RATE_HZ = 16_000
ALPHABET = " 'ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SUBSETS = {"train": "train-clean-100", "val": "dev-clean", "test": "test-clean"}


def read(place: Path, split: str) -> Listing:
    """Recordings with what is said, `text` in capitals, and `speaker`, a number.

    Raises:
        BadInput: No folder of the subset, or a transcript is not one.
    """
    name = _SUBSETS.get(split, split)
    holds = "SPEAKER/CHAPTER/*.flac with *.trans.txt"
    root(place, form=NAME, holds=f"{name}/{holds}")
    if (place / "LibriSpeech").is_dir():
        place = place / "LibriSpeech"
    subset = folder(place, name, form=NAME, holds=holds)
    found: list[tuple[Path, str, str]] = []
    skipped: list[Skipped] = []
    speakers = content(subset)
    skipped += speakers.skipped
    for speaker in speakers.folders:
        if not speaker.isascii() or not speaker.isdigit():
            skipped.append(Skipped(path=subset / speaker, why="not a speaker's number"))
            continue
        for chapter in content(subset / speaker).folders:
            utterances, others = _chapter(subset / speaker / chapter, f"{speaker}-{chapter}")
            found += utterances
            skipped += others
    some(len(found), form=NAME, place=subset, what=f"recordings ({holds})")

    def sample(index: int) -> Sample:
        chapter, utterance, text = found[index]
        path = chapter / f"{utterance}.flac"
        return Sample(
            path=path,
            load=partial(_audio.load, path, rate_hz=RATE_HZ),
            targets={"text": text, "speaker": int(utterance.partition("-")[0])},
        )

    return Listing(
        name=NAME,
        split=split,
        samples=Made(len(found), sample),
        facts={"subset": name, "rate_hz": RATE_HZ, "alphabet": ALPHABET},
        skipped=tuple(skipped),
    )


def _chapter(chapter: Path, stem: str) -> tuple[list[tuple[Path, str, str]], list[Skipped]]:
    """Folder, utterance and text of a chapter's recordings."""
    inside = content(chapter)
    there = {name.removesuffix(".flac") for name in inside.files if name.endswith(".flac")}
    transcript = f"{stem}.trans.txt"
    if transcript not in inside.files:
        return [], [Skipped(path=chapter, why=f"{transcript} is missing")]
    texts: dict[str, str] = {}
    for number, line in lines(chapter / transcript):
        utterance, _, text = line.partition(" ")
        strange = set(text) - set(ALPHABET)
        if not utterance.startswith(f"{stem}-") or not text or strange:
            raise BadInput(
                f"{shown(chapter / transcript)}, line {number}: not `{stem}-NUMBER WORDS` in "
                "capitals"
            )
        texts[utterance] = text
    skipped = [
        *inside.skipped,
        *(Skipped(path=chapter / f"{name}.flac", why="missing") for name in texts.keys() - there),
        *(
            Skipped(path=chapter / f"{name}.flac", why=f"not in {transcript}")
            for name in there - texts.keys()
        ),
    ]
    return [(chapter, name, texts[name]) for name in sorted(texts.keys() & there)], skipped
