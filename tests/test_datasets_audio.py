"""The spoken commands: same bytes every time, held-out speakers, recordings of full length."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from benchsuite import datasets
from benchsuite.datasets import espeak_commands as commands
from benchsuite.errors import BadInput, MissingPackage
from benchsuite.types import Split

pytest.importorskip("espeakng_loader")

_FEW = commands.Speakers(accents=("en", "en-US"), voices=("m1", "f2"), phrases_each=12)


def _speak(folder: Path) -> list[bytes]:
    folder.mkdir()
    synthesiser = commands.Synthesiser(commands.locate(None), folder)
    return [
        synthesiser.speak(
            "stop left nine", speaker, seed=3, rate=170, pitch=50, range_=50
        ).tobytes()
        # m1 has roughness and flutter, f2 breath: what a forgotten state would change
        for speaker in ("en-US+m1", "en+f2", "en-US+m1")
    ]


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    synthesiser = commands.Synthesiser(commands.locate(None), tmp_path_factory.mktemp("espeak"))
    return commands._split(synthesiser, _FEW)


def test_the_same_calls_give_the_same_samples(tmp_path: Path) -> None:
    """Two synthesisers in one process say the same, whatever the first left behind."""
    first, second = _speak(tmp_path / "a"), _speak(tmp_path / "b")
    assert first == second
    assert len(first[0]) > 2 * 8000


def test_speakers_of_the_test_are_not_in_training() -> None:
    """No accent and no voice of the test is heard in training."""
    train, test = commands.SPEAKERS["train"], commands.SPEAKERS["test"]
    assert not set(train.accents) & set(test.accents)
    assert not set(train.voices) & set(test.voices)


def test_every_recording_has_its_bucket_s_length(split: Split) -> None:
    """A part a length, in the order of SECONDS, and no phrase is lost."""
    lengths = [part.inputs[0].shape[1] for part in split.parts]
    assert lengths == [16_000, 24_000]
    assert len(split) == len(_FEW.accents) * len(_FEW.voices) * _FEW.phrases_each
    assert all(part.inputs[0].dtype == np.int16 for part in split.parts)


def test_the_background_is_never_silent(split: Split) -> None:
    """No 20 ms of a recording are all zero: nothing is padding."""
    for part in split.parts:
        pieces = part.inputs[0].reshape(len(part), -1, 320)
        assert np.abs(pieces.astype(int)).max(axis=2).min() > 0


def test_labels_spell_the_text(split: Split) -> None:
    """Labels are the text's letters in the alphabet; the rest of the row is the blank."""
    for part in split.parts:
        targets = part.targets
        for row, length, text in zip(
            targets["labels"], targets["lengths"], targets["text"], strict=True
        ):
            assert "".join(commands.ALPHABET[i] for i in row[:length]) == text
            assert not row[length:].any()
            assert set(text.split()) <= set(commands.WORDS)


def test_the_alphabet_is_the_paper_s() -> None:
    """Blank, twenty-six letters, space and apostrophe, each once."""
    assert len(commands.ALPHABET) == len(set(commands.ALPHABET)) == 29


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the message says what to install."""
    monkeypatch.setattr(datasets.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"espeakng_loader.*pip install"):
        commands.locate(None)


def test_a_folder_without_the_library_is_refused(tmp_path: Path) -> None:
    """The folder and the names looked for are in the message."""
    with pytest.raises(BadInput, match=r"holds none of libespeak-ng\.so"):
        commands.locate(tmp_path)


def test_a_missing_voice_is_named(tmp_path: Path) -> None:
    """A library without its data names the first file that is not there."""
    shutil.copy(commands.locate(None)[0], tmp_path)
    with pytest.raises(BadInput, match=r"phondata is missing"):
        commands.locate(tmp_path)
