"""Read English speech with transcripts."""

from __future__ import annotations

from benchsuite.datasets import _answers
from benchsuite.types import Dataset

FORMAT = "librispeech"

DATASET = Dataset(
    title="Read English speech with transcripts",
    version=1,
    source="LibriSpeech (Panayotov and others, ICASSP 2015), test-clean",
    packages=("av",),
    places="test-clean/SPEAKER/CHAPTER/*.flac with *.trans.txt",
)

targets = _answers.texts
