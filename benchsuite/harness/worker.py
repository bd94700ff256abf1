"""The worker: measures one system in a process of its own and writes a raw measurement.

Started by `benchsuite.run` as `python -m benchsuite.harness.worker SPEC OUT PARENT`, threads and
wait policy already in the environment. Phases go to standard output, one JSON line each.
"""

from __future__ import annotations

import ctypes
import hashlib
import io
import json
import math
import os
import signal
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec

from benchsuite import backends, catalog, datasets, devices, environment, meters
from benchsuite.accounting import count as count_module
from benchsuite.accounting.count import count
from benchsuite.backends import Job
from benchsuite.errors import BadInput, BenchsuiteError, NotMeasurable, one_line
from benchsuite.harness import (
    accuracy,
    contention,
    layers,
    network,
    performance,
    probing,
    scenarios,
    stages,
    throttling,
    training,
)
from benchsuite.harness.performance import Gauges, Load, Metered
from benchsuite.harness.stream import Stream
from benchsuite.metrics import ELEMENT_B
from benchsuite.types import (
    OFFLINE,
    REAL_TIME,
    SERVER,
    Arrays,
    Calibration,
    Count,
    DeviceInfo,
    Distance,
    Doubt,
    Executable,
    Fingerprint,
    Measurement,
    Probe,
    Rate,
    Score,
    Split,
    SystemSpec,
    Window,
)

if TYPE_CHECKING:
    import torch

PHASE_MARK = "\x1e"
TURN = "turn"  # said as a phase: the worker waits for a line on standard input
FAILED = 70  # exit status: the reason is in OUT
_PR_SET_PDEATHSIG = 1
_POOL_QUERIES = 4
_CALIBRATION_SAMPLES = 256
_ACCOUNTING = Path(count_module.__file__).parent
_POOL_B = 256 << 20
_REFERENCE_B = 256 << 20


def main(arguments: Sequence[str]) -> int:
    """Measures the system of the file SPEC into the file OUT."""
    spec_path, out_path = (Path(argument) for argument in arguments[:2])
    _end_with_parent(int(arguments[2]))
    spec = msgspec.json.decode(spec_path.read_bytes(), type=SystemSpec)
    try:
        measurement = measure_system(spec)
    except BenchsuiteError as error:
        return _failed(out_path, one_line(error))
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        return _failed(out_path, f"out of memory: {one_line(error)}")
    out_path.write_bytes(msgspec.json.encode(measurement))
    return 0


def _failed(out_path: Path, reason: str) -> int:
    out_path.write_text(json.dumps({"reason": reason}), encoding="utf-8")
    return FAILED


def _out_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    said = ("out of memory", "not enough memory", "can't allocate memory", "bad_alloc")
    return isinstance(error, MemoryError) or any(words in text for words in said)


