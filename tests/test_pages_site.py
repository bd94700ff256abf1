"""Tests of the pages over a store: leaderboard, history and comparison."""

from __future__ import annotations

import html
import json
import re
import shlex
import sqlite3
import struct
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchsuite import difference, shifts
from benchsuite.cli import main
from benchsuite.compare import join
from benchsuite.pages import comparison, history, leaderboard, prose
from benchsuite.pages.leaderboard.again import again
from benchsuite.pages.leaderboard.tables import tables
from benchsuite.pages.numbers import plain_of
from benchsuite.ranking import entries, reproduces
from benchsuite.store import Store, open_store
from benchsuite.types import SINGLE_STREAM, Doubt, Process
from tests.fakes import ENDLESS, environments, result, run_info, troubled_run, whole_run
from tests.large import fill
from tests.test_pages_run import ROOT, Page, data_of


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A run with every trouble, hostile names among them, and one on another device."""
    made = open_store(tmp_path_factory.mktemp("site") / "r.db")
    made.add_run(run_info(), plan=[])
    for row in troubled_run():
        made.add(row, environment=environments()["e1"])
    made.add_run(run_info(id="other"), plan=[])
    for row in whole_run():
        there = result(
            row.key.workload,
            backend=row.key.backend,
            scenario=row.scenario,
            device_peak=5e12,
            source="nvml counter",
            boundary="board",
            identity={"device_name": "NVIDIA H200"},
            fields={"run": "other"},
        )
        made.add(there, environment=environments()["e1"])
    return made


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Twelve systems over thirty nights; a third gain speed by new software."""
    return fill(tmp_path_factory.mktemp("nights") / "r.db", systems=12, nights=30)


@pytest.fixture(scope="module")
def files(store: Store) -> dict[str, str]:
    """The leaderboard's files."""
    return {page.path: page.text for page in leaderboard.render_site(store, root=ROOT)}


@pytest.fixture(scope="module")
def site(files: dict[str, str]) -> dict[str, str]:
    """The leaderboard's pages."""
    return {path: text for path, text in files.items() if path.endswith(".html")}


@pytest.fixture(scope="module")
def compared(store: Store) -> str:
    """The comparison of the two devices."""
    sides = [difference.select(store, name) for name in ("7f3a91c2", "other")]
    return comparison.render(sides, environments=environments(), root=ROOT)


@pytest.fixture(scope="module")
def pages(site: dict[str, str], compared: str, store: Store, nights: Store) -> dict[str, str]:
    """Every page."""
    return site | {
        "comparison": compared,
        "history of one run": history.render(shifts.read(store), root=ROOT),
        "history": history.render(shifts.read(nights), root=ROOT),
    }


def test_every_page_is_sound(pages: dict[str, str]) -> None:
    """Elements are closed, ids are unique, references lead somewhere."""
    for path, text in pages.items():
        page = Page(text)
        assert page.open == [], path
        ids = [a["id"] for _, a in page.elements if "id" in a]
        assert len(ids) == len(set(ids)), path
        for _, attributes in page.elements:
            for reference in (attributes.get("aria-labelledby") or "").split():
                assert reference in ids, path


def test_links_lead_to_files_of_the_site(site: dict[str, str], files: dict[str, str]) -> None:
    """Every link is to a place on the page or to a file that was written."""
    seen = 0
    for path, text in site.items():
        folder = Path(path).parent
        for tag, attributes in Page(text).elements:
            target = attributes.get("href") or ""
            if tag != "a" or target.startswith("#"):
                continue
            seen += 1
            parts: list[str] = []
            for part in (folder / target).parts:
                parts = parts[:-1] if part == ".." else [*parts, part]
            assert "/".join(parts) in files, target
        for grid in data_of(text)["grids"].values():
            for link in grid["links"] or []:
                assert re.sub(r"^\w+/\.\./", "", str(folder / link)) in site
    assert seen > 40


