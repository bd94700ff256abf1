"""Counts work, bytes and parameters of an ONNX graph, by the conventions of `count`.

A layer is a node that computes or moves something. What torch does without moving anything (a
reshape, a transpose, a slice) is no layer here either, nor is what rests on constants alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchsuite import graphs
from benchsuite.accounting.formulas import recurrent_work, valid_taps
from benchsuite.accounting.shapes import Operation, Tensor, Traced, trace
from benchsuite.types import Count, Layer, Signature

if TYPE_CHECKING:
    import onnx

_VIEWS = frozenset(
    "Constant ConstantOfShape Dropout Expand EyeLike Flatten Identity Range Reshape Shape Size "
    "Slice Split Squeeze Transpose Unsqueeze".split()
)
# move or compare data or compute element by element: 0 FLOP, as in `formulas`
_COSTS_NOTHING = frozenset(
    "Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization "
    "BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu Clip Compress "
    "Concat Cos Cosh CumSum DepthToSpace DequantizeLinear Div DynamicQuantizeLinear Elu Equal Erf "
    "Exp Floor Gather GatherElements GatherND Gelu GlobalAveragePool GlobalLpPool GlobalMaxPool "
    "Greater GreaterOrEqual GroupNormalization HardSigmoid HardSwish Hardmax InstanceNormalization "
    "IsInf IsNaN LRN LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization "
    "LpPool Max MaxPool MaxUnpool Mean MeanVarianceNormalization Min Mish Mod Mul Neg "
    "NonMaxSuppression NonZero Not OneHot Or PRelu Pad Pow QuantizeLinear RMSNormalization "
    "RandomNormal RandomNormalLike RandomUniform RandomUniformLike Reciprocal ReduceL1 ReduceL2 "
    "ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
    "ReduceSumSquare Relu Resize ReverseSequence Round Scatter ScatterElements ScatterND Selu "
    "Shrink Sigmoid Sign Sin Sinh Softmax Softplus Softsign SpaceToDepth Sqrt Sub Sum Swish Tan "
    "Tanh ThresholdedRelu Tile TopK Trilu Unique Upsample Where Xor".split()
)
_RECURRENT = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn_tanh"}
# which inputs are a product's factors: data first, weights second
_CONVOLUTIONS = {"Conv": (0, 1), "FusedConv": (0, 1), "ConvInteger": (0, 1), "QLinearConv": (0, 3)}
_PRODUCTS = {"MatMul": (0, 1), "MatMulInteger": (0, 1), "QLinearMatMul": (0, 3)}
# inputs that are settings, statistics or scales, not weights
_NO_WEIGHTS: dict[str, tuple[int, ...]] = {
    "BatchNormalization": (3, 4),
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "ConvInteger": (2, 3),
    "MatMulInteger": (2, 3),
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    **dict.fromkeys(_RECURRENT, (4, 5, 6)),  # lengths and first states
    **dict.fromkeys(("Resize", "Upsample", "Pad", "Clip", "Tile", "TopK", "OneHot"), (1, 2, 3)),
}
_PRODUCT_OPERATORS = (*_CONVOLUTIONS, *_PRODUCTS, *_RECURRENT, "ConvTranspose", "Gemm", "Einsum")


def count_graph(model: onnx.ModelProto, signature: Signature, *, batch: int) -> Count:
    """Counts one query of a graph; nothing of it is computed.

    Args:
        model: The graph (data kept beside it need not be read).
        signature: One entry an input, in the graph's order.
        batch: Samples in the query.
    """
    ports = [port for port in model.graph.input if port.name not in _held(model)]
    given = {
        port.name: (batch, *spec.shape) for port, spec in zip(ports, signature.inputs, strict=True)
    }
    traced = trace(model, given)
    table = _Table(traced)
    for operation in traced.operations:
        table.add(operation)
    entering = [Tensor(name=p.name, kind=p.type.tensor_type.elem_type, shape=given[p.name])
                for p in ports]  # fmt: skip
    return Count(
        batch=batch,
        frames=signature.frames * batch,
        share=signature.share,
        layers=table.layers(),
        parameters=sum(traced.stored[name].elements for name in table.owned),
        input_elements=sum(t.elements for t in entering if _is_float(t)),
        input_integer_b=sum(_bytes(t) for t in entering if not _is_float(t)),
        output_elements=sum(t.elements for t in traced.outputs),
        uncounted=tuple(sorted(table.uncounted)),
        training_work=None,
        training_reason="an ONNX graph is for inference: it has no backward pass",
        how="from the ONNX graph",
    )


def _held(model: onnx.ModelProto) -> set[str]:
    return {tensor.name for tensor in model.graph.initializer}


@dataclass(slots=True)
class _Table:
    """The layers met so far, and which of them met a weight first."""

    traced: Traced
    rows: dict[str, Layer] = field(default_factory=dict)
    owned: set[str] = field(default_factory=set)
    uncounted: set[str] = field(default_factory=set)

    def layers(self) -> tuple[Layer, ...]:
        return tuple(self.rows.values())

    def add(self, operation: Operation) -> None:
        """Adds one operation's row."""
        node = operation.node
        if node.op_type in _VIEWS:
            return
        work, valid = self._work(operation)
        weights = self._weights(operation)
        fresh = weights - self.owned
        self.owned |= weights
        moved = [t for t in operation.inputs if t is not None and not t.constant]
        read = sum(self.traced.stored[name].elements for name in weights)
        if node.op_type.startswith("Gather"):  # of a table, the rows that are looked up
            table = operation.inputs[0]
            read = operation.outputs[0].elements if table is not None and table.constant else 0
        name = self._unused(graphs.node_name(node))
        self.rows[name] = Layer(
            name=name,
            kind=node.op_type,
            work=work,
            work_without_padding=valid,
            parameters=sum(self.traced.stored[each].elements for each in fresh),
            output_shape=operation.outputs[0].shape or () if operation.outputs else (),
            input_elements=sum(t.elements for t in moved if _scales(t)),
            weight_elements=read,
            output_elements=sum(t.elements for t in operation.outputs if _scales(t)),
            integer_bytes=sum(_bytes(t) for t in (*moved, *operation.outputs) if not _scales(t)),
        )

    def _unused(self, name: str) -> str:
        found, copy = name, 1
        while found in self.rows:
            copy += 1
            found = f"{name}#{copy}"
        return found

    def _work(self, operation: Operation) -> tuple[float, float]:
        """FLOP with and without taps on padding; what is not known is named."""
        node = operation.node
        domain = node.domain in ("", "ai.onnx")
        if node.op_type not in _PRODUCT_OPERATORS:
            if not (domain and node.op_type in _COSTS_NOTHING):
                self.uncounted.add(f"{node.domain}.{node.op_type}" if not domain else node.op_type)
            return 0.0, 0.0
        try:
            return _FORMULAS[node.op_type](operation)
        except _ShapeUnknown:
            self.uncounted.add(f"{node.op_type} of a shape that depends on data")
            return 0.0, 0.0

    def _weights(self, operation: Operation) -> set[str]:
        """The stored tensors that are weights of this operation.

        Floating-point ones of more than one number (any number in a product), not those that are
        settings, scales or a batch normalisation's running statistics.
        """
        kind = operation.node.op_type
        left_out = _NO_WEIGHTS.get(kind, ())
        names = set()
        for place, tensor in enumerate(operation.inputs):
            if tensor is None or not tensor.constant or place in left_out:
                continue
            for name in tensor.weights:
                stored = self.traced.stored[name]
                several = stored.elements > 1 or kind in _PRODUCT_OPERATORS
                if several and (_is_float(stored) or _is_quantised(stored)):
                    names.add(name)
        return names


