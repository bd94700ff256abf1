"""Tests of `benchsuite.pages.run`: one self-contained, honest, unbreakable file."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from benchsuite import attribution, compare
from benchsuite.formatting import TIMES
from benchsuite.metrics import METRICS
from benchsuite.pages.run import head, render
from benchsuite.pages.run.doubts import doubts as raised
from benchsuite.pages.run.environments import machines_of
from benchsuite.pages.run.folded import MOST_DRAWN
from benchsuite.types import Doubt, LayerTime, LayerTimes, Result, RunInfo
from benchsuite.units import MISSING
from tests.fakes import (
    ENDLESS,
    HOSTILE,
    environments,
    failed,
    result,
    run_info,
    troubled_run,
    whole_run,
)

ROOT = Path(__file__).parent.parent
VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """What a browser would see: text, elements, ids; complains about unclosed elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.scripts.append(data)
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        """All that is read, white space made plain."""
        return plain(" ".join(self.words))


def plain(text: str) -> str:
    """Text with single spaces."""
    return " ".join(text.split())


def page_of(results: Sequence[Result], **changes: Any) -> str:
    """The page of a run of these results."""
    info: RunInfo = changes.pop("run", run_info())
    return render(
        info, results, environments=changes.pop("environments", environments()), root=ROOT
    )


