"""A `.pt2` file (torch.export.save) as a workload, read so that nothing in it can run code.

`torch.export.load` alone is not safe on a stranger's file (torch 2.13): it unpickles the sample
inputs and whatever is marked as pickled, evaluates symbolic sizes and guards as Python, and takes
any attribute of torch as an operator. So an archive is copied first, with its tensors' raw bytes
and a checked graph, and the copy is loaded: pickles, guards and notes are left out, and what
is not known to be harmless is refused.
"""

from __future__ import annotations

import ast
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite.catalog import Entry
from benchsuite.errors import BadInput, one_line
from benchsuite.targets._entry import Given, check_names, make, parse, specs_of, torch_module
from benchsuite.types import Target

if TYPE_CHECKING:
    import torch

_MODEL = "models/model.json"
_SAMPLES = "data/sample_inputs/model.pt"
_CONFIGS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
_COPIED = re.compile(
    r"archive_format|archive_version|byteorder|\.data/\w+|models/model\.json|"
    r"data/weights/(weight_\d+|model_weights_config\.json)|"
    r"data/constants/(tensor_\d+|model_constants_config\.json)"
)
_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims)\.\w+(\.\w+)?|_operator\.[a-z]+|torch\.sym_[a-z]+|math\.[a-z]+"
)
_PLAIN = re.compile(r"[\w.+\-]*")
_SYMBOL = re.compile(r"[a-z]+\d+")
_MATHS = frozenset(
    "Symbol Integer Add Mul Pow Max Min FloorDiv CleanDiv CeilDiv Mod PythonMod Eq Ne Lt Le Gt Ge "
    "ModularIndexing IntTrueDiv FloatTrueDiv ToFloat".split()
)
_TREES = {None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"}
_FILE_ARGUMENTS = {"filename", "path", "file"}  # of an operator that reads or writes files
_DTYPES = {7: "float32", 5: "int64"}  # torch's own numbers of element types in the archive


def resolve(target: Target) -> Entry:
    """The entry of an exported program.

    Raises:
        BadInput: Not such a file, it holds what could run code, or an input cannot be used.
    """
    path = Path(target.folder, target.text).resolve()
    graph = _checked_graph(path)
    described, fixed = _inputs(graph, path)
    given = parse(target)
    check_names(given, list(described), what=path.name)
    for name, own in described.items():
        told = given.get(name)
        if told is None:
            continue
        if len(told.shape) != len(own.shape) or (fixed and told.shape[0] != own.shape[0]):
            said = "x".join(map(str, own.shape))
            raise BadInput(f"--input {name}: {path.name} was exported for {said}")
        described[name] = Given(shape=told.shape, high=told.high or own.high)
    specs, batch = specs_of(described, what=path.name)
    module = torch_module(f"benchsuite_own.{path.stem}", lambda: load(path))
    module.holds_weights = True  # type: ignore[attr-defined]
    return make(
        target,
        path=path,
        specs=specs,
        batch=batch,
        source="the user's own file (torch.export)",
        module=module,
        fixed_batch=fixed,
    )


def load(path: Path) -> torch.nn.Module:
    """The program as a module.

    Raises:
        BadInput: It holds what could run code, or torch cannot read it.
    """
    import torch

    _checked_graph(path)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "checked.pt2")
        _copy(path, copy)
        try:
            program: Any = torch.export.load(copy).module()
        except Exception as error:  # of many kinds, all of them the reader's
            raise BadInput(
                f"{path}: torch cannot read the program: {type(error).__name__}: "
                f"{one_line(error)[:200]}"
            ) from error
    return _as_module(program)


