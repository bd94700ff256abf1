"""The pages in a real browser: Chromium through Playwright, where both are installed.

`pip install 'benchsuite[browser]'` and a Chromium on the path (or in `CHROMIUM`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchsuite import attribution, compare, difference, hw, nightly, projection, shifts
from benchsuite.pages import comparison, history, leaderboard, verdict
from benchsuite.pages import run as run_page
from benchsuite.pages.moved import moved_between
from benchsuite.store import Store, open_store
from tests import golden_store
from tests.fakes import ENDLESS, HOSTILE, environments, result, run_info, troubled_run
from tests.large import fill

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from benchsuite.types import Result

ROOT = Path(__file__).parent.parent
CHROMIUM = os.environ.get("CHROMIUM") or next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
WIDE, NARROW = 1280, 360
PAPER = 720  # A4 in CSS pixels, without its margins
SERIOUS = ("serious", "critical")
# of a leaderboard's site, beside its first page
PARTS = ("changes", "workload/*", "system/*", "team/cnn", "team/software", "team/hardware")


@dataclass
class Opened:
    """A page in the browser, and what it did that it must not do."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on the path")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> dict[str, Path]:
    """Every kind of page as a file: of the golden store, of trouble, of many systems."""
    folder = tmp_path_factory.mktemp("browser")
    texts = golden_store.pages(golden_store.fill(folder / "golden.db"))
    texts["troubled"] = run_page.render(
        run_info(), troubled_run(), environments=environments(), root=ROOT
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run_page, "MOST_DRAWN", 0)
        texts["folded"] = golden_store.pages(open_store(folder / "golden.db"))["run"]
    many = fill(folder / "many.db", systems=120, nights=12)
    texts["many"] = history.render(shifts.read(many), root=ROOT)
    hostile = open_store(folder / "hostile.db")
    for name in ("one", "two"):
        hostile.add_run(run_info(id=name), plan=[])
        for row in troubled_run():
            hostile.add(_of_run(row, name), environment=environments()["e1"])
    golden = open_store(folder / "golden.db")
    texts["verdict"] = _verdict(golden, golden_store.BASE, golden_store.LATER)
    texts["hostile verdict"] = _verdict(hostile, "one", "two")
    texts["hostile history"] = history.render(shifts.read(hostile), root=ROOT)
    texts["projected"] = _projected(golden)
    texts["rho"] = run_page.render(
        run_info(), _of_two_accuracies(), environments=environments(), root=ROOT
    )
    sides = [difference.select(hostile, name) for name in ("one", "two")]
    texts["hostile comparison"] = comparison.render(sides, environments=environments(), root=ROOT)
    found = {}
    for name, text in texts.items():
        found[name] = folder / f"{name}.html"
        found[name].write_text(text, encoding="utf-8")
    mixed = open_store(folder / "mixed.db")
    for number, (source, power) in enumerate((("rapl", 20.0), ("modelled", 5.0), ("rapl", 9.0),
                                              ("modelled", 30.0))):  # fmt: skip
        row = result(backend=f"b{number}", source=source, power=power)
        mixed.add(row, environment=environments()["e1"])
    sites = (("site", many), ("hostile site", hostile), ("golden site", golden),
             ("mixed site", mixed))  # fmt: skip
    for name, store in sites:
        for page in leaderboard.render_site(store, root=ROOT):
            path = folder / name / page.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(page.text, encoding="utf-8")
        found[name] = folder / name / "index.html"
        for part in PARTS:
            pages = sorted((folder / name).glob(f"{part}.html"))
            found[f"{name}: {part}"] = next((p for p in pages if _says(p)), pages[0])
    return found


def _says(page: Path) -> bool:
    """Whether a page has what trouble there is: a refusal or an endless name."""
    return ENDLESS in page.read_text(encoding="utf-8")


def _verdict(store: Store, before: str, after: str) -> str:
    question = nightly.Question(before=before, after=after, today=date(2026, 1, 2))
    return verdict.render(nightly.judge_night(store, question), root=ROOT)


def _projected(store: Store) -> str:
    """One run on two device models."""
    side = difference.select(store, golden_store.LATER)
    models = hw.models([ROOT]).models
    found = projection.project_all(
        list(side.systems),
        projection.named(["h200", "p100"], models),
        known=models,
        environments=environments(),
    )
    return comparison.render([side], environments=environments(), projections=found, root=ROOT)


