"""Tests of benchsuite.metrics: the contract's keys and identities."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchsuite import hw
from benchsuite.errors import BadInput
from benchsuite.goals import load_goals
from benchsuite.hw import Figure
from benchsuite.metrics import METRICS, TEAMS, compute, empty
from benchsuite.metrics._mlperf import minimum_said
from benchsuite.types import (
    MULTI_STREAM,
    OFFLINE,
    REAL_TIME,
    SERVER,
    SINGLE_STREAM,
    Rate,
    Value,
)

from .devices import model
from .measurements import measurement, window

CONTRACT = frozenset(
    """
    accuracy throughput latency_p50 latency_p90 latency_p99 energy_per_frame net_energy_per_frame
    missed_frames mean_power max_power peak_memory time_to_accuracy energy_to_accuracy meets_goals
    reference_accuracy work work_without_padding macs training_work parameters model_size
    activations traffic traffic_input traffic_weights traffic_activations compulsory_traffic
    arithmetic_intensity achieved fraction_of_peak fraction_of_datasheet_peak fraction_of_roofline
    compile_time accuracy_change device_peak configuration_gain drift peak datasheet_peak bandwidth
    fit power_envelope power_cap idle_power peak_per_watt ridge_point weights_fit_in
    """.split()
)


# beside the contract's, which may be added to
FURTHER = frozenset(
    "preprocess_time postprocess_time end_to_end_throughput lpirc_correct lpirc_score "
    "break_even_queries bandwidth_drift".split()
)


def values(**changes: object) -> dict[str, Value]:
    made = replace(measurement(), **changes)  # type: ignore[arg-type]
    return compute(made, made.windows[0])


def number(found: dict[str, Value], key: str) -> float:
    value = found[key].value
    assert value is not None, found[key].reason
    return value


def test_every_key_of_the_contract_is_a_metric() -> None:
    """The metric tables hold the contract's keys, each owned by a team."""
    assert set(METRICS) == CONTRACT | FURTHER
    assert {info.team for info in METRICS.values()} == set(TEAMS)


def test_every_value_has_how_and_every_missing_one_a_reason() -> None:
    """No number without its origin, no gap without its cause, no zero in place of one."""
    for key, value in values().items():
        assert value.how, key
        assert (value.value is None) == (value.reason is not None), key


def test_the_identities_hold() -> None:
    """The products of the contract are exact to rounding."""
    found = values()
    peak = number(found, "peak")
    assert peak == pytest.approx(
        number(found, "device_peak") * number(found, "configuration_gain") * number(found, "drift"),
        rel=1e-12,
    )
    assert number(found, "throughput") == pytest.approx(
        peak * number(found, "fraction_of_peak") / number(found, "work"), rel=1e-12
    )
    assert number(found, "fraction_of_peak") == pytest.approx(
        number(found, "fit") * number(found, "fraction_of_roofline"), rel=1e-12
    )
    assert number(found, "energy_per_frame") == pytest.approx(
        number(found, "mean_power") / number(found, "throughput"), rel=1e-12
    )
    assert number(found, "accuracy") == pytest.approx(
        number(found, "reference_accuracy") + number(found, "accuracy_change")
    )
    assert number(found, "traffic") == pytest.approx(
        number(found, "traffic_input")
        + number(found, "traffic_weights")
        + number(found, "traffic_activations")
    )


def test_hand_computed_values() -> None:
    """Round numbers in, round numbers out."""
    found = values()
    assert number(found, "throughput") == 500.0
    assert number(found, "achieved") == 5e8
    assert number(found, "drift") == pytest.approx(1.0)
    assert number(found, "configuration_gain") == 0.5
    assert number(found, "fraction_of_peak") == pytest.approx(5e8 / 8e9)
    # 8,000 B at 1 GB/s take 8 us, 1 MFLOP at 8 GFLOP/s 125 us: bound by compute
    assert number(found, "fraction_of_roofline") == pytest.approx(500 * 125e-6)
    assert number(found, "fit") == pytest.approx(1.0)
    assert number(found, "mean_power") == 10.0
    assert number(found, "energy_per_frame") == pytest.approx(0.02)
    assert number(found, "net_energy_per_frame") == pytest.approx(0.012)
    assert number(found, "model_size") == 4000.0
    assert number(found, "traffic") == 8000.0
    assert number(found, "compulsory_traffic") == 4 * (500 + 10 + 1000)
    assert number(found, "training_work") == 3e6 * 50
    assert number(found, "weights_fit_in") == 32 << 10
    assert "L1" in found["weights_fit_in"].how


