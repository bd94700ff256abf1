"""Raw windows in the results JSON: small plain text, from which the metrics follow again.

Durations are written in ascending order, as steps from each distinct value to the next with the
times it occurs (`"51200 10x4 30"`: 51200 ns once, 51210 four times, 51240 once): every percentile
follows from that, their order in time does not. More than `MOST_VALUES` distinct ones are rounded
to the most significant digits with which there are fewer.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, pairwise, repeat
from typing import Any

import msgspec

from benchsuite.durations import shared
from benchsuite.errors import one_line
from benchsuite.metrics import of_window
from benchsuite.types import Result, Value, Window
from benchsuite.units import NANOSECOND_S

MOST_VALUES = 16_000  # fewer than there are integers below 1e18 with three digits
MOST_DURATIONS = 1 << 25  # of a window: ten minutes of 18-microsecond queries
MOST_IN_FILE = 1 << 27
_DIGITS = (5, 4, 3)
_LONGEST_NS = 10**18
_LONGEST_TEXT = 30 * MOST_VALUES
_LONGEST_NOTE = 100_000
_LONGEST_LIST = 10_000
_MOST = 1e24  # as in `importing`: no figure of one system is larger
_MOST_WHOLE = 2**63 - 1
_STEP = re.compile(r"([0-9]{1,19})(?:x([1-9][0-9]{0,9}))?")
_ENERGY = "energy_per_frame"
# products of the same doubles
_EXACT = 1e-9


def to_json(window: Window) -> dict[str, Any]:
    """A raw window as plain data; its durations as text.

    Raises:
        ValueError: It has more durations than a file may hold.
    """
    if len(window.durations_ns) > MOST_DURATIONS:
        raise ValueError(
            f"its window has {len(window.durations_ns)} durations, a file holds {MOST_DURATIONS}"
        )
    counted = Counter(window.durations_ns)
    digits = window.duration_digits
    for fewer in _DIGITS:
        if len(counted) <= MOST_VALUES:
            break
        counted, digits = _rounded(counted, fewer), fewer
    plain: dict[str, Any] = msgspec.to_builtins(replace(window, durations_ns=()))
    return plain | {
        "durations_ns": _steps(counted),
        "duration_digits": digits,
        "how": "as measured; durations in ascending order, as steps and how often each occurs"
        + ("" if digits is None else f", rounded to {digits} digits"),
    }


def count_durations(raw: Mapping[str, Any]) -> int:
    """How many durations and dropped queries a window of an untrusted file stands for.

    Raises:
        ValueError: Its durations are no steps and times.
    """
    text = raw.get("durations_ns")
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        raise ValueError(f"durations_ns is no text of at most {_LONGEST_TEXT} characters")
    pace = raw.get("pace")
    dropped = pace.get("dropped", 0) if isinstance(pace, dict) else 0
    if not isinstance(dropped, int) or dropped < 0:
        raise ValueError("pace.dropped is no number of queries")
    return sum(times for _, times in _parsed(text)) + dropped


def from_json(raw: Mapping[str, Any]) -> Window:
    """The window of an untrusted file; whether it is that of its row is `disagreement`'s.

    Args:
        raw: As `to_json` gives it, of at most `MOST_DURATIONS` durations.

    Raises:
        ValueError: What is wrong first.
    """
    if count_durations(raw) > MOST_DURATIONS:
        raise ValueError(f"more than {MOST_DURATIONS} durations")
    try:
        window = msgspec.convert({**raw, "durations_ns": ()}, Window)
    except msgspec.ValidationError as error:
        raise ValueError(one_line(error)) from None
    if wrong := _wrong(msgspec.to_builtins(window)):
        raise ValueError(wrong)
    values: list[int] = []
    times: list[int] = []
    duration = 0
    for step, often in _parsed(raw["durations_ns"]):
        if values and not step:
            raise ValueError("durations_ns: a step of 0 nanoseconds")
        duration += step
        values.append(duration)
        times.append(often)
    if not values or duration > _LONGEST_NS:
        raise ValueError("durations_ns: none, or longer than thirty years")
    durations = shared(chain.from_iterable(map(repeat, values, times)))
    return replace(window, durations_ns=durations)


def disagreement(window: Window, row: Result) -> str | None:
    """What a row says and its raw window does not; None where they agree."""
    if wrong := _unsound(window, row):
        return f"raw: {wrong}"
    again = of_window(window)
    for key, value in again.items():
        told = row.metrics.get(key)
        if told is None or told.value is None:
            continue
        if wrong := _differs(key, told, value, window, alone=not row.processes):
            return wrong
    return _other_meter(row.metrics.get(_ENERGY), again[_ENERGY])


def _differs(key: str, told: Value, again: Value, window: Window, *, alone: bool) -> str | None:
    """Whether a metric is another than its window gives; the ends of several processes are not."""
    if key == "missed_frames" and window.duration_digits is not None and again.value is not None:
        told, again = _about(told, again, window)
    rounding = _rounding(window) if key.startswith("latency") else _EXACT
    for name in ("value", "low", "high") if alone else ("value",):
        said, found = getattr(told, name), getattr(again, name)
        if not _same(said, found, rounding):
            where = key if name == "value" else f"{key}.{name}"
            return f"{where} is {_shown(said)}, its raw window gives {_shown(found)}"
    return None


def _unsound(window: Window, row: Result) -> str | None:
    """What of a window cannot be, in itself or beside its row."""
    if (window.scenario, window.batch) != (row.scenario, row.key.batch):
        return f"it is one of {window.scenario[:80]} at batch {window.batch}"
    count = len(window.durations_ns)
    if window.queries not in (count, count * window.queries_per_duration):
        return f"{window.queries} queries with {count} durations"
    for name in ("seconds", "frames", "queries_per_duration"):
        if getattr(window, name) <= 0:
            return f"{name} must be above 0"
    spent_s = sum(window.durations_ns) * NANOSECOND_S
    if window.pace is None and spent_s > window.seconds * (1 + _rounding(window)):
        return f"its durations are {spent_s:.6g} s, the window {window.seconds:.6g} s"
    own = [each for each in row.counts if each.batch == window.batch]
    if own and window.pace is None:
        per_query = sum(c.share * c.frames for c in own) / sum(c.share for c in own)
        if not math.isclose(window.frames, window.queries * per_query, rel_tol=_EXACT):
            return f"{window.frames:g} frames in {window.queries} queries of {per_query:g}"
    if window.energy is not None and (course := window.energy.course) is not None:
        if len(course.at_s) != len(course.power_w):
            return "energy.course: as many times as watts are wanted"
        if any(b < a for a, b in pairwise(course.at_s)):
            return "energy.course: times that go back"
    if window.energy is not None and window.energy.seconds <= 0:
        return "energy.seconds must be above 0"
    return None


def _other_meter(told: Value | None, again: Value) -> str | None:
    """Whether a row's energy names another source or boundary than its window."""
    if told is None or told.value is None:
        return None
    said, found = (value.how.partition(";")[0] for value in (told, again))
    return None if said == found else f"energy is {said[:80]!r}, in its raw window {found[:80]!r}"


