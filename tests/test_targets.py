"""Tests of benchsuite.targets: a network of the user's own is a workload without a file."""

from __future__ import annotations

import json
import pickle
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchsuite import backends, catalog, devices, graphs, plan, targets
from benchsuite.accounting.summary import count_workload
from benchsuite.backends import Job
from benchsuite.cli import main
from benchsuite.errors import BadInput
from benchsuite.harness import accuracy, network
from benchsuite.harness.graph_network import graph_network
from benchsuite.types import Profiled, Target
from tests.test_graphs import floats, helper, model, onnx, small, stored


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with a graph, a program and a module of the user's in it."""
    monkeypatch.chdir(tmp_path)
    onnx.save(small(), str(tmp_path / "net.onnx"))
    (tmp_path / "users_nets.py").write_text(
        "import torch\n"
        "def both():\n"
        "    print('hello')\n"
        "    return torch.nn.Linear(6, 2), torch.zeros(3, 6)\n"
        "def alone():\n    return torch.nn.Linear(6, 2)\n"
        "def words():\n"
        "    return torch.nn.Embedding(9, 2), torch.tensor([[1, 4, 8]])\n"
        "def empty():\n"
        "    return torch.nn.Embedding(9, 2), torch.zeros(0, 3, dtype=torch.int64)\n"
        "def tied():\n"
        "    first, last = torch.nn.Linear(16, 16), torch.nn.Linear(16, 16)\n"
        "    last.weight = first.weight\n"
        "    return torch.nn.Sequential(first, last), torch.zeros(3, 16)\n"
        "def tied_by_memory():\n"
        "    table, scores = torch.nn.Embedding(9, 4), torch.nn.Linear(4, 9, bias=False)\n"
        "    scores.weight = torch.nn.Parameter(table.weight.data)\n"
        "    return torch.nn.Sequential(table, scores), torch.tensor([[1, 4, 8]])\n"
        "def wrong():\n    return 3\n"
        "def fails():\n    raise SystemExit('no weights')\n"
    )
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("users_nets", None)


def entry(text: str, *inputs: str) -> catalog.Entry:
    return targets.resolve(Target(text=text, folder=str(Path.cwd()), inputs=inputs))


def exported(path: Path, *, dynamic: bool = True) -> Path:
    """A small program, saved by torch.export."""
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(),
                              torch.nn.Linear(4 * 36, 5))  # fmt: skip
    shapes = ({0: torch.export.Dim("batch", min=1, max=64)},) if dynamic else None
    program = torch.export.export(net.eval(), (torch.randn(2, 3, 8, 8),), dynamic_shapes=shapes)
    torch.export.save(program, path)
    return path


# --- ONNX -----------------------------------------------------------------------------------------


def test_an_onnx_file_is_counted_as_it_is() -> None:
    """Its batch defaults to one; its layers have its nodes' names."""
    counted = count_workload(entry("net.onnx"), scale="reference", batch=1)
    assert counted.workload == "own/net.onnx"
    assert counted.work == 2 * (4 * 64 * 27 + 5 * 256)
    assert [layer.name for layer in counted.layers] == ["conv", "relu", "y"]


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_an_onnx_file_runs_without_export(name: str, tmp_path: Path) -> None:
    """The backend's answers are the reference's, and its profile names the table's layers."""
    found = entry("net.onnx")
    backend = backends.backend(name)
    if why := backend.missing("cpu", "fp32"):
        pytest.skip(why)
    net = network.build(found, "reference")
    signature = found.scale("reference").signatures[0]
    query = network.random_inputs(signature, batch=2, seed=1)
    job = Job(
        device=devices.find("cpu"), precision="fp32", threads=1, samples=(query,), batches=(2, 1),
        key="k", cache=tmp_path / "cache", graph=found.module.graph("reference"),
    )  # fmt: skip
    executable = backend.prepare(net, job)
    apart = accuracy.distance(
        [executable.run(query)], accuracy.reference_outputs(net, [query]), precision="fp32"
    )
    assert apart.relative_error is not None
    assert apart.relative_error < 1e-5
    assert executable.precision_ran == "fp32"
    assert isinstance(executable, Profiled)
    named = {name for step in executable.profile(query) for name in step.names}
    assert {"conv", "y"} <= named


