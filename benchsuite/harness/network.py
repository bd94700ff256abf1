"""A workload's network and samples: built, with weights, preprocessed, in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite import datasets
from benchsuite.accounting.count import unshaped
from benchsuite.catalog import Entry
from benchsuite.errors import BadInput, one_line
from benchsuite.harness.buckets import LENGTH, in_buckets
from benchsuite.harness.stream import Stream
from benchsuite.types import Array, Arrays, Part, Signature, Split, TensorSpec

if TYPE_CHECKING:
    import torch

    from benchsuite.formats import Sample


def build(entry: Entry, scale: str, *, seed: int = 0) -> torch.nn.Module:
    """The network in evaluation form with weights drawn from `seed`; an ONNX graph as a module.

    Raises:
        BadInput: The workload file's `build` failed or gave no module.
    """
    import torch

    if hasattr(entry.module, "graph"):
        from benchsuite.harness.graph_network import graph_network

        return graph_network(entry.module.graph(scale))
    torch.manual_seed(seed)
    try:
        network = entry.module.build(scale)
    except (Exception, SystemExit) as error:
        raise BadInput(
            f"{entry.path}: build({scale!r}) failed: {type(error).__name__}: {one_line(error)}"
        ) from error
    if not isinstance(network, torch.nn.Module):
        raise BadInput(
            f"{entry.path}: build({scale!r}) gave {type(network).__name__}, not a torch module"
        )
    lazy = unshaped(network)
    if lazy is not None:
        raise BadInput(f"{entry.path}: build({scale!r}): {lazy}")
    return network.eval()


def load_weights(network: torch.nn.Module, path: Path) -> None:
    """Fills a network from a safetensors file; other formats are refused, never unpickled.

    Raises:
        BadInput: Not safetensors, a missing, extra or differently shaped tensor.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    _refuse_pickle(path)
    try:
        tensors = load_file(path)
    except (SafetensorError, ValueError) as error:
        raise BadInput(f"{path}: not a safetensors file: {one_line(error)}") from None
    own = network.state_dict()
    _check_shapes(
        path,
        {name: list(tensor.shape) for name, tensor in tensors.items()},
        {name: list(tensor.shape) for name, tensor in own.items()},
    )
    network.load_state_dict(tensors)


def check_weights(entry: Entry, scale: str, path: Path) -> None:
    """Compares a weights file's header with the network, reading no tensor.

    Raises:
        BadInput: As `load_weights`.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    if hasattr(entry.module, "graph"):
        raise BadInput(f"--weights {entry.name}={path}: an ONNX graph holds its own weights")
    _refuse_pickle(path)
    try:
        with torch.device("meta"):
            own = entry.module.build(scale).state_dict()
    except Exception:  # a network that the meta device cannot hold
        own = build(entry, scale).state_dict()
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise BadInput(f"{path}: not a safetensors file: {one_line(error)}") from None
    _check_shapes(path, shapes, {name: list(tensor.shape) for name, tensor in own.items()})


def _refuse_pickle(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(10)
    except OSError as error:
        raise BadInput(f"{path}: the weights cannot be read: {error.strerror}") from None
    if head[:2] == b"PK" or head[:1] == b"\x80":
        raise BadInput(
            f"{path}: a pickle (torch.save), which is not loaded because it could run code; "
            "save it as safetensors: safetensors.torch.save_file(model.state_dict(), FILE)"
        )


def _check_shapes(
    path: Path, given: Mapping[str, Sequence[int]], needed: Mapping[str, Sequence[int]]
) -> None:
    for name, shape in needed.items():
        if name not in given:
            raise BadInput(f"{path}: the tensor {name!r} is missing; the network needs it")
        if list(given[name]) != list(shape):
            raise BadInput(
                f"{path}: {name!r} has shape {list(given[name])}, the network needs {list(shape)}"
            )
    extra = sorted(set(given) - set(needed))
    if extra:
        raise BadInput(f"{path}: {extra[0]!r} is not a tensor of this network")


def weights_hash(network: torch.nn.Module) -> str:
    """The first 16 hex digits of a hash over every tensor's name, type, shape and bytes."""
    import torch

    held = getattr(network, "held_weights", None)
    if held is not None:  # an ONNX graph's
        return str(held)
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)} ".encode())
        plain = tensor.detach().cpu().contiguous()
        if plain.dtype == torch.bfloat16:  # numpy has no such type
            plain = plain.view(torch.int16)
        digest.update(memoryview(plain.reshape(-1).numpy()).cast("B"))
    return digest.hexdigest()[:16]


