"""What a system needs to be measured again: command lines, versions, the whole environment."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchsuite.compare import System
from benchsuite.masking import without_password
from benchsuite.types import CONFIRMS, RunInfo

# options of a run that change what is measured and stand in no result's key
_GIVEN = frozenset({"--rate", "--meter", "--data", "--places", "--weights", "--input", "--pin",
                    "--goals", "--content"})  # fmt: skip
# what one looks for first: title, and where it stands in an environment
_FIRST = (
    ("benchsuite", ("benchsuite",)),
    ("Python", ("system", "python")),
    ("kernel", ("system", "kernel")),
    ("C library", ("system", "C library")),
    ("processor", ("processor", "model")),
    ("driver", ("device", "driver")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """How to measure a system again.

    Attributes:
        command: Measures this system alone.
        whole: The command line of the run it is of; empty where none was recorded.
        labels: Of that run.
        facts: Versions, kernel and the commit of the workload's file.
        environment: Everything that was recorded; None where nothing was.
    """

    command: str
    whole: str
    labels: Mapping[str, str]
    facts: tuple[tuple[str, str], ...]
    environment: Mapping[str, Any] | None


def again(system: System, run: RunInfo | None, environment: Mapping[str, Any] | None) -> Again:
    """Everything needed to repeat a measurement.

    Args:
        system: With all that is stored of it.
        run: That it is of.
        environment: In which it was measured.
    """
    labels = {} if run is None else run.labels
    return Again(
        command=_command(system, labels, _given("" if run is None else run.command, system)),
        whole="" if run is None else without_password(run.command),
        labels=labels,
        facts=tuple(_facts(environment or {})),
        environment=environment or None,
    )


def _given(command: str, system: System) -> list[str]:
    """What the run was given that no result names: its rate, its meter, where its data were.

    Args:
        command: Its command line.
        system: Whose data and weights are meant, where others were given too.
    """
    try:
        words = shlex.split(command)
    except ValueError:  # an unclosed quote: not written by this program
        return []
    key = system.key
    of_others: dict[str, Callable[[str], bool]] = {
        "--rate": lambda _: "RealTime" not in system.rows,
        "--data": lambda value: value.partition("=")[0] != key.dataset,
        "--weights": lambda value: (
            value.partition("=")[0] not in (key.workload, key.workload.rpartition("/")[2])
        ),
    }
    found: list[str] = []
    for at, word in enumerate(words):
        flag, joined, value = word.partition("=")
        if flag not in _GIVEN or not (joined or at + 1 < len(words)):
            continue
        value = value if joined else words[at + 1]
        another = of_others.get(flag)
        if another is None or not another(value):
            found += [flag, value]
    return found


def _command(system: System, labels: Mapping[str, str], given: Sequence[str]) -> str:
    key = system.key
    parts = ["benchsuite", "run", key.workload, "--scale", key.scale, "--backend", key.backend,
             "--precision", key.precision, "--batch", str(key.batch), "--scenario",
             ",".join(system.rows), "--device", system.row.device]  # fmt: skip
    if key.threads:
        parts += ["--threads", str(key.threads)]
    processes = max(len(row.processes) for row in system.rows.values())
    if processes:
        parts += ["--repeats", str(processes)]
    parts += given
    for name, value in labels.items():
        if name != CONFIRMS:  # that one names the run that it was to confirm
            parts += ["--label", f"{name}={value}"]
    return shlex.join(parts)


def _facts(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [
        (title, str(value))
        for title, path in _FIRST
        if (value := _at(environment, path)) is not None
    ]
    packages = environment.get("packages")
    if isinstance(packages, Mapping):
        versions = [f"{name} {version}" for name, version in packages.items() if version]
        found += [("packages", ", ".join(versions))] if versions else []
    commit = _at(environment, ("workload file", "commit"))
    if commit is not None:
        dirty = _at(environment, ("workload file", "dirty"))
        found.append(("workload file", f"commit {commit}{', with changes' if dirty else ''}"))
    elif reason := _at(environment, ("workload file", "reason")):
        found.append(("workload file", f"no commit: {reason}"))
    return found


def _at(facts: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    found: Any = facts
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
