"""An `.onnx` file as a workload: it runs as it is on the backends that take ONNX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from benchsuite import graphs
from benchsuite.catalog import Entry
from benchsuite.errors import BadInput
from benchsuite.graphs import Port
from benchsuite.targets._entry import FORM, Given, check_names, make, parse
from benchsuite.types import Target, TensorSpec

if TYPE_CHECKING:
    import onnx

_WHOLE = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_PASSES_ON = ("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Clip")


def resolve(target: Target) -> Entry:
    """The entry of an ONNX file.

    Raises:
        BadInput: Not such a file, or an input whose shape or kind cannot be used.
    """
    path = Path(target.folder, target.text).resolve()
    model = graphs.load(path)
    ports = graphs.inputs(model, path)
    if not ports:
        raise BadInput(f"{path.name}: it has no input, so that it computes the same every time")
    given = parse(target)
    check_names(given, [port.name for port in ports], what=path.name)
    shapes = _shapes(ports, given, what=path.name)
    first = {port.name: shape[0] for port, shape in zip(ports, shapes, strict=True)}
    if len(set(first.values())) != 1:
        sides = ", ".join(f"{name} {side}" for name, side in first.items())
        raise BadInput(
            f"{path.name}: the first dimension of every input must be the batch, and agree: "
            f"{sides}; write a workload file with graph(scale) for it"
        )
    specs, notes = [], []
    for port, shape in zip(ports, shapes, strict=True):
        high = _high(model, port, given.get(port.name))
        if high is not None:
            notes.append(f"input {port.name}: whole numbers below {high}")
        specs.append(
            TensorSpec(shape=shape[1:], dtype="float32" if high is None else "int64", high=high)
        )
    module = ModuleType(f"benchsuite_own.{path.stem}")
    module.graph = lambda scale: path  # type: ignore[attr-defined]
    module.identity = lru_cache(lambda scale: graphs.structure_hash(model))  # type: ignore[attr-defined]
    return make(
        target,
        path=path,
        specs=tuple(specs),
        batch=shapes[0][0],
        source=f"the user's own file (ONNX, {model.producer_name or 'producer not said'})",
        module=module,
        fixed_batch=any(port.shape is not None and isinstance(port.shape[0], int)
                        for port in ports),
        note="; ".join(notes),
    )  # fmt: skip


def _shapes(
    ports: Sequence[Port], given: Mapping[str, Given], *, what: str
) -> list[tuple[int, ...]]:
    """Each input's shape: the file's, the user's where the file leaves it open, a batch of one.

    Raises:
        BadInput: A dimension is open, or the user's shape is not the file's.
    """
    symbols: dict[str, int] = {}
    for port in ports:
        told = given.get(port.name)
        if told is None or port.shape is None:
            continue
        if len(told.shape) != len(port.shape):
            raise BadInput(
                f"--input {port.name}: {what} takes {len(port.shape)} dimensions there, "
                f"{_said(port)}, not {len(told.shape)}"
            )
        for own, side in zip(port.shape, told.shape, strict=True):
            if isinstance(own, int) and own != side:
                raise BadInput(f"--input {port.name}: {what} says {_said(port)} there")
            if isinstance(own, str):
                symbols[own] = side
    shapes = []
    for port in ports:
        told = given.get(port.name)
        if told is not None:
            shapes.append(told.shape)
            continue
        if not port.shape:
            problem = "has no dimension for the batch" if port.shape == () else "has no shape"
            raise BadInput(
                f"{what}: input {port.name!r} {problem}; "
                + ("write a workload file with graph(scale)" if port.shape == () else _ask(port))
            )
        shapes.append(_filled(port, port.shape, symbols, what=what))
    return shapes


def _filled(
    port: Port, shape: Sequence[int | str | None], symbols: Mapping[str, int], *, what: str
) -> tuple[int, ...]:
    sides = []
    for place, own in enumerate(shape):
        side = own if isinstance(own, int) else symbols.get(own or "")
        if side is None and place == 0:
            side = 1  # the batch
        if side is None:
            raise BadInput(
                f"{what}: input {port.name!r} is {_said(port)}, which leaves a dimension open; "
                f"say it: {_ask(port)}"
            )
        sides.append(side)
    return tuple(sides)


def _said(port: Port) -> str:
    return "x".join(str(side or "?") for side in port.shape or ())


def _ask(port: Port) -> str:
    if not port.shape:
        return FORM.replace("NAME", port.name)
    sides = [side if isinstance(side, int) else 1 if i == 0 else "N"
             for i, side in enumerate(port.shape)]  # fmt: skip
    return f"--input {port.name}={'x'.join(str(side) for side in sides)}"


def _high(model: onnx.ModelProto, port: Port, given: Given | None) -> int | None:
    """Below what random whole numbers of an input lie; None for an input of floats.

    The user's bound, else the rows of the table that the input looks up, else 2.
    """
    if port.dtype in graphs.FLOATS:
        return None
    if port.dtype not in _WHOLE:
        raise BadInput(
            f"input {port.name!r} is of type {port.dtype}; floats and whole numbers can be given"
        )
    if given is not None and given.high is not None:
        return given.high
    if port.dtype == "bool":
        return 2
    rows = {t.name: t.dims[0] for t in model.graph.initializer if t.dims}
    names = {port.name}
    for node in model.graph.node:
        if node.op_type in _PASSES_ON and names & set(node.input):
            names.update(node.output)
        if node.op_type == "Gather" and node.input[1] in names and node.input[0] in rows:
            return int(rows[node.input[0]])
    return 2
