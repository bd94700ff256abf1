"""The system under test: its network, data and identity, ready for everything that follows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite import (
    backends,
    catalog,
    datasets,
    devices,
    environment,
    meters,
    plugins,
    targets,
)
from benchsuite.harness import network
from benchsuite.types import Arrays, DeviceInfo, Fingerprint, Scale, Split, SystemSpec

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class System:
    """What a spec names, loaded.

    Attributes:
        net: On the processor, in fp32; a backend may change it when it prepares.
        test: The test split; None where inputs are random.
        inputs: The test split's parts as the network takes them.
        plug_ins: Files of the user's own backend, device and meters, with their hashes.
        record: The training record beside the weights; empty where there is none.
    """

    spec: SystemSpec
    entry: catalog.Entry
    device: DeviceInfo
    net: torch.nn.Module
    test: Split | None
    inputs: Sequence[Arrays]
    fingerprint: Fingerprint
    plug_ins: Mapping[str, str]
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def scale(self) -> Scale:
        """The network's size that is measured, as it is on the data set."""
        return self.entry.scale(self.spec.scale).on(self.spec.dataset)

    @property
    def cache(self) -> Path:
        """The folder of what is kept between runs."""
        return Path(self.spec.cache)

    @property
    def graph(self) -> Path | None:
        """The ONNX file that the network is; None for a torch module."""
        hook = getattr(self.entry.module, "graph", None)
        return Path(hook(self.spec.scale)) if hook else None

    @property
    def shares(self) -> list[int]:
        """How many queries of a load cycle each signature has."""
        return [signature.share for signature in self.scale.signatures]

    @property
    def batches(self) -> tuple[int, ...]:
        """Samples a query over the scenarios, each once, the first scenario's first."""
        spec = self.spec
        return tuple(dict.fromkeys(spec.batch_of(scenario) for scenario in spec.scenarios))

    @property
    def no_accuracy(self) -> str | None:
        """Why this system has no accuracy; None where it can be measured."""
        spec = self.spec
        if spec.trial:
            return "a trial: accuracy is measured once the backend is chosen"
        if self.test is None:
            return spec.data_reason or f"no data for scale {spec.scale}: inputs are random"
        if spec.weights is None and not spec.pretrained:
            return spec.weights_reason or "the weights are random"
        if not hasattr(self.entry.module, "score"):
            return f"{self.entry.path} defines no score(outputs, split)"
        return None

    @property
    def artefact_key(self) -> str:
        """What exported and compiled networks are cached by; int8's rest on the data too."""
        found = self.fingerprint
        parts = [found.network, found.weights, self.spec.scale, found.software, found.device]
        parts.append(self.spec.precision)
        if self.spec.precision == "int8":
            parts.append(found.data)
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:20]


def load(spec: SystemSpec, device: DeviceInfo, backend: backends.Backend) -> System:
    """Builds the network with its weights and reads the test split.

    Raises:
        BadInput, NotMeasurable: Weights or data do not fit the network.
    """
    entry = targets.entry_of(spec)
    net = network.build(entry, spec.scale, seed=spec.seed)
    if spec.weights:
        network.load_weights(net, Path(spec.weights))
    elif spec.pretrained and hasattr(entry.module, "pretrained"):
        net.load_state_dict(entry.module.pretrained())
    test = datasets.load(Path(spec.data), "test") if spec.data else None
    inputs: list[Arrays] = []
    if test is not None and spec.dataset is not None:
        test, inputs = network.split_inputs(entry, spec.scale, test, dataset=spec.dataset)
    own = {
        **plugins.own_code(backends, spec.backend),
        **plugins.own_code(devices, device.kind),
    }
    own_meters = _own_meters(spec.meter, devices.device(device.kind))
    return System(
        spec=spec,
        entry=entry,
        device=device,
        net=net,
        test=test,
        inputs=inputs,
        fingerprint=_fingerprint(
            spec,
            entry,
            net,
            device=device,
            software={**environment.versions(backend.packages()), **own},
            meter_code=own_meters,
        ),
        plug_ins={**own, **own_meters},
        record=_record(spec),
    )


def _fingerprint(
    spec: SystemSpec,
    entry: catalog.Entry,
    net: torch.nn.Module,
    *,
    device: DeviceInfo,
    software: Mapping[str, str | None],
    meter_code: Mapping[str, str],
) -> Fingerprint:
    configuration = {
        "precision": spec.precision,
        "threads": spec.threads,
        "batch": spec.batch,
        "scale": spec.scale,
        **meter_code,  # a meter is no part of what it measures
    }
    driver = {key: device.facts.get(key) for key in ("driver", "cuda", "cudnn")}
    return Fingerprint(
        network=catalog.network_hash(entry, spec.scale),
        weights=network.weights_hash(net),
        data=spec.data_hash or "random",
        software=environment.digest({"backend": spec.backend, **software}),
        device=environment.digest({**devices.identity(device), **driver}),
        configuration=environment.digest(configuration),
    )


def _own_meters(wanted: str, plug: devices.Device) -> dict[str, str]:
    """The code of the user's own meters that may be used: the one named, else the device's."""
    names = plug.meters if wanted == meters.AUTOMATIC else (wanted.partition(":")[0],)
    return {file: code for name in names for file, code in plugins.own_code(meters, name).items()}


def _record(spec: SystemSpec) -> dict[str, Any]:
    """The training record beside the weights; empty where there is none that can be read."""
    if not spec.weights:
        return {}
    try:
        record = json.loads(Path(spec.weights).with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
