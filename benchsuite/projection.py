"""What a device that nobody ran would allow at best: its datasheet under a network's roofline.

Per layer the longer of FLOP / peak and bytes / bandwidth, summed (`accounting.roofline`): a bound
from above, software and waiting left out. A projection is no result: it is marked wherever it is
shown, never ranked, and held against a measurement of the same device where there is one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchsuite import hw
from benchsuite.accounting.roofline import bound_by, layer_seconds, roofline_seconds
from benchsuite.attribution import ENERGY, THROUGHPUT, energy_origin
from benchsuite.compare import OK, System
from benchsuite.errors import BadInput
from benchsuite.hw import CPU, DeviceModel
from benchsuite.metrics import ELEMENT_B
from benchsuite.types import Count, Result, Value
from benchsuite.units import quantity

LATENCY = "latency_p50"
PROJECTABLE = (THROUGHPUT, LATENCY, ENERGY)
_NO_COUNTS = "its layers are not in this store (measured before they were kept); measure it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A network on a device model, at a precision and batch.

    Attributes:
        of: The system whose network, precision and batch these are; its backend plays no part.
        device: The device model.
        part: Which part of the device (`2 of 96 cores`, `the whole device`).
        values: Metric of `PROJECTABLE` to its value, or None with the reason.
        bandwidth_bound: Share of the projected time in which bytes are the longer of the two;
            None where nothing could be projected.
        measured: A measured system of the same network on that device; None where there is none.
    """

    of: System
    device: DeviceModel
    part: str
    values: Mapping[str, Value]
    bandwidth_bound: float | None
    measured: System | None = None

    def error(self, metric: str) -> float | None:
        """Projected over measured; None where one of them is missing or was modelled as well."""
        if self.measured is None:
            return None
        projected, measured = self.values[metric].value, self.measured.number(metric)
        if metric == ENERGY:
            origin = energy_origin(self.measured.source(metric))
            if origin is None or origin.modelled:
                return None
        return projected / measured if projected and measured else None


def named(names: Iterable[str], models: Mapping[str, DeviceModel]) -> list[DeviceModel]:
    """The device models that are meant: a name, or the beginning of several.

    Raises:
        BadInput: None is meant by one of them.
    """
    found: dict[str, DeviceModel] = {}
    for name in names:
        own = [name] if name in models else [key for key in models if key.startswith(name)]
        if not own or not name:
            raise BadInput(
                f"unknown device model {name!r}; benchsuite hw list names them, "
                "and one file hw/NAME.toml adds one"
            )
        found |= {key: models[key] for key in own}
    return list(found.values())


def project(system: System, model: DeviceModel, *, units: int | None = None) -> Projection:
    """One system's network under a device's roofline.

    Args:
        system: A measured system with the counts of its layers.
        model: The device.
        units: Cores of a processor; None takes it whole.
    """
    whole = model.cores.value if model.cores else 1
    share = hw.share(model, units if units is not None else int(whole))
    precision = system.key.precision
    peak = share.boost_peaks.get(precision) or share.peaks.get(precision)
    speed = system.source(THROUGHPUT)
    reason = _refused(speed, model, peak)
    if reason is not None or peak is None or model.bandwidth is None:
        missing = Value(value=None, how="not projected", reason=reason)
        return Projection(
            of=system,
            device=model,
            part=share.how,
            values=dict.fromkeys(PROJECTABLE, missing),
            bandwidth_bound=None,
        )
    roof = _Roof(peak=peak.value, bandwidth=model.bandwidth.value, element_b=ELEMENT_B[precision])
    seconds = roof.seconds_per_frame(speed.counts)
    how = (
        f"projected: the sum over layers of max(FLOP / {quantity(roof.peak, 'FLOP/s')}, bytes / "
        f"{quantity(roof.bandwidth, 'B/s')}), hw/{model.key}.toml, {share.how}"
    )
    return Projection(
        of=system,
        device=model,
        part=share.how,
        values={
            THROUGHPUT: Value(value=1 / seconds, how=how),
            LATENCY: _latency(system, roof, how),
            ENERGY: _energy(share.power_envelope, seconds, how),
        },
        bandwidth_bound=roof.bandwidth_bound(speed.counts),
    )


def project_all(
    systems: Sequence[System],
    models: Sequence[DeviceModel],
    *,
    known: Mapping[str, DeviceModel],
    environments: Mapping[str, Mapping[str, Any]],
) -> list[Projection]:
    """Every measured network on every model, beside what was measured on such a device.

    A measured device that has a model is projected too: what that is wrong by tells how far the
    others can be trusted.

    Args:
        systems: Measured ones.
        models: The devices that were asked for.
        known: All device models, by key.
        environments: By the id that results carry.
    """
    seen = [system for system in systems if system.measured]
    on = {id(system): hw_model(system, known=known, environments=environments) for system in seen}
    asked = {model.key: model for model in (*models, *filter(None, on.values()))}
    found = []
    for group in _by_network(seen):
        counted = _standing_for(group)
        for model in asked.values():
            rivals = [s for s in group if (own := on[id(s)]) and own.key == model.key]
            fastest = max(rivals, key=lambda s: s.number(THROUGHPUT) or 0.0, default=None)
            units = None if fastest is None else _units(fastest, environments)
            made = project(counted, model, units=units)
            found.append(replace(made, measured=fastest))
    return found


