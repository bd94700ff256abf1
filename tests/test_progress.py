"""Tests of benchsuite.progress."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchsuite.progress import Progress
from benchsuite.run import Event
from benchsuite.types import OFFLINE, REFERENCE, SystemSpec
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
            results=(replace(result(), status="skipped", reason="why"),),
        ))  # fmt: skip
        assert name in capsys.readouterr().err
