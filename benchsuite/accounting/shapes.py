"""Every tensor's shape in an ONNX graph whose inputs have given shapes, node by node.

ONNX's own rules give a node's outputs. What only rests on shapes and constants is computed as well
(small tensors), since exporters compute the shapes of later nodes from it. A branch whose condition
is known is taken; nothing of the network itself is run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx

_SMALL = 4096  # elements of a tensor whose values are followed
_UNKNOWN = 0  # ONNX's own number of an undefined element type
# of a quantisation: where the numbers that scale, and are no weights, stand among its inputs
_SCALES = {"DequantizeLinear": (1, 2), "QuantizeLinear": (1, 2)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """What is known of a tensor.

    Attributes:
        kind: ONNX's number of its element type; 0 where it is not known.
        shape: None where it depends on data.
        value: An array of its values where they are known and few.
        constant: It does not depend on the graph's inputs.
        weights: Names of the stored tensors that it is made from.
    """

    name: str
    kind: int
    shape: tuple[int, ...] | None
    value: Any = None
    constant: bool = False
    weights: frozenset[str] = frozenset()

    @property
    def elements(self) -> int:
        """How many elements it has; 0 where its shape is not known."""
        return 0 if self.shape is None else math.prod(self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A node that a query runs, with its tensors; an input that is left out is None."""

    node: onnx.NodeProto
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A graph at given input shapes.

    Attributes:
        operations: In order, without those that rest on constants alone.
        stored: Stored tensors (initialisers, constants) by name.
        outputs: The graph's.
    """

    operations: tuple[Operation, ...]
    stored: Mapping[str, Tensor]
    outputs: tuple[Tensor, ...]


def trace(model: onnx.ModelProto, given: Mapping[str, tuple[int, ...]]) -> Traced:
    """Follows a graph from its inputs to its outputs.

    Args:
        model: The graph; data that are kept outside it need not be read.
        given: The shape of each input.
    """
    follower = _Follower(model)
    known = {
        value.name: Tensor(
            name=value.name, kind=value.type.tensor_type.elem_type, shape=given[value.name]
        )
        for value in model.graph.input
        if value.name in given
    }
    operations = tuple(follower.follow(model.graph, known))
    return Traced(
        operations=operations,
        stored=follower.stored,
        outputs=tuple(known[value.name] for value in model.graph.output if value.name in known),
    )


class _Follower:
    """The state of one pass: the stored tensors met so far."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model
        self._versions = {each.domain: each.version for each in model.opset_import}
        self.stored: dict[str, Tensor] = {}

    def follow(self, graph: onnx.GraphProto, known: dict[str, Tensor]) -> Iterator[Operation]:
        """Adds a graph's tensors to `known`; gives its operations."""
        for stored in graph.initializer:
            known[stored.name] = self._store(stored.name, stored)
        for node in graph.node:
            if node.op_type == "If":
                yield from self._branch(node, known)
                continue
            inputs = tuple(known.get(name) if name else None for name in node.input)
            outputs = self._outputs(node, inputs)
            known.update({tensor.name: tensor for tensor in outputs})
            if not all(tensor.constant for tensor in outputs):
                yield Operation(node=node, inputs=inputs, outputs=outputs)

    def _branch(self, node: onnx.NodeProto, known: dict[str, Tensor]) -> Iterator[Operation]:
        """The branch that is taken, where the condition is known; else an operation of its own."""
        condition = known.get(node.input[0])
        if condition is None or condition.value is None:
            outputs = tuple(
                Tensor(name=name, kind=_UNKNOWN, shape=None) for name in node.output if name
            )
            known.update({tensor.name: tensor for tensor in outputs})
            yield Operation(node=node, inputs=(condition,), outputs=outputs)
            return
        wanted = "then_branch" if bool(condition.value.reshape(-1)[0]) else "else_branch"
        branch = next(a.g for a in node.attribute if a.name == wanted)
        inner = dict(known)
        yield from self.follow(branch, inner)
        for name, value in zip(node.output, branch.output, strict=True):
            if value.name in inner:
                known[name] = _renamed(inner[value.name], name)

    def _store(self, name: str, stored: onnx.TensorProto) -> Tensor:
        import onnx

        shape = tuple(stored.dims)
        value = None
        if math.prod(shape) <= _SMALL and not stored.external_data:
            value = onnx.numpy_helper.to_array(stored)
        tensor = Tensor(
            name=name,
            kind=stored.data_type,
            shape=shape,
            value=value,
            constant=True,
            weights=frozenset([name]),
        )
        self.stored[name] = tensor
        return tensor

    def _outputs(
        self, node: onnx.NodeProto, inputs: tuple[Tensor | None, ...]
    ) -> tuple[Tensor, ...]:
        if node.op_type == "Constant":
            held = next((a.t for a in node.attribute if a.name == "value"), None)
            if held is not None:
                return (self._store(node.output[0], held),)
        given = [tensor for tensor in inputs if tensor is not None]
        types = self._inferred(node, inputs)
        constant = all(tensor.constant for tensor in given) and not node.op_type.startswith(
            "Random"
        )
        ignored = _SCALES.get(node.op_type, ())
        weights = frozenset(
            name
            for place, tensor in enumerate(inputs)
            if tensor is not None and place not in ignored
            for name in tensor.weights
        )
        outputs = tuple(
            Tensor(
                name=name,
                kind=types[name][0] if name in types else _UNKNOWN,
                shape=types[name][1] if name in types else None,
                constant=constant,
                weights=weights if constant else frozenset(),
            )
            for name in node.output
            if name
        )
        values = self._values(node, inputs, outputs)
        return tuple(
            _with_value(tensor, value) for tensor, value in zip(outputs, values, strict=True)
        )

    def _inferred(
        self, node: onnx.NodeProto, inputs: tuple[Tensor | None, ...]
    ) -> dict[str, tuple[int, tuple[int, ...] | None]]:
        """Element type and shape of each output by ONNX's rules; nothing where it has none."""
        import onnx

        version = self._versions.get(node.domain, self._versions.get("", 1))
        try:
            schema = onnx.defs.get_schema(node.op_type, version, node.domain)
        except onnx.defs.SchemaError:
            return {}
        types, data = {}, {}
        for tensor in inputs:
            if tensor is None or tensor.kind == _UNKNOWN:
                continue
            types[tensor.name] = onnx.helper.make_tensor_type_proto(tensor.kind, tensor.shape)
            if tensor.value is not None:
                data[tensor.name] = onnx.numpy_helper.from_array(tensor.value, tensor.name)
        try:
            found = onnx.shape_inference.infer_node_outputs(
                schema, node, types, data,
                opset_imports=list(self._model.opset_import), ir_version=self._model.ir_version,
            )  # fmt: skip
        except (
            onnx.shape_inference.InferenceError,
            onnx.checker.ValidationError,
            ValueError,
            KeyError,
        ):
            return {}
        return {name: _described(kind) for name, kind in found.items()}

    def _values(
        self,
        node: onnx.NodeProto,
        inputs: tuple[Tensor | None, ...],
        outputs: tuple[Tensor, ...],
    ) -> list[Any]:
        """The outputs' values where they rest on shapes and few known numbers; else None each."""
        nothing = [None] * len(outputs)
        first = inputs[0] if inputs else None
        if node.op_type in ("Shape", "Size") and first is not None and first.shape is not None:
            return [_shape_of(node, first.shape)]
        if any(tensor is not None and tensor.value is None for tensor in inputs):
            return nothing
        if any(tensor.shape is None or tensor.elements > _SMALL for tensor in outputs):
            return nothing
        if any(attribute.HasField("g") for attribute in node.attribute):
            return nothing
        return self._computed(node, [t for t in inputs if t is not None]) or nothing

    def _computed(self, node: onnx.NodeProto, inputs: list[Tensor]) -> list[Any] | None:
        import onnx
        from onnx.reference import ReferenceEvaluator

        empty = onnx.helper.make_empty_tensor_value_info
        graph = onnx.helper.make_graph(
            [node],
            "one",
            [empty(tensor.name) for tensor in {t.name: t for t in inputs}.values()],
            [empty(name) for name in node.output if name],
        )
        model = onnx.helper.make_model(graph, opset_imports=list(self._model.opset_import))
        try:
            given = {tensor.name: tensor.value for tensor in inputs}
            return list(ReferenceEvaluator(model).run(None, given))
        except Exception:  # of many kinds: what it cannot compute stays unknown
            return None


def _described(kind: onnx.TypeProto) -> tuple[int, tuple[int, ...] | None]:
    tensor = kind.tensor_type
    dims = tensor.shape.dim
    known = tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in dims)
    return tensor.elem_type, tuple(dim.dim_value for dim in dims) if known else None


def _shape_of(node: onnx.NodeProto, shape: tuple[int, ...]) -> Any:
    import numpy as np

    if node.op_type == "Size":
        return np.array(math.prod(shape), dtype=np.int64)
    bounds = {attribute.name: attribute.i for attribute in node.attribute}
    return np.array(shape[bounds.get("start", 0) : bounds.get("end")], dtype=np.int64)


def _with_value(tensor: Tensor, value: Any) -> Tensor:
    if value is None or not hasattr(value, "shape"):
        return tensor
    import onnx

    return Tensor(
        name=tensor.name,
        kind=tensor.kind or onnx.helper.np_dtype_to_tensor_dtype(value.dtype),
        shape=tuple(value.shape),
        value=value,
        constant=True,  # a shape does not change while a query runs
        weights=tensor.weights,
    )


def _renamed(tensor: Tensor, name: str) -> Tensor:
    from dataclasses import replace

    return replace(tensor, name=name)
