"""The time to fill a store with 100,000 results in batches, and to find the newest of each row."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from benchsuite.stats import median
from benchsuite.store import Store, open_store
from benchsuite.types import Result, RunInfo
from tests.fakes import environments
from tests.large import FIRST, on_day, rows
from tests.perf.native import row

INSERT_S = 1.0
LATEST_S = 0.1
_SYSTEMS = 500
_NIGHTS = 100
_TIMES = 20


def main() -> None:
    """A batch is a night of 1,000 rows, merged as `import` does it, in one transaction."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "r.db")
        took = _filled(store)
        row("insert of 1,000 results, median of 100 batches (s)", median(took), f"<= {INSERT_S}")
        row("insert of 1,000 results, the slowest batch (s)", max(took), f"<= {INSERT_S}")
        asked = [_seconds(store) for _ in range(_TIMES)]
        what = f"newest of {2 * _SYSTEMS} rows among 100,000 results"
        row(f"{what}, median (s)", median(asked), f"<= {LATEST_S}")
        row(f"{what}, slowest (s)", max(asked), f"<= {LATEST_S}")


def _filled(store: Store) -> list[float]:
    """The seconds of each batch."""
    chance = random.Random(7)
    known = {"e1": environments()["e1"]}
    night = rows(_SYSTEMS)
    took = []
    for day in range(_NIGHTS):
        moment = (FIRST + timedelta(days=day)).isoformat()
        run = RunInfo(id=f"night{day:05d}", started_at=moment)
        dated = [_row(each, run, noise=chance.gauss(1, 0.01)) for each in night]
        started = perf_counter()
        store.merge([run], dated, environments=known)
        took.append(perf_counter() - started)
    return took


def _row(result: Result, run: RunInfo, *, noise: float) -> Result:
    dated = on_day(result, factor=1.0, noise=noise)
    return replace(dated, run=run.id, measured_at=run.started_at)


def _seconds(store: Store) -> float:
    started = perf_counter()
    store.latest()
    return perf_counter() - started
