"""A network's counts at the batches of a run, kept in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchsuite import catalog, environment
from benchsuite.accounting import count as count_module
from benchsuite.accounting.summary import count_query
from benchsuite.harness.kept import keep
from benchsuite.types import Count

_ACCOUNTING = Path(count_module.__file__).parent


def counts(
    entry: catalog.Entry,
    scale: str,
    batches: Sequence[int],
    *,
    cache: Path,
    dataset: str | None = None,
) -> tuple[Count, ...]:
    """Counts a signature and batch; kept in the cache, as torch's meta device is slow to load."""
    signatures = entry.scale(scale).on(dataset).signatures
    facts = {
        "signatures": repr(signatures),
        "network": catalog.network_hash(entry, scale),
        "batches": list(batches),
        "torch": environment.versions(("torch",)),
        "rules": [catalog.file_hash(path) for path in sorted(_ACCOUNTING.glob("*.py"))],
    }
    path = cache / "counts" / f"{environment.digest(facts)}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[Count, ...])
    except (OSError, msgspec.DecodeError):
        pass

    found = tuple(
        count_query(entry, scale, signature, batch=batch, training=batch == batches[0])
        for batch in batches
        for signature in signatures
    )
    keep(path, msgspec.json.encode(found))
    return found
