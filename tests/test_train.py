"""Tests of training: the loop, its record, and weights that a run then uses."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchsuite import catalog, datasets, device_lock, environment, machine, meters
from benchsuite.errors import BadInput
from benchsuite.harness import network, training
from benchsuite.plan import trained_path
from benchsuite.train import TrainingJob, train
from benchsuite.types import EnergyReading, Part, Quality, Score, Split, Training

LEARNABLE = '''"""Learns the sign of a sum."""
from benchsuite import scoring
from benchsuite.types import Quality, Scale, Signature, TensorSpec, Training, Workload

WORKLOAD = Workload(
    title="Sign", paper="none", frame="image",
    scales={"embedded": Scale(
        signatures=(Signature(inputs=(TensorSpec(shape=(4,)),)),),
        qualities={"mnist-5k": Quality(measure="top-1", target=0.9)},
        training=Training(epochs=EPOCHS, batch=16, learning_rate=RATE),
    )},
)


def build(scale):
    from torch import nn
    return nn.Linear(4, 2)


def score(outputs, split):
    return scoring.top_k(outputs, split, k=2)
'''


def entry(folder: Path, *, epochs: int = 8, rate: str = "0.1") -> catalog.Entry:
    path = folder / "workloads" / "image" / "sign.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(LEARNABLE.replace("EPOCHS", str(epochs)).replace("RATE", rate))
    return catalog.load_entry(path)


def splits() -> tuple[Split, Split]:
    generator = np.random.default_rng(0)

    def made(n: int) -> Split:
        data = generator.standard_normal((n, 4)).astype(np.float32)
        label = (data.sum(axis=1) > 0).astype(np.int64)
        return Split(parts=(Part(inputs=(data,), targets={"label": label}),))

    return made(320), made(80)


def trained(folder: Path, *, target: float = 0.9, seed: int = 0, **recipe: Any) -> training.Trained:
    train_split, test_split = splits()
    return training.train(
        entry(folder, **recipe),
        scale="embedded",
        train_split=train_split,
        test_split=test_split,
        quality=Quality(measure="top-1", target=target),
        seed=seed,
    )


def test_the_target_is_reached_and_the_first_epoch_that_did_is_named(tmp_path: Path) -> None:
    """All epochs are run; the first one at the target is reported with its time."""
    result = trained(tmp_path)
    assert len(result.epochs) == 8
    assert result.score.value >= 0.9
    assert result.reached is not None
    first = next(epoch for epoch in result.epochs if epoch.accuracy >= 0.9)
    assert result.reached == first
    assert result.samples == 320


def test_an_unreachable_target_is_not_reached(tmp_path: Path) -> None:
    """A target above what was reached leaves `reached` empty instead of a last epoch."""
    assert trained(tmp_path, target=1.01).reached is None


def test_a_seed_gives_the_same_weights_again(tmp_path: Path) -> None:
    """Training twice from a seed gives equal weights; another seed gives others."""
    hashes = [network.weights_hash(trained(tmp_path, seed=seed).network) for seed in (3, 3, 4)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_diverging_loss_is_said(tmp_path: Path) -> None:
    """A loss that is no number ends the training with the epoch in the message."""
    with pytest.raises(BadInput, match="in epoch 1"):
        trained(tmp_path, rate="float('inf')")


def test_a_quality_may_set_its_own_epochs(tmp_path: Path) -> None:
    """A larger data set can be trained for fewer passes than the recipe says."""
    train_split, test_split = splits()
    quality = Quality(measure="top-1", target=0.5, epochs=2)
    result = training.train(
        entry(tmp_path), scale="embedded", train_split=train_split, test_split=test_split,
        quality=quality,
    )  # fmt: skip
    assert len(result.epochs) == 2
    assert result.recipe.epochs == 2


def test_shuffled_batches_hold_each_sample_at_most_once() -> None:
    """An epoch has whole batches of different samples, in an order drawn from its seed."""
    train_split, _ = splits()
    seen = [inputs[0] for inputs, _ in training.shuffled(train_split, batch=30, seed=1)]
    assert {len(piece) for piece in seen} == {30}
    rows = np.concatenate(seen)
    assert len(np.unique(rows, axis=0)) == len(rows) == 300
    again = [inputs[0] for inputs, _ in training.shuffled(train_split, batch=30, seed=1)]
    assert np.array_equal(rows, np.concatenate(again))


def test_training_a_workload_writes_weights_and_record(cache: Path, tmp_path: Path) -> None:
    """`benchsuite train` leaves safetensors that load, and a record of how they came to be."""
    found = catalog.load_catalog(catalog.content_roots()).entries["image/lenet"]
    quick = tmp_path / "workloads" / "image" / "lenet.py"
    quick.parent.mkdir(parents=True)
    text = found.path.read_text()
    import re

    quick.write_text(re.sub(r"epochs=\d+, batch=\d+", "epochs=1, batch=100", text))
    for shared in found.path.parent.glob("_*.py"):
        (quick.parent / shared.name).write_text(shared.read_text())
    job = TrainingJob(
        entry=catalog.load_entry(quick), scale="embedded", dataset="mnist-5k", place=None, seed=0,
        output=tmp_path / "w.safetensors", cache=cache, roots=catalog.content_roots(), threads=1,
    )  # fmt: skip
    epochs: list[int] = []
    bound: list[frozenset[int] | None] = []
    before = machine.allowed(), machine.bound()

    def on_epoch(number: int, accuracy: float, seconds: float) -> None:
        epochs.append(number)
        # time and joules to accuracy are measured: nothing else measures meanwhile
        assert f"process {os.getpid()}" in str(device_lock.holder(cache, "cpu"))
        bound.append(machine.bound())

    outcome = train(
        job,
        on_step=lambda done, total, loss: None,
        on_epoch=on_epoch,
        on_wait=lambda holder: pytest.fail(f"{holder} has the device"),
    )
    assert device_lock.holder(cache, "cpu") is None
    assert epochs == [1]
    assert (machine.allowed(), machine.bound()) == before, "it is bound while it trains only"
    net = network.build(job.entry, "embedded")
    network.load_weights(net, outcome.output)
    record = json.loads(outcome.output.with_suffix(".json").read_text())
    assert record["weights_hash"] == network.weights_hash(net)
    assert record["score"]["value"] == outcome.score.value > 0.5
    assert record["samples_trained"] == 4000
    assert "wall clock" in record["seconds_how"]
    assert record["contended"] is None or "CPU time" in record["contended"]
    if len(machine.allowed() or ()) > 1:  # one thread is bound to one of several processors
        (cores,) = bound
        assert cores is not None
        assert len(cores) == 1
        assert record["pinned"] == f"bound to processor {min(cores)}"
    else:
        assert record["pinned"].startswith("bound to no processor: ")
    prepared = datasets.prepare("mnist-5k", cache=cache)
    assert record["data_hash"] == prepared.hash
    assert not torch.isnan(next(net.parameters())).any()


def test_a_training_waits_for_who_measures(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says who holds the device before it takes a step."""
    told: list[str] = []

    @contextmanager
    def in_use(folder: Path, device: str, on_wait: Callable[[str], None]) -> Iterator[None]:
        assert (folder, device) == (cache, "cpu")
        on_wait("process 7: benchsuite run smoke")
        raise BadInput("waited")
        yield

    monkeypatch.setattr(device_lock, "held", in_use)
    found = catalog.load_catalog(catalog.content_roots()).entries["image/lenet"]
    job = TrainingJob(
        entry=found, scale="embedded", dataset="mnist-5k", place=None, seed=0,
        output=tmp_path / "w.safetensors", cache=cache, roots=catalog.content_roots(), threads=1,
    )  # fmt: skip
    with pytest.raises(BadInput, match="waited"):
        train(
            job,
            on_step=lambda *_: pytest.fail("it did not wait"),
            on_epoch=lambda *_: None,
            on_wait=told.append,
        )
    assert told == ["process 7: benchsuite run smoke"]


