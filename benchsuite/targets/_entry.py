"""What all kinds of targets share: the entry they become, and `--input NAME=1x3x224x224`."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from benchsuite.catalog import Entry
from benchsuite.errors import BadInput
from benchsuite.types import REFERENCE, Scale, Signature, Target, TensorSpec, Workload

if TYPE_CHECKING:
    import torch

OWN = "own/"
FORM = "--input NAME=1x3x224x224"
_SHAPE = re.compile(r"(\d+(?:x\d+)*)(?::(\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An input as the user described it: its shape, batch first, and for whole numbers a bound."""

    shape: tuple[int, ...]
    high: int | None = None


def parse(target: Target) -> dict[str, Given]:
    """The inputs that the user described, by name.

    Raises:
        BadInput: Not `NAME=1x3x224x224` (or `NAME=1x128:30522`, whole numbers below 30522).
    """
    found: dict[str, Given] = {}
    for text in target.inputs:
        name, _, rest = text.rpartition("=")
        match = _SHAPE.fullmatch(rest)
        if not name or match is None:
            raise BadInput(
                f"--input {text}: write {FORM} (batch first), or NAME=1x128:30522 for whole "
                "numbers below 30522"
            )
        shape = tuple(int(side) for side in match[1].split("x"))
        high = int(match[2]) if match[2] else None
        if min(shape) < 1 or (high is not None and high < 1):
            raise BadInput(f"--input {text}: sides and bounds are at least 1")
        found[name] = Given(shape=shape, high=high)
    return found


def check_names(given: Mapping[str, Given], known: Sequence[str], *, what: str) -> None:
    """Refuses a described input that the network does not have."""
    for name in given:
        if name not in known:
            raise BadInput(f"--input {name}: {what} has no such input; it has: {', '.join(known)}")


def specs_of(given: Mapping[str, Given], *, what: str) -> tuple[tuple[TensorSpec, ...], int]:
    """Inputs in the order given, without their batch dimension; and the batch.

    Raises:
        BadInput: They differ in their first dimension.
    """
    batches = {each.shape[0] for each in given.values()}
    if len(batches) != 1:
        sides = ", ".join(f"{name} {each.shape[0]}" for name, each in given.items())
        raise BadInput(
            f"{what}: the inputs' first dimension is the batch, which must agree: {sides}"
        )
    specs = tuple(
        TensorSpec(
            shape=each.shape[1:],
            dtype="float32" if each.high is None else "int64",
            high=each.high,
        )
        for each in given.values()
    )
    return specs, batches.pop()


def make(
    target: Target,
    *,
    path: Path,
    specs: tuple[TensorSpec, ...],
    batch: int,
    source: str,
    module: ModuleType,
    fixed_batch: bool = False,
    note: str = "",
) -> Entry:
    """The entry of a target.

    Args:
        target: As named.
        path: A file that it rests on.
        specs: Its inputs, without the batch dimension.
        batch: Samples a query in `Offline`.
        source: Where it comes from, in words.
        module: With `build` or `graph`, and `identity`.
        fixed_batch: It takes exactly `batch` samples a query.
        note: What a reader must know of it.
    """
    plain = path.name if target.text.endswith((".onnx", ".pt2")) else target.text
    scale = Scale(signatures=(Signature(inputs=specs),), batch=batch, fixed_batch=fixed_batch)
    workload = Workload(
        title=plain, paper=source, frame="sample", scales={REFERENCE: scale}, note=note
    )
    return Entry(
        name=OWN + plain, path=path, root=path.parent, workload=workload, module=module,
        target=target,
    )  # fmt: skip


def torch_module(name: str, make_network: Callable[[], torch.nn.Module]) -> ModuleType:
    """The module of an entry whose network is a torch module.

    On the meta device it is built as elsewhere and moved there: a network that reads its weights
    from a file cannot be built on it.
    """
    module = ModuleType(name)
    identities: list[str] = []

    def build(scale: str) -> Any:
        import torch

        wanted = torch.get_default_device()
        with torch.device("cpu"):
            network = make_network()
        if isinstance(network, torch.nn.Module) and not identities:
            identities.append(structure(network))
        return on_meta(network) if wanted.type == "meta" else network

    def identity(scale: str) -> str:
        if not identities:
            build(scale)
        return identities[0]

    module.build = build  # type: ignore[attr-defined]
    module.identity = identity  # type: ignore[attr-defined]
    return module


def on_meta(network: torch.nn.Module) -> torch.nn.Module:
    """Moves a module to the meta device in place; weights that are tied stay so.

    `Module.to` makes a new tensor of every mention of a weight, so that a tie would be lost.
    """
    first: dict[tuple[object, ...], str] = {}
    ties = {}
    for name, weight in network.named_parameters(remove_duplicate=False):
        memory = weight.untyped_storage()._cdata, weight.storage_offset()
        key = (*memory, tuple(weight.shape), weight.stride())
        ties[name] = first.setdefault(key, name)
    network.to("meta")
    for name, known in ties.items():
        path, _, own = name.rpartition(".")
        setattr(network.get_submodule(path), own, network.get_parameter(known))
    return network


def structure(network: torch.nn.Module) -> str:
    """A hash of what a torch module computes: its parts, its tensors' shapes, its own code."""
    lines = [repr(network)]
    lines += [f"{name} {t.dtype} {list(t.shape)}" for name, t in network.state_dict().items()]
    own = {type(part) for part in network.modules()}
    for kind in sorted(own, key=lambda each: (each.__module__, each.__qualname__)):
        if kind.__module__.startswith("torch."):
            continue
        try:
            lines.append(inspect.getsource(kind))
        except (OSError, TypeError):
            lines.append(f"{kind.__module__}.{kind.__qualname__}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
