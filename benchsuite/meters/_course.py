"""Power in the course of a window, thinned so that it can be kept with every result."""

from __future__ import annotations

from collections.abc import Sequence

from benchsuite.types import PowerCourse

MOST_POINTS = 400
_DIGITS = 4  # tenths of a millisecond and of a milliwatt


def course(
    samples: Sequence[tuple[float, float]], *, started: float, how: str
) -> PowerCourse | None:
    """The course of a window's power.

    Args:
        samples: Seconds of a clock and watts, in time order.
        started: When the window began, of the same clock.
        how: What the samples are.

    Returns:
        None where there are fewer than two samples. More than `MOST_POINTS` are averaged in
        groups of equally many.
    """
    if len(samples) < 2:
        return None
    size = -(-len(samples) // MOST_POINTS)
    groups = [samples[i : i + size] for i in range(0, len(samples), size)]
    return PowerCourse(
        at_s=tuple(
            round(sum(at for at, _ in group) / len(group) - started, _DIGITS) for group in groups
        ),
        power_w=tuple(
            round(sum(watts for _, watts in group) / len(group), _DIGITS) for group in groups
        ),
        how=how if size == 1 else f"{how}; each point the mean of {size} samples",
    )