def test_drift_moves_peak_and_leaves_the_pinned_values() -> None:
    """A machine at half its pinned speed halves the peak; device peak and gain stay."""
    slow = replace(measurement().calibrations[0], peak=3.5e9)
    found = values(calibrations=(slow,))
    assert number(found, "drift") == pytest.approx(0.5)
    assert number(found, "peak") == pytest.approx(4e9)
    assert number(found, "device_peak") == 16e9


@pytest.mark.parametrize(
    ("scenario", "queries", "batch", "seconds", "said"),
    [
        (SINGLE_STREAM, 64, 1, 600.0, "; MLPerf's minimum of 600 s and 64 queries is met"),
        (SINGLE_STREAM, 63, 1, 600.5, "; below MLPerf's minimum: 63 of 64 queries"),
        (MULTI_STREAM, 662, 8, 600.0, "; MLPerf's minimum of 600 s and 662 queries is met"),
        (SERVER, 661, 1, 2.0, "; below MLPerf's minimum: 2 of 600 s, 661 of 662 queries"),
        (OFFLINE, 384, 64, 600.0, "; MLPerf's minimum of 600 s and 24576 samples is met"),
        (OFFLINE, 383, 64, 1.02, "; below MLPerf's minimum: 1.02 of 600 s, 24512 of 24576 samples"),
        (REAL_TIME, 30, 1, 1.0, ""),
    ],
)
def test_a_window_tells_whether_it_has_mlperfs_minimum(
    scenario: str, queries: int, batch: int, seconds: float, said: str
) -> None:
    """600 s, and early stopping's queries or Offline's samples; RealTime is none of MLPerf's."""
    made = replace(window(scenario, queries=queries, batch=batch), seconds=seconds)
    assert minimum_said(made) == said


def test_a_percentile_needs_enough_queries() -> None:
    """p99 needs 662 queries; below that it is missing with the count in the reason."""
    few = compute(measurement(), window(SINGLE_STREAM, queries=100))
    assert few["latency_p90"].value == pytest.approx(90e-9)
    assert few["latency_p99"].value is None
    assert "662" in str(few["latency_p99"].reason)
    many = compute(measurement(), window(SINGLE_STREAM, queries=1000))
    assert many["latency_p99"].value == pytest.approx(990e-9)
    assert many["latency_p99"].high is not None
    assert many["latency_p99"].high >= 990e-9


def test_offline_has_no_latency() -> None:
    """A metric foreign to the scenario is missing for that reason."""
    assert "SingleStream" in str(values()["latency_p50"].reason)


def test_without_a_meter_energy_is_missing_not_zero() -> None:
    """No meter: every energy metric is None and says why."""
    bare = replace(window(), energy=None, energy_reason="no meter: none here")
    found = compute(measurement(), bare)
    for key in ("energy_per_frame", "net_energy_per_frame", "mean_power", "max_power"):
        assert found[key].value is None
        assert found[key].reason == "no meter: none here"