def data_of(page: str) -> dict[str, Any]:
    """The data that the page's script reads."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found.group(1))
    return data


def notes_of(page: str) -> list[tuple[str, str]]:
    """Title and text of each note."""
    data = data_of(page)
    notes = [[data["texts"][place] for place in note] for note in data["notes"]]
    return [(title, "\n".join(lines)) for title, *lines in notes]


@pytest.fixture(scope="module")
def whole() -> str:
    """The page of a run without trouble."""
    return page_of(whole_run())


@pytest.fixture(scope="module")
def troubled() -> str:
    """The page of a run with every trouble."""
    return page_of(troubled_run())


RUNS = {
    "whole": whole_run(),
    "troubled": troubled_run(),
    "one row": [result()],
    "failed": [failed()],
    "empty": [],
    "other environment": [replace(result(), environment="gone")],
}


@pytest.mark.parametrize("name", RUNS)
def test_every_run_gives_a_sound_page(name: str) -> None:
    """Whatever a run holds, each element is closed and every link leads somewhere."""
    page = Page(page_of(RUNS[name]))
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.elements:
        if tag == "a":
            assert (attributes["href"] or "").removeprefix("#") in ids
        for reference in (attributes.get("aria-labelledby") or "").split():
            assert reference in ids


def test_the_page_asks_nothing_of_the_network(troubled: str) -> None:
    """No element loads anything, and the policy forbids it."""
    page = Page(troubled)
    assert not {tag for tag, _ in page.elements} & {"link", "img", "iframe", "object", "base"}
    loading = {"src", "srcset", "action", "formaction", "poster", "data", "style"}
    for _, attributes in page.elements:
        assert not loading & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(r"url\(|@import|import\(|fetch\(|XMLHttp", "".join(page.scripts))
    policy = next(a["content"] or "" for tag, a in page.elements if "http-equiv" in a)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_the_policy_names_the_style_and_script_by_their_hashes(whole: str) -> None:
    """Only the style and the script that were written may run."""
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", whole, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-{digest}&#39;" in whole


def test_it_opens_with_the_finding(whole: str) -> None:
    """The first heading is the sentence of what was found."""
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", whole, re.DOTALL)
    assert heading
    said = html.unescape(re.sub(r"<[^>]+>", "", heading.group(1)))
    assert said == compare.finding(whole_run())


def test_the_run_is_named(whole: str) -> None:
    """Run, date, device, versions, suite, command and duration stand on the page."""
    text = Page(whole).text
    for part in (
        "7f3a91c2",
        "2026-11-21 02:40 UTC",
        "AMD EPYC 9V74",
        "onnxruntime 1.31.1",
        "smoke",
        "benchsuite run smoke",
        "74 s",
    ):
        assert part in text


def test_hostile_names_are_text(troubled: str) -> None:
    """Markup in names, reasons and measures is shown and never becomes part of the page."""
    page = Page(troubled)
    assert "alert('x')" in page.text
    assert len(re.findall(r"<script", troubled)) == 2
    assert len(re.findall(r"</script", troubled)) == 2
    assert "<!--" not in troubled
    assert data_of(troubled)["systems"]


def test_what_turns_text_around_is_isolated(troubled: str) -> None:
    """A right-to-left override stands inside `bdi`, an option, a title or an attribute only."""
    isolating = "bdi|option|title|script|style"
    shown = re.sub(rf"<({isolating})\b[^>]*>.*?</\1>|<[^>]+>", "", troubled, flags=re.DOTALL)
    assert "\u202e" not in shown


def test_what_html_cannot_carry_is_replaced() -> None:
    """Control characters and half surrogates neither break the file nor vanish."""
    page = page_of([failed(reason="bell \x07 nul \x00 half \udc80")])
    assert "bell \u2407 nul \u2400 half ?" in page
    page.encode("utf-8")


def test_endless_names_are_boxed(troubled: str) -> None:
    """Ten thousand characters are there in full, in a box of their own, and cut in the selects."""
    for tag, content in re.findall(r"<(option|bdi)[^>]*>([^<]*no-end[^<]*)<", troubled):
        assert tag == "bdi" or len(content) <= 130
    for start in re.findall(r"<bdi([^>]*)>[^<]*no-end", troubled):
        assert 'class="clip"' in start
    assert ENDLESS in troubled


def test_every_doubt_is_on_the_page() -> None:
    """Each doubt appears with its message and every system that it was raised against."""
    rows = [
        replace(row, doubts=(Doubt(code="loud", message=f"doubt {i % 3}: do <this>"),))
        for i, row in enumerate(whole_run())
    ]
    text = Page(page_of(rows)).text
    for message in {doubt.message for row in rows for doubt in row.doubts}:
        assert plain(message) in text
    assert text.count("loud") == 1
    assert "2 more of this kind" in text


def test_rows_without_numbers_say_why(troubled: str) -> None:
    """A failed and a skipped row are named with their reasons and what to do."""
    text = Page(troubled).text
    assert "the worker was killed for memory (signal 9) after 31 s" in text
    assert "the budget of 60 s was used up" in text
    assert "benchsuite run --resume 7f3a91c2" in text


def test_every_metric_can_be_found(whole: str) -> None:
    """All metric keys of the contract are listed for every measured system."""
    keys = re.findall(r"<code>(\w+)</code></th>", whole)
    for key in METRICS:
        assert keys.count(key) >= 10, key


def test_a_missing_value_is_a_dash_with_its_reason(whole: str) -> None:
    """No missing value is shown as 0; its note says why it is missing."""
    notes = notes_of(whole)
    dashes = re.findall(
        r'<span class="n missing" data-note="(\d+)"><span aria-hidden="true">' + MISSING, whole
    )
    assert dashes
    for place in dashes:
        assert re.match(r"Missing: .+", notes[int(place)][1])


def test_every_number_says_how_it_was_obtained(troubled: str) -> None:
    """Each number's note exists, and carries the text that was stored with the value."""
    notes = notes_of(troubled)
    places = [int(place) for place in re.findall(r'data-note="(\d+)"', troubled)]
    assert places
    assert all(text for _, text in (notes[place] for place in places))
    assert any("best: onnxruntime conv 3x3" in text for _, text in notes)


