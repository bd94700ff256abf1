"""The system's files as the doctor reads them: None where there is nothing to read."""

from __future__ import annotations

import re
from pathlib import Path


def read_text(path: Path) -> str | None:
    """A file's text without the space around it; None where it is empty or cannot be read."""
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def read_number(path: Path) -> int | None:
    """A file's whole number; None where it has none."""
    text = read_text(path)
    return int(text) if text and re.fullmatch(r"-?\d+", text) else None
