"""Prints every figure with its promise: `python -m tests.perf [SECTION...]`."""

from __future__ import annotations

import sys
from importlib import import_module

SECTIONS = ("harness", "peaks", "bandwidth", "backends", "best", "contended", "counts")


def main() -> int:
    """Runs the sections that are named, or all."""
    wanted = sys.argv[1:] or SECTIONS
    if unknown := set(wanted) - set(SECTIONS):
        print(f"unknown section {sorted(unknown)[0]!r}; known: {', '.join(SECTIONS)}")
        return 2
    print(f"{'figure':58} {'measured':>14}  promise", flush=True)
    for name in wanted:
        import_module(f"tests.perf.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
