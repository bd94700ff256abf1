"""`module:function` as a workload: a function that returns the user's torch module."""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from typing import Any

from benchsuite.catalog import Entry
from benchsuite.errors import BadInput, one_line
from benchsuite.targets._entry import FORM, Given, make, parse, specs_of, torch_module
from benchsuite.types import Target


def resolve(target: Target) -> Entry:
    """The entry of a function on the import path or in the current folder; it is called.

    Raises:
        BadInput: It cannot be imported or fails, or what it returns cannot be used.
    """
    name, _, function = target.text.partition(":")
    module = _imported(name, target)
    if not callable(getattr(module, function, None)):
        raise BadInput(f"{target.text}: {name} has no function {function!r}")
    path = Path(getattr(module, "__file__", None) or target.folder)
    given = parse(target)

    def build() -> Any:
        return _called(getattr(module, function), target)[0]

    if not given:
        given = _described(_called(getattr(module, function), target)[1], target)
    specs, batch = specs_of(given, what=target.text)
    made = torch_module(f"benchsuite_own.{name}", build)
    made.holds_weights = True  # type: ignore[attr-defined]
    return make(
        target, path=path, specs=specs, batch=batch, source="the user's own function", module=made
    )


def _imported(name: str, target: Target) -> Any:
    if target.folder not in sys.path:
        sys.path.insert(0, target.folder)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise BadInput(
                f"{target.text}: there is no module {name!r} on the import path or in "
                f"{target.folder}"
            ) from None
        raise BadInput(f"{target.text}: {name} cannot be imported: {one_line(error)}") from error
    except (Exception, SystemExit) as error:
        raise BadInput(
            f"{target.text}: {name} cannot be imported: {type(error).__name__}: {one_line(error)}"
        ) from error


def _called(function: Any, target: Target) -> tuple[Any, Any]:
    """The module and its example inputs; None where the function gives none."""
    import torch

    try:
        with contextlib.redirect_stdout(sys.stderr):
            found = function()
    except (Exception, SystemExit) as error:
        raise BadInput(
            f"{target.text} failed: {type(error).__name__}: {one_line(error)}"
        ) from error
    network, inputs = found if isinstance(found, tuple) and len(found) == 2 else (found, None)
    if not isinstance(network, torch.nn.Module):
        raise BadInput(
            f"{target.text} must return a torch module, or (module, example_inputs), not "
            f"{type(network).__name__}"
        )
    return network, inputs


def _described(inputs: Any, target: Target) -> dict[str, Given]:
    """Example inputs as shapes; whole numbers are drawn up to the largest in the example."""
    import torch

    if inputs is None:
        raise BadInput(
            f"{target.text} returns no example inputs: return (module, example_inputs), or say "
            f"the shape: {FORM}"
        )
    if isinstance(inputs, torch.Tensor):
        inputs = (inputs,)
    if not isinstance(inputs, (tuple, list)) or not all(
        isinstance(each, torch.Tensor) and each.dim() > 0 for each in inputs
    ):
        raise BadInput(f"{target.text}: example inputs must be a tensor or a tuple of tensors")
    given = {}
    for number, each in enumerate(inputs):
        if each.dtype not in (torch.float32, torch.int64):
            raise BadInput(
                f"{target.text}: example input {number} is {each.dtype}; float32 and int64 can be "
                "given"
            )
        if not each.numel():
            shape = "x".join(map(str, each.shape))
            raise BadInput(f"{target.text}: example input {number} is empty ({shape})")
        high = None if each.is_floating_point() else int(each.max()) + 1
        given[f"input {number}"] = Given(shape=tuple(each.shape), high=high)
    return given