def _end_with_parent(parent: int) -> None:
    """Asks Linux to end this process when the run that started it is gone, however it ended."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return  # another system: the run ends its workers itself unless it is killed
    if os.getppid() != parent:  # it went before we could ask
        raise SystemExit(FAILED)


def measure_system(spec: SystemSpec) -> Measurement:
    """Measures one system from start to end.

    Raises:
        BadInput, NotMeasurable: The system cannot be measured; the text says why.
    """
    import torch

    torch.set_num_threads(spec.threads)
    torch.set_grad_enabled(False)
    cache = Path(spec.cache)
    device = devices.find(spec.device)
    plug = devices.device(device.kind)
    backend = backends.backend(spec.backend)
    missing = backend.missing(device.kind, spec.precision)
    if missing:
        raise NotMeasurable(missing)

    _phase("probe")
    probe, device_peak = _pinned(plug, device, spec, cache)

    _phase("build")
    entry = catalog.load_entry(Path(spec.path), name=spec.name)
    scale = entry.scale(spec.scale)
    net = network.build(entry, spec.scale, seed=spec.seed)
    if spec.weights:
        network.load_weights(net, Path(spec.weights))
    elif spec.pretrained:
        net.load_state_dict(entry.module.pretrained())
    test = datasets.load(Path(spec.data), "test") if spec.data else None
    if test is not None:
        network.check_split(entry, spec.scale, test)
    inputs = [
        network.inputs_of(entry, spec.scale, part, signature=signature)
        for part, signature in zip(test.parts if test else (), scale.signatures, strict=False)
    ]
    fingerprint = _fingerprint(spec, entry, net, device=device, packages=backend.packages())

    _phase("count")
    batches = tuple(dict.fromkeys(spec.batch_of(scenario) for scenario in spec.scenarios))
    counts = _counts(entry, spec, batches, cache=cache)

    # what the answer must be, before a backend may change the network
    pools = {batch: _pool(entry, spec, inputs, batch=batch) for batch in batches}
    samples = _one_of_each(pools[batches[0]], [s.share for s in scale.signatures])
    expected = accuracy.reference_outputs(net, samples)
    whole = (
        None
        if test is None or _no_accuracy(spec, entry, test)
        else _reference_outputs(net, test, inputs, fingerprint=fingerprint, cache=cache)
    )
    record = _record(spec)
    reference, reference_reason = _reference(
        spec,
        entry,
        net,
        test,
        inputs,
        whole,
        fingerprint=fingerprint,
        record=record,
        cache=cache,
    )

    calibrator = probing.Calibrator(plug, device, probe)
    calibrations: list[Calibration] = []
    # before the memory's base level is read: the pinned kernel may be another library's, whose
    # import is no part of the system
    if spec.trial:
        calibrator.load()
    else:
        _await_turn(spec)
        _phase("calibration")
        calibrations = [calibrator.run()]
        if calibrations[0].peak > probing.OUTRUN * probe.calibration_peak:
            probe, device_peak = _pinned(plug, device, spec, cache, anew=True)
            calibrator = probing.Calibrator(plug, device, probe)
            calibrations = [calibrator.run()]

    _phase("prepare")
    started = perf_counter()
    job = Job(
        device=device,
        precision=spec.precision,
        threads=spec.threads,
        samples=tuple(samples),
        batches=batches,
        key=_artefact_key(fingerprint, spec),
        cache=cache,
        calibration=_calibration(entry, spec),
    )
    resident = _resident_after_imports(backend.imports(job))
    executable = backend.prepare(net, job)
    with torch.inference_mode():
        for pool in pools.values():
            for query in _one_of_each(pool, [s.share for s in scale.signatures]):
                executable.run(query)
    compile_time_s = perf_counter() - started
    if executable.precision_ran != spec.precision:
        raise NotMeasurable(
            f"backend {spec.backend} was told to compute in {spec.precision} and computed in "
            f"{executable.precision_ran}"
        )

    envelope, cap = plug.power(device)
    subject = meters.subject(
        device, threads=spec.threads, roots=[Path(root) for root in spec.roots]
    )
    metered, idle, idle_reason = _meter(spec, subject, preferred=plug.meters)
    windows: list[Window] = []
    unmet: dict[str, str] = {}
    with torch.inference_mode():
        for number, scenario in enumerate(spec.scenarios):
            if number or spec.trial:
                _await_turn(spec)
            _phase(scenario)
            try:
                windows.append(
                    _window(
                        scenario,
                        executable,
                        pools[spec.batch_of(scenario)],
                        spec=spec,
                        frames=[s.frames for s in scale.signatures],
                        shares=[s.share for s in scale.signatures],
                        metered=metered,
                        plug=plug,
                        device=device,
                        resident_b=resident,
                    )
                )
            except NotMeasurable as error:
                unmet[scenario] = one_line(error)
        _phase("calibration")
        calibrations.append(calibrator.run())

        _phase("accuracy")
        score, score_reason, outputs = _score(
            spec, entry, executable, test, inputs, batch=batches[0]
        )
        if whole and outputs:
            apart = accuracy.distance(outputs, whole, precision=spec.precision)
        else:
            answered = [executable.run(sample) for sample in samples]
            apart = accuracy.distance(answered, expected, precision=spec.precision)
        times: layers.Found = (None, "a trial")
        if not spec.trial:
            times = layers.layer_times(
                executable,
                samples[0],
                next(c for c in counts if c.batch == batches[0]),
                peak=probe.peak.value,
                bandwidth=probe.bandwidth.value,
                element_b=ELEMENT_B[spec.precision],
            )
        frames = scale.signatures[0].frames
        before: stages.Found = (None, "a trial")
        after: stages.Found = (None, "a trial")
        if not spec.trial:
            before = stages.preprocessing(entry, test, inputs, frames=frames)
            after = stages.postprocessing(entry, executable, samples[0], frames=frames * batches[0])

    return Measurement(
        windows=tuple(_with_idle(window, idle, idle_reason) for window in windows),
        counts=counts,
        probe=probe,
        device_peak=device_peak,
        calibrations=tuple(calibrations),
        compile_time_s=compile_time_s,
        compile_how=f"{executable.how}; until a first query of each batch and shape was answered",
        precision_ran=executable.precision_ran,
        distance=apart,
        distance_reason=None,
        accuracy=score,
        accuracy_reason=score_reason,
        reference=reference,
        reference_reason=reference_reason,
        fingerprint=fingerprint,
        device=device,
        power_envelope=envelope,
        power_cap=cap,
        idle_power=idle,
        idle_power_reason=idle_reason,
        samples_trained=record.get("samples_trained") if spec.weights else None,
        preprocessing=before[0],
        preprocessing_reason=before[1],
        postprocessing=after[0],
        postprocessing_reason=after[1],
        doubts=_doubts(
            windows, counts, apart, calibrations, score=score, probe=probe, device=device
        ),
        environment=environment.capture(device, threads=torch.get_num_threads()),
        unmet=unmet,
        layer_times=times[0],
        layer_times_reason=times[1],
    )


def _pinned(
    plug: devices.Device, device: DeviceInfo, spec: SystemSpec, cache: Path, *, anew: bool = False
) -> tuple[Probe, Rate]:
    """The pinned probe at the system's setting, and the device's fp32 peak on all its cores.

    `anew` probes the system's setting again, for a kernel that outruns what was pinned.
    """
    own_threads = device.kind == "cpu"
    threads = spec.threads if own_threads else 0
    if anew:
        probing.unpin(cache, probing.pinned_key(device, precision=spec.precision, threads=threads))
    system = probing.ensure(plug, device, precision=spec.precision, threads=threads, cache=cache)
    whole = probing.ensure(
        plug, device, precision="fp32", threads=device.units if own_threads else 0, cache=cache
    )
    return system, replace(whole.peak, how=f"{whole.peak.how} on {whole.measured_at}")


def _artefact_key(fingerprint: Fingerprint, spec: SystemSpec) -> str:
    """What exported and compiled networks are cached by; int8's rest on the data too."""
    parts = [fingerprint.network, fingerprint.weights, spec.scale, fingerprint.software]
    parts += [fingerprint.device, spec.precision]
    if spec.precision == "int8":
        parts.append(fingerprint.data)
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:20]