def test_no_page_asks_the_network(pages: dict[str, str]) -> None:
    """Nothing is loaded from anywhere; the policy allows only what is on the page."""
    for path, text in pages.items():
        page = Page(text)
        assert not {tag for tag, _ in page.elements} & {"link", "img", "iframe", "object", "base"}
        loading = {"src", "srcset", "action", "formaction", "poster", "style"}
        for tag, attributes in page.elements:
            assert not loading & set(attributes), path
            assert not re.match(r"(?i)\s*(\w+:|//)", attributes.get("href") or ""), (path, tag)
        policy = next(a["content"] or "" for t, a in page.elements if "http-equiv" in a)
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert not re.search(r"@import|import\(|fetch\(|XMLHttp|http-equiv=.refresh", text)


def test_hostile_names_are_text(pages: dict[str, str]) -> None:
    """Markup in names and reasons never becomes part of a page; overrides stay isolated."""
    isolating = "bdi|option|title|text|script|style"
    for path, text in pages.items():
        assert len(re.findall(r"<script", text)) == 2, path
        assert "<!--" not in text, path
        shown = re.sub(rf"<({isolating})\b[^>]*>.*?</\1>|<[^>]+>", "", text, flags=re.DOTALL)
        assert "\u202e" not in shown.replace(data_text(text), ""), path
    hostile = [text for path, text in pages.items() if "image-hostile" in path]
    assert hostile
    assert all("alert('x')" in Page(text).text for text in hostile)


def data_text(page: str) -> str:
    """The embedded JSON as it stands."""
    found = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    return found.group(1) if found else ""


def test_file_names_are_safe(site: dict[str, str]) -> None:
    """Whatever a workload is called, its file is lower-case letters, digits and dashes."""
    for path in site:
        assert re.fullmatch(
            r"(index|changes|team/(cnn|software|hardware)|workload/[a-z0-9-]{1,80}|system/[a-z0-9-]{1,80})"
            r"\.html", path
        )  # fmt: skip


def test_an_endless_reason_is_cut_in_selects_only(site: dict[str, str]) -> None:
    """The reason of a failure is on the index in full."""
    assert ENDLESS in site["index.html"] or ENDLESS in json.dumps(data_of(site["index.html"]))


def test_classes_and_the_unranked_have_tables_of_their_own(
    site: dict[str, str], store: Store
) -> None:
    """Each class and domain is one table; every system stands in exactly one."""
    board = entries(store.latest())
    grids = data_of(site["index.html"])["grids"]
    rows = {name: len(grid["columns"][0]["text"].get("at") or grid["columns"][0]["text"]["all"])
            for name, grid in grids.items()}  # fmt: skip
    expected: dict[str, int] = {}
    for entry in board:
        name = "unranked" if entry.unranked else f"{entry.rank_class}-{entry.system.row.domain}"
        expected[name] = expected.get(name, 0) + 1
    assert rows == expected
    assert {"unranked", "speed-only-video", "embedded-image"} <= set(rows)
    assert "misses the target 0.97" in Page(site["index.html"]).text


def test_numbers_on_the_pages_are_the_stores(site: dict[str, str], store: Store) -> None:
    """What the index sorts by is the stored value, what it shows is that value in units."""
    board = {f"system/{e.id}.html": e for e in entries(store.latest()) if not e.unranked}
    seen = 0
    for grid in data_of(site["index.html"])["grids"].values():
        titles = [column["title"] for column in grid["columns"]]
        if "latency p90" not in titles:
            continue
        for title, metric in (
            ("accuracy", "accuracy"), ("throughput", "throughput"),
            ("latency p90", "latency_p90"), ("energy per frame", "energy_per_frame"),
        ):  # fmt: skip
            column = grid["columns"][titles.index(title)]
            text = column["text"]
            texts = text.get("all") or [text["of"][i] for i in text["at"]]
            for place, link in enumerate(grid["links"]):
                system = board[link].system
                assert (column.get("sort") or [None] * 999)[place] == system.number(metric)
                assert texts[place] == plain_of(system, metric).removesuffix("/query")
                seen += 1
    assert seen > 60


