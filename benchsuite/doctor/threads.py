"""Which processors this process may use, and the variables that steer threads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchsuite import machine
from benchsuite.doctor.finding import GOOD, NOTE, PROBLEM, Finding

_BOUND = (
    "OpenMP binds the first thread to one place, and the threads that onnxruntime starts from it "
    "all stay there: backends are not compared alike"
)
_SPINS = "waiting threads spin and take the core from those that work, where a core is shared"
_NOT_USED = "not what measuring processes have: they get one thread a core, or --threads"
_BINDING = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY")
_NUMBERS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_SPINNING = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME")
_READ = (
    *(*_BINDING, "KMP_AFFINITY", *_NUMBERS, *_SPINNING),
    *("OMP_WAIT_POLICY", "OMP_THREAD_LIMIT", "OMP_DYNAMIC"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads:
    """What steers threads.

    Attributes:
        processors: Logical ones that there are.
        allowed: Those that this process may use; None where the system has no masks.
        variables: Of the environment, those that steer threads and are set.
    """

    processors: int = 1
    allowed: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def read(variables: Mapping[str, str]) -> Threads:
    """What steers this process's threads, with the variables it was given."""
    mask = machine.allowed()
    return Threads(
        processors=os.cpu_count() or 1,
        allowed=None if mask is None else len(mask),
        variables={name: variables[name] for name in _READ if variables.get(name)},
    )


def findings(threads: Threads) -> Iterator[Finding]:
    """What of it matters to a measurement."""
    if threads.allowed is not None and threads.allowed < threads.processors:
        yield Finding(
            what=f"this process may use {threads.allowed} of {threads.processors} processors",
            state=NOTE,
            how="sched_getaffinity",
            cost="the peak is that of the allowed ones; history is kept apart by their number",
            mend=f"taskset -c 0-{threads.processors - 1} benchsuite run ..., if that was not meant",
        )
    wrong: dict[tuple[str, str], list[str]] = {}
    for name, value in threads.variables.items():
        if (judged := _judged(name, value, threads)) is not None:
            wrong.setdefault(judged, []).append(name)
    for (state, cost), names in wrong.items():
        yield Finding(
            what=", ".join(f"{name}={threads.variables[name]}" for name in names),
            state=state,
            how="this process's environment",
            cost=cost,
            mend=f"unset {' '.join(names)}",
        )
    if not wrong:
        yield Finding(
            what="no variable binds, limits or spins threads",
            state=GOOD,
            how=f"the environment has none of {', '.join(_READ)}, or none that hurts",
        )


def _judged(name: str, value: str, threads: Threads) -> tuple[str, str] | None:
    """State and cost of a variable that hurts; None of one that does not."""
    value = value.strip().lower()
    cores = threads.allowed or threads.processors
    if name in _BINDING:
        return None if name == "OMP_PROC_BIND" and value == "false" else (PROBLEM, _BOUND)
    if name == "KMP_AFFINITY":
        unbound = "none" in value or "disabled" in value
        return None if unbound else (NOTE, f"with Intel's OpenMP, {_BOUND}")
    if name in _NUMBERS:
        return None if value == str(cores) else (NOTE, _NOT_USED)
    if name in _SPINNING:
        return None if value == "0" else (NOTE, f"{_SPINS}; OMP_WAIT_POLICY does not undo it")
    if name == "OMP_WAIT_POLICY":
        wrong = value == "active"
        return (NOTE, f"{_SPINS}, in training; a run's workers have PASSIVE") if wrong else None
    if name == "OMP_THREAD_LIMIT":
        low = value.isdigit() and int(value) < cores
        return (PROBLEM, "fewer threads compute than the results say") if low else None
    return (
        (PROBLEM, "how many threads compute changes from call to call")
        if value
        in (
            "true",
            "1",
        )
        else None
    )