def test_openvino_owns_the_inputs_that_it_casts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tensors do not keep shared memory alive: what was cast for them must be copied."""
    backend = backends.backend("openvino")
    if why := backend.missing("cpu", "fp32"):
        pytest.skip(why)
    port = helper.make_tensor_value_info("x", onnx.TensorProto.INT32, ("n", 64))
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=onnx.TensorProto.FLOAT),
        helper.make_node("MatMul", ["f", "w"], ["y"]),
    ]
    path = tmp_path / "whole.onnx"
    onnx.save(model(nodes, [port], [stored("w", 64, 3)]), path)
    query = (np.arange(128, dtype=np.int64).reshape(2, 64),)
    job = Job(
        device=devices.find("cpu"), precision="fp32", threads=1, samples=(query,), batches=(2,),
        key="k", cache=tmp_path / "cache", graph=path,
    )  # fmt: skip
    executable: Any = backend.prepare(graph_network(path), job)
    expected = executable.run(query)
    given: list[Any] = []
    cast = graphs.cast

    def spied(*arguments: Any) -> Any:
        given.append(cast(*arguments))
        return given[-1]

    monkeypatch.setattr(graphs, "cast", spied)
    (request,) = executable._requests(query)
    given[0][0][:] = 7  # as what frees that memory and takes it again would
    request.infer()
    np.testing.assert_array_equal(request.get_output_tensor(0).data, expected[0])


def test_backends_of_torch_say_why_they_cannot(tmp_path: Path) -> None:
    """Unnamed, the backends are those that take a graph; named ones are skipped with a reason."""
    request = plan.Request(targets=("net.onnx",), device="cpu")
    made = plan.make_plan(request, cache=tmp_path / "c", home=tmp_path)
    assert {spec.backend for spec in made.specs} == {"onnxruntime"}
    assert not made.skipped
    request = plan.Request(targets=("net.onnx",), backends=("eager", "compile"), device="cpu")
    made = plan.make_plan(request, cache=tmp_path / "c", home=tmp_path)
    assert not made.specs
    assert {why for _, why in made.skipped} == {
        f"backend {name} runs torch modules, not ONNX graphs; these run one: {able}"
        for name in ("eager", "compile")
        for able in [", ".join(n for n in backends.names() if not backends.refusal_of_graph(n))]
    }


def test_a_fixed_batch_leaves_out_other_scenarios(tmp_path: Path) -> None:
    """A graph saved for two samples a query runs in Offline alone, and the rest says why."""
    onnx.save(small(batch=2), "two.onnx")
    made = plan.make_plan(
        plan.Request(targets=("two.onnx",), device="cpu"), cache=tmp_path / "c", home=tmp_path
    )
    assert [(spec.batch, spec.scenarios) for spec in made.specs] == [(2, ("Offline",))]
    assert [why for _, why in made.skipped] == [
        "own/two.onnx takes exactly 2 samples a query, and SingleStream has 1"
    ]


def test_an_open_dimension_must_be_told() -> None:
    """One sentence names the input and the flag; told once, the symbol holds everywhere."""
    nodes = [helper.make_node("Add", ["a", "b"], ["y"])]
    inputs = [floats("a", "n", "side", 4), floats("b", "n", "side", 4)]
    onnx.save(model(nodes, inputs, []), "open.onnx")
    with pytest.raises(BadInput, match=r"'a' is nxsidex4.*say it: --input a=1xNx4"):
        entry("open.onnx")
    (signature,) = entry("open.onnx", "a=5x7x4").scale("reference").signatures
    assert [spec.shape for spec in signature.inputs] == [(7, 4), (7, 4)]
    for wrong, said in (
        ("c=1x2", "has no such input"),
        ("a=1x2", "takes 3 dimensions"),
        ("a=1x2x5", "says nxsidex4"),
        ("a=one", "write --input NAME=1x3x224x224"),
        ("a=0x7x4", "at least 1"),
    ):
        with pytest.raises(BadInput, match=said):
            entry("open.onnx", wrong)


def test_a_graph_without_inputs_is_refused() -> None:
    """There is nothing to feed it with."""
    nodes = [helper.make_node("Constant", [], ["y"], value=stored("v", 1, 3))]
    onnx.save(model(nodes, [], []), "constant.onnx")
    with pytest.raises(BadInput, match=r"constant\.onnx: it has no input"):
        entry("constant.onnx")


def test_whole_numbers_stay_below_the_table_they_look_up() -> None:
    """Token ids are drawn below the embedding's rows; a bound of the user's goes before."""
    nodes = [helper.make_node("Gather", ["table", "ids"], ["y"])]
    ids = helper.make_tensor_value_info("ids", onnx.TensorProto.INT32, ("n", 3))
    onnx.save(model(nodes, [ids], [stored("table", 11, 2)]), "words.onnx")
    (signature,) = entry("words.onnx").scale("reference").signatures
    assert signature.inputs[0].high == 11
    (signature,) = entry("words.onnx", "ids=1x3:7").scale("reference").signatures
    assert signature.inputs[0].high == 7
    net = network.build(entry("words.onnx"), "reference")
    query = network.random_inputs(signature, batch=2, seed=0)
    assert accuracy.reference_outputs(net, [query])[0][0].shape == (2, 3, 2)


def test_two_graphs_of_one_structure_differ_in_their_weights_alone() -> None:
    """The network's identity is the structure; the weights have a hash of their own."""
    onnx.save(small(seed=1), "other.onnx")
    one, other = entry("net.onnx"), entry("other.onnx")
    assert catalog.network_hash(one, "reference") == catalog.network_hash(other, "reference")
    hashes = [network.weights_hash(network.build(each, "reference")) for each in (one, other)]
    assert hashes[0] != hashes[1]


