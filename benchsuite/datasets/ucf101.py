"""13,320 clips of 101 human actions."""

from __future__ import annotations

from benchsuite.datasets import _answers
from benchsuite.types import Dataset

FORMAT = "video-folder"

DATASET = Dataset(
    title="13,320 clips of 101 human actions",
    version=1,
    source="UCF101 (Soomro, Zamir, Shah 2012), split 1",
    packages=("av", "PIL"),
    places="class folders of videos with classInd.txt and testlist01.txt",
)

targets = _answers.labels