def test_the_index_says_how_many_are_undominated(site: dict[str, str]) -> None:
    """The front is that of a set that was measured, not modelled, and says which."""
    text = Page(site["index.html"]).text
    assert (
        "2 of 2 networks are undominated in top-1 against energy per frame on NVIDIA H200" in text
    )
    assert "energy nvml counter, boundary board" in text


def test_every_grids_columns_have_keys_of_their_own(pages: dict[str, str]) -> None:
    """A permanent link names a column by its key."""
    for path, text in pages.items():
        for grid in data_of(text).get("grids", {}).values():
            keys = [column["key"] for column in grid["columns"]]
            assert all(keys) and len(set(keys)) == len(keys), path


def test_a_front_can_be_made_anew_of_its_data(files: dict[str, str], store: Store) -> None:
    """Each chart's data names every system by the links of the tables, coinciding ones together."""
    given = data_of(files["index.html"])
    links = {link for grid in given["grids"].values() for link in grid["links"] or ()}
    assert given["fronts"]
    for name, own in given["fronts"].items():
        assert f'id="{name}"' in files["index.html"]
        assert len(own["x"]) == len(own["y"]) == len(own["networks"]) == len(own["links"])
        named = [link for group in own["links"] for link in group]
        assert len(named) == len(set(named)) and set(named) <= links
    work = given["fronts"]["accuracy-work"]
    assert any(len(group) > 1 for group in work["links"])


def test_without_a_meter_the_index_says_so(tmp_path: Path) -> None:
    """Modelled energy makes no front: accuracy is weighed against work instead."""
    made = open_store(tmp_path / "r.db")
    for row in whole_run():
        made.add(row, environment=environments()["e1"])
    index = next(iter(leaderboard.render_site(made, root=ROOT)))
    assert (
        "No energy was measured with a meter. 2 of 2 networks are undominated in top-1 "
        "against work." in Page(index.text).text
    )
    assert "accuracy-energy-per-frame" not in index.text


def test_fronts_are_drawn_with_intervals(site: dict[str, str]) -> None:
    """Accuracy against energy, work, size and latency, each dot with its 95 % interval."""
    text = site["index.html"]
    for cost in ("energy-per-frame", "work", "model-size", "latency-p90"):
        assert f'id="accuracy-{cost}"' in text
    assert text.count('class="whisker') >= 8
    assert "97.06 % to 98.78 %" in Page(text).text


def test_an_entrys_page_has_what_it_takes_to_repeat_it(tmp_path: Path) -> None:
    """Versions, kernel, the commit of the workload's file, the run's command line and labels."""
    made = open_store(tmp_path / "r.db")
    command = "benchsuite run smoke --repeats 3 --label cooling=air"
    made.add_run(
        replace(run_info(), labels={"cooling": "air", "x": "a b"}, command=command), plan=[]
    )
    facts = {
        "benchsuite": "0.1.0",
        "system": {"kernel": "Linux 6.18.44", "python": "3.11.7"},
        "packages": {"torch": "2.13.0+cpu", "onnxruntime": "1.31.1", "openvino": None},
        "workload file": {"commit": "264416a5", "dirty": True, "reason": None},
        "variables": {"OMP_NUM_THREADS": "2"},
        "device": {"memory_b": 2**30},
    }
    moments = tuple(Process(measured_at=f"2026-01-0{i}T00:00:00+00:00") for i in (1, 2, 3))
    made.add(result(fields={"processes": moments}), environment=facts)
    site = {page.path: page.text for page in leaderboard.render_site(made, root=ROOT)}
    path = next(path for path in site if path.startswith("system/") and path.endswith(".html"))
    said = Page(site[path]).text
    for part in ("2.13.0+cpu", "onnxruntime 1.31.1", "Linux 6.18.44", "3.11.7",
                 "commit 264416a5, with changes", command, "OMP_NUM_THREADS",
                 "--repeats 3 --label cooling=air --label 'x=a b'", "1.07 GB"):  # fmt: skip
        assert part in said, part
    told = json.loads(site[path.replace(".html", ".json")])
    assert told["environment"]["packages"]["torch"] == "2.13.0+cpu"
    assert told["run"] == {"command": command, "labels": {"cooling": "air", "x": "a b"}}
    words = shlex.split(told["command"])
    assert words[words.index("--repeats") + 1] == "3"


