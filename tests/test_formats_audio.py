"""Tests of decoding recordings, and of LibriSpeech and Speech Commands."""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from benchsuite.errors import BadInput, MissingPackage
from benchsuite.formats import _audio, librispeech, speech_commands
from benchsuite.types import Array

av = pytest.importorskip("av")


def noise(samples: int = 8000, channels: int = 1, seed: int = 0) -> Array:
    """Samples (channels, samples) of int16."""
    generator = np.random.default_rng(seed)
    return generator.integers(-20_000, 20_000, (channels, samples)).astype(np.int16)


def write_wav(path: Path, sound: Array, *, rate: int = 16_000) -> Path:
    """A real WAV file of 16 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(len(sound))
        stream.setsampwidth(2)
        stream.setframerate(rate)
        stream.writeframes(np.ascontiguousarray(sound.T).astype("<i2").tobytes())
    return path


def write_flac(path: Path, sound: Array, *, rate: int = 16_000) -> Path:
    """A real FLAC file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    layout = {1: "mono", 2: "stereo"}[len(sound)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=rate, layout=layout)
        raw = np.ascontiguousarray(sound.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(raw, format="s16", layout=layout)
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode()):
            container.mux(packet)
    return path


# --- decoding -----------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_samples_come_back_as_floats(tmp_path: Path, suffix: str, channels: int) -> None:
    """Samples are the file's over 32768, channels their mean."""
    sound = noise(channels=channels)
    write = write_wav if suffix == "wav" else write_flac
    (samples,) = _audio.load(write(tmp_path / f"a.{suffix}", sound), rate_hz=16_000)
    assert samples.dtype == np.float32
    assert samples.shape == (8000,)
    assert np.abs(samples - sound.mean(axis=0) / 32768).max() < 1e-7


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda _: b"", "an empty file"),
        (lambda _: b"<html>not found</html>" * 50, "not a WAV recording|not FLAC"),
        (lambda whole: whole[: len(whole) // 2], "truncated|not FLAC, or damaged"),
        (lambda whole: whole[:30], "not a WAV|not FLAC"),
    ],
)
def test_a_broken_recording_is_named(
    tmp_path: Path, suffix: str, damage: object, says: str
) -> None:
    """Empty, foreign and truncated files each get a sentence."""
    path = tmp_path / f"a.{suffix}"
    (write_wav if suffix == "wav" else write_flac)(path, noise(20_000))
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(BadInput, match=says) as caught:
        _audio.load(path, rate_hz=16_000)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_another_rate_is_refused(tmp_path: Path, suffix: str) -> None:
    """Nothing is resampled behind the user's back."""
    write = write_wav if suffix == "wav" else write_flac
    path = write(tmp_path / f"a.{suffix}", noise(), rate=8000)
    with pytest.raises(BadInput, match="8,000 samples a second, not 16,000"):
        _audio.load(path, rate_hz=16_000)


def test_wav_of_other_widths_or_endless_or_without_samples_is_refused(tmp_path: Path) -> None:
    """8 bits, more than ten minutes and nothing at all are each said."""
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as stream:
        stream.setparams((1, 1, 16_000, 0, "NONE", ""))
        stream.writeframes(bytes(100))
    with pytest.raises(BadInput, match="8 bits a sample; WAV of 16 bits is read"):
        _audio.load(path, rate_hz=16_000)
    write_wav(path, noise(70_000), rate=100)
    with pytest.raises(BadInput, match="longer than 600 s"):
        _audio.load(path, rate_hz=100)
    write_wav(path, noise(0))
    with pytest.raises(BadInput, match="no samples in it"):
        _audio.load(path, rate_hz=16_000)


