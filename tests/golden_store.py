"""A store of fixed measurements, and what the pages of it say: `make golden` writes it anew.

Each page is kept in `tests/golden/` as an outline: its texts line by line, its charts shape by
shape. Style, script and embedded data are left out, so that a diff shows what a reader would see.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory

from benchsuite import difference, run, shifts
from benchsuite.pages import comparison, history, leaderboard
from benchsuite.pages import run as run_page
from benchsuite.store import Store, open_store
from benchsuite.types import (
    OFFLINE,
    SINGLE_STREAM,
    Doubt,
    EnergyReading,
    LayerTime,
    LayerTimes,
    PowerCourse,
    Rate,
    RunInfo,
    Score,
    SystemSpec,
    Window,
)
from tests.fakes import environments, failed
from tests.measurements import DEVICE, layer, measurement

ROOT = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "golden"
BASE, LATER = "aaaa1111", "bbbb2222"
_QUERIES = 2000
_WORK = 2e6
_PEAK, _BANDWIDTH = 8e9, 1e9
_NETWORKS = {
    "image/lenet": ("mnist-5k", Score(value=0.981, samples=1000, how="top-1 over 1000 test samples",
                                      low=0.9706, high=0.9878, beside={"top-5": 0.9998})),
    "text/textcnn": ("wikipedia-articles",
                     Score(value=0.66, samples=1900, how="top-1 over 1900 test samples",
                           low=0.638, high=0.681)),
}  # fmt: skip
_MOVED = (
    f"{OFFLINE}: not steady after 1.0 s of warm-up (the median still moved 2.1%). Try --repeats 5"
)
_SPEEDS = {"eager": 700.0, "onnxruntime": 1800.0}


def fill(place: Path) -> Store:
    """Two runs of two networks on two backends; the later one is faster, with newer software."""
    made = open_store(place)
    for name, gain in ((BASE, 1.0), (LATER, 1.25)):
        info = RunInfo(
            id=name,
            started_at=f"2026-01-0{1 if name == BASE else 2}T02:00:00+00:00",
            labels={"suite": "golden"},
            command="benchsuite run golden",
            seconds=61.0,
        )
        made.add_run(info, plan=[])
        for workload in _NETWORKS:
            for backend, speed in _SPEEDS.items():
                for result, window in _rows(info, workload, backend, speed * gain):
                    made.add(result, environment=environments()["e1"], window=window)
        missing = failed("image/lenet", status="skipped", reason="backend openvino needs openvino")
        key = replace(missing.key, device_name=DEVICE.name, batch=1)
        made.add(replace(missing, run=name, key=key), environment=environments()["e1"])
    return made


def _rows(
    info: RunInfo, workload: str, backend: str, speed: float
) -> Iterator[tuple[run.Result, Window]]:
    dataset, score = _NETWORKS[workload]
    made = replace(
        measurement(windows=(_window(OFFLINE, speed), _window(SINGLE_STREAM, 0.8 * speed))),
        accuracy=score,
        reference=score,
        environment=environments()["e1"],
        power_envelope=Rate(value=24.0, how="a data sheet"),
        layer_times=_layer_times(speed) if backend == "onnxruntime" else None,
        layer_times_reason="the backend does not tell its layers' times",
        doubts=(Doubt(code="not_steady", message=_MOVED),)
        if (workload, backend) == ("text/textcnn", "eager")
        else (),
    )
    counts = replace(made.counts[0], layers=(layer(1.6e6), replace(layer(0.4e6), name="fc")))
    prints = replace(
        made.fingerprint,
        network=workload,
        software=f"{backend} {info.id}" if backend == "onnxruntime" else backend,
    )
    made = replace(made, counts=(counts,), fingerprint=prints)
    spec = SystemSpec(
        path=str(ROOT / "workloads" / f"{workload}.py"),
        name=workload,
        scale="embedded",
        dataset=dataset,
        backend=backend,
        precision="fp32",
        batch=1,
        device="cpu",
        threads=2,
        scenarios=(OFFLINE, SINGLE_STREAM),
        seconds=1.0,
        warmup_s=1.0,
        meter="csv",
        cache="",
        roots=(str(ROOT),),
    )
    for window in made.windows:
        result = run.to_result(spec, info, made, window, model=None, goals=None)
        yield replace(result, environment="e1", measured_at=info.started_at), window


def _window(scenario: str, speed: float) -> Window:
    """Queries that take a tenth more or less, and one in eighty five times as long."""
    usual_ns = 0.9e9 / speed
    durations = tuple(
        int(usual_ns * (5 if i % 80 == 79 else 0.9 + 0.2 * (i * 37 % 101) / 101))
        for i in range(_QUERIES)
    )
    seconds = sum(durations) / 1e9
    watts = [20.0 + 2.0 * (i * 13 % 7) / 7 for i in range(50)]
    return Window(
        scenario=scenario,
        batch=1,
        durations_ns=durations,
        queries=_QUERIES,
        frames=float(_QUERIES),
        seconds=seconds,
        warmup_s=0.5,
        steady=True,
        movement=0.001,
        energy=EnergyReading(
            energy_j=21.0 * seconds,
            seconds=seconds,
            source="csv",
            boundary="wall",
            how="wall.csv: 50 rows of power",
            max_power_w=22.0,
            idle_power_w=9.0,
            low_j=20.5 * seconds,
            high_j=21.5 * seconds,
            course=PowerCourse(
                at_s=tuple(seconds * (i - 5) / 40 for i in range(50)),
                power_w=tuple(watts),
                how="wall.csv: power",
            ),
        ),
        peak_memory_b=64 << 20,
    )


def _layer_times(speed: float) -> LayerTimes:
    seconds = 1 / speed
    return LayerTimes(
        layers=tuple(
            LayerTime(
                name=name,
                seconds=seconds * part,
                roofline_s=max(work / _PEAK, traffic / _BANDWIDTH),
                work=work,
                traffic_b=traffic,
                kind=kind,
            )
            for name, kind, part, work, traffic in (
                ("conv", "Conv2d", 0.75, 1.6e6, 8e3),
                ("fc", "Linear", 0.2, 0.4e6, 2e5),
            )
        ),
        elsewhere_s=0.05 * seconds,
        batch=1,
        how="a made-up profile",
    )


def pages(store: Store) -> dict[str, str]:
    """The golden pages by name, as HTML."""
    info = store.find_run(LATER)
    results = store.results(LATER)
    sides = [difference.select(store, name) for name in (BASE, LATER)]
    site = {page.path: page.text for page in leaderboard.render_site(store, root=ROOT)}
    return {
        "run": run_page.render(
            info,
            results,
            environments=store.environments(["e1"]),
            root=ROOT,
            windows=store.window,
        ),
        "comparison": comparison.render(sides, environments=store.environments(["e1"]), root=ROOT),
        "history": history.render(shifts.read(store), root=ROOT),
        "leaderboard": site["index.html"],
        "system": next(text for path, text in sorted(site.items()) if path.startswith("system/")),
    }


class Outline(HTMLParser):
    """A page's texts line by line, its charts shape by shape."""

    _BLOCKS = frozenset(
        "title h1 h2 h3 h4 p li tr dt dd summary option figcaption button caption label legend"
        .split()
    )  # fmt: skip
    _SHAPES = frozenset("line rect circle path polyline".split())
    _LEFT_OUT = frozenset({"style", "script"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._open: list[str] = []
        self._said: list[str] = []
        self._silent = 0
        self.feed(page)
        self.close()
        self._flush()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        if tag in self._LEFT_OUT:
            self._silent += 1
        elif tag in self._BLOCKS:
            self._flush()
            self._open.append(tag)
        elif tag in ("td", "th"):
            self._said.append(" | ")
        elif tag == "a":
            self._said.append(f"[{own.get('href', '')}] ")
        elif tag in self._SHAPES:
            places = [f"{name}={own[name]}" for name in _PLACES if name in own]
            self._said.append(f" <{tag} {own.get('class', '')} {' '.join(places)}> ")
            if not self._open:
                self._flush()
        elif tag == "svg" and own.get("class") == "plot":
            self._flush()
            self.lines.append(f"chart: {own['aria-label']}")
        elif tag == "text":
            self._flush()

    def handle_endtag(self, tag: str) -> None:
        if tag in self._LEFT_OUT:
            self._silent -= 1
        elif tag in self._BLOCKS and self._open and self._open[-1] == tag:
            self._flush()
            self._open.pop()
        elif tag in ("svg", "text"):
            self._flush() if not self._open else None

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._said.append(data)

    def _flush(self) -> None:
        said = " ".join("".join(self._said).replace("\N{NO-BREAK SPACE}", " ").split())
        self._said.clear()
        if said:
            self.lines.append(f"{self._open[-1]}: {said}" if self._open else said)


_PLACES = ("x", "y", "cx", "cy", "x1", "y1", "x2", "y2", "width", "points", "d")


def outline(page: str) -> str:
    """A page as it is kept."""
    return "\n".join(Outline(page).lines) + "\n"


def main() -> int:
    """Writes every golden page anew."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        for name, page in pages(fill(Path(folder) / "golden.db")).items():
            (FOLDER / f"{name}.txt").write_text(outline(page), encoding="utf-8")
    print(f"wrote {FOLDER}; see what changed: git diff {FOLDER.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
