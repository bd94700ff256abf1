"""Probes what a device can do: the best rate any installed library reaches, pinned in the cache."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter, sleep

import msgspec

from benchsuite import devices, plugins
from benchsuite.devices import Device, Kernel, cache_kernels, identity, program_reader
from benchsuite.errors import NotMeasurable
from benchsuite.harness import contention, pinning
from benchsuite.types import Calibration, DeviceInfo, Probe, Rate

SWEEP_S = 0.4
FINAL_S = 0.3
FINALISTS = 3
CONFIRM_S = 0.2
BANDWIDTH_S = 0.24
CACHE_S = 0.15
CALIBRATION_S = 0.15
ATTEMPTS = 3
RETRY_S = 60.0
PAUSE_S = 1.0
# a calibration this much above the probe's own: the probe was made on a slower, disturbed machine
OUTRUN = 1.25
_LIBRARIES = ("torch", "onnxruntime", "numpy")
# raised where the kernels or the way they are timed change: older pinned probes are made anew
_RULES = 2


@plugins.blaming((devices,))
def probe(
    device: Device, info: DeviceInfo, *, precision: str, threads: int, attempts: int = ATTEMPTS
) -> Probe:
    """The best of up to `attempts` sweeps: one that nothing else disturbed is enough.

    Takes about 2 s on a quiet machine. Where every sweep was disturbed the best of them is given
    with `disturbed`, which says by what.

    Args:
        device: The plug-in.
        info: Which device.
        precision: As in `--precision`.
        threads: Threads of this process, already set; 0 where the device has none.

    Raises:
        NotMeasurable: No kernel runs at that precision.
    """
    best: Probe | None = None
    for attempt in range(attempts):
        if attempt:
            sleep(PAUSE_S)
        watcher = contention.Watcher(program_reader(device, info))
        started = perf_counter()
        found = _probe_once(device, info, precision=precision, threads=threads)
        seconds = perf_counter() - started
        counters = watcher.stop()
        # an accelerator's work is not done by the processor's cores, and a sweep queues it ahead
        disturbed = (
            contention.disturbance(counters, seconds=seconds, cores=info.units, threads=threads)
            if info.kind == "cpu"
            else contention.on_board(counters)
        )
        found = replace(found, disturbed=disturbed)
        best = found if best is None or not disturbed else _better(best, found)
        if not disturbed:
            break
    assert best is not None
    return best


def ensure(device: Device, info: DeviceInfo, *, precision: str, threads: int, cache: Path) -> Probe:
    """The pinned probe, or a new one, pinned; a disturbed one is tried again after a minute.

    Sets torch's threads, and where this process is bound to, for the sweep and back.

    Raises:
        NotMeasurable: No kernel runs at that precision.
    """
    import torch

    key = pinned_key(info, precision=precision, threads=threads)
    known = read_pinned(cache, key)
    if known is not None and (known.disturbed is None or _age_s(known) < RETRY_S):
        return known
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, threads or before))
    attempts = ATTEMPTS if known is None else 1
    with pinning.room_for(threads):
        found = probe(device, info, precision=precision, threads=threads, attempts=attempts)
    torch.set_num_threads(before)
    if known is not None and found.disturbed is not None:
        found = _better(known, found)
    pin(cache, key, found)
    return found


def _age_s(known: Probe) -> float:
    try:
        made = datetime.fromisoformat(known.measured_at)
    except ValueError:
        return float("inf")
    return (datetime.now(UTC) - made).total_seconds()


def _better(one: Probe, other: Probe) -> Probe:
    """Of two disturbed probes the higher peak and the higher bandwidth: others only slow down."""
    compute = other if other.peak.value > one.peak.value else one
    memory = other if other.bandwidth.value > one.bandwidth.value else one
    return replace(
        compute, bandwidth=memory.bandwidth, calibration_bandwidth=memory.calibration_bandwidth
    )


def _probe_once(device: Device, info: DeviceInfo, *, precision: str, threads: int) -> Probe:
    wait = device.synchroniser(info)
    kernels = list(device.compute_kernels(info, precision=precision, threads=threads))
    streams = list(device.bandwidth_kernels(info))
    at = f"the peak at {precision}"
    ranked = _sweep(kernels, wait, seconds=SWEEP_S, what=at)
    finalists = [kernel for kernel, _ in ranked[:FINALISTS]]
    ranked_again = _sweep(finalists, wait, seconds=FINAL_S, what=at)
    winner, peak = ranked_again[0]
    memory = "the bandwidth of main memory"
    stream, bandwidth = _sweep(streams, wait, seconds=BANDWIDTH_S, what=memory)[0]
    rates = _rates(winner.make(), winner.amount, wait, seconds=CONFIRM_S)
    setting = f"{precision}, {threads} thread{'s' * (threads > 1)}" if threads else precision
    return Probe(
        precision=precision,
        threads=threads,
        kernel=winner.name,
        peak=Rate(
            value=max(peak, *rates),
            how=f"best of {len(kernels)} kernels at {setting}: {winner.name}; pinned",
        ),
        bandwidth=Rate(
            value=bandwidth,
            how=f"best of {len(streams)} streams through main memory: {stream.name}, bytes counted "
            "as STREAM does; pinned",
        ),
        calibration_peak=max(rates),
        calibration_bandwidth=bandwidth,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


@plugins.blaming((devices,))
def caches(device: Device, info: DeviceInfo) -> list[dict[str, object]]:
    """Read bandwidth of each cache level of a device, by all of this process's threads together.

    Empty where the device's plug-in has no `cache_kernels`.
    """
    wait = device.synchroniser(info)
    found = []
    for level, size_b, kernel in cache_kernels(device, info):
        rate = max(_rates(kernel.make(), kernel.amount, wait, seconds=CACHE_S))
        how = f"reads, all threads together: {kernel.name} ({level} has {size_b >> 10} KiB)"
        found.append({"level": level, "size_b": size_b, "value": rate, "how": how})
    return found


class Calibrator:
    """Repeats a probe's winning kernels beside a system, to tell the machine's drift."""

    def __init__(self, device: Device, info: DeviceInfo, pinned: Probe) -> None:
        kernels = device.compute_kernels(info, precision=pinned.precision, threads=pinned.threads)
        kernel = next((k for k in kernels if k.name == pinned.kernel), None)
        told = [k for k in device.bandwidth_kernels(info) if k.name in pinned.bandwidth.how]
        stream = max(told, key=lambda k: len(k.name), default=None)  # one name may hold another
        if kernel is None:
            raise NotMeasurable(f"the pinned kernel {pinned.kernel!r} is not there any more")
        if stream is None:
            raise NotMeasurable(f"none of the streams is the pinned one: {pinned.bandwidth.how}")
        self._wait = device.synchroniser(info)
        self._kernel, self._stream = kernel, stream

    def load(self) -> None:
        """Imports what the kernels need, so that a later `run` does not."""
        self._kernel.make()
        self._stream.make()

    @plugins.blaming((devices,))
    def run(self) -> Calibration:
        """Runs both kernels for about 0.15 s in all."""
        started = perf_counter()
        # the data are made anew each time: a system's own memory is not taken meanwhile
        peak = _rates(
            self._kernel.make(), self._kernel.amount, self._wait, seconds=CALIBRATION_S / 2
        )
        band = _rates(
            self._stream.make(), self._stream.amount, self._wait, seconds=CALIBRATION_S / 2
        )
        # the best of each, as in the probe: another process's noise is contention, not drift
        return Calibration(peak=max(peak), bandwidth=max(band), seconds=perf_counter() - started)


def pinned_key(info: DeviceInfo, *, precision: str, threads: int) -> str:
    """What a pinned probe is kept by: device, libraries, precision, threads, a user's plug-in."""
    libraries = {name: _version(name) for name in _LIBRARIES}
    facts: list[object] = [_RULES, identity(info), libraries, precision, threads]
    if own := plugins.own_code(devices, info.kind):
        facts.append(own)  # kernels of the user's own device
    text = json.dumps(facts, sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


def read_pinned(cache: Path, key: str) -> Probe | None:
    """The pinned probe of a key, if there is one that can be read."""
    try:
        return msgspec.json.decode((cache / "probes" / f"{key}.json").read_bytes(), type=Probe)
    except (OSError, msgspec.DecodeError):
        return None


def pin(cache: Path, key: str, result: Probe) -> None:
    """Keeps a probe until the device, a library or the user's cache changes."""
    folder = cache / "probes"
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{key}.{os.getpid()}"
    draft.write_bytes(msgspec.json.encode(result))
    draft.replace(folder / f"{key}.json")


def pin_unless_worse(cache: Path, key: str, result: Probe) -> Probe:
    """Keeps a fresh probe, but not a disturbed one in the place of one that nothing disturbed.

    Returns:
        What is pinned then.
    """
    known = read_pinned(cache, key)
    if known is not None and result.disturbed is not None:
        result = known if known.disturbed is None else _better(known, result)
    pin(cache, key, result)
    return result


def unpin(cache: Path, key: str) -> None:
    """Forgets a pinned probe."""
    (cache / "probes" / f"{key}.json").unlink(missing_ok=True)


def _sweep(
    kernels: Sequence[Kernel],
    wait: Callable[[], object] | None,
    *,
    seconds: float,
    what: str,
) -> list[tuple[Kernel, float]]:
    """The kernels that run here with the best rate of each, the fastest first."""
    found = []
    failures = []
    for kernel in kernels:
        try:
            call = kernel.make()
            rate = max(_rates(call, kernel.amount, wait, seconds=seconds / len(kernels)))
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            failures.append(f"{kernel.name}: {error}")
            continue
        found.append((kernel, rate))
    if not found:
        why = failures[0] if failures else "no kernel is known for it"
        raise NotMeasurable(f"{what} cannot be probed here: {why}")
    return sorted(found, key=lambda pair: pair[1], reverse=True)


def _rates(
    call: Callable[[], object],
    amount: float,
    wait: Callable[[], object] | None,
    *,
    seconds: float,
) -> list[float]:
    """Rates of single calls (of ten queued ones on an asynchronous device) for about `seconds`.

    At least three, unless they take twice that long.
    """
    calls = 1 if wait is None else 10
    started = perf_counter()
    for _ in range(2):
        call()
        if wait is not None:
            wait()
        if perf_counter() - started > seconds:
            break
    rates: list[float] = []
    end = perf_counter() + seconds
    while not rates or perf_counter() < (end if len(rates) >= 3 else end + seconds):
        started = perf_counter()
        for _ in range(calls):
            call()
        if wait is not None:
            wait()
        rates.append(calls * amount / (perf_counter() - started))
    return rates


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
