"""Pictures of the pages for the README, from the results in `reports/data`: `make pictures`.

`reports/data` holds results of other machines (`*.json`), and may hold stores (`*.db`). The run
page is that of the newest run with raw windows, else of the newest; the comparison is of two runs
on different devices where there are such, else of the two newest.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchsuite import difference, importing
from benchsuite.errors import BadInput
from benchsuite.pages import comparison, leaderboard
from benchsuite.pages import run as run_page
from benchsuite.store import Store, open_store
from benchsuite.types import RunInfo
from tests.test_browser import CHROMIUM

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parent.parent
DATA = ROOT / "reports" / "data"
PICTURES = ROOT / "reports" / "pictures"
MOST_B = 300_000
_WIDTH = 1200
_TALLEST = 1500
_COLOURS = (128, 64, 32, 16)  # the most with which a picture is light enough


def main() -> int:
    """Makes every picture that the results allow; tells which it cannot."""
    from playwright.sync_api import sync_playwright

    with TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        store = _store(folder)
        measured = [info for info in store.runs() if _measured(store, info)]
        if not measured:
            print(
                "reports/data holds no measured run: "
                "benchsuite run smoke --store reports/data/smoke.db"
            )
            return 2
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        PICTURES.mkdir(exist_ok=True)
        for picture, page, network in _pages(store, measured, folder):
            _take(browser, page, picture, network=network)
        browser.close()
    return 0


def _store(folder: Path) -> Store:
    """Everything in `reports/data` in one store of its own."""
    stores = sorted(DATA.glob("*.db"))
    place = folder / "all.db"
    if stores:
        shutil.copy(stores[0], place)
    store = open_store(place)
    for other in sorted(DATA.glob("*.json")):
        try:
            importing.import_files(store, [other])
        except BadInput as error:
            print(f"left out: {error}")
    return store


def _measured(store: Store, info: RunInfo) -> bool:
    return any(result.status == "ok" for result in store.results(info.id))


def _pages(store: Store, measured: list[RunInfo], folder: Path) -> Iterator[tuple[str, Path, bool]]:
    """Name of the picture, the page, and whether a network of it is shown instead of its top."""
    raw = [info for info in measured if any(map(store.window, store.results(info.id)))]
    info = (raw or measured)[0]
    results = store.results(info.id)
    text = run_page.render(
        info,
        results,
        environments=store.environments(sorted({result.environment for result in results})),
        root=ROOT,
        windows=store.window,
    )
    page = folder / "run.html"
    page.write_text(text, encoding="utf-8")
    yield "run", page, False
    yield "network", page, True
    pair = _pair(store, measured)
    if pair is None:
        print("no comparison: reports/data holds a single run")
    else:
        sides = [difference.select(store, each.id) for each in pair]
        page = folder / "comparison.html"
        names = sorted({r.environment for each in pair for r in store.results(each.id)})
        text = comparison.render(sides, environments=store.environments(names), root=ROOT)
        page.write_text(text, encoding="utf-8")
        yield "comparison", page, False
    for own in leaderboard.render_site(store, root=ROOT):
        path = folder / "site" / own.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(own.text, encoding="utf-8")
    yield "leaderboard", folder / "site" / "index.html", False


def _pair(store: Store, measured: list[RunInfo]) -> tuple[RunInfo, RunInfo] | None:
    """The older of the two first."""
    newest = measured[0]
    device = _device(store, newest)
    others = [info for info in measured[1:] if _device(store, info) != device] or measured[1:]
    return (others[0], newest) if others else None


def _device(store: Store, info: RunInfo) -> str:
    return next(r.key.device_name for r in store.results(info.id) if r.status == "ok")


def _take(browser: Browser, page: Path, name: str, *, network: bool) -> None:
    """Writes one picture: the page's top, or the network with the most layers in its lists."""
    from PIL import Image

    shown = browser.new_page(
        viewport={"width": _WIDTH, "height": _TALLEST}, device_scale_factor=1.5
    )
    shown.goto(page.as_uri())
    if network:
        place = shown.locator(".network").evaluate_all(
            "all => all.map((n) => n.querySelectorAll('.layers tbody tr').length)"
            ".reduce((best, count, i, counts) => count > counts[best] ? i : best, 0)"
        )
        if shown.locator("#network").count():
            shown.locator("#network").select_option(index=place)
        picture = shown.locator(".network").nth(place).screenshot()
    else:
        picture = shown.screenshot()
    shown.close()
    whole = Image.open(BytesIO(picture)).convert("RGB")
    whole = whole.crop((0, 0, whole.width, min(whole.height, round(1.5 * _TALLEST))))
    for colours in _COLOURS:
        packed = BytesIO()
        whole.quantize(colours, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
        if packed.tell() < MOST_B:
            break
    (PICTURES / f"{name}.png").write_bytes(packed.getvalue())
    print(f"reports/pictures/{name}.png: {packed.tell() / 1000:.0f} kB, {colours} colours")


if __name__ == "__main__":
    sys.exit(main())
