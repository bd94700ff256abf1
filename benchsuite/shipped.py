"""Which weights travel with a workload: the hash that stands in the record beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from benchsuite.types import SystemKey


def shipped_weights(root: Path) -> Callable[[SystemKey], str | None]:
    """Gives the hash of the weights that a content folder has for a system's workload and data.

    None where it has none. Names come from results, which may be another machine's: no file
    outside the folder is read.
    """
    folder = (root / "workloads" / "weights").resolve()

    @cache
    def find(workload: str, scale: str, dataset: str) -> str | None:
        try:
            record = (folder / workload / f"{scale}-{dataset}.json").resolve()
            if folder not in record.parents:
                return None
            found = json.loads(record.read_text(encoding="utf-8")).get("weights_hash")
        except (OSError, ValueError):  # no such file, an endless name, no JSON
            return None
        return found if isinstance(found, str) else None

    return lambda key: find(key.workload, key.scale, key.dataset) if key.dataset else None


def own_weights(weights: str | None, shipped: str | None) -> bool:
    """Whether a system's weights are others than those that travel with its workload."""
    return weights is not None and shipped is not None and weights != shipped
