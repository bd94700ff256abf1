"""The time that `benchsuite history` takes on a store of 1,000 runs of 100 systems."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from benchsuite.stats import median
from tests.large import fill
from tests.perf.native import row

PROMISE_S = 2.0
_SYSTEMS, _NIGHTS = 100, 1000
_TIMES = 5


def main() -> None:
    """The whole command in a process of its own: 200,000 rows read, judged, written as a page."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "r.db"
        fill(place, systems=_SYSTEMS, nights=_NIGHTS)
        took = [_seconds(place, Path(folder) / "h.html") for _ in range(_TIMES)]
        what = "history of 1,000 runs x 100 systems x 2 scenarios"
        row(f"{what}, median (s)", median(took), f"<= {PROMISE_S}")
        row(f"{what}, slowest (s)", max(took), f"<= {PROMISE_S}")


def _seconds(store: Path, page: Path) -> float:
    started = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "benchsuite", "history", "--store", store, "-o", page],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return perf_counter() - started
