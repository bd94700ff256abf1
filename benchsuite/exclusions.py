"""What a comparison of two devices leaves out before any number is compared, by name and reason."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchsuite import compare
from benchsuite.compare import System, threads_said
from benchsuite.types import SystemKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """Systems of one name that have no partner.

    Attributes:
        reason: `only on A processor`.
        name: `image/squeezenet · tensorrt fp16`.
        rows: How many systems of that name there are (batches, data sets, scales).
    """

    reason: str
    name: str
    rows: int

    def __str__(self) -> str:
        return self.name if self.rows == 1 else f"{self.name} ({self.rows} rows)"


_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def together(left_out: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Reasons that differ in their numbers alone said once, with the range of each number.

    Args:
        left_out: Reason to names: `too few queries: 324`, `too few queries: 480`.

    Returns:
        The same in fewer lines: `too few queries: 324 to 480`.
    """
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for reason in left_out:
        groups[tuple(_NUMBER.split(reason))].append(reason)
    found = {}
    for words, reasons in groups.items():
        numbers = zip(*(_NUMBER.findall(reason) for reason in reasons), strict=True)
        said = [_range(own) for own in numbers]
        text = "".join(word + number for word, number in zip(words, [*said, ""], strict=True))
        found[text] = tuple(name for reason in reasons for name in left_out[reason])
    return found


def _range(numbers: Sequence[str]) -> str:
    ordered = sorted(set(numbers), key=lambda text: (len(text.split(".")[0]), text))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"


Identity = tuple[str, str, str | None, str, str, int]


def identity_of(key: SystemKey) -> Identity:
    """What two systems of two devices share that are like for like."""
    return key.workload, key.scale, key.dataset, key.backend, key.precision, key.batch


def alike(
    device: str, systems: Iterable[System], *, paired: Sequence[System]
) -> tuple[Excluded, ...]:
    """The systems of a device that are in no like-for-like pair."""
    kept = {identity_of(system.key): system for system in paired}
    missing = []
    for system in systems:
        if any(system is each for each in paired):
            continue
        name = f"{system.workload} · {system.key.backend} {system.key.precision}"
        faster = kept.get(identity_of(system.key))
        if not system.measured:
            reason = f"not measured on {device}"
        elif faster is not None:
            again = faster.key.threads == system.key.threads
            with_what = "in another run" if again else f"with {threads_said(faster.key)}"
            reason = f"slower on {device} than the same {with_what}"
            name += f" · {f'run {system.row.run}' if again else threads_said(system.key)}"
        else:
            reason = f"only on {device}"
        missing.append((reason, name))
    return _counted(missing)


def best(
    device: str, systems: Iterable[System], *, other: str, others: Sequence[System]
) -> tuple[Excluded, ...]:
    """The networks whose best system on a device has none beside it on the other."""
    ranked = compare.best(others)
    names = {place.workload for place in ranked}
    measured = {system.workload for system in others if system.measured}
    missing = []
    for place in compare.best(systems):
        if place in ranked:
            continue
        name = f"{place.workload} ({place.rank_class}, {place.scale}, {place.dataset or 'no data'})"
        if place.workload not in measured:
            missing.append((f"only on {device}", place.workload))
        elif place.workload not in names:
            missing.append((f"none on {other} that may be ranked", name))
        else:
            missing.append((f"not of the same class, scale and data on {other}", name))
    return _counted(missing)


def _counted(rows: Iterable[tuple[str, str]]) -> tuple[Excluded, ...]:
    return tuple(
        Excluded(reason=reason, name=name, rows=n) for (reason, name), n in Counter(rows).items()
    )
