"""Tests of benchsuite.plugins: a user's own backends, devices and meters are part of a result."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchsuite import backends, devices, plugins
from benchsuite.harness import probing
from benchsuite.types import DeviceInfo

BACKEND = "from benchsuite.backends._mine import BACKEND\n"
HELPER = "from benchsuite.backends.eager import BACKEND\n"
METER = """
from benchsuite.meters.modelled import METER as MODEL


class _Mine:
    window_s, measures, boundary, needs = 0.0, False, "package", "nothing"
    check, idle_power, start = MODEL.check, MODEL.idle_power, MODEL.start

    def prepare(self, subject, *, cache):
        return self


METER = _Mine()
"""


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchsuite", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_plug_in_of_the_packages_own_has_no_code_to_tell() -> None:
    """Its version is benchsuite's; a name that nothing has is no error here."""
    assert plugins.own_code(backends, "eager") == {}
    assert plugins.own_code(backends, "no_such_thing") == {}


def test_a_plug_in_of_the_users_own_is_told_by_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file and what it may import from beside; another plug-in in the folder is not its."""
    folder = tmp_path / "devices"
    folder.mkdir()
    for name in ("own_chip", "other_chip", "_shared"):
        (folder / f"{name}.py").write_text("")
    monkeypatch.setattr(devices, "__path__", list(devices.__path__))
    plugins.search((devices,), [tmp_path])
    before = plugins.own_code(devices, "own_chip")
    assert list(before) == ["devices/own_chip.py", "devices/_shared.py"]
    info = DeviceInfo(kind="own_chip", index=0, name="chip", units=1, memory_b=1)
    key = probing.pinned_key(info, precision="fp32", threads=0)
    (folder / "_shared.py").write_text("SIZE = 64\n")
    after = plugins.own_code(devices, "own_chip")
    assert after["devices/own_chip.py"] == before["devices/own_chip.py"]
    assert after["devices/_shared.py"] != before["devices/_shared.py"]
    # kernels that were edited are probed again
    assert probing.pinned_key(info, precision="fp32", threads=0) != key


@pytest.mark.slow
def test_an_edited_backend_or_meter_is_another_system_and_named_as_the_cause(
    content: Path, tmp_path: Path
) -> None:
    """Three runs: the meter is edited after the first, the backend's helper after the second."""
    for kind, name, text in (
        ("backends", "mine", BACKEND), ("backends", "_mine", HELPER), ("meters", "joules", METER),
    ):  # fmt: skip
        (content / kind).mkdir(exist_ok=True)
        (content / kind / f"{name}.py").write_text(text)
    store = ["--store", str(tmp_path / "store.db")]
    prints: list[dict[str, Any]] = []
    for number, edited in enumerate((None, "meters/joules.py", "backends/_mine.py")):
        if edited is not None:
            with (content / edited).open("a") as file:
                file.write("# edited\n")
        out = tmp_path / f"{number}.json"
        ran = _command(
            *("run", "image/tiny", "--content", str(content), "--backend", "mine"),
            *("--meter", "joules", "--scenario", "Offline", "--json", str(out), *store),
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        prints.append(json.loads(out.read_text())["results"][0]["fingerprint"])
    first, second, third = prints
    assert {name for name in first if first[name] != second[name]} == {"configuration"}
    assert {name for name in first if second[name] != third[name]} == {"software"}

    told = []
    for before, after in (("latest~2", "latest~1"), ("latest~1", "latest")):
        report = tmp_path / "gate.json"
        judged = _command("gate", before, after, "--json", str(report), *store)
        assert judged.returncode in (0, 4), judged.stderr
        told.append({p for row in json.loads(report.read_text())["lines"] for p in row["packages"]})
    assert [len(each) for each in told] == [1, 1]
    assert told[0].pop().startswith("meters/joules.py ")
    assert told[1].pop().startswith("backends/_mine.py ")