def test_modelled_energy_is_marked_wherever_it_is_shown(whole: str) -> None:
    """A modelled figure is set in italics behind a sign, in words for those who do not see it."""
    assert re.search(r'class="n modelled"[^>]*><span aria-hidden="true">≈', whole)
    assert "Energy is modelled" in whole
    assert data_of(whole)["systems"]["s0"]["metrics"]["energy_per_frame"]["value"].startswith("≈")
    measured = page_of([result(source="rapl"), result(source="rapl", backend="onnxruntime")])
    assert 'class="n modelled"' not in measured


def test_classes_have_tables_of_their_own(troubled: str) -> None:
    """Qualified, speed-only, embedded and unranked systems never share a table."""
    tables = re.findall(r'<table class="systems".*?</table>', troubled, re.DOTALL)
    titles = re.findall(
        r'<table class="systems" role="table" aria-label="([\w ]+) systems"', troubled
    )
    assert titles == ["Speed only", "Embedded", "Unranked"]
    assert "accuracy 0.951 misses the target 0.97" in tables[2]
    assert "int8" not in tables[1]


def test_the_best_of_each_network_is_marked(whole: str) -> None:
    """One system of each network carries the mark, and it is the fastest."""
    rows = re.findall(r'<tr role="row" class=best>.*?</tr>', whole, re.DOTALL)
    assert len(rows) == 5
    assert all("onnxruntime" in row for row in rows)


def test_targets_are_said_in_words_too(troubled: str) -> None:
    """A screen reader hears whether a target is met."""
    assert '<span class="sr">target met: </span>' in troubled
    assert '<span class="sr">target missed: </span>' in troubled


def test_the_factors_in_the_data_give_the_stored_values(troubled: str) -> None:
    """What the script subtracts gives each system's stored number to 1e-9."""
    systems = {system.id: system for system in compare.join(troubled_run())}
    data = data_of(troubled)
    assert data["systems"].keys() == systems.keys()
    seen = 0
    for name, system in systems.items():
        for metric, entry in data["systems"][name]["metrics"].items():
            found = attribution.factors(system.row, metric)
            if isinstance(found, attribution.Missing):
                assert entry["missing"] == found.reason
                continue
            seen += 1
            assert len(data["factors"][entry["factors"]]) == len(entry["amounts"])
            assert sum(entry["amounts"]) == pytest.approx(
                sum(f.amount for f in found.factors), abs=1e-12
            )
            assert entry["number"] == system.number(metric)
    assert seen > 30


def test_the_default_change_is_drawn_without_a_script(whole: str) -> None:
    """The first network's change from eager to its best needs no script to be seen."""
    text = Page(whole).text
    rise = f"{TIMES}3.44"
    assert f"Throughput rose: {rise} = software team {rise} ; everything else stayed." in text
    assert "Only the software differs: the change falls to the software team." in text
    assert whole.count('<svg class="lane" role="img"') == 7


def test_a_refused_split_shows_its_reason() -> None:
    """A pair that cannot be split says why in the place of the chart."""
    text = Page(page_of([result(), result("text/word2vec")])).text
    assert "No split: not the same frame: image against word" in text


def test_each_network_has_its_three_teams(whole: str) -> None:
    """Every network's CNN, software and hardware part is on the page."""
    for team in ("cnn", "software", "hardware"):
        assert whole.count(f'class="team {team}"') == 5
    text = Page(whole).text
    assert "the network is bound by computation" in text
    assert "76.8 % of the data sheet's peak" in text


def test_faster_than_the_roofline_is_said(troubled: str) -> None:
    """A fraction of roofline above 1 is explained where it stands."""
    assert "Above 100 % of the roofline (openvino fp32)" in Page(troubled).text


def test_the_environment_is_shown(whole: str) -> None:
    """Nested facts of the machine are listed; what is not known says so."""
    text = Page(whole).text
    for part in ("Linux 6.18.0", "avx512_vnni", "L2 · 1.05 MB", "7.80 GB", "not known"):
        assert part in text


