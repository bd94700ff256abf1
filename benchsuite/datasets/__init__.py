"""Data sets by name: prepared once into the user's cache, then memory-mapped.

A data set is a file `benchsuite/datasets/NAME.py` (dashes in the name are underscores in the
file). It defines

    DATASET                                a `types.Dataset`
    locate(place) -> tuple[Path, ...]      the source files; `place` is the user's folder or None
    prepare(files) -> {"train": Split, "test": Split}   arrays as stored (uint8 images, ...)

or, for a set that a user has in a folder and that is too large to be copied,

    DATASET
    FORMAT                                 the name of a format (`benchsuite/formats/`)
    targets(samples) -> {name: array}      the answers; `frames` where samples differ in length
                                           (see `harness/buckets.py`)

and, where the defaults do not fit,

    OPTIONS                                what the format's `read` is given beside place and split
    stored(arrays, spec) -> arrays         a decoded sample as a prepared set would hold it, for a
                                           network of that input that has `preprocess` alone
"""

from __future__ import annotations

import fnmatch
import hashlib
import importlib
import importlib.util
import json
import os
import pkgutil
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from benchsuite import formats
from benchsuite.errors import BadInput, BenchsuiteError, MissingPackage
from benchsuite.types import Arrays, Dataset, Part, Split, TensorSpec