def _calibration(entry: catalog.Entry, spec: SystemSpec) -> tuple[Arrays, ...]:
    """Training samples of each signature for int8, spread over the split; else none.

    Raises:
        NotMeasurable: There are no training data in the form of the network's inputs.
    """
    import numpy as np

    if spec.precision != "int8":
        return ()
    if not spec.data:
        raise NotMeasurable(f"int8 is calibrated on training data: {spec.data_reason}")
    train = datasets.load(Path(spec.data), "train")
    try:
        network.check_split(entry, spec.scale, train)
        parts = [
            network.inputs_of(entry, spec.scale, part, signature=signature)
            for part, signature in zip(train.parts, entry.scale(spec.scale).signatures, strict=True)
        ]
    except (BadInput, ValueError) as error:
        raise NotMeasurable(
            f"int8 cannot be calibrated on the training split: {one_line(error)}"
        ) from error
    if any(len(part[0]) == 0 for part in parts):
        raise NotMeasurable("int8 cannot be calibrated: the training split is empty")
    found = []
    for part in parts:
        n = len(part[0])
        chosen = np.unique(np.linspace(0, n - 1, min(n, _CALIBRATION_SAMPLES)).astype(int))
        arrays = tuple(np.ascontiguousarray(array[chosen]) for array in part)
        broken = {i for array in part if isinstance(array, Stream) for i in array.broken}
        good = [place for place, index in enumerate(chosen) if index not in broken]
        found.append(tuple(array[good] for array in arrays) if broken else arrays)
    return tuple(found)


