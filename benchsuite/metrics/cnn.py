"""The CNN team's metrics: what the network must compute, move and hold, machine aside."""

from __future__ import annotations

from collections.abc import Callable

from benchsuite.metrics._context import Context, Metric, missing
from benchsuite.types import MetricInfo, Value
from benchsuite.units import quantity

_MEAN = ", mean over the load cycle"
_NETWORK = ("network",)


def _metric(
    key: str,
    title: str,
    *,
    unit: str,
    about: str,
    compute: Callable[[Context], Value],
    better: str = "lower",
    influenced_by: tuple[str, ...] = _NETWORK,
) -> Metric:
    info = MetricInfo(
        key=key,
        title=title,
        unit=unit,
        better=better,
        team="cnn",
        influenced_by=influenced_by,
        about=about,
    )
    return Metric(info=info, compute=compute)


def _reference_accuracy(context: Context) -> Value:
    score = context.measurement.reference
    if score is None:
        return missing(context.measurement.reference_reason or "not measured")
    return Value(value=score.value, low=score.low, high=score.high, how=f"eager fp32: {score.how}")


def _counted(value: Callable[[Context], float], how: str = _MEAN) -> Callable[[Context], Value]:
    return lambda context: Value(
        value=value(context), how=f"counted {context.measurement.counts[0].how}{how}"
    )


def _training_work(context: Context) -> Value:
    measurement = context.measurement
    counts = [count for count in measurement.counts if count.training_work is not None]
    if not counts:
        reason = measurement.counts[0].training_reason
        return missing(reason or "the backward pass was not counted")
    if measurement.samples_trained is None:
        return missing("no record of how the weights were trained: number of samples unknown")
    samples = sum(count.share * count.batch for count in counts)
    work = sum(count.share * (count.training_work or 0.0) for count in counts) / samples
    return Value(
        value=work * measurement.samples_trained,
        how=(
            f"forward and backward pass counted on the meta device ({quantity(work, 'FLOP')} a "
            f"sample) times {measurement.samples_trained:,} samples of the training record"
        ),
    )


def _parameters(context: Context) -> float:
    return float(context.measurement.counts[0].parameters)


def _traffic_weights(context: Context) -> float:
    return context.per_layer(lambda layer: layer.weight_elements) * context.element_b


def _traffic(context: Context) -> float:
    return context.per_layer(lambda layer: layer.traffic(context.element_b))


def _network_input(context: Context) -> float:
    return context.per_frame(lambda count: count.input_bytes(context.element_b))


def _network_output(context: Context) -> float:
    return context.per_frame(lambda count: count.output_elements * context.element_b)


def _stored_weights(context: Context) -> float:
    """Weights once a query, as bytes a frame."""
    return context.per_frame(lambda count: count.parameters * context.element_b)


METRICS = (
    _metric(
        "reference_accuracy",
        "reference accuracy",
        unit="1",
        better="higher",
        about="Accuracy of eager fp32 on the same weights and data: the network's own.",
        influenced_by=("network", "data"),
        compute=_reference_accuracy,
    ),
    _metric(
        "work",
        "work",
        unit="FLOP/frame",
        about="Quantity of computation; one multiply-accumulate is two FLOP; padding included.",
        compute=_counted(lambda context: context.work),
    ),
    _metric(
        "work_without_padding",
        "work without padding",
        unit="FLOP/frame",
        about="Work less the taps that fall on padding.",
        compute=_counted(lambda c: c.per_layer(lambda layer: layer.work_without_padding)),
    ),
    _metric(
        "macs",
        "multiply-accumulates",
        unit="MAC/frame",
        about="Half the work.",
        compute=_counted(lambda context: context.work / 2, f"{_MEAN}; half the work"),
    ),
    _metric(
        "training_work",
        "training work",
        unit="FLOP",
        about="Forward and backward passes over all epochs of the training that made the weights.",
        influenced_by=("network", "data"),
        compute=_training_work,
    ),
    _metric(
        "parameters",
        "parameters",
        unit="1",
        about="Learned numbers, tied ones once, biases included.",
        compute=_counted(_parameters, ""),
    ),
    _metric(
        "model_size",
        "model size",
        unit="B",
        about="The weights at the run's precision, without a container.",
        influenced_by=("network", "software"),
        compute=lambda c: Value(
            value=_parameters(c) * c.element_b,
            how=f"parameters x {c.element_b:g} B ({c.measurement.precision_ran})",
        ),
    ),
    _metric(
        "activations",
        "activations",
        unit="B/frame",
        about="Sum of all layers' outputs.",
        influenced_by=("network", "software"),
        compute=_counted(lambda c: c.per_layer(lambda la: la.output_elements) * c.element_b),
    ),
    _metric(
        "traffic",
        "traffic",
        unit="B/frame",
        about="Inputs, weights and outputs of each layer; weights once a query.",
        influenced_by=("network", "software"),
        compute=_counted(_traffic),
    ),
    _metric(
        "traffic_input",
        "traffic of the input",
        unit="B/frame",
        about="The network's own input, read once.",
        influenced_by=("network", "software"),
        compute=_counted(_network_input),
    ),
    _metric(
        "traffic_weights",
        "traffic of the weights",
        unit="B/frame",
        about="Weights as the layers read them, once a query.",
        influenced_by=("network", "software"),
        compute=_counted(_traffic_weights),
    ),
    _metric(
        "traffic_activations",
        "traffic of the activations",
        unit="B/frame",
        about="What the layers read and write between them: traffic less input and weights.",
        influenced_by=("network", "software"),
        compute=_counted(lambda c: _traffic(c) - _network_input(c) - _traffic_weights(c)),
    ),
    _metric(
        "compulsory_traffic",
        "compulsory traffic",
        unit="B/frame",
        about="The network's input, output and weights once a query: the true lower bound.",
        influenced_by=("network", "software"),
        compute=_counted(lambda c: _network_input(c) + _network_output(c) + _stored_weights(c)),
    ),
    _metric(
        "arithmetic_intensity",
        "arithmetic intensity",
        unit="FLOP/B",
        better="higher",
        about="Work over traffic.",
        influenced_by=("network", "software"),
        compute=lambda c: (
            Value(
                value=c.work / _traffic(c),
                how=f"work / traffic; counted {c.measurement.counts[0].how}{_MEAN}",
            )
            if _traffic(c)
            else missing("the network moves no bytes")
        ),
    ),
)
