"""A workload's count per frame: what `benchsuite count` shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchsuite import graphs
from benchsuite.accounting.count import count
from benchsuite.accounting.graph import count_graph
from benchsuite.accounting.roofline import Roof, layer_seconds
from benchsuite.catalog import Entry
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.types import Count, Layer, Signature

if TYPE_CHECKING:
    import torch

_FP32_B = 4.0
HOW = (
    "counted on the meta device, per frame: 1 multiply-add is 2 FLOP; bytes are inputs, weights "
    "(once a batch) and outputs of each layer in fp32; roofline time is the longer of FLOP over "
    "peak and bytes over bandwidth"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTotals:
    """One layer per frame, mean over the load cycle (its signatures by their shares).

    Attributes:
        output_shape: At the first signature, batch dimension first.
        traffic: Bytes in fp32.
        roofline_s: Least seconds by the roof; None without one.
        bound_by: `compute` or `bandwidth`; None without a roof, or where nothing is to be done.
    """

    name: str
    kind: str
    work: float
    work_without_padding: float
    parameters: int
    output_shape: tuple[int, ...]
    traffic: float
    roofline_s: float | None = None
    bound_by: str | None = None

    @property
    def arithmetic_intensity(self) -> float | None:
        """FLOP/B; None where nothing is moved."""
        return self.work / self.traffic if self.traffic else None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadCount:
    """A workload per frame, in fp32: FLOP, bytes, parameters."""

    workload: str
    scale: str
    batch: int
    frame: str
    work: float
    work_without_padding: float
    parameters: int
    model_size: float
    activations: float
    traffic: float
    uncounted: tuple[str, ...]
    layers: tuple[LayerTotals, ...]
    roof: Roof | None = None


def count_query(
    entry: Entry, scale: str, signature: Signature, *, batch: int, training: bool
) -> Count:
    """Counts one query of a workload: of its torch module, or of its ONNX graph.

    Raises:
        NotMeasurable: As `count`.
        BadInput: The graph cannot be read.
    """
    if hasattr(entry.module, "graph"):
        return count_graph(graphs.load(entry.module.graph(scale)), signature, batch=batch)

    def build() -> torch.nn.Module:
        network: torch.nn.Module = entry.module.build(scale)
        return network

    return count(build, signature, batch=batch, training=training)


def count_workload(
    entry: Entry, *, scale: str, batch: int, roof: Roof | None = None
) -> WorkloadCount:
    """Counts a workload at a scale; nothing is computed.

    Args:
        entry: The workload.
        scale: One of its scales.
        batch: Samples a query.
        roof: A device's peak and bandwidth in fp32, for the layers' roofline times.

    Raises:
        BadInput: Unknown scale, `build` fails, or the network does not run on the meta device.
    """
    try:
        counts = [
            count_query(entry, scale, signature, batch=batch, training=False)
            for signature in entry.scale(scale).signatures
        ]
    except NotMeasurable as error:
        raise BadInput(f"{entry.path}: {error}") from error
    frames = sum(each.share * each.frames for each in counts)
    layers = _layers(counts, frames=frames, roof=roof)
    activations = sum(
        each.share * layer.output_elements * _FP32_B for each in counts for layer in each.layers
    )
    return WorkloadCount(
        workload=entry.name,
        scale=scale,
        batch=batch,
        frame=entry.workload.frame,
        work=sum(layer.work for layer in layers),
        work_without_padding=sum(layer.work_without_padding for layer in layers),
        parameters=counts[0].parameters,
        model_size=counts[0].parameters * _FP32_B,
        activations=activations / frames,
        traffic=sum(layer.traffic for layer in layers),
        uncounted=tuple(sorted({name for each in counts for name in each.uncounted})),
        layers=layers,
        roof=roof,
    )


def as_json(counted: WorkloadCount) -> dict[str, Any]:
    """As `count --json` gives it: per frame."""
    return {
        "workload": counted.workload,
        "scale": counted.scale,
        "batch": counted.batch,
        "frame": counted.frame,
        "work": counted.work,
        "work_without_padding": counted.work_without_padding,
        "macs": counted.work / 2,
        "parameters": counted.parameters,
        "model_size": counted.model_size,
        "activations": counted.activations,
        "traffic": counted.traffic,
        "arithmetic_intensity": counted.work / counted.traffic if counted.traffic else None,
        "uncounted": list(counted.uncounted),
        "roofline": None
        if counted.roof is None
        else {
            "device": counted.roof.device,
            "peak": counted.roof.peak,
            "bandwidth": counted.roof.bandwidth,
            "how": counted.roof.how,
            "seconds": roofline_total(counted),
        },
        "how": HOW,
        "layers": [
            {
                "name": layer.name,
                "kind": layer.kind,
                "work": layer.work,
                "work_without_padding": layer.work_without_padding,
                "parameters": layer.parameters,
                "output_shape": list(layer.output_shape),
                "traffic": layer.traffic,
                "arithmetic_intensity": layer.arithmetic_intensity,
                "roofline_seconds": layer.roofline_s,
                "bound_by": layer.bound_by,
            }
            for layer in counted.layers
        ],
    }


def roofline_total(counted: WorkloadCount) -> float | None:
    """Least seconds a frame: the sum over the layers; None without a roof."""
    if counted.roof is None:
        return None
    return sum(layer.roofline_s or 0.0 for layer in counted.layers)


def _layers(counts: list[Count], *, frames: float, roof: Roof | None) -> tuple[LayerTotals, ...]:
    by_name: dict[str, list[tuple[int, Layer]]] = {}
    for each in counts:
        for layer in each.layers:
            by_name.setdefault(layer.name, []).append((each.share, layer))
    return tuple(_totals(name, rows, frames=frames, roof=roof) for name, rows in by_name.items())


def _totals(
    name: str, rows: list[tuple[int, Layer]], *, frames: float, roof: Roof | None
) -> LayerTotals:
    work = sum(share * layer.work for share, layer in rows) / frames
    traffic = sum(share * layer.traffic(_FP32_B) for share, layer in rows) / frames
    seconds = bound = None
    if roof is not None:
        peak, bandwidth = roof.peak, roof.bandwidth
        seconds = (
            sum(
                share * layer_seconds(layer, peak=peak, bandwidth=bandwidth, element_b=_FP32_B)
                for share, layer in rows
            )
            / frames
        )
        if seconds > 0:
            bound = "compute" if work / peak >= traffic / bandwidth else "bandwidth"
    return LayerTotals(
        name=name,
        kind=rows[0][1].kind,
        work=work,
        work_without_padding=sum(share * la.work_without_padding for share, la in rows) / frames,
        parameters=rows[0][1].parameters,
        output_shape=rows[0][1].output_shape,
        traffic=traffic,
        roofline_s=seconds,
        bound_by=bound,
    )
