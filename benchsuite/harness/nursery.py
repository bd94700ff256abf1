"""A process that has imported torch once, and forks the workers of a few rounds of `ab`.

Half of a short round is imports. A fork has its own memory, threads and device state, and repeats
all that follows the imports; what it shares with the others is where the libraries lie.

Started as `python -m benchsuite.harness.nursery SOCKET PARENT`, threads and wait policy already in
the environment. A message is a worker's arguments as JSON with its three standard streams beside
them; the answers are `{"pid"}` at once and `{"pid", "code"}` when it has ended. Linux only.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import socket
import sys
import traceback
from collections.abc import Sequence

from benchsuite.harness import mapped, worker

MESSAGE_B = 1 << 16
_STREAMS = 3
_CRASHED = 1


def main(arguments: Sequence[str]) -> int:
    """Forks a worker a message until the other end of the socket is closed."""
    channel = socket.socket(fileno=int(arguments[0]))
    worker.end_with_parent(int(arguments[1]))
    os.close(os.pidfd_open(os.getpid()))  # refused by old kernels and some containers
    import torch  # noqa: F401

    gc.collect()
    gc.freeze()  # a child that collects garbage does not copy what is shared
    files = mapped.resident()
    channel.send(b"{}")
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is channel:
                    message, streams, *_ = socket.recv_fds(channel, MESSAGE_B, _STREAMS)
                    if not message:
                        return 0
                    pid = os.fork()
                    if pid == 0:
                        selector.close()
                        channel.close()
                        _become_worker(json.loads(message), streams, files)
                    for stream in streams:
                        os.close(stream)
                    channel.send(json.dumps({"pid": pid}).encode())
                    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
                else:
                    _, status = os.waitpid(key.data, 0)
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    answer = {"pid": key.data, "code": os.waitstatus_to_exitcode(status)}
                    channel.send(json.dumps(answer).encode())


def _become_worker(
    arguments: Sequence[str], streams: Sequence[int], files: Sequence[mapped.Run]
) -> None:
    """Runs the worker on these streams; never comes back."""
    code = _CRASHED
    try:
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        mapped.have(files)
        code = worker.main([*arguments, str(os.getppid())])
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else _CRASHED
    except BaseException:
        traceback.print_exc()
    finally:
        worker.leave(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
