"""Tests of the verdict page's forest plots: whose ratios the machine's drift stands behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchsuite import gate
from benchsuite.judge import Estimate, Verdict
from benchsuite.pages import verdict as page
from tests.fakes import HOSTILE, key
from tests.test_pages_run import ROOT


def line(metric: str, *, label: str = "image/lenet · eager fp32") -> gate.Line:
    """A row on a machine whose bandwidth fell by 28 % meanwhile."""
    return gate.Line(
        label=label,
        scenario="Offline",
        key=key(),
        leading=True,
        verdict=Verdict(
            row="x",
            metric=metric,
            verdict="same",
            estimate=Estimate(ratio=1.01, low=0.99, high=1.03, p=0.4, error=0.01, df=9.0),
            compute_drift=1.0,
            bandwidth_drift=0.716,
        ),
    )


@pytest.mark.parametrize(
    ("metric", "band"),
    [
        ("throughput", "−28.4% to 0"),
        ("latency_p50", "0 to +39.7%"),
        ("peak_memory", None),
    ],
)
def test_the_drift_stands_behind_what_follows_the_machine(metric: str, band: str | None) -> None:
    """Not behind memory, which a slow machine needs as much of."""
    (section,) = page.sections([line(metric)])
    assert section.forest.band == band
    drawn = 'class="drift"' in str(section.forest.lanes[0][1])
    assert drawn == (band is not None)


def test_a_label_does_not_turn_its_row_around() -> None:
    """A name with direction characters is shown without them, in the plot and everywhere else."""
    judged = gate.Judgement(before="a", after="b", lines=(line("throughput", label=HOSTILE),))
    text = page.render(judged, root=ROOT)
    assert "\u202e" not in text
    assert "gnp.exe" in text
    named = replace(judged, lines=(line("throughput"),))
    assert "\ufffd" not in page.render(named, root=ROOT)
