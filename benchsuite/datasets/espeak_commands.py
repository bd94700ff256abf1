"""Spoken command phrases, synthesised by eSpeak NG, in recordings of two lengths."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite.datasets import installed_folder
from benchsuite.errors import BadInput
from benchsuite.types import Array, Dataset, Part, Split

if TYPE_CHECKING:
    import numpy as np

DATASET = Dataset(
    title="phrases of one to three of 35 command words, synthesised, in noise; voices held out",
    version=1,
    source="eSpeak NG (GPL-3.0), run from the package espeakng-loader; phrases and noise are ours",
    packages=("espeakng_loader",),
    places="an eSpeak NG library (libespeak-ng.so, .dylib or .dll) beside its espeak-ng-data",
)

RATE_HZ = 16_000
SECONDS = (1.0, 1.5)
ALPHABET = "_abcdefghijklmnopqrstuvwxyz '"  # the first is CTC's blank
WORDS = (
    "zero one two three four five six seven eight nine "
    "yes no up down left right on off stop go forward backward follow learn visual "
    "bed bird cat dog happy house tree wow marvin sheila"
).split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Speakers:
    """Who speaks in a split: every accent (language file) in every voice (variant file)."""

    accents: tuple[str, ...]
    voices: tuple[str, ...]
    phrases_each: int


# Near relatives of the test's voices (f5 of f2, m8 of m7, Gene2 of Gene, ...) are in neither split,
# nor is a voice whose breath is drawn from the C library's rand(), as Reed's.
SPEAKERS = {
    "train": Speakers(
        accents=("en", "en-US", "en-GB-scotland", "en-GB-x-rp", "en-GB-x-gbcwmd", "en-029"),
        voices=(
            *("m1", "m2", "m4", "m5", "m6", "Alex", "Andy", "Diogo", "Jacky", "Michael", "Mike"),
            *("adam", "announcer", "antonio", "david", "ed", "kaukovalta", "max", "paul", "robert"),
            *("travis", "f1", "Alicia", "Andrea", "Annie", "anika", "grandma", "shelby"),
        ),
        phrases_each=48,
    ),
    "test": Speakers(
        accents=("en-GB-x-gbclan", "en-US-nyc"),
        voices=("m3", "m7", "Gene", "edward", "victor", "f2", "f4", "steph"),
        phrases_each=40,
    ),
}
_LIBRARIES = ("libespeak-ng.so", "libespeak-ng.so.1", "libespeak-ng.dylib", "espeak-ng.dll")
_DATA = "espeak-ng-data"
MARGIN = RATE_HZ // 20  # of background before and after the speech

# from eSpeak NG's speak_lib.h
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_RATE, _PITCH, _RANGE = 1, 3, 4
_POSITION_CHARACTER, _UTF8 = 1, 1


def locate(place: Path | None) -> tuple[Path, ...]:
    """The library and every data file the speakers need, from the package or the user's folder.

    Raises:
        MissingPackage: espeakng-loader is not installed and no folder is given.
        BadInput: The library or a data file is missing.
    """
    folder = place or installed_folder("espeakng_loader", needed_for="data set espeak-commands")
    library = next((folder / name for name in _LIBRARIES if (folder / name).is_file()), None)
    if library is None:
        raise BadInput(f"data set espeak-commands: {folder} holds none of {', '.join(_LIBRARIES)}")
    data = folder / _DATA
    files = [data / name for name in ("phondata", "phonindex", "phontab", "intonations", "en_dict")]
    for who in SPEAKERS.values():
        files += [data / "lang" / "gmw" / accent for accent in who.accents]
        files += [data / "voices" / "!v" / voice for voice in who.voices]
    for path in files:
        if not path.is_file():
            raise BadInput(f"data set espeak-commands: {path} is missing (eSpeak NG 1.51 has it)")
    return (library, *files)


def prepare(files: tuple[Path, ...]) -> dict[str, Split]:
    """Recordings (n, samples) of int16 at 16 kHz, a part a length, with what is said in them.

    The targets are `text` (n,), `labels` (n, L), indices into the alphabet padded with the blank,
    `lengths` (n,), and `speaker` (n,), as accent+voice.

    Raises:
        BadInput: The library is not an eSpeak NG that can be used here.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        synthesiser = Synthesiser(files, Path(folder))
        return {name: _split(synthesiser, who) for name, who in SPEAKERS.items()}


