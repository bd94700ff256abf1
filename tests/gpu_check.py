"""What only a machine with an NVIDIA GPU shows, measured for real: `make gpu-check`. Not a test.

Networks at reference scale in every precision a backend runs, with the energy of a frame; beside
them the energy counter's period, the counter against integrated samples, idle power, the peak at
each precision and the bandwidth. All of it goes into `reports/data/gpu-NAME.json`, in the results
schema, with what is not a result under `gpu_check`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchsuite import catalog, devices, environment, exchange, meters, plan, probe, run
from benchsuite.catalog import Catalog
from benchsuite.devices import _nvml
from benchsuite.errors import BenchsuiteError, NotMeasurable
from benchsuite.meters import nvml
from benchsuite.store import Store, open_store
from benchsuite.types import OFFLINE, REFERENCE, SINGLE_STREAM, DeviceInfo, Result, RunInfo
from benchsuite.units import quantity

LEAST_NETWORKS = 8
PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
SECONDS = 5.0
WARMUP_S = 10.0
TIME_LIMIT_S = 1200.0
DATA = Path(__file__).parent.parent / "reports" / "data"
_NO_GPU = 2
_TOO_FEW = 1
# few networks of another kind stand for those; images fill the rest
_FIRST = ("audio/deepspeech2",)
_VIDEOS = 3


def main(arguments: Sequence[str]) -> int:
    """Measures, writes the file and prints what it holds."""
    options = _options(arguments)
    try:
        device = devices.device("cuda").discover()[0]
    except BenchsuiteError as error:
        print(f"gpu-check: needs a machine with an NVIDIA GPU: {error}", file=sys.stderr)
        return _NO_GPU
    roots = catalog.content_roots(())
    names = pick(catalog.load_catalog(roots), at_most=options.networks)
    cache = environment.cache_folder()
    try:
        subject = meters.subject(device, threads=1, roots=roots)
        facts = {
            "meter": board_facts(subject, cache=cache),
            "probe": probe.probe_device(device.label, cache=cache, roots=roots),
        }
        with tempfile.TemporaryDirectory(prefix="gpu-check-") as folder:
            store = open_store(Path(folder, "results.db"))
            info = measure(device, names, store=store, cache=cache, backends=options.backends)
            found = document(store, info, facts)
            path = options.output or DATA / f"gpu-{slug(device.name)}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            results = store.results(info.id)
    except BenchsuiteError as error:
        print(f"gpu-check: {error}", file=sys.stderr)
        return _NO_GPU
    print_summary(found["gpu_check"], results)
    print(f"written: {path}")
    missing = verdict(results)
    if missing:
        print(f"gpu-check: {missing}", file=sys.stderr)
        return _TOO_FEW
    return 0


def pick(found: Catalog, *, at_most: int) -> list[str]:
    """Networks of the catalogue that have a reference scale: speech, a few videos, images."""
    known = [name for name, entry in found.entries.items() if REFERENCE in entry.workload.scales]
    videos = sorted(name for name in known if name.startswith("video/"))
    chosen = [
        *(name for name in _FIRST if name in known),
        *videos[:_VIDEOS],
        *sorted(name for name in known if name.startswith("image/")),
        *videos[_VIDEOS:],
    ]
    return chosen[:at_most]


def measure(
    device: DeviceInfo,
    names: Sequence[str],
    *,
    store: Store,
    cache: Path,
    backends: tuple[str, ...],
) -> RunInfo:
    """Runs every network in every precision; what a backend does not run is stored as skipped."""
    request = plan.Request(
        targets=tuple(names),
        scale=REFERENCE,
        backends=backends,
        precisions=PRECISIONS,
        scenarios=(OFFLINE, SINGLE_STREAM),
        device=device.label,
        meter="nvml",
        seconds=SECONDS,
        warmup_s=WARMUP_S,
        time_limit_s=TIME_LIMIT_S,
    )
    planned = plan.make_plan(request, cache=cache, home=environment.data_folder())
    info = run.new_run({"check": "gpu"}, command="make gpu-check")
    store.add_run(info, plan=[*planned.specs, *(spec for spec, _ in planned.skipped)])
    run.execute(planned, info, store=store, goals=None, on_event=_show)
    return store.find_run(info.id)


def board_facts(subject: meters.Subject, *, cache: Path) -> list[dict[str, Any]]:
    """Of each board: its counter's period, what its power readings are, idle power, clocks."""
    driver = _nvml.driver_version()
    read_clocks = _nvml.clock_reader(subject.device)
    found = []
    for board in nvml.boards(subject):
        period = nvml.probed_period(board, driver=driver, cache=cache)
        found.append(
            {
                "board": board.name,
                "driver": driver,
                "power_readings": board.power_said,
                "counter": None if period is None else asdict(period),
                "counter_reason": None if period else "the board has no energy counter",
                "clocks_idle": None if read_clocks is None else asdict(read_clocks()),
            }
        )
    try:
        idle = nvml.METER.idle_power(subject)
        found[0]["idle_power"] = {"value": idle.value, "how": idle.how}
    except NotMeasurable as error:
        found[0]["idle_power"] = {"value": None, "how": "not measured", "reason": str(error)}
    return found