def _about(told: Value, again: Value, window: Window) -> tuple[Value, Value]:
    """A share of missed frames beside the nearest that rounded durations allow."""
    assert told.value is not None and window.pace is not None
    limit_ns, part = window.pace.deadline_s / NANOSECOND_S, _rounding(window)
    offered = window.queries + window.pace.dropped
    least, most = (
        sum(each > limit_ns * (1 + sign * part) + sign for each in window.durations_ns)
        for sign in (1, -1)
    )
    nearest = min(max(told.value * offered - window.pace.dropped, least), most)
    return told, replace(again, value=(nearest + window.pace.dropped) / offered)


def _same(said: float | None, found: float | None, rounding: float) -> bool:
    if said is None or found is None:
        return said is None and found is None
    return math.isclose(said, found, rel_tol=rounding)


def _shown(number: float | None) -> str:
    return "missing" if number is None else f"{number:.6g}"


def _rounding(window: Window) -> float:
    """How far a duration may lie from what was measured, relatively."""
    return _EXACT if window.duration_digits is None else 0.5 * 10 ** (1 - window.duration_digits)


def _rounded(counted: Mapping[int, int], digits: int) -> Counter[int]:
    found: Counter[int] = Counter()
    for value, times in counted.items():
        unit = 10 ** max(0, len(str(value)) - digits)
        found[(value + unit // 2) // unit * unit] += times
    return found


def _steps(counted: Mapping[int, int]) -> str:
    before, steps = 0, []
    for value in sorted(counted):
        times = counted[value]
        steps.append(f"{value - before}x{times}" if times > 1 else str(value - before))
        before = value
    return " ".join(steps)


def _parsed(text: str) -> Iterator[tuple[int, int]]:
    """Steps and how often each value occurs.

    Raises:
        ValueError: A word is neither `STEP` nor `STEPxTIMES`.
    """
    for word in text.split(" "):
        found = _STEP.fullmatch(word)
        if found is None:
            raise ValueError(f"durations_ns: {word[:40]!r} is no step, as 120 or 120x3 are")
        yield int(found[1]), int(found[2] or 1)


def _wrong(value: object, where: str = "") -> str | None:
    """A number beyond all, a negative quantity, a text or a list too long; None where all is well.

    Args:
        value: A window as plain data, or a part of it.
        where: The part's name.
    """
    if isinstance(value, int | float):
        most = _MOST_WHOLE if isinstance(value, int) else _MOST
        if not abs(value) <= most:
            return f"{where} is beyond what can be measured"
        return f"{where} is negative" if value < 0 and where not in _SIGNED else None
    if isinstance(value, str):
        return f"{where} is too long a text" if len(value) > _LONGEST_NOTE else None
    inner: Sequence[tuple[str, object]] = ()
    if isinstance(value, Mapping):
        inner = list(value.items())
    elif isinstance(value, Sequence):
        inner = [(where, each) for each in value]
    if len(inner) > _LONGEST_LIST:
        return f"{where} has more than {_LONGEST_LIST} entries"
    return next((wrong for name, each in inner if (wrong := _wrong(each, name))), None)


# seconds before the window began; what two meters disagree
_SIGNED = frozenset({"at_s", "temperature_c", "disagreement"})
