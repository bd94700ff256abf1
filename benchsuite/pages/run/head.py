"""The head of the run page: what was run, when, on what, and what a reader must know first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchsuite.attribution import ENERGY
from benchsuite.compare import System
from benchsuite.formatting import date_said
from benchsuite.types import COMMIT, Result, RunInfo
from benchsuite.units import duration

_COMMIT_DIGITS = 10


def meta(
    run: RunInfo, results: Sequence[Result], environments: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, str]]:
    """Name and value of what identifies the run."""
    found = [("run", run.id), ("date", date_said(run.started_at))]
    devices = dict.fromkeys(result.key.device_name for result in results)
    if devices:
        found.append(("device", ", ".join(devices)))
    if versions := _versions(environments.values()):
        found.append(("versions", versions))
    found += [(key, f"{key}={_label(key, value)}") for key, value in run.labels.items()]
    if run.seconds is not None:
        found.append(("duration", duration(run.seconds)))
    return found


def _label(key: str, value: str) -> str:
    """A label's value; of a commit as much as names it."""
    return value[:_COMMIT_DIGITS] if key == COMMIT else value


def _versions(environments: Iterable[Mapping[str, Any]]) -> str:
    known: dict[str, None] = {}
    for environment in environments:
        if own := environment.get("benchsuite"):
            known[f"benchsuite {own}"] = None
        packages = environment.get("packages")
        for name, version in (packages if isinstance(packages, Mapping) else {}).items():
            if version and name in ("torch", "onnxruntime", "openvino", "tensorrt"):
                known[f"{name} {version}"] = None
    return ", ".join(known)


def lede(systems: Sequence[System], *, doubts: int, unmeasured: int) -> list[str]:
    """What a reader must know before any number.

    Args:
        systems: All of the run.
        doubts: How many are raised.
        unmeasured: How many rows were not measured.
    """
    found = []
    energies = [system for system in systems if system.number(ENERGY) is not None]
    if energies and all(system.modelled for system in energies):
        found.append("Energy is modelled from the device's profile: no meter was read.")
    elif any(system.modelled for system in energies):
        found.append("Some energies are modelled: they are never ranked with measured ones.")
    elif not energies and any(system.measured for system in systems):
        found.append("Energy was not measured: there was no meter.")
    said = []
    if doubts:
        said.append(f"{doubts} {'doubt is' if doubts == 1 else 'doubts are'} raised")
    if unmeasured:
        said.append(f"{unmeasured} {'row was' if unmeasured == 1 else 'rows were'} not measured")
    if said:
        found.append(f"{' and '.join(said)}: see below.")
    return found
