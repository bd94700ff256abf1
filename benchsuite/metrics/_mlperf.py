"""What MLPerf Inference asks of a window, and whether it was met."""

from __future__ import annotations

from benchsuite.stats import least_queries
from benchsuite.types import MULTI_STREAM, OFFLINE, SERVER, SINGLE_STREAM, Window

# loadgen/mlperf.conf, *.min_duration; RealTime is no scenario of MLPerf's
LEAST_S = 600.0
# inference_rules.adoc, section 4: Offline's samples; the others' queries are early stopping's
_LEAST = {
    OFFLINE: 24_576,
    SINGLE_STREAM: least_queries(0.9),
    MULTI_STREAM: least_queries(0.99),
    SERVER: least_queries(0.99),
}


def minimum_said(window: Window) -> str:
    """Whether a window has MLPerf's least duration and count; empty for `RealTime`."""
    least = _LEAST.get(window.scenario)
    if least is None:
        return ""
    offline = window.scenario == OFFLINE
    what = "samples" if offline else "queries"
    count = window.queries * (window.batch if offline else 1)
    if window.seconds >= LEAST_S and count >= least:
        return f"; MLPerf's minimum of {LEAST_S:g} s and {least} {what} is met"
    lacking = []
    if window.seconds < LEAST_S:
        lacking.append(f"{window.seconds:.3g} of {LEAST_S:g} s")
    if count < least:
        lacking.append(f"{count} of {least} {what}")
    return f"; below MLPerf's minimum: {', '.join(lacking)}"