def test_energy_has_the_interval_of_the_meters_granularity() -> None:
    """20 J, known to 1 J, of 1000 frames in 2 s, with 4 W idle: each figure's ends by hand."""
    energy = window().energy
    assert energy is not None
    shown = replace(window(), energy=replace(energy, low_j=19.0, high_j=21.0))
    found = values(windows=(shown,))
    for key, ends in {
        "energy_per_frame": (0.019, 0.021),
        "net_energy_per_frame": ((9.5 - 4) / 500, (10.5 - 4) / 500),
        "mean_power": (9.5, 10.5),
    }.items():
        assert (found[key].low, found[key].high) == pytest.approx(ends)
        assert "interval: the meter's granularity" in found[key].how
    assert values()["energy_per_frame"].low is None
    assert "; no interval: the meter's granularity is not known" in values()["mean_power"].how
    model = replace(energy, source="modelled")
    modelled = values(windows=(replace(window(), energy=model),))["energy_per_frame"]
    assert modelled.how.endswith("; no interval: it is a model")
    assert "no interval: between two samples it may have been more" in values()["max_power"].how
    # idle power itself is known to 0.5 W
    assert shown.energy is not None
    doubtful = replace(shown.energy, idle_low_w=3.5, idle_high_w=4.5)
    net = values(windows=(replace(shown, energy=doubtful),))["net_energy_per_frame"]
    assert (net.low, net.high) == pytest.approx(((9.5 - 4.5) / 500, (10.5 - 3.5) / 500))
    assert net.how.endswith("and the idle power's, 3.5 to 4.5 W")


def test_goals_by_a_modelled_energy_say_so(tmp_path: Path) -> None:
    """A need that only a model meets is not passed off as measured."""
    path = tmp_path / "g.toml"
    path.write_text("[at_most]\nmean_power = 20\n")
    goals = load_goals(path, keys=METRICS)
    energy = window().energy
    assert energy is not None
    shown = replace(window(), energy=replace(energy, source="modelled"))
    made = measurement(windows=(shown,))
    assert "modelled energy" in compute(made, shown, goals=goals)["meets_goals"].how
    made = measurement()
    assert "modelled" not in compute(made, made.windows[0], goals=goals)["meets_goals"].how


def test_a_network_without_work_has_no_share_of_peak() -> None:
    """0 FLOP a frame: achieved, fit and fraction of peak are missing, throughput is not."""
    made = measurement(work=0.0)
    found = compute(made, made.windows[0])
    for key in ("achieved", "fraction_of_peak", "fit"):
        assert found[key].value is None
        assert "0 FLOP" in str(found[key].reason)
    assert found["throughput"].value == 500.0


def test_the_drivers_envelope_gives_peak_per_watt() -> None:
    """A power envelope told by the driver is used as it is."""
    found = values(power_envelope=Rate(value=80.0, how="driver"))
    assert number(found, "power_envelope") == 80.0
    assert number(found, "peak_per_watt") == pytest.approx(8e9 / 80)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_datasheets_envelope_and_peak_are_of_the_cores_used(threads: int) -> None:
    """Of a processor of 8 cores and 80 W, as the projection takes it: 10 W a core."""
    sheet = model(
        kind="cpu",
        cores=Figure(value=8, source="sheet"),
        power_envelope=Figure(value=80.0, source="sheet"),
    )
    made = measurement()
    made = replace(made, probe=replace(made.probe, threads=threads))
    energy = window().energy
    assert energy is not None
    modelled = replace(window(), energy=replace(energy, source="modelled"))
    found = compute(made, modelled, model=sheet)
    assert number(found, "power_envelope") == pytest.approx(10.0 * threads)
    assert number(found, "peak_per_watt") == pytest.approx(8e9 / (10.0 * threads))
    assert number(found, "datasheet_peak") == pytest.approx(64e9 * threads / 8)
    assert f"{threads} of 8 cores" in found["power_envelope"].how
    share = hw.share(sheet, threads).power_envelope
    assert share is not None
    assert number(found, "power_envelope") == share.value


def test_a_metered_processors_envelope_is_the_meters_boundary() -> None:
    """A package's meter cannot tell cores apart: its envelope is the whole package's."""
    sheet = model(
        kind="cpu",
        cores=Figure(value=8, source="sheet"),
        power_envelope=Figure(value=80.0, source="sheet"),
    )
    found = compute(measurement(), window(), model=sheet)
    assert number(found, "power_envelope") == 80.0
    assert "boundary (package)" in found["power_envelope"].how
    assert "boundary (package)" in found["peak_per_watt"].how


