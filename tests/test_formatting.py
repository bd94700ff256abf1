"""Tests of `benchsuite.formatting`: numbers as people read them."""

from __future__ import annotations

import pytest

from benchsuite.attribution import CONFIGURATION, LINEAR, LOG, NOBODY, SOFTWARE, Share, Split
from benchsuite.formatting import change_said, figure, parts_said, ratios_said
from benchsuite.metrics import METRICS


@pytest.mark.parametrize(
    ("value", "measure", "said"),
    [
        (0.0, "top-1", "±0 points"),
        (0.0, "Spearman rho", "±0"),
        (-0.012, "top-1", "−1.2 points"),
        (-0.012, "Spearman rho", "−0.0120"),
        (0.012, "Spearman rho", "+0.0120"),
    ],
)
def test_a_change_of_accuracy_has_its_sign(value: float, measure: str, said: str) -> None:
    """No change is `±0` of a share and of a correlation alike."""
    assert str(figure(value, METRICS["accuracy_change"], measure=measure)) == said


def test_parts_are_named_after_teams_or_after_what_they_are() -> None:
    """A team's shares are summed; what no team answers for keeps its own name."""
    shares = (
        Share(key="a", title="a", owner=SOFTWARE, amount=0.2),
        Share(key="b", title="b", owner=SOFTWARE, amount=0.1),
        Share(key="drift", title="drift", owner=NOBODY, amount=-0.5),
        Share(key="c", title="c", owner=CONFIGURATION, amount=0.0),
    )
    split = Split(metric="throughput", scale=LOG, before=1.0, after=1.0, shares=shares)
    assert [(owner, name) for owner, name, _ in parts_said(split)] == [
        (NOBODY, "drift"),
        (SOFTWARE, "software team"),
    ]


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        ((1 / 1.12, 1 / 1.19, 1 / 1.05), ["÷1.12", "÷1.19", "÷1.05"]),
        ((1.011, 1 / 3.28, 1.4), ["×1.01", "÷3.28", "×1.40"]),
        ((1.011, 1.002, 1.02), ["×1.011", "×1.002", "×1.020"]),
        ((1.0, 1 / 1.037, 1.037), ["×1.000", "÷1.037", "×1.037"]),
        ((0.9999, 1 / 1.2, 1.2), ["×1.00", "÷1.20", "×1.20"]),
    ],
)
def test_a_ratio_and_its_interval_have_as_many_digits(
    ratios: tuple[float, ...], said: list[str]
) -> None:
    """Three decimals where all of them are near 1, else two; 1 is never divided by."""
    assert ratios_said(*ratios) == said


@pytest.mark.parametrize(
    ("measure", "lead", "part"),
    [("top-1", "Accuracy fell: −1.2 points", "−1.2"),
     ("Spearman rho", "Accuracy fell: −0.0120", "−0.0120")],
)  # fmt: skip
def test_a_correlation_moves_by_no_points(measure: str, lead: str, part: str) -> None:
    """A split of an accuracy is in percentage points only where the accuracy is a share."""
    share = Share(key="a", title="a", owner=SOFTWARE, amount=-0.012)
    split = Split(metric="accuracy", scale=LINEAR, before=0.4, after=0.388, shares=(share,))
    assert change_said("Accuracy", split, measure=measure) == lead
    assert parts_said(split, measure=measure) == ((SOFTWARE, "software team", part),)