def test_json_stands_beside_every_page(files: dict[str, str], store: Store) -> None:
    """Each page has its JSON, which has the stored numbers and no others."""
    pages = {path for path in files if path.endswith(".html")}
    assert {path.replace(".html", ".json") for path in pages} == {
        path for path in files if path.endswith(".json")
    }
    board = {entry.id: entry for entry in entries(store.latest())}
    told = json.loads(files["index.json"])
    assert told["schema"] == "benchsuite/leaderboard/1"
    assert {row["id"] for row in told["entries"]} == set(board)
    for row in told["entries"]:
        system = board[row["id"]].system
        assert row["metrics"]["throughput"] == system.number("throughput")
        assert row["unranked"] == board[row["id"]].unranked
        own = json.loads(files[f"system/{row['id']}.json"])
        assert own["entry"] == row
        assert [each["scenario"] for each in own["results"]] == list(system.rows)
    networks = json.loads(files["team/cnn.json"])["tables"]["networks"]
    assert {row["workload"] for row in networks} >= {"image/lenet", "text/word2vec"}


def test_the_feed_is_sound_and_the_same_again(nights: Store) -> None:
    """Atom with unique ids; regressions and gains from the courses; two builds are equal."""
    from xml.etree import ElementTree

    first, again = (
        {page.path: page.text for page in leaderboard.render_site(nights, root=ROOT)}
        for _ in range(2)
    )
    assert first == again
    atom = "{http://www.w3.org/2005/Atom}"
    feed = ElementTree.fromstring(first["feed.xml"])
    found = feed.findall(f"{atom}entry")
    ids = [entry.findtext(f"{atom}id") for entry in found]
    assert len(ids) == len(set(ids))
    changes = json.loads(first["changes.json"])["changes"]
    kinds = [each["kind"] for each in changes]
    assert kinds.count("new entry") == 12
    assert kinds.count("gain") >= 8
    assert "regression" not in kinds
    assert [each["at"] for each in changes] == sorted(
        (each["at"] for each in changes), reverse=True
    )
    links = [entry.find(f"{atom}link") for entry in found]
    assert all(link is not None and link.attrib["href"] in first for link in links)


def test_the_feed_holds_hostile_names_as_text(files: dict[str, str]) -> None:
    """Markup and control characters in names cannot break the feed."""
    from xml.etree import ElementTree

    text = "".join(ElementTree.fromstring(files["feed.xml"]).itertext())
    assert "</script><script>alert('x')" in text


def test_a_regression_is_told(tmp_path: Path) -> None:
    """Speed that falls for good is a regression in the page of changes, with its cause."""
    made = fill(tmp_path / "r.db", systems=3, nights=30, gain=0.8)
    found = {page.path: page.text for page in leaderboard.render_site(made, root=ROOT)}
    changes = json.loads(found["changes.json"])["changes"]
    worse = [each for each in changes if each["kind"] == "regression"]
    assert worse
    assert any(
        "throughput" in each["said"] and "Only the software differs" in each["said"]
        for each in worse
    )


