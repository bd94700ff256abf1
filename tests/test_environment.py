"""Tests of what is captured of machine, libraries and workload file, from recorded files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from benchsuite import cgroup, environment, machine, revision

from .measurements import DEVICE
from .test_harness import recorded


def test_a_processors_facts_come_from_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Model, flags, SMT, NUMA, the mask and a container's limits."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 5})
    root = recorded(
        tmp_path,
        {
            "proc/cpuinfo": "model name\t: A CPU\nstepping\t: 1\nmicrocode\t: 0xa\n"
            "flags\t\t: sse avx2 fma\n\nmodel name : B\n",
            "proc/self/cgroup": "0::/a/b\n",
            "sys/devices/system/cpu/smt/active": "1\n",
            "sys/devices/system/node/node0/cpulist": "0-3",
            "sys/devices/system/node/node1/cpulist": "4-7",
            "sys/fs/cgroup/cgroup.controllers": "cpu memory",
            "sys/fs/cgroup/a/cpu.max": "300000 100000",
            "sys/fs/cgroup/a/b/cpu.max": "max 100000",
            "sys/fs/cgroup/a/b/memory.max": "1073741824",
        },
    )
    assert machine.processor(root) == {
        "model": "A CPU",
        "stepping and microcode": "1 0xa",
        "flags": "avx2 fma sse",
        "simultaneous multithreading": "on",
        "NUMA nodes": 2,
        "processors this process may use": "0-2,5",
        "container limits": {"processors": 3.0, "memory_b": 1 << 30},
    }


def test_a_bare_system_has_gaps_and_no_zeros(tmp_path: Path) -> None:
    """What cannot be read is None."""
    found = machine.processor(tmp_path)
    assert found["model"] is found["flags"] is found["NUMA nodes"] is None
    assert cgroup.limits(tmp_path) == cgroup.Limits()
    assert cgroup.cpu_seconds(tmp_path) is None


def test_a_limit_near_infinity_is_none(tmp_path: Path) -> None:
    """Cgroup v1 writes 2^63 less a page where there is no limit, and -1 for the quota."""
    root = recorded(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/x\n1:cpu:/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
    )
    assert cgroup.limits(root) == cgroup.Limits()


def test_libraries_tell_their_blas_and_threads() -> None:
    """Torch and numpy are imported here; CUDA is told, if only as absent."""
    import numpy  # noqa: F401
    import torch

    found = machine.libraries()
    assert found["torch"]["threads"] == torch.get_num_threads()
    assert found["torch"]["CUDA"] == torch.version.cuda
    assert found["torch"]["built with"]
    assert found["numpy"]["BLAS"]


def test_a_workload_files_commit_and_changes_are_told(tmp_path: Path) -> None:
    """Clean, changed, outside of any repository: never an error."""
    file = tmp_path / "repository" / "net.py"
    file.parent.mkdir()
    file.write_text("a")
    git = ["git", "-C", str(file.parent), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *arguments], check=True)
    clean = revision.of_file(file)
    assert len(str(clean["commit"])) == 40
    assert (clean["dirty"], clean["reason"]) == (False, None)
    (file.parent / "other.py").write_text("b")
    assert revision.of_file(file)["dirty"] is False  # another file's change is not this one's
    file.write_text("c")
    assert revision.of_file(file)["dirty"] is True
    gone = revision.of_file(tmp_path / "nowhere" / "net.py")
    assert (gone["commit"], gone["dirty"]) == (None, None)
    assert gone["reason"]


def test_git_may_be_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git the capture goes on and says why."""
    monkeypatch.setenv("PATH", str(tmp_path))
    found = environment.capture(DEVICE, threads=2, workload=tmp_path / "net.py", plug_ins={})
    assert found["workload file"]["commit"] is None
    assert "git is not installed" in found["workload file"]["reason"]
    assert found["processor"]["container limits"].keys() == {"processors", "memory_b"}
