"""Tests of projections onto devices that nobody ran."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchsuite import projection
from benchsuite.cli import main
from benchsuite.compare import System, join
from benchsuite.difference import Side
from benchsuite.errors import BadInput
from benchsuite.hw import Figure
from benchsuite.pages import Notes, comparison
from benchsuite.pages.machines import charts_of, projected
from benchsuite.projection import LATENCY, project, project_all
from benchsuite.store import open_store
from tests.devices import LARGE, counts, model, rows
from tests.fakes import run_info
from tests.test_pages_run import ROOT


def system(**how: object) -> System:
    """A measured system."""
    (found,) = join(rows(**how))  # type: ignore[arg-type]
    return found


def test_a_projection_is_the_sum_of_each_layers_longer_bound() -> None:
    """Of three layers one is bound by compute, two by bytes: max is taken layer by layer."""
    import dataclasses

    own = system()
    layers = counts(works=(128e3, 1e6, 0.0))
    row = dataclasses.replace(own.row, counts=layers)
    own = dataclasses.replace(own, rows={**own.rows, "Offline": row})
    found = project(own, model())
    # 8000 B at 8 GB/s are 1 us; 1e6 FLOP at 64 GFLOP/s are 15.625 us, 128e3 are 2 us
    expected = 2e-6 + 15.625e-6 + 1e-6
    assert found.values["throughput"].value == pytest.approx(1 / expected)
    assert found.bandwidth_bound == pytest.approx(1e-6 / expected)
    assert found.values["energy_per_frame"].value == pytest.approx(40.0 * expected)
    assert "power envelope" in found.values["energy_per_frame"].how
    assert all(value.how.startswith(("projected", "power envelope")) for value in
               found.values.values())  # fmt: skip


def test_latency_is_projected_for_its_own_batch() -> None:
    """A query of SingleStream is projected from its own counts."""
    found = project(system(), model())
    assert found.values[LATENCY].value == pytest.approx(1e6 / 64e9)
    assert found.values[LATENCY].how.endswith("a query of 1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"peaks": {}}, "hw/large.toml has no fp32 peak"),
        ({"bandwidth": None}, "hw/large.toml has no bandwidth"),
        ({"memory": Figure(value=3999.0, source="sheet")}, "do not fit"),
    ],
)
def test_what_cannot_be_projected_says_why(changes: dict[str, object], reason: str) -> None:
    """A missing figure gives no number at all, never 0."""
    found = project(system(), model(**changes))
    assert all(v.value is None and reason in (v.reason or "") for v in found.values.values())
    assert found.bandwidth_bound is None


def test_no_power_envelope_leaves_energy_out_alone() -> None:
    """Speed is projected all the same."""
    found = project(system(), model(power_envelope=None))
    assert found.values["energy_per_frame"].value is None
    assert found.values["energy_per_frame"].reason == "the device model has no power envelope"
    assert found.values["throughput"].value


def test_a_row_without_layers_is_not_projected() -> None:
    """An imported row has metrics but no layers; the reason says what to do."""
    import dataclasses

    own = system()
    bare = {name: dataclasses.replace(row, counts=()) for name, row in own.rows.items()}
    found = project(dataclasses.replace(own, rows=bare), model())
    assert "measure it again" in (found.values["throughput"].reason or "")


def test_the_error_is_shown_where_the_device_was_measured() -> None:
    """Projected over measured: 64000 frames a second projected, 16000 measured."""
    systems = [system(), *join(rows(device=LARGE, speed=32.0, run="large"))]
    unseen = model("unseen", name="Unseen", match=())
    known = {"large": model(), "unseen": unseen}
    found = project_all(systems, [unseen], known=known, environments={})
    by_name = {each.device.key: each for each in found}
    assert set(by_name) == {"large", "unseen"}
    assert by_name["unseen"].measured is None
    assert by_name["unseen"].error("throughput") is None
    assert by_name["large"].measured is systems[1]
    assert by_name["large"].error("throughput") == pytest.approx(64000 / 16000)


def test_processors_are_projected_by_the_cores_that_were_used() -> None:
    """Two of four cores have half the peak, whole bandwidth, half the envelope."""
    cpu = model("cpu", kind="cpu", match=("A processor",), cores=Figure(value=4, source="sheet"))
    environments = {"e-small": {"device": {"units": 4}}}
    (found,) = project_all([system()], [], known={"cpu": cpu}, environments=environments)
    assert found.part == "2 of 4 cores"
    assert found.values["throughput"].value == pytest.approx(32e9 / 1e6)
    assert found.values["energy_per_frame"].value == pytest.approx(20.0 * 1e6 / 32e9)


def test_models_are_named_by_their_beginning() -> None:
    """`p100` means every P100; what is unknown is named with the remedy."""
    known = {name: model(name) for name in ("p100-pcie", "p100-sxm2", "p100", "v100-pcie")}
    assert [m.key for m in projection.named(["p100-", "v100"], known)] == [
        "p100-pcie", "p100-sxm2", "v100-pcie",
    ]  # fmt: skip
    assert [m.key for m in projection.named(["p100"], known)] == ["p100"]
    with pytest.raises(BadInput, match="unknown device model 'h9'"):
        projection.named(["h9"], known)
    with pytest.raises(BadInput, match="unknown device model ''"):
        projection.named([""], known)


def test_layers_are_stored_and_projected_from_the_command_line(tmp_path: Path) -> None:
    """Counts come back from the store as they went in; compare takes one side and --project."""
    store = open_store(tmp_path / "r.db")
    store.add_run(run_info(id="small"), plan=[])
    for row in rows():
        store.add(row, environment={"device": {"kind": "cpu", "units": 4}})
    assert [row.counts for row in store.results("small")] == [counts(), counts()]
    place = ["--store", str(tmp_path / "r.db"), "--json", str(tmp_path / "c.json")]
    assert main(["compare", "small", "--project", "h200,p100", *place,
                 "-o", str(tmp_path / "c.html")]) == 0  # fmt: skip
    (told,) = json.loads((tmp_path / "c.json").read_text())
    assert told["after"] is None
    assert {each["device"] for each in told["projections"]} == {
        "h200-sxm-141gb", "p100-pcie-16gb", "p100-sxm2-16gb",
    }  # fmt: skip
    assert {each["status"] for each in told["projections"]} == {"projected"}
    page = (tmp_path / "c.html").read_text()
    assert "projected on 3 devices that nobody ran here" in page
    assert 'class="dot g2 hollow"' in page
    assert main(["compare", "small", "--project", "nosuch", *place]) == 2
    assert main(["compare", "small", *place]) == 2


def test_the_chart_of_projections_claims_no_interval() -> None:
    """Two projected devices are two things: no line joins them, and no interval is spoken of."""
    models = [replace(model(), key=name, name=name) for name in ("first", "second")]
    made = [project(system(), each) for each in models]
    charts = charts_of([], [replace(each, measured=None) for each in made])
    assert charts
    for chart in charts:
        assert "95 %" not in chart.about
        assert "projected" in chart.about
        assert 'class="join"' not in chart.svg
        assert 'class="span' not in chart.svg
        assert chart.hollow == {"first, projected", "second, projected"}
        # the dashed line of ×1 ends below the line's name
        name, zero = (re.search(f'class="{kind}"[^>]* y1?="([0-9.]+)"', chart.svg)
                      for kind in ("name", "zero"))  # fmt: skip
        assert name is not None
        assert zero is not None
        assert float(zero[1]) > float(name[1])


def test_the_first_sentence_counts_the_devices_that_nobody_ran() -> None:
    """A device that was measured is projected to tell the error; it is not among them."""
    names = ("ran", "first", "second")
    made = {n: project(system(), replace(model(), key=n, name=n)) for n in names}
    ran = replace(made["ran"], measured=system())
    side = Side(name="latest", run="a1b2", systems=(system(),))
    for others, said in (
        ([made["first"], made["second"]], "projected on 2 devices that nobody ran here."),
        ([made["first"]], "projected on first, which nobody ran here."),
        ([], "beside the projection of its own device."),
    ):
        text = comparison.render([side], environments={}, projections=[ran, *others], root=ROOT)
        assert f"latest (run a1b2), {said}" in text


def test_a_share_of_a_projection_has_no_decimals() -> None:
    """A roofline does not know a per mille of its time; a little is not nothing."""
    found = [
        projected([replace(project(system(), model()), bandwidth_bound=share)], Notes())
        .rows[0].cells[-2].text
        for share in (None, 0.0, 0.0017, 0.256, 1.0)
    ]  # fmt: skip
    assert found == ["–", "0 %", "<1 %", "26 %", "100 %"]
