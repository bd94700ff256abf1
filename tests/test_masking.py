"""Tests of benchsuite.masking: no password leaves the machine."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchsuite import cli, exchange, inventory
from benchsuite.masking import without_password
from benchsuite.pages.leaderboard import render_site
from benchsuite.store import open_store

from .fakes import environments, result, run_info

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql+psycopg://ci:s3cret@db/nights", "postgresql+psycopg://ci:***@db/nights"),
        ("postgresql://:s3cret@db/nights", "postgresql://:***@db/nights"),
        ("postgresql://ci:s3/c?r#et@db/nights", "postgresql://ci:***@db/nights"),
        ("postgresql://db/x?user=ci&password=s3cret&a=b", "postgresql://db/x?user=ci&password=***&a=b"),
        ("run smoke --store 'postgresql://ci:s3cret@db/x' --quiet",
         "run smoke --store 'postgresql://ci:***@db/x' --quiet"),
        ("sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
        ("run image/lenet --label mail=a@b:c", "run image/lenet --label mail=a@b:c"),
    ],
)  # fmt: skip
def test_a_password_is_masked(text: str, shown: str) -> None:
    """Wherever a URL may have it; what has none stays as it is."""
    assert without_password(text) == shown


def test_a_command_is_stored_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored is exported, and published on the leaderboard."""
    url = "postgresql+psycopg://ci:s3cret@db/nights"
    monkeypatch.setattr(sys, "argv", ["benchsuite", "run", "smoke", "--store", url])
    told = cli._command_line()
    assert told == "benchsuite run smoke --store postgresql+psycopg://ci:***@db/nights"


def test_an_older_store_tells_none(tmp_path: Path) -> None:
    """Its commands were stored as they were typed."""
    store = open_store(tmp_path / "r.db")
    typed = "benchsuite run smoke --store postgresql://ci:s3cret@db/nights"
    store.add_run(replace(run_info(), command=typed), plan=[])
    store.add(result(), environment=environments()["e1"])
    told = [json.dumps(exchange.to_json(store, store.runs())), json.dumps(inventory.runs(store))]
    told += [page.text for page in render_site(store, root=ROOT)]
    assert "postgresql://ci:***@db/nights" in told[0]
    assert not any("s3cret" in text for text in told)
