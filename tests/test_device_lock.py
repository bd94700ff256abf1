"""Tests of benchsuite.device_lock: one measurement at a time, and who it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchsuite import device_lock
from benchsuite.errors import BadInput

HOLDER = """
import sys
from pathlib import Path
from benchsuite import device_lock
sys.argv = ["x", "run", "smoke"]
with device_lock.held(Path({cache!r}), "cuda:0", print):
    print("held", flush=True)
    sys.stdin.readline()
"""


def never(holder: str) -> None:
    raise AssertionError(holder)


def test_a_lock_tells_who_holds_it_and_is_free_afterwards(tmp_path: Path) -> None:
    """Another device's lock, and the same one later, are free."""
    assert device_lock.holder(tmp_path, "cpu") is None
    with device_lock.held(tmp_path, "cpu", never):
        assert str(device_lock.holder(tmp_path, "cpu")).startswith(f"process {os.getpid()}: ")
        assert device_lock.holder(tmp_path, "cuda:0") is None
        with device_lock.held(tmp_path, "cuda:0", never):
            pass
    assert device_lock.holder(tmp_path, "cpu") is None
    with device_lock.held(tmp_path, "cpu", never):
        pass


def test_a_password_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits reads the holder's command line, and so may others on the machine."""
    url = "postgresql+psycopg://ci:s3cret@db.example/nights"
    monkeypatch.setattr(sys, "argv", ["benchsuite", "run", "smoke", "--store", url])
    with device_lock.held(tmp_path, "cpu", lambda holder: None):
        told = device_lock.holder(tmp_path, "cpu")
    assert told is not None
    assert "--store postgresql+psycopg://ci:***@db.example/nights" in told


def test_who_waits_is_told_by_whose_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process measures: told once, then the lock is taken when it ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(cache=str(tmp_path))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        told: list[str] = []
        looks: list[float] = []

        def look(seconds: float) -> None:
            looks.append(seconds)
            if len(looks) == 2:
                other.communicate("go on\n")

        monkeypatch.setattr(device_lock, "sleep", look)
        with device_lock.held(tmp_path, "cuda:0", told.append):
            (holder,) = told
    assert holder.startswith(f"process {other.pid}: benchsuite run smoke, since 20")
    assert looks == [device_lock.LOOK_S] * 2


def test_a_cache_that_cannot_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """The lock's file lies in it."""
    (tmp_path / "locks").write_text("")
    with (
        pytest.raises(BadInput, match="the device lock cannot be made"),
        device_lock.held(tmp_path, "cpu", never),
    ):
        pass
