"""Facts of the machine and its libraries that explain a figure: processor, memory nodes, BLAS."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchsuite import cgroup

STARTED_WITH = "BENCHSUITE_PROCESSORS"  # a worker's own variables, set when it binds itself
UNBOUND = "BENCHSUITE_UNBOUND"
_MOST = 1 << 16  # processors; Linux is built for 8192 at most (NR_CPUS)
_TORCH_LIBRARIES = ("oneAPI Math Kernel Library", "MKL-DNN", "OpenMP ", "CPU capability")


def processor(root: Path = Path("/")) -> dict[str, Any]:
    """The processor as the kernel describes it, and how the system lets it be used.

    Args:
        root: Where the system's files begin; `/` but for a recorded copy.
    """
    text = _read(root / "proc/cpuinfo") or ""
    lines = text.partition("\n\n")[0].splitlines()
    pairs = (line.partition(":") for line in lines)
    first = {name.strip(): value.strip() for name, _, value in pairs}
    system = root / "sys/devices/system"
    limits = cgroup.limits(root)
    return {
        "model": first.get("model name") or first.get("Model"),
        "stepping and microcode": " ".join(
            first[name] for name in ("stepping", "microcode") if name in first
        )
        or None,
        "flags": " ".join(sorted((first.get("flags") or first.get("Features") or "").split()))
        or None,
        "simultaneous multithreading": _smt(system),
        "NUMA nodes": len(list((system / "node").glob("node[0-9]*"))) or None,
        "processors this process may use": None if (may := allowed()) is None else listed(may),
        "container limits": {"processors": limits.cpus, "memory_b": limits.memory_b},
    }


def allowed() -> frozenset[int] | None:
    """Processors that this process may use; a worker that bound itself, those it began with.

    None where the system has no affinity masks.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    began = numbers(os.environ.get(STARTED_WITH, ""))
    return frozenset(began or os.sched_getaffinity(0))


def bound() -> frozenset[int] | None:
    """Processors that this process is bound to; None where it may use all it began with."""
    may = allowed()
    now = None if may is None else frozenset(os.sched_getaffinity(0))
    return None if now == may else now


def binding() -> dict[str, str | None]:
    """The processors that this process is bound to, or why it may use all it was given."""
    processors = bound()
    if processors is None:
        return {"bound to": None, "reason": os.environ.get(UNBOUND, "bound to none as a whole")}
    return {"bound to": listed(processors), "reason": None}


def numbers(text: str) -> tuple[int, ...]:
    """The numbers of a kernel list such as `0-3,8`; none where it is not one.

    Nor where it names more processors than there are: it may be a user's, and endless.
    """
    found: list[int] = []
    for piece in text.strip().split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", piece)
        if match is None or len(found) > _MOST or int(match[2] or match[1]) > _MOST:
            return ()
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return tuple(found)


def listed(processors: Iterable[int]) -> str:
    """Numbers as the kernel writes them: `0-3,8`."""
    parts: list[list[int]] = []
    for number in sorted(processors):
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)


def libraries() -> dict[str, Any]:
    """What the imported libraries compute with: their BLAS, their threading, CUDA and cuDNN.

    Only libraries that this process has imported are asked.
    """
    found: dict[str, Any] = {}
    if torch := sys.modules.get("torch"):
        told = [line.removeprefix("  - ") for line in torch.__config__.show().splitlines()]
        cudnn = torch.backends.cudnn
        found["torch"] = {
            "built with": [line for line in told if any(n in line for n in _TORCH_LIBRARIES)],
            "BLAS": _setting(told, "BLAS_INFO"),
            "threads": torch.get_num_threads(),
            "threads between operators": torch.get_num_interop_threads(),
            "CUDA": torch.version.cuda,
            "cuDNN": cudnn.version() if torch.version.cuda else None,
        }
    if numpy := sys.modules.get("numpy"):
        built = numpy.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
        found["numpy"] = {
            "BLAS": " ".join(str(built[n]) for n in ("name", "version") if built.get(n)) or None,
            "configuration": built.get("openblas configuration"),
        }
    runtime = sys.modules.get("onnxruntime")
    if runtime is not None and hasattr(runtime, "get_build_info"):
        found["onnxruntime"] = {"build": str(runtime.get_build_info())}
    return found


def _setting(told: list[str], name: str) -> str | None:
    match = re.search(rf"\b{name}=([^,]+)", " ".join(told))
    return match[1].strip() if match else None


def _smt(system: Path) -> str | None:
    """`on` or `off`; None where the kernel does not tell."""
    active = _read(system / "cpu/smt/active")
    if active is not None:
        return "on" if active == "1" else "off"
    siblings = _read(system / "cpu/cpu0/topology/thread_siblings_list")
    return None if siblings is None else ("on" if re.search(r"[,-]", siblings) else "off")


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except (OSError, UnicodeDecodeError):
        return None
