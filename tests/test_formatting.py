"""Tests of `benchsuite.formatting`: numbers as people read them."""

from __future__ import annotations

import pytest

from benchsuite.attribution import CONFIGURATION, LOG, NOBODY, SOFTWARE, Share, Split
from benchsuite.formatting import figure, parts_said
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
