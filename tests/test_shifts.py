"""Tests of `benchsuite history` as a reader meets it: groups, words, the page, the JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from benchsuite import chronicle, shifts
from benchsuite.attribution import cause_between
from benchsuite.cli import main
from benchsuite.pages import history as page
from benchsuite.store import Store, open_store
from benchsuite.types import Fingerprint, Result
from tests.fakes import HOSTILE, environments, fingerprint, key, run_info
from tests.large import FIRST, on_day, rows
from tests.test_commits import NEW, OLD, filled
from tests.test_pages_run import ROOT, Page, data_of

NIGHTS, UPGRADE, BREAK = 20, 8, 14


def nights(place: Path, changed: Callable[[Result, int], tuple[Result, str]]) -> Store:
    """Twenty nights of ten systems; `changed` gives a night's row and its environment."""
    store = open_store(place)
    facts = environments()["e1"]
    upgraded = facts | {"packages": facts["packages"] | {"onnxruntime": "9.9"}}
    for day in range(NIGHTS):
        moment = (FIRST + timedelta(days=day)).isoformat()
        store.add_run(run_info(id=f"n{day:02d}", labels={}, started_at=moment), plan=[])
        for number, row in enumerate(rows(10)):
            noisy = on_day(row, factor=1.0, noise=1 + (day * 7 + number) % 5 / 1000)
            made, environment = changed(noisy, day)
            made = replace(made, run=f"n{day:02d}", measured_at=moment, environment=environment)
            store.add(made, environment=facts if environment == "e1" else upgraded)
    return store


