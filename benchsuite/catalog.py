"""The content folders: which workloads, suites, goals and weights there are, and loading one.

A workload is a plain Python file `workloads/DOMAIN/NAME.py`. It defines

    WORKLOAD    a `types.Workload`; listing it needs no torch
    build(scale) -> torch.nn.Module                    the network, in evaluation form
 or graph(scale) -> Path                               an ONNX file with its weights

and, where the defaults do not fit,

    preprocess(inputs) -> inputs                       arrays as stored -> arrays the network takes
    prepare(sample, scale) -> array                    one decoded sample of a user's folder -> the
                                                       network's input
    postprocess(outputs) -> answer                     timed as a stage of its own
    pretrained() -> {name: tensor}                     weights that an installed package brings
    score(outputs, split) -> types.Score               from one tuple of outputs a part
    objective(network) -> torch.nn.Module              its forward(*inputs, **targets) is the loss
    examples(split, *, batch, seed) -> iterator        an epoch of (inputs, targets) as arrays
"""

from __future__ import annotations

import ast
import contextlib
import fnmatch
import hashlib
import importlib.util
import re
import sys
import tomllib
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from benchsuite import graphs
from benchsuite.errors import BadInput, one_line
from benchsuite.types import (
    DOMAINS,
    DTYPES,
    EMBEDDED,
    SCALES,
    Quality,
    Scale,
    Signature,
    Target,
    TensorSpec,
    Training,
    Workload,
)

