"""Which nodes of a graph a layer of OpenVINO's compiled model was fused from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchsuite import graphs

if TYPE_CHECKING:
    import onnx

# by OpenVINO's layer type: operators of ONNX, and of OpenVINO's own graphs
_PRODUCTS = {
    "Convolution": ("Conv", "Convolution", "GroupConvolution"),
    "Deconvolution": (
        "ConvTranspose",
        "ConvolutionBackpropData",
        "GroupConvolutionBackpropData",
    ),
    "FullyConnected": ("MatMul", "Gemm"),
    "MatMul": ("MatMul", "Gemm"),
}
# what OpenVINO fuses behind a product: element by element, so that the product's output is theirs
_BEHIND = frozenset(
    "Add BatchNormalization Clip Div Elu HardSigmoid HardSwish Identity LeakyRelu Mul PRelu Relu "
    "Sigmoid Sub Tanh BatchNormInference Clamp Divide HSigmoid HSwish Multiply PReLU ReLU Subtract "
    "Swish".split()
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An operator of the graph that was compiled.

    Attributes:
        called: The names that OpenVINO and other nodes' `feeders` may have for it.
        feeders: What it takes, by such names.
    """

    name: str
    kind: str
    called: tuple[str, ...]
    feeders: tuple[str, ...]


def of_onnx(model: onnx.ModelProto) -> list[Node]:
    """The nodes of an ONNX graph: OpenVINO calls one by its name, or its output's."""
    return [
        Node(
            name=graphs.node_name(node),
            kind=node.op_type,
            called=tuple(name for name in (*node.output, node.name) if name),
            feeders=tuple(node.input),
        )
        for node in model.graph.node
    ]


def of_openvino(model: Any) -> list[Node]:
    """The nodes of an `openvino.Model`."""
    return [
        Node(
            name=node.get_friendly_name(),
            kind=node.get_type_name(),
            called=(node.get_friendly_name(),),
            feeders=tuple(
                port.get_source_output().get_node().get_friendly_name() for port in node.inputs()
            ),
        )
        for node in model.get_ordered_ops()
    ]


def nodes_of(layers: Sequence[Fused], nodes: Sequence[Node]) -> dict[str, tuple[str, ...]]:
    """The names of each layer's nodes.

    OpenVINO gives a product whose weights it scales (by a batch normalisation behind it) a name of
    its own making. Such a layer still names what was fused behind the product; back from there,
    through operators of one element, there is the product itself: taken where exactly one can be
    meant that no other layer names.

    Args:
        layers: In the order in which they run.
        nodes: The graph that was compiled.
    """
    called = {name: node for node in nodes for name in node.called}
    named = {layer.name: _named(layer, called) for layer in layers}
    claimed = {node.name for found in named.values() for node in found}
    result: dict[str, tuple[str, ...]] = {}
    for layer in layers:
        own = named[layer.name]
        kinds = next((kinds for kind, kinds in _PRODUCTS.items() if kind in layer.kind), ())
        if kinds and not any(node.kind in kinds for node in own):
            products = _behind(own, called, kinds=kinds, claimed=claimed)
            if len(products) == 1:
                own = [*products, *own]
                claimed |= {node.name for node in products}
        result[layer.name] = tuple(dict.fromkeys(node.name for node in own))
    return result


def _named(layer: Fused, called: Mapping[str, Node]) -> list[Node]:
    names = (name.strip() for name in layer.original.split(","))
    return [called[name] for name in names if name in called]


def _behind(
    nodes: Sequence[Node],
    called: Mapping[str, Node],
    *,
    kinds: tuple[str, ...],
    claimed: set[str],
) -> list[Node]:
    """The products of some kinds that feed nodes, not through one that another layer names."""
    found: list[Node] = []
    left = list(nodes)
    seen = {node.name for node in nodes}
    while left:
        node = left.pop()
        if node.kind not in _BEHIND:
            continue
        for feeder in (called[name] for name in node.feeders if name in called):
            if feeder.name in seen or feeder.name in claimed:
                continue
            seen.add(feeder.name)
            if feeder.kind in kinds:
                found.append(feeder)
            else:
                left.append(feeder)
    return found
