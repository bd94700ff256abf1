"""Tests of `benchsuite.plots`: where things lie in the charts, and what is written beside them."""

from __future__ import annotations

import re

import pytest

from benchsuite.formatting import tick
from benchsuite.plots import Axis, Cloud, Plot, Point, Roof, roofline, scatter
from benchsuite.plots.distribution import curve, distribution
from benchsuite.plots.traces import Trace, traces

PLAIN = Axis(title="rate", said=lambda value: f"{value:g}", log=True)


def shapes(svg: str, kind: str) -> list[dict[str, str]]:
    """The attributes of a chart's elements."""
    return [
        dict(re.findall(r'([\w-]+)="([^"]*)"', found))
        for found in re.findall(rf"<{kind} [^>]*>", svg)
    ]


def test_a_curve_keeps_the_share_of_every_rank() -> None:
    """The place of rank k of n is k / n; the slowest stands half a query below 1."""
    own = curve("a", [float(i) for i in range(1, 101)])
    assert own.places[0] == (1.0, 0.0)
    assert all(share == value / 100 for value, share in own.places[1:-1])
    assert own.places[-1] == (100.0, 0.995)
    assert [share for _, share in own.places] == sorted(share for _, share in own.places)


def test_a_curve_of_many_queries_is_thin_and_keeps_its_tail() -> None:
    """A hundred thousand latencies become about a hundred places; the last ones are all there."""
    ordered = [1.0 + i / 1e5 for i in range(100_000)]
    own = curve("a", ordered)
    assert 60 < len(own.places) < 120
    assert own.places[-1][0] == ordered[-1]
    for value, share in own.places[1:-1]:
        assert value == ordered[round(share * 100_000) - 1]


def test_dropped_queries_keep_a_curve_from_the_top() -> None:
    """Half of the queries were never answered: no share above a half."""
    own = curve("a", [1.0, 2.0, 3.0], dropped=3)
    assert own.places[-1] == (3.0, 0.5)


def test_a_percentile_lies_on_its_rule() -> None:
    """The dot of p90 is as high as the rule of 90 %."""
    own = curve("a", [float(i) for i in range(1, 1001)], marks=[("p90 900", 900.0, 0.9)])
    svg = str(distribution([own], x=PLAIN, label="latency"))
    (mark,) = shapes(svg, "circle")
    rules = {line["y1"] for line in shapes(svg, "line") if line["class"] == "rule"}
    assert mark["cy"] in rules
    assert "<title>a: p90 900</title>" in svg


def test_a_roofline_bends_at_the_ridge() -> None:
    """Slope and roof meet at peak / bandwidth; a point on the roof lies on its line."""
    svg = str(
        roofline(
            [Point(x=10.0, y=8e9, label="on the roof")],
            [Roof(label="fp32", peak=8e9, bandwidth=1e9, slope="1 GB/s", ridge="ridge 8")],
            label="roofline",
            said=PLAIN,
            layers=[Cloud(places=((8.0, 4e9), (2.0, 2e9)), row=1)],
        )
    )
    slope, roof = (line for line in shapes(svg, "line") if line["class"].startswith("roof"))
    assert (slope["x2"], slope["y2"]) == (roof["x1"], roof["y1"])
    assert roof["y1"] == roof["y2"] == shapes(svg, "circle")[0]["cy"]
    ridge = next(line for line in shapes(svg, "line") if line["class"] == "ridge")
    assert ridge["x1"] == slope["x2"]
    # the second layer lies on the slope: 2 FLOP/B at 1 GB/s
    x, y = re.findall(r"M(\d+) (\d+)h0", svg)[1]
    share = (float(x) / 10 - float(slope["x1"][:-1])) / (
        float(slope["x2"][:-1]) - float(slope["x1"][:-1])
    )
    height = float(slope["y1"]) + share * (float(slope["y2"]) - float(slope["y1"]))
    assert float(y) == pytest.approx(height, abs=1.0)
    for said in ("fp32", "1 GB/s", "ridge 8"):
        assert f">{said}</text>" in svg


def test_no_label_hides_another_dot() -> None:
    """A name that has no room on either side is left out; its dot keeps its title."""
    crowd = [Point(x=1.0 + i / 1e6, y=1.0 + i / 1e6, label=f"system {i}") for i in range(20)]
    far = Point(x=100.0, y=100.0, label="far")
    svg = str(scatter([*crowd, far], x=PLAIN, y=PLAIN, label="crowd"))
    assert svg.count("<title>") == 21
    assert re.findall(r'class="name"[^>]*>([^<]*)<', svg).count("far") == 1
    assert len(re.findall(r'class="name"', svg)) < 6


