"""Kills a writer at random moments, and looks whether a reported result was lost.

`python -m tests.kills [KILLS]`: 200 unless told; `make kills`.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchsuite.store import open_store
from tests import writer

LONGEST_S = 0.4  # a few tens of results on a calm machine


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found after all kills.

    Attributes:
        reported: Results that a writer told of.
        stored: Results in the store: also those that were stored, but not yet told of.
        lost: Reported ones that are not in the store, or are not whole.
        half_written: Rows in the store that cannot be read back with window and digest.
    """

    kills: int
    reported: int
    stored: int
    lost: tuple[str, ...]
    half_written: tuple[str, ...]


def kill_writers(
    place: str, kills: int, *, seed: int = 1, told: Callable[[int], None] = lambda number: None
) -> Outcome:
    """One writer after another on the same store, each killed (SIGKILL) within `LONGEST_S`."""
    chance = random.Random(seed)
    reported: list[str] = []
    for number in range(kills):
        reported += _killed_writer(place, f"w{number}", after=chance.uniform(0, LONGEST_S))
        told(number + 1)
    store = open_store(place)
    whole, half = [], []
    for each in (found for run in store.runs() for found in store.results(run.id)):
        window = store.window(each)
        good = window is not None and len(window.durations_ns) == window.queries
        (whole if good and each.metrics else half).append(each.run)
    digests = sum(len(course.moments) for course in store.courses())
    if digests != len(whole) + len(half):
        half.append(f"{digests} digests of {len(whole) + len(half)} results")
    return Outcome(
        kills=kills,
        reported=len(reported),
        stored=len(whole) + len(half),
        lost=tuple(sorted(set(reported) - set(whole))),
        half_written=tuple(half),
    )


def _killed_writer(place: str, name: str, *, after: float) -> list[str]:
    """What a writer reported until it was killed, `after` s from when its store was open.

    It is forked: starting Python anew 200 times would take minutes.
    """
    reader, end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(end, 1)
        sys.stdout = os.fdopen(1, "w")
        try:
            writer.write(place, name, 10**9)
        finally:
            os._exit(1)
    os.close(end)
    with os.fdopen(reader, "rb") as said:
        assert said.readline() == b"ready\n", "the writer did not open the store"
        time.sleep(after)
        os.kill(pid, signal.SIGKILL)
        lines = said.read().split(b"\n")[:-1]  # what follows the last line's end was cut off
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), f"writer {name} ended by itself"
    return [line.decode() for line in lines]


if __name__ == "__main__":
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder:
        found = kill_writers(str(Path(folder, "r.db")), kills)
    print(
        f"{found.kills} kills: {found.reported} results reported, {found.stored} stored, "
        f"{len(found.lost)} lost, {len(found.half_written)} half-written"
    )
    sys.exit(1 if found.lost or found.half_written or not found.reported else 0)
