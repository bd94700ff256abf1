"""Per-layer time joined to the layer table: the software team's work list."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from benchsuite.accounting.roofline import layer_seconds
from benchsuite.errors import NotMeasurable, one_line
from benchsuite.types import (
    Arrays,
    Count,
    Executable,
    Layer,
    LayerTime,
    LayerTimes,
    Profiled,
    Step,
)

MOST_RECOVERABLE = 10

Found = tuple[LayerTimes | None, str | None]


def layer_times(
    executable: Executable,
    inputs: Arrays,
    count: Count,
    *,
    peak: float,
    bandwidth: float,
    element_b: float,
) -> Found:
    """Where one query's time goes, or why the backend does not tell.

    Args:
        executable: As timed.
        inputs: One query.
        count: Of that query.
        peak: FLOP/s.
        bandwidth: B/s of main memory.
        element_b: Bytes of a weight or activation at the precision used.
    """
    if not isinstance(executable, Profiled):
        return None, "the backend does not tell its layers' times"
    try:
        steps = executable.profile(inputs)
    except (NotMeasurable, RuntimeError, ValueError) as error:
        return None, one_line(error)
    return join(steps, count, peak=peak, bandwidth=bandwidth, element_b=element_b), None


def join(
    steps: Sequence[Step], count: Count, *, peak: float, bandwidth: float, element_b: float
) -> LayerTimes:
    """A backend's profile by the layers of the table.

    A step that computes several layers goes to the one with the most work; one without time is
    left out. Backends fold a batch normalisation into the weights of the product before it, and
    keep the normalisation's name: such a step goes to the product, if no other step names it.
    """
    seconds: dict[str, float] = {}
    elsewhere_s = 0.0
    folded = _folded(steps, count.layers)
    for step in steps:
        if not step.seconds:
            continue  # fused into another, or below the profile's resolution
        layer = _layer_of(step, count.layers)
        if layer is not None and not layer.work:
            layer = next((folded[name] for name in step.names if name in folded), layer)
        if layer is None:
            elsewhere_s += step.seconds
        else:
            seconds[layer.name] = seconds.get(layer.name, 0.0) + step.seconds
    found = tuple(
        LayerTime(
            name=layer.name,
            seconds=seconds[layer.name],
            roofline_s=layer_seconds(layer, peak=peak, bandwidth=bandwidth, element_b=element_b),
            work=layer.work,
            traffic_b=layer.traffic(element_b),
            kind=layer.kind,
        )
        for layer in count.layers
        if layer.name in seconds
    )
    work = sum(layer.work for layer in count.layers if layer.name in seconds)
    share = work / count.work if count.work else 1.0
    return LayerTimes(
        layers=found,
        elsewhere_s=elsewhere_s,
        batch=count.batch,
        how=(
            f"the backend's own profile, median of queries; {len(found)} of {len(count.layers)} "
            f"layers with {share:.0%} of the work have a time, the others are fused into them or "
            "lost their names; profiling itself takes time"
        ),
    )


def most_recoverable(times: LayerTimes, *, most: int = MOST_RECOVERABLE) -> tuple[LayerTime, ...]:
    """The layers with the most time above their roofline, the largest first."""
    return tuple(sorted(times.layers, key=lambda layer: -layer.recoverable_s)[:most])


def _folded(steps: Sequence[Step], layers: Sequence[Layer]) -> dict[str, Layer]:
    """Batch normalisations by name, each with the product right before it that no step names."""
    named = {name for step in steps if step.seconds for name in step.names}
    return {
        norm.name: product
        for product, norm in pairwise(layers)
        if norm.kind.startswith("BatchNorm")
        and product.work
        and product.output_shape == norm.output_shape
        and product.name not in named
    }


def _layer_of(step: Step, layers: Sequence[Layer]) -> Layer | None:
    """The layer with the most work among a step's modules and the operators inside them."""
    own = [layer for layer in layers if layer.name in step.names]
    if not own:  # an operator of a module with children: the table names it MODULE.OPERATOR
        own = [layer for layer in layers if layer.name.rpartition(".")[0] in step.names]
    return max(own, key=lambda layer: layer.work, default=None)
