"""What a worker is doing: one JSON line a phase on standard output, for the run that listens."""

from __future__ import annotations

import json
import sys

from benchsuite.errors import NotMeasurable

PHASE_MARK = "\x1e"
TURN = "turn"  # said as a phase: the worker waits for a line on standard input


def tell(name: str) -> None:
    """Says that a phase begins."""
    print(f"{PHASE_MARK}{json.dumps({'phase': name})}", flush=True)


def await_turn() -> None:
    """Sleeps until the run lets this worker measure, where others live beside it.

    Raises:
        NotMeasurable: It never will.
    """
    tell(TURN)
    if not sys.stdin.readline():
        raise NotMeasurable("the run that gives turns is gone")


def window(scenario: str) -> str:
    """The phase in which a scenario's window is measured; its warm-up is told by its bare name."""
    return f"{scenario} window"
