"""Tests of devices side by side, from two made-up devices' measurements."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchsuite import machines
from benchsuite.attribution import HARDWARE, SOFTWARE, Missing
from benchsuite.compare import join
from benchsuite.difference import Side
from benchsuite.exclusions import together
from benchsuite.harness.doubts import _not_steady
from benchsuite.machines import ALIKE, BEST
from benchsuite.pages import comparison
from benchsuite.pages.numbers import plain_of
from benchsuite.types import Doubt, Process, Result
from tests.devices import LARGE, SMALL, rows
from tests.measurements import window
from tests.test_pages_run import ROOT, Page


def side(name: str, results: list[Result], **labels: str) -> Side:
    """A side as `difference.select` gives it."""
    return Side(name=name, run=name, systems=join(results), labels=labels)


def two() -> list[Side]:
    """On the large device eager is 8 times as fast and the second backend 32 times."""
    small = [
        *rows(), *rows(backend="onnxruntime", speed=2.0),
        *rows(workload="image/only-small"),
    ]  # fmt: skip
    there = {"device": LARGE, "run": "large", "peak": 16.0}
    large = [
        *rows(speed=8.0, energy=0.5, **there),
        *rows(backend="compile", speed=32.0, energy=0.25, **there),
    ]
    return [side("small", small), side("large", large, cooling="water")]


def read(text: str) -> str:
    """A page's text, with its punctuation where it stands on the page."""
    return Page(text).text.replace(" :", ":").replace(" ,", ",")


def duel() -> machines.Duel:
    """The large device against the small one."""
    found = machines.machines(two(), {})
    return machines.duel(found[0], found[1])


def test_like_for_like_pairs_agree_in_all_but_the_device() -> None:
    """Only eager was run on both; at their best each has another backend."""
    found = duel()
    assert [(p.before.key.backend, p.after.key.backend) for p in found.pairs[ALIKE]] == [
        ("eager", "eager")
    ]
    assert [(p.before.key.backend, p.after.key.backend) for p in found.pairs[BEST]] == [
        ("onnxruntime", "compile")
    ]
    assert found.mean("throughput").ratio is not None
    assert found.mean("throughput").ratio.value == pytest.approx(8.0)  # type: ignore[union-attr]
    best = found.mean("throughput", kind=BEST).ratio
    assert best is not None
    assert best.value == pytest.approx(16.0)
    assert [(each.reason, str(each)) for each in found.excluded[ALIKE]] == [
        (f"only on {SMALL}", "image/made · onnxruntime fp32"),
        (f"only on {SMALL}", "image/only-small · eager fp32"),
        (f"only on {LARGE}", "image/made · compile fp32"),
    ]
    assert [(each.reason, str(each)) for each in found.excluded[BEST]] == [
        (f"only on {SMALL}", "image/only-small")
    ]


def test_what_has_no_partner_is_named_with_its_reason_and_counted() -> None:
    """Batches of one name are counted; of two thread counts the slower is named as that."""
    lone = [
        replace(row, key=replace(row.key, batch=batch))
        for batch in (1, 2, 4)
        for row in rows(device=LARGE, run="large", backend="tensorrt")
        if row.scenario == "Offline"
    ]
    slower = [replace(row, key=replace(row.key, threads=1)) for row in rows(speed=0.5, run="small")]
    sides = [
        side("small", [*rows(), *slower]),
        side("large", [*rows(device=LARGE, run="large"), *lone]),
    ]
    first, second = machines.machines(sides, {})
    found = machines.duel(first, second)
    assert {(each.reason, str(each)) for each in found.excluded[ALIKE]} == {
        (f"slower on {SMALL} than the same with 2 threads", "image/made · eager fp32 · 1 thread"),
        (f"only on {LARGE}", "image/made · tensorrt fp32 (3 rows)"),
    }
    given = machines.as_json(found)["alike"]
    assert len(given["rows"]) == 1
    assert {each["name"] for each in given["excluded"]} == {
        "image/made · eager fp32 · 1 thread",
        "image/made · tensorrt fp32",
    }
    page = read(comparison.render(sides, environments={}, root=ROOT))
    header = page[: page.index("What a user feels")]
    assert f"only on {LARGE}: image/made · tensorrt fp32 (3 rows)" in header
    assert f"slower on {SMALL} than the same with 2 threads" in header


