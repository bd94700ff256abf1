"""Tests of `benchsuite.units`."""

from __future__ import annotations

import math

import pytest

from benchsuite import units

THIN = "\u202f"  # the narrow no-break space between groups of thousands


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1, "1.00"),
        (12.345, "12.3"),
        (123.45, "123"),
        (0.012345, "0.0123"),
        (9.994, "9.99"),
        (9.996, "10.0"),  # not 10.00, which would be four digits
        (99.96, "100"),
        (0.9996, "1.00"),
        (999.4, "999"),
        (999.96, f"1{THIN}000"),
        (12345, f"12{THIN}300"),
        (1234567, f"1{THIN}230{THIN}000"),
        (-12.345, "-12.3"),
        (-9.996, "-10.0"),
        (-1234567, f"-1{THIN}230{THIN}000"),
        (1e-9, "0.00000000100"),
        (1.234e-10, "1.23e-10"),
        (-1.234e-15, "-1.23e-15"),
        (1.234e15, "1.23e+15"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
    ],
)
def test_three_significant_digits(value: float, text: str) -> None:
    """A number is shown with three significant digits, whatever its size and sign."""
    assert units.significant(value) == text


@pytest.mark.parametrize(("digits", "text"), [(1, "1"), (2, "1.2"), (4, "1.235"), (6, "1.23457")])
def test_other_numbers_of_digits(digits: int, text: str) -> None:
    """The number of significant digits can be chosen."""
    assert units.significant(1.23456789, digits) == text


@pytest.mark.parametrize("exponent", range(-30, 31))
@pytest.mark.parametrize("digits", [2, 3, 4])
def test_the_shown_number_is_the_value_rounded(exponent: int, digits: int) -> None:
    """What is shown reads back as the value within half a unit of its last digit."""
    value = 9.9961 * 10.0**exponent
    shown = float(units.significant(value, digits).replace(THIN, ""))
    assert shown == pytest.approx(value, rel=0.5 * 10 ** (1 - digits))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.00123, "s", "1.23 ms"),
        (1.6653e9, "FLOP/frame", "1.67 GFLOP/frame"),
        (2.5e12, "FLOP/s", "2.50 TFLOP/s"),
        (3.2e18, "FLOP", "3.20 EFLOP"),
        (5e21, "FLOP", f"5{THIN}000 EFLOP"),
        (4.7e-6, "J", "4.70 µJ"),
        (8e-10, "s", "800 ps"),
        (2e-15, "J", "0.00200 pJ"),  # below the smallest prefix
        (999.4, "W", "999 W"),
        (999.96, "W", "1.00 kW"),  # not 1,000 W
        (0.99996, "s", "1.00 s"),
        (0.9994, "s", "999 ms"),
        (999_999, "B", "1.00 MB"),
        (1e18, "B", "1.00 EB"),
        (-0.00123, "s", "-1.23 ms"),
        (-999.96, "W", "-1.00 kW"),
        (0, "s", "0 s"),
        (0.0, "frame/s", "0 frame/s"),
        (math.inf, "s", "inf s"),
        (math.nan, "W", "nan W"),
        (12345.6, "frame/s", f"12{THIN}300 frame/s"),
        (0.05, "FLOP/B", "0.0500 FLOP/B"),
        (0.98765, "1", "0.988"),
        (12345, "", f"12{THIN}300"),
        (None, "s", units.MISSING),
        (None, "1", units.MISSING),
    ],
)
def test_quantities_get_the_prefix_people_expect(value: float | None, unit: str, text: str) -> None:
    """A value in an SI unit is shown between 1 and 1,000 of a prefix; rates of frames have none."""
    assert units.quantity(value, unit) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.982, "98.2 %"),
        (1.0, "100 %"),
        (0.99996, "100 %"),
        (0.0, "0 %"),
        (-0.0123, "-1.23 %"),
        (13.0, f"1{THIN}300 %"),
        (None, units.MISSING),
    ],
)
def test_shares_are_shown_as_percentages(value: float | None, text: str) -> None:
    """A share of 1 is shown in percent; a missing one as a dash, never as 0."""
    assert units.percent(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (74.4, "74 s"),
        (119.4, "119 s"),
        (119.6, "2 min 0 s"),
        (200, "3 min 20 s"),
        (7199.6, "2 h 0 min"),
        (7260, "2 h 1 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_durations_are_said_as_a_person_would(seconds: float, text: str) -> None:
    """Seconds become minutes after two of them, and hours after two of those."""
    assert units.duration(seconds) == text
