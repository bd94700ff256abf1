"""Trains a workload to its quality target; keeps the weights with a record of how."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchsuite import __version__, datasets, device_lock, devices, environment, meters
from benchsuite.catalog import Entry, network_hash
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.harness import contention, pinning
from benchsuite.types import DeviceInfo, EnergyReading, Quality, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """What to train.

    Attributes:
        place: The user's folder of the data set, if one was given.
        output: Where the weights go; the record goes beside them.
        cores: Processors to stay on, empty for any; None to choose them as a run does.
    """

    entry: Entry
    scale: str
    dataset: str
    place: Path | None
    seed: int
    output: Path
    cache: Path
    roots: tuple[Path, ...]
    meter: str = meters.AUTOMATIC
    threads: int | None = None
    cores: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a training ended; the record's content.

    Attributes:
        time_to_accuracy_s: Until the first epoch whose test accuracy met the target; None if none.
        energy_to_accuracy_j: Over the same time; None with its reason.
    """

    workload: str
    scale: str
    dataset: str
    score: Score
    target: float
    time_to_accuracy_s: float | None
    epochs_to_accuracy: int | None
    energy_to_accuracy_j: float | None
    energy_how: str
    record: dict[str, Any]
    output: Path


def train(
    job: TrainingJob,
    *,
    on_step: Callable[[float, int, float], None],
    on_epoch: Callable[[int, float, float], None],
    on_wait: Callable[[str], None],
) -> Outcome:
    """Trains, measures and writes weights and record.

    Holds the device's lock from the first step to the last: a training's time and joules are
    measured, too, so that letting others in between two epochs would spoil both.

    Args:
        job: What to train.
        on_step: Told after each step: epochs done (a fraction), epochs in all, loss.
        on_epoch: Told after each epoch: its number, test accuracy, seconds so far.
        on_wait: Told who measures on the device while this waits for it.

    Raises:
        BadInput: No recipe, no data, a meter asked for by name that does not work, processors that
            may not be used, or the output cannot be written.
    """
    quality = job.entry.scale(job.scale).qualities.get(job.dataset)
    if quality is None:
        have = ", ".join(job.entry.scale(job.scale).qualities) or "none"
        raise BadInput(f"{job.entry.name} has no data set {job.dataset!r}; it has: {have}")
    _check_output(job.output)
    prepared = datasets.prepare(job.dataset, cache=job.cache, place=job.place)
    device = devices.find("cpu")
    devices.check_threads(job.threads, device)
    threads = job.threads or device.units
    # before waiting for who measures
    pinning.planned(threads, kind=device.kind, cores=job.cores)
    _check_meter(job, device, threads=threads)
    with (
        device_lock.held(job.cache, device.label, on_wait),
        pinning.kept_on(threads, kind=device.kind, cores=job.cores) as kept,
    ):
        return _trained(
            job, quality, device,
            prepared=prepared, threads=threads, kept=kept, on_step=on_step, on_epoch=on_epoch,
        )  # fmt: skip


class _Gauges:
    """What is read from a training's start until its target is reached: joules, contention."""

    def __init__(self, job: TrainingJob, device: DeviceInfo, *, threads: int) -> None:
        self._subject = meters.subject(device, threads=threads, roots=job.roots)
        self._meter, self.energy_how = _chosen_meter(job, device, self._subject)
        self._watch: meters.Watch | None = None
        self._others: contention.Watcher | None = None
        self.reading: EnergyReading | None = None

    def start(self) -> None:
        """The seconds begin to count."""
        self._others = contention.Watcher()
        if self._meter is not None:
            try:
                self._watch = self._meter.start(self._subject)
                self.energy_how = "the target was not reached"
            except NotMeasurable as error:
                self.energy_how = str(error)

    def reached(self) -> None:
        """The target is reached: only the first time counts."""
        if self._watch is None:
            return
        watch, self._watch = self._watch, None
        try:
            self.reading = watch.stop()
            self.energy_how = (
                f"{self.reading.source}, boundary {self.reading.boundary}; {self.reading.how}"
            )
        except NotMeasurable as error:
            self.energy_how = str(error)

    def disturbance(self, *, seconds: float, cores: int, threads: int) -> str | None:
        """What others took of the processors until now, where that is enough to doubt it."""
        assert self._others is not None
        found = self._others.stop()
        return contention.disturbance(found, seconds=seconds, cores=cores, threads=threads)


