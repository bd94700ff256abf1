"""Tests of the CI files that a team copies: every benchsuite command in them is one."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from benchsuite.catalog import content_roots
from benchsuite.cli import _parser

ROOT = Path(__file__).parent.parent
FILES = (
    ROOT / ".github" / "workflows" / "nightly.yml",
    ROOT / "reports" / "ci" / "gitlab-nightly.yml",
    ROOT / "reports" / "ci" / "crontab",
)
# up to what the shell does next; a folded scalar's lines are one
_COMMAND = re.compile(
    r"benchsuite ((?:run|gate) .*?)(?= \|\| |; | > |\n *- |\n *\w+:|\n\n|\Z)", re.DOTALL
)


def commands(path: Path) -> list[list[str]]:
    """The words of each benchsuite command of a file, its comments aside."""
    lines = path.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    return [shlex.split(" ".join(found.split())) for found in _COMMAND.findall(text)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_command_parses(path: Path) -> None:
    """The night is measured, then judged against the seven before, and measured again."""
    run, gate = (_parser().parse_args(words) for words in commands(path))
    assert (run.targets, run.budget, run.label) == (["nightly"], 14400.0, ["branch=main"])
    assert (gate.base, gate.new) == ("label:branch=main~7", "label:branch=main")
    assert gate.remeasure


@pytest.mark.parametrize("path", FILES[:2], ids=lambda path: path.name)
def test_what_a_job_keeps_is_written(path: Path) -> None:
    """Every file that the gate writes is among those that are uploaded, but the step's own."""
    _, words = commands(path)
    gate = _parser().parse_args(words)
    text = path.read_text(encoding="utf-8")
    written = (gate.junit, gate.json, str(gate.output))
    assert all(re.fullmatch(r"gate\.\w+", name) for name in written)
    assert "gate.*" in text
    assert gate.inconclusive == "pass"  # a noisy night is no reason to wake anybody


def test_the_suite_of_the_night_is_there() -> None:
    """`nightly` is a suite, not a workload that somebody may rename."""
    assert (content_roots()[-1] / "workloads" / "suites" / "nightly.toml").is_file()


@pytest.mark.parametrize(("ran", "judged"), [(0, True), (3, True), (2, False), (5, False)])
def test_a_night_that_did_not_run_is_not_judged(tmp_path: Path, ran: int, judged: bool) -> None:
    """Yesterday's run would be green once more; some systems that failed are the gate's to name."""
    (line,) = [
        text for text in FILES[2].read_text(encoding="utf-8").splitlines() if text[0].isdigit()
    ]
    command = line.split(maxsplit=5)[5]
    tool = tmp_path / "benchsuite"
    tool.write_text(f'#!/bin/sh\necho "$1" >> "$HOME/asked"\n[ "$1" = gate ] || exit {ran}\n')
    tool.chmod(0o755)
    env = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["/bin/sh", "-c", command], env=env, capture_output=True)
    asked = (tmp_path / "asked").read_text().split()
    assert asked == (["run", "gate"] if judged else ["run"])
    assert (done.returncode == 0) == judged