def document(store: Store, info: RunInfo, facts: dict[str, Any]) -> dict[str, Any]:
    """The results JSON with the check's own figures under `gpu_check`."""
    windows = []
    for result in store.results(info.id):
        window = store.window(result)
        energy = None if window is None else window.energy
        if window is None or energy is None:
            continue
        windows.append(
            {
                "workload": result.key.workload,
                "backend": result.key.backend,
                "precision": result.key.precision,
                "scenario": result.scenario,
                "source": energy.source,
                "seconds": energy.seconds,
                "energy_j": energy.energy_j,
                "low_j": energy.low_j,
                "high_j": energy.high_j,
                "samples_against_counter": energy.disagreement,
                "idle_power_w": energy.idle_power_w,
                "clocks": None if window.clocks is None else asdict(window.clocks),
            }
        )
    return {**exchange.to_json(store, [info]), "gpu_check": {**facts, "windows": windows}}


def verdict(results: Sequence[Result]) -> str | None:
    """What is lacking: eight networks' measured energy a frame at each precision; None if nothing.

    fp32 is always asked for, another precision where anything ran at it: not every device has it.
    """
    for precision in PRECISIONS:
        own = [result for result in results if result.key.precision == precision]
        ran = any(result.status == "ok" for result in own)
        if (precision == "fp32" or ran) and (said := _lacking(own, precision)):
            return said
    return None


def _lacking(results: Sequence[Result], precision: str) -> str | None:
    measured = {
        result.key.workload
        for result in results
        if result.status == "ok"
        and result.metrics["energy_per_frame"].value is not None
        and not result.metrics["energy_per_frame"].how.startswith("modelled")
    }
    if len(measured) >= LEAST_NETWORKS:
        return None
    reasons = sorted(
        {
            reason
            for result in results
            if (reason := result.reason or result.metrics["energy_per_frame"].reason)
        }
    )
    return (
        f"the energy of {len(measured)} networks was measured at {precision}, {LEAST_NETWORKS} are "
        "needed" + (f"; the first reason: {reasons[0]}" if reasons else "")
    )


def print_summary(check: dict[str, Any], results: Sequence[Result]) -> None:
    """The check's figures, one a line."""
    for board in check["meter"]:
        counter = board["counter"]
        period = quantity(counter["period_s"], "s") if counter else board["counter_reason"]
        print(f"{board['board']}: counter period {period}; {board['power_readings']}")
    print(f"idle power: {quantity(check['meter'][0]['idle_power']['value'], 'W')}")
    for precision, peak in check["probe"]["peaks"].items():
        print(f"peak {precision}: {quantity(peak['value'], 'FLOP/s')} {peak.get('reason', '')}")
    print(f"bandwidth: {quantity(check['probe']['bandwidth']['value'], 'B/s')}")
    for result in results:
        system = f"{result.key.workload} {result.key.backend} {result.key.precision}"
        if result.status != "ok":
            print(f"{system}: {result.status}: {result.reason}")
            continue
        energy, speed = result.metrics["energy_per_frame"], result.metrics["throughput"]
        print(
            f"{system} {result.scenario}: {quantity(energy.value, 'J')}/{result.frame}, "
            f"{quantity(speed.value, 'frame/s')}; {energy.how if energy.value else energy.reason}"
        )


def slug(name: str) -> str:
    """A device's name as part of a file's: `NVIDIA A100-SXM4-40GB` is `nvidia-a100-sxm4-40gb`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gpu_check", description=__doc__)
    parser.add_argument("--networks", type=int, default=12, help="how many at most (default 12)")
    parser.add_argument(
        "--backends", type=lambda text: tuple(text.split(",")), default=("eager",), metavar="B[,B]"
    )
    parser.add_argument("--output", type=Path, help="instead of reports/data/gpu-NAME.json")
    return parser.parse_args(arguments)


def _show(event: run.Event) -> None:
    if event.kind == "start":
        spec = event.spec
        print(
            f"[{event.number}/{event.total}] {spec.name} {spec.backend} {spec.precision}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