class Synthesiser:
    """eSpeak NG with a state of its own, so that the same calls in a row give the same samples.

    The library keeps the phase of its voices' flutter in statics, which outlive its own
    termination. A copy of the file is loaded afresh, and with it go copies of the data files:
    nothing is read that `locate` does not name, at a path short enough for the library.
    """

    def __init__(self, files: tuple[Path, ...], folder: Path) -> None:
        library, *data = files
        for path in data:
            copy = folder.joinpath(*path.parts[path.parts.index(_DATA) :])
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        self._library = ctypes.CDLL(str(shutil.copyfile(library, folder / library.name)))
        if not hasattr(self._library, "espeak_ng_SetRandSeed"):
            raise BadInput(f"{library}: no espeak_ng_SetRandSeed; eSpeak NG 1.51 or later has it")
        self._library.espeak_ng_SetRandSeed.argtypes = (ctypes.c_long,)
        self.rate_hz: int = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, str(folder / _DATA).encode(), _DONT_EXIT
        )
        if self.rate_hz <= 0:
            raise BadInput(f"{library}: eSpeak NG does not start on the data beside it")
        self._pieces: list[bytes] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._callback = kind(self._collect)  # kept here: the library holds no reference
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(
        self, text: str, speaker: str, *, seed: int, rate: int, pitch: int, range_: int
    ) -> Array:
        """Samples (n,) of int16 at `rate_hz`.

        Args:
            text: What to say.
            speaker: A language file, plus sign, a variant file: `en-US+f1`.
            seed: Of the voice's roughness and breath.
            rate: Words a minute.
            pitch, range_: Of the voice, 0 to 99; 50 leaves them.

        Raises:
            BadInput: There is no such speaker, or the library fails.
        """
        import numpy as np

        call = self._library
        self._pieces.clear()
        failed = call.espeak_SetVoiceByName(f"gmw/{speaker}".encode())
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, range_)):
            failed = failed or call.espeak_SetParameter(parameter, value, 0)
        call.espeak_ng_SetRandSeed(seed)
        raw = text.encode() + b"\0"
        failed = failed or call.espeak_Synth(
            raw, ctypes.c_size_t(len(raw)), 0, _POSITION_CHARACTER, 0, _UTF8, None, None
        )
        if failed:
            raise BadInput(f"eSpeak NG does not say {text!r} as {speaker}: its error {failed}")
        return np.frombuffer(b"".join(self._pieces), dtype=np.int16)

    def _collect(self, samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._pieces.append(ctypes.string_at(samples, 2 * count))
        return 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Phrase:
    text: str
    speaker: str
    speech: Array  # float64 of unit power, without the silence around it
    bucket: int


def _split(synthesiser: Synthesiser, who: Speakers) -> Split:
    import numpy as np

    generator = np.random.default_rng([len(who.accents), len(who.voices)])
    phrases = list(_phrases(synthesiser, who, generator))
    parts = []
    for bucket, seconds in enumerate(SECONDS):
        chosen = [phrase for phrase in phrases if phrase.bucket == bucket]
        speeches = [phrase.speech for phrase in chosen]
        recordings = [
            recording(speech, speeches, samples=int(seconds * RATE_HZ), generator=generator)
            for speech in speeches
        ]
        texts = [phrase.text for phrase in chosen]
        labels = np.zeros((len(texts), max(map(len, texts))), dtype=np.int64)
        for row, text in zip(labels, texts, strict=True):
            row[: len(text)] = [ALPHABET.index(character) for character in text]
        parts.append(
            Part(
                inputs=(np.stack(recordings),),
                targets={
                    "labels": labels,
                    "lengths": np.array([len(text) for text in texts], dtype=np.int64),
                    "text": np.array(texts),
                    "speaker": np.array([phrase.speaker for phrase in chosen]),
                },
            )
        )
    facts: dict[str, Any] = {
        "alphabet": ALPHABET,
        "words": WORDS,
        "rate_hz": RATE_HZ,
        "accents": list(who.accents),
        "voices": list(who.voices),
        "phrases_each": who.phrases_each,
        "spoken_words": sum(len(phrase.text.split()) for phrase in phrases),
    }
    return Split(parts=tuple(parts), facts=facts)


def _phrases(
    synthesiser: Synthesiser, who: Speakers, generator: np.random.Generator
) -> Iterator[_Phrase]:
    """Every speaker's phrases; one that is longer than the longest recording is drawn again."""
    import numpy as np

    rooms = [int(seconds * RATE_HZ) - 2 * MARGIN for seconds in SECONDS]
    speakers = [f"{accent}+{voice}" for accent in who.accents for voice in who.voices]
    for speaker in speakers * who.phrases_each:
        length = max(rooms) + 1
        while length > max(rooms):
            text = " ".join(generator.choice(WORDS, size=generator.integers(1, 4)))
            speech = utterance(synthesiser, text, speaker, generator=generator)
            length = len(speech)
        yield _Phrase(
            text=text,
            speaker=speaker,
            speech=speech,
            bucket=int(np.searchsorted(rooms, length)),
        )


def utterance(
    synthesiser: Synthesiser, text: str, speaker: str, *, generator: np.random.Generator
) -> Array:
    """What a speaker says at a random rate and pitch, without the silence around it.

    Returns:
        Samples (n,) of float64 at `RATE_HZ`, of unit power.
    """
    import numpy as np
    from scipy.signal import resample_poly

    samples = synthesiser.speak(
        text,
        speaker,
        seed=int(generator.integers(1, 2**31)),
        rate=int(generator.integers(130, 201)),
        pitch=int(generator.integers(35, 66)),
        range_=int(generator.integers(35, 66)),
    )
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 0.01 * np.abs(samples).max())
    trimmed = samples[loud[0] : loud[-1] + 1].astype(float)
    speech = resample_poly(trimmed, RATE_HZ, synthesiser.rate_hz)
    return np.asarray(speech / np.sqrt(np.mean(speech**2)))