def _trained(
    job: TrainingJob,
    quality: Quality,
    device: DeviceInfo,
    *,
    prepared: datasets.Prepared,
    threads: int,
    kept: str,
    on_step: Callable[[float, int, float], None],
    on_epoch: Callable[[int, float, float], None],
) -> Outcome:
    import torch

    from benchsuite.harness import network, training

    torch.set_num_threads(threads)
    gauges = _Gauges(job, device, threads=threads)

    def note_epoch(epoch: training.Epoch) -> None:
        if epoch.accuracy >= quality.target:
            gauges.reached()
        on_epoch(epoch.number, epoch.accuracy, epoch.seconds)

    result = training.train(
        job.entry,
        scale=job.scale,
        train_split=datasets.load(prepared.folder, "train"),
        test_split=datasets.load(prepared.folder, "test"),
        quality=quality,
        seed=job.seed,
        on_start=gauges.start,
        on_step=on_step,
        on_epoch=note_epoch,
    )
    reading = gauges.reading
    disturbed = gauges.disturbance(seconds=result.seconds, cores=device.units, threads=threads)
    weights_hash = network.weights_hash(result.network)
    record: dict[str, Any] = {
        "workload": job.entry.name,
        "scale": job.scale,
        "dataset": job.dataset,
        "command": (
            f"benchsuite train {job.entry.name} --scale {job.scale} --dataset {job.dataset} "
            f"--seed {job.seed} --threads {threads}"
        ),
        "seed": job.seed,
        "data": datasets.describe(job.dataset).title,
        "data_hash": prepared.hash,
        "network_hash": network_hash(job.entry, job.scale),
        "weights_hash": weights_hash,
        "recipe": asdict(result.recipe),
        "epochs": len(result.epochs),
        "samples": result.samples,
        "samples_trained": result.samples * len(result.epochs),
        "seconds": round(result.seconds, 1),
        "seconds_to_accuracy": None if result.reached is None else round(result.reached.seconds, 1),
        "epochs_to_accuracy": None if result.reached is None else result.reached.number,
        "energy_to_accuracy_j": None if reading is None else reading.energy_j,
        "seconds_how": (
            "wall clock from preprocessing to the end of the last epoch, and of the first one at "
            "the target; every epoch's evaluation is included"
        ),
        "pinned": kept,
        "contended": disturbed,
        "energy_how": gauges.energy_how,
        "measure": quality.measure,
        "target": quality.target,
        "score": asdict(result.score),
        "parameters": sum(p.numel() for p in result.network.parameters()),
        "accuracy_by_epoch": [round(epoch.accuracy, 4) for epoch in result.epochs],
        "processor": device.name,
        "threads": threads,
        "versions": {
            "benchsuite": __version__,
            **environment.versions(("torch", "numpy")),
        },
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    _write(result.network, record, job.output)
    return Outcome(
        workload=job.entry.name,
        scale=job.scale,
        dataset=job.dataset,
        score=result.score,
        target=quality.target,
        time_to_accuracy_s=None if result.reached is None else result.reached.seconds,
        epochs_to_accuracy=None if result.reached is None else result.reached.number,
        energy_to_accuracy_j=None if reading is None else reading.energy_j,
        energy_how=gauges.energy_how,
        record=record,
        output=job.output,
    )


def _chosen_meter(
    job: TrainingJob, device: DeviceInfo, subject: meters.Subject
) -> tuple[meters.Meter | None, str]:
    """The meter, or why there is none.

    Raises:
        BadInput: The one that was asked for by name does not work: hours later is too late.
    """
    preferred = devices.device(device.kind).meters
    try:
        _, meter = meters.choose(job.meter, subject, preferred=preferred, cache=job.cache)
    except NotMeasurable as error:
        if job.meter != meters.AUTOMATIC:
            raise BadInput("--meter " + str(error).removeprefix(meters.NONE)) from None
        return None, str(error)
    return meter, ""


def _check_meter(job: TrainingJob, device: DeviceInfo, *, threads: int) -> None:
    if job.meter == meters.AUTOMATIC:
        return
    try:
        meters.meter(job.meter).check(meters.subject(device, threads=threads, roots=job.roots))
    except NotMeasurable as error:
        raise BadInput(f"--meter {meters.refusal(job.meter, error)}") from None


def _check_output(output: Path) -> None:
    """Fails before the training, not after it."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--output {output}: the folder cannot be made: {error.strerror}") from error
    if output.suffix == ".json":
        raise BadInput(
            f"--output {output}: the record of the training goes to this name; call the weights "
            f"{output.stem}.safetensors"
        )
    special = output.exists() and not output.is_file()  # a folder, a device
    if special or not os.access(output.parent, os.W_OK):
        raise BadInput(f"--output {output}: cannot be written; name a file in a writable folder")


def _write(network: Any, record: dict[str, Any], output: Path) -> None:
    from safetensors.torch import save_file

    draft = output.with_name(f".{os.getpid()}-{output.name}")
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    try:
        save_file(tensors, draft)
        draft.chmod(0o644)  # safetensors makes files that nobody else may read
        draft.replace(output)
        output.with_suffix(".json").write_text(
            json.dumps(record, indent=1) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise BadInput(f"--output {output}: cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
