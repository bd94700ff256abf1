"""ONNX graphs as files: read, identified, described; nothing of them is run here.

What a file refers to outside its own folder is refused.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite.errors import BadInput, MissingPackage, one_line
from benchsuite.types import Arrays

if TYPE_CHECKING:
    import numpy as np
    import onnx

FLOATS = ("float32", "float16", "float64", "bfloat16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An input of a graph.

    Attributes:
        dtype: numpy's name of its element type.
        shape: A number, a symbol's name, or None where the file says nothing of a dimension; None
            where the file says nothing at all.
    """

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None


def load(path: Path, *, data: bool = False) -> onnx.ModelProto:
    """A graph from its file.

    Args:
        path: The `.onnx` file.
        data: Read tensors that are kept in files beside it as well.

    Raises:
        BadInput: No such file, not ONNX, or data outside its folder.
        MissingPackage: onnx is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise MissingPackage("onnx", needed_for=str(path)) from None
    try:
        model = onnx.load(str(path), load_external_data=False)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except Exception as error:  # protobuf's kinds too, which share no base
        raise BadInput(f"{path}: not an ONNX file: {one_line(error)}") from None
    if not model.graph.node:
        raise BadInput(f"{path}: not an ONNX file: its graph has no node")
    if model.functions:
        import onnx.inliner

        model = onnx.inliner.inline_local_functions(model)
    _check_order(model.graph, path)
    _check_external(model, path)
    if data:
        onnx.load_external_data_for_model(model, str(path.parent))
    return model


def installed(package: str, inside: str, *, needed_for: str) -> Path:
    """A graph that an installed package brings, found without importing the package.

    Args:
        package: The importable name.
        inside: The file within it; a glob, of which the last match counts.
        needed_for: What needs it, for the message.

    Raises:
        MissingPackage: It is not installed.
        BadInput: It no longer holds the file.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        name = package.replace("_", "-")
        raise MissingPackage(name, needed_for=needed_for, extra="weights")
    folder = Path(next(iter(spec.submodule_search_locations)))
    found = sorted(folder.glob(inside))
    if not found:
        raise BadInput(f"{needed_for}: {folder} holds no {inside}; another version of it does")
    return found[-1]


def keep(model: onnx.ModelProto, folder: Path) -> Path:
    """Writes a graph that was changed into a folder, once, and gives its path."""
    content = model.SerializeToString(deterministic=True)
    path = folder / f"{hashlib.sha256(content).hexdigest()[:16]}.onnx"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(content)
        draft.replace(path)
    return path


def tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every tensor that a graph holds: initialisers and attributes, inner graphs included."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in (*((attribute.g,) if attribute.HasField("g") else ()), *attribute.graphs):
                yield from tensors(inner)


def _check_order(graph: onnx.GraphProto, path: Path) -> None:
    """Refuses a graph with a node that takes what nothing before it gives (a cycle, say)."""
    known = {""} | {value.name for value in graph.input}
    known |= {tensor.name for tensor in graph.initializer}
    known |= {tensor.values.name for tensor in graph.sparse_initializer}
    for node in graph.node:
        if lacking := [name for name in node.input if name not in known]:
            raise BadInput(
                f"{path}: not an ONNX file: its node {node_name(node)!r} takes {lacking[0]!r}, "
                "which nothing before it gives"
            )
        known.update(node.output)


def _check_external(model: onnx.ModelProto, path: Path) -> None:
    """Refuses data files that lie anywhere but in the graph's own folder or below it."""
    folder = path.resolve().parent
    for tensor in tensors(model.graph):
        places = [entry.value for entry in tensor.external_data if entry.key == "location"]
        if tensor.data_location != tensor.EXTERNAL and not places:
            continue
        for place in places or [""]:
            target = (folder / place).resolve()
            if Path(place).is_absolute() or not target.is_relative_to(folder):
                raise BadInput(
                    f"{path}: the tensor {tensor.name!r} refers to {place!r}, which is not in the "
                    "file's own folder; it is not read"
                )
            if not target.is_file():
                raise BadInput(
                    f"{path}: the data of tensor {tensor.name!r} should be in {place!r} beside it, "
                    "which is not there"
                )


