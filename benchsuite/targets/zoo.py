"""`timm:NAME` and `torchvision:NAME` as workloads, with random weights: nothing is downloaded."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchsuite.catalog import Entry
from benchsuite.errors import BadInput, one_line
from benchsuite.targets._entry import FORM, Given, make, parse, specs_of, torch_module
from benchsuite.types import Target

_NOTE = "random weights: benchsuite downloads none (--weights NAME=FILE takes safetensors)"


def resolve(target: Target) -> Entry:
    """The entry of a network that an installed collection has by name.

    Raises:
        BadInput: The collection is not installed or has no such network; or its input must be said.
    """
    library, _, name = target.text.partition(":")
    found = importlib.util.find_spec(library)
    if found is None or found.origin is None:
        raise BadInput(
            f"{target.text} needs {library}, which is not installed: pip install {library}"
        )
    _import_torchvision(target.text)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            collection = importlib.import_module(
                library if library == "timm" else "torchvision.models"
            )
    except ImportError as error:
        raise BadInput(f"{target.text}: {library} cannot be imported: {one_line(error)}") from error
    known = collection.list_models()
    if library == "timm" and name not in known and collection.is_model(name):
        known = [*known, name]
    if name not in known:
        raise BadInput(f"{target.text}: {library} has no such network; {_near(name, known)}")
    given = parse(target)
    if not given:
        shape = (
            _timm_input(collection, name) if library == "timm" else _vision_input(collection, name)
        )
        if shape is None:
            raise BadInput(f"{target.text} does not say its input's shape; say it: {FORM}")
        given = {"x": Given(shape=(1, *shape))}
    specs, batch = specs_of(given, what=target.text)

    def build() -> Any:
        if library == "timm":
            return collection.create_model(name, pretrained=False)
        return collection.get_model(name, weights=None)

    return make(
        target,
        path=Path(found.origin),
        specs=specs,
        batch=batch,
        source=f"{library}'s definition of {name}",
        module=torch_module(f"benchsuite_own.{library}", build),
        note=_NOTE,
    )


def _near(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"it has {len(known)}"


def _timm_input(timm: Any, name: str) -> tuple[int, ...] | None:
    settings = timm.get_pretrained_cfg(name)
    size = getattr(settings, "input_size", None)
    return tuple(size) if size else (3, 224, 224)


def _vision_input(models: Any, name: str) -> tuple[int, ...] | None:
    """From the preprocessing of its best weights: images only."""
    transform = models.get_model_weights(name).DEFAULT.transforms()
    side = getattr(transform, "crop_size", None)
    if not side or hasattr(models.video, name):
        return None
    return (3, side[0], side[-1])


def _import_torchvision(what: str) -> None:
    """Imports torchvision where it is; timm does so itself.

    Its wheel on PyPI holds operators for another build of torch than a processor's. Networks for
    classification need none of them, but its import names two: they are declared, not defined.
    """
    if "torchvision" in sys.modules or importlib.util.find_spec("torchvision") is None:
        return
    try:
        importlib.import_module("torchvision")
        return
    except RuntimeError:
        for name in [each for each in sys.modules if each.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
    except ImportError as error:
        raise BadInput(f"{what}: torchvision cannot be imported: {one_line(error)}") from error
    import torch

    global _declared
    _declared = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for operator in (
        "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    ):
        try:
            _declared.define(operator)
        except RuntimeError:
            continue  # declared already
    try:
        importlib.import_module("torchvision")
    except (RuntimeError, ImportError) as error:
        raise BadInput(f"{what}: torchvision cannot be imported: {one_line(error)}") from error


_declared: Any = None  # torch forgets a library's declarations with the library