def test_teams_see_their_own_numbers(site: dict[str, str]) -> None:
    """Each team's page says what it could gain, from the stored fit and fraction."""
    cnn, software, hardware = (site[f"team/{name}.html"] for name in ("cnn", "software",
                                                                     "hardware"))  # fmt: skip
    grid = data_of(cnn)["grids"]["networks"]
    titles = [column["title"] for column in grid["columns"]]
    fits = grid["columns"][titles.index("fit")]["sort"]
    gains = grid["columns"][titles.index("could gain")]["sort"]
    assert all(gain == pytest.approx(1 / fit) for fit, gain in zip(fits, gains, strict=True))
    assert 'id="fraction-of-roofline"' in software
    assert 'id="energy-per-frame"' in hardware
    assert 'id="roofline"' in hardware
    assert "the least energy is" in Page(hardware).text


def test_systems_that_differ_in_threads_alone_are_told_apart(tmp_path: Path) -> None:
    """In titles of changes, in the numbers of a team's chart, and beside a peak of their own."""
    made = open_store(tmp_path / "r.db")
    made.add_run(run_info(), plan=[])
    for threads in (1, 2):
        row = result("image/lenet", identity={"threads": threads})
        peak = replace(row.metrics["peak"], value=threads * 1e11)
        made.add(
            replace(row, metrics={**row.metrics, "peak": peak}),
            environment=environments()["e1"],
        )
    found = {page.path: page.text for page in leaderboard.render_site(made, root=ROOT)}
    new = [c for c in json.loads(found["changes.json"])["changes"] if c["kind"] == "new entry"]
    assert len({each["system"] for each in new}) == 2
    titles = re.findall("<title>(new entry: .*?)</title>", found["feed.xml"])
    assert any("1 thread" in title for title in titles)
    assert any("2 threads" in title for title in titles)
    numbers = found["team/software.html"].partition("<caption")[2].partition("</table>")[0]
    rows = re.findall("<tr>(<th scope=.row.*?)</tr>", numbers, re.DOTALL)
    assert len(rows) == 2
    assert "1\N{NO-BREAK SPACE}thread" in numbers
    tables = json.loads(found["team/hardware.json"])["tables"]
    peaks = {row["threads"]: row["peak"] for row in tables["devices"]}
    assert peaks == {1: 1e11, 2: 2e11}


def test_every_filter_finds_something_to_look_at(pages: dict[str, str]) -> None:
    """Each select of a page chooses by a column or a tag that some table has, and its values."""
    seen = set()
    for path, text in pages.items():
        grids = data_of(text).get("grids", {}).values()
        for key in re.findall(r'<select data-filter="(\w+)">', text):
            values = set()
            for grid in grids:
                columns = [c["text"] for c in grid["columns"] if c["filter"] == key]
                columns += [grid["tags"][key]] if key in grid["tags"] else []
                for packed in columns:
                    values |= set(packed.get("all") or packed["of"])
            select = re.search(rf'data-filter="{key}">(.*?)</select>', text, re.DOTALL)
            assert select
            offered = set(map(html.unescape, re.findall(r'<option value="([^"]*)"', select[1])))
            assert offered - {""} <= values, (path, key)
            seen.add(key)
    assert {"domain", "device", "backend", "precision", "kind"} <= seen


def test_a_systems_page_repeats_the_measurement(site: dict[str, str], store: Store) -> None:
    """The command on a system's page is one that the command line takes."""
    import shlex

    from benchsuite.cli import _parser

    board = entries(store.latest())
    for entry in board:
        text = site[f"system/{entry.id}.html"]
        page = Page(text)
        command = re.findall(r'<code class="command"><bdi>(.*?)</bdi></code>', text, re.DOTALL)[0]
        said = html.unescape(re.sub("<[^>]+>", "", command))
        options = _parser().parse_args(shlex.split(said)[1:])
        assert options.targets
        assert "All metrics" in page.text


