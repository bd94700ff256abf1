"""The training harness: from random weights to the quality target, with a record of the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.catalog import Entry
from benchsuite.errors import BadInput
from benchsuite.harness.accuracy import judge
from benchsuite.harness.network import batches, build, preprocess
from benchsuite.types import Array, Arrays, Part, Quality, Score, Split, Training

if TYPE_CHECKING:
    import torch

EVALUATION_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One pass over the training split.

    Attributes:
        seconds: Since the start of training, evaluations included.
    """

    number: int
    loss: float
    accuracy: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained network and how it came to be; the weights are the last epoch's.

    Attributes:
        reached: The first epoch whose test accuracy met the target; None if none did.
    """

    network: torch.nn.Module
    recipe: Training
    score: Score
    epochs: tuple[Epoch, ...]
    reached: Epoch | None
    seconds: float
    samples: int


def train(
    entry: Entry,
    *,
    scale: str,
    train_split: Split,
    test_split: Split,
    quality: Quality,
    seed: int = 0,
    on_start: Callable[[], None] = lambda: None,
    on_step: Callable[[int, int, float], None] = lambda done, of, loss: None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Trained:
    """Trains a workload by its own recipe.

    Args:
        entry: The workload; its scale must have a `training` recipe.
        quality: What to reach on the test split. All epochs are run either way: the weights of
            the last are kept, so that nothing is selected on the test split.
        on_start: Told when the network is built and the seconds begin to count.
        on_step: Told after each step: epochs done (a fraction), epochs in all, the loss.

    Raises:
        BadInput: The scale has no recipe, or the loss is not finite.
    """
    import numpy as np
    import torch

    recipe = entry.scale(scale).training
    if recipe is None:
        raise BadInput(f"{entry.name} cannot be trained at scale {scale!r}: it has no recipe")
    if quality.epochs is not None:
        recipe = replace(recipe, epochs=quality.epochs)
    network = build(entry, scale, seed=seed)
    make_objective = getattr(entry.module, "objective", CrossEntropy)
    objective: torch.nn.Module = make_objective(network)
    on_start()
    started = time.perf_counter()
    prepared = _preprocessed(entry, train_split)
    test_inputs = [preprocess(entry, part.inputs) for part in test_split.parts]
    # every epoch is drawn anew; the number of steps is the first one's, which all share
    first_epoch = list(_examples(entry, prepared, recipe=recipe, seed=_drawn(seed, 1)))
    steps = len(first_epoch)
    optimiser, schedule = _optimiser(objective, recipe, steps=steps * recipe.epochs)
    history: list[Epoch] = []
    reached: Epoch | None = None
    score = None
    for number in range(1, recipe.epochs + 1):
        objective.train()
        losses = []
        draws = (
            iter(first_epoch)
            if number == 1
            else _examples(entry, prepared, recipe=recipe, seed=_drawn(seed, number))
        )
        for step, (inputs, targets) in enumerate(draws, 1):
            loss = objective(*to_tensors(inputs), **_target_tensors(targets))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            if recipe.clip is not None:
                torch.nn.utils.clip_grad_norm_(objective.parameters(), recipe.clip)
            optimiser.step()
            if schedule is not None and schedule.last_epoch < steps * recipe.epochs - 1:
                schedule.step()
            losses.append(float(loss.detach()))
            on_step(number - 1 + step / steps, recipe.epochs, losses[-1])  # type: ignore[arg-type]
        if not np.isfinite(losses[-1]):
            raise BadInput(
                f"{entry.name}: the loss is {losses[-1]} in epoch {number}; lower the rate"
            )
        score = evaluate(entry, network, test_split, inputs=test_inputs)
        epoch = Epoch(
            number=number,
            loss=float(np.mean(losses)),
            accuracy=score.value,
            seconds=time.perf_counter() - started,
        )
        history.append(epoch)
        if reached is None and score.value >= quality.target:
            reached = epoch
        on_epoch(epoch)
    assert score is not None
    return Trained(
        network=network.eval(),
        score=score,
        recipe=recipe,
        epochs=tuple(history),
        reached=reached,
        seconds=time.perf_counter() - started,
        samples=len(train_split),
    )


def evaluate(
    entry: Entry, network: torch.nn.Module, split: Split, *, inputs: list[Arrays]
) -> Score:
    """Scores a torch module in eager mode; `inputs` are the split's parts, preprocessed."""
    return judge(entry, answers(network, inputs), split, inputs=inputs)


