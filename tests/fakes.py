"""Results as a run gives them, without a measurement: every identity of the contract holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from benchsuite.metrics import METRICS, empty
from benchsuite.types import (
    OFFLINE,
    SINGLE_STREAM,
    Doubt,
    Fingerprint,
    Result,
    RunInfo,
    SystemKey,
    Value,
)

HOSTILE = "</script><script>alert('x')</script>\"&\u202egnp.exe\u2028\u2029<!--"
ENDLESS = "no-end-" * 1500
DEVICE = "AMD EPYC 9V74 80-Core Processor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What the builder must know of a workload."""

    dataset: str
    frame: str
    measure: str
    target: float
    accuracy: float
    interval: tuple[float, float]
    beside: Mapping[str, float]
    work: float
    parameters: int
    traffic_input: float
    traffic_activations: float
    fit: float
    batch: int
    memory: float
    eager: float


NETWORKS: dict[str, Network] = {
    "image/lenet": Network(
        dataset="mnist-5k", frame="image", measure="top-1", target=0.96, accuracy=0.981,
        interval=(0.9706, 0.9878), beside={"top-5": 0.9998}, work=833_040.0, parameters=61_706,
        traffic_input=3_136.0, traffic_activations=60_000.0, fit=0.41, batch=64, memory=1.98e8,
        eager=0.27,
    ),
    "image/squeezenet": Network(
        dataset="mnist-5k", frame="image", measure="top-1", target=0.97, accuracy=0.982,
        interval=(0.9718, 0.9886), beside={"top-5": 1.0}, work=41_300_000.0, parameters=122_970,
        traffic_input=12_288.0, traffic_activations=2_640_000.0, fit=0.83, batch=32, memory=2.12e8,
        eager=0.44,
    ),
    "audio/deepspeech2": Network(
        dataset="spoken-digits", frame="second", measure="1 - WER", target=0.9, accuracy=0.914,
        interval=(0.9, 0.926), beside={"character error rate": 0.034, "word error rate": 0.086},
        work=182_000_000.0, parameters=2_310_000, traffic_input=64_400.0,
        traffic_activations=5_100_000.0, fit=0.29, batch=8, memory=3.05e8,
        eager=0.61,
    ),
    "text/word2vec": Network(
        dataset="wikipedia-sample", frame="word", measure="Spearman rho", target=0.33,
        accuracy=0.357, interval=(0.2542, 0.4521), beside={"out of vocabulary": 0.297},
        work=3_990_000.0, parameters=3_990_000, traffic_input=8.0, traffic_activations=40_800.0,
        fit=0.062, batch=64, memory=2.4e8,
        eager=0.33,
    ),
    "video/slow_fusion": Network(
        dataset="moving-shapes", frame="clip", measure="top-1", target=0.85, accuracy=0.88,
        interval=(0.853, 0.903), beside={"per video": 0.92}, work=1_420_000_000.0,
        parameters=4_870_000, traffic_input=1_228_800.0, traffic_activations=31_000_000.0, fit=0.77,
        batch=8, memory=3.3e8,
        eager=0.52,
    ),
}  # fmt: skip

ROOFLINE = {"onnxruntime": 0.93, "compile": 0.58, "openvino": 1.06}
_HOW_PEAK = "sweep of 41 kernels; best: onnxruntime conv 3x3 256->256 at 28x28, channels last"


def key(workload: str = "image/squeezenet", **changes: Any) -> SystemKey:
    """A system of the fake machine."""
    network = NETWORKS.get(workload, NETWORKS["image/squeezenet"])
    fields: dict[str, Any] = {
        "workload": workload,
        "scale": "embedded",
        "dataset": network.dataset,
        "backend": "eager",
        "precision": "fp32",
        "batch": network.batch,
        "device_name": DEVICE,
        "device_count": 1,
        "threads": 2,
    }
    return SystemKey(**fields | changes)