def test_every_chart_has_its_numbers(pages: dict[str, str]) -> None:
    """Beside each drawn chart stand a table, and buttons to save it."""
    charts = 0
    for text in pages.values():
        found = text.count('<svg class="plot"')
        assert text.count('data-save="svg"') >= found
        assert text.count('<details class="numbers">') >= found
        charts += found
    assert charts > 5


def test_changes_stand_on_the_pages(nights: Store, pages: dict[str, str]) -> None:
    """A third of the systems changed by software, in the table and on their own pages."""
    text = Page(pages["history"]).text
    assert "only software differs (software team)" in text
    lines = data_of(pages["history"])["lines"]
    assert len(lines) == 24
    changed = [line for line in lines if any(t["changes"] for t in line["tracks"])]
    assert len(changed) == 8
    pages_of_systems = [
        page.text
        for page in leaderboard.render_site(nights, root=ROOT)
        if page.path.startswith("system/")
    ]
    assert sum('class="turn"' in page for page in pages_of_systems) == 4


def test_the_history_holds_the_stores_values(nights: Store, pages: dict[str, str]) -> None:
    """Every course is there in single precision, each moment in its run."""
    courses = {c.series: c for c in nights.courses()}
    data = data_of(pages["history"])
    course = next(iter(courses.values()))
    track = next(t for t in data["lines"][0]["tracks"] if t["metric"] == "throughput")
    shown = [value for (value,) in struct.iter_unpack("<f", b64decode(track["values"]))]
    stored = [moment.digest.number("throughput") for moment in course.moments]
    assert shown == pytest.approx(stored, rel=1e-6)
    assert track["runs"] == [0, len(stored), -1]
    assert [run for run, _ in data["runs"]] == list(course.moments.runs)


def test_the_comparison_names_ratios_and_what_is_left_out(compared: str) -> None:
    """Ratios over common systems; energies of other meters are left out and named."""
    text = Page(compared).text
    assert "NVIDIA H200 against" in text
    assert "modelled energy against measured" in text
    assert "only on AMD EPYC" in text
    assert "Who moved it" in text
    assert 'id="roofline"' in compared
    assert data_of(compared)["systems"]


def test_provenance_is_earned(tmp_path: Path) -> None:
    """Raw data that give the numbers again, and other submitters who measured the same."""
    from tests.measurements import window

    made = open_store(tmp_path / "r.db")
    facts = environments()["e1"]

    def add(run: str, speed: float, *, raw: bool = False, **labels: str) -> None:
        made.add_run(run_info(id=run, labels=labels), plan=[])
        row = result("image/lenet")
        values = dict(row.metrics)
        values["throughput"] = replace(values["throughput"], value=speed)
        kept = replace(window(queries=1000), frames=2000.0, seconds=2.0, energy=None)
        made.add(
            replace(row, run=run, metrics=values, measured_at=f"2026-11-2{len(made.runs())}"),
            environment=facts,
            window=kept if raw else None,
        )

    def provenance() -> str:
        latest = made.latest()
        (entry,) = entries(latest, made.elsewhere(latest))
        return entry.provenance

    add("a", 1000.0, submitter="us")
    assert provenance() == "self-reported"
    add("b", 1000.0, raw=True, submitter="us")
    assert provenance() == "recomputed from raw"
    add("c", 1001.0, raw=True, submitter="us")
    assert provenance() == "raw data disagree"
    # 3.6 % is how far two lone processes may stray: t(5) x 1 % x the root of 2
    add("d", 1030.0, submitter="them")
    assert provenance() == "reproduced by 1"
    add("e", 1100.0, submitter="others")
    assert provenance() == "self-reported"
    add("f", 1010.0, submitter="us")
    assert provenance() == "reproduced by 1"


def test_another_network_is_no_reproduction() -> None:
    """Weights that differ, failed rows and accuracies whose intervals do not meet do not count."""
    row = result("image/lenet")
    assert reproduces(row, replace(row, run="other"))
    assert row.fingerprint is not None
    assert not reproduces(row, replace(row, fingerprint=replace(row.fingerprint, weights="x")))
    assert not reproduces(row, replace(row, status="failed"))
    worse = replace(row.metrics["accuracy"], value=0.9, low=0.88, high=0.92)
    assert not reproduces(row, replace(row, metrics={**row.metrics, "accuracy": worse}))


