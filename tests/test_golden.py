"""The pages of the golden store say what they said before; `make golden` accepts a change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden_store import FOLDER, fill, outline, pages

NAMES = ("run", "comparison", "history", "leaderboard", "system")


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The golden pages as HTML."""
    return pages(fill(tmp_path_factory.mktemp("golden") / "golden.db"))


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_as_it_was(golden: dict[str, str], name: str) -> None:
    """Texts and charts are those in tests/golden; a wanted change is written by `make golden`."""
    assert outline(golden[name]).splitlines() == _kept(name)


def test_nothing_else_is_kept(golden: dict[str, str]) -> None:
    """Every kept page is compared, and none is large."""
    assert golden.keys() == set(NAMES) == {path.stem for path in FOLDER.iterdir()}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 200_000


def _kept(name: str) -> list[str]:
    path: Path = FOLDER / f"{name}.txt"
    return path.read_text(encoding="utf-8").splitlines()
