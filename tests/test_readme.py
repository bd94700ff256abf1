"""Tests of the README: its commands are commands, its example is a workload."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from benchsuite import catalog
from benchsuite.accounting.summary import count_workload
from benchsuite.cli import _parser

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")
COMMANDS = [
    re.sub(r"\s+#.*", "", line).strip()
    for line in re.findall(r"^    (benchsuite .*)$", TEXT, flags=re.MULTILINE)
]
MAKE = Path(__file__).parent.parent / "Makefile"


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    """`make bench` and `make test` stand in the README and in the Makefile."""
    for target in ("bench", "test"):
        assert f"    make {target}\n" in TEXT
        assert re.search(rf"^{target}:", MAKE.read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_parses(command: str) -> None:
    """Each line that begins with benchsuite is accepted as it stands."""
    options = _parser().parse_args(shlex.split(command)[1:])
    assert callable(options.command)


def test_there_are_commands_to_check() -> None:
    """The pattern finds the README's commands."""
    assert len(COMMANDS) >= 12


def test_the_example_workload_works(tmp_path: Path) -> None:
    """The workload shown under "add a workload" loads and can be counted."""
    section = TEXT.split("### add a workload")[1].split("### ")[0]
    (example,) = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    path = tmp_path / "mine.py"
    path.write_text(example)
    entry = catalog.load_entry(path)
    counted = count_workload(entry, scale="reference", batch=1)
    assert counted.work == 2 * (3 * 9 * 16 * 30 * 30 + 14400 * 10)


def test_files_that_the_readme_points_to_exist() -> None:
    """Pictures and documents that are linked are there."""
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert target.startswith("http") or (README.parent / target).is_file(), target