def test_the_fixed_weight_is_small(tmp_path: Path) -> None:
    """An empty store's pages, style and scripts included, are far below a megabyte."""
    empty = open_store(tmp_path / "r.db")
    pages = {page.path: page for page in leaderboard.render_site(empty, root=ROOT)}
    index = pages["index.html"]
    assert set(pages) == {"index.html", "index.json", "changes.html", "changes.json", "feed.xml"}
    assert len(index.text.encode()) < 100_000
    assert len(history.render(shifts.read(empty), root=ROOT).encode()) < 100_000


def test_the_commands_write_their_pages(store: Store, tmp_path: Path) -> None:
    """leaderboard, history and compare -o write files, and refuse places that are none."""
    place = ["--store", store.place]
    assert main(["leaderboard", "-o", str(tmp_path / "site"), *place]) == 0
    assert (tmp_path / "site" / "index.html").is_file()
    assert main(["history", "-o", str(tmp_path / "h.html"), *place, "--json", "-"]) == 0
    assert (tmp_path / "h.html").stat().st_size > 10_000
    assert main(["compare", "7f3a", "other", "-o", str(tmp_path / "c.html"), *place]) == 0
    assert (tmp_path / "c.html").stat().st_size > 10_000
    assert main(["leaderboard", "-o", str(tmp_path / "h.html"), *place]) == 2
    assert main(["compare", "7f3a", "other", "-o", str(tmp_path / "no" / "c.html"), *place]) == 2


def test_a_store_without_digests_gets_them(tmp_path: Path) -> None:
    """A store made before digests were kept is completed when it is opened."""
    made = open_store(tmp_path / "r.db")
    for row in (result(), result(scenario=SINGLE_STREAM)):
        made.add(row, environment=environments()["e1"])
    before = made.latest()
    with sqlite3.connect(tmp_path / "r.db") as connection:
        connection.executescript(
            "DROP TABLE digests; DROP TABLE series; DROP TABLE alembic_version;"
            "UPDATE about SET value = '1' WHERE key = 'schema'"
        )
    assert open_store(tmp_path / "r.db").latest() == before