def upgrade(row: Result, day: int) -> tuple[Result, str]:
    """A package is upgraded one night: two networks gain, one loses; later one loses on its own."""
    gain = {"image/lenet": 1.3, "image/squeezenet": 1.2, "text/word2vec": 0.8}
    factor = gain.get(row.key.workload, 1.0) if day >= UPGRADE else 1.0
    if row.key.workload == "video/slow_fusion" and day >= BREAK:
        factor = 0.5
    made = on_day(row, factor=factor, noise=1.0)
    prints = row.fingerprint
    assert isinstance(prints, Fingerprint)
    software = prints.software + ("-2" if day >= UPGRADE else "")
    made = replace(made, fingerprint=replace(prints, software=software))
    return made, "e2" if day >= UPGRADE else "e1"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Twenty nights in which two things happened."""
    return nights(tmp_path_factory.mktemp("shifts") / "r.db", upgrade)


def test_one_cause_in_one_night_is_one_group(store: Store) -> None:
    """The newest first; within it every metric with its direction, systems and extent."""
    newest, upgraded = shifts.read(store).shifts
    assert (newest.run, newest.run_before, newest.systems) == ("n14", "n13", 2)
    assert {each.better for each in newest.moved} == {False}
    assert (upgraded.run, upgraded.systems) == ("n08", 6)
    assert upgraded.cause.team == "software"
    assert [p.split(" ")[0] for p in upgraded.packages] == ["onnxruntime"]
    speed = [each for each in upgraded.moved if each.metric == "throughput_without_drift"]
    assert [(each.better, each.systems) for each in speed] == [(False, 2), (True, 4)]
    assert speed[0].middle == pytest.approx(0.8, rel=0.01)
    assert (speed[1].low, speed[1].high) == pytest.approx((1.2, 1.3), rel=0.01)


def test_a_latency_that_falls_is_improved(store: Store) -> None:
    """Better is what the metric says, not what rises; energy likewise."""
    upgraded = shifts.read(store).shifts[1]
    for each in upgraded.moved:
        if each.metric.startswith(("latency", "energy")):
            assert each.better == (each.middle < 1)
    told = [chronicle.moved(each) for each in upgraded.moved]
    assert any(re.fullmatch(r"latency p50 ÷1\.2\d\d \(÷1\.\d{3} to ÷1\.\d{3}\), improved", text)
               for text in told)  # fmt: skip
    assert any(text.startswith("latency p50 ×1.2") and text.endswith(", worse") for text in told)


def test_systems_measured_on_other_nights_share_the_widest_range(tmp_path: Path) -> None:
    """Where a budget lets systems take turns, the group begins with the earliest run before."""
    made = filled(tmp_path / "r.db", old=OLD, new=NEW)
    (group,) = shifts.read(made).shifts
    later, earlier = (
        replace(p, change=replace(p.change, run_before=run, before_at=at, commit_before=commit))
        for p, run, at, commit in (
            (group.places[0], "r07", "2026-01-08", OLD),
            (group.places[0], "r05", "2026-01-06", "ef56" * 10),
        )
    )
    lines = [replace(p.line, tracks=(replace(p.line.tracks[0], changes=(p.change,)),))
             for p in (later, earlier)]  # fmt: skip
    (both,) = shifts.together(lines, {})
    assert (both.run_before, both.commits) == ("r05", "ef56ef5..cd34cd3")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"software": "x", "network": "y"}, "interaction: network and software differ, so no team"),
        ({"configuration": "x"}, "only configuration differs (no team's)"),
        ({"data": "x"}, "only data differs (no team's)"),
        ({"device": "x"}, "only device differs (hardware team)"),
        ({"network": "x", "weights": "y"}, "only network and weights differ (CNN team)"),
    ],
)
def test_a_group_says_whose_it_is(tmp_path: Path, now: dict[str, str], said: str) -> None:
    """One team, no team, or an interaction of several."""
    (group,) = shifts.read(filled(tmp_path / "r.db", old=None, new=None)).shifts
    before = fingerprint(key())
    cause = cause_between(before, replace(before, **now))
    assert chronicle.because(replace(group, cause=cause)).startswith(said)


def test_the_terminal_says_what_changed(store: Store, capsys: pytest.CaptureFixture[str],
                                        tmp_path: Path) -> None:  # fmt: skip
    """A sentence, then the groups; every ratio in the same form."""
    assert main(["history", "-o", str(tmp_path / "h.html"), "--store", store.place]) == 0
    said = capsys.readouterr().out
    first = said.splitlines()[0]
    assert first.startswith("10 systems in 20 runs: ")
    assert "2 causes; the newest on 2026-01-15 in run n14: 2 systems, " in first
    assert "worse" in first and "no fingerprint changed here" in first
    assert re.search(r"only onnxruntime \S+ -> 9.9 changed \(software team\)", said)
    ratios = re.findall(r"[×÷]([\d.]+)", said)
    assert len(ratios) > 10
    assert all(re.fullmatch(r"\d+\.\d{3}", each) for each in ratios)
    assert said.splitlines()[-1] == f"page: {tmp_path / 'h.html'}"


def test_the_json_has_groups_and_every_row(store: Store, capsys: pytest.CaptureFixture[str],
                                           tmp_path: Path) -> None:  # fmt: skip
    """`--json -` prints nothing else."""
    where = ["-o", str(tmp_path / "h.html"), "--store", store.place]
    assert main(["history", "--json", "-", *where]) == 0
    told = json.loads(capsys.readouterr().out)
    found = shifts.read(store)
    assert told["sentence"] == chronicle.sentence(found)
    assert [each["systems"] for each in told["groups"]] == [2, 6]
    assert sum(each["changes"] for each in told["groups"]) == len(told["changes"])
    assert {(each["run"], each["run_before"]) for each in told["changes"]} == {
        ("n14", "n13"), ("n08", "n07")
    }  # fmt: skip
    moved = told["groups"][0]["moved"][0]
    assert (moved["verdict"], moved["unit"]) == ("worse", "ratio")
    assert moved["low"] <= moved["median"] <= moved["high"]


def test_the_page_folds_the_groups(store: Store) -> None:
    """A fold a group, its rows inside; worse and improved by word and colour, here and in the
    table of all changes.
    """
    text = page.render(shifts.read(store), root=ROOT)
    assert text.count('<details class="all shift"') == 2
    assert 'class="worse">' in text and 'class="better">' in text
    grid = data_of(text)["grids"]["changes"]
    words, tones = (
        next(column[kind] for column in grid["columns"] if column["filter"] == "went")
        for kind in ("text", "tone")
    )
    assert list(zip(words["of"], tones["of"], strict=True)) == [
        ("worse", "worse"), ("improved", "better")
    ]  # fmt: skip
    assert words["at"] == tones["at"]
    ratios = re.findall(r"[×÷]([\d.]+\d)", Page(text).text)
    assert all(re.fullmatch(r"\d+\.\d{3}", each) for each in ratios)


def test_the_commits_are_in_the_json_and_on_the_page(tmp_path: Path) -> None:
    """`history --json` has both hashes in full; the page the short range."""
    made = filled(tmp_path / "r.db", old=OLD, new=NEW)
    told, shown = tmp_path / "h.json", tmp_path / "h.html"
    where = ("--store", made.place)
    assert main(["history", "-o", str(shown), "--json", str(told), *where]) == 0
    changes = json.loads(told.read_text())["changes"]
    assert {(each["commit_before"], each["commit"], each["commits"]) for each in changes} == {
        (OLD, NEW, "ab12ab1..cd34cd3")
    }
    assert json.loads(told.read_text())["groups"][0]["commits"] == "ab12ab1..cd34cd3"
    assert "(ab12ab1..cd34cd3)" in shown.read_text()


def test_the_same_commit_on_both_sides_is_said(tmp_path: Path) -> None:
    """A range of nothing would look like a mistake."""
    (group,) = shifts.read(filled(tmp_path / "r.db", old=OLD, new=OLD)).shifts
    assert chronicle.where(group) == "in run r08 (commit ab12ab1 before and after)"


def test_a_hostile_commit_is_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A label that anyone may write starts no script and turns no line around."""
    made = filled(tmp_path / "r.db", old=OLD, new=f"{HOSTILE}\x1b[2J")
    text = page.render(shifts.read(made), root=ROOT)
    assert "<script>alert" not in text
    assert main(["history", "-o", str(tmp_path / "h.html"), "--store", made.place]) == 0
    said = capsys.readouterr().out
    assert not {"\u202e", "\x1b"} & set(said)
    assert "ab12ab1..</script>" in said


def test_a_correlation_moves_by_no_percentage_points() -> None:
    """What is a share moves in points; a rank correlation by what it is."""
    assert chronicle.amount("accuracy", 0.012, measure="top-1 accuracy") == "+1.2 points"
    assert chronicle.amount("accuracy", 0.012, measure="Spearman rank correlation") == "+0.0120"
    assert chronicle.amount("throughput", 0.8, measure=None) == "÷1.250"
