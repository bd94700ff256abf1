"""A process that adds results to a store and tells each one after the store took it.

`python -m tests.writer PLACE NAME [COUNT]` prints the name of every run whose result was reported.
"""

from __future__ import annotations

import sys

from benchsuite.store import open_store

from .measurements import window
from .test_store import result, run_info


def write(place: str, name: str, count: int) -> None:
    """Adds runs NAME-0, NAME-1, ... of one result each, with texts that other writers add too."""
    store = open_store(place)
    print("ready", flush=True)
    for number in range(count):
        run = f"{name}-{number}"
        store.add_run(run_info(run), plan=[])
        made = result(run, reason=f"text {number}")
        store.add(made, environment={"of": "all"}, window=window(queries=200 + number % 7))
        print(run, flush=True)


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 10**9)