def test_an_unknown_data_set_of_a_workload_is_refused(cache: Path, tmp_path: Path) -> None:
    """A data set that the workload does not have is named with those it has."""
    job = TrainingJob(
        entry=entry(tmp_path), scale="embedded", dataset="camera-motion", place=None, seed=0,
        output=tmp_path / "w.safetensors", cache=cache, roots=(),
    )  # fmt: skip
    with pytest.raises(BadInput, match="it has: mnist-5k"):
        train(job, on_step=lambda *_: None, on_epoch=lambda *_: None, on_wait=lambda *_: None)


@pytest.mark.parametrize(
    ("meter", "output", "said"),
    [
        ("csv:/nowhere", "w.safetensors", "--meter csv: /nowhere: cannot be read"),
        ("nvml", "w.safetensors", "--meter nvml: "),
        ("auto", "w.json", "call the weights w.safetensors"),
    ],
)
def test_what_would_spoil_a_training_is_refused_before_it(
    meter: str, output: str, said: str, cache: Path, tmp_path: Path
) -> None:
    """A meter that was asked for and does not work; weights in the place of their record."""
    job = TrainingJob(
        entry=entry(tmp_path), scale="embedded", dataset="mnist-5k", place=None, seed=0,
        output=tmp_path / output, cache=cache, roots=(), meter=meter, threads=1,
    )  # fmt: skip

    def no_step(*_: object) -> None:
        pytest.fail("it trained")

    with pytest.raises(BadInput, match=said):
        train(job, on_step=no_step, on_epoch=no_step, on_wait=no_step)
    assert not (tmp_path / output).exists()


