"""Folders of a format: what must be there, and what is in them, without opening a file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchsuite.errors import BadInput
from benchsuite.formats import Skipped

_SYSTEM = ("__MACOSX", "lost+found", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is in a folder: names, sorted by code points; hidden and system files left out."""

    folders: tuple[str, ...]
    files: tuple[str, ...]
    skipped: tuple[Skipped, ...]


def shown(path: Path | str) -> str:
    """A path or name that can be printed: what cannot is escaped."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in str(path)
    )


def broken(path: Path, why: str) -> BadInput:
    """The error for a file that could not be decoded: gone, empty, or else what `why` says."""
    try:
        if not path.stat().st_size:
            why = "an empty file"
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
    return BadInput(f"{shown(path)}: {shown(why)}")


def content(folder: Path) -> Content:
    """What is in a folder, by one scan; links are followed, and those to nothing skipped.

    Raises:
        BadInput: The folder cannot be listed.
    """
    folders, files, skipped = [], [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in _SYSTEM:
                    continue
                try:
                    if entry.is_dir():
                        folders.append(entry.name)
                    elif entry.is_file():
                        files.append(entry.name)
                    else:
                        what = "a link to nothing" if entry.is_symlink() else "not a regular file"
                        skipped.append(Skipped(path=folder / entry.name, why=what))
                except OSError as error:  # a link to itself
                    skipped.append(
                        Skipped(path=folder / entry.name, why=error.strerror or str(error))
                    )
    except OSError as error:
        raise BadInput(f"{shown(folder)}: cannot be listed: {error.strerror}") from None
    return Content(
        folders=tuple(sorted(folders)),
        files=tuple(sorted(files)),
        skipped=tuple(sorted(skipped, key=lambda one: one.path)),
    )


def of_kind(
    folder: Path, inside: Content, *, suffixes: Iterable[str], kind: str
) -> tuple[list[str], list[Skipped]]:
    """The files of a folder that have one of the suffixes, and everything else as skipped."""
    wanted = frozenset(suffixes)
    chosen = []
    skipped = list(inside.skipped)
    for name in inside.files:
        if os.path.splitext(name)[1].lower() in wanted:
            chosen.append(name)
        else:
            skipped.append(Skipped(path=folder / name, why=f"not {kind} by its name"))
    skipped += [Skipped(path=folder / name, why="a folder among files") for name in inside.folders]
    return chosen, skipped


def root(place: Path, *, form: str, holds: str) -> Path:
    """The user's folder itself.

    Raises:
        BadInput: It is not a folder.
    """
    if not place.is_dir():
        raise BadInput(f"{form}: {shown(place)} is not a folder; it must hold {holds}")
    return place


def folder(place: Path, *names: str, form: str, holds: str) -> Path:
    """The first of the names that is a folder in a place.

    Raises:
        BadInput: None is; the text names the first, and what it must hold.
    """
    found = next((place / name for name in names if (place / name).is_dir()), None)
    if found is None:
        others = f" nor {', '.join(f'{name}/' for name in names[1:])}" if names[1:] else ""
        raise BadInput(f"{form}: {shown(place)}: no folder {names[0]}/{others} ({holds})")
    return found


def file(place: Path, *names: str, form: str, holds: str) -> Path:
    """The first of the names that is a file in a place.

    Raises:
        BadInput: None is; the text names the first, and what it must hold.
    """
    found = next((place / name for name in names if (place / name).is_file()), None)
    if found is None:
        others = f" nor {', '.join(names[1:])}" if names[1:] else ""
        raise BadInput(f"{form}: {shown(place)}: no file {names[0]}{others} ({holds})")
    return found


def some(count: int, *, form: str, place: Path, what: str) -> None:
    """Refuses a split that is empty.

    Raises:
        BadInput: There is nothing to read.
    """
    if not count:
        raise BadInput(f"{form}: {shown(place)}: no {what} in it")
