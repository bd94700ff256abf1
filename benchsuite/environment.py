"""The environment of a run: machine, system and libraries, as facts that explain a change."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchsuite import __version__, machine, revision
from benchsuite.types import DeviceInfo

_PACKAGES = (
    *("torch", "onnxruntime", "onnx", "onnxscript", "openvino", "nncf"),
    *("numpy", "nvidia-ml-py", "psutil"),
)
_VARIABLES = (
    "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OMP_PROC_BIND",
    "OMP_PLACES",
    "GOMP_CPU_AFFINITY",
    "KMP_AFFINITY",
    "NVIDIA_VISIBLE_DEVICES",
    "CUDA_VISIBLE_DEVICES",
)

UNNAMED = "present"  # a hypervisor that does not tell its name


def capture(
    device: DeviceInfo, *, threads: int, workload: Path, plug_ins: Mapping[str, str]
) -> dict[str, Any]:
    """What is known of the place where a system runs; call it in the process that measures.

    Args:
        device: What computes.
        threads: In use.
        workload: The workload's file, whose git state is kept.
        plug_ins: The user's own backends, devices and meters: file to hash.
    """
    import psutil

    return {
        "benchsuite": __version__,
        "device": {
            "kind": device.kind,
            "name": device.name,
            "units": device.units,
            "memory_b": device.memory_b,
            **device.facts,
        },
        "machine": {
            "architecture": platform.machine(),
            "logical processors": os.cpu_count(),
            "memory_b": psutil.virtual_memory().total,
            "hypervisor": hypervisor(),
            "frequency governor": _read(
                "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
            ),
            "turbo": turbo(),
        },
        "processor": machine.processor(),
        "libraries": machine.libraries(),
        "workload file": revision.of_file(workload),
        "system": {
            "kernel": f"{platform.system()} {platform.release()}",
            "python": platform.python_version(),
            "implementation": platform.python_implementation(),
            "C library": " ".join(platform.libc_ver()) or None,
        },
        "packages": versions(_PACKAGES),
        "plug-ins": dict(plug_ins),
        "threads": threads,
        "cores": machine.binding(),
        "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


def versions(names: Iterable[str]) -> dict[str, str | None]:
    """Installed versions of distributions; None where one is absent."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def digest(facts: Mapping[str, Any]) -> str:
    """The first 12 hex digits of a hash of JSON-able facts."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def cache_folder() -> Path:
    """The user's cache: prepared data, exported graphs, pinned peaks."""
    import platformdirs

    named = os.environ.get("BENCHSUITE_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("benchsuite"))


def data_folder() -> Path:
    """The user's data: the store and the pages."""
    import platformdirs

    named = os.environ.get("BENCHSUITE_HOME")
    return Path(named) if named else Path(platformdirs.user_data_dir("benchsuite"))


def thread_variables(threads: int) -> dict[str, str]:
    """The environment a measuring process starts with: its threads, and waiting ones that sleep."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {
        **os.environ,
        **dict.fromkeys(names, str(threads)),
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONHASHSEED": "0",
    }


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip() or None
    except OSError:
        return None


def turbo() -> str | None:
    """`on` or `off`; None where the system does not tell."""
    boost = _read("/sys/devices/system/cpu/cpufreq/boost")
    off = _read("/sys/devices/system/cpu/intel_pstate/no_turbo")
    if boost is not None:
        return "on" if boost == "1" else "off"
    if off is not None:
        return "off" if off == "1" else "on"
    return None


def hypervisor(root: Path = Path("/")) -> str | None:
    """Whose virtual machine this is; None on a machine of its own.

    Args:
        root: Where the system's files begin; `/` but for a recorded copy.
    """
    text = _read(str(root / "proc/cpuinfo")) or ""
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    if "hypervisor" not in flags.split():
        return None
    return _read(str(root / "sys/class/dmi/id/sys_vendor")) or UNNAMED
