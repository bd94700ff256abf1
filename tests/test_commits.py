"""Tests of the label `commit`: what `run` stores, and what history and gate make of it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from benchsuite import exchange, history, nightly, revision, run
from benchsuite.importing import import_files
from benchsuite.store import Store, open_store
from tests.fakes import environments, fingerprint, key, result, run_info
from tests.test_repeats import Replay, asked, measured

OLD, NEW = "ab12" * 10, "cd34" * 10


def git(folder: Path, *arguments: str) -> str:
    """What git says in a repository."""
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", folder, *who, *arguments], check=True, text=True,
                          capture_output=True)  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository of one commit, which a tag names."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "net.py").write_text("a")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    git(folder, "tag", "-a", "v1", "-m", "a release")
    return folder


def test_a_repository_tells_its_commit_before_ci_does(project: Path) -> None:
    """The whole hash though a tag has a shorter name, and whether a tracked file differs."""
    there = {"GITHUB_SHA": NEW}
    head = git(project, "rev-parse", "HEAD")
    assert revision.of_project(project, there) == head
    (project / "other.py").write_text("untracked")
    assert revision.of_project(project, there) == head
    (project / "net.py").write_text("b")
    assert revision.of_project(project, there) == f"{head}-dirty"


def test_ci_tells_the_commit_where_there_is_no_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub's, GitLab's and Jenkins' variables; where nothing tells it there is none."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for name in ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT"):
        assert revision.of_project(tmp_path, {name: f"{OLD}\n"}) == OLD
    assert revision.of_project(tmp_path, {"GITHUB_SHA": "", "GIT_COMMIT": NEW}) == NEW
    assert revision.of_project(tmp_path, {}) is None
    assert revision.of_project(tmp_path / "gone", {}) is None


@pytest.mark.parametrize(
    ("given", "kept"), [((), None), (("--label", "commit=mine"), "mine"),
                        (("--label", "commit="), "")]
)  # fmt: skip
def test_a_run_keeps_the_commit(
    content: Path,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[str, ...],
    kept: str | None,
) -> None:
    """Of the working directory's repository; what the user says wins, nothing included."""
    monkeypatch.chdir(project)
    store = tmp_path / "s.db"
    replay = Replay({"eager": [1.0], "onnxruntime": [1.0]})
    assert measured(replay, monkeypatch, *asked(content, store, "--label", "a=b", *given)) == 0
    labels = open_store(store).find_run("latest").labels
    head = git(project, "rev-parse", "HEAD")
    assert labels == {"a": "b", "commit": head if kept is None else kept}
    assert run.CONFIRMS not in labels


def filled(place: Path, *, old: str | None, new: str | None) -> Store:
    """Sixteen nights of one system that gets faster with other software at the ninth."""
    store = open_store(place)
    for day in range(16):
        commit = old if day < 8 else new
        labels = {"branch": "main"} | ({} if commit is None else {"commit": commit})
        name, moment = f"r{day:02d}", f"2026-01-{day + 1:02d}T02:00:00+00:00"
        store.add_run(run_info(id=name, labels=labels, started_at=moment), plan=[])
        made = result(device_peak=(446e9 + day % 3 * 1e9) * (1 if day < 8 else 1.2))
        prints = fingerprint(key(), software="old" if day < 8 else "new")
        made = replace(made, run=name, measured_at=moment, fingerprint=prints)
        store.add(made, environment=environments()["e1"])
    return store


def change_of(store: Store) -> history.Change:
    """The change of speed."""
    (line,) = history.lines(store.courses(), store.labels())
    (change,) = (each for each in line.changes if each.metric == history.CORRECTED)
    return change


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (OLD, NEW, "ab12ab1..cd34cd3"),
        (OLD, f"{NEW}-dirty", "ab12ab1..cd34cd3-dirty"),
        (None, NEW, "unknown..cd34cd3"),
        ("release 1", OLD, "release 1..ab12ab1"),
        (None, None, None),
    ],
)
def test_a_change_has_its_commits(
    tmp_path: Path, old: str | None, new: str | None, said: str | None
) -> None:
    """The run before and the run after, and what the project was changed by, in short."""
    change = change_of(filled(tmp_path / "r.db", old=old, new=new))
    assert (change.run_before, change.run) == ("r07", "r08")
    assert (change.commit_before, change.commit, change.commits) == (old, new, said)


def test_the_commit_survives_export_and_import(tmp_path: Path) -> None:
    """Another store tells the same commits."""
    store = filled(tmp_path / "r.db", old=OLD, new=NEW)
    (tmp_path / "a.json").write_text(json.dumps(exchange.to_json(store, store.runs())))
    other = open_store(tmp_path / "other.db")
    import_files(other, [tmp_path / "a.json"])
    assert change_of(other).commits == "ab12ab1..cd34cd3"


def test_nights_that_differ_in_their_commit_are_one_series(tmp_path: Path) -> None:
    """A rolling baseline holds them all; older nights without a commit belong to the series."""
    store = filled(tmp_path / "r.db", old=None, new=NEW)
    assert next(each.id for each in store.find_runs("label:branch=main~10")) == "r06"
    alike = nightly._alike
    assert alike({"commit": OLD}, {"commit": NEW})
    assert alike({"commit": OLD}, {})
    assert alike({"branch": "main", "commit": OLD}, {"branch": "main"})
    assert not alike({"branch": "main", "commit": OLD}, {"branch": "dev", "commit": OLD})
    assert not alike({"branch": "main"}, {"commit": OLD})
