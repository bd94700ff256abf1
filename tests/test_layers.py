"""Tests of benchsuite.harness.layers: a profile joined to the layer table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchsuite.errors import NotMeasurable
from benchsuite.harness.layers import join, layer_times, most_recoverable
from benchsuite.types import Count, Layer, Step

PEAK, BANDWIDTH = 1e9, 1e9


def layer(name: str, work: float) -> Layer:
    return Layer(
        name=name, kind="Conv2d", work=work, work_without_padding=work, parameters=0,
        output_shape=(1,), input_elements=0, weight_elements=0, output_elements=1000,
    )  # fmt: skip


COUNT = Count(
    batch=2, frames=2.0, parameters=0,
    layers=(layer("a", 1e6), layer("b.conv", 4e6), layer("b.relu", 0.0), layer("b.add", 1e3)),
)  # fmt: skip


def step(seconds: float, *names: str) -> Step:
    return Step(names=names, seconds=seconds)


def joined(*steps: Step) -> dict[str, tuple[float, float]]:
    found = join(steps, COUNT, peak=PEAK, bandwidth=BANDWIDTH, element_b=4.0)
    return {row.name: (row.seconds, row.roofline_s) for row in found.layers}


def test_a_fused_step_goes_to_the_layer_with_the_most_work() -> None:
    """Convolution and activation in one kernel are the convolution's time."""
    assert joined(step(0.01, "b.relu", "b.conv"), step(0.0, "b.relu"), step(0.002, "a")) == {
        "a": (0.002, pytest.approx(1e-3)),  # 1 MFLOP at 1 GFLOP/s
        "b.conv": (0.01, pytest.approx(4e-3)),
    }


def test_a_folded_batch_normalisation_is_its_products_time() -> None:
    """Backends keep the normalisation's name for the convolution that it was folded into."""
    norm = replace(layer("norm", 0.0), kind="BatchNorm2d")
    other = replace(norm, name="other", output_shape=(2,))
    count = replace(COUNT, layers=(layer("conv", 1e6), norm, layer("next", 1e6), other))

    def named(*steps: Step) -> dict[str, float]:
        found = join(steps, count, peak=PEAK, bandwidth=BANDWIDTH, element_b=4.0)
        return {row.name: row.seconds for row in found.layers}

    assert named(step(0.1, "norm"), step(0.2, "next")) == {"conv": 0.1, "next": 0.2}
    apart = named(step(0.1, "conv"), step(0.2, "norm"))
    assert apart == {"conv": 0.1, "norm": 0.2}, "each has its own step"
    assert named(step(0.1, "other")) == {"other": 0.1}, "another shape: not folded"


def test_an_operator_inside_a_module_is_found_by_the_modules_path() -> None:
    """The table calls it MODULE.OPERATOR, the profile knows the module; kernels of one add up."""
    # of b's own operators the largest; its bytes bound it: 4 kB at 1 GB/s
    assert joined(step(0.01, "b"))["b.conv"][0] == 0.01
    assert joined(step(0.5e-5, "b.add"), step(0.5e-5, "b.add")) == {
        "b.add": (pytest.approx(1e-5), pytest.approx(4e-6))
    }


def test_what_belongs_to_no_layer_is_elsewhere() -> None:
    """Reordered memory has no name, and an unknown name matches nothing."""
    found = join(
        [step(0.1), step(0.2, "c"), step(0.3, "a")], COUNT,
        peak=PEAK, bandwidth=BANDWIDTH, element_b=4.0,
    )  # fmt: skip
    assert found.elsewhere_s == pytest.approx(0.3)
    assert found.batch == 2
    assert "1 of 4 layers with 20% of the work" in found.how


def test_a_layers_time_keeps_its_work_and_traffic() -> None:
    """What places a layer under a roofline: FLOP, and bytes at the precision used."""
    found = join([step(0.001, "a")], COUNT, peak=PEAK, bandwidth=BANDWIDTH, element_b=2.0)
    (row,) = found.layers
    assert (row.work, row.traffic_b, row.kind) == (1e6, 2000.0, "Conv2d")


def test_the_work_list_begins_with_the_most_recoverable_time() -> None:
    """Time less roofline time, never below 0; the fraction of roofline may pass 1."""
    found = join(
        [step(0.0005, "a"), step(0.006, "b.conv"), step(0.005, "b.add")], COUNT,
        peak=PEAK, bandwidth=BANDWIDTH, element_b=4.0,
    )  # fmt: skip
    first, second, third = most_recoverable(found)
    assert (first.name, second.name, third.name) == ("b.add", "b.conv", "a")
    assert second.recoverable_s == pytest.approx(0.002)
    assert second.fraction_of_roofline == pytest.approx(2 / 3)
    assert third.recoverable_s == 0.0
    assert third.fraction_of_roofline == pytest.approx(2.0)
    assert most_recoverable(found, most=1) == (first,)


class Silent:
    precision_ran = "fp32"
    how = "test"

    def bind(self, inputs: object) -> object: ...

    def run(self, inputs: object) -> object: ...


class Refusing(Silent):
    def profile(self, inputs: object) -> list[Step]:
        raise NotMeasurable("it ran in streams")


@pytest.mark.parametrize(
    ("executable", "reason"), [(Silent(), "does not tell"), (Refusing(), "it ran in streams")]
)
def test_a_backend_that_does_not_tell_gives_the_reason(executable: object, reason: str) -> None:
    """No profile is no failure."""
    times, why = layer_times(
        executable,
        (),
        COUNT,
        peak=PEAK,
        bandwidth=BANDWIDTH,
        element_b=4.0,  # type: ignore[arg-type]
    )
    assert times is None
    assert reason in str(why)