def _as_module(program: Any) -> torch.nn.Module:
    """A program whose `train` and `eval` do nothing, where torch's raise."""
    import torch

    for name in ("train", "eval"):
        setattr(program, name, lambda *args: program)

    class Exported(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.program = program

        def forward(self, *inputs: torch.Tensor) -> Any:
            return self.program(*inputs)

    return Exported()


def _root(archive: zipfile.ZipFile, path: Path) -> str:
    for name in archive.namelist():
        root, _, rest = name.partition("/")
        if f"{root}/{rest}" == f"{root}/{_MODEL}":
            return f"{root}/"
    if any("/aotinductor/" in name for name in archive.namelist()):
        raise BadInput(
            f"{path}: a compiled package (AOTInductor), whose machine code is not run; give the "
            "program that torch.export.save wrote"
        )
    raise BadInput(f"{path}: not an exported program: it has no {_MODEL} (torch.export.save)")


def _checked_graph(path: Path) -> dict[str, Any]:
    """The graph's description without notes and guards, once all of the archive is harmless.

    Raises:
        BadInput: It is not, or it is no such archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(archive, path)
            root = _root(archive, path)
            for name in archive.namelist():
                inside = name.removeprefix(root)
                if inside != _SAMPLES and not _COPIED.fullmatch(inside):
                    raise BadInput(f"{path}: it holds {inside!r}, which could run code; not read")
            for name in _CONFIGS:
                _check_payloads(json.loads(archive.read(root + name)), path)
            graph = json.loads(archive.read(root + _MODEL))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not an exported program: {one_line(error)}") from None
    if not isinstance(graph, dict):
        raise BadInput(f"{path}: not an exported program: {_MODEL} is no table")
    graph["guards_code"] = []
    bare: dict[str, Any] = _without_notes(graph)
    for key, text in _texts(bare):
        if not _harmless(key, text):
            raise BadInput(f"{path}: {key} {text[:60]!r} in its graph could run code; not read")
    return bare


def _check_size(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuses an archive that unpacks to more than itself: torch stores without compression."""
    unpacked, packed = sum(entry.file_size for entry in archive.infolist()), path.stat().st_size
    if unpacked > packed:
        raise BadInput(
            f"{path}: its {packed} bytes would unpack to {unpacked}, and torch.export.save "
            "compresses nothing; not read"
        )


def _check_payloads(config: Any, path: Path) -> None:
    for name, payload in config["config"].items():
        if payload["use_pickle"]:
            raise BadInput(f"{path}: {name!r} is a pickle, which could run code; it is not loaded")
        if not re.fullmatch(r"(weight|tensor)_\d+", payload["path_name"]):
            raise BadInput(f"{path}: {name!r} lies in {payload['path_name']!r}; it is not loaded")
        if not _PLAIN.fullmatch(name):
            raise BadInput(f"{path}: {name!r} is no tensor's name; it is not loaded")


def _without_notes(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: {} if k == "metadata" else _without_notes(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_notes(each) for each in value]
    return value


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a description, keys included, with the key that it stands under."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield "key", name
            yield from _texts(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, key)
    elif isinstance(value, str):
        yield key, value


def _harmless(key: str, text: str) -> bool:
    """Whether torch makes nothing of a text but what it says."""
    if key == "expr_str":
        return _is_size(text)
    if key in ("in_spec", "out_spec"):
        return _is_tree(text)
    if key == "target":
        return bool(_OPERATOR.fullmatch(text)) and not _touches_files(text)
    if key in ("as_string", "as_strings"):
        return True  # an operator's setting: data
    if key == "name":
        return not text or text.isidentifier()
    return bool(_PLAIN.fullmatch(text))


def _is_size(text: str) -> bool:
    """An arithmetic expression over sizes; torch hands it to sympy, which evaluates Python."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        return False
    allowed = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Load,
               ast.keyword)  # fmt: skip
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            good = isinstance(node.func, ast.Name) and node.func.id in _MATHS
        elif isinstance(node, ast.Name):
            good = id(node) in called or bool(_SYMBOL.fullmatch(node.id))
        elif isinstance(node, ast.Constant):
            whole = isinstance(node.value, (bool, int, float))
            good = whole or (isinstance(node.value, str) and bool(_SYMBOL.fullmatch(node.value)))
        else:
            good = isinstance(node, allowed)
        if not good:
            return False
    return True


def _is_tree(text: str) -> bool:
    """A nesting of tuples, lists and dicts; other kinds name classes to be imported."""
    try:
        _, tree = json.loads(text)
    except (ValueError, TypeError):
        return False
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        if not isinstance(node, dict) or node.get("type") not in _TREES:
            return False
        nodes += node.get("children_spec", [])
    return True


def _touches_files(text: str) -> bool:
    if not text.startswith("torch.ops."):
        return False
    import torch

    found: Any = torch.ops
    for part in text.split(".")[2:]:
        found = getattr(found, part, None)
    overloads = [found] if hasattr(found, "_schema") else [
        getattr(found, name) for name in getattr(found, "overloads", list)()
    ]  # fmt: skip
    return any(
        argument.name in _FILE_ARGUMENTS
        for overload in overloads
        for argument in overload._schema.arguments
    )


def _inputs(graph: dict[str, Any], path: Path) -> tuple[dict[str, Given], bool]:
    """The program's inputs as exported, an open batch as 1; and whether the batch is fixed."""
    try:
        return _described(graph)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise BadInput(f"{path}: its inputs cannot be read: {error!r}") from None
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from None


def _described(graph: dict[str, Any]) -> tuple[dict[str, Given], bool]:
    body = graph["graph_module"]
    values = body["graph"]["tensor_values"]
    given: dict[str, Given] = {}
    fixed = False
    for spec in body["signature"]["input_specs"]:
        if "user_input" not in spec:
            continue
        argument = spec["user_input"]["arg"]
        if "as_tensor" not in argument:
            raise ValueError("an input of it is no tensor; only tensors can be given")
        name = argument["as_tensor"]["name"]
        tensor = values[name]
        if tensor["dtype"] not in _DTYPES:
            raise ValueError(f"input {name!r} is neither float32 nor int64, which can be given")
        if not tensor["sizes"]:
            raise ValueError(f"input {name!r} has no dimension for the batch")
        sides = [
            side["as_int"] if "as_int" in side else side["as_expr"]["hint"]["as_int"]
            for side in tensor["sizes"]
        ]
        if "as_expr" in tensor["sizes"][0]:
            sides[0] = 1  # a batch that is open
        fixed = fixed or "as_int" in tensor["sizes"][0]
        whole = _DTYPES[tensor["dtype"]] == "int64"
        given[name] = Given(shape=tuple(sides), high=_rows(body["graph"], name) if whole else None)
    return given, fixed


def _rows(graph: dict[str, Any], name: str) -> int:
    """Rows of the table that an input of whole numbers looks up, else 2."""
    for node in graph["nodes"]:
        if ".embedding." in node["target"]:
            arguments = {each["name"]: each["arg"] for each in node["inputs"]}
            if arguments["indices"].get("as_tensor", {}).get("name") == name:
                weight = graph["tensor_values"][arguments["weight"]["as_tensor"]["name"]]
                return int(weight["sizes"][0]["as_int"])
    return 2


def _copy(path: Path, copy: Path) -> None:
    """The archive with raw tensors and the checked graph alone."""
    graph = _checked_graph(path)
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as made:
        root = _root(archive, path)
        for name in archive.namelist():
            inside = name.removeprefix(root)
            if inside == _MODEL:
                made.writestr(f"checked/{inside}", json.dumps(graph))
            elif inside == _SAMPLES:
                made.writestr(f"checked/{inside}", b"")
            else:
                made.writestr(f"checked/{inside}", archive.read(name))