def _of_two_accuracies() -> list[Result]:
    """A network whose accuracy is a correlation, and less by 0.012 on the second backend."""
    return [
        result("text/word2vec"),
        result("text/word2vec", backend="onnxruntime", accuracy_change=-0.012),
    ]


def _of_run(row: Any, name: str) -> Any:
    from dataclasses import replace

    return replace(row, run=name)


@pytest.fixture
def show(browser: Browser, places: dict[str, Path]) -> Iterator[Callable[..., Page]]:
    """Opens a page; when the test ends no page may have complained or asked the network."""
    opened: list[Opened] = []

    def open_page(name: str, *, width: int = WIDE, at: str = "", **context: Any) -> Page:
        made = browser.new_context(viewport={"width": width, "height": 900}, **context)
        own = Opened(page=made.new_page())
        page = own.page
        page.set_default_timeout(10_000)
        page.on("console", lambda message: own.complaints.append(message.text))
        page.on("pageerror", lambda error: own.complaints.append(str(error)))
        page.on("dialog", lambda dialog: own.complaints.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: _note(own, request.url))
        page.goto(places[name].as_uri() + at)
        opened.append(own)
        return page

    yield open_page
    complaints = [each for own in opened for each in own.complaints]
    for own in opened:
        own.page.context.close()
    assert complaints == []


def _note(own: Opened, url: str) -> None:
    if not url.startswith(("file:", "data:", "blob:")):
        own.complaints.append(f"asked for {url}")


HOSTILE_PAGES = (
    "troubled", "hostile site", "hostile comparison", "hostile verdict", "hostile history",
    *(f"hostile site: {part}" for part in PARTS),
)  # fmt: skip
KINDS = (
    "run", "comparison", "projected", "history", "verdict", "leaderboard", "system",
    *(f"golden site: {part}" for part in PARTS if not part.startswith("system")),
)  # fmt: skip
PAGES = (*KINDS, *HOSTILE_PAGES, "site", "many", "folded")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window(show: Callable[..., Page], name: str) -> None:
    """Nothing is wider than the window, whatever names there are; the console stays silent.

    Markup, quotes and overrides in names and reasons are letters on the page.
    """
    page = show(name)
    if name in HOSTILE_PAGES:
        assert page.locator("script").count() == 2
        told = "names => names.map((name) => document.body.textContent.includes(name))"
        assert any(page.evaluate(told, [HOSTILE.partition("\u202e")[0], ENDLESS[:200]]))
        assert name != "troubled" or all(page.evaluate(told, [ENDLESS]))
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.locator("h1").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # what is endless scrolls in its own box, which takes a part of the window only
        tallest = page.evaluate(
            "[...document.querySelectorAll('.clip')]"
            ".reduce((most, box) => Math.max(most, box.getBoundingClientRect().height), 0)"
        )
        assert tallest <= (190 if width == WIDE else 310)


@pytest.mark.parametrize("name", ["run", "system", "comparison", "projected", "verdict"])
def test_what_is_said_is_seen_whole(show: Callable[..., Page], name: str) -> None:
    """On a narrow window only endless texts are hidden in a box that scrolls."""
    page = show(name, width=NARROW)
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    hidden = page.evaluate(
        "[...document.querySelectorAll('.clip, .tree dd')].filter((box) => box.clientHeight"
        " && box.textContent.length < 400 && box.scrollHeight > box.clientHeight + 2)"
        ".map((box) => box.textContent)"
    )
    assert hidden == []


# of many tables from one template two are looked at
SEEN_ONCE = {"exclude": [["details.all ~ details.all ~ details.all"]]}
# in the dark only the colours are others
IN_THE_DARK = ("run", "comparison", "verdict", "leaderboard", "history")