def test_systems_at_one_place_are_all_seen_and_named() -> None:
    """The dot behind is a ring around the one in front; their names stand apart."""
    points = [
        Point(x=10.0, y=2e9, label="one", group=0),
        Point(x=10.0, y=2e9, label="two", group=1),
        Point(x=1.0, y=1e8, label="far", group=1),
    ]
    roofs = [Roof(label="fp32", peak=8e9, bandwidth=1e9)]
    svg = str(roofline(points, roofs, label="roofline", said=PLAIN))
    behind, *front = (float(circle["r"]) for circle in shapes(svg, "circle"))
    assert behind == 7.5 and front == [5.0, 5.0]
    names = [each for each in shapes(svg, "text") if each["class"] == "name"]
    assert len(names) == 3
    assert abs(float(names[0]["y"]) - float(names[1]["y"])) > 15


def test_a_name_keeps_clear_of_roofs() -> None:
    """A system just under its roof is named below its dot, where no line strikes the name."""
    roofs = [Roof(label="fp32", peak=8e9, bandwidth=1e9)]
    names = []
    for rate in (7.5e9, 4e8):
        svg = str(roofline([Point(x=40.0, y=rate, label="mine")], roofs, label="chart", said=PLAIN))
        (dot,) = shapes(svg, "circle")
        (name,) = (each for each in shapes(svg, "text") if each["class"] == "name")
        names.append(float(name["y"]) - float(dot["cy"]))
    assert names == [pytest.approx(19.0, abs=0.1), pytest.approx(-9.0, abs=0.1)]


def test_figures_of_a_roof_lead_to_their_notes() -> None:
    """Peak, bandwidth and ridge carry the places of their notes; an axis' ticks have none."""
    roof = Roof(label="fp32", peak=8e9, bandwidth=1e9, slope="1 GB/s", ridge="ridge 8",
                notes=(4, 5, 6))  # fmt: skip
    svg = str(roofline([Point(x=10.0, y=1e9, label="a")], [roof], label="chart", said=PLAIN))
    noted = re.findall(r'<text class="(\w+) n"[^>]*data-note="(\d)">([^<]*)<', svg)
    assert sorted(noted, key=lambda each: each[1]) == [
        ("end", "4", "fp32"), ("bound", "5", "1 GB/s"), ("bound", "6", "ridge 8")
    ]  # fmt: skip
    assert svg.count("data-note") == 3


def test_windows_of_equal_length_are_marked_once() -> None:
    """A band from the begin to the end; ends that differ have a line each."""
    same = [Trace(label="a", at_s=(-1.0, 3.0, 7.0), values=(1.0, 2.0, 1.5), end_s=5.0)] * 2
    svg = str(traces(same, y=PLAIN, label="power"))
    assert len([line for line in shapes(svg, "line") if "edge" in line["class"]]) == 2
    longer = Trace(label="b", at_s=(0.0, 9.0), values=(1.0, 2.0), end_s=9.0, group=1)
    svg = str(traces([*same[:1], longer], y=PLAIN, label="power"))
    assert len([line for line in shapes(svg, "line") if "edge" in line["class"]]) == 3
    (band,) = [rect for rect in shapes(svg, "rect") if rect["class"] == "window"]
    last = max(float(line["x1"][:-1]) for line in shapes(svg, "line") if "edge" in line["class"])
    assert float(band["x"][:-1]) + float(band["width"][:-1]) == pytest.approx(last, abs=0.02)


@pytest.mark.parametrize(
    ("value", "said"), [(3e-3, "3 ms"), (1.5e-3, "1.5 ms"), (3e-5, "30 µs"), (0.2, "200 ms")]
)
def test_a_tick_has_no_empty_digit(value: float, said: str) -> None:
    """Round values are written round."""
    assert tick(value, "s") == said


def test_groups_beyond_the_colours_have_another_shape() -> None:
    """Thirty groups look different, in the chart and in its legend, and name themselves."""
    points = [Point(x=1.0 + i, y=float(i), label=f"p{i}", group=i) for i in range(30)]
    plot = scatter(points, x=PLAIN, y=Axis(title="t", said=str), label="all")
    shown = Plot(
        id="p", title="", about="", svg=plot, groups=tuple(f"g{i}" for i in range(30)),
        heads=(), table=(), hollow=frozenset({"g7"}),
    )  # fmt: skip
    looks = set()
    for i, point in enumerate(points):
        mark = re.search(rf'<g data-at="{i}"><(circle|svg).*?<title>{point.label}</title>', plot)
        assert mark is not None
        colour, path = re.search(r"dot (g\d)", mark[0]), re.search(r' d="([^"]+)"', mark[0])
        assert colour is not None
        looks.add((colour[1], path and path[1]))
        legend = shown.marker(i)
        assert colour[1] in legend
        assert path is None or path[1] in legend
        assert ("hollow" in legend) == (i == 7)
    assert len(looks) == 30
