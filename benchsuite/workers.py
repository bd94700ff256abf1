"""A measuring process: started, listened to, given its turns, and what came of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO

import msgspec

from benchsuite import environment
from benchsuite.errors import one_line
from benchsuite.forks import Forked, Nurseries, Nursery
from benchsuite.harness import worker
from benchsuite.harness.phases import PHASE_MARK, TURN
from benchsuite.harness.worker import FAILED
from benchsuite.types import Measurement, SystemSpec

OnPhase = Callable[[str], None]
_TAIL_B = 4000
_LAST_LINES_S = 5.0


class Worker:
    """A process that measures one system; leaving the `with` block ends it and all it started.

    A system whose `turns` is set asks for its turn before all that is timed: `wait` tells when,
    `go` gives it.
    """

    def __init__(
        self,
        spec: SystemSpec,
        *,
        interpreter: str | None = None,
        on_phase: OnPhase = lambda name: None,
        nursery: Nursery | None = None,
    ) -> None:
        self._spec, self._on_phase = spec, on_phase
        self._phases = ["start"]
        self._late = False
        self._events: SimpleQueue[bool] = SimpleQueue()
        self._folder = tempfile.TemporaryDirectory(prefix="benchsuite-")
        spec_path, self._out = (
            Path(self._folder.name, "spec.json"),
            Path(self._folder.name, "out.json"),
        )
        spec_path.write_bytes(msgspec.json.encode(spec))
        self._errors = Path(self._folder.name, "errors").open("w+b")  # noqa: SIM115
        arguments = [str(spec_path), str(self._out)]
        self._process = self._start(arguments, interpreter, nursery)
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        Thread(target=self._watch, daemon=True).start()

    def _start(
        self, arguments: Sequence[str], interpreter: str | None, nursery: Nursery | None
    ) -> subprocess.Popen[bytes] | Forked:
        if nursery is not None:
            try:
                return nursery.start(arguments, errors=self._errors)
            except OSError:
                pass  # it is gone: as if there were none
        return subprocess.Popen(
            [
                interpreter or sys.executable,
                "-m",
                "benchsuite.harness.worker",
                *arguments,
                str(os.getpid()),
            ],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            stdin=subprocess.PIPE if self._spec.turns else subprocess.DEVNULL,
            env=environment.thread_variables(self._spec.threads),
            start_new_session=True,  # Ctrl-C reaches the parent alone, which ends the group
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        _end(self._process)
        self._reader.join(timeout=_LAST_LINES_S)
        if self._process.stdin is not None:
            with suppress(OSError):  # a turn that a worker did not live to take is written again
                self._process.stdin.close()
        self._errors.close()
        self._folder.cleanup()

    def wait(self) -> bool:
        """Blocks until the worker asks for its turn (True), ended, or overran its time limit.

        Sleeps meanwhile: what is measured is not disturbed.
        """
        try:
            if self._events.get(timeout=self._spec.time_limit_s):
                return True
        except Empty:
            self._late = True
            _end(self._process)
        self._reader.join(timeout=_LAST_LINES_S)
        return False

    def go(self) -> None:
        """Gives the worker its turn."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()
        except OSError:
            return  # it ended meanwhile: `wait` tells

    def outcome(self) -> Measurement | str:
        """What the ended worker measured, or the reason why it did not."""
        phase = self._phases[-1]
        if self._late:
            limit = f"time limit of {self._spec.time_limit_s:g} s"
            return f"{limit} reached in phase {phase!r} (--time-limit)"
        code = self._process.returncode
        assert code is not None
        if code == 0:
            try:
                return worker.read(self._out)
            except FileNotFoundError:
                return f"the worker ended itself with exit code 0 in phase {phase!r}: a sys.exit?"
            except (OSError, ValueError) as error:
                return f"the worker left no readable measurement: {one_line(error)}"
        if code == FAILED:
            try:
                left = json.loads(self._out.read_text(encoding="utf-8"))
                when = f"in phase {phase!r} " if left["midway"] else ""
                return when + str(left["reason"])
            except (OSError, ValueError, KeyError):
                pass
        if code < 0:
            name = signal.Signals(-code).name
            hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
            return f"the worker was ended by {name} in phase {phase!r}{hint}"
        return f"the worker failed in phase {phase!r}: {_last_words(self._errors)}"

    def _read(self) -> None:
        assert self._process.stdout is not None
        for phase in phases(self._process.stdout):
            if phase == TURN:
                self._events.put(True)
            else:
                self._phases.append(phase)
                self._on_phase(phase)

    def _watch(self) -> None:
        self._process.wait()
        self._events.put(False)


def phases(stream: IO[bytes]) -> Iterator[str]:
    """The phases that a worker tells; a workload may print what it likes between them."""
    for line in stream:
        # strip() would take the mark as well
        text = line.decode(errors="replace").rstrip("\r\n")
        if text.startswith(PHASE_MARK):
            try:
                yield str(json.loads(text.removeprefix(PHASE_MARK))["phase"])
            except (ValueError, TypeError, KeyError):
                continue


def run_worker(
    spec: SystemSpec, *, on_phase: OnPhase = lambda name: None, interpreter: str | None = None
) -> Measurement | str:
    """Measures one system in a process of its own; gives the reason where that failed.

    Args:
        spec: What to measure; it takes no turns.
        on_phase: Told of every phase.
        interpreter: Another environment's Python, which has benchsuite too; None for this one.
    """
    with Worker(spec, interpreter=interpreter, on_phase=on_phase) as process:
        process.wait()
        return process.outcome()


def run_in_turns(
    specs: Sequence[SystemSpec],
    interpreters: Sequence[str | None],
    *,
    together: bool,
    nurseries: Nurseries | None = None,
) -> list[Measurement | str]:
    """Measures each system in a process of its own, only one of which ever measures.

    Args:
        specs: What to measure, first things first.
        interpreters: Another environment's Python for each; None for this one.
        together: Whether they live at once: made ready side by side, then given turns, scenario by
            scenario, in the order given and in the reverse order every second time, so that what
            drifts hits all alike. Else one after another, as where a device has room for one.
        nurseries: What those that live at once are forked from; None starts each by itself.
    """
    if not together:
        pairs = zip(specs, interpreters, strict=True)
        return [run_worker(spec, interpreter=interpreter) for spec, interpreter in pairs]
    with ExitStack() as stack:
        all_of_them = [
            stack.enter_context(
                Worker(
                    replace(spec, turns=True),
                    interpreter=interpreter,
                    nursery=None
                    if nurseries is None
                    else nurseries.of(interpreter=interpreter, threads=spec.threads),
                )
            )
            for spec, interpreter in zip(specs, interpreters, strict=True)
        ]
        waiting = [each for each in all_of_them if each.wait()]
        while waiting:
            for each in tuple(waiting):
                each.go()
                if not each.wait():
                    waiting.remove(each)
            waiting.reverse()
        return [each.outcome() for each in all_of_them]


def _end(process: subprocess.Popen[bytes] | Forked) -> None:
    """Ends a worker with all that it started."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            process.kill()
        process.wait()


def _last_words(errors: IO[bytes]) -> str:
    """The last line that a crashed worker wrote, which names the exception."""
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - _TAIL_B))
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"