def test_what_is_known_not_to_be_is_told_from_what_is_not_known() -> None:
    """No limit, no CUDA and no package are facts; a governor that nobody tells is unknown."""
    facts = environments()["e1"] | {
        "processor": {"container limits": {"processors": None, "memory_b": 1 << 30}},
        "libraries": {"torch": {"CUDA": None, "cuDNN": None, "BLAS": None}},
        "workload file": {"commit": "264416a", "dirty": False, "reason": None},
        "plug-ins": {},
    }
    (shown,) = machines_of([result()], {"e1": facts})
    told = shown.facts
    assert told["processor"] == {"container limits": {"processors": "none", "memory_b": 1 << 30}}
    assert told["libraries"] == {"torch": {"CUDA": "none", "cuDNN": "none", "BLAS": None}}
    assert told["packages"]["nvidia-ml-py"] == "not installed"
    assert told["machine"]["frequency governor"] is None
    assert told["workload file"] == {"commit": "264416a", "dirty": False}
    assert "plug-ins" not in told
    gpu = {"libraries": {"torch": {"CUDA": "12.8", "cuDNN": None}}}
    lost = {"workload file": {"commit": None, "dirty": None, "reason": "git is not installed"}}
    alone = {"machine": {"architecture": "x86_64", "hypervisor": None}}
    for system, said in (("Linux 6.18", "none"), ("Darwin 24.1", None)):
        own = facts | gpu | lost | alone | {"system": {"kernel": system}}
        (shown,) = machines_of([result()], {"e1": own})
        assert shown.facts["libraries"] == gpu["libraries"]
        assert shown.facts["workload file"] == lost["workload file"]
        assert shown.facts["machine"]["hypervisor"] == said
    (shown,) = machines_of([result()], {"e1": {"packages": ["torch"], "processor": None}})
    assert shown.facts == {"packages": ["torch"], "processor": None}


def test_of_a_kind_of_doubt_the_largest_comes_first() -> None:
    """A median that moved 16.5 % is not hidden behind one that moved 0.5 %."""
    rows = [
        replace(
            result(backend=backend),
            doubts=(Doubt(code="not_steady", message=f"Offline: the median still moved {moved}"),),
        )
        for backend, moved in (("eager", "0.5 %"), ("compile", "16.5%"), ("openvino", "somewhat"))
    ]
    (kind,) = raised(compare.join(rows))
    assert [text.rpartition(" moved ")[2] for text, _ in kind.messages] == [
        "16.5%", "0.5 %", "somewhat"
    ]  # fmt: skip


def test_the_page_is_not_large(whole: str) -> None:
    """Twenty rows fit in 400 kB, style and script included."""
    assert len(whole.encode()) < 400_000
    assert len(page_of([])) < 60_000


def test_a_label_cannot_break_the_head() -> None:
    """Labels, command and date are shown as they are, whatever they are."""
    info = run_info(
        labels={HOSTILE: HOSTILE}, command=HOSTILE, started_at="yesterday", seconds=None
    )
    page = Page(page_of([result()], run=info))
    assert page.open == []
    assert "yesterday" in page.text


def test_the_badges_and_the_sentence_count_alike() -> None:
    """Doubts and rows without numbers: the same figures in the lede and in the navigation."""
    page = page_of(troubled_run())
    found = re.search(r"(\d+) doubts are raised and (\d+) rows were not measured", page)
    assert found
    doubts, unmeasured = found.groups()
    assert f'Doubts <span class="badge">{doubts}</span>' in page
    assert f'Not measured <span class="badge">{unmeasured}</span>' in page
    assert f"{unmeasured} rows" in page
    assert len(re.findall(r'<div class="doubt (?:failed|skipped)"', page)) == int(unmeasured)