def fingerprint(system: SystemKey, **changes: str) -> Fingerprint:
    """Hashes that differ exactly where the systems do."""
    fields = {
        "network": f"n-{system.workload}-{system.scale}",
        "weights": f"w-{system.workload}-{system.scale}-{system.dataset}",
        "data": f"d-{system.dataset}",
        "software": f"s-{system.backend}",
        "device": f"h-{system.device_name}",
        "configuration": f"c-{system.precision}-{system.threads}",
    }
    return Fingerprint(**fields | changes)


def metrics(
    network: Network,
    *,
    scenario: str = OFFLINE,
    roofline: float = 0.44,
    device_peak: float = 446e9,
    gain: float = 1.0,
    drift: float = 0.992,
    power: float | None = 21.4,
    envelope: float | None = 24.0,
    source: str = "modelled",
    boundary: str = "package",
    accuracy_change: float = 0.0,
) -> dict[str, Value]:
    """All metrics of the contract for one row; `power` None: no meter."""
    if scenario == SINGLE_STREAM:
        roofline *= 0.55
    peak = device_peak * gain * drift
    bandwidth = 58e9
    throughput = peak * network.fit * roofline / network.work
    weights = 4.0 * network.parameters / (network.batch if scenario == OFFLINE else 1)
    traffic = network.traffic_input + weights + network.traffic_activations
    accuracy = network.accuracy + accuracy_change
    low, high = network.interval
    counted = "counted on the meta device, mean over the load cycle"
    no_meter = "no meter: give --meter csv:FILE, or run where RAPL can be read"
    where = f"{source}, boundary {boundary}"
    number: dict[str, tuple[float, str]] = {
        "accuracy": (accuracy, f"{network.measure} over 1000 test samples; 95 % interval"),
        "reference_accuracy": (network.accuracy, f"eager fp32: {network.measure}, 1000 samples"),
        "accuracy_change": (accuracy - network.accuracy, "accuracy less that of eager fp32"),
        "throughput": (throughput, f"20480 frames in 4.001 s, {scenario}; one process"),
        "peak_memory": (network.memory, "resident size above the level after imports"),
        "work": (network.work, counted),
        "work_without_padding": (0.91 * network.work, counted),
        "macs": (network.work / 2, f"work / 2; {counted}"),
        "parameters": (float(network.parameters), "counted on the meta device"),
        "model_size": (4.0 * network.parameters, "parameters x 4 B (fp32)"),
        "activations": (0.5 * network.traffic_activations, counted),
        "traffic": (traffic, counted),
        "traffic_input": (network.traffic_input, counted),
        "traffic_weights": (weights, counted),
        "traffic_activations": (network.traffic_activations, counted),
        "compulsory_traffic": (network.traffic_input + weights + 40.0, counted),
        "arithmetic_intensity": (network.work / traffic, f"work / traffic; {counted}"),
        "achieved": (throughput * network.work, "throughput x work"),
        "fraction_of_peak": (throughput * network.work / peak, "throughput x work / peak"),
        "fraction_of_datasheet_peak": (throughput * network.work / 576e9, "of EPYC 9004"),
        "fraction_of_roofline": (roofline, "roofline time / measured time"),
        "compile_time": (0.41 / roofline, "from the network to a first call"),
        "device_peak": (device_peak, _HOW_PEAK),
        "configuration_gain": (gain, "peak probed at fp32, 2 threads / device peak"),
        "drift": (drift, "mean of 2 calibrations / the pinned value"),
        "peak": (peak, f"device peak x configuration gain x drift; {_HOW_PEAK}"),
        "datasheet_peak": (576e9, "2 of 80 cores: AMD, EPYC 9004 data sheet, 2023"),
        "bandwidth": (bandwidth, "copy of 256 MiB, best of 20"),
        "fit": (network.fit, "(work / peak) / roofline time"),
        "ridge_point": (peak / bandwidth, "peak / bandwidth"),
        "weights_fit_in": (1_048_576.0, "L2 (1.05 MB), as the system tells"),
    }
    if envelope is not None:
        number["power_envelope"] = (envelope, "2 of 80 cores: AMD, 2023")
        number["peak_per_watt"] = (peak / envelope, "measured peak / power envelope")
    if power is not None:
        number["mean_power"] = (power, f"{where}; device profile x utilisation")
        number["energy_per_frame"] = (power / throughput, f"{where}; gross; device profile")
    if scenario == SINGLE_STREAM:
        number["latency_p50"] = (1 / throughput, "empirical p50 of 4107 queries, SingleStream")
        number["latency_p90"] = (1.06 / throughput, "empirical p90 of 4107 queries")
    reasons = {
        "training_work": "no record of how the weights were trained: number of samples unknown",
        "max_power": "a model has no largest sample" if power is not None else no_meter,
        "idle_power": no_meter,
        "net_energy_per_frame": "idle power was not measured" if power is not None else no_meter,
        "energy_per_frame": no_meter,
        "mean_power": no_meter,
        "latency_p99": "too few queries: 402 in the window, p99 needs 662",
        "missed_frames": f"{scenario} has no deadline; frames are missed in RealTime only",
        "power_cap": "this device's driver tells no power cap",
        "power_envelope": "neither the driver nor a hw/*.toml tells this device's power envelope",
        "peak_per_watt": "neither the driver nor a hw/*.toml tells this device's power envelope",
        "time_to_accuracy": "measured by `benchsuite train`, not by inference",
        "energy_to_accuracy": "measured by `benchsuite train`, not by inference",
        "meets_goals": "no goals were given (--goals)",
        "latency_p50": "latency is measured by SingleStream",
        "latency_p90": "latency is measured by SingleStream",
    }
    values = {
        name: Value(value=None, how="not measured", reason=reasons.get(name, "not measured"))
        for name in METRICS
    }
    values |= {name: Value(value=value, how=how) for name, (value, how) in number.items()}
    values["accuracy"] = replace(
        values["accuracy"], low=low + accuracy_change, high=high + accuracy_change
    )
    return values


