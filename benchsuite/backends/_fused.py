"""Which nodes of an ONNX graph a layer of OpenVINO's compiled model was fused from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchsuite import graphs

if TYPE_CHECKING:
    import onnx

_PRODUCTS = {
    "Convolution": ("Conv",),
    "Deconvolution": ("ConvTranspose",),
    "FullyConnected": ("MatMul", "Gemm"),
    "MatMul": ("MatMul", "Gemm"),
}
# what OpenVINO fuses behind a product: element by element, so that the product's output is theirs
_BEHIND = frozenset(
    "Add BatchNormalization Clip Div Elu HardSigmoid HardSwish Identity LeakyRelu Mul PRelu Relu "
    "Sigmoid Sub Tanh".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """A compiled layer.

    Attributes:
        name: Its own.
        kind: OpenVINO's `layerType`.
        original: The names of what it was fused from, by commas; OpenVINO's `originalLayersNames`.
    """

    name: str
    kind: str
    original: str


def nodes_of(layers: Sequence[Fused], model: onnx.ModelProto) -> dict[str, tuple[str, ...]]:
    """The names of each layer's nodes.

    OpenVINO gives a product whose weights it scales (by a batch normalisation behind it) a name of
    its own making. Such a layer still names what was fused behind the product; back from there,
    through operators of one element, there is the product itself: taken where exactly one can be
    meant that no other layer names.

    Args:
        layers: In the order in which they run.
        model: The graph that was compiled.
    """
    called = _called(model)
    named = {layer.name: _named(layer, called) for layer in layers}
    makers = {name: node for node in model.graph.node for name in node.output}
    claimed = {graphs.node_name(node) for nodes in named.values() for node in nodes}
    found: dict[str, tuple[str, ...]] = {}
    for layer in layers:
        nodes = named[layer.name]
        kinds = next((kinds for kind, kinds in _PRODUCTS.items() if kind in layer.kind), ())
        if kinds and not any(node.op_type in kinds for node in nodes):
            products = _behind(nodes, makers, kinds=kinds, claimed=claimed)
            if len(products) == 1:
                nodes = [*products.values(), *nodes]
                claimed |= set(products)
        found[layer.name] = tuple(dict.fromkeys(graphs.node_name(node) for node in nodes))
    return found


def _called(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    """What OpenVINO calls a node (by its name, or its output's), to the node."""
    return {name: node for node in model.graph.node for name in (*node.output, node.name) if name}


def _named(layer: Fused, called: Mapping[str, onnx.NodeProto]) -> list[onnx.NodeProto]:
    names = (name.strip() for name in layer.original.split(","))
    return [called[name] for name in names if name in called]


def _behind(
    nodes: Sequence[onnx.NodeProto],
    makers: Mapping[str, onnx.NodeProto],
    *,
    kinds: tuple[str, ...],
    claimed: set[str],
) -> dict[str, onnx.NodeProto]:
    """The products of some kinds that feed nodes, not through one that another layer names."""
    own = {graphs.node_name(node) for node in nodes}
    found: dict[str, onnx.NodeProto] = {}
    left = list(nodes)
    seen = set(own)
    while left:
        node = left.pop()
        if node.op_type not in _BEHIND:
            continue
        for feeder in (makers[name] for name in node.input if name in makers):
            name = graphs.node_name(feeder)
            if name in seen or name in claimed:
                continue
            seen.add(name)
            if feeder.op_type in kinds:
                found[name] = feeder
            else:
                left.append(feeder)
    return found
