"""Systems by the network that they run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from benchsuite.compare import System


def by_network(systems: Iterable[System]) -> dict[str, list[System]]:
    """Systems by workload, scale and data set, under the shortest name that tells them apart."""
    groups: dict[tuple[str, str, str | None], list[System]] = defaultdict(list)
    for system in systems:
        key = system.key
        groups[key.workload, key.scale, key.dataset].append(system)
    titles = {}
    for workload, scale, dataset in groups:
        alike = [each for each in groups if each[0] == workload]
        title = workload if len({each[1] for each in alike}) == 1 else f"{workload} · {scale}"
        if sum(each[1] == scale for each in alike) > 1:
            title += f" · {dataset or 'no data'}"
        titles[title] = groups[workload, scale, dataset]
    return titles
