"""Progress in the terminal while a run or a training goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchsuite import formatting
from benchsuite.terminal import plain
from benchsuite.types import OFFLINE, SERVER, SINGLE_STREAM
from benchsuite.units import percent, quantity

SKIPPED = "skipped"

if TYPE_CHECKING:
    from rich.console import Console

    from benchsuite.run import Event
    from benchsuite.types import Result


class Progress:
    """Shows a run's events: a bar where the terminal can, a line a system everywhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = _console(quiet)
        # a log keeps each event on one line
        self._console.soft_wrap = not self._console.is_terminal
        self._bar: Any = None
        self._task: Any = None

    def note(self, text: str) -> None:
        """A choice that was made for the user."""
        self._console.print(f"[dim]{_safe(text)}[/]")

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """A spinner while something is prepared."""
        if not self._console.is_terminal:
            yield
            return
        with self._console.status(text):
            yield

    @contextmanager
    def running(self, total: int) -> Iterator[None]:
        """The bar of a run of `total` systems."""
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        if not self._console.is_terminal or total == 0:
            yield
            return
        with Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        ) as self._bar:
            self._task = self._bar.add_task("starting", total=total)
            yield
        self._bar = None

    @contextmanager
    def steps(self) -> Iterator[Callable[[str, int], None]]:
        """Tells of numbered steps: in place on a terminal, a line each elsewhere."""
        if not self._console.is_terminal:
            yield lambda what, number: self._console.print(f"{_safe(what)} {number or ''}".rstrip())
            return
        with self._console.status("starting") as status:
            yield lambda what, number: status.update(f"{_safe(what)} {number or ''}".rstrip())

    def on_event(self, event: Event) -> None:
        """Shows one event."""
        system = _safe(f"{event.spec.name} · {event.spec.backend} {event.spec.precision}")
        if event.kind == "waiting":
            self._console.print(_in_use(event.text))
        elif event.kind in ("start", "phase") and self._bar is not None:
            phase = event.text or "start"
            self._bar.update(self._task, description=f"{system} [dim]{_safe(phase)}[/]")
        elif event.kind == "results":
            if all(result.status == SKIPPED for result in event.results):
                self._advance(event)
                return  # it stands below the table, with its reason
            which = f"  [dim]{_safe(event.text)}[/]" if event.text else ""
            self._console.print(_line(event, system) + which)
            self._advance(event)

    def _advance(self, event: Event) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=event.number)


class TrainingProgress:
    """A training's bar, and a line an epoch where there is no terminal."""

    def __init__(self, workload: str, *, quiet: bool) -> None:
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._console = _console(quiet)
        self._accuracy = ""
        self._workload = _safe(workload)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task(self._workload, total=1.0)

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def on_wait(self, holder: str) -> None:
        """Somebody else measures on the device."""
        self._console.print(_in_use(holder))

    def on_step(self, done: float, total: int, loss: float) -> None:
        """After each step."""
        text = f"{self._workload}  epoch {min(total, int(done) + 1)}/{total}  loss {loss:.3f}"
        self._bar.update(self._task, completed=done, total=total, description=text + self._accuracy)

    def on_epoch(self, number: int, accuracy: float, seconds: float) -> None:
        """After each epoch."""
        self._accuracy = f"  accuracy {accuracy:.3f}"
        if not self._console.is_terminal:
            self._console.print(f"epoch {number}: accuracy {accuracy:.3f}, {seconds:.0f} s")


def _console(quiet: bool) -> Console:
    """Standard error; where its reader left, what is measured goes on without being told."""
    from rich.console import Console

    class Patient(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True  # rich would end the program, with exit code 1

    return Patient(stderr=True, quiet=quiet, highlight=False, emoji=False)


def _in_use(holder: str) -> str:
    return f"the device is in use ({_safe(holder)}); waiting for it"


def _line(event: Event, system: str) -> str:
    first = event.results[0]
    if first.status != "ok":
        colour = "red" if first.status == "failed" else "yellow"
        return f"[{colour}]{first.status:7}[/] {system}: {_safe(first.reason or '')}"
    parts = []
    accuracy = first.metrics["accuracy"].value
    if accuracy is not None:
        parts.append(f"{first.measure or 'accuracy'} {percent(accuracy)}")
    for result in event.results:
        name = "" if result.scenario in (OFFLINE, SINGLE_STREAM) else f"{result.scenario} "
        latency = result.metrics["latency_p50"].value
        throughput = result.metrics["throughput"].value
        if result.status != "ok":
            parts.append(f"{name}{result.status}")
        elif latency is not None and result.scenario != SERVER:
            parts.append(f"{name}p50 {quantity(latency, 's')}{_missed(result)}")
        elif throughput is not None:
            speed = quantity(throughput, "frame/s").replace("frame", _frame(result))
            parts.append(f"{name}{speed}{_missed(result)}")
    marks = {doubt.code for result in event.results for doubt in result.doubts}
    doubts = f"  [yellow]{', '.join(sorted(marks))}[/]" if marks else ""
    return f"[green]ok[/]      {system}: {', '.join(parts)}{doubts}"


def _missed(result: Result) -> str:
    """The share of frames that a rate offered in vain; nothing where all came in time."""
    missed = result.metrics["missed_frames"].value
    return f" ({formatting.share(missed)} of frames missed)" if missed else ""


def _frame(result: Result) -> str:
    return _safe(result.frame)


def _safe(text: str) -> str:
    from rich.markup import escape

    return escape(plain(text.replace("\n", " ")))