def element_type(number: int) -> str:
    """An ONNX element type by the name numpy has for it (`float32`, `bfloat16`, `int64`)."""
    import onnx

    return str(onnx.helper.tensor_dtype_to_np_dtype(number)) if number else "unknown"


def inputs(model: onnx.ModelProto, path: Path) -> tuple[Port, ...]:
    """The inputs that a caller must give.

    Raises:
        BadInput: One is no tensor.
    """
    held = {tensor.name for tensor in model.graph.initializer}
    ports = []
    for value in model.graph.input:
        if value.name in held:
            continue
        if not value.type.HasField("tensor_type"):
            raise BadInput(f"{path}: its input {value.name!r} is no tensor")
        kind = value.type.tensor_type
        shape: tuple[int | str | None, ...] | None = None
        if kind.HasField("shape"):
            # some exporters write -1 for a dimension that is open
            shape = tuple(
                (d.dim_value if d.dim_value > 0 else None)
                if d.HasField("dim_value")
                else d.dim_param or None
                for d in kind.shape.dim
            )
        ports.append(Port(name=value.name, dtype=element_type(kind.elem_type), shape=shape))
    return tuple(ports)


def structure_hash(model: onnx.ModelProto) -> str:
    """The first 16 hex digits of a hash over the graph without its weights and its notes."""
    import onnx

    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    for name in ("producer_name", "producer_version", "doc_string", "model_version", "domain"):
        bare.ClearField(name)
    bare.ClearField("metadata_props")
    _clear_notes(bare.graph)
    for tensor in tensors(bare.graph):
        if _large(tensor):
            for name in ("raw_data", "float_data", "double_data", "int32_data", "int64_data"):
                tensor.ClearField(name)
            tensor.ClearField("external_data")
            tensor.ClearField("data_location")
    return hashlib.sha256(bare.SerializeToString(deterministic=True)).hexdigest()[:16]


def weights_hash(model: onnx.ModelProto) -> str:
    """The first 16 hex digits of a hash over all larger tensors; `model` holds its data."""
    import onnx

    digest = hashlib.sha256()
    for tensor in tensors(model.graph):
        if _large(tensor):
            array = onnx.numpy_helper.to_array(tensor)
            digest.update(f"{tensor.name} {array.dtype} {list(array.shape)} ".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def _large(tensor: onnx.TensorProto) -> bool:
    """A weight; single numbers (an epsilon, an axis) and whole numbers belong to the structure."""
    numbers = 1
    for side in tensor.dims:
        numbers *= side
    return numbers > 1 and element_type(tensor.data_type) in (*FLOATS, "int8", "uint8")


def _clear_notes(graph: Any) -> None:
    graph.ClearField("doc_string")
    for node in graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
        for attribute in node.attribute:
            for inner in (*((attribute.g,) if attribute.HasField("g") else ()), *attribute.graphs):
                _clear_notes(inner)


def node_name(node: onnx.NodeProto) -> str:
    """What a node is called in the layer table: its name, else its first output's."""
    return str(node.name or next(filter(None, node.output), node.op_type))


def cast(arrays: Arrays, dtypes: Sequence[str]) -> Arrays:
    """The harness's arrays (fp32, int64) in the element types that a graph takes."""
    return tuple(
        array if str(array.dtype) == dtype else array.astype(_numpy(dtype))
        for array, dtype in zip(arrays, dtypes, strict=True)
    )


def _numpy(dtype: str) -> np.dtype[Any]:
    import numpy as np

    if dtype == "bfloat16":
        import ml_dtypes

        bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    return np.dtype(dtype)
