"""The git state of a file: its commit, whether it was changed since; and of a user's project."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_LIMIT_S = 5.0
# GitHub's, GitLab's and Jenkins' names of the commit that a job builds
CI_VARIABLES = ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT")


def of_file(path: Path) -> dict[str, str | bool | None]:
    """Commit and state of the working tree that holds a file; `reason` where there is none.

    Returns:
        `commit` (40 hex digits or None), `dirty` (whether the file itself differs from it; None
        where that is unknown) and `reason`.
    """
    try:
        commit = _git(path.parent, "rev-parse", "HEAD")
        changed = _git(path.parent, "status", "--porcelain", "--", path.name)
    except FileNotFoundError:
        return _unknown("git is not installed, or the folder is gone")
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        return _unknown(str(said).strip().partition("\n")[0] or "git failed")
    return {"commit": commit, "dirty": bool(changed), "reason": None}


def of_project(folder: Path, variables: Mapping[str, str]) -> str | None:
    """The commit of the project that is being measured; None where nothing tells it.

    Args:
        folder: Where the user stands; what `git describe` says there comes first, with `-dirty`
            where a tracked file differs from the commit.
        variables: The environment; `CI_VARIABLES` tell where there is no repository.
    """
    try:
        # no tag, so that all commits of a project are told alike
        described = _git(folder, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        described = ""
    found = (described, *(variables.get(name, "").strip() for name in CI_VARIABLES))
    return next(filter(None, found), None)


def _unknown(reason: str) -> dict[str, str | bool | None]:
    return {"commit": None, "dirty": None, "reason": reason}


def _git(folder: Path, *arguments: str) -> str:
    # a status must not write the index, nor run what a foreign repository's settings name
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(
        ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments],
        capture_output=True,
        check=True,
        text=True,
        errors="replace",
        timeout=_LIMIT_S,
        env=quiet,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout.strip()