def result(
    workload: str = "image/squeezenet",
    *,
    backend: str = "eager",
    precision: str = "fp32",
    scenario: str = OFFLINE,
    frame: str | None = None,
    identity: Mapping[str, Any] | None = None,
    fields: Mapping[str, Any] | None = None,
    **how_measured: Any,
) -> Result:
    """An ok row.

    Args:
        identity: Changes of the key.
        fields: Changes of the result.
        how_measured: As `metrics` takes them.
    """
    network = NETWORKS.get(workload, NETWORKS["image/squeezenet"])
    changes = dict(identity or {})
    if scenario == SINGLE_STREAM:
        changes.setdefault("batch", 1)
    system = key(workload, backend=backend, precision=precision, **changes)
    how_measured.setdefault("roofline", ROOFLINE.get(backend, network.eager))
    made = Result(
        run="7f3a91c2",
        environment="e1",
        key=system,
        domain=workload.partition("/")[0],
        device="cpu",
        weights=f"w-{workload}",
        scenario=scenario,
        status="ok",
        reason=None,
        rank_class="embedded",
        class_reason=None,
        frame=frame or network.frame,
        fingerprint=fingerprint(system),
        metrics=metrics(network, scenario=scenario, **how_measured),
        beside=network.beside,
        target=network.target,
        measure=network.measure,
        measured_at="2026-11-21T02:40:07+00:00",
    )
    return replace(made, **dict(fields or {}))


def failed(
    workload: str = "image/squeezenet",
    *,
    backend: str = "openvino",
    scenario: str = OFFLINE,
    reason: str = "the worker was killed for memory (signal 9) after 31 s",
    status: str = "failed",
) -> Result:
    """A row that has no numbers."""
    return replace(
        result(workload, backend=backend, scenario=scenario),
        status=status,
        reason=reason,
        rank_class="unranked",
        class_reason=reason,
        metrics=empty(reason),
        fingerprint=None,
        beside={},
    )


