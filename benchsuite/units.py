"""Conversion between SI units inside and what people read outside: the only place that scales."""

from __future__ import annotations

import math

_PREFIXES = (
    (1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"),
    (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"),
)  # fmt: skip
_PLAIN_UNITS = frozenset({"1", ""})
_UNSCALED_UNITS = frozenset({"frame/s", "frame", "FLOP/B", "1/J"})

NANOSECOND_S = 1e-9
MICROSECOND_S = 1e-6
MILLIJOULE_J = 1e-3
MICROJOULE_J = 1e-6
MILLIWATT_W = 1e-3
MEGAHERTZ_HZ = 1e6
MISSING = "–"


def significant(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant digits, thousands grouped; an exponent where far from 1."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    # the exponent after rounding: 9.996 has three digits as 10.0, not as 10.00
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])
    if not -9 <= exponent < 15:
        return f"{value:.{digits - 1}e}"
    decimals = digits - 1 - exponent
    return f"{round(value, decimals):,.{max(0, decimals)}f}".replace(",", "\u202f")


def quantity(value: float | None, unit: str, *, digits: int = 3) -> str:
    """`value` in the SI `unit` as people read it: `0.00123, "s"` is `1.23 ms`; None a dash."""
    if value is None:
        return MISSING
    if unit in _PLAIN_UNITS:
        return significant(value, digits)
    if unit in _UNSCALED_UNITS:
        return f"{significant(value, digits)} {unit}"
    if value == 0 or not math.isfinite(value):
        return f"{significant(value)} {unit}"
    # rounded first: 999.96 with three digits is 1,000 and belongs to the next prefix
    magnitude = abs(float(f"{value:.{digits - 1}e}"))
    factor, prefix = next((p for p in _PREFIXES if magnitude >= p[0]), _PREFIXES[-1])
    return f"{significant(value / factor, digits)} {prefix}{unit}"


def percent(value: float | None, *, digits: int = 3) -> str:
    """A share of 1 as a percentage: `0.982` becomes `98.2 %`; None a dash."""
    return MISSING if value is None else f"{significant(100 * value, digits)} %"


def share(value: float) -> str:
    """A share of 1 in per cent; what is not quite all is never rounded up to all."""
    text = percent(value)
    return ">99.9 %" if value < 1 and text == percent(1.0) else text


def counted(number: int, noun: str) -> str:
    """A number of things: `1 row`, `2 rows`, `3 queries`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: `74 s`, `3 min 20 s`."""
    if round(seconds) < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