def hw_model(
    system: System,
    *,
    known: Mapping[str, DeviceModel],
    environments: Mapping[str, Mapping[str, Any]],
) -> DeviceModel | None:
    """The model of the device that a system was measured on; None where no file describes it."""
    facts = _device_facts(system, environments)
    cpuid = None
    if all(facts.get(name) is not None for name in ("vendor", "family", "model")):
        cpuid = (str(facts["vendor"]), int(facts["family"]), int(facts["model"]))
    kind = system.row.device.partition(":")[0]
    return hw.match(known, kind=kind, name=system.key.device_name, cpuid=cpuid)


def as_json(projection: Projection) -> dict[str, Any]:
    """A projection as `compare --json` gives it."""
    key = projection.of.key
    measured = projection.measured
    return {
        "workload": key.workload,
        "scale": key.scale,
        "dataset": key.dataset,
        "precision": key.precision,
        "batch": projection.of.source(THROUGHPUT).key.batch,
        "device": projection.device.key,
        "device_title": projection.device.name,
        "part": projection.part,
        "status": "projected",
        "bandwidth_bound": projection.bandwidth_bound,
        "measured": None if measured is None else measured.label,
        "metrics": {
            metric: {
                "value": value.value,
                "how": value.how,
                "reason": value.reason,
                "projected_over_measured": projection.error(metric),
            }
            for metric, value in projection.values.items()
        },
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Roof:
    """A device's bounds at one precision, applied to a load cycle of counts."""

    peak: float
    bandwidth: float
    element_b: float

    def seconds_per_frame(self, counts: Sequence[Count]) -> float:
        seconds = sum(each.share * self._query(each) for each in counts)
        return seconds / sum(each.share * each.frames for each in counts)

    def seconds_per_query(self, counts: Sequence[Count]) -> float:
        return sum(each.share * self._query(each) for each in counts) / sum(
            each.share for each in counts
        )

    def bandwidth_bound(self, counts: Sequence[Count]) -> float:
        bounds = {"peak": self.peak, "bandwidth": self.bandwidth, "element_b": self.element_b}
        slow = sum(
            each.share * layer_seconds(layer, **bounds)
            for each in counts
            for layer in each.layers
            if bound_by(layer, **bounds) == "bandwidth"
        )
        return slow / sum(each.share * self._query(each) for each in counts)

    def _query(self, count: Count) -> float:
        return roofline_seconds(
            count, peak=self.peak, bandwidth=self.bandwidth, element_b=self.element_b
        )


def _refused(row: Result, model: DeviceModel, peak: hw.Figure | None) -> str | None:
    """Why nothing can be projected."""
    if not row.counts:
        return _NO_COUNTS
    if peak is None:
        return f"hw/{model.key}.toml has no {row.key.precision} peak"
    if model.bandwidth is None:
        return f"hw/{model.key}.toml has no bandwidth"
    if not any(count.work for count in row.counts):
        return "the network has no counted work"
    weights = max(count.parameters for count in row.counts) * ELEMENT_B[row.key.precision]
    if model.memory is not None and weights > model.memory.value:
        memory = quantity(model.memory.value, "B")
        return f"its weights ({quantity(weights, 'B')}) do not fit in the device's {memory}"
    return None


def _latency(system: System, roof: _Roof, how: str) -> Value:
    row = system.source(LATENCY)
    if row.status != OK or not row.counts:
        return Value(value=None, how="not projected", reason=_NO_COUNTS)
    if row.metrics[LATENCY].value is None:
        return Value(value=None, how="not projected", reason=row.metrics[LATENCY].reason)
    return Value(value=roof.seconds_per_query(row.counts), how=f"{how}; a query of {row.key.batch}")


def _energy(envelope: hw.Figure | None, seconds: float, how: str) -> Value:
    if envelope is None:
        return Value(
            value=None, how="not projected", reason="the device model has no power envelope"
        )
    return Value(
        value=envelope.value * seconds,
        how=f"power envelope {quantity(envelope.value, 'W')} all the time x projected time; {how}",
    )


def _standing_for(group: Sequence[System]) -> System:
    """The fastest of those on the first device whose layers are known."""
    known = [s for s in group if s.source(THROUGHPUT).counts] or list(group)
    own = [s for s in known if s.key.device_name == group[0].key.device_name] or known
    return max(own, key=lambda s: s.number(THROUGHPUT) or 0.0)


def _by_network(systems: Iterable[System]) -> list[list[System]]:
    """Systems of one network, precision and batch, in their order."""
    groups: dict[tuple[object, ...], list[System]] = defaultdict(list)
    for system in systems:
        row, prints = system.source(THROUGHPUT), system.row.fingerprint
        key = row.key
        network = prints.network if prints else None
        groups[
            key.workload, key.scale, key.dataset, key.precision, key.batch, row.scenario, network
        ].append(system)
    return list(groups.values())


def _units(system: System, environments: Mapping[str, Mapping[str, Any]]) -> int | None:
    """Cores that a system used; None where it is no processor or they are not known."""
    if system.row.device.partition(":")[0] != CPU:
        return None
    units = _device_facts(system, environments).get("units")
    threads = system.key.threads
    if not isinstance(units, int):
        return threads or None
    return min(units, threads) if threads else units


def _device_facts(
    system: System, environments: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    facts = environments.get(system.row.environment, {}).get("device")
    return facts if isinstance(facts, Mapping) else {}