def _counts(
    entry: catalog.Entry, spec: SystemSpec, batches: Sequence[int], *, cache: Path
) -> tuple[Count, ...]:
    """Counts a signature and batch; kept in the cache, as torch's meta device is slow to load."""
    facts = {
        "network": catalog.network_hash(entry, spec.scale),
        "batches": list(batches),
        "torch": environment.versions(("torch",)),
        "rules": [catalog.file_hash(path) for path in sorted(_ACCOUNTING.glob("*.py"))],
    }
    path = cache / "counts" / f"{environment.digest(facts)}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[Count, ...])
    except (OSError, msgspec.DecodeError):
        pass

    def build() -> torch.nn.Module:
        return network.build(entry, spec.scale)

    counts = tuple(
        count(build, signature, batch=batch, training=batch == batches[0])
        for batch in batches
        for signature in entry.scale(spec.scale).signatures
    )
    _keep(path, msgspec.json.encode(counts))
    return counts


def _keep(path: Path, content: bytes) -> None:
    """Writes a cache file as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)


def _pool(
    entry: catalog.Entry, spec: SystemSpec, inputs: Sequence[Arrays], *, batch: int
) -> list[Arrays]:
    """The queries of one load cycle: each signature `share` times, several cycles' worth of data.

    Real samples where there are data, else random ones; never zeros.
    """
    import numpy as np

    signatures = entry.scale(spec.scale).signatures
    rounds = max(1, _POOL_QUERIES // sum(s.share for s in signatures))
    pool: list[Arrays] = []
    taken = [0] * len(signatures)
    for _ in range(rounds):
        if pool and sum(a.nbytes for query in pool for a in query) > _POOL_B:
            break
        for number, signature in enumerate(signatures):
            for _ in range(signature.share):
                if inputs:
                    n = len(inputs[number][0])
                    chosen = np.arange(taken[number], taken[number] + batch) % n
                    pool.append(tuple(np.ascontiguousarray(a[chosen]) for a in inputs[number]))
                else:
                    seed = spec.seed + taken[number] + 1
                    pool.append(network.random_inputs(signature, batch=batch, seed=seed))
                taken[number] += batch
    return pool


def _one_of_each(pool: Sequence[Arrays], shares: Sequence[int]) -> list[Arrays]:
    """The first query of each signature in a pool."""
    firsts = [sum(shares[:number]) for number in range(len(shares))]
    return [pool[first] for first in firsts]


def _reference(
    spec: SystemSpec,
    entry: catalog.Entry,
    net: torch.nn.Module,
    test: Split | None,
    inputs: Sequence[Arrays],
    whole: Sequence[Arrays] | None,
    *,
    fingerprint: Fingerprint,
    record: dict[str, Any],
    cache: Path,
) -> tuple[Score | None, str | None]:
    """Eager fp32's accuracy: cached by hashes, else the shipped record's, else measured now."""
    reason = _no_accuracy(spec, entry, test)
    if reason or test is None:
        return None, reason
    if (record.get("weights_hash"), record.get("data_hash")) == (
        fingerprint.weights,
        fingerprint.data,
    ):
        try:
            score = msgspec.convert(record.get("score"), Score)
            return replace(score, how=f"{score.how}; from the record of the weights"), None
        except msgspec.ValidationError:
            pass
    path = (
        cache / "reference" / f"{fingerprint.network}-{fingerprint.weights}-{fingerprint.data}.json"
    )
    try:
        return msgspec.json.decode(path.read_bytes(), type=Score), None
    except (OSError, msgspec.DecodeError):
        pass
    outputs = training.answers(net, inputs) if whole is None else whole
    score = accuracy.judge(entry, outputs, test, inputs=inputs)
    if not math.isfinite(score.value):
        return None, f"eager fp32's accuracy is {score.value}: its outputs give none"
    _keep(path, msgspec.json.encode(score))
    return score, None


def _reference_outputs(
    net: torch.nn.Module,
    test: Split,
    inputs: Sequence[Arrays],
    *,
    fingerprint: Fingerprint,
    cache: Path,
) -> list[Arrays] | None:
    """Eager fp32's outputs on the whole test split, from the cache where they are known.

    None where the samples are streamed from a user's folder, or where the outputs are too large
    to keep: parity is then judged on the pool's samples.
    """
    import numpy as np

    if any(part.samples is not None for part in test.parts):
        return None
    name = f"{fingerprint.network}-{fingerprint.weights}-{fingerprint.data}.npz"
    path = cache / "reference" / name
    try:
        with np.load(path, allow_pickle=False) as kept:
            return [
                tuple(kept[key] for key in sorted(kept.files) if key.startswith(f"{number:03d}-"))
                for number in range(len(inputs))
            ]
    except (OSError, ValueError, zipfile.BadZipFile):
        pass
    first = accuracy.reference_outputs(net, [tuple(array[:1] for array in inputs[0])])[0]
    if sum(array.nbytes for array in first) * len(test) > _REFERENCE_B:
        return None
    outputs = training.answers(net, inputs)
    arrays: dict[str, Any] = {
        f"{number:03d}-{index:03d}": array
        for number, part in enumerate(outputs)
        for index, array in enumerate(part)
    }
    content = io.BytesIO()
    np.savez(content, **arrays)
    _keep(path, content.getvalue())
    return outputs


def _score(
    spec: SystemSpec,
    entry: catalog.Entry,
    executable: Executable,
    test: Split | None,
    inputs: Sequence[Arrays],
    *,
    batch: int,
) -> tuple[Score | None, str | None, list[Arrays]]:
    """The accuracy or why there is none, and the outputs on the test split if it was run."""
    reason = _no_accuracy(spec, entry, test)
    if reason or test is None:
        return None, reason, []
    outputs = accuracy.answers(executable, inputs, batch=batch)
    score = accuracy.judge(entry, outputs, test, inputs=inputs)
    if not math.isfinite(score.value):
        return None, f"the accuracy is {score.value}: the outputs give none", outputs
    return score, None, outputs


def _no_accuracy(spec: SystemSpec, entry: catalog.Entry, test: Split | None) -> str | None:
    if spec.trial:
        return "a trial: accuracy is measured once the backend is chosen"
    if test is None:
        return spec.data_reason or f"no data for scale {spec.scale}: inputs are random"
    if spec.weights is None and not spec.pretrained:
        return spec.weights_reason or "the weights are random"
    if not hasattr(entry.module, "score"):
        return f"{entry.path} defines no score(outputs, split)"
    return None


def _record(spec: SystemSpec) -> dict[str, Any]:
    """The training record beside the weights; empty where there is none that can be read."""
    if not spec.weights:
        return {}
    try:
        record = json.loads(Path(spec.weights).with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _fingerprint(
    spec: SystemSpec,
    entry: catalog.Entry,
    net: torch.nn.Module,
    *,
    device: DeviceInfo,
    packages: Sequence[str],
) -> Fingerprint:
    software = {"backend": spec.backend, **environment.versions(packages)}
    configuration = {
        "precision": spec.precision,
        "threads": spec.threads,
        "batch": spec.batch,
        "scale": spec.scale,
    }
    driver = {key: device.facts.get(key) for key in ("driver", "cuda", "cudnn")}
    return Fingerprint(
        network=catalog.network_hash(entry, spec.scale),
        weights=network.weights_hash(net),
        data=spec.data_hash or "random",
        software=environment.digest(software),
        device=environment.digest({**devices.identity(device), **driver}),
        configuration=environment.digest(configuration),
    )


def _meter(
    spec: SystemSpec, subject: meters.Subject, *, preferred: tuple[str, ...]
) -> tuple[Metered, Rate | None, str | None]:
    """The meter, and the idle power it measures before anything runs."""
    try:
        name, meter = meters.choose(
            spec.meter, subject, preferred=preferred, cache=Path(spec.cache)
        )
    except NotMeasurable as error:
        return Metered(meter=None, subject=subject, reason=str(error)), None, str(error)
    _phase(f"meter {name}")
    try:
        return Metered(meter=meter, subject=subject), meter.idle_power(subject), None
    except NotMeasurable as error:
        return Metered(meter=meter, subject=subject), None, str(error)


def _window(
    scenario: str,
    executable: Executable,
    pool: Sequence[Arrays],
    *,
    spec: SystemSpec,
    frames: Sequence[float],
    shares: Sequence[int],
    metered: Metered,
    plug: devices.Device,
    device: DeviceInfo,
    resident_b: int,
) -> Window:
    batch = spec.batch_of(scenario)
    cycle_frames = sum(f * s for f, s in zip(frames, shares, strict=True)) * batch
    rounds = len(pool) // sum(shares)
    seconds = spec.seconds
    if metered.meter is not None and metered.meter.measures:
        if scenario in (OFFLINE, REAL_TIME):
            seconds = max(seconds, metered.meter.window_s)
        elif seconds < metered.meter.window_s:
            metered = Metered(
                meter=None,
                subject=metered.subject,
                reason=f"the {seconds:g}-s window of {scenario} is too short for the meter, "
                f"which needs {metered.meter.window_s:g} s; energy is measured in {OFFLINE} and "
                f"{REAL_TIME}",
            )
    load = Load(
        scenario=scenario,
        calls=[executable.bind(query) for query in pool],
        batch=batch,
        frames=cycle_frames * rounds,
        wait=plug.synchroniser(device),
        queued=scenario == OFFLINE,
    )

    def start_memory() -> None:
        _give_back_memory()
        plug.start_memory(device)

    def peak_memory() -> int:
        # on the processor the interpreter and the libraries are in the figure: they come off
        imports_b = resident_b if device.kind == "cpu" else 0
        return max(0, plug.peak_memory(device) - imports_b)

    gauges = Gauges(
        metered=metered,
        start_memory=start_memory,
        peak_memory=peak_memory,
        clocks=devices.clock_reader(plug, device),
    )
    if scenario == REAL_TIME:
        if spec.rate is None:
            raise NotMeasurable(scenarios.NO_RATE)
        warmth = performance.warm_up_load(load, at_most_s=spec.warmup_s)
        return scenarios.real_time(load, warmth, gauges, rate=spec.rate, seconds=seconds)
    if scenario == SERVER:
        if spec.latency_bound_s is None:
            raise NotMeasurable(scenarios.NO_BOUND)
        warmth = performance.warm_up_load(load, at_most_s=spec.warmup_s)
        demand = scenarios.Demand(
            bound_s=spec.latency_bound_s,
            seconds=seconds,
            min_queries=spec.min_queries,
            seed=spec.seed,
        )
        return scenarios.server(load, warmth, gauges, demand)
    return performance.measure(
        load,
        seconds=seconds,
        warmup_s=spec.warmup_s,
        gauges=gauges,
        min_queries=1 if scenario == OFFLINE else spec.min_queries,
    )


def _with_idle(window: Window, idle: Rate | None, reason: str | None) -> Window:
    """The idle power that was measured before all windows, written into each one's reading."""
    if window.energy is None:
        return window
    energy = replace(
        window.energy,
        idle_power_w=None if idle is None else idle.value,
        idle_power_reason=reason,
    )
    return replace(window, energy=energy)


