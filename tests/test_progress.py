"""Tests of benchsuite.progress."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from benchsuite.cli import main
from benchsuite.progress import Progress, TrainingProgress
from benchsuite.run import Event
from benchsuite.types import OFFLINE, REFERENCE, SystemSpec, Value
from tests.fakes import result


def planned(name: str) -> SystemSpec:
    return SystemSpec(
        path="/x.py", name=name, scale=REFERENCE, backend="eager", precision="fp32", batch=1,
        device="cpu", threads=1, scenarios=(OFFLINE,), seconds=1.0, warmup_s=1.0,
        meter="automatic", cache="/cache", roots=(),
    )  # fmt: skip


def test_a_networks_name_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither `:ok:` nor `[red]` in the name of a user's network or file is markup."""
    progress = Progress(quiet=False)
    for name in ("own/nets:ok:", "own/a[red].onnx"):
        progress.note(name)
        assert name in capsys.readouterr().err
        progress.on_event(Event(
            kind="results", number=1, total=1, spec=planned(name),
            results=(replace(result(), status="failed", reason="why"),),
        ))  # fmt: skip
        assert name in capsys.readouterr().err


def test_a_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences of a file's name are shown; a training's bar has no markup either."""
    Progress(quiet=False).note("own/\x1b[31mred\x07.onnx")
    with TrainingProgress("own/[/]\x1b[2J", quiet=False) as training:
        training.on_step(0.5, 1, 0.1)
    told = capsys.readouterr().err
    assert "own/\N{REPLACEMENT CHARACTER}[31mred" in told
    assert not {"\x1b", "\x07"} & set(told)


def test_a_skipped_row_is_left_to_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """It stands there with its reason; a failed one is told as soon as it is known."""
    progress = Progress(quiet=False)
    for status in ("skipped", "failed"):
        progress.on_event(Event(
            kind="results", number=0, total=1, spec=planned("image/lenet"),
            results=(replace(result(), status=status, reason=f"why {status}"),),
        ))  # fmt: skip
    said = capsys.readouterr().err
    assert "why failed" in said
    assert "skipped" not in said


def test_missed_frames_stand_in_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A rate that is kept needs no word; one that is not shows the share that was missed."""
    for missed, said in ((0.0, None), (0.998, "99.8 % of frames missed"), (0.9999, ">99.9 %")):
        row = result(scenario="RealTime")
        values = {**row.metrics, "missed_frames": Value(value=missed, how="counted")}
        Progress(quiet=False).on_event(Event(
            kind="results", number=1, total=1, spec=planned("image/lenet"),
            results=(replace(row, metrics=values),),
        ))  # fmt: skip
        told = capsys.readouterr().err
        assert "RealTime" in told
        assert (said in told) if said else ("missed" not in told)


class _Gone(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


def test_a_reader_that_leaves_ends_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """`run ... 2>&1 | head`: rich would end the program with exit code 1, a regression's."""
    monkeypatch.setattr("sys.stderr", _Gone())
    progress = Progress(quiet=False)
    progress.note("a choice")
    with progress.steps() as step:
        step("round", 1)
    training = TrainingProgress("image/lenet", quiet=False)
    training.on_epoch(1, 0.5, 1.0)
    assert main(["gate", "a", "b", "--store", "/nowhere/r.db"]) == 2
