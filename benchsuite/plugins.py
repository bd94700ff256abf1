"""Plug-ins by file name: a package's modules that define one well-known object."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import itertools
import pkgutil
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from benchsuite.errors import BadInput
from benchsuite.guarded import Kind, add_origin, guarded


def plugin_names(package: ModuleType) -> list[str]:
    """The names a package offers: its modules that do not start with an underscore."""
    return sorted(
        module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0] != "_"
    )


def search(packages: Iterable[ModuleType], roots: Iterable[Path]) -> None:
    """Lets packages offer the modules of content folders too: `DIR/devices` for `devices`.

    Call it once a process, before a plug-in is asked for. The package's own modules stand first.

    Raises:
        BadInput: A file has the name of a module that is there already.
    """
    for package, root in itertools.product(packages, roots):
        kind = package.__name__.rpartition(".")[2]
        folder = (root / kind).resolve()
        if not folder.is_dir() or str(folder) in package.__path__:
            continue
        known = {module.name for module in pkgutil.iter_modules(package.__path__)}
        for file in sorted(folder.glob("*.py")):
            if file.stem in known:
                raise BadInput(f"{file}: {kind} has a {file.stem} already; give it another name")
        package.__path__.append(str(folder))
    importlib.invalidate_caches()


def own_code(package: ModuleType, name: str) -> dict[str, str]:
    """What a plug-in of the user's own is made of: it belongs to what a result rests on.

    Returns:
        `KIND/FILE.py` to the first 12 hex digits of its SHA-256, of the plug-in's file and of the
        `_*.py` files beside it, which it may import; empty for a plug-in of the package's.
    """
    found = importlib.util.find_spec(f"{package.__name__}.{name}")
    if found is None or found.origin is None:
        return {}
    file = Path(found.origin)
    if file.parent == Path(package.__path__[0]):
        return {}
    kind = package.__name__.rpartition(".")[2]
    return {
        f"{kind}/{each.name}": hashlib.sha256(each.read_bytes()).hexdigest()[:12]
        for each in (file, *sorted(file.parent.glob("_*.py")))
    }


def plugin(package: ModuleType, name: str, kind: Kind) -> Any:
    """The object that a package's module `name` defines; one of the user's own is `guarded`.

    Raises:
        BadInput: There is no such module, it cannot be imported, or what it defines is not what
            the kind must be.
    """
    known = plugin_names(package)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        raise BadInput(f"unknown {kind.what} {name!r}; {hint}")
    file = _file(package, name)
    try:
        module = importlib.import_module(f"{package.__name__}.{name}")
    except (Exception, SystemExit) as error:
        raise BadInput(
            f"{kind.what} {name}: {file} cannot be imported: {type(error).__name__}: {error}; mend "
            "it, or take it out of its folder"
        ) from error
    if not hasattr(module, kind.attribute):
        raise BadInput(f"{kind.what} {name}: {file} must define {kind.attribute}")
    found = getattr(module, kind.attribute)
    own = Path(package.__path__[0])
    if file.parent == own:
        return found
    return guarded(found, kind, file=file, documented=str(own / "__init__.py"))


@contextmanager
def blaming(packages: Iterable[ModuleType]) -> Iterator[None]:
    """Notes to what is raised inside in which file of the user's own that was.

    For what is called in timed loops, which nothing may stand around: the traceback tells.
    """
    try:
        yield
    except Exception as error:
        own = {Path(folder): package for package in packages for folder in package.__path__[1:]}
        # the innermost first
        for frame, line in reversed([*traceback.walk_tb(error.__traceback__)]):
            file = Path(frame.f_code.co_filename)
            if (package := own.get(file.parent)) is not None:
                kind, name = package.__name__.rpartition(".")[2], frame.f_code.co_qualname
                add_origin(error, f"{kind[:-1]} {file.stem}: {file}, line {line}: {name}()")
                break
        raise


def _file(package: ModuleType, name: str) -> Path:
    """Where a module of a package lies."""
    found = PathFinder.find_spec(f"{package.__name__}.{name}", package.__path__)
    assert found is not None and found.origin is not None
    return Path(found.origin)
