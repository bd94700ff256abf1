"""What a worker is doing: one JSON line a phase on standard output, for the run that listens."""

from __future__ import annotations

import json

PHASE_MARK = "\x1e"


def tell(name: str) -> None:
    """Says that a phase begins."""
    print(f"{PHASE_MARK}{json.dumps({'phase': name})}", flush=True)


def window(scenario: str) -> str:
    """The phase in which a scenario's window is measured; its warm-up is told by its bare name."""
    return f"{scenario} window"