def test_the_work_list_has_the_ten_layers_with_most_to_give() -> None:
    """Measured, roofline, fraction, recoverable: the largest recoverable time first."""
    layers = tuple(
        LayerTime(name=f"layer{i:02}", seconds=i * 1e-3, roofline_s=5e-4, work=1e6, traffic_b=1e4)
        for i in range(1, 13)
    )
    times = LayerTimes(layers=layers, elsewhere_s=1e-3, batch=4, how="a profile")
    page = page_of([result(fields={"layer_times": times})])
    (table,) = re.findall(r'<table class="systems layers".*?</table>', page, re.DOTALL)
    names = re.findall(r'<bdi class="clip">(layer\d\d)</bdi>', table)
    assert names == [f"layer{i:02}" for i in range(12, 2, -1)]
    first = plain(html.unescape(re.sub(r"<title>.*?</title>|<[^>]+>", " ", table.split("<tr")[2])))
    for figure in ("12.0 ms", "500 µs", "4.17 %", "11.5 ms"):
        assert figure in first
    text = Page(page).text
    assert "72.0 ms of a query's 79.0 ms lie above the roofline, 97.2 % of them" in text
    assert "2 more layers with less to give" in text
    assert re.search(r"a query of 4 samples", page)


def test_without_raw_windows_the_charts_say_why(whole: str) -> None:
    """Imported results have no windows: the reason stands in the place of the chart."""
    text = Page(whole).text
    assert "No latency: the raw window is not in this store" in text
    assert "No course of power: modelled power has no samples" in text
    assert "No layer times: " in text


def test_a_page_of_many_systems_keeps_its_details_as_columns() -> None:
    """Beyond two dozen systems the embedded data hold every metric, its how and its reason."""
    rows = [
        replace(row, key=replace(row.key, threads=row.key.threads + 100 * copy))
        for copy in range(4)
        for row in whole_run()
    ]
    systems = compare.join(rows)
    page = page_of(rows)
    assert len(systems) > MOST_DRAWN
    assert '<table class="metrics"' not in page
    assert "<noscript>" in page
    data = data_of(page)
    every, texts = data["everything"], data["texts"]
    assert every["systems"] == [system.id for system in systems]
    place = len(systems) - 1
    lines = range(every["starts"][place], every["starts"][place + 1])
    shown = {(every["metrics"][every["metric"][i]][1], texts[every["how"][i]]) for i in lines}
    for metric in METRICS:
        for row in systems[place].rows.values():
            value = row.metrics.get(metric)
            assert value is not None
            assert (metric, value.reason if value.value is None else value.how) in shown
    assert len(every["kind"]) == len(every["text"]) == every["starts"][-1]


def test_a_network_without_a_ranked_speed_says_why() -> None:
    """In the verdict line stands what keeps the speed out, where nothing stands beside it."""
    doubt = Doubt(code="contended", message="Offline: others took 31 % of the time")
    row = replace(
        result(), rank_class="unranked", class_reason=f"contended: {doubt.message}", doubts=(doubt,)
    )
    line = page_of([row]).partition('<ul class="verdicts">')[2].partition("</ul>")[0]
    assert "reaches 97 %; its speed is not ranked: contended" in Page(line).text
    ranked = page_of([result()]).partition('<ul class="verdicts">')[2].partition("</ul>")[0]
    assert "not ranked" not in ranked


def test_the_head_is_short_and_true() -> None:
    """Of a commit stand the digits that name it; where nothing ran, no meter is blamed."""
    run = replace(run_info(), labels={"commit": "05eba12cde91b268d09de4c1db6ecc4769f98d7f"})
    assert ("commit", "commit=05eba12cde") in head.meta(run, [result()], {})
    assert head.lede(compare.join([failed()]), doubts=0, unmeasured=1) == [
        "1 row was not measured: see below."
    ]


@pytest.mark.parametrize(("told", "shown"), [("0", "only number 0"), ("0-2,5", "0-2,5")])
def test_a_lone_processor_is_no_count(told: str, shown: str) -> None:
    """Processor 0 alone reads as that, not as none."""
    facts = {"processor": {"processors this process may use": told}}
    (own,) = machines_of([result()], {"e1": facts})
    assert own.facts["processor"] == {"processors this process may use": shown}
