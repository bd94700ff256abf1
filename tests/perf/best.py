"""How near `--backend best` comes to the best of `--backend all`, judged by whole measurements.

Each backend is measured in full before and after the choice is made; what counts is the chosen
backend's throughput in these, over that of the fastest.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.perf.native import row

_WORKLOADS = (
    ("image/lenet", "embedded"),
    ("image/squeezenet", "embedded"),
    ("image/mobilenet_v2", "reference"),
    ("audio/ds_cnn", "embedded"),
    ("text/textcnn", "embedded"),
)
_THROUGHPUT = "throughput"


def main() -> None:
    """One row a workload."""
    for workload, scale in _WORKLOADS:
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder, "results.db")
            runs = [
                _rates(_run(workload, scale, backend, store)) for backend in ("all", "best", "all")
            ]
        before, chosen, after = runs
        rates = {name: (before[name] + after[name]) / 2 for name in before.keys() & after.keys()}
        if len(chosen) != 1 or not rates or not chosen.keys() <= rates.keys():
            print(f"{workload}: nothing to compare: {before} {chosen} {after}")
            continue
        (winner,) = chosen
        row(
            f"{workload}, {scale}: chosen over the fastest",
            rates[winner] / max(rates.values()),
            f">= 0.97 ({winner} of {len(rates)})",
        )


def _run(workload: str, scale: str, backend: str, store: Path) -> dict[str, Any]:
    command = [str(Path(sys.executable).with_name("benchsuite")), "run", workload]
    command += ["--scale", scale, "--backend", backend, "--scenario", "Offline", "--threads", "1"]
    command += ["--report", "none", "--store", str(store), "--quiet", "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _rates(document: dict[str, Any]) -> dict[str, float]:
    """Throughput by backend, of those that could be measured."""
    return {
        result["backend"]: result["metrics"][_THROUGHPUT]["value"]
        for result in document["results"]
        if result["metrics"].get(_THROUGHPUT, {}).get("value") is not None
    }


if __name__ == "__main__":
    main()