def _doubts(
    windows: Sequence[Window],
    counts: Sequence[Count],
    apart: Distance,
    calibrations: Sequence[Calibration],
    *,
    score: Score | None,
    probe: Probe,
    device: DeviceInfo,
) -> tuple[Doubt, ...]:
    found: list[Doubt] = []
    for window in windows:
        if not window.steady:
            moved = (
                ""
                if window.movement is None
                else f" (the median still moved {window.movement:.1%})"
            )
            found.append(
                Doubt(
                    code="not_steady",
                    message=(
                        f"{window.scenario}: not steady after {window.warmup_s:.1f} s of warm-up"
                        f"{moved}. Measure it on a quieter machine or in a suite of longer windows"
                    ),
                )
            )
        if device.kind == "cpu":
            found += contention.doubts(window, cores=device.units)
        found += throttling.doubts(window)
        found += meters.doubts(window)
    uncounted = sorted({name for each in counts for name in each.uncounted})
    if uncounted:
        found.append(
            Doubt(
                code="uncounted",
                message=(
                    f"operators without a FLOP formula: {', '.join(uncounted)}. Work is too low "
                    "by theirs; give them one in benchsuite/accounting/formulas.py"
                ),
            )
        )
    if apart.relative_error is None:
        found.append(
            Doubt(
                code="parity",
                message=(
                    "the outputs are not finite (NaN or infinity), so no answer is right. Look at "
                    "the weights and the input's range"
                ),
            )
        )
    elif apart.relative_error > apart.tolerance:
        found.append(
            Doubt(
                code="parity",
                message=(
                    f"outputs differ from eager fp32 by {apart.relative_error:.2g} (relative), "
                    f"allowed {apart.tolerance:g}: a change of the answer when only the software "
                    "changed is a bug. Compare layer by layer"
                ),
            )
        )
    if score is not None and score.left_out:
        found.append(
            Doubt(
                code="left_out",
                message=(
                    f"the accuracy rests on {score.samples} samples; {score.left_out} could not be "
                    "read (accuracy's `how` names the first). Repair the data"
                ),
            )
        )
    if probe.disturbed:
        found.append(
            Doubt(
                code="contended",
                message=(
                    f"the device's peak was probed while {probe.disturbed}. It is probed again "
                    "with the next system; or benchsuite hw probe, on a quiet machine"
                ),
            )
        )
    drift = sum(c.peak for c in calibrations) / len(calibrations) / probe.calibration_peak
    if not 0.8 <= drift <= 1.25:
        found.append(
            Doubt(
                code="drift",
                message=(
                    f"the machine runs at {drift:.0%} of its pinned speed now. If that stays so, "
                    "probe it again: benchsuite hw probe"
                ),
            )
        )
    return tuple(found)


def _resident_after_imports(packages: Sequence[str]) -> int:
    """Resident bytes once everything that the backend imports is imported."""
    import importlib

    import psutil

    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError:
            continue
    _give_back_memory()
    return int(psutil.Process().memory_info().rss)


def _give_back_memory() -> None:
    """Returns freed memory to the system, so that what preparing took does not count."""
    import gc

    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        pass  # not the GNU C library


def _await_turn(spec: SystemSpec) -> None:
    """Sleeps until the run lets this worker measure, where others live beside it."""
    if not spec.turns:
        return
    _phase(TURN)
    if not sys.stdin.readline():  # the run is gone
        raise SystemExit(FAILED)


def _phase(name: str) -> None:
    print(f"{PHASE_MARK}{json.dumps({'phase': name})}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
