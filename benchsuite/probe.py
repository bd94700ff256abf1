"""Probes the device at hand: what `benchsuite hw probe` measures, and pins anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchsuite import device_lock, devices, environment, hw, meters, plugins
from benchsuite.accounting.roofline import Roof
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.harness import pinning, probing
from benchsuite.types import DeviceInfo, Probe, Rate

_CACHES = "caches"
_PRECISIONS = ("fp32", "tf32", "bf16", "fp16", "int8")


def probe_device(
    name: str | None,
    *,
    cache: Path,
    roots: Sequence[Path],
    threads: int | None = None,
    on_wait: Callable[[str], None],
) -> dict[str, Any]:
    """Measures and pins the peaks of a device at every precision it has.

    A probe that others disturbed does not replace one that nothing disturbed.

    Args:
        name: As `--device`; None for the default one.
        cache: Where the probes are pinned.
        roots: Content folders.
        threads: Of a processor; all cores by default.
        on_wait: Told who measures on the device while this waits for it.

    Raises:
        BadInput: There is no such device, it has not so many processors, or the probing process
            failed.
    """
    device = devices.find(name) if name else devices.default_device()
    devices.check_threads(threads, device)
    with device_lock.held(cache, device.label, on_wait):
        return _probed(device, cache=cache, roots=roots, threads=threads)


def _probed(
    device: DeviceInfo, *, cache: Path, roots: Sequence[Path], threads: int | None
) -> dict[str, Any]:
    plug = devices.device(device.kind)
    used = (threads or device.units) if device.kind == "cpu" else 0
    peaks: dict[str, Any] = {}
    bandwidth: Rate | None = None
    for precision in _PRECISIONS:
        found = _in_its_own_process(
            device, precision=precision, threads=used, cache=cache, roots=roots
        )
        if isinstance(found, str):
            peaks[precision] = {"value": None, "how": "not measured", "reason": found}
        else:
            doubt = f"; doubtful, as {found.disturbed}" if found.disturbed else ""
            peaks[precision] = {"value": found.peak.value, "how": found.peak.how + doubt}
            bandwidth = bandwidth or replace(found.bandwidth, how=found.bandwidth.how + doubt)
    if bandwidth is None:
        raise BadInput(f"{device.label} could not be probed: {peaks['fp32']['reason']}")
    model = hw.describe(device, roots=roots)
    subject = meters.subject(device, threads=max(1, used), roots=roots)
    envelope = subject.envelope
    return {
        "device": device.label,
        "device_name": device.name,
        "threads": used,
        "peaks": peaks,
        "bandwidth": {"value": bandwidth.value, "how": bandwidth.how},
        "caches": _caches(device, threads=used, cache=cache, roots=roots),
        "idle_power": _idle(subject, preferred=plug.meters, cache=cache),
        "power_envelope": (
            _absent("neither the driver nor a hw/*.toml tells it")
            if envelope is None
            else {"value": envelope.value, "how": envelope.how}
        ),
        "model": None if model is None else f"hw/{model.key}.toml",
    }


def roof(model: str | None, *, device: str | None, cache: Path, roots: Sequence[Path]) -> Roof:
    """Peak and bandwidth in fp32 of a device model, or of a device here as it was probed.

    Args:
        model: A name of `hw list`; None for a device of this machine.
        device: As `--device`; None for the default one.
        cache: Where probes are pinned.
        roots: Content folders.

    Raises:
        BadInput: No such model or device, it lacks a figure, or it was not probed yet.
    """
    if model is not None:
        found = hw.as_json(hw.named(model, roots=roots))
        peak, bandwidth = found["peaks"].get("fp32"), found["bandwidth"]
        if not peak or not bandwidth:
            lacks = "fp32 peak" if not peak else "bandwidth"
            raise BadInput(f"hw/{model}.toml gives no {lacks}, so that it has no roofline")
        return Roof(
            device=found["title"],
            peak=peak["value"],
            bandwidth=bandwidth["value"],
            how=f"{found['title']}, whole device, datasheet figures (benchsuite hw show {model})",
        )
    here = devices.find(device) if device else devices.default_device()
    threads = here.units if here.kind == "cpu" else 0
    key = probing.pinned_key(here, precision="fp32", threads=threads)
    known = probing.read_pinned(cache, key)
    if known is None:
        raise BadInput(
            f"{here.label} was not probed yet: run benchsuite hw probe --device {here.label}, or "
            "name a device model: --hw NAME (benchsuite hw list)"
        )
    return Roof(
        device=here.name,
        peak=known.peak.value,
        bandwidth=known.bandwidth.value,
        how=f"{here.name}: {known.peak.how}; {known.bandwidth.how}",
    )


def _idle(subject: meters.Subject, *, preferred: tuple[str, ...], cache: Path) -> dict[str, Any]:
    try:
        _, meter = meters.choose(meters.AUTOMATIC, subject, preferred=preferred, cache=cache)
        rate = meter.idle_power(subject)
    except NotMeasurable as error:
        return _absent(str(error))
    return {"value": rate.value, "low": rate.low, "high": rate.high, "how": rate.how}


def _absent(reason: str) -> dict[str, Any]:
    return {"value": None, "how": "not measured", "reason": reason}


def _in_its_own_process(
    device: DeviceInfo, *, precision: str, threads: int, cache: Path, roots: Sequence[Path]
) -> Probe | str:
    """A fresh probe, pinned; the reason where the device has none at that precision."""
    printed = _process(device, precision, threads=threads, cache=cache, roots=roots)
    if isinstance(printed, str):
        return printed
    key = probing.pinned_key(device, precision=precision, threads=threads)
    known = probing.read_pinned(cache, key)
    if known is None:
        return "the probe was not kept"
    if (disturbed := printed["not_replaced"]) is None:
        return known
    kept = f" on {known.measured_at} and kept, as during a new probe {disturbed}"
    return replace(
        known,
        peak=replace(known.peak, how=known.peak.how + kept),
        bandwidth=replace(known.bandwidth, how=known.bandwidth.how + kept),
    )


def _caches(
    device: DeviceInfo, *, threads: int, cache: Path, roots: Sequence[Path]
) -> list[dict[str, Any]]:
    """Bandwidth of the cache levels; what cannot be measured has its reason."""
    printed = _process(device, _CACHES, threads=threads, cache=cache, roots=roots)
    if isinstance(printed, str):
        levels = device.facts.get("caches", ())
        return [
            {"level": level["level"], "size_b": level["bytes"], **_absent(printed)}
            for level in levels
        ]
    found: list[dict[str, Any]] = printed
    return found


def _process(
    device: DeviceInfo, what: str, *, threads: int, cache: Path, roots: Sequence[Path]
) -> Any:
    """What the probing process prints (JSON); as text, why it failed."""
    process = subprocess.run(
        [
            *(sys.executable, "-m", "benchsuite.probe", device.label, what),
            *(str(threads), str(cache), *map(str, roots)),
        ],
        capture_output=True,
        text=True,
        env=environment.thread_variables(max(1, threads or os.cpu_count() or 1)),
        check=False,
    )
    if process.returncode == 0:
        return json.loads(process.stdout)
    lines = process.stderr.strip().splitlines()
    return lines[-1] if lines else f"the probing process ended with {process.returncode}"


def main(arguments: Sequence[str]) -> int:
    """The probing process: DEVICE PRECISION|caches THREADS CACHE ROOT...; prints JSON."""
    label, what, threads_text, cache, *roots = arguments
    threads = int(threads_text)
    pinning.bind(threads, device=label)
    import torch

    plugins.search((devices, meters), map(Path, roots))
    torch.set_grad_enabled(False)
    if threads:
        torch.set_num_threads(threads)
    device = devices.find(label)
    plug = devices.device(device.kind)
    if what == _CACHES:
        print(json.dumps(probing.caches(plug, device)))
        return 0
    try:
        found = probing.probe(plug, device, precision=what, threads=threads)
    except NotMeasurable as error:
        print(error, file=sys.stderr)
        return 1
    key = probing.pinned_key(device, precision=what, threads=threads)
    kept = probing.pin_unless_worse(Path(cache), key, found)
    disturbed = found.disturbed if kept.disturbed is None else None
    print(json.dumps({"pinned": key, "not_replaced": disturbed}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
