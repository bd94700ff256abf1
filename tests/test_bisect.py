"""Tests of `ab --bisect` where nothing is compared: no commit is blamed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchsuite import ab, backends, devices, meters
from benchsuite.cli import main
from benchsuite.errors import BadInput

SKIP = 125


def bisect(*arguments: str) -> int:
    """The exit code of `benchsuite ab ... --bisect`."""
    try:
        return main(["ab", *arguments, "--bisect"])
    except SystemExit as stop:
        return int(stop.code or 0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("WORKLOAD = (", "never closed"),
        ("import a_package_of_tomorrow", "a_package_of_tomorrow"),
        ("WORKLOAD = 3", "WORKLOAD"),
    ],
)
def test_a_commit_whose_workload_does_not_load_is_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    """Exit code 2 would be a bad commit for git."""
    broken = tmp_path / "mine.py"
    broken.write_text(text)
    assert bisect(str(broken), str(broken)) == SKIP
    said = capsys.readouterr().err
    assert says in said and "Traceback" not in said


def test_a_file_that_is_not_there_yet_is_skipped(tmp_path: Path) -> None:
    """The network came with a later commit."""
    assert bisect("image/lenet", str(tmp_path / "mine.py")) == SKIP


def test_a_plug_in_that_does_not_load_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend of one's own is part of what is bisected."""
    for package in (backends, devices, meters):
        monkeypatch.setattr(package, "__path__", list(package.__path__))
    (tmp_path / "backends").mkdir()
    (tmp_path / "backends" / "mine.py").write_text("BACKEND = (")
    sides = ("image/lenet@backend=mine", "image/lenet@backend=mine")
    assert bisect(*sides, "--content", str(tmp_path)) == SKIP


def test_a_wrong_command_line_blames_no_commit() -> None:
    """Every step of the bisection fails alike."""
    assert bisect("image/lenet", "image/lenet", "--bugdet", "30") == SKIP
    assert bisect("image/lenet") == SKIP
    with pytest.raises(SystemExit) as stop:  # as much of the word as tells it from others
        main(["ab", "image/lenet", "--bis"])
    assert stop.value.code == SKIP


@pytest.mark.parametrize(
    "error",
    [BadInput("no"), OSError(28, "No space left"), ValueError("no"), BrokenPipeError()],
)
def test_what_fails_in_measuring_is_skipped(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A full disk, or a mistake of benchsuite's own, whose traceback would exit with 1."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(ab, "prepare", fail)
    assert bisect("image/lenet", "image/lenet") == SKIP