def test_the_slower_of_two_runs_is_named_as_that() -> None:
    """The same system twice on a device: the faster one is compared."""
    sides = [
        side("one", [*rows(run="one")]),
        side("two", [*rows(run="two", speed=0.5)]),
        side("large", [*rows(device=LARGE, run="large")]),
    ]
    first, second = machines.machines(sides, {})
    assert [(each.reason, str(each)) for each in machines.duel(first, second).excluded[ALIKE]] == [
        (f"slower on {SMALL} than the same in another run", "image/made · eager fp32 · run two")
    ]


def test_no_network_on_both_still_names_what_each_has() -> None:
    """Without a pair there is no ratio, and all systems are excluded by name."""
    sides = [side("small", rows()), side("large", rows(workload="image/b", device=LARGE, run="l"))]
    page = read(comparison.render(sides, environments={}, root=ROOT))
    assert "share no network" in page
    assert f"only on {SMALL}: image/made · eager fp32" in page
    assert f"only on {LARGE}: image/b · eager fp32" in page


def test_a_gain_is_split_exactly_into_peak_and_software() -> None:
    """Eightfold speed on a device of 16 times the peak: software reaches half as much of it."""
    gain = duel().gains[ALIKE]
    assert not isinstance(gain, Missing)
    shares = {share.owner: share.amount for share in gain.shares}
    assert math.exp(sum(share.amount for share in gain.shares)) == pytest.approx(8.0)
    assert math.exp(shares[HARDWARE]) == pytest.approx(16.0)
    reached = shares[SOFTWARE] + shares["fit"]
    assert math.exp(reached) == pytest.approx(0.5)


def test_the_interval_holds_process_spread_and_the_meters_own() -> None:
    """Energy's is wider than speed's, by what the meter leaves open on either side."""
    found = duel()
    speed, energy = found.mean("throughput").ratio, found.mean("energy_per_frame").ratio
    assert speed is not None
    assert energy is not None
    quantile = 2.5705818  # Student's t with 5 degrees of freedom, two-sided 5 %
    assert math.log(speed.high / speed.value) == pytest.approx(quantile * 0.01 * math.sqrt(2))
    meter = math.log(20.2 / 19.8) / 2
    expected = math.hypot(quantile * 0.01 * math.sqrt(2), math.sqrt(2) * meter)
    assert math.log(energy.high / energy.value) == pytest.approx(expected)
    assert energy.value == pytest.approx(0.5)


def test_an_interval_says_what_is_assumed() -> None:
    """A lone process's spread is an assumption: in the ratio, on the page and in the JSON."""
    found = duel()
    speed = found.mean("throughput").ratio
    assert speed is not None
    assert speed.how == (
        "2 values of a lone process, for which 1 % is assumed (standard deviation; "
        "--repeats measures it)"
    )
    given = machines.as_json(found)["alike"]["metrics"]
    assert given["throughput"]["how"] == f"95 % interval: {speed.how}"
    assert given["peak"]["how"].startswith("95 % interval: no interval")
    page = read(comparison.render(two(), environments={}, root=ROOT))
    assert page.index("2 values of a lone process, for which 1 % is assumed") < page.index(
        "Like for like the same network"
    )


@pytest.mark.parametrize(("movement", "spread"), [(0.165, 0.165), (0.004, 0.01)])
def test_a_row_that_was_not_steady_has_the_interval_of_its_movement(
    movement: float, spread: float
) -> None:
    """By how far its median still moved, where that is more than any process strays."""
    (doubt,) = _not_steady(replace(window(), steady=False, movement=movement))
    moved = [replace(row, doubts=(doubt,)) for row in rows(device=LARGE, run="large")]
    before, after = join(rows())[0], join(moved)[0]
    found = machines.ratio(before, after, "throughput")
    assert not isinstance(found, str)
    assert math.log(found.high) == pytest.approx(2.5705818 * math.hypot(0.01, spread))
    assert ("what the median still moved (16.5 %)" in found.how) == (movement > 0.01)


def test_several_processes_interval_is_their_own() -> None:
    """Nothing is assumed of a row that several processes measured, steady or not."""
    made = []
    for row in rows(device=LARGE, run="large"):
        speed = replace(row.metrics["throughput"], low=490.0, high=510.0)
        doubt = Doubt(code="not_steady", message="(the median still moved 30.0%)")
        made.append(
            replace(
                row,
                metrics={**row.metrics, "throughput": speed},
                processes=(Process(measured_at="a"), Process(measured_at="b")),
                doubts=(doubt,),
            )
        )
    found = machines.ratio(join(rows())[0], join(made)[0], "throughput")
    assert not isinstance(found, str)
    own = math.log(510 / 490) / 2
    assert math.log(found.high / found.value) == pytest.approx(
        math.hypot(own, 2.5705818 * 0.01), rel=1e-6
    )
    assert found.how.startswith("1 value by the spread of the own processes")