@pytest.mark.slow
def test_a_hundred_thousand_results_are_read_in_a_few_statements(tmp_path: Path) -> None:
    """The index reads one digest a row and no whole result; histories read digests alone."""
    large = fill(tmp_path / "r.db", systems=500, nights=100)
    statements: list[str] = []

    def count(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    sa.event.listen(large._engine, "before_cursor_execute", count)
    pages = leaderboard.render_site(large, root=ROOT)
    index = next(iter(pages))
    assert len(statements) == 4
    assert not any("results.facts" in text or "results.metrics" in text for text in statements)
    assert sum(len(grid["links"]) for grid in data_of(index.text)["grids"].values()) == 500
    statements.clear()
    found = shifts.read(large)
    assert len(statements) == 4  # rows and their digests, labels, environments beside changes
    assert sum(len(line.course.moments) for line in found.lines) == 100_000
    text = history.render(found, root=ROOT)
    assert len(statements) == 4
    assert len(text) < 5_000_000


def test_a_repeat_has_what_no_result_names() -> None:
    """Rate, meter, data and weights are those that the run was given, each where it matters."""
    command = (
        "benchsuite run lenet squeezenet --rate 30 --meter csv:wall.csv --data imagenet=/big "
        "--data mnist-5k=/small --weights squeezenet=mine.safetensors --weights lenet=l.pt "
        "--pin=none --threads 4 --store team.db --quiet"
    )
    info = replace(run_info(), command=command)
    (offline,) = join([result("image/squeezenet", identity={"dataset": "mnist-5k"})])
    own = again(offline, info, None).command.partition("--threads")[2].split()[1:]
    assert " ".join(own[: own.index("--pin") + 2]) == (
        "--meter csv:wall.csv --data mnist-5k=/small --weights squeezenet=mine.safetensors "
        "--pin none"
    )
    assert "--store" not in own and "--rate" not in own
    (timed,) = join([replace(result("image/squeezenet"), scenario="RealTime")])
    assert "--rate 30 " in again(timed, info, None).command
    broken = replace(info, command="benchsuite run 'lenet --meter csv")
    assert "--meter" not in again(offline, broken, None).command


def test_the_hardware_teams_cells_do_not_repeat_the_device(site: dict[str, str]) -> None:
    """Below the best fraction of peak stand network and software; the row names the device."""
    grid = data_of(site["team/hardware.html"])["grids"]["devices"]
    column = next(c for c in grid["columns"] if c["key"] == "fraction")
    said = column["sub"].get("all") or column["sub"]["of"]
    devices = grid["columns"][0]["text"].get("all") or grid["columns"][0]["text"]["of"]
    assert said and devices
    assert not [(text, name) for text in said for name in devices if name in text]


def test_a_doubted_figure_is_marked_on_the_systems_page_too(tmp_path: Path) -> None:
    """What the table marks, the page of the system marks: its windows' figures, not its work."""
    store = open_store(tmp_path / "r.db")
    doubt = Doubt(code="not_steady", message="Offline: (the median still moved 3.0%). Repeat it")
    store.add_run(run_info(), plan=[])
    store.add(result(fields={"doubts": (doubt,)}), environment=environments()["e1"])
    found = {page.path: page.text for page in leaderboard.render_site(store, root=ROOT)}
    (text,) = (page for path, page in found.items() if re.match(r"system/.*\.html", path))
    tiles = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text.partition('id="again"')[0]))
    assert "†" in tiles["throughput"] and "moved 3.0%" in tiles["throughput"]
    assert "†" not in tiles["work"] and "†" not in tiles["accuracy"]


def test_places_by_energy_name_the_meter_where_there_are_several(tmp_path: Path) -> None:
    """Two systems of two meters are both first of one; a table of one meter says nothing."""
    told = {}
    for name, sources in (("one", ("rapl", "rapl")), ("two", ("rapl", "nvml counter"))):
        store = open_store(tmp_path / f"{name}.db")
        for number, source in enumerate(sources):
            row = result(backend=f"b{number}", source=source, power=10.0 * (1 + number))
            store.add(row, environment=environments()["e1"])
        (table,) = tables(entries(store.latest()), by_domain=False)
        column = [c.key for c in table.grid.columns].index("energy_per_frame")
        told[name] = [row.cells[column].sub.replace("\N{NO-BREAK SPACE}", " ")
                      for row in table.grid.rows]  # fmt: skip
    assert sorted(told["one"]) == ["1 of 2", "2 of 2"]
    assert sorted(each.partition(", ")[::2] for each in told["two"]) == [
        ("1 of 1", "nvml counter, package"), ("1 of 1", "rapl, package"),
    ]  # fmt: skip


def test_one_system_is_said_in_the_singular(tmp_path: Path) -> None:
    """The first sentence of a store of one row."""
    store = open_store(tmp_path / "r.db")
    store.add(result(), environment=environments()["e1"])
    page = next(leaderboard.render_site(store, root=ROOT))
    assert "1 system of 1 network on 1 device: it is ranked." in Page(page.text).text


def test_options_in_sentences_are_not_taken_apart() -> None:
    """Where a sentence names an option it stands whole, and all else is escaped as ever."""
    said = str(prose("of <b> processes (--repeats measures it; a--b, well-known)"))
    assert said == (
        'of &lt;b&gt; processes (<span class="option">--repeats</span> measures it; '
        "a--b, well-known)"
    )