def test_joules_to_accuracy_count_as_long_as_the_seconds(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The meter starts when the seconds do, and is read once, at the first epoch at the target."""
    told: list[str] = []

    class Watch:
        def stop(self) -> EnergyReading:
            told.append("stop")
            return EnergyReading(
                energy_j=5.0, seconds=1.0, source="modelled", boundary="package", how="made up"
            )

    class Meter:
        def start(self, subject: meters.Subject) -> Watch:
            told.append("start")
            return Watch()

    monkeypatch.setattr(meters, "choose", lambda *_, **__: ("made up", Meter()))

    def trained(*_: object, on_start: Any, on_epoch: Any, **__: object) -> training.Trained:
        told.append("built")
        on_start()
        told.append("begun")
        score = Score(value=0.95, samples=100, how="made up")
        epochs = [
            training.Epoch(number=n, loss=1.0, accuracy=reached, seconds=float(n))
            for n, reached in enumerate((0.5, 0.9, 0.95), 1)
        ]
        for epoch in epochs:
            on_epoch(epoch)
        return training.Trained(
            network=torch.nn.Linear(4, 2), recipe=Training(epochs=3, batch=1, learning_rate=1.0),
            score=score, epochs=tuple(epochs), reached=epochs[1], seconds=3.0, samples=1,
        )  # fmt: skip

    monkeypatch.setattr(training, "train", trained)
    job = TrainingJob(
        entry=entry(tmp_path), scale="embedded", dataset="mnist-5k", place=None, seed=0,
        output=tmp_path / "w.safetensors", cache=cache, roots=(), threads=1,
    )  # fmt: skip
    outcome = train(
        job,
        on_step=lambda *_: None,
        on_epoch=lambda number, *_: told.append(f"epoch {number}"),
        on_wait=lambda *_: None,
    )
    assert told == ["built", "start", "begun", "epoch 1", "stop", "epoch 2", "epoch 3"]
    assert outcome.energy_to_accuracy_j == 5.0
    assert outcome.energy_how == "modelled, boundary package; made up"


def test_weights_of_ones_own_lie_in_the_users_folder() -> None:
    """Where `train` writes is where `run` looks after the shipped weights."""
    home = environment.data_folder()
    path = trained_path(home, "image/x", scale="embedded", dataset="d")
    assert path == home / "weights" / "image" / "x" / "embedded-d.safetensors"
