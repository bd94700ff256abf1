"""Workers forked from a process that has imported torch: the other end of `harness.nursery`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from signal import SIGKILL
from threading import Event, Lock, Thread
from typing import IO

from benchsuite import environment
from benchsuite.harness.nursery import MESSAGE_B

_READY_S = 60.0
_KILLED = -int(SIGKILL)


class Forked:
    """A forked process with what `subprocess.Popen` offers of it.

    Attributes:
        pid: Its id, which is its group's as well; 0 until it is known.
        stdin, stdout: Our ends of its streams.
        returncode: None while it runs; negative for a signal.
    """

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.pid = 0
        self.stdin, self.stdout = stdin, stdout
        self.returncode: int | None = None
        self._born, self._ended = Event(), Event()

    def begin(self, pid: int) -> None:
        """Told that it runs."""
        self.pid = pid
        self._born.set()

    def end(self, code: int) -> None:
        """Told that it ended."""
        self.returncode = code
        self._born.set()
        self._ended.set()

    def await_birth(self) -> None:
        """Blocks until it runs, or never will."""
        self._born.wait()

    def poll(self) -> int | None:
        """The exit status, if it ended."""
        return self.returncode

    def wait(self) -> int:
        """The exit status, once it ended."""
        self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """Ends it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, SIGKILL)


class Nursery:
    """A process from which workers are forked; leaving the `with` block ends it and them.

    Args:
        interpreter: Another environment's Python; None for this one.
        threads: What its workers' libraries are told at import.

    Attributes:
        pid: The process's id.

    Raises:
        OSError: It cannot be had: not on Linux, or that Python's benchsuite has none.
    """

    def __init__(self, *, interpreter: str | None, threads: int) -> None:
        if sys.platform != "linux":
            raise OSError("workers are forked on Linux only")
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [
                    interpreter or sys.executable,
                    "-m",
                    "benchsuite.harness.nursery",
                    str(theirs.fileno()),
                    str(os.getpid()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environment.thread_variables(threads),
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._asking = Lock()
        self._asked: Forked | None = None
        self._children: dict[int, Forked] = {}
        self._channel.settimeout(_READY_S)
        if not self._next():
            self._stop()
            raise OSError("that Python has no nursery")
        self._channel.settimeout(None)
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        self._listener.join()
        self._stop()

    def start(self, arguments: Sequence[str], *, errors: IO[bytes]) -> Forked:
        """A worker with these arguments and pipes for its input and output.

        Raises:
            OSError: The nursery is gone.
        """
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()
        child = Forked(os.fdopen(to_write, "wb"), os.fdopen(from_read, "rb"))
        try:
            with self._asking:
                self._asked = child
                message = json.dumps(list(arguments)).encode()
                streams = [to_read, from_write, errors.fileno()]
                socket.send_fds(self._channel, [message], streams)
                child.await_birth()
        finally:
            os.close(to_read)
            os.close(from_write)
        return child

    def _listen(self) -> None:
        while message := self._next():
            answer = json.loads(message)
            if "code" in answer:
                self._children.pop(answer["pid"]).end(answer["code"])
            else:
                assert self._asked is not None
                self._children[answer["pid"]] = self._asked
                self._asked.begin(answer["pid"])
        for child in (*self._children.values(), *filter(None, [self._asked])):
            if child.returncode is None:
                child.end(_KILLED)

    def _next(self) -> bytes:
        """The next message; nothing where the process is gone."""
        try:
            return self._channel.recv(MESSAGE_B)
        except OSError:
            return b""

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._channel.close()


class Nurseries:
    """The nurseries of a comparison, one an interpreter and number of threads.

    Where there can be none, a worker starts by itself.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, int], Nursery | None] = {}

    def __enter__(self) -> Nurseries:
        return self

    def __exit__(self, *_: object) -> None:
        self.renew()

    def renew(self) -> None:
        """Ends them: the next workers come from fresh ones, whose libraries lie elsewhere."""
        for nursery in self._known.values():
            if nursery is not None:
                nursery.__exit__()
        self._known.clear()

    def of(self, *, interpreter: str | None, threads: int) -> Nursery | None:
        """The one that fits; None where there can be none."""
        key = (interpreter, threads)
        if key not in self._known:
            try:
                self._known[key] = Nursery(interpreter=interpreter, threads=threads)
            except OSError:
                self._known[key] = None
        return self._known[key]
