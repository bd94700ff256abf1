"""Prints every figure with its promise: `python -m tests.perf [SECTION...] [--OPTION...]`.

Only `contended` takes options.
"""

from __future__ import annotations

import sys
from importlib import import_module

SECTIONS = (
    "harness",
    "peaks",
    "bandwidth",
    "backends",
    "best",
    "contended",
    "counts",
    "store",
    "history",
)


def main() -> int:
    """Runs the sections that are named, or all."""
    given = sys.argv[1:]
    options = next((i for i, text in enumerate(given) if text.startswith("--")), len(given))
    wanted, rest = given[:options] or SECTIONS, given[options:]
    if unknown := set(wanted) - set(SECTIONS):
        print(f"unknown section {sorted(unknown)[0]!r}; known: {', '.join(SECTIONS)}")
        return 2
    if rest and list(wanted) != ["contended"]:
        print(f"{rest[0]} is an option of contended: python -m tests.perf contended {rest[0]}")
        return 2
    print(f"{'figure':58} {'measured':>14}  promise", flush=True)
    for name in wanted:
        section = import_module(f"tests.perf.{name}")
        section.main(rest) if rest else section.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
