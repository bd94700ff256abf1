"""Whether counts and layer times of an untrusted file can be true."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from benchsuite.types import Count, Layer, LayerTime, LayerTimes

_MOST_LAYERS = 20_000
_LONGEST_NAME = 100_000
# sums of the same doubles, perhaps in another order
_EXACT = 1e-6


def wrong_counts(counts: Sequence[Count]) -> str | None:
    """What is wrong with a network's counts first; None where they are sound."""
    for place, count in enumerate(counts):
        where = f"[{place}]"
        if count.batch < 1 or count.share < 1 or not _positive(count.frames):
            return f"{where}: batch, frames and share must be above 0"
        whole = {
            "parameters": count.parameters,
            "input_elements": count.input_elements,
            "output_elements": count.output_elements,
            "input_integer_b": count.input_integer_b,
            "training_work": count.training_work or 0,
        }
        found = _negative(whole) or _too_many(len(count.layers))
        if found:
            return f"{where}: {found}"
        for number, layer in enumerate(count.layers):
            found = _wrong_layer(layer)
            if found:
                return f"{where}.layers[{number}]: {found}"
    return None


def wrong_work(counts: Sequence[Count], *, batch: int, work: float | None) -> str | None:
    """Whether a row's work (FLOP a frame) is another than its layers add up to."""
    own = [count for count in counts if count.batch == batch]
    if not own or work is None:
        return None
    frames = sum(count.share * count.frames for count in own)
    counted = sum(count.share * count.work for count in own) / frames
    if math.isclose(work, counted, rel_tol=_EXACT):
        return None
    return f"work is {work:.6g}, but the layers have {counted:.6g}"


def wrong_times(times: LayerTimes) -> str | None:
    """What is wrong with a profile first; None where it is sound."""
    if times.batch < 1:
        return "batch must be above 0"
    found = _negative({"elsewhere_s": times.elsewhere_s}) or _too_many(len(times.layers))
    if found:
        return found
    for number, layer in enumerate(times.layers):
        found = _wrong_time(layer)
        if found:
            return f"layers[{number}]: {found}"
    return None


def _wrong_layer(layer: Layer) -> str | None:
    if len(layer.name) > _LONGEST_NAME or len(layer.kind) > _LONGEST_NAME:
        return "its name is too long"
    if layer.work_without_padding > layer.work:
        return f"work without padding {layer.work_without_padding:g} is above {layer.work:g}"
    return _negative(
        {
            "work": layer.work,
            "work_without_padding": layer.work_without_padding,
            "parameters": layer.parameters,
            "input_elements": layer.input_elements,
            "weight_elements": layer.weight_elements,
            "output_elements": layer.output_elements,
            "integer_bytes": layer.integer_bytes,
            "output_shape": min(layer.output_shape, default=0),
        }
    )


def _wrong_time(layer: LayerTime) -> str | None:
    if len(layer.name) > _LONGEST_NAME or len(layer.kind) > _LONGEST_NAME:
        return "its name is too long"
    return _negative(
        {
            "seconds": layer.seconds,
            "roofline_s": layer.roofline_s,
            "work": layer.work or 0.0,
            "traffic_b": layer.traffic_b or 0.0,
        }
    )


def _negative(numbers: Mapping[str, float]) -> str | None:
    for name, number in numbers.items():
        if not math.isfinite(number) or number < 0:
            return f"{name} {number:g} must be a number of 0 or more"
    return None


def _positive(number: float) -> bool:
    return math.isfinite(number) and number > 0


def _too_many(layers: int) -> str | None:
    return f"{layers} layers are more than {_MOST_LAYERS}" if layers > _MOST_LAYERS else None
