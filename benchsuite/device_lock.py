"""The lock that keeps two measurements on one device apart, and who holds it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

from benchsuite.errors import BadInput
from benchsuite.masking import without_password

LOOK_S = 1.0
_LONGEST = 100


@contextmanager
def held(cache: Path, device: str, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Holds a device's lock; where another process has it, waits.

    Where the system has no such locks, nothing is kept apart.

    Args:
        cache: The user's cache, where the lock's file is.
        device: As `--device` has it.
        on_wait: Told who holds it, again for each holder that is waited for.

    Raises:
        BadInput: The file cannot be made.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    path = _path(cache, device)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise BadInput(f"{path}: the device lock cannot be made: {error.strerror}") from error
    with file:
        told = None
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                file.seek(0)
                holder = file.read().strip() or "another process"
                if holder != told:
                    on_wait(holder)
                    told = holder
                sleep(LOOK_S)
        file.seek(0)
        file.truncate()
        since = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(f"process {os.getpid()}: {_command()}, since {since}")
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.truncate()


def holder(cache: Path, device: str) -> str | None:
    """Who holds a device's lock now; None where nobody does, or nobody can tell."""
    try:
        import fcntl

        with _path(cache, device).open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return file.read().strip() or "another process"
    except (ImportError, OSError):
        return None
    return None


def _path(cache: Path, device: str) -> Path:
    return cache / "locks" / f"{device.replace(':', '-')}.lock"


def _command() -> str:
    """This process's command as the user wrote it, shortened."""
    text = without_password(" ".join(["benchsuite", *sys.argv[1:]]))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