def test_wav_needs_no_package_and_flac_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without PyAV WAV is still read; FLAC says what to install."""
    recording = write_wav(tmp_path / "a.wav", noise())
    other = write_flac(tmp_path / "a.flac", noise())
    monkeypatch.setitem(sys.modules, "av", None)
    assert _audio.load(recording, rate_hz=16_000)[0].size == 8000
    with pytest.raises(MissingPackage, match="needs the package av"):
        _audio.load(other, rate_hz=16_000)


# --- LibriSpeech --------------------------------------------------------------------------------


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """Two speakers, three chapters, two recordings in each."""
    for speaker, chapter in ((84, 121123), (84, 121550), (1089, 134686)):
        folder = tmp_path / "LibriSpeech" / "test-clean" / str(speaker) / str(chapter)
        text = ""
        for i in range(2):
            name = f"{speaker}-{chapter}-{i:04d}"
            write_flac(folder / f"{name}.flac", noise(100 + i, seed=chapter))
            text += f"{name} IT'S CHAPTER {'IX'[i]}\r\n"
        (folder / f"{speaker}-{chapter}.trans.txt").write_text(text)
    return tmp_path


@pytest.mark.parametrize("place", [".", "LibriSpeech"])
@pytest.mark.parametrize("split", ["test", "test-clean"])
def test_librispeech_has_texts_and_speakers(books: Path, place: str, split: str) -> None:
    """Recordings, what is said in them, who says it."""
    listing = librispeech.read(books / place, split)
    assert len(listing.samples) == 6
    second = listing.samples[1]
    assert second.targets == {"text": "IT'S CHAPTER X", "speaker": 1089}
    assert np.array_equal(second.load()[0], noise(101, seed=134686)[0] / np.float32(32768))
    assert listing.facts["rate_hz"] == 16_000
    assert set("IT'S CHAPTER") <= set(listing.facts["alphabet"])
    assert listing.facts["subset"] == "test-clean"
    assert listing.skipped == ()


def test_what_librispeech_lacks_is_named(books: Path) -> None:
    """A missing subset stops; missing recordings, lines and transcripts are skipped."""
    with pytest.raises(BadInput, match=r"librispeech: .*: no folder train-clean-100/"):
        librispeech.read(books, "train")
    subset = books / "LibriSpeech" / "test-clean"
    (subset / "notes").mkdir()
    (subset / "84" / "121123" / "84-121123-0000.flac").unlink()
    write_flac(subset / "84" / "121123" / "84-121123-0007.flac", noise())
    (subset / "84" / "121550" / "84-121550.trans.txt").unlink()
    listing = librispeech.read(books, "test")
    assert len(listing.samples) == 3
    assert {one.path.name: one.why for one in listing.skipped} == {
        "notes": "not a speaker's number",
        "84-121123-0000.flac": "missing",
        "84-121123-0007.flac": "not in 84-121123.trans.txt",
        "121550": "84-121550.trans.txt is missing",
    }


@pytest.mark.parametrize(
    "content", ["84-121123-0000", "other-0000 WORDS", "84-121123-0000 small", "84-121123-0000 É"]
)
def test_a_line_that_is_no_transcript_is_named(books: Path, content: str) -> None:
    """Without words, of another chapter or with other letters a line is refused."""
    path = books / "LibriSpeech" / "test-clean" / "84" / "121123" / "84-121123.trans.txt"
    path.write_text(f"84-121123-0001 FINE\n{content}\n")
    with pytest.raises(BadInput, match="line 2: not `84-121123-NUMBER WORDS` in capitals"):
        librispeech.read(books, "test")


def test_a_subset_without_recordings_is_refused(tmp_path: Path) -> None:
    """An empty folder of the right name is no data."""
    (tmp_path / "dev-clean").mkdir()
    with pytest.raises(BadInput, match="no recordings"):
        librispeech.read(tmp_path, "val")


# --- Speech Commands ----------------------------------------------------------------------------


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """Two words of four recordings, a list for each of two splits, background noise."""
    for seed, word in enumerate(("yes", "no")):
        for i in range(4):
            write_wav(tmp_path / word / f"{i:08x}_nohash_0.wav", noise(16_000, seed=10 * seed + i))
    write_wav(tmp_path / "_background_noise_" / "running_tap.wav", noise(32_000))
    (tmp_path / "_background_noise_" / "README.md").touch()
    (tmp_path / "validation_list.txt").write_bytes(b"yes/00000002_nohash_0.wav\r\n")
    (tmp_path / "testing_list.txt").write_text(
        "yes/00000003_nohash_0.wav\nno/00000003_nohash_0.wav\n"
    )
    (tmp_path / "LICENSE").touch()
    return tmp_path


def test_speech_commands_are_split_by_their_lists(words: Path) -> None:
    """What no list names is for training; the noise is nobody's word."""
    sizes = {}
    for split in ("train", "val", "test"):
        listing = speech_commands.read(words, split)
        sizes[split] = len(listing.samples)
        assert listing.facts == {"classes": ["no", "yes"], "rate_hz": 16_000}
        assert listing.skipped == ()
    assert sizes == {"train": 5, "val": 1, "test": 2}
    last = speech_commands.read(words, "test").samples[-1]
    assert last.targets == {"label": 1, "speaker": "00000003"}
    assert np.array_equal(last.load()[0], noise(16_000, seed=3)[0] / np.float32(32768))


def test_what_speech_commands_lack_is_named(words: Path) -> None:
    """A missing list stops; a listed recording that is missing and a foreign file are skipped."""
    (words / "yes" / "00000003_nohash_0.wav").unlink()
    (words / "yes" / "a.mp3").touch()
    (words / "empty").mkdir()
    listing = speech_commands.read(words, "test")
    assert len(listing.samples) == 1
    assert {one.path.name: one.why for one in listing.skipped} == {
        "00000003_nohash_0.wav": "missing",
        "a.mp3": "not a recording by its name",
        "empty": "a word folder without recordings",
    }
    (words / "testing_list.txt").unlink()
    with pytest.raises(BadInput, match=r"speech-commands: .*: no file testing_list.txt"):
        speech_commands.read(words, "train")


def test_wrong_lists_and_splits_are_named(words: Path) -> None:
    """A list that leads elsewhere, and a split that is not the set's, are refused."""
    with pytest.raises(BadInput, match="no split 'dev'; there are train, val and test"):
        speech_commands.read(words, "dev")
    (words / "testing_list.txt").write_text("yes/a.wav\n../../etc/a.wav\n")
    with pytest.raises(BadInput, match=r"testing_list.txt, line 2: .* is not FOLDER/FILE"):
        speech_commands.read(words, "test")
