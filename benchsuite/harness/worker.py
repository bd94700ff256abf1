"""The worker: measures one system in a process of its own and writes a raw measurement.

Started by `benchsuite.run` as `python -m benchsuite.harness.worker SPEC OUT PARENT`, threads and
wait policy already in the environment. Phases go to standard output, one JSON line each.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import NoReturn

import msgspec

from benchsuite import backends, devices, durations, environment, meters, plugins
from benchsuite.backends import Job
from benchsuite.errors import BenchsuiteError, NotMeasurable, one_line
from benchsuite.harness import (
    accuracy,
    counting,
    doubts,
    layers,
    memory,
    phases,
    pinning,
    probing,
    queries,
    reference,
    stages,
    subject,
    windows,
)
from benchsuite.harness.subject import System
from benchsuite.metrics import ELEMENT_B
from benchsuite.types import (
    Arrays,
    Calibration,
    Count,
    DeviceInfo,
    Distance,
    Executable,
    Measurement,
    Probe,
    Rate,
    Score,
    SystemSpec,
    Turn,
    Window,
)

FAILED = 70  # exit status: the reason is in OUT
_PR_SET_PDEATHSIG = 1
_AFTER_A_FAILURE = "See dmesg (Xid) and the device's own tool, then: benchsuite run --resume RUN"
_TRIAL = "a trial"


def main(arguments: Sequence[str]) -> int:
    """Measures the system of the file SPEC into the file OUT."""
    spec_path, out_path = (Path(argument) for argument in arguments[:2])
    end_with_parent(int(arguments[2]))
    spec = msgspec.json.decode(spec_path.read_bytes(), type=SystemSpec)
    try:
        if not spec.turns:
            pinning.bind(spec.threads, device=spec.device, cores=spec.cores)
        plugins.search((backends, devices, meters), map(Path, spec.roots))
        measurement = measure_system(spec)
    except BenchsuiteError as error:
        return _failed(out_path, one_line(error))
    except (MemoryError, RuntimeError) as error:
        if _out_of_memory(error):
            return _failed(out_path, f"out of memory: {one_line(error)}")
        if _device_failed(error):
            first = str(error).strip().partition("\n")[0]  # the rest is advice to torch's authors
            return _failed(out_path, f"the device failed: {first}. {_AFTER_A_FAILURE}", midway=True)
        raise
    _write(measurement, out_path)
    if spec.turns:
        leave(0)
    return 0


def leave(code: int) -> NoReturn:
    """Ends this process without the libraries' own leave-taking: others wait for their turn."""
    atexit._run_exitfuncs()  # temporary folders go
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _write(measurement: Measurement, path: Path) -> None:
    """The measurement as JSON, and each window's durations in a file of their own beside it."""
    for number, window in enumerate(measurement.windows):
        durations.write(path.with_suffix(f".{number}"), window.durations_ns)
    brief = [replace(window, durations_ns=()) for window in measurement.windows]
    path.write_bytes(msgspec.json.encode(replace(measurement, windows=tuple(brief))))


def read(path: Path) -> Measurement:
    """What a worker wrote.

    Raises:
        OSError, ValueError: A file is missing or broken.
    """
    brief = msgspec.json.decode(path.read_bytes(), type=Measurement)
    windows = [
        replace(window, durations_ns=durations.read(path.with_suffix(f".{number}")))
        for number, window in enumerate(brief.windows)
    ]
    return replace(brief, windows=tuple(windows))


def _failed(out_path: Path, reason: str, *, midway: bool = False) -> int:
    """Leaves the reason; `midway` has the run add in which phase it was."""
    out_path.write_text(json.dumps({"reason": reason, "midway": midway}), encoding="utf-8")
    return FAILED


def _device_failed(error: Exception) -> bool:
    """Whether an accelerator, its driver or its link gave up, as torch words it."""
    text = str(error).lower()
    said = ("cuda error", "hip error", "cublas_status", "cudnn_status", "nccl error", "xpu error",
            "level zero error", "mps backend")  # fmt: skip
    return type(error).__name__ == "AcceleratorError" or any(words in text for words in said)


def _out_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    said = ("out of memory", "not enough memory", "can't allocate memory", "bad_alloc")
    return isinstance(error, MemoryError) or any(words in text for words in said)