class _ShapeUnknown(Exception):
    pass


def _shape(operation: Operation, place: int) -> tuple[int, ...]:
    tensor = operation.inputs[place] if place < len(operation.inputs) else None
    if tensor is None or tensor.shape is None:
        raise _ShapeUnknown
    return tensor.shape


def _out(operation: Operation) -> tuple[int, ...]:
    shape = operation.outputs[0].shape
    if shape is None:
        raise _ShapeUnknown
    return shape


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    import onnx

    return {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}


def _convolution(operation: Operation) -> tuple[float, float]:
    data, weight = (_shape(operation, p) for p in _CONVOLUTIONS[operation.node.op_type])
    out = _out(operation)
    work = 2.0 * math.prod(out) * math.prod(weight[1:])
    settings = _attributes(operation.node)
    dims = len(weight) - 2
    stride = settings.get("strides") or [1] * dims
    dilation = settings.get("dilations") or [1] * dims
    share = valid_taps(
        size=data[2:],
        kernel=weight[2:],
        stride=stride,
        padding=_padding(settings, data[2:], weight[2:], stride, dilation, out[2:]),
        dilation=dilation,
        out=out[2:],
    )
    return work, work * share


def _padding(
    settings: Mapping[str, Any],
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    out: Sequence[int],
) -> list[int]:
    """Rows before the first one, in each spatial dimension."""
    automatic = bytes(settings.get("auto_pad", b"NOTSET")).decode()
    if automatic in ("NOTSET", "VALID"):
        given = settings.get("pads") if automatic == "NOTSET" else None
        return list(given[: len(size)]) if given else [0] * len(size)
    whole = [
        max(0, (o - 1) * s + (k - 1) * d + 1 - n)
        for o, s, k, d, n in zip(out, stride, kernel, dilation, size, strict=True)
    ]
    return [pad // 2 if automatic == "SAME_UPPER" else pad - pad // 2 for pad in whole]


def _transposed(operation: Operation) -> tuple[float, float]:
    data, weight = _shape(operation, 0), _shape(operation, 1)
    work = 2.0 * data[0] * math.prod(data[2:]) * math.prod(weight)
    return work, work


def _product(operation: Operation) -> tuple[float, float]:
    first, _ = _PRODUCTS[operation.node.op_type]
    work = 2.0 * math.prod(_out(operation)) * _shape(operation, first)[-1]
    return work, work


def _gemm(operation: Operation) -> tuple[float, float]:
    inner = 0 if _attributes(operation.node).get("transA") else 1
    work = 2.0 * math.prod(_out(operation)) * _shape(operation, 0)[inner]
    return work, work


def _recurrence(operation: Operation) -> tuple[float, float]:
    data, recurrent = _shape(operation, 0), _shape(operation, 2)
    work = recurrent_work(
        _RECURRENT[operation.node.op_type],
        steps=data[0] * data[1],
        inputs=data[2],
        hidden=recurrent[2],
        layers=1,
        directions=recurrent[0],
    )
    return work, work


def _einsum(operation: Operation) -> tuple[float, float]:
    """A product over all letters of two operands; none where nothing is summed."""
    equation = bytes(_attributes(operation.node)["equation"]).decode().replace(" ", "")
    left, _, right = equation.partition("->")
    operands = left.split(",")
    if "." in equation or len(operands) != 2 or not right:
        raise _ShapeUnknown
    sizes: dict[str, int] = {}
    for place, letters in enumerate(operands):
        sizes.update(zip(letters, _shape(operation, place), strict=True))
    work = 2.0 * math.prod(sizes.values()) if set(sizes) - set(right) else 0.0
    return work, work


_FORMULAS: dict[str, Callable[[Operation], tuple[float, float]]] = {
    **dict.fromkeys(_CONVOLUTIONS, _convolution),
    **dict.fromkeys(_PRODUCTS, _product),
    **dict.fromkeys(_RECURRENT, _recurrence),
    "ConvTranspose": _transposed,
    "Gemm": _gemm,
    "Einsum": _einsum,
}


def _is_float(tensor: Tensor) -> bool:
    return graphs.element_type(tensor.kind) in graphs.FLOATS


def _is_quantised(tensor: Tensor) -> bool:
    return graphs.element_type(tensor.kind) in ("int8", "uint8")


def _scales(tensor: Tensor) -> bool:
    """Whether its bytes follow the precision: floats, and what is quantised."""
    return _is_float(tensor) or _is_quantised(tensor)


def _bytes(tensor: Tensor) -> int:
    import onnx

    if not tensor.kind or graphs.element_type(tensor.kind) == "object":
        return 0
    return tensor.elements * int(onnx.helper.tensor_dtype_to_np_dtype(tensor.kind).itemsize)
