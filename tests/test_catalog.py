"""Tests of benchsuite.catalog."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchsuite import catalog
from benchsuite.errors import BadInput

from .conftest import TINY


def write(content: Path, name: str, text: str) -> Path:
    path = content / "workloads" / "image" / f"{name}.py"
    path.write_text(text)
    return path


def test_a_user_folder_adds_its_workloads_to_the_shipped_ones(content: Path) -> None:
    """A folder given with --content is searched beside the package's own."""
    found = catalog.load_catalog(catalog.content_roots([content]))
    assert "image/tiny" in found.entries
    assert "image/lenet" in found.entries


def test_a_broken_file_is_named_and_leaves_the_others(content: Path) -> None:
    """A syntax error in one workload does not hide the others, and names file and line."""
    path = write(content, "broken", "x = (\n")
    found = catalog.load_catalog([content])
    assert set(found.entries) == {"image/tiny"}
    assert str(path) in found.broken["image/broken"]
    assert "line 1" in found.broken["image/broken"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1/0\n", "ZeroDivisionError"),
        ("WORKLOAD = 3\n", "must define WORKLOAD"),
        (TINY.replace("def build", "def construct"), "must define build"),
        (TINY.replace('"reference"', '"huge"'), "a scale is one of"),
        (TINY.replace("batch=4", "batch=0"), "whole number >= 1"),
        (TINY.replace("frame=", "frames="), "Workload has no field 'frames'; did you mean frame"),
        (TINY.replace("batch=4", "batch=4) if False else Scale(signatures=()"), "signatures"),
    ],
)
def test_a_wrong_field_is_refused_in_one_sentence(content: Path, text: str, says: str) -> None:
    """What is wrong in a workload file is said with the file's name."""
    path = write(content, "wrong", text)
    with pytest.raises(BadInput, match="wrong") as caught:
        catalog.load_entry(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_workload_gets_a_suggestion() -> None:
    """A typo is answered with the nearest name."""
    found = catalog.load_catalog(catalog.content_roots())
    with pytest.raises(BadInput, match="did you mean image/lenet"):
        catalog.select(found, "image/lennet")


def test_a_glob_selects_a_domain() -> None:
    """`image/*` names the image workloads and no other."""
    found = catalog.load_catalog(catalog.content_roots())
    names = {entry.name for entry in catalog.select(found, "image/*")}
    assert {"image/lenet", "image/squeezenet"} <= names
    assert all(name.startswith("image/") for name in names)


def test_listing_workloads_needs_no_torch() -> None:
    """Loading the catalogue and the metrics imports neither torch nor pandas."""
    code = (
        "import sys; from benchsuite import catalog, metrics; "
        "found = catalog.load_catalog(catalog.content_roots()); assert found.entries; "
        "assert not found.broken, found.broken; "
        "print([m for m in ('torch', 'pandas', 'numpy', 'sqlalchemy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_networks_identity_is_its_code_and_shapes(content: Path) -> None:
    """Notes, docstrings and comments change nothing; code, a family's code and shapes do."""
    path = content / "workloads" / "image" / "tiny.py"
    text = path.read_text()
    family = path.with_name("_tiny.py")

    def identity(changed: str, shared: str = "SIDE = 3\n") -> str:
        path.write_text(changed)
        family.write_text(shared)
        return catalog.network_hash(catalog.load_entry(path), "reference")

    named = text + "\nfrom _tiny import SIDE\n"
    first = identity(named)
    assert identity(named.replace('paper="none"', 'paper="some"')) == first
    assert identity(named.replace('"""A tiny', '"""Quite a tiny')) == first
    assert identity(named + "\n# a remark\n") == first
    assert identity(named + "\n\ndef score(outputs, split):\n    return 1\n") == first
    assert identity(named + "\n\ndef preprocess(inputs):\n    return inputs\n") != first
    assert identity(named, "# a remark\nSIDE = 3\n") == first
    assert identity(named, "SIDE = 4\n") != first
    assert identity(named.replace("nn.ReLU()", "nn.Tanh()")) != first
    assert identity(named.replace("(3, 8, 8)", "(3, 9, 9)")) != first