def end_with_parent(parent: int) -> None:
    """Asks Linux to end this process when the run that started it is gone, however it ended."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return  # another system: the run ends its workers itself unless it is killed
    if os.getppid() != parent:  # it went before we could ask
        raise SystemExit(FAILED)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Expected:
    """What the answer must be, found before a backend may change the network.

    Attributes:
        pools: Queries of a load cycle, by batch.
        samples: A query of each signature at the first scenario's batch.
        answers: Eager fp32's to `samples`.
        whole: Eager fp32's on the whole test split, where they can be kept.
        score: Eager fp32's accuracy; None with `score_reason`.
    """

    pools: dict[int, list[Arrays]]
    samples: list[Arrays]
    answers: list[Arrays]
    whole: list[Arrays] | None
    score: Score | None
    score_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ready:
    """A system that a backend has made ready to answer queries."""

    executable: Executable
    compile_time_s: float
    how: str
    resident_b: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pinned:
    """The probe at the system's setting, the device's fp32 peak, and what repeats the kernels."""

    probe: Probe
    device_peak: Rate


def measure_system(spec: SystemSpec) -> Measurement:
    """Measures one system from start to end.

    Raises:
        BadInput, NotMeasurable: The system cannot be measured; the text says why.
    """
    import torch

    torch.set_num_threads(spec.threads)
    torch.set_grad_enabled(False)
    device = devices.find(spec.device)
    plug = devices.device(device.kind)
    backend = backends.backend(spec.backend)
    missing = backend.missing(device.kind, spec.precision)
    if missing:
        raise NotMeasurable(missing)

    phases.tell("probe")
    pinned = _pinned(plug, device, spec)

    phases.tell("build")
    system = subject.load(spec, device, backend)

    phases.tell("count")
    counts = counting.counts(
        system.entry, spec.scale, system.batches, cache=system.cache, dataset=spec.dataset
    )
    expected = _expected(system)

    calibrator: probing.Calibrator | None = None
    calibrations: list[Calibration] = []
    if not spec.trial:
        # before the memory's base level is read: the pinned kernel may be another library's, whose
        # import is no part of the system
        calibrator = probing.Calibrator(plug, device, pinned.probe)
        if spec.turns:
            phases.await_turn()
        phases.tell("calibration")
        calibrations = [calibrator.run()]
        if calibrations[0].peak > probing.OUTRUN * pinned.probe.calibration_peak:
            pinned = _pinned(plug, device, spec, anew=True)
            calibrator = probing.Calibrator(plug, device, pinned.probe)
            calibrations = [calibrator.run()]

    phases.tell("prepare")
    ready = _prepare(system, backend, expected)

    envelope, cap = plug.power(device)
    metered, idle, idle_reason = windows.meter(system, preferred=plug.meters)
    setting = windows.Setting(
        system=system,
        executable=ready.executable,
        plug=plug,
        metered=metered,
        idle=idle,
        idle_reason=idle_reason,
        resident_b=ready.resident_b,
    )
    if spec.turns:
        gc.collect()
        gc.freeze()  # a hundred thousand objects of the libraries', which each turn goes through
    measured, taken, unmet = _windows(setting, expected)
    if calibrator is not None:
        phases.tell("calibration")
        calibrations.append(calibrator.run())

    phases.tell("accuracy")
    with torch.inference_mode():
        score, score_reason, apart = _judged(system, ready.executable, expected)
        times, before, after = _parts(
            system, ready.executable, expected, counts=counts, probe=pinned.probe
        )

    return Measurement(
        windows=tuple(measured),
        turns=taken,
        counts=counts,
        probe=pinned.probe,
        device_peak=pinned.device_peak,
        calibrations=tuple(calibrations),
        compile_time_s=ready.compile_time_s,
        compile_how=(f"{ready.how}; until a first query of each batch and shape was answered"),
        precision_ran=ready.executable.precision_ran,
        distance=apart,
        distance_reason=None,
        accuracy=score,
        accuracy_reason=score_reason,
        reference=expected.score,
        reference_reason=expected.score_reason,
        fingerprint=system.fingerprint,
        device=device,
        power_envelope=envelope,
        power_cap=cap,
        idle_power=idle,
        idle_power_reason=idle_reason,
        samples_trained=system.record.get("samples_trained"),
        preprocessing=before[0],
        preprocessing_reason=before[1],
        postprocessing=after[0],
        postprocessing_reason=after[1],
        doubts=doubts.of_measurement(
            measured,
            counts,
            apart,
            calibrations,
            score=score,
            probe=pinned.probe,
            device=device,
            threads=spec.threads,
            meter=spec.meter,
        ),
        environment=environment.capture(
            device,
            threads=torch.get_num_threads(),
            workload=system.entry.path,
            plug_ins=system.plug_ins,
        ),
        unmet=unmet,
        layer_times=times[0],
        layer_times_reason=times[1],
    )


def _pinned(
    plug: devices.Device, device: DeviceInfo, spec: SystemSpec, *, anew: bool = False
) -> _Pinned:
    """The pinned probe at the system's setting, and the device's fp32 peak on all its cores.

    `anew` probes the system's setting again, for a kernel that outruns what was pinned.
    """
    cache = Path(spec.cache)
    own_threads = device.kind == "cpu"
    threads = spec.threads if own_threads else 0
    if anew:
        probing.unpin(cache, probing.pinned_key(device, precision=spec.precision, threads=threads))
    system = probing.ensure(plug, device, precision=spec.precision, threads=threads, cache=cache)
    whole = probing.ensure(
        plug, device, precision="fp32", threads=device.units if own_threads else 0, cache=cache
    )
    peak = replace(whole.peak, how=f"{whole.peak.how} on {whole.measured_at}")
    return _Pinned(probe=system, device_peak=peak)


def _expected(system: System) -> _Expected:
    """The queries of every batch, and what eager fp32 answers."""
    spec, batches = system.spec, system.batches
    pools = {
        batch: queries.pool(system.entry, spec, system.inputs, batch=batch) for batch in batches
    }
    samples = queries.one_of_each(pools[batches[0]], system.shares)
    answers = accuracy.reference_outputs(system.net, samples)
    whole = reference.outputs(system)
    score, reason = reference.score(system, whole)
    return _Expected(
        pools=pools,
        samples=samples,
        answers=answers,
        whole=whole,
        score=score,
        score_reason=reason,
    )


def _prepare(system: System, backend: backends.Backend, expected: _Expected) -> _Ready:
    """Lets the backend make the network ready, until a first query of each kind is answered.

    Raises:
        NotMeasurable: The backend cannot, or computes in another precision.
    """
    started = perf_counter()
    spec = system.spec
    job = Job(
        device=system.device,
        precision=spec.precision,
        threads=spec.threads,
        samples=tuple(expected.samples),
        batches=system.batches,
        key=system.artefact_key,
        cache=system.cache,
        calibration=queries.calibration(system.entry, spec),
        graph=system.graph,
    )
    packages = backend.imports(job)
    resident_b = memory.resident_after_imports(packages)
    executable = _prepared(system, backend, job, expected)
    compile_time_s, how = perf_counter() - started, executable.how
    if executable.precision_ran != spec.precision:
        raise NotMeasurable(
            f"backend {spec.backend} was told to compute in {spec.precision} and computed in "
            f"{executable.precision_ran}"
        )
    if backend.imports(job) != packages:
        # it made what it now has in its cache; what that left in memory is no part of the system
        del executable
        resident_b = memory.resident_after_imports(backend.imports(job))
        executable = _prepared(system, backend, job, expected)
    return _Ready(
        executable=executable, compile_time_s=compile_time_s, how=how, resident_b=resident_b
    )


def _prepared(
    system: System, backend: backends.Backend, job: Job, expected: _Expected
) -> Executable:
    """What the backend makes ready, after a first query of each kind."""
    import torch

    executable = backend.prepare(system.net, job)
    with torch.inference_mode():
        for pool in expected.pools.values():
            for query in queries.one_of_each(pool, system.shares):
                executable.run(query)
    return executable


def _windows(
    setting: windows.Setting, expected: _Expected
) -> tuple[list[Window], dict[str, tuple[Turn, ...]], dict[str, str]]:
    """A window a scenario, its turns; and for a scenario that cannot be met, why."""
    import torch

    spec = setting.system.spec
    measured: list[Window] = []
    taken: dict[str, tuple[Turn, ...]] = {}
    unmet: dict[str, str] = {}
    with torch.inference_mode():
        for scenario in spec.scenarios:
            pool = expected.pools[spec.batch_of(scenario)]
            try:
                if spec.turns:
                    turn = phases.await_turn
                    window, taken[scenario] = windows.measure_in_turns(
                        scenario, pool, setting, turn=turn
                    )
                    measured.append(window)
                    continue
                phases.tell(scenario)
                measured.append(windows.measure(scenario, pool, setting))
            except NotMeasurable as error:
                unmet[scenario] = one_line(error)
    return measured, taken, unmet


def _judged(
    system: System, executable: Executable, expected: _Expected
) -> tuple[Score | None, str | None, Distance]:
    """The accuracy of what was timed or why there is none, and its distance from eager fp32."""
    score, reason, outputs = accuracy.score(system, executable)
    if expected.whole and outputs:
        answered, right = outputs, expected.whole
    else:
        answered = [executable.run(sample) for sample in expected.samples]
        right = expected.answers
    return score, reason, accuracy.distance(answered, right, precision=system.spec.precision)


def _parts(
    system: System,
    executable: Executable,
    expected: _Expected,
    *,
    counts: Sequence[Count],
    probe: Probe,
) -> tuple[layers.Found, stages.Found, stages.Found]:
    """Where a query's time goes by layer, and what comes before and after the network."""
    if system.spec.trial:
        return (None, _TRIAL), (None, _TRIAL), (None, _TRIAL)
    batch, sample = system.batches[0], expected.samples[0]
    times = layers.layer_times(
        executable,
        sample,
        next(c for c in counts if c.batch == batch),
        peak=probe.peak.value,
        bandwidth=probe.bandwidth.value,
        element_b=ELEMENT_B[system.spec.precision],
    )
    frames = system.scale.signatures[0].frames
    before = stages.preprocessing(
        system.entry,
        system.test,
        system.inputs,
        frames=[signature.frames for signature in system.scale.signatures],
    )
    after = stages.postprocessing(system.entry, executable, sample, frames=frames * batch)
    return times, before, after


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