def test_weights_for_a_graph_are_refused(tmp_path: Path) -> None:
    """A graph holds its own: a file given for it is named."""
    given = tmp_path / "w.safetensors"
    given.write_bytes(b"")
    with pytest.raises(BadInput, match="holds its own weights"):
        plan.make_plan(
            plan.Request(targets=("net.onnx",), weights={"own/net.onnx": given}, device="cpu"),
            cache=tmp_path / "c", home=tmp_path,
        )  # fmt: skip


# --- torch.export ---------------------------------------------------------------------------------


def test_a_program_answers_as_the_network_did(tmp_path: Path) -> None:
    """A checked copy of the archive gives the same outputs at another batch, and a count."""
    path = exported(tmp_path / "net.pt2")
    found = entry("net.pt2")
    net = network.build(found, "reference")
    x = torch.randn(5, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(net(x), torch.export.load(path).module()(x))
    counted = count_workload(found, scale="reference", batch=1)
    assert counted.work == 2 * (4 * 36 * 27 + 144 * 5)
    assert counted.parameters == 4 * 27 + 4 + 144 * 5 + 5
    assert not found.scale("reference").fixed_batch


def test_a_program_of_one_batch_is_held_to_it(tmp_path: Path) -> None:
    """Exported without an open batch, it takes exactly that many samples."""
    exported(tmp_path / "net.pt2", dynamic=False)
    scale = entry("net.pt2").scale("reference")
    assert (scale.batch, scale.fixed_batch) == (2, True)
    with pytest.raises(BadInput, match="was exported for 2x3x8x8"):
        entry("net.pt2", "input=4x3x8x8")


class Bomb:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self._path,)


def rewritten(path: Path, **changes: Any) -> None:
    """An archive with some of its files replaced (by the end of their names)."""
    with zipfile.ZipFile(path) as old:
        files = {name: old.read(name) for name in old.namelist()}
    for ending, change in changes.items():
        name = next(name for name in files if ending in name)
        files[name] = change(files[name])
    with zipfile.ZipFile(path, "w") as new:
        for name, content in files.items():
            new.writestr(name, content)


def test_a_programs_sample_inputs_are_never_unpickled(tmp_path: Path) -> None:
    """torch.export.load would run a pickle there; here it is left out and the program loads."""
    path, mark = exported(tmp_path / "net.pt2"), tmp_path / "ran"
    rewritten(path, sample_inputs=lambda old: pickle.dumps(Bomb(mark)))
    network.build(entry("net.pt2"), "reference")
    assert not mark.exists()


