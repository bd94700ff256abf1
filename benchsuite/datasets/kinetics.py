"""Clips of 400 human actions from the web."""

from __future__ import annotations

from benchsuite.datasets import _answers
from benchsuite.types import Dataset

FORMAT = "video-folder"

DATASET = Dataset(
    title="Clips of 400 human actions from the web",
    version=1,
    source="Kinetics-400 (Kay and others, arXiv:1705.06950, 2017)",
    packages=("av", "PIL"),
    places="val/ with a folder of videos a class, or a split's csv file",
)

targets = _answers.labels
