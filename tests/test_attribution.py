"""Tests of `benchsuite.attribution`: exact shares, refused splits, causes."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from benchsuite.attribution import (
    ACCURACY,
    CONFIGURATION,
    DATA,
    ENERGY,
    NOBODY,
    SPLITTABLE,
    THROUGHPUT,
    Factors,
    Missing,
    Split,
    cause,
    credited,
    energy_origin,
    factors,
    parts_of,
    split,
)
from benchsuite.types import Result, Value
from tests.fakes import NETWORKS, failed, fingerprint, key, metrics, result


def drawn(seed: int) -> Result:
    """A row whose every factor is drawn at random over orders of magnitude."""
    draw = random.Random(seed)
    return result(
        draw.choice(["image/lenet", "image/squeezenet"]),
        roofline=10 ** draw.uniform(-4, 0.5),
        device_peak=10 ** draw.uniform(6, 17),
        gain=10 ** draw.uniform(-2, 2),
        drift=draw.uniform(0.5, 1.5),
        power=10 ** draw.uniform(-3, 5),
        envelope=10 ** draw.uniform(-3, 5) if seed % 3 else None,
    )


def without(row: Result, metric: str, reason: str) -> Result:
    """The row with one metric missing."""
    value = Value(value=None, how="not measured", reason=reason)
    return replace(row, metrics={**row.metrics, metric: value})


@pytest.mark.parametrize("metric", [THROUGHPUT, ENERGY])
@pytest.mark.parametrize("seed", range(40))
def test_the_shares_of_a_product_multiply_to_the_whole_change(seed: int, metric: str) -> None:
    """The shares of any two systems multiply to the ratio of their stored values, to 1e-9."""
    before, after = drawn(seed), drawn(1000 + seed)
    found = split(before, after, metric)
    assert isinstance(found, Split)
    whole = after.metrics[metric].value / before.metrics[metric].value
    assert math.prod(share.ratio for share in found.shares) == pytest.approx(whole, rel=1e-9)
    assert found.ratio == whole


@pytest.mark.parametrize("seed", range(10))
def test_a_split_there_and_back_cancels(seed: int) -> None:
    """Each share of the way back is the inverse of the share of the way there."""
    before, after = drawn(seed), drawn(1000 + seed)
    there, back = split(before, after, ENERGY), split(after, before, ENERGY)
    assert isinstance(there, Split)
    assert isinstance(back, Split)
    for one, other in zip(there.shares, back.shares, strict=True):
        assert one.amount == pytest.approx(-other.amount, abs=1e-12)


def test_a_faster_backend_is_the_software_teams_alone() -> None:
    """Where only the fraction of roofline differs, the software team owns the whole change."""
    found = split(result(), result(backend="onnxruntime"), THROUGHPUT)
    assert isinstance(found, Split)
    moved = [share for share in found.shares if share.amount]
    assert [(share.key, share.owner) for share in moved] == [("fraction_of_roofline", "software")]


def test_every_factor_has_the_owner_of_the_design() -> None:
    """Each factor falls to the team that the design names."""
    found = factors(result(), ENERGY)
    assert isinstance(found, Factors)
    assert {factor.key: factor.owner for factor in found.factors} == {
        "work": "cnn",
        "fit": "fit",
        "fraction_of_roofline": "software",
        "configuration_gain": "co-design",
        "device_peak": "hardware",
        "drift": "nobody",
        "power_envelope": "hardware",
        "share_of_envelope": "power",
    }


def test_power_is_one_factor_where_one_side_has_no_envelope() -> None:
    """An envelope known on one side only leaves mean power whole, and the split exact."""
    found = split(result(), result(envelope=None, power=30.0), ENERGY)
    assert isinstance(found, Split)
    power = next(share for share in found.shares if share.key == "mean_power")
    assert power.ratio == pytest.approx(30.0 / 21.4)
    assert not any(share.key == "power_envelope" for share in found.shares)


def test_accuracy_splits_into_the_networks_and_the_softwares_part() -> None:
    """The difference of two accuracies is the reference's plus the software's, exactly."""
    found = split(result(), result(backend="onnxruntime", accuracy_change=-0.02), ACCURACY)
    assert isinstance(found, Split)
    assert {share.owner: share.amount for share in found.shares} == pytest.approx(
        {"cnn": 0.0, "software": -0.02}
    )
    assert sum(share.amount for share in found.shares) == pytest.approx(found.amount, abs=1e-12)


REFUSED = {
    "failed": (failed(), "from: failed: the worker was killed"),
    "no work": (without(result(), "work", "0 FLOP a frame"), "work is missing: 0 FLOP"),
    "work of zero": (
        replace(result(), metrics={**result().metrics, "work": Value(value=0.0, how="counted")}),
        "work is 0: no factor",
    ),
    "no throughput": (without(result(), THROUGHPUT, "crashed"), "throughput is missing: crashed"),
    "another frame": (result("text/word2vec"), "not the same frame: word against image"),
    "another scenario": (result(scenario="SingleStream"), "not the same scenario"),
    "a wrong product": (
        replace(result(), metrics={**result().metrics, "drift": Value(value=1.1, how="")}),
        "times the stored throughput",
    ),
    "not finite": (
        replace(result(), metrics={**result().metrics, "fit": Value(value=math.nan, how="")}),
        "fit is nan",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_throughput_that_cannot_be_split_says_why(name: str) -> None:
    """A split without all its factors, or of unlike systems, is refused with the reason."""
    row, reason = REFUSED[name]
    found = split(row, result(backend="onnxruntime"), THROUGHPUT)
    assert isinstance(found, Missing)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("source", "boundary", "reason"),
    [
        ("rapl", "package", "not the same kind of energy: modelled against measured"),
        ("modelled", "board", "not the same boundary: package against board"),
        (
            "replayed nvml counter",
            "package",
            "not the same kind of energy: modelled against replayed",
        ),
    ],
)
def test_energies_of_another_origin_are_not_compared(
    source: str, boundary: str, reason: str
) -> None:
    """Modelled and measured energy, or two boundaries, are never split against each other."""
    found = split(result(), result(source=source, boundary=boundary), ENERGY)
    assert found == Missing(reason=reason)


def test_two_meters_of_one_boundary_are_compared() -> None:
    """An NVML counter and NVML samples of the same board can be compared."""
    one = result(source="nvml counter", boundary="board")
    other = result(source="nvml sampled", boundary="board")
    assert isinstance(split(one, other, ENERGY), Split)


def test_a_sum_with_the_host_is_measured_energy() -> None:
    """Its boundary is its own: a board alone is not split against board and host."""
    alone = result(source="nvml counter", boundary="board")
    both = result(source="nvml counter + rapl", boundary="board+host")
    assert split(alone, both, ENERGY) == Missing(
        reason="not the same boundary: board against board+host"
    )
    origin = energy_origin(both)
    assert origin is not None
    assert (origin.source, origin.kind) == ("nvml counter + rapl", "measured")


def test_accuracies_by_another_measure_are_not_compared() -> None:
    """A rank correlation is not subtracted from a top-1 accuracy."""
    found = split(result(), result("text/word2vec"), ACCURACY)
    assert isinstance(found, Missing)
    assert "not the same measure: top-1 against Spearman rho" in found.reason


def test_latency_is_not_split() -> None:
    """A metric that is no product of factors is refused, not guessed at."""
    found = split(result(), result(), "latency_p50")
    assert isinstance(found, Missing)
    assert "only shown, not split" in found.reason


@pytest.mark.parametrize("metric", SPLITTABLE)
def test_a_result_compared_with_itself_moves_nothing(metric: str) -> None:
    """Every share of no change is no change."""
    found = split(result(), result(), metric)
    assert isinstance(found, Split)
    assert all(share.amount == 0 for share in found.shares)


def test_the_origin_of_energy_is_read_from_how() -> None:
    """Source and boundary stand at the beginning of `how`; a row without energy has none."""
    origin = energy_origin(result(source="nvml counter", boundary="board+host"))
    assert origin is not None
    assert (origin.source, origin.boundary, origin.modelled) == (
        "nvml counter",
        "board+host",
        False,
    )
    assert energy_origin(result(power=None)) is None


@pytest.mark.parametrize(
    ("changes", "team"),
    [
        ({}, None),
        ({"software": "x"}, "software"),
        ({"network": "x"}, "cnn"),
        ({"network": "x", "weights": "y"}, "cnn"),
        ({"data": "x"}, "data"),
        ({"device": "x"}, "hardware"),
        ({"configuration": "x"}, "configuration"),
        ({"software": "x", "configuration": "y"}, None),
        ({"network": "x", "device": "y"}, None),
    ],
)
def test_a_cause_is_named_where_one_side_alone_differs(
    changes: dict[str, str], team: str | None
) -> None:
    """A team is named only where the fingerprints that differ are all its own."""
    before = result()
    after = replace(before, fingerprint=fingerprint(key(), **changes))
    found = cause(before, after)
    assert found.team == team
    assert found.differing == tuple(
        name
        for name in ("network", "weights", "data", "software", "device", "configuration")
        if name in changes
    )


@pytest.mark.parametrize(
    ("changes", "owner"),
    [
        ({}, NOBODY),
        ({"data": "x"}, DATA),
        ({"configuration": "x"}, CONFIGURATION),
        ({"software": "x"}, None),
        ({"software": "x", "configuration": "y"}, None),
    ],
)
def test_no_team_is_credited_where_none_changed_anything(
    changes: dict[str, str], owner: str | None
) -> None:
    """The shares stay as they are and exact; only whose they are follows the cause."""
    before, other = result(), result(backend="onnxruntime")
    after = replace(other, fingerprint=fingerprint(key(), **changes))
    plain, why = split(before, after, THROUGHPUT), cause(before, after)
    assert isinstance(plain, Split)
    found = credited(plain, why)
    assert isinstance(found, Split)
    assert [(share.key, share.amount) for share in found.shares] == [
        (share.key, share.amount) for share in plain.shares
    ]
    owners = {share.owner for share in found.shares}
    assert owners == ({owner} if owner else {share.owner for share in plain.shares})
    names = [name for _, name, amount in parts_of(found) if amount]
    assert names == (["fraction of roofline"] if owner else ["software team"])
    assert ("software team" in why.text) == (why.team == "software")


def test_drift_is_named_as_what_it_is() -> None:
    """No team answers for it, so a sentence calls it drift."""
    found = split(result(), result(drift=1.1), THROUGHPUT)
    assert isinstance(found, Split)
    assert [name for _, name, amount in parts_of(found) if amount] == ["drift"]


def test_several_differences_are_an_interaction() -> None:
    """Where two teams changed something, the sentence says interaction and names what differs."""
    found = cause(result(), result(backend="onnxruntime", precision="int8"))
    assert found.text.startswith("Interaction: software and configuration differ")


def test_a_missing_fingerprint_is_not_taken_for_no_difference() -> None:
    """Without fingerprints nothing is said of a cause."""
    found = cause(result(), failed())
    assert found.team is None
    assert "not known" in found.text


def test_the_fakes_hold_the_identities() -> None:
    """What the other tests rest on: throughput x work = peak x fraction of peak."""
    for network in NETWORKS.values():
        values = {name: value.value for name, value in metrics(network).items()}
        left = values["throughput"] * values["work"]
        assert left == pytest.approx(values["peak"] * values["fraction_of_peak"])