SPLITS = ("train", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A data set in the cache: its folder and the hash of its recipe and sources."""

    name: str
    folder: Path
    hash: str


def names() -> list[str]:
    """Every data set there is a file for."""
    return sorted(
        module.name.replace("_", "-")
        for module in pkgutil.iter_modules(__path__)
        if not module.name.startswith("_")
    )


def describe(name: str) -> Dataset:
    """What a data set says of itself.

    Raises:
        BadInput: There is none of that name.
    """
    dataset: Dataset = _module(name).DATASET
    return dataset


def why_unusable(name: str) -> str | None:
    """Why a data set cannot be had without the user's help; None if it can."""
    module = _module(name)
    try:
        _require_packages(name, module.DATASET)
        if streamed(name):
            return _where(name, module.DATASET)
        module.locate(None)
    except BadInput as error:
        return str(error)
    return None


def streamed(name: str) -> bool:
    """Whether a set lies in a folder of the user's, and is read from there sample by sample."""
    return hasattr(_module(name), "FORMAT")


def stored(name: str) -> Callable[[Arrays, TensorSpec], Arrays] | None:
    """A streamed set's own way from decoded samples to arrays as stored, where it has one."""
    hook: Callable[[Arrays, TensorSpec], Arrays] | None = getattr(_module(name), "stored", None)
    return hook


def alike(workload: str, qualities: Iterable[str]) -> list[str]:
    """Further sets that a workload takes at reference scale if the user gives them.

    Args:
        workload: Its name.
        qualities: The sets it names itself at that scale.
    """
    named = set(qualities)
    return [
        name
        for name in names()
        if name not in named
        and any(
            like in named or ("/" in like and fnmatch.fnmatchcase(workload, like))
            for like in describe(name).like
        )
    ]


def installed_folder(package: str, *, needed_for: str) -> Path:
    """The folder of an installed package, without importing it.

    Raises:
        MissingPackage: It is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackage(package, needed_for=needed_for)
    return Path(next(iter(spec.submodule_search_locations)))


def prepare(name: str, *, cache: Path, place: Path | None = None) -> Prepared:
    """Makes a data set ready in the cache, once for a recipe version and its source files.

    Args:
        name: As in `--data NAME=DIR`.
        cache: The user's cache folder.
        place: The folder the user gave, if any.

    Raises:
        BadInput: Unknown name, missing or corrupt source files.
    """
    module = _module(name)
    dataset: Dataset = module.DATASET
    _require_packages(name, dataset)
    if streamed(name):
        return _prepare_stream(name, module, cache=cache, place=place)
    files = tuple(module.locate(place))
    key = _source_hash(name, dataset, files, cache=cache)
    folder = cache / "datasets" / f"{name}-{key}"
    if not (folder / "split.json").is_file():
        try:
            splits: Mapping[str, Split] = module.prepare(files)
        except BenchsuiteError:
            raise
        except (OSError, ValueError, EOFError, KeyError) as error:
            raise BadInput(
                f"data set {name}: {', '.join(str(f) for f in files[:2])} cannot be read: {error}"
            ) from error
        _write(splits, folder)
    return Prepared(name=name, folder=folder, hash=key)


def load(folder: Path, split: str) -> Split:
    """A prepared split, its arrays memory-mapped read-only."""
    import numpy as np

    content = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    if "streamed" in content:
        return _load_stream(content["streamed"], split)
    description = content[split]
    parts = []
    for index, part in enumerate(description["parts"]):
        at = folder / split / str(index)
        parts.append(
            Part(
                inputs=tuple(
                    np.load(at / f"input{i}.npy", mmap_mode="r", allow_pickle=False)
                    for i in range(part["inputs"])
                ),
                targets={
                    target: np.load(at / f"{target}.npy", mmap_mode="r", allow_pickle=False)
                    for target in part["targets"]
                },
            )
        )
    return Split(parts=tuple(parts), facts=description["facts"])


def _where(name: str, dataset: Dataset) -> str:
    return (
        f"data set {name} does not come with benchsuite: give its folder with --data {name}=DIR; "
        f"it must hold {dataset.places}"
    )


def _prepare_stream(name: str, module: ModuleType, *, cache: Path, place: Path | None) -> Prepared:
    """Lists the test split and keeps where it is; its hash is of the files' names and sizes."""
    if place is None:
        raise BadInput(_where(name, module.DATASET))
    listing = _listing(module, place, "test")
    digest = hashlib.sha256(f"{name} {module.DATASET.version} {len(listing.samples)}".encode())
    last: Path | None = None
    for sample in listing.samples:
        if sample.path is not None and sample.path != last:
            last = sample.path
            inside = os.path.relpath(last, place)
            digest.update(f"{inside} {last.stat().st_size}\n".encode())
    key = digest.hexdigest()[:16]
    folder = cache / "datasets" / f"{name}-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    content = {"streamed": {"name": name, "place": str(place.resolve())}}
    draft = folder / f"split.{os.getpid()}"
    draft.write_text(json.dumps(content), encoding="utf-8")
    draft.replace(folder / "split.json")
    return Prepared(name=name, folder=folder, hash=key)


def _listing(module: ModuleType, place: Path, split: str) -> formats.Listing:
    return formats.read(module.FORMAT, place, split, **getattr(module, "OPTIONS", {}))


def _load_stream(content: dict[str, Any], split: str) -> Split:
    module = _module(content["name"])
    listing = _listing(module, Path(content["place"]), split)
    facts = dict(listing.facts)
    if listing.skipped:
        first = listing.skipped[0]
        many = f"{len(listing.skipped):,}"
        facts["skipped"] = f"{many} of the folder, the first {first.path}: {first.why}"
    part = Part(inputs=(), targets=module.targets(listing.samples), samples=listing.samples)
    return Split(parts=(part,), facts=facts)


def _module(name: str) -> ModuleType:
    if name not in names():
        raise BadInput(f"unknown data set {name!r}; known: {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")


def _require_packages(name: str, dataset: Dataset) -> None:
    for package in dataset.packages:
        if importlib.util.find_spec(package) is None:
            raise MissingPackage(package, needed_for=f"data set {name}", extra=dataset.extra)


def _source_hash(name: str, dataset: Dataset, files: tuple[Path, ...], *, cache: Path) -> str:
    """Of name, recipe version and contents; a file is hashed once per (size, mtime)."""
    known_path = cache / "datasets" / "source-hashes.json"
    try:
        known: dict[str, Any] = json.loads(known_path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    digest = hashlib.sha256(f"{name} {dataset.version}".encode())
    changed = False
    for path in files:
        state = path.stat()
        stamp = [state.st_size, state.st_mtime_ns]
        entry = known.get(str(path))
        if not entry or entry[:2] != stamp:
            with path.open("rb") as file:
                entry = [*stamp, hashlib.file_digest(file, "sha256").hexdigest()]
            known[str(path)] = entry
            changed = True
        digest.update(entry[2].encode())
    if changed:
        known_path.parent.mkdir(parents=True, exist_ok=True)
        draft = known_path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(known), encoding="utf-8")
        draft.replace(known_path)
    return digest.hexdigest()[:16]


def _write(splits: Mapping[str, Split], folder: Path) -> None:
    import numpy as np

    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=folder.name, dir=folder.parent))
    try:
        description: dict[str, Any] = {}
        for split, content in splits.items():
            parts = []
            for index, part in enumerate(content.parts):
                at = draft / split / str(index)
                at.mkdir(parents=True)
                for i, array in enumerate(part.inputs):
                    np.save(at / f"input{i}.npy", np.ascontiguousarray(array), allow_pickle=False)
                for target, array in part.targets.items():
                    np.save(at / f"{target}.npy", np.ascontiguousarray(array), allow_pickle=False)
                parts.append({"inputs": len(part.inputs), "targets": sorted(part.targets)})
            description[split] = {"parts": parts, "facts": content.facts}
        (draft / "split.json").write_text(json.dumps(description), encoding="utf-8")
        try:
            draft.rename(folder)
        except OSError:  # another process was first, with the same content
            if not (folder / "split.json").is_file():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
