"""Clips of 400 human actions from the web."""

from __future__ import annotations

from benchsuite.datasets import _answers
from benchsuite.formats.videos import Sampling
from benchsuite.types import Dataset

FORMAT = "video-folder"
# as torchvision judges its weights: five clips a video, 15 frames a second (films have about 30)
OPTIONS = {
    "sampling": Sampling(frames=16, how="stride", stride=2),
    "clips": 5,
    "classes": 400,
}

DATASET = Dataset(
    title="Clips of 400 human actions from the web, five of each video",
    version=2,
    source="Kinetics-400 (Kay and others, arXiv:1705.06950, 2017)",
    packages=("av", "PIL"),
    places="val/ with a folder of videos a class, or a split's csv file; classes.txt for a part",
)

targets = _answers.clips