def answers(network: torch.nn.Module, inputs: Sequence[Arrays]) -> list[Arrays]:
    """A torch module's outputs in eager mode on a split's parts, preprocessed; a tuple a part."""
    import numpy as np
    import torch

    network.eval()
    outputs: list[Arrays] = []
    with torch.inference_mode():
        for part in inputs:
            pieces = []
            for piece, valid in batches(part, batch=min(EVALUATION_BATCH, len(part[0]))):
                pieces.append([o[:valid] for o in as_arrays(network(*to_tensors(piece)))])
            outputs.append(tuple(np.concatenate(column) for column in zip(*pieces, strict=True)))
    return outputs


def CrossEntropy(network: torch.nn.Module) -> torch.nn.Module:
    """The default objective: cross entropy of the first output against the target `label`."""
    import torch

    class Objective(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, *inputs: torch.Tensor, label: torch.Tensor, **_: Any) -> torch.Tensor:
            return torch.nn.functional.cross_entropy(self.network(*inputs), label)

    return Objective()


def shuffled(split: Split, *, batch: int, seed: int) -> Iterator[tuple[Arrays, dict[str, Array]]]:
    """The default epoch: minibatches of every part, in random order, smaller last ones dropped."""
    import numpy as np

    generator = np.random.default_rng(seed)
    plan: list[tuple[Part, Array]] = []
    for part in split.parts:
        order = generator.permutation(len(part))
        whole = len(part) // batch * batch or len(part)
        plan += [(part, order[i : i + batch]) for i in range(0, whole, batch)]
    for index in generator.permutation(len(plan)):
        part, chosen = plan[index]
        inputs = tuple(array[chosen] for array in part.inputs)
        yield inputs, {name: array[chosen] for name, array in part.targets.items()}


def _drawn(seed: int, epoch: int) -> int:
    """An epoch's own seed: neighbouring training seeds share no epoch."""
    import numpy as np

    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])


def _examples(
    entry: Entry, split: Split, *, recipe: Training, seed: int
) -> Iterator[tuple[Arrays, dict[str, Array]]]:
    hook = getattr(entry.module, "examples", shuffled)
    result: Iterator[tuple[Arrays, dict[str, Array]]] = hook(split, batch=recipe.batch, seed=seed)
    return result


def _preprocessed(entry: Entry, split: Split) -> Split:
    parts = tuple(
        Part(inputs=preprocess(entry, part.inputs), targets=part.targets) for part in split.parts
    )
    return Split(parts=parts, facts=split.facts)


def _target_tensors(targets: dict[str, Array]) -> dict[str, torch.Tensor]:
    import numpy as np
    import torch

    return {
        name: torch.from_numpy(np.array(array))
        for name, array in targets.items()
        if array.dtype.kind in "fiub"  # texts stay behind: no tensor holds them
    }


def _optimiser(
    objective: torch.nn.Module, recipe: Training, *, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler | None]:
    import torch

    parameters = objective.parameters()
    optimiser: torch.optim.Optimizer
    if recipe.optimiser == "adamw":
        optimiser = torch.optim.AdamW(
            parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
    elif recipe.optimiser == "sgd":
        optimiser = torch.optim.SGD(
            parameters,
            lr=recipe.learning_rate,
            momentum=0.9,
            nesterov=True,
            weight_decay=recipe.weight_decay,
        )
    else:
        raise BadInput(f"optimiser {recipe.optimiser!r}: one of adamw, sgd")
    if recipe.schedule == "constant":
        return optimiser, None
    if recipe.schedule != "one-cycle":
        raise BadInput(f"schedule {recipe.schedule!r}: one of one-cycle, constant")
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=recipe.learning_rate, total_steps=steps
    )