@pytest.mark.parametrize("name", [*KINDS, *HOSTILE_PAGES[:5]])
def test_axe_finds_nothing_serious(show: Callable[..., Page], name: str) -> None:
    """Contrast, names, roles, structure: as axe-core sees them, everything folded open."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    page = show(name)
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    assert _serious(axe, page) == []
    if name in IN_THE_DARK:
        page.emulate_media(color_scheme="dark")
        assert _serious(axe, page, runOnly=["color-contrast"]) == []


def _serious(axe: Any, page: Page, **options: Any) -> list[tuple[str, list[str]]]:
    """What axe-core says is serious; it need not write out all that it finds in order."""
    lean = {"resultTypes": ["violations"], "selectors": False, "preload": False}
    found = axe.Axe().run(page, context=SEEN_ONCE, options={**lean, **options})
    return [
        (each["id"], [node["html"][:120] for node in each["nodes"][:3]])
        for each in found.response["violations"]
        if each["impact"] in SERIOUS
    ]


def test_any_pair_can_be_picked(show: Callable[..., Page]) -> None:
    """The script splits a change as the library does, and a link to it shows the same."""
    page = show("run")
    page.locator("#from").select_option("s3")
    page.locator("#to").select_option("s2")
    page.locator(".pill", has_text="energy per frame").click()
    said = page.locator("#fall .say").inner_text()
    assert said == _said_by_the_library("s3", "s2")
    link = page.evaluate("location.hash")
    assert "from=s3" in link and "to=s2" in link
    again = show("run", at=link)
    assert again.locator("#fall .say").inner_text() == said
    assert again.locator("#from").input_value() == "s3"
    page.locator("#swap").click()
    assert page.locator("#fall .say").inner_text() == _said_by_the_library("s2", "s3")


def _said_by_the_library(before: str, after: str) -> str:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        rows = golden_store.fill(Path(folder) / "g.db").results(golden_store.LATER)
    systems = {system.id: system for system in compare.join(rows)}
    moved = moved_between(systems[before], systems[after], metric=attribution.ENERGY)
    shares = ", ".join(f"{name} {ratio}" for _, name, ratio in moved.shares)
    return f"{moved.lead} = {shares}" + (f"; {moved.rest}." if moved.rest else ".")


def test_a_correlations_change_is_said_as_the_library_says_it(show: Callable[..., Page]) -> None:
    """No percentage points: the script's sentence and shares are the library's."""
    page = show("rho")
    page.locator(".pill", has_text="accuracy").click()
    before, after = compare.join(_of_two_accuracies())
    moved = moved_between(before, after, metric="accuracy")
    ((_, name, size),) = moved.shares
    said = page.locator("#fall .say").inner_text()
    assert said == f"{moved.lead} = {name} {size}; {moved.rest}."
    assert "points" not in said and "−0.0120" in said
    assert page.locator("#fall tr.whole td").last.inner_text() == "−0.0120"
    page.locator("#fall tr.whole .n").hover()
    assert "points" not in page.locator("#note").inner_text()


def test_a_comparisons_numbers_say_how(show: Callable[..., Page]) -> None:
    """Tiles and tables have notes, by the keyboard too, and after a table was sorted."""
    page = show("comparison")
    note = page.locator("#note")
    page.locator(".ratios .n:visible").first.hover()
    assert "95 % interval" in note.inner_text()
    page.keyboard.press("Escape")
    page.locator("table.grid:visible button.sort").nth(2).click()
    table = page.locator("table.grid:visible").first
    table.locator("td .n").nth(1).hover()
    assert "from " in note.inner_text() and "2000 frames in" in note.inner_text()
    page.keyboard.press("Escape")
    assert table.locator(".n[tabindex='0']").count() == 1
    table.locator(".n[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    assert note.is_visible()


def test_the_baseline_can_be_chosen(show: Callable[..., Page]) -> None:
    """Either side may be the one that all is told over, and a link keeps which."""
    page = show("comparison")
    said = page.locator("h1").inner_text()
    assert said.startswith(f"{golden_store.LATER} against {golden_store.BASE}")
    page.locator("#baseline").select_option(index=1)
    turned = page.locator("h1").inner_text()
    assert turned.startswith(f"{golden_store.BASE} against {golden_store.LATER}")
    assert page.locator("[data-baseline] table.grid:visible").count() == 1
    again = show("comparison", at=page.evaluate("location.hash"))
    assert again.locator("h1").inner_text() == turned
    assert again.locator("#baseline").input_value() == "1"


def test_a_network_can_be_chosen(show: Callable[..., Page]) -> None:
    """One network is shown at a time, and a link keeps which."""
    page = show("run")
    assert page.locator(".network:visible").count() == 1
    page.locator("#network").select_option(index=1)
    assert page.locator("#network-1").is_visible()
    assert not page.locator("#network-0").is_visible()
    assert show("run", at=page.evaluate("location.hash")).locator("#network-1").is_visible()


def test_every_number_says_how(show: Callable[..., Page]) -> None:
    """A number's note appears under the pointer, at focus and by arrow keys; Escape hides it."""
    page = show("run")
    note = page.locator("#note")
    numbers = page.locator("table.systems .n")
    numbers.nth(1).hover()  # beside the accuracy
    assert note.is_visible()
    assert "With the accuracy" in note.inner_text()
    page.keyboard.press("Escape")
    assert not note.is_visible()
    first = page.locator("table.systems .n[tabindex='0']").first
    first.focus()
    assert "accuracy" in note.inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert "throughput" in note.inner_text()
    described = page.evaluate("document.activeElement.getAttribute('aria-describedby')")
    assert described == "note"
    layer = page.locator("table.layers .n").first
    layer.hover()
    assert "a made-up profile" in note.inner_text()


