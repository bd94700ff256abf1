"""Every number of a run, in its JSON and on its page, says how it was obtained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from benchsuite import exchange
from benchsuite.metrics import METRICS
from benchsuite.pages import run as run_page
from benchsuite.store import Store
from tests.golden_store import LATER, ROOT, fill

# what was asked for or identifies a system, not what was measured
CONFIGURATION = {"batch", "threads", "device_count", "target"}


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The golden store."""
    return fill(tmp_path_factory.mktemp("golden") / "golden.db")


def run_page_of(store: Store) -> str:
    """The page of the golden store's later run."""
    return run_page.render(
        store.find_run(LATER),
        store.results(LATER),
        environments=store.environments(["e1"]),
        root=ROOT,
        windows=store.window,
    )


def without_how(row: dict[str, Any]) -> list[str]:
    """Where a row of the results JSON holds a number that nothing explains."""
    found = [
        f"metrics.{key}"
        for key, metric in row["metrics"].items()
        if not (metric["reason"] if metric["value"] is None else metric["how"].strip())
    ]
    if (times := row["layer_times"]) and not times["how"].strip():
        found.append("layer_times")
    if not (row["raw_reason"] if row["raw"] is None else row["raw"]["how"].strip()):
        found.append("raw")
    accounted = {"metrics", "processes", "beside", "layer_times", "raw", *CONFIGURATION}
    found += [key for key, value in row.items() if key not in accounted and list(numbers(value))]
    if row["beside"] and not row["metrics"]["accuracy"]["how"].strip():
        found.append("beside")  # from the accuracy's samples, whose how is theirs
    for place, process in enumerate(row["processes"]):
        # a process's value is one of the row's metrics, which says how
        found += [f"processes[{place}].{key}" for key in process["values"].keys() - METRICS.keys()]
    return found


def numbers(value: Any) -> Iterator[float]:
    """Every number within a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def test_every_number_of_the_json_has_its_how(golden: Store) -> None:
    """Each metric's, and of what else is a number only configuration has none of its own."""
    made = json.loads(json.dumps(exchange.to_json(golden, golden.runs())))
    assert len(made["results"]) >= 8
    assert all(run["seconds"] is None or run["seconds_how"].strip() for run in made["runs"])
    assert all(count["how"].strip() for counts in made["counts"].values() for count in counts)
    assert {place for row in made["results"] for place in without_how(row)} == set()


def test_a_number_without_how_is_found(golden: Store) -> None:
    """An emptied how, a bare number and an unknown value of a process are each named."""
    row = json.loads(json.dumps(exchange.to_json(golden, golden.runs())))["results"][0]
    row["metrics"]["throughput"]["how"] = " "
    row["speed"] = {"value": 3.0}
    row["raw"]["how"] = ""
    row["processes"] = [{"values": {"speed": 3.0}}]
    assert without_how(row) == ["metrics.throughput", "raw", "speed", "processes[0].speed"]


class Figures(HTMLParser):
    """Figures of a page's cells and facts that no note explains, and the notes that are used."""

    VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.notes: set[int] = set()
        self.noted = 0
        self.bare: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self._open.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while tag not in self.VOID and self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not re.search(r"\d", data):
            return
        note = next((a["data-note"] for _, a in self._open if "data-note" in a), None)
        if note is not None:
            self.notes.add(int(note))
            self.noted += 1
        elif self._counts(data):
            self.bare.append(data.strip())

    def _counts(self, data: str) -> bool:
        """Whether the text is a figure of the systems' table or of a team's facts."""
        classes = [(a.get("class") or "") for _, a in self._open]
        cell = next((a for tag, a in reversed(self._open) if tag == "td"), None)
        if "systems" in classes and cell is not None:
            tags = [tag for tag, _ in self._open]
            # an interval stands below its figure, a bar beside it; `top-5` is a name; the target
            # is configuration
            interval = tags[-1] == "small" and " to " in data
            named = tags[-2:] == ["small", "bdi"] or "svg" in tags
            return not (interval or named or cell.get("data-label") == "target")
        if "numbers" in classes and cell is not None:  # words name what the figures are of
            return bool(re.fullmatch(r"[≈\s]*[\d.,]+\s*\S*", data))
        if "plot" in classes and self._open[-1][0] == "text":
            return bool(re.search(r"/s|FLOP/B$", data)) and "tick" not in classes[-1].split()
        return "fact" in classes and self._open[-1][0] == "dd"


def test_every_figure_of_the_page_has_a_note(golden: Store) -> None:
    """In the table of systems and the teams' facts a figure's note can be hovered, and is there."""
    page = run_page_of(golden)
    found = Figures(page)
    data = re.search(r"<script[^>]*application/json[^>]*>(.*?)</script>", page, flags=re.DOTALL)
    assert data is not None
    told = json.loads(data[1])
    notes = [[told["texts"][place] for place in note] for note in told["notes"]]
    assert found.noted > 50
    assert found.bare == []
    assert all(notes[note][0].strip() and notes[note][1].strip() for note in found.notes)
    # a figure whose note was taken away is found
    assert Figures(page.replace("data-note", "data-other")).bare


def test_every_figure_of_all_metrics_stands_beside_its_how(golden: Store) -> None:
    """The last cell of each row of `All metrics` says how, or why the figure is missing."""
    page = run_page_of(golden)
    tables = re.findall(r'<table class="metrics".*?</table>', page, flags=re.DOTALL)
    rows = [row for table in tables for row in re.findall(r"<tr.*?</tr>", table, flags=re.DOTALL)]
    cells = [re.findall(r"<td.*?</td>", row, flags=re.DOTALL) for row in rows]
    said = [re.sub(r"<[^>]*>", "", own[-1]).strip() for own in cells if own]
    assert len(said) > 100
    assert all(said)
