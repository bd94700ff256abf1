"""35 spoken words, a second each, taken as ten keywords and unknown."""

from __future__ import annotations

from collections.abc import Sequence

from benchsuite.datasets.espeak_keywords import CLASSES, KEYWORDS
from benchsuite.formats import Sample
from benchsuite.types import Array, Dataset

FORMAT = "speech-commands"

DATASET = Dataset(
    title="35 spoken words, a second each, taken as ten keywords and unknown",
    version=1,
    source="Speech Commands (Warden, arXiv:1804.03209, 2018)",
    packages=("av",),
    places="a folder a word, testing_list.txt and validation_list.txt",
)


def targets(samples: Sequence[Sample]) -> dict[str, Array]:
    """`label` (n,): ten keywords or `unknown`, as MLPerf Tiny takes them; without silence."""
    import numpy as np

    words = [sample.path.parent.name if sample.path else "" for sample in samples]
    numbers = [CLASSES.index(word if word in KEYWORDS else "unknown") for word in words]
    return {"label": np.array(numbers, dtype=np.int64)}
