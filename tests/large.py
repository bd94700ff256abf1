"""A store of as many results as a team makes in years, written fast: for tests and measurements.

`python -m tests.large FILE [SYSTEMS] [NIGHTS]` writes one.
"""

from __future__ import annotations

import random
import sys
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchsuite import digest
from benchsuite.store import Store, open_store, tables, writing
from benchsuite.store.packing import pack_facts
from benchsuite.types import OFFLINE, SINGLE_STREAM, Doubt, Fingerprint, Result, Value
from tests.fakes import NETWORKS, environments, result

DEVICES = ("AMD EPYC 9V74 80-Core Processor", "NVIDIA H200", "Apple M3 Max", "Jetson Orin")
BACKENDS = ("eager", "onnxruntime", "compile", "openvino")
PRECISIONS = ("fp32", "fp16", "int8")
FIRST = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)
SYSTEM_S = 37.0  # a system's turn in a night
DISTURBED = 0.1  # of all rows


def rows(systems: int) -> list[Result]:
    """One night's rows of so many systems, two scenarios each."""
    found = []
    for number in range(systems):
        name = list(NETWORKS)[number % 5]
        device = DEVICES[number // 5 % 4]
        measured = device != DEVICES[0]
        row = result(
            name,
            backend=BACKENDS[number // 20 % 4],
            precision=PRECISIONS[number // 80 % 3],
            identity={"threads": 1 + number // 240, "device_name": device},
            source="nvml counter" if measured else "modelled",
            boundary="board" if measured else "package",
            device_peak=(1 + number % 7) * 446e9,
            power=20.0 + number % 11,
        )
        for scenario in (OFFLINE, SINGLE_STREAM):
            key = replace(row.key, batch=1 if scenario == SINGLE_STREAM else row.key.batch)
            metrics = dict(row.metrics)
            if scenario == SINGLE_STREAM:
                speed = 0.5 * (metrics["throughput"].value or 1.0)
                metrics["throughput"] = Value(value=speed, how="SingleStream")
                metrics["latency_p50"] = Value(value=1 / speed, how="p50 of 4107 queries")
                metrics["latency_p90"] = Value(value=1.1 / speed, how="p90 of 4107 queries")
            found.append(replace(row, scenario=scenario, key=key, metrics=metrics))
    return found


def fill(place: Path, *, systems: int = 500, nights: int = 100, gain: float = 1.1) -> Store:
    """A store with every system measured every night, one after another, some rows disturbed.

    New software moves a third's speed.
    """
    made = open_store(place)
    chance, trouble = random.Random(7), random.Random(11)
    night = rows(systems)
    with made._begin() as connection:
        connection.execute(tables.environments.insert().values(id="e1", facts=environments()["e1"]))
        texts = {t for row in night for v in row.metrics.values() for t in (v.how, v.reason) if t}
        writing.interned(connection, texts)
        packed = []
        for number, row in enumerate(night):
            writing.add_digest(connection, -1 - number, row)
            packed.append((pack_facts(row), writing.pack_metrics(connection, row.metrics)))
        connection.execute(tables.digests.delete().where(tables.digests.c.result < 0))
        for day in range(nights):
            begun = FIRST + timedelta(days=day)
            run = f"night{day:05d}"
            connection.execute(
                tables.runs.insert().values(
                    id=run, started_at=begun.isoformat(), labels={"branch": "main"}, seconds=900.0,
                    command="benchsuite run nightly", plan=zlib.compress(b"[]"),
                )
            )  # fmt: skip
            results, digests = [], []
            for number, (row, (facts, metrics)) in enumerate(zip(night, packed, strict=True)):
                moment = (begun + timedelta(seconds=SYSTEM_S * (number // 2))).isoformat()
                newer = number // 2 % 3 == 0 and day >= nights // 2
                dated = on_day(row, factor=gain if newer else 1.0, noise=chance.gauss(1, 0.01))
                if day < nights - 1 and trouble.random() < DISTURBED:
                    dated = replace(dated, doubts=(Doubt(code="contended", message="busy"),))
                if day == nights - 1:  # the newest results have their own numbers
                    metrics = writing.pack_metrics(connection, dated.metrics)
                    facts = pack_facts(dated)
                place_in_store = day * len(night) + number + 1
                results.append(
                    {name: getattr(row.key, name) for name in tables.KEY}
                    | {"id": place_in_store, "run": run, "environment": "e1",
                       "scenario": row.scenario, "status": "ok", "measured_at": moment,
                       "facts": facts, "metrics": metrics}
                )  # fmt: skip
                digests.append(
                    {"result": place_in_store, "series": number + 1, "run": run,
                     "measured_at": moment, "body": digest.pack(dated)}
                )  # fmt: skip
            connection.execute(tables.results.insert(), results)
            connection.execute(tables.digests.insert(), digests)
    return made


def on_day(row: Result, *, factor: float, noise: float) -> Result:
    """The row with this night's noise; with newer software of another speed."""
    gain = noise * factor
    metrics = dict(row.metrics)
    for key in ("throughput", "latency_p50", "latency_p90", "energy_per_frame"):
        value = metrics[key].value
        if value is not None:
            ratio = gain if key == "throughput" else 1 / gain
            metrics[key] = replace(metrics[key], value=value * ratio)
    prints = row.fingerprint
    if factor != 1 and isinstance(prints, Fingerprint):
        prints = replace(prints, software=prints.software + "-2")
    return replace(row, metrics=metrics, fingerprint=prints)


if __name__ == "__main__":
    counts = [int(text) for text in sys.argv[2:]] or [500, 100]
    fill(Path(sys.argv[1]), systems=counts[0], nights=counts[1])
