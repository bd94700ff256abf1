"""Ten keywords, other words and no word at all, synthesised by eSpeak NG, a second each."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from benchsuite.datasets import espeak_commands as commands
from benchsuite.datasets.espeak_commands import MARGIN, RATE_HZ, Speakers, Synthesiser, locate
from benchsuite.types import Array, Dataset, Part, Split

__all__ = ["CLASSES", "DATASET", "locate", "prepare"]

# of Speech Commands (Warden 2018), as MLPerf Tiny takes them
KEYWORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
CLASSES = (*KEYWORDS, "silence", "unknown")
SAMPLES = RATE_HZ

DATASET = Dataset(
    title=(
        "10 keywords, silence and unknown words, synthesised, a second each, in noise; voices and "
        "accents held out"
    ),
    version=1,
    source=commands.DATASET.source,
    packages=commands.DATASET.packages,
    places=commands.DATASET.places,
)
_RECORDINGS_EACH = {"train": 36, "test": 60}  # of every speaker, shared evenly by the classes


def prepare(files: tuple[Path, ...]) -> dict[str, Split]:
    """Recordings (n, 16,000) of int16 at 16 kHz with `label` (n,), `word` (n,), `speaker` (n,).

    The unknown words are the other 25 of `espeak_commands`; silence is background alone.

    Raises:
        BadInput: The library is not an eSpeak NG that can be used here.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        synthesiser = Synthesiser(files, Path(folder))
        return {
            name: speak(synthesiser, replace(who, phrases_each=_RECORDINGS_EACH[name]))
            for name, who in commands.SPEAKERS.items()
        }


def speak(synthesiser: Synthesiser, who: Speakers) -> Split:
    """Every speaker's recordings, of all classes alike many where `phrases_each` allows it."""
    import numpy as np

    generator = np.random.default_rng([len(who.accents), len(who.voices), who.phrases_each])
    unknown = [word for word in commands.WORDS if word not in KEYWORDS]
    speakers = [f"{accent}+{voice}" for accent in who.accents for voice in who.voices]
    labels: list[int] = []
    words: list[str] = []
    speeches: list[Array] = []
    for number in range(who.phrases_each):
        label = number % len(CLASSES)
        for speaker in speakers:
            name = CLASSES[label]
            word = str(generator.choice(unknown)) if name == "unknown" else name
            speech = np.zeros(0)
            while name != "silence":
                speech = commands.utterance(synthesiser, word, speaker, generator=generator)
                if len(speech) <= SAMPLES - 2 * MARGIN:
                    break  # else said again, at another rate
            labels.append(label)
            words.append("" if name == "silence" else word)
            speeches.append(speech)
    spoken = [speech for speech in speeches if len(speech)]
    recordings = [
        commands.recording(speech, spoken, samples=SAMPLES, generator=generator)
        for speech in speeches
    ]
    part = Part(
        inputs=(np.stack(recordings),),
        targets={
            "label": np.array(labels),
            "word": np.array(words),
            "speaker": np.array(speakers * who.phrases_each),
        },
    )
    facts = {
        "classes": list(CLASSES),
        "rate_hz": RATE_HZ,
        "accents": list(who.accents),
        "voices": list(who.voices),
    }
    return Split(parts=(part,), facts=facts)