def test_a_mean_over_more_rows_is_known_better_and_is_geometric() -> None:
    """Ratios 2 and 8 have the mean 4; its interval is narrower by the root of 2."""
    small = side("small", [*rows(), *rows(workload="image/other")])
    there = {"device": LARGE, "run": "large"}
    large = side(
        "large", [*rows(speed=2.0, **there), *rows(workload="image/other", speed=8.0, **there)]
    )
    first, second = machines.machines([small, large], {})
    mean = machines.duel(first, second).mean("throughput")
    assert mean.ratio is not None
    assert mean.ratio.value == pytest.approx(4.0)
    assert (mean.least, mean.most, mean.rows) == (pytest.approx(2.0), pytest.approx(8.0), 2)
    one = duel().mean("throughput").ratio
    assert one is not None
    assert math.log(one.high / one.value) == pytest.approx(
        math.sqrt(2) * math.log(mean.ratio.high / mean.ratio.value)
    )


def test_what_cannot_be_compared_is_left_out_and_named() -> None:
    """Modelled energy, other boundaries and unranked rows do not enter a mean."""
    base = join(rows())[0]
    contended = [
        replace(row, rank_class="unranked", class_reason="contended: another process")
        for row in rows(device=LARGE, run="large")
    ]
    pairs = [machines.Pair(workload="image/made", before=base, after=join(contended)[0])]
    mean = machines.mean_of(pairs, "throughput")
    assert mean.ratio is None
    assert list(mean.left_out) == [f"unranked on {LARGE}: contended: another process"]

    def with_energy(how: str) -> machines.Pair:
        changed = []
        for row in rows(device=LARGE, run="large"):
            energy = replace(row.metrics["energy_per_frame"], how=how)
            changed.append(replace(row, metrics={**row.metrics, "energy_per_frame": energy}))
        return machines.Pair(workload="image/made", before=base, after=join(changed)[0])

    modelled = machines.mean_of([with_energy("modelled, boundary package")], "energy_per_frame")
    assert list(modelled.left_out) == ["modelled energy against measured"]
    board = machines.mean_of([with_energy("rapl, boundary board")], "energy_per_frame")
    assert list(board.left_out) == ["energy of another source or boundary"]
    assert board.ratio is None


def test_cooling_cap_and_boundary_are_disclosed() -> None:
    """Cooling is a label; what nobody recorded says so."""
    small, large = machines.machines(two(), {})
    assert dict(large.disclosed)["cooling"] == "water"
    assert "--label cooling=" in dict(small.disclosed)["cooling"]
    assert dict(small.disclosed)["energy"] == "rapl, boundary package"
    assert "tells no power cap" in dict(small.disclosed)["power cap"]


def test_the_page_of_devices_opens_with_energy(tmp_path: Path) -> None:
    """The first sentence has both ratios with intervals, and says on how many rows."""
    text = comparison.render(two(), environments={}, root=ROOT)
    page = Page(text)
    assert page.open == []
    assert (
        "An accelerator against A processor, like for like over 1 row: energy per frame ÷2.00"
        in page.text
    )
    assert "Each at its best" in page.text
    said = read(text)
    assert "only on A processor: image/made · onnxruntime fp32, image/only-small" in said
    assert text.count('<svg class="plot"') >= 2
    assert "hardware team ×16.00" in page.text


def three() -> list[Side]:
    """The two, and a third device; two networks, one of them on both backends."""
    return [
        side(
            name,
            [
                *rows(device=device, run=name, speed=speed),
                *rows(device=device, run=name, speed=2 * speed, backend="onnxruntime"),
                *rows(device=device, run=name, speed=speed, workload="text/rho"),
            ],
        )
        for name, device, speed in (
            ("small", SMALL, 1.0),
            ("large", LARGE, 8.0),
            ("third", "A third", 3.0),
        )
    ]


def grid(text: str, name: str) -> list[list[str]]:
    """The first three columns of a table of the page."""
    columns = json.loads(text.partition('id="data">')[2].partition("</script>")[0])["grids"][name]
    texts = []
    for column in columns["columns"][:3]:
        for key in ("text", "sub"):
            packed = column[key]
            texts.append(packed.get("all") or [packed["of"][i] for i in packed["at"]])
    return [list(row) for row in zip(*texts, strict=True)]