_PACKAGE = Path(__file__).resolve().parent
# names of a workload file that are no part of the network itself
_BESIDE = {"WORKLOAD", "__all__", "score", "postprocess", "examples", "objective"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A workload: its name, its file and what the file says of itself.

    Attributes:
        target: For a user's own network, which has no workload file; None in the catalogue.
    """

    name: str
    path: Path
    root: Path
    workload: Workload
    module: ModuleType
    target: Target | None = None

    @property
    def domain(self) -> str:
        """`text`, `audio`, `image` or `video`; `own` for a user's network without a file."""
        return self.name.partition("/")[0]

    def default_scale(self) -> str:
        """Embedded where it exists, else reference."""
        scales = self.workload.scales
        return EMBEDDED if EMBEDDED in scales else next(iter(scales))

    def scale(self, name: str) -> Scale:
        """The scale of that name.

        Raises:
            BadInput: The workload does not have it.
        """
        if name not in self.workload.scales:
            have = ", ".join(self.workload.scales)
            raise BadInput(f"{self.name} has no scale {name!r}; it has: {have}")
        return self.workload.scales[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All that the content folders hold; files that cannot be used are in `broken` by name."""

    entries: Mapping[str, Entry]
    broken: Mapping[str, str]


def content_roots(extra: Sequence[Path] = ()) -> tuple[Path, ...]:
    """The folders with `workloads/`, `hw/` and `reports/`: the user's first, then the package's.

    Raises:
        BadInput: A folder given by the user is not there.
    """
    for folder in extra:
        if not folder.is_dir():
            raise BadInput(f"--content {folder}: no such folder; it must hold workloads/ or hw/")
    inside = _PACKAGE / "content"
    own = inside if inside.is_dir() else _PACKAGE.parent
    return (*(folder.resolve() for folder in extra), own)


def workload_files(roots: Iterable[Path]) -> dict[str, Path]:
    """Workload name to file; a user's file of the same name stands before the package's."""
    files: dict[str, Path] = {}
    for root in roots:
        for domain in DOMAINS:
            for path in sorted((root / "workloads" / domain).glob("*.py")):
                if not path.name.startswith("_"):
                    files.setdefault(f"{domain}/{path.stem}", path)
    return files


def load_catalog(roots: Sequence[Path]) -> Catalog:
    """Every workload of the content folders; a broken file does not take the others down."""
    entries: dict[str, Entry] = {}
    broken: dict[str, str] = {}
    for name, path in workload_files(roots).items():
        try:
            entries[name] = load_entry(path, name=name)
        except BadInput as error:
            broken[name] = str(error)
    return Catalog(entries=entries, broken=broken)


def load_entry(path: Path, *, name: str | None = None) -> Entry:
    """Loads one workload file; this runs its top level, as a user chose to.

    Args:
        path: The file.
        name: `DOMAIN/NAME`; by default from the file's folder and stem.

    Raises:
        BadInput: No such file, a syntax error, an error at its top level, or a wrong field.
    """
    path = path.resolve()
    if not path.is_file():
        raise BadInput(f"{path}: no such workload file")
    domain = path.parent.name
    name = name or f"{domain if domain in DOMAINS else 'image'}/{path.stem}"
    module = _import_file(path, name=name)
    workload = getattr(module, "WORKLOAD", None)
    if not isinstance(workload, Workload):
        raise BadInput(f"{path}: must define WORKLOAD = Workload(...) (benchsuite.types.Workload)")
    if not any(callable(getattr(module, name, None)) for name in ("build", "graph")):
        raise BadInput(f"{path}: must define build(scale), which returns the torch module")
    _check(workload, path)
    return Entry(name=name, path=path, root=_root_of(path), workload=workload, module=module)


def select(catalog: Catalog, pattern: str) -> list[Entry]:
    """The entries that `pattern` names: a workload name, a glob, or a path to a `.py` file.

    Raises:
        BadInput: Nothing has that name, or the file that has it is broken.
    """
    if pattern.endswith(".py"):
        return [load_entry(Path(pattern))]
    if pattern in catalog.broken:
        raise BadInput(catalog.broken[pattern])
    names = [name for name in catalog.entries if fnmatch.fnmatchcase(name, pattern)]
    if not names:
        raise BadInput(f"unknown workload {pattern!r}; {_nearest(pattern, catalog.entries)}")
    return [catalog.entries[name] for name in names]


def load_toml(path: Path, *, what: str) -> dict[str, Any]:
    """A TOML file's tables.

    Raises:
        BadInput: The file is missing, unreadable or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such {what} file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: the {what} file cannot be read: {error}") from None
    except RecursionError:
        raise BadInput(f"{path}: not a TOML file: its tables or lists lie too deep") from None
    except ValueError as error:  # TOMLDecodeError, and numbers of more digits than Python reads
        raise BadInput(f"{path}: not a TOML file: {error}") from None


def named_file(roots: Iterable[Path], kind: str, name: str) -> Path | None:
    """`workloads/KIND/NAME.toml` of the first content folder that has it."""
    for root in roots:
        path = root / "workloads" / kind / f"{name}.toml"
        if path.is_file():
            return path
    return None


def named_files(roots: Iterable[Path], kind: str) -> dict[str, Path]:
    """All `workloads/KIND/*.toml` by stem."""
    found: dict[str, Path] = {}
    for root in roots:
        for path in sorted((root / "workloads" / kind).glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def weights_path(entry: Entry, *, scale: str, dataset: str) -> Path:
    """Where weights shipped for (workload, scale, data set) lie, whether or not they exist."""
    return entry.root / "workloads" / "weights" / entry.name / f"{scale}-{dataset}.safetensors"


def file_hash(path: Path) -> str:
    """The first 16 hex digits of a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def network_hash(entry: Entry, scale: str) -> str:
    """The identity of a network at a scale: its code and its inputs' shapes.

    The code is the workload file's and that of the `_family.py` files beside it that it names.
    What only describes, trains or judges it (`WORKLOAD`'s other fields, the hooks in `_BESIDE`,
    docstrings, comments) is left out: a note that is mended makes no other network. What has no
    such file says itself what it is, by its module's `identity`.
    """
    shapes = f"{scale} {entry.scale(scale).signatures!r}"
    if entry.target is not None:
        own = f"{entry.module.identity(scale)} {shapes}"
        return hashlib.sha256(own.encode()).hexdigest()[:16]
    text = entry.path.read_text(encoding="utf-8")
    digest = hashlib.sha256(_code(text).encode())
    for shared in sorted(entry.path.parent.glob("_*.py")):
        if re.search(rf"\b{re.escape(shared.stem)}\b", text):
            digest.update(_code(shared.read_text(encoding="utf-8")).encode())
    if hasattr(entry.module, "graph"):
        digest.update(graphs.structure_hash(graphs.load(entry.module.graph(scale))).encode())
    digest.update(shapes.encode())
    return digest.hexdigest()[:16]


def _code(text: str) -> str:
    """A file's lines without docstrings, comments, blank lines, `WORKLOAD` and `_BESIDE`."""
    tree = ast.parse(text)
    left_out: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                left_out.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    for statement in tree.body:
        names: list[str] = []
        if isinstance(statement, ast.Assign):
            names = [ast.unparse(target) for target in statement.targets]
        elif isinstance(statement, ast.FunctionDef):
            names = [statement.name]
        if names and _BESIDE.issuperset(names):
            last = statement.end_lineno or statement.lineno
            left_out.update(range(statement.lineno, last + 1))
    return "\n".join(
        line.rstrip()
        for number, line in enumerate(text.splitlines(), 1)
        if number not in left_out and line.strip() and not line.lstrip().startswith("#")
    )


def _import_file(path: Path, *, name: str) -> ModuleType:
    qualified = "benchsuite_workloads." + name.replace("/", ".")
    spec = importlib.util.spec_from_file_location(qualified, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.parent)
    sys.path.insert(0, folder)  # a family's shared definition is a `_name.py` beside it
    _forget_namesakes(path.parent)
    sys.modules[qualified] = module  # a dataclass looks its module up there
    try:
        # what it prints does not belong into the results that `--json -` prints
        with contextlib.redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except SyntaxError as error:
        where = f"{path}, line {error.lineno}" if error.lineno else str(path)
        raise BadInput(f"{where}: syntax error: {error.msg}") from None
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == str(path)), None)
        where = f"{path}, line {line}" if line else str(path)
        text = _unknown_field(error) or f"{type(error).__name__}: {one_line(error)}"
        raise BadInput(f"{where}: {text}") from None
    finally:
        sys.path.remove(folder)
    return module


def _unknown_field(error: BaseException) -> str | None:
    """A misspelt field of `Workload` and its parts, with what was meant."""
    found = re.fullmatch(
        r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'.*", str(error), re.DOTALL
    )
    kinds = (Workload, Scale, Signature, TensorSpec, Quality, Training)
    kind = next((k for k in kinds if found and k.__name__ == found[1]), None)
    if found is None or kind is None:
        return None
    return f"{found[1]} has no field {found[2]!r}; {_nearest(found[2], kind.__dataclass_fields__)}"


def _forget_namesakes(folder: Path) -> None:
    """Drops shared definitions of the same name that another content folder brought."""
    for path in folder.glob("_*.py"):
        known = sys.modules.get(path.stem)
        if known is not None and getattr(known, "__file__", None) != str(path):
            del sys.modules[path.stem]


def _check(workload: Workload, path: Path) -> None:
    try:
        msgspec.convert(msgspec.to_builtins(workload), Workload)
    except (msgspec.ValidationError, TypeError) as error:
        said = str(error).replace("`", "").replace(" - at $", "; it is in WORKLOAD")
        raise BadInput(f"{path}: a field of WORKLOAD is wrong: {said}") from None
    for name in ("rate", "latency_bound_s"):
        value = getattr(workload, name)
        if value is not None and not 0 < value < float("inf"):
            raise BadInput(f"{path}: WORKLOAD.{name} = {value} must be a number above 0")
    if not workload.scales:
        raise BadInput(f"{path}: WORKLOAD.scales is empty; give 'embedded' or 'reference'")
    for name, scale in workload.scales.items():
        where = f"{path}: WORKLOAD.scales[{name!r}]"
        if name not in SCALES:
            raise BadInput(f"{where}: a scale is one of {', '.join(SCALES)}")
        if not isinstance(scale, Scale):
            raise BadInput(f"{where} must be a Scale, not {type(scale).__name__}")
        if not scale.signatures:
            raise BadInput(f"{where}.signatures is empty; give at least one Signature")
        signatures = [*scale.signatures, *(s for b in scale.buckets.values() for s in b)]
        for spec in (spec for signature in signatures for spec in signature.inputs):
            if any(side < 1 for side in spec.shape):
                raise BadInput(f"{where}: an input of shape {spec.shape}; sides are at least 1")
            if spec.dtype not in DTYPES:
                raise BadInput(f"{where}: dtype {spec.dtype!r}; one of {', '.join(DTYPES)}")
            if (spec.high is None) != (spec.dtype == "float32") or not (spec.high or 1) > 0:
                raise BadInput(f"{where}: whole numbers need high above 0, floats none")
        for signature in signatures:
            if not signature.frames > 0 or signature.share < 1:
                raise BadInput(f"{where}.signatures: frames must be above 0 and share at least 1")
        if not isinstance(scale.batch, int) or scale.batch < 1:
            raise BadInput(f"{where}.batch is {scale.batch!r}; it must be a whole number >= 1")


def _root_of(path: Path) -> Path:
    for parent in path.parents:
        if parent.name == "workloads":
            return parent.parent
    return path.parent


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib

    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return "known: " + ", ".join(known)
