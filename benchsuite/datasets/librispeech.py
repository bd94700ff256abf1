"""Read English speech with transcripts."""

from __future__ import annotations

from collections.abc import Sequence

from benchsuite.datasets import _answers
from benchsuite.errors import BadInput
from benchsuite.formats import Sample, _audio
from benchsuite.formats.librispeech import RATE_HZ
from benchsuite.types import Array, Arrays, Dataset, TensorSpec

FORMAT = "librispeech"
SHORTEST_S = 0.1

DATASET = Dataset(
    title="Read English speech with transcripts",
    version=2,
    source="LibriSpeech (Panayotov and others, ICASSP 2015), test-clean",
    packages=("av", "jiwer"),
    places="test-clean/SPEAKER/CHAPTER/*.flac with *.trans.txt",
)


def targets(samples: Sequence[Sample]) -> dict[str, Array]:
    """`text` (n,), what is said, in small letters; `frames` (n,), seconds, 0 where not known."""
    import numpy as np

    paths = [sample.path for sample in samples]
    seconds = [0.0 if path is None else _audio.seconds(path) or 0.0 for path in paths]
    return {
        "text": np.char.lower(_answers.texts(samples)["text"]),
        "frames": np.array(seconds),
    }


def stored(arrays: Arrays, spec: TensorSpec) -> Arrays:
    """A recording (samples,) of int16.

    Raises:
        BadInput: Shorter than a tenth of a second, or silent throughout: it has no spectrum.
    """
    import numpy as np

    (recording,) = arrays
    whole = np.clip(np.rint(recording * 32768), -32768, 32767).astype(np.int16)
    if len(whole) < SHORTEST_S * RATE_HZ:
        raise BadInput(f"a recording of {len(whole) / RATE_HZ:.3f} s; {SHORTEST_S} s are needed")
    if not whole.any():
        raise BadInput("a recording whose samples are all zero")
    return (whole,)