def preprocess(entry: Entry, inputs: Arrays) -> Arrays:
    """Stored arrays as the network takes them, by the workload's own `preprocess` if it has one."""
    hook = getattr(entry.module, "preprocess", None)
    return tuple(hook(inputs)) if hook else inputs


def inputs_of(
    entry: Entry,
    scale: str,
    part: Part,
    *,
    signature: Signature,
    stored: Callable[[Arrays, TensorSpec], Arrays] | None = None,
) -> Arrays:
    """A part's samples as the network takes them; those of a streamed set one by one, when used.

    Args:
        part: One signature's samples.
        stored: The data set's own (`datasets.stored`): what the workload's `preprocess` is given
            where it has no `prepare` for single samples.

    Raises:
        BadInput: The set is streamed, and neither the workload nor the set prepares its samples.
    """
    if part.samples is None:
        return preprocess(entry, part.inputs)
    if len(signature.inputs) != 1:
        raise BadInput(f"{entry.path}: streamed data are for networks of one input")
    (spec,) = signature.inputs
    import numpy as np

    hook = getattr(entry.module, "prepare", None)

    def prepared(sample: Sample) -> Array:
        if hook is not None:
            return np.asarray(hook(sample.load(), scale))
        assert stored is not None
        kept = stored(sample.load(), spec)
        return np.asarray(preprocess(entry, tuple(array[None] for array in kept))[0][0])

    if hook is None and stored is None:
        raise BadInput(f"{entry.path}: streamed data need prepare(sample, scale)")
    stream = Stream(part.samples, prepared, spec, fills=LENGTH in part.targets)
    return (stream,)  # type: ignore[return-value]


def split_inputs(
    entry: Entry, scale: str, split: Split, *, dataset: str
) -> tuple[Split, list[Arrays]]:
    """A split with one part a signature, and its parts as the network takes them.

    Raises:
        BadInput: The split and the scale's signatures on that set do not agree.
    """
    signatures = entry.scale(scale).on(dataset).signatures
    split = in_buckets(split, signatures)
    check_split(entry, scale, split, dataset=dataset)
    stored = datasets.stored(dataset)
    return split, [
        inputs_of(entry, scale, part, signature=signature, stored=stored)
        for part, signature in zip(split.parts, signatures, strict=True)
    ]


def random_inputs(signature: Signature, *, batch: int, seed: int) -> Arrays:
    """Random inputs of a signature: standard normal floats, uniform integers below `high`."""
    import numpy as np

    generator = np.random.default_rng(seed)
    arrays: list[Array] = []
    for spec in signature.inputs:
        shape = (batch, *spec.shape)
        if spec.high is not None:
            arrays.append(generator.integers(0, spec.high, size=shape).astype(spec.dtype))
        else:
            arrays.append(generator.standard_normal(size=shape, dtype=np.float32))
    return tuple(arrays)


def batches(inputs: Arrays, *, batch: int) -> Iterator[tuple[Arrays, int]]:
    """Consecutive batches of exactly `batch` samples with how many of them count.

    The last one is filled up with its own first samples, so that an executable of fixed shape
    can take it; the caller trims its outputs.
    """
    import numpy as np

    n = len(inputs[0])
    for start in range(0, n, batch):
        piece = tuple(np.asarray(array[start : start + batch]) for array in inputs)
        valid = len(piece[0])
        if valid < batch:
            piece = tuple(
                np.concatenate([p, np.resize(p, (batch - valid, *p.shape[1:]))]) for p in piece
            )
        yield piece, valid


def check_split(entry: Entry, scale: str, split: Split, *, dataset: str | None = None) -> None:
    """Compares a data set's arrays, preprocessed, with the scale's signatures on that set.

    Raises:
        BadInput: Number of parts or a shape differs.
    """
    signatures = entry.scale(scale).on(dataset).signatures
    if len(split.parts) != len(signatures):
        raise BadInput(
            f"{entry.path}: {len(signatures)} signatures at scale {scale!r}, "
            f"but the data set has {len(split.parts)} parts"
        )
    for part, signature in zip(split.parts, signatures, strict=True):
        if part.samples is not None:
            continue  # each sample is compared when it is prepared
        sample = preprocess(entry, tuple(array[:1] for array in part.inputs))
        for array, spec in zip(sample, signature.inputs, strict=True):
            if tuple(array.shape[1:]) != spec.shape or str(array.dtype) != spec.dtype:
                raise BadInput(
                    f"{entry.path}: the data give {array.dtype} {list(array.shape[1:])}, "
                    f"the signature says {spec.dtype} {list(spec.shape)}"
                )
