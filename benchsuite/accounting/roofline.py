"""The roofline: what the layers' work and traffic allow at best on a device.

Williams, Waterman, Patterson: Roofline, CACM 52(4), 2009; applied layer by layer.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchsuite.types import Count, Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """What a device can do at best at one precision.

    Attributes:
        device: Its name.
        peak: FLOP/s.
        bandwidth: B/s of main memory.
        how: Where both come from.
    """

    device: str
    peak: float
    bandwidth: float
    how: str


def layer_seconds(layer: Layer, *, peak: float, bandwidth: float, element_b: float) -> float:
    """Seconds of one layer per query: max(FLOP / peak, bytes / bandwidth)."""
    return max(layer.work / peak, layer.traffic(element_b) / bandwidth)


def bound_by(layer: Layer, *, peak: float, bandwidth: float, element_b: float) -> str:
    """`compute` or `bandwidth`: which of the two takes longer."""
    compute_s = layer.work / peak
    return "compute" if compute_s >= layer.traffic(element_b) / bandwidth else "bandwidth"


def roofline_seconds(count: Count, *, peak: float, bandwidth: float, element_b: float) -> float:
    """Seconds of one query: the sum over its layers.

    Args:
        count: Of one query.
        peak: FLOP/s.
        bandwidth: B/s of main memory.
        element_b: Bytes of a weight or activation at the precision used.
    """
    return sum(
        layer_seconds(layer, peak=peak, bandwidth=bandwidth, element_b=element_b)
        for layer in count.layers
    )