def graph_with(**changes: Any) -> Any:
    def change(old: bytes) -> bytes:
        graph = json.loads(old)
        for path, value in changes.items():
            place = graph
            *steps, last = path.split("__")
            for step in steps:
                place = place[int(step) if step.isdigit() else step]
            place[int(last) if last.isdigit() else last] = value
        return json.dumps(graph).encode()

    return change


NODE = "graph_module__graph__nodes__0"
CODE = "__import__('os').system('touch ran')"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({f"{NODE}__target": "torch.os.system"}, "target 'torch.os.system'"),
        ({f"{NODE}__target": "torch.ops.aten.from_file.default"}, "from_file"),
        ({f"{NODE}__name": "x=1;import os"}, "name"),
        ({f"{NODE}__inputs__0__arg": {"as_sym_int": {"as_name": CODE}}}, "as_name"),
        (
            {"graph_module__graph__tensor_values__input__sizes__0":
             {"as_expr": {"expr_str": CODE, "hint": {"as_int": 2}}}},
            "expr_str",
        ),
        ({"graph_module__module_call_graph__0__signature__in_spec":
          '[1, {"type": "collections.defaultdict", "context": "", "children_spec": []}]'},
         "in_spec"),
    ],
)  # fmt: skip
def test_a_graph_that_could_run_code_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    """Operators that are none, code for names or sizes, classes to import: one sentence each."""
    path = exported(tmp_path / "net.pt2")
    rewritten(path, **{"models/model.json": graph_with(**changes)})
    with pytest.raises(BadInput, match=said):
        entry("net.pt2")
    assert not (tmp_path / "ran").exists()


def test_guards_are_not_run(tmp_path: Path) -> None:
    """Guards are Python text that torch would run; they are left out."""
    path = exported(tmp_path / "net.pt2")
    rewritten(path, **{"models/model.json": graph_with(guards_code=[CODE])})
    net = network.build(entry("net.pt2"), "reference")
    net(torch.zeros(1, 3, 8, 8))
    assert not (tmp_path / "ran").exists()


def test_pickled_tensors_and_foreign_files_are_refused(tmp_path: Path) -> None:
    """A tensor that is marked as a pickle, compiled code and anything unknown are not loaded."""
    path = exported(tmp_path / "net.pt2")

    def pickled(old: bytes) -> bytes:
        config = json.loads(old)
        next(iter(config["config"].values()))["use_pickle"] = True
        return json.dumps(config).encode()

    rewritten(path, model_weights_config=pickled)
    with pytest.raises(BadInput, match="is a pickle"):
        entry("net.pt2")
    with zipfile.ZipFile(tmp_path / "a.pt2", "w") as archive:
        archive.writestr("a/data/aotinductor/model/x.so", b"")
    with pytest.raises(BadInput, match="machine code is not run"):
        entry("a.pt2")
    path = exported(tmp_path / "b.pt2")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("b/extra/x.py", b"")
    with pytest.raises(BadInput, match="'extra/x.py'|could run code"):
        entry("b.pt2")
    (tmp_path / "c.pt2").write_bytes(pickle.dumps(1))
    with pytest.raises(BadInput, match="not an exported program"):
        entry("c.pt2")