def test_devices_stand_below_their_baseline() -> None:
    """Of every network and backend the baseline comes first, then each device."""
    text = comparison.render(three(), environments={}, root=ROOT)
    found = [(row[0], row[2], row[4], row[5]) for row in grid(text, "devices-system")]
    devices = [SMALL, LARGE, "A third"]
    assert [device for _, device, _, _ in found] == devices * 5
    assert [each[3] for each in found[::3]] == [
        "eager fp32, batch 1", "onnxruntime fp32, batch 1", "onnxruntime fp32, batch 1",
        "eager fp32, batch 1", "eager fp32, batch 1",
    ]  # fmt: skip
    assert {each[2] for each in found[:6]} == {"Like for like"}


def test_several_devices_open_with_a_line_each() -> None:
    """The first table has every device's ratios over the baseline, with the rows they rest on."""
    text = comparison.render(three(), environments={}, root=ROOT)
    table = text.partition('class="systems overview"')[2].partition("</table>")[0]
    shown = Page(f"<table>{table}</table>").text
    assert "throughput" in shown and "largest power" in shown
    assert f"{LARGE} like for like" in shown and "A third like for like" in shown
    assert "×8.00" in shown and "×3.00" in shown
    assert 'class="systems overview"' not in comparison.render(two(), environments={}, root=ROOT)


def test_every_number_of_a_comparison_says_how() -> None:
    """Tiles, tables and the lines of a waterfall lead to notes, missing numbers too."""
    for sides in (two(), [side("a", rows()), side("b", rows(speed=2.0, run="b"))]):
        text = comparison.render(sides, environments={}, root=ROOT)
        data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
        notes = [[data["texts"][place] for place in note] for note in data["notes"]]
        assert notes
        told = {int(place) for place in re.findall(r'data-note="(\d+)"', text)}
        for grid in data["grids"].values():
            for column in grid["columns"]:
                if column["numeric"]:
                    assert None not in column["note"], column["key"]
                    told |= set(column["note"])
        assert told == set(range(len(notes)))
        assert all(len(note) > 1 and note[1] for note in notes)
        for tile in re.findall(r"<dd>(.*?)</dd>", text.partition("standing ratios")[2]):
            assert "data-note" in tile
        for lane in re.findall(r'<td class="lane-box">.*?</tr>', text.partition('id="fall"')[0]):
            assert "data-note" in lane
        assert any("lone process, for which 1 % is assumed" in "".join(note) for note in notes)


def test_reasons_that_differ_in_numbers_are_one() -> None:
    """What several rows lack for one reason is said once, with the range of its numbers."""
    assert together(
        {
            "missing: too few queries: 324 in the window, p99 needs 662": ("a",),
            "missing: too few queries: 1480 in the window, p99 needs 662": ("b", "c"),
            "modelled energy against measured": ("d",),
        }
    ) == {
        "missing: too few queries: 324 to 1480 in the window, p99 needs 662": ("a", "b", "c"),
        "modelled energy against measured": ("d",),
    }


def test_sides_of_other_threads_say_so() -> None:
    """Two runs that differ in threads alone are named with them, and so is each row."""
    one = [replace(row, key=replace(row.key, threads=1)) for row in rows(run="one", speed=0.5)]
    sides = [side("two", rows(run="two")), side("one", one)]
    text = read(comparison.render(sides, environments={}, root=ROOT))
    assert "one (1 thread) against two (2 threads), over 1 system" in text
    assert "2 threads to 1 thread" in text
    assert re.search(r"throughput ÷2\.00 \(÷2\.\d\d to ÷1\.\d\d\)", text)


def test_a_missing_modelled_figure_is_a_dash() -> None:
    """The sign of what is modelled stands before numbers only."""
    changed = []
    for row in rows():
        joules = replace(row.metrics["energy_per_frame"], how="modelled, boundary package")
        none = replace(row.metrics["max_power"], value=None, reason="no samples")
        changed.append(
            replace(row, metrics={**row.metrics, "energy_per_frame": joules, "max_power": none})
        )
    (system,) = join(changed)
    assert system.modelled
    assert plain_of(system, "max_power") == "–"
    assert plain_of(system, "energy_per_frame").startswith("≈ ")