def test_charts_and_splits_say_how(show: Callable[..., Page]) -> None:
    """The shares of a split, a roof's figures and a chart's table have notes, at focus too."""
    page = show("run")
    note = page.locator("#note")
    page.locator(".numbers").evaluate_all("all => { for (const each of all) each.open = true }")
    for place, said in (
        ("#fall .say bdi.n", "The second over the first"),
        ("#fall .say b.n", "The shares below that it is made of:"),
        ("#fall tr.end .n", "2000 frames in"),
        ("#fall tr.whole .n", "The second over the first"),
        ("#roofline-0 text.end.n", "probe"),
        ("#roofline-0 text.bound.n >> nth=1", "ridge"),
        ("#roofline-0 tbody tr:has(bdi:text-is('conv')) .n", "padding taps included"),
        ("#network-0-latency tbody td .n", "empirical p50"),
        ("#network-0-power tbody td .n >> nth=3", "wall.csv"),
    ):
        page.locator(place).first.hover()
        assert said in note.inner_text(), place
        page.keyboard.press("Escape")
    share = page.locator("#fall tbody tr", has_text="fraction of roofline").locator(".n")
    share.scroll_into_view_if_needed()  # scrolling closes a note
    page.mouse.move(0, 0)
    page.wait_for_timeout(100)
    share.hover()
    lines = note.inner_text().split("\n")
    assert lines[1].startswith("image/lenet · eager fp32: ")
    assert lines[2].startswith("image/lenet · onnxruntime fp32: ")
    for group in ("#fall", "#roofline-0 svg.plot", "#network-0-latency .numbers table"):
        assert page.locator(f"{group} .n[tabindex='0']").count() == 1
    page.locator("#roofline-0 text.n[tabindex='0']").focus()
    assert note.is_visible()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.matches('text.n')")
    page.locator("#swap").click()
    assert page.locator("#fall .n[tabindex='0']").count() == 1


def test_a_layer_of_a_roofline_is_told(show: Callable[..., Page]) -> None:
    """Under the pointer, or tapped, a small dot says what its row of the chart's table says."""
    page = show("run")
    plot, note = page.locator("#roofline-0 svg.plot"), page.locator("#note")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    path = plot.locator(".cloud").first
    x, y = map(float, (path.get_attribute("d") or "").split("h0")[0].removeprefix("M").split())
    at = (box["x"] + x * box["width"] / 1000, box["y"] + y)
    page.mouse.move(*at)
    row = page.locator("#roofline-0 tbody tr").nth(int(path.get_attribute("data-row") or 0))
    figures = row.locator("th, td").all_text_contents()
    assert figures[1] == "conv"
    said = note.inner_text()
    assert all(figure in said for figure in figures)
    assert "share of time: 75.0" in said
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    assert not note.is_visible()
    page.mouse.click(*at)
    assert note.is_visible()


def test_the_keyboard_reaches_everything(show: Callable[..., Page]) -> None:
    """Tab goes through skip link, navigation, tables, selects, folds and buttons, and on."""
    page = show("run")
    wanted = {"skip", "from", "to", "swap", "network", "svg", "png", "SUMMARY", "scroll", "n"}
    focused = (
        "(() => { const e = document.activeElement; return"
        " e.id || e.dataset.save || (e.getAttribute('class') || e.tagName).split(' ')[0]; })()"
    )
    missing = set(wanted)
    for _ in range(120):
        page.keyboard.press("Tab")
        missing.discard(page.evaluate(focused))
        if not missing:
            break
    assert missing == set()


