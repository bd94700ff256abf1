"""The resident memory of this process: its level after imports, and freed pages given back."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence


def resident_after_imports(packages: Sequence[str]) -> int:
    """Resident bytes once everything that the backend imports is imported."""
    import importlib

    import psutil

    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError:
            continue
    give_back()
    return int(psutil.Process().memory_info().rss)


def give_back() -> None:
    """Returns freed memory to the system, so that what preparing took does not count."""
    import gc

    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        pass  # not the GNU C library
