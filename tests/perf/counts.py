"""How long a count of each network of the catalogue takes, at reference scale."""

from __future__ import annotations

from time import perf_counter

from benchsuite import catalog
from benchsuite.accounting.summary import count_workload
from benchsuite.errors import MissingPackage
from benchsuite.stats import median
from tests.perf.native import row

PROMISE_S = 0.3
_TIMES = 3


def main() -> None:
    """Prints the median and those that exceed the promise."""
    import torch  # noqa: F401 - its import is not part of a count

    found = catalog.load_catalog(catalog.content_roots())
    entries = [entry for entry in found.entries.values() if "reference" in entry.workload.scales]
    seconds: dict[str, float] = {}
    left_out: dict[str, str] = {}
    for entry in entries:
        try:
            seconds[entry.name] = _seconds(entry)
        except MissingPackage as error:
            left_out[entry.name] = str(error)
    row(f"count of a network, median of {len(seconds)} (s)", median(list(seconds.values())), "")
    slow = {name: took for name, took in seconds.items() if took > PROMISE_S}
    slowest = max(seconds, key=lambda name: seconds[name])
    row(f"count of {slowest}, the slowest (s)", seconds[slowest], f"<= {PROMISE_S}")
    for name, took in sorted(slow.items(), key=lambda pair: pair[1], reverse=True):
        print(f"    longer: {name}, {took:.2f} s")
    for name, why in left_out.items():
        print(f"    not counted: {name}: {why}")


def _seconds(entry: catalog.Entry) -> float:
    """The least of some counts: another process only ever makes one slower."""
    took = []
    for _ in range(_TIMES):
        started = perf_counter()
        count_workload(entry, scale="reference", batch=1)
        took.append(perf_counter() - started)
    return min(took)
