"""A user's own network as a workload without a workload file: `benchsuite run model.onnx`.

A target is a text: an `.onnx` or `.pt2` file, `timm:NAME`, `torchvision:NAME`, or
`module:function`. Each kind is a module here with `resolve(target) -> catalog.Entry`. The entry's
module has what a workload file would define (`build(scale)`, or `graph(scale)` for ONNX), and
`identity(scale)`, a text that tells the network from others. Such an entry has one scale and no
data: its inputs are random, so its results are `speed-only`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from benchsuite import catalog
from benchsuite.catalog import Catalog, Entry
from benchsuite.errors import BadInput
from benchsuite.targets._entry import OWN
from benchsuite.types import SystemSpec, Target

_KINDS = ((r".+\.onnx", "onnx_file"), (r".+\.pt2", "exported"), (r"(timm|torchvision):.+", "zoo"),
          (r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", "importable"))  # fmt: skip


def is_target(text: str) -> bool:
    """Whether a text names a user's own network."""
    return _kind(text) is not None


def full_name(text: str) -> str:
    """A target's catalogue name (`own/model.onnx`); any other text as it is."""
    if not is_target(text):
        return text
    plain = text.removeprefix(OWN)
    return OWN + (Path(plain).name if plain.endswith((".onnx", ".pt2")) else plain)


def select(found: Catalog, pattern: str, *, inputs: Sequence[str] = ()) -> list[Entry]:
    """The entries that a text names: a user's own network, or workloads of the catalogue.

    Args:
        found: The catalogue.
        pattern: As on the command line.
        inputs: `NAME=1x3x224x224`, for networks that do not say their inputs' shapes.

    Raises:
        BadInput: Nothing has that name, or it cannot be used.
    """
    if not is_target(pattern):
        return catalog.select(found, pattern)
    target = Target(text=pattern.removeprefix(OWN), folder=str(Path.cwd()), inputs=tuple(inputs))
    return [resolve(target)]


def entry_of(spec: SystemSpec) -> Entry:
    """The entry that a system measures.

    Raises:
        BadInput: It cannot be loaded (any more).
    """
    if spec.target is not None:
        return resolve(spec.target)
    return catalog.load_entry(Path(spec.path), name=spec.name)


@lru_cache(maxsize=64)
def resolve(target: Target) -> Entry:
    """The entry of a target.

    Raises:
        BadInput: It is not there, cannot be read, or does not say what it takes.
    """
    kind = _kind(target.text)
    if kind is None:
        raise BadInput(f"{target.text!r} names no network of your own")
    entry: Entry = importlib.import_module(f"{__name__}.{kind}").resolve(target)
    return entry


def _kind(text: str) -> str | None:
    plain = text.removeprefix(OWN)
    return next((kind for form, kind in _KINDS if re.fullmatch(form, plain)), None)