def whole_run() -> list[Result]:
    """Five networks on two backends under two scenarios, some with doubts."""
    unsteady = Doubt(
        code="not_steady",
        message="not steady after 10 s of warm-up (median still moving 2.1 %). Try --repeats 5",
    )
    rows = []
    for workload in NETWORKS:
        for backend in ("eager", "onnxruntime"):
            for scenario in (OFFLINE, SINGLE_STREAM):
                row = result(workload, backend=backend, scenario=scenario)
                if workload == "audio/deepspeech2" and backend == "eager":
                    row = replace(row, doubts=(unsteady,))
                rows.append(row)
    return rows


def troubled_run() -> list[Result]:
    """Every way in which a row can be other than it should be, hostile strings among them."""
    unmet = result(backend="onnxruntime", precision="int8", accuracy_change=-0.031, gain=1.92)
    no_accuracy = result("video/slow_fusion", identity={"scale": "reference", "dataset": None})
    gone = dict.fromkeys(
        ("accuracy", "reference_accuracy", "accuracy_change"),
        Value(value=None, how="not measured", reason="no data: give --data sports-1m=DIR"),
    )
    return [
        *whole_run(),
        replace(unmet, rank_class="unranked", class_reason="accuracy 0.951 misses the target 0.97"),
        result("image/lenet", backend="openvino", power=None, envelope=None),
        result("image/lenet", backend="openvino", scenario=SINGLE_STREAM, power=None),
        replace(
            no_accuracy,
            rank_class="speed-only",
            target=None,
            beside={},
            metrics={**no_accuracy.metrics, **gone},
        ),
        failed("audio/deepspeech2"),
        failed("text/word2vec", status="skipped", reason="the budget of 60 s was used up"),
        result(
            "image/hostile" + HOSTILE,
            backend=HOSTILE,
            frame=HOSTILE,
            fields={
                "rank_class": "unranked",
                "class_reason": HOSTILE,
                "doubts": (Doubt(code="odd", message=f"{HOSTILE} is what it says"),),
                "beside": {HOSTILE: 0.5},
                "measure": HOSTILE,
            },
        ),
        failed("image/lenet", backend=ENDLESS, reason=ENDLESS),
    ]


def run_info(**changes: Any) -> RunInfo:
    """The invocation that `whole_run` belongs to."""
    fields: dict[str, Any] = {
        "id": "7f3a91c2",
        "started_at": "2026-11-21T02:40:01+00:00",
        "labels": {"suite": "smoke"},
        "command": "benchsuite run smoke",
        "seconds": 74.2,
    }
    return RunInfo(**fields | changes)


def environments() -> dict[str, dict[str, Any]]:
    """One environment, as `benchsuite.environment.capture` shapes it."""
    return {
        "e1": {
            "benchsuite": "0.1.0",
            "device": {"kind": "cpu", "name": DEVICE, "units": 2, "memory_b": 7_800_000_000,
                       "caches": [{"level": "L1d", "bytes": 32768},
                                  {"level": "L2", "bytes": 1048576}],
                       "flags": ["avx2", "avx512f", "avx512_vnni", "avx512_bf16"]},
            "machine": {"architecture": "x86_64", "logical processors": 2,
                        "hypervisor": "present", "frequency governor": None, "turbo": None},
            "system": {"kernel": "Linux 6.18.0", "python": "3.11.2", "C library": "glibc 2.36"},
            "packages": {"torch": "2.13.0+cpu", "onnxruntime": "1.31.1", "numpy": "2.4.6",
                         "nvidia-ml-py": None},
            "threads": 2,
            "variables": {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"},
        }
    }  # fmt: skip
