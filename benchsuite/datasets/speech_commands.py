"""Single spoken words of a second, 35 words."""

from __future__ import annotations

from benchsuite.datasets import _answers
from benchsuite.types import Dataset

FORMAT = "speech-commands"

DATASET = Dataset(
    title="Single spoken words of a second, 35 words",
    version=1,
    source="Speech Commands (Warden, arXiv:1804.03209, 2018)",
    packages=("av",),
    places="a folder a word, testing_list.txt and validation_list.txt",
)

targets = _answers.labels