def test_an_archive_that_unpacks_to_more_than_itself_is_refused(tmp_path: Path) -> None:
    """Few bytes cannot fill the memory: a megabyte of zeros in a kilobyte is not unpacked."""
    path = exported(tmp_path / "net.pt2")
    with (
        zipfile.ZipFile(path) as source,
        zipfile.ZipFile(tmp_path / "bomb.pt2", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in source.namelist():
            large = name.endswith("weight_0")
            bomb.writestr(name, bytes(1 << 20) if large else source.read(name))
    with pytest.raises(BadInput, match=r"would unpack to \d+"):
        entry("bomb.pt2")


# --- functions and collections --------------------------------------------------------------------


def test_a_function_of_the_users_is_a_workload(capsys: pytest.CaptureFixture[str]) -> None:
    """Its example inputs say the shapes; what it prints does not reach standard output."""
    found = entry("users_nets:both")
    scale = found.scale("reference")
    assert (scale.batch, scale.signatures[0].inputs[0].shape) == (3, (6,))
    assert main(["count", "users_nets:both", "--json", "-"]) == 0
    (counted,) = json.loads(capsys.readouterr().out)
    assert (counted["work"], counted["parameters"]) == (24, 14)
    (signature,) = entry("users_nets:words").scale("reference").signatures
    assert (signature.inputs[0].dtype, signature.inputs[0].high) == ("int64", 9)
    (signature,) = entry("users_nets:alone", "x=2x6").scale("reference").signatures
    assert signature.inputs[0].shape == (6,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("users_nets:alone", "returns no example inputs"),
        ("users_nets:empty", "example input 0 is empty (0x3)"),
        ("users_nets:wrong", "must return a torch module"),
        ("users_nets:fails", "failed: SystemExit: no weights"),
        ("users_nets:none", "has no function 'none'"),
        ("no_such_nets:both", "there is no module 'no_such_nets'"),
        ("nothing.onnx", "no such file"),
        ("nothing.pt2", "no such file"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(
    text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, one line, no traceback."""
    assert main(["count", text]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_code_that_changed_is_another_network(tmp_path: Path) -> None:
    """A module's identity is its structure and its own classes' code."""
    for number, factor in enumerate((2, 3)):
        (tmp_path / f"own_{number}.py").write_text(
            "import torch\nclass Net(torch.nn.Linear):\n"
            f"    def forward(self, x):\n        return {factor} * super().forward(x)\n"
            "def make():\n    return Net(4, 2), torch.zeros(1, 4)\n"
        )
    hashes = [catalog.network_hash(entry(f"own_{n}:make"), "reference") for n in (0, 1)]
    assert hashes[0] != hashes[1]


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_an_absent_collection_is_named_with_its_pip_line(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence says what to install."""
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=f"pip install {library}"):
        entry(f"{library}:resnet18")


def test_a_network_of_a_collection_is_counted() -> None:
    """Torchvision's ResNet-18 where it is installed: the published number of parameters."""
    pytest.importorskip("torchvision")
    counted = count_workload(entry("torchvision:resnet18"), scale="reference", batch=1)
    assert counted.parameters == 11_689_512
    with pytest.raises(BadInput, match="did you mean resnet18"):
        entry("torchvision:resnet19")


def test_the_flag_for_shapes_is_for_networks_of_ones_own(tmp_path: Path) -> None:
    """With a workload of the catalogue it is refused rather than ignored."""
    with pytest.raises(BadInput, match="--input x=1x3: it is for networks of your own"):
        plan.make_plan(
            plan.Request(targets=("image/lenet",), inputs=("x=1x3",), device="cpu"),
            cache=tmp_path / "c", home=tmp_path,
        )  # fmt: skip


def test_what_names_a_network_of_ones_own() -> None:
    """Files, collections and functions; suites, workloads and globs are none."""
    for text in ("a.onnx", "d/a.pt2", "timm:x", "own/timm:x", "torchvision:x", "a.b:c"):
        assert targets.is_target(text)
    for text in ("smoke", "image/lenet", "image/*", "mine.py", "x.toml"):
        assert not targets.is_target(text)
    assert targets.full_name("d/a.onnx") == "own/a.onnx"
    assert targets.full_name("own/timm:x") == targets.full_name("timm:x") == "own/timm:x"


def test_tied_weights_of_a_network_of_ones_own_are_counted_once() -> None:
    """16 x 16 and two biases, not 544; a table of 9 x 4 that gives the scores too, not 72."""
    for name, parameters in (("tied", 288), ("tied_by_memory", 36)):
        counted = count_workload(entry(f"users_nets:{name}"), scale="reference", batch=1)
        assert counted.parameters == parameters
        assert counted.model_size == 4 * parameters


def test_tied_weights_of_an_exported_program_are_counted_once(tmp_path: Path) -> None:
    """As `torch.export.save` keeps them."""
    first, last = torch.nn.Linear(16, 16), torch.nn.Linear(16, 16)
    last.weight = first.weight
    program = torch.export.export(torch.nn.Sequential(first, last), (torch.zeros(1, 16),))
    torch.export.save(program, tmp_path / "tied.pt2")
    assert count_workload(entry("tied.pt2"), scale="reference", batch=1).parameters == 288
