"""One row of several processes: the median one's values, with what lies between the processes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchsuite.stats import median_interval
from benchsuite.types import OFFLINE, SERVER, Doubt, Process, Result, Value

ALONE = "; one process, so no interval"  # ends what `throughput` says of a lone process
NO_INTERVAL = "; no interval: "  # begins the clause that says why a value has none
FAILED_PROCESS = "process_failed"
# doubts of the moment, not of the system: a process that has one is no sample of it
DISTURBING = ("contended", "throttled", "above_peak_unexplained")
_UNRANKED = "unranked"
_NONE = re.compile(f"{NO_INTERVAL}[^;]*")


def leading_metric(scenario: str) -> str:
    """The metric by which a row is judged, and its median process chosen.

    `Server` finds the highest rate that meets a bound on latency: that rate is what it measures.
    """
    return "throughput" if scenario in (OFFLINE, SERVER) else "latency_p50"


def combine(processes: Sequence[Result], *, planned: int) -> tuple[Result, int]:
    """The row of a system that several processes measured.

    Its values are those of one process, that of the median leading metric (of an even number the
    worse of the middle two), so that the identities between them hold. Disturbed processes are
    left out where most were not.

    Args:
        processes: What each gave for the row, in the order of measuring; all ok.
        planned: How many were asked for.

    Returns:
        The row, and the place of the chosen process in `processes`.
    """
    calm = [n for n, each in enumerate(processes) if not _disturbing(each)]
    used = calm if 2 * len(calm) > len(processes) else list(range(len(processes)))
    chosen = _middle(processes, used)
    row = processes[chosen]
    told = _told(row.scenario, used=len(used), measured=len(processes), planned=planned)
    lone = ALONE if planned == 1 else f"; one process of {planned} asked for, so no interval"
    values = [processes[n].metrics for n in used]
    rank_class, reason = _class(processes, chosen, used)
    return replace(
        row,
        metrics={
            key: _value(value, [each[key] for each in values if key in each], told=told, lone=lone)
            for key, value in row.metrics.items()
        },
        doubts=_doubts(processes, chosen, used),
        rank_class=rank_class,
        class_reason=reason,
        measured_at=processes[-1].measured_at,
        processes=_kept(processes),
    ), chosen


def with_failure(row: Result, reason: str) -> Result:
    """A row of which a later process failed."""
    doubt = Doubt(
        code=FAILED_PROCESS,
        message=(
            f"{row.scenario}: a process failed where {len(row.processes)} did not: {reason}. "
            "Measure it again: --resume"
        ),
    )
    others = (each for each in row.doubts if each.code != FAILED_PROCESS)
    return replace(row, doubts=(*others, doubt))


def apart(row: Result) -> tuple[Result, ...]:
    """The row as each of its processes gave it, in brief; itself where it has but one."""
    if not row.processes:
        return (row,)
    return tuple(
        replace(
            row,
            metrics={
                key: _brief(value, process.values[key]) if key in process.values else value
                for key, value in row.metrics.items()
            },
            doubts=(*(d for d in row.doubts if d.code not in DISTURBING), *process.doubts),
            measured_at=process.measured_at,
            processes=(),
        )
        for process in row.processes
    )


def _brief(value: Value, number: float | None) -> Value:
    reason = None if number is not None else value.reason or "not in this process"
    return Value(value=number, how=value.how, reason=reason)


def _disturbing(result: Result) -> tuple[Doubt, ...]:
    return tuple(doubt for doubt in result.doubts if doubt.code in DISTURBING)


def _middle(processes: Sequence[Result], used: Sequence[int]) -> int:
    """The place of the process with the median leading metric; the worse of a middle pair."""
    metric = leading_metric(processes[0].scenario)
    if any(_number(processes[n].metrics, metric) is None for n in used):
        metric = "throughput"  # p50 needs 11 queries; every row has a throughput
    sign = 1 if metric == "throughput" else -1
    ordered = sorted(used, key=lambda n: sign * (_number(processes[n].metrics, metric) or 0.0))
    return ordered[(len(ordered) - 1) // 2]


def _number(metrics: Mapping[str, Value], key: str) -> float | None:
    value = metrics.get(key)
    return None if value is None else value.value


def _told(scenario: str, *, used: int, measured: int, planned: int) -> str:
    parts = [f"the process of the median {leading_metric(scenario)} of {used}"]
    if used < measured:
        parts.append(f"{measured - used} disturbed and left out")
    if measured < planned:
        parts.append(f"{planned} were asked for")
    return "; " + ", ".join(parts)


def _value(value: Value, all_values: Sequence[Value], *, told: str, lone: str) -> Value:
    """A metric's value with its interval over processes; as it is where nothing differs."""
    how = value.how.replace(ALONE, "" if len(all_values) > 1 else lone)
    known = [each for each in all_values if each.value is not None]
    if value.value is None or len(known) < 2:
        return replace(value, how=how)
    lows = sorted(_end(each.low, each.value) for each in known)
    highs = sorted(_end(each.high, each.value) for each in known)
    if len({each.value for each in known}) == 1 and (lows[0], highs[0]) == (lows[-1], highs[-1]):
        return replace(value, how=how)
    k, coverage = median_interval(len(known))
    own = any(each.low is not None or each.high is not None for each in known)
    # the chosen process is the median of another metric: here it may lie outside
    low, high = min(lows[k - 1], value.value), max(highs[-k], value.value)
    ends = "smallest and largest" if k == 1 else f"number {k} from below and from above"
    of = "the processes' own ends" if own else "the processes' values"
    interval = f"interval: {ends} of {of}, holds the median with {coverage:.0%}"
    how = _NONE.sub("", how)
    return replace(value, low=low, high=high, how=f"{how}{told}; {interval}")


def _end(end: float | None, value: float | None) -> float:
    found = value if end is None else end
    assert found is not None
    return found


def _class(processes: Sequence[Result], chosen: int, used: Sequence[int]) -> tuple[str, str | None]:
    """The chosen process's class; unranked where any in use is."""
    order = (chosen, *(n for n in used if n != chosen))
    worst = next((n for n in order if processes[n].rank_class == _UNRANKED), chosen)
    return processes[worst].rank_class, processes[worst].class_reason


def _doubts(processes: Sequence[Result], chosen: int, used: Sequence[int]) -> tuple[Doubt, ...]:
    """The chosen process's doubts, and of each further kind the first."""
    found = list(processes[chosen].doubts)
    for n in used:
        have = {doubt.code for doubt in found}
        found += [doubt for doubt in processes[n].doubts if doubt.code not in have]
    return tuple(found)


def _kept(processes: Sequence[Result]) -> tuple[Process, ...]:
    keys = [
        key
        for key in processes[0].metrics
        if len({_number(each.metrics, key) for each in processes}) > 1
    ]
    return tuple(
        Process(
            measured_at=each.measured_at,
            values={key: _number(each.metrics, key) for key in keys},
            doubts=_disturbing(each),
        )
        for each in processes
    )