def recording(
    speech: Array, others: Sequence[Array], *, samples: int, generator: np.random.Generator
) -> Array:
    """Speech somewhere in a background as long as the recording, (samples,) of int16.

    Args:
        speech: Of unit power, at least `2 * MARGIN` shorter than the recording; empty for none.
        others: Speech, of which five at once babble behind a third of the recordings.
    """
    import numpy as np

    background = _coloured_noise(samples, generator)
    if generator.random() < 1 / 3:
        background += generator.uniform(0.5, 2) * _babble(others, samples, generator)
        background /= np.sqrt(np.mean(background**2))
    sound = background * 10 ** (-generator.uniform(10, 30) / 20)  # dB below the speech
    start = generator.integers(MARGIN, samples - MARGIN - len(speech) + 1)
    sound[start : start + len(speech)] += speech
    level = 10 ** (-generator.uniform(15, 35) / 20) * 32767  # dB below full scale
    return np.clip(np.rint(sound * level), -32768, 32767).astype(np.int16)


def _coloured_noise(samples: int, generator: np.random.Generator) -> Array:
    """Gaussian noise of unit power whose spectrum falls as 1/f**slope, white to brown."""
    import numpy as np

    spectrum = np.fft.rfft(generator.standard_normal(samples))
    slope = generator.uniform(0, 2)
    # flat below 50 Hz, or almost all of the power would lie where no speech is
    frequencies = np.maximum(np.fft.rfftfreq(samples, 1 / RATE_HZ), 50)
    noise = np.fft.irfft(spectrum * frequencies ** (-slope / 2), samples)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def _babble(others: Sequence[Array], samples: int, generator: np.random.Generator) -> Array:
    """Five others at once, each repeated from a random place on."""
    import numpy as np

    voices = [others[i] for i in generator.integers(0, len(others), size=5)]
    total = sum(np.resize(np.roll(v, generator.integers(0, len(v))), samples) for v in voices)
    return np.asarray(total / np.sqrt(np.mean(np.square(total))))