@pytest.mark.parametrize(
    "chart", ["#fall", "#roofline-0", "#network-0-latency", "#network-0-power"]
)
def test_a_chart_is_saved_as_a_file(show: Callable[..., Page], tmp_path: Path, chart: str) -> None:
    """SVG is well formed and complete by itself; PNG is twice as large as on the screen."""
    page = show("run", accept_downloads=True)
    box = page.locator(chart)
    with page.expect_download() as waited:
        box.locator("[data-save=svg]").click()
    waited.value.save_as(tmp_path / "chart.svg")
    text = (tmp_path / "chart.svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg") and float(root.attrib["width"]) > 300
    assert "var(--" not in text and "class=" not in text
    assert len(list(root.iter("{http://www.w3.org/2000/svg}text"))) > 5
    with page.expect_download() as waited:
        box.locator("[data-save=png]").click()
    waited.value.save_as(tmp_path / "chart.png")
    picture = (tmp_path / "chart.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    width = int.from_bytes(picture[16:20], "big")
    assert width == pytest.approx(2 * float(root.attrib["width"]), abs=2)


def test_charts_have_their_numbers_as_tables(show: Callable[..., Page]) -> None:
    """Beside every chart stands a table with a row for each of its groups."""
    page = show("run")
    for figure in page.locator("figure").all():
        rows = figure.locator("tbody tr").count()
        assert rows >= max(1, figure.locator(".keys > span").count())


def test_a_table_is_sorted(show: Callable[..., Page]) -> None:
    """A click on a head sorts by number, another turns it round, and the head says so."""
    page = show("site")
    table = page.locator("table.grid").first
    heads = table.locator("thead th")
    titles = [re.sub(r"\W+$", "", text) for text in heads.all_inner_texts()]
    place = titles.index("throughput")
    sorts = _sorts(page, table.get_attribute("data-grid"), place)
    heads.nth(place).locator("button").click()
    falling = _cells(table, place)
    assert heads.nth(place).get_attribute("aria-sort") == "descending"
    assert falling[0] == sorts[0] and falling[-1] == sorts[len(falling) - 1]
    heads.nth(place).locator("button").click()
    assert heads.nth(place).get_attribute("aria-sort") == "ascending"
    assert _cells(table, place)[0] == sorts[-1]


def _cells(table: Any, place: int) -> list[str]:
    rows = table.locator("tbody tr").all()
    return [row.locator("th, td").nth(place).locator("bdi").first.inner_text() for row in rows]


def _sorts(page: Page, grid: str | None, place: int) -> list[str]:
    """The texts of a column, the largest value first, from the embedded data."""
    data = json.loads(page.locator("#data").text_content() or "")
    column = data["grids"][grid]["columns"][place]
    texts = column["text"]
    said = texts.get("all") or [texts["of"][at] for at in texts["at"]]
    known = [(value, text) for value, text in zip(column["sort"], said, strict=True) if value]
    return [text for _, text in sorted(known, key=lambda each: -each[0])]


def test_a_filter_has_a_permanent_link(show: Callable[..., Page]) -> None:
    """A filter and a search narrow the rows, the address says so, and opening it does too."""
    page = show("site")
    table = page.locator("table.grid[id*=image]").first
    everything = int(table.get_attribute("aria-rowcount") or 0)
    page.locator("select[data-filter=device]").select_option("NVIDIA H200")
    page.locator("#search").fill("lenet")
    fewer = int(table.get_attribute("aria-rowcount") or 0)
    assert 1 < fewer < everything
    assert "NVIDIA H200" in table.inner_text() and "Jetson" not in table.inner_text()
    link = page.evaluate("location.hash")
    again = show("site", at=link)
    assert again.locator("table.grid[id*=image]").first.get_attribute("aria-rowcount") == str(fewer)
    assert again.locator("#search").input_value() == "lenet"
    page.locator("#clear").click()
    assert table.get_attribute("aria-rowcount") == str(everything)


def _dots(page: Page) -> int:
    return page.locator("figure:visible").first.locator("[data-at]:visible .dot").count()


def test_the_front_follows_the_filters(show: Callable[..., Page]) -> None:
    """Chart, sentence and numbers are of what the tables show; a link keeps the device class."""
    page = show("site")
    said = page.locator(".lede[data-front]").inner_text()
    every = _dots(page)
    assert every > 3 and "undominated" in said
    page.locator("select[data-filter=backend]").select_option("eager")
    assert 0 < _dots(page) < every
    assert "among what the filters show" in page.locator(".lede[data-front]").inner_text()
    data = json.loads(page.locator("#data").text_content() or "")
    own = data["fronts"][page.locator("figure:visible").first.get_attribute("id")]
    shown = [
        i
        for i in range(len(own["x"]))
        if page.locator(f"figure:visible >> nth=0 >> [data-at='{i}']:visible .dot").count()
    ]
    best = [
        i
        for i in shown
        if not any(
            own["x"][j] <= own["x"][i]
            and own["y"][j] >= own["y"][i]
            and (own["x"][j], own["y"][j]) != (own["x"][i], own["y"][i])
            for j in shown
        )
    ]
    lines = page.locator("figure:visible").first.locator("line.front").count()
    assert lines == len(best) - 1
    networks = len({own["networks"][i] for i in best})
    assert page.locator(".lede[data-front]").inner_text().split(" of ")[0].endswith(str(networks))
    page.locator("#search").fill("no such system")
    assert _dots(page) == 0
    page.locator("#clear").click()
    assert page.locator(".lede[data-front]").inner_text() == said


def test_the_device_class_of_the_front_can_be_chosen(show: Callable[..., Page]) -> None:
    """One chart is shown at a time, its sentence with it, and a link keeps which."""
    page = show("site")
    first = page.locator("figure:visible").first.get_attribute("id")
    said = page.locator(".lede[data-front]").inner_text()
    page.locator("#front").select_option(index=2)
    second = page.locator("figure:visible").first.get_attribute("id")
    assert second != first
    assert page.locator(".lede[data-front]").inner_text() != said
    link = page.evaluate("location.hash")
    again = show("site", at=link)
    assert again.locator("figure:visible").first.get_attribute("id") == second
    # a filter of another page part does not forget it, and a filtered device is followed
    page.locator("#search").fill("e")
    assert "front=" in page.evaluate("location.hash")
    other = show("site")
    other.locator("select[data-filter=device]").select_option(index=2)
    device = other.locator("select[data-filter=device]").input_value()
    assert device in other.locator(".lede[data-front]").inner_text()


def test_a_link_names_columns_and_says_what_it_does_not_know(show: Callable[..., Page]) -> None:
    """The key of a column stands in the address; unknown filters and columns are told."""
    page = show("site")
    table = page.locator("table.grid").first
    grid = table.get_attribute("data-grid")
    table.locator("thead th button", has_text="throughput").click()
    assert f"sort-{grid}=-throughput" in page.evaluate("location.hash")
    again = show("site", at=page.evaluate("location.hash"))
    sorted_heads = again.locator("table.grid").first.locator("th[aria-sort]")
    assert "throughput" in sorted_heads.inner_text()
    assert again.locator("#unknown").is_hidden()
    strange = show("site", at=f"#?backend=nosuch&sort-{grid}=7&colour=red")
    said = strange.locator("#unknown").inner_text()
    assert "backend=nosuch matches nothing" in said
    assert f"sort-{grid}=7 names no column" in said
    assert "colour=red matches nothing" in said
    strange.locator("#clear").click()
    assert strange.locator("#unknown").is_hidden()


def test_what_is_modelled_is_never_sorted_among_what_was_measured(
    show: Callable[..., Page],
) -> None:
    """By energy, either way round, modelled rows stand below the measured ones."""
    page = show("mixed site")
    table = page.locator("table.grid").first
    head = table.locator("thead th button", has_text="energy per frame")
    titles = [re.sub(r"\W+$", "", text) for text in table.locator("thead th").all_inner_texts()]
    place = titles.index("energy per frame")
    for _ in range(2):
        head.click()
        cells = [row.locator("th, td").nth(place) for row in table.locator("tbody tr").all()]
        modelled = [cell.locator("i").count() > 0 for cell in cells]
        assert modelled == sorted(modelled)
        assert {True, False} == set(modelled)


def test_a_course_has_a_permanent_link(show: Callable[..., Page]) -> None:
    """The row that a reader picks, or a change leads to, stands in the address beside filters."""
    page = show("many")
    page.locator("#search").fill("lenet")
    page.locator("#line").select_option(index=7)
    drawn = page.locator("#courses").inner_text()
    link = page.evaluate("location.hash")
    assert "q=lenet" in link and "row=" in link
    again = show("many", at=link)
    assert again.locator("#line").input_value() == "7"
    assert again.locator("#courses").inner_text() == drawn
    change = page.locator("table.grid tbody tr").first
    change.locator("th a").click()
    assert page.locator("#search").input_value() == "lenet"
    assert page.locator("#courses .turn").count() >= 1
    assert "%" in page.locator("#course-accuracy svg.plot").text_content()
    page.go_back()
    assert page.locator("#line").input_value() == "7"


@pytest.mark.parametrize("name", ["run", "comparison", "leaderboard", "troubled"])
def test_a_page_can_be_printed(show: Callable[..., Page], name: str) -> None:
    """On paper every network is shown and every fold is open; what needs a hand is left out."""
    page = show(name)
    page.emulate_media(media="print")
    for gone in ("nav", "form.controls", ".saves"):
        assert page.locator(f"{gone}:visible").count() == 0
    for part in page.locator(".network").all():
        assert part.is_visible()
    for kind in ("details.all", ".worklist", ".numbers"):
        # a chart of another class of devices than the one chosen is hidden, with its numbers
        tables = f"{kind}:not([hidden] *) table"
        assert page.locator(tables).count() == page.locator(f"{tables}:visible").count()
    page.set_viewport_size({"width": PAPER, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
    # a chart's table has the width of the page, its figures and heads are never broken
    broken = page.evaluate(
        "[...document.querySelectorAll('.numbers td.figure bdi')]"
        ".filter((figure) => figure.getClientRects().length > 1).map((f) => f.textContent)"
    )
    assert broken == []
    wide = page.evaluate(
        "[...document.querySelectorAll('.plots')].map((box) =>"
        " getComputedStyle(box).gridTemplateColumns.split(' ').length)"
    )
    assert set(wide) <= {1}
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF") and len(printed) > 10_000


def test_without_a_script_everything_is_there(show: Callable[..., Page]) -> None:
    """Every network, the default pair and the charts need no script; no dead control is shown."""
    page = show("run", java_script_enabled=False)
    assert page.locator(".network:visible").count() == 2
    assert page.locator("#fall .say").is_visible()
    assert page.locator("select:visible, [data-save]:visible").count() == 0
    assert page.locator("svg.plot:visible").count() == 5


def test_what_a_script_draws_is_what_the_library_draws(show: Callable[..., Page]) -> None:
    """Of many systems, tables and work lists are drawn when they are opened: the same ones."""
    drawn, folded = show("run"), show("folded")
    assert folded.locator("table.metrics").count() == 0
    for page in (drawn, folded):
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    folded.wait_for_function("!document.querySelector('[data-system], [data-list]')")
    for kind in ("details.all", ".worklist"):
        wanted, found = (page.locator(kind).all() for page in (drawn, folded))
        assert len(wanted) == len(found) > 0
        for one, other in zip(wanted, found, strict=True):
            assert other.inner_text() == one.inner_text()
            shapes = (
                "e => [...e.querySelectorAll('*')].map((x) => x.tagName + x.className"
                " + ['role', 'scope', 'aria-label', 'aria-hidden'].map((a) => x.getAttribute(a)))"
            )
            assert other.evaluate(shapes) == one.evaluate(shapes)


def test_a_link_draws_the_table_that_it_leads_to(show: Callable[..., Page]) -> None:
    """Opened at a system, or led there, a page of many systems shows its metrics; prints them."""
    page = show("folded", at="#all-s1")
    assert page.locator("#all-s1 table.metrics").is_visible()
    page.locator("a[href='#all-s0']").first.click()
    assert page.locator("#all-s0 table.metrics").is_visible()
    page.emulate_media(media="print")
    assert page.locator("#all-s0 table.metrics").is_visible()
    assert page.locator("details.all:visible").count() == 2
    bare = show("folded", at="#all-s1", java_script_enabled=False)
    assert "drawn by a script" in bare.locator("main").inner_text()
