"""The environments of a run: the first in full, of the others only what differs from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchsuite.types import Result

NONE = "none"
_WORDS = {("processor", "container limits"): NONE}
_MAY_USE = ("processor", "processors this process may use")
_ACCELERATED = ("CUDA", "cuDNN")
_TELLS_HYPERVISOR = ("x86_64", "AMD64", "i686")  # whose flags name it


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """An environment as it is shown.

    Attributes:
        name: Its id.
        rows: How many rows of the run were measured in it.
        facts: All, or only those that differ from the first environment's.
        beside: The environment that is shown in full; None for that itself.
    """

    name: str
    rows: int
    facts: Mapping[str, Any]
    beside: str | None = None


def machines_of(
    results: Sequence[Result], environments: Mapping[str, Mapping[str, Any]]
) -> list[Machine]:
    """The run's environments, the one with the most rows first."""
    rows = Counter(result.environment for result in results if environments.get(result.environment))
    found: list[Machine] = []
    for name, count in rows.most_common():
        own = _worded(environments[name])
        if not found:
            found.append(Machine(name=name, rows=count, facts=own))
            continue
        other = differing(own, found[0].facts)
        found.append(Machine(name=name, rows=count, facts=other, beside=found[0].name))
    return found


def _worded(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts in which what is known not to be says so; what stays None is not known."""
    return {
        key: (
            {inner: _word(key, inner, value, facts) for inner, value in own.items()}
            if isinstance(own, Mapping)
            else own
        )
        for key, own in facts.items()
        if not (key == "plug-ins" and not own)
    } | _file(facts)


def _word(part: str, name: str, value: Any, facts: Mapping[str, Any]) -> Any:
    """A fact as it is shown: None by what `environment.capture` means by it there."""
    if isinstance(value, Mapping) and (part, name) in _WORDS:
        return {key: _WORDS[part, name] if leaf is None else leaf for key, leaf in value.items()}
    if (part, name) == ("libraries", "torch") and isinstance(value, Mapping):
        built = value.get("CUDA", NONE) is not None
        lacking = {} if built else {key: NONE for key in _ACCELERATED if key in value}
        return {**value, **lacking}
    if (part, name) == _MAY_USE and str(value).isdigit():
        return f"only number {value}"  # `0` would read as none
    if value is not None:
        return value
    if part == "packages":
        return "not installed"
    machine, system = facts.get("machine"), facts.get("system")
    if (part, name) == ("machine", "hypervisor") and isinstance(machine, Mapping):
        linux = isinstance(system, Mapping) and str(system.get("kernel")).startswith("Linux")
        if linux and machine.get("architecture") in _TELLS_HYPERVISOR:
            return NONE
    return None


def _file(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The workload file's git state without the reason that it has none, where it has one."""
    own = facts.get("workload file")
    if not isinstance(own, Mapping) or own.get("reason") is not None:
        return {}
    return {"workload file": {key: value for key, value in own.items() if key != "reason"}}


def differing(own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves of `own` that `other` lacks or has otherwise; what only `other` has is None."""
    found: dict[str, Any] = {}
    for key in dict.fromkeys([*own, *other]):
        here, there = own.get(key), other.get(key)
        if here == there:
            continue
        if isinstance(here, Mapping) and isinstance(there, Mapping):
            found[key] = differing(here, there)
        else:
            found[key] = here
    return found
