"""Tests of benchsuite.backends._fused, on names as OpenVINO 2026.4 gives them."""

from __future__ import annotations

from benchsuite.backends._fused import Fused, nodes_of, of_onnx
from tests.test_graphs import floats, helper, model, stored


def layer(kind: str, original: str) -> Fused:
    return Fused(name=original.partition(",")[0], kind=kind, original=original)


def test_a_convolution_that_lost_its_name_is_found_behind_what_was_fused_to_it() -> None:
    """A residual block: each addition has two feeders, of which another layer names one."""
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w"], ["c0"], name="Conv@0"),
        node("Mul", ["c0", "s"], ["m0"], name="Mul@0"),
        node("Relu", ["m0"], ["r0"], name="Relu@0"),
        node("Conv", ["r0", "v"], ["c1"], name="Conv@1"),
        node("Mul", ["c1", "s"], ["m1"], name="Mul@1"),
        node("Add", ["m1", "r0"], ["y"], name="Add@1"),
    ]
    graph = model(nodes, [floats("x", 1, 3, 8, 8)],
                  [stored("w", 3, 3, 1, 1), stored("v", 3, 3, 1, 1), stored("s", 1)])  # fmt: skip
    first, second = layer("Convolution", "Multiply_7,Relu@0"), layer("Convolution", "Add_9,Add@1")
    assert nodes_of([first, second], of_onnx(graph)) == {
        "Multiply_7": ("Conv@0", "Relu@0"),
        "Add_9": ("Conv@1", "Add@1"),
    }
    pooled = layer("Pooling", "Relu@0")
    assert nodes_of([pooled], of_onnx(graph)) == {"Relu@0": ("Relu@0",)}, "no product is looked for"


def test_where_two_products_could_be_meant_none_is_taken() -> None:
    """A sum of two convolutions of which no layer names any."""
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w"], ["a"], name="left"),
        node("Conv", ["x", "v"], ["b"], name="right"),
        node("Add", ["a", "b"], ["y"], name="sum"),
    ]
    graph = model(nodes, [floats("x", 1, 3, 8, 8)],
                  [stored("w", 3, 3, 1, 1), stored("v", 3, 3, 1, 1)])  # fmt: skip
    lost, named = layer("Convolution", "Multiply_1,sum"), layer("Convolution", "left")
    assert nodes_of([lost], of_onnx(graph)) == {"Multiply_1": ("sum",)}
    assert nodes_of([named, lost], of_onnx(graph))["Multiply_1"] == ("right", "sum")