def test_empty_has_every_key() -> None:
    """A failed system has every metric, each missing for its reason."""
    found = empty("failed: it crashed")
    assert set(found) == set(METRICS)
    assert all(v.value is None and v.reason == "failed: it crashed" for v in found.values())


def goals(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "camera.toml"
    path.write_text(text)
    return path


def test_goals_say_what_is_missed_and_by_how_much(tmp_path: Path) -> None:
    """A missed need is 0 with its distance, all met is 1; a missing value alone is neither."""
    made = measurement()
    path = goals(tmp_path, "[at_least]\nthroughput = 1000\n[at_most]\nmean_power = 20\n")
    missed = compute(made, made.windows[0], goals=load_goals(path, keys=METRICS))["meets_goals"]
    assert missed.value == 0.0
    assert "50.0%" in missed.how
    assert "meets: mean_power" in missed.how
    path = goals(tmp_path, "[at_least]\nthroughput = 1000\n[at_most]\nlatency_p99 = 1\n")
    lost = compute(made, made.windows[0], goals=load_goals(path, keys=METRICS))["meets_goals"]
    assert lost.value == 0.0  # whatever the missing latency is
    assert "misses: throughput 500 is below 1000 by 50.0%" in lost.how
    assert "latency_p99 is missing: " in lost.how
    path = goals(tmp_path, "[at_least]\nthroughput = 100\n")
    met = compute(made, made.windows[0], goals=load_goals(path, keys=METRICS))["meets_goals"]
    assert met.value == 1.0
    path = goals(tmp_path, "[at_most]\nlatency_p99 = 1\n")
    unknown = compute(made, made.windows[0], goals=load_goals(path, keys=METRICS))["meets_goals"]
    assert unknown.value is None
    assert "latency_p99" in str(unknown.reason)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[at_least]\nspeed = 3\n", "speed"),
        ("[atleast]\naccuracy = 1\n", "atleast"),
        ("[at_least]\naccuracy = 'high'\n", "is not a number"),
        ("title = 'x'\n", "no goal"),
        ("[at_least\n", "not a TOML file"),
    ],
)
def test_wrong_goals_are_refused(tmp_path: Path, text: str, says: str) -> None:
    """A goals file with a wrong key, value or syntax is named with its fault."""
    path = goals(tmp_path, text)
    with pytest.raises(BadInput, match=says) as caught:
        load_goals(path, keys=METRICS)
    assert str(path) in str(caught.value)


def test_the_lpirc_scores_by_hand() -> None:
    """0.02 J and 1/500 s a frame: 1 Wh ends first; and 20,000 frames take 400 J."""
    found = values()
    assert number(found, "lpirc_correct") == pytest.approx(0.9 * 3600 / 0.02)
    assert "energy budget" in found["lpirc_correct"].how
    assert number(found, "lpirc_score") == pytest.approx(0.9 / (20_000 * 0.02))


def test_a_slow_system_runs_out_of_time_in_lpirc() -> None:
    """Ten frames a second: 6,000 in ten minutes, the rest of 20,000 counts as wrong."""
    slow = replace(window(queries=1000), seconds=100.0)
    slow = replace(slow, energy=replace(slow.energy, energy_j=20.0, seconds=100.0))  # type: ignore[type-var]
    found = values(windows=(slow,))
    assert number(found, "lpirc_correct") == pytest.approx(0.9 * 6_000)
    assert "time limit" in found["lpirc_correct"].how
    assert number(found, "lpirc_score") == pytest.approx(0.9 * 0.3 / (6_000 * 0.02))


def test_stages_add_up_one_after_another() -> None:
    """2 ms for the network, 1 ms before and 1 ms after it: 250 frames a second."""
    stage = Rate(value=1e-3, how="test")
    found = values(preprocessing=stage, postprocessing=stage)
    assert number(found, "preprocess_time") == 1e-3
    assert number(found, "end_to_end_throughput") == pytest.approx(250)
    bare = values(preprocessing_reason="none", postprocessing_reason="none")
    assert bare["preprocess_time"].reason == "none"
    assert number(bare, "end_to_end_throughput") == pytest.approx(500)
