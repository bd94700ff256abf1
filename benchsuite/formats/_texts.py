"""Small text files beside the data: lists, labels and tables, in UTF-8."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from benchsuite.errors import BadInput
from benchsuite.formats._trees import shown

LONGEST_LINE = 2**16  # no list or table of a published set has a line near it


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbers (from 1) and contents of the lines that are not empty, ends and a BOM removed.

    Raises:
        BadInput: The file cannot be read, a line is not UTF-8 or is no line of text.
    """
    number = 0
    try:
        with path.open("rb") as stream:
            while raw := stream.readline(LONGEST_LINE + 1):
                number += 1
                if len(raw) > LONGEST_LINE:
                    raise BadInput(
                        f"{shown(path)}, line {number}: longer than {LONGEST_LINE:,} bytes"
                    )
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if text:
                    yield number, text
    except UnicodeDecodeError as error:
        raise BadInput(f"{shown(path)}, line {number}: not UTF-8: {error.reason}") from None
    except OSError as error:
        raise BadInput(f"{shown(path)}: cannot be read: {error.strerror}") from None


def table(path: Path, *, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and rows of a comma-separated file with a header, the columns asked for.

    Raises:
        BadInput: As `lines`, or a column is missing in the header or a value in a row.
    """
    numbered = lines(path)
    numbers: list[int] = []

    def contents() -> Iterator[str]:
        for number, text in numbered:
            numbers[:] = [number]
            yield text

    try:
        rows = csv.DictReader(contents())
        for column in columns:
            if column not in (rows.fieldnames or ()):
                raise BadInput(f"{shown(path)}: no column {column} in its first line")
        for row in rows:
            if any(not row[column] for column in columns):
                raise BadInput(f"{shown(path)}, line {numbers[0]}: a value is missing")
            yield numbers[0], {column: row[column].strip() for column in columns}
    except csv.Error as error:
        raise BadInput(f"{shown(path)}, line {numbers[0]}: {error}") from None


def inside(path: Path, number: int, name: str, *, parts: int) -> str:
    """A relative path in a list, as it is.

    Raises:
        BadInput: It has another number of parts, or leaves its folder.
    """
    pieces = name.split("/")
    if len(pieces) != parts or any(piece in ("", ".", "..") for piece in pieces) or "\0" in name:
        form = "/".join(["FOLDER"] * (parts - 1) + ["FILE"])
        raise BadInput(f"{shown(path)}, line {number}: {shown(name)!r} is not {form}")
    return name
