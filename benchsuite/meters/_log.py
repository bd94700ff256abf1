"""Time-stamped logs of power or energy as text: columns by name, units SI, comments with facts.

    # boundary: wall
    # clock_offset_s: 0.25
    time,power
    2026-11-21T02:40:01.50+00:00,83.1

Columns are separated by commas, semicolons or tabs. `time` is ISO 8601 (local time where it names
no zone) or seconds; `power` is in watts, `energy` counts joules up. A column `boundary` does what
the comment does. Lines that start with `#` are comments; `# NAME: VALUE` states a fact.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchsuite.errors import NotMeasurable
from benchsuite.origin import BOUNDARIES

TIME = frozenset({"time", "time s", "timestamp", "timestamp s", "datetime"})
POWER = frozenset({"power", "power w", "watt", "watts", "w"})
ENERGY = frozenset({"energy", "energy j", "joule", "joules", "j"})
BOUNDARY = "boundary"
# seconds since 1970 stay below this for three thousand years; milliseconds do not
_MOST_S = 1e11
_LEAST_STEPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log's columns; `power_w` or `energy_j` may be empty, not both.

    Attributes:
        times: Seconds, never going back.
        facts: What the comments state.
        boundary: As the log states it; None where it does not.
    """

    path: Path
    times: tuple[float, ...]
    power_w: tuple[float, ...]
    energy_j: tuple[float, ...]
    facts: Mapping[str, str]
    boundary: str | None

    @property
    def spacing_s(self) -> float:
        """Median time between two rows."""
        return median(b - a for a, b in pairwise(self.times))

    @property
    def period_s(self) -> float:
        """How often there is something new: rows, or steps of a counter that moves more rarely.

        Of a counter that moved less than three times it is not known, and the rows' is given.
        """
        rows = pairwise(zip(self.times, self.energy_j, strict=False))  # power has no steps
        steps = [at for (_, before), (at, after) in rows if after > before]
        if len(steps) < _LEAST_STEPS:
            return self.spacing_s
        return max(self.spacing_s, median(b - a for a, b in pairwise(steps)))

    def number(self, fact: str, *, default: float, least: float = -math.inf) -> float:
        """A fact that must be a number.

        Raises:
            NotMeasurable: It is none, or less than `least`.
        """
        text = self.facts.get(fact)
        if text is None:
            return default
        value = _number(text, where=f"{self.path}: {fact}")
        if value < least:
            raise NotMeasurable(f"{self.path}: {fact} is {text}, which is below {least:g}")
        return value


def read(path: Path, *, growing: bool = False) -> Log:
    """Reads a log.

    Args:
        path: The file.
        growing: It may be written right now: a last line without its end is left alone.

    Raises:
        NotMeasurable: No such file, or one that cannot be trusted; the text names the line.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise NotMeasurable(
            f"{path}: is no file but a device or a pipe, which has no end; let the meter write its "
            "log into a file"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NotMeasurable(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise NotMeasurable(f"{path}: is no UTF-8 text; save it as CSV") from None
    if growing and not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
    facts: dict[str, str] = {}
    rows: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            name, colon, value = line.lstrip("# ").partition(":")
            if colon:
                facts[name.strip().lower()] = value.strip()
        elif line.strip():
            rows.append((number, line))
    if not rows:
        raise NotMeasurable(f"{path}: is empty; it needs a header with time and power, and rows")
    return _parsed(path, rows, facts)


def _parsed(path: Path, rows: Sequence[tuple[int, str]], facts: Mapping[str, str]) -> Log:
    header = rows[0][1]
    separator = max(";\t,", key=lambda letter: (header.count(letter), letter != ","))
    names = [_plain(name) for name in header.split(separator)]
    time_at = _column(names, TIME)
    power_at, energy_at = _column(names, POWER), _column(names, ENERGY)
    if time_at is None or (power_at is None and energy_at is None):
        raise NotMeasurable(
            f"{path}: the header {header.strip()!r} needs a column time and a column power (in W) "
            "or energy (in J)"
        )
    for known, what in ((TIME, "time"), (POWER, "power"), (ENERGY, "energy")):
        if sum(name in known for name in names) > 1:
            raise NotMeasurable(
                f"{path}: the header {header.strip()!r} has more than one column {what}; keep the "
                "one that counts"
            )
    boundary_at = names.index(BOUNDARY) if BOUNDARY in names else None
    times: list[float] = []
    columns: dict[int, list[float]] = {
        place: [] for place in (power_at, energy_at) if place is not None
    }
    boundary = facts.get(BOUNDARY)
    for number, line in rows[1:]:
        where = f"{path}, line {number}"
        fields = [field.strip().strip('"') for field in line.split(separator)]
        if len(fields) != len(names):
            raise NotMeasurable(
                f"{where}: has {len(fields)} fields, the header {len(names)}; if its numbers have "
                "decimal commas, write decimal points"
            )
        at = _time(fields[time_at], where=where)
        if times and at < times[-1]:
            raise NotMeasurable(
                f"{where}: its time is {times[-1] - at:g} s before the line above; sort the rows"
            )
        times.append(at)
        for place, values in columns.items():
            values.append(_number(fields[place], where=where))
        if boundary_at is not None:
            if boundary not in (None, fields[boundary_at]):
                raise NotMeasurable(
                    f"{where}: the boundary changes to {fields[boundary_at]!r}; one log has one"
                )
            boundary = fields[boundary_at]
    if boundary is not None and boundary not in BOUNDARIES:
        raise NotMeasurable(
            f"{path}: boundary {boundary!r} is unknown; one of {', '.join(BOUNDARIES)}"
        )
    power = columns[power_at] if power_at is not None else []
    energy = columns[energy_at] if energy_at is not None else []
    if any(value < 0 for value in power):
        raise NotMeasurable(f"{path}: has negative power; turn the meter's clamp around")
    if any(b < a for a, b in pairwise(energy)):
        raise NotMeasurable(f"{path}: its energy goes down; it must count up, without a reset")
    return Log(
        path=path,
        times=tuple(times),
        power_w=tuple(power),
        energy_j=tuple(energy),
        facts=facts,
        boundary=boundary,
    )


def _plain(name: str) -> str:
    """`Power [W]` and `power_w` as `power w`."""
    return " ".join(re.findall(r"[a-z]+", name.lower()))


def _column(names: Sequence[str], known: frozenset[str]) -> int | None:
    return next((place for place, name in enumerate(names) if name in known), None)


def _time(text: str, *, where: str) -> float:
    if re.match(r"\d{4}-\d\d-\d\d", text):
        try:
            return datetime.fromisoformat(text).timestamp()
        except ValueError:
            raise NotMeasurable(f"{where}: {text!r} is no ISO 8601 time") from None
    seconds = _number(text, where=where)
    if seconds > _MOST_S:
        raise NotMeasurable(f"{where}: the time {text} is too large for seconds; divide it by 1000")
    return seconds


def _number(text: str, *, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        hint = "; write a decimal point" if "," in text else ""
        raise NotMeasurable(f"{where}: {text!r} is no number{hint}") from None
    if not math.isfinite(value):
        raise NotMeasurable(f"{where}: {text!r} is not finite; leave out rows without a reading")
    return value
