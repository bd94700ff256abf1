"""Whether this machine is fit to measure on: what is wrong, what it costs, what mends it.

Each module reads facts (`read`, `watch`, `boards`, ...) and judges them in functions of their own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from benchsuite import device_lock, devices
from benchsuite.doctor import clocks, gpu, host, load, memory, setup, threads
from benchsuite.doctor.finding import Finding
from benchsuite.doctor.load import LOOK_S
from benchsuite.meters import rapl


def examine(*, cache: Path, roots: Sequence[Path], look_s: float = LOOK_S) -> list[Finding]:
    """Looks at everything; takes a second or two, changes nothing.

    Args:
        cache: Where probes are pinned.
        roots: Content folders.
        look_s: How long the machine's load is watched.
    """
    device = devices.default_device()
    # before what makes this process busy itself
    watched = load.watch(look_s, holder=device_lock.holder(cache, device.label))
    boards = gpu.boards(device)
    return [
        *load.findings(watched),
        *clocks.findings(clocks.read()),
        *threads.findings(threads.read(os.environ)),
        *host.findings(host.read()),
        *memory.findings(memory.read()),
        *gpu.findings(boards, gpu.stack() if boards else None),
        *setup.energy(
            setup.tried_meters(device, roots),
            forbidden=[str(path) for path in rapl.forbidden()],
        ),
        *setup.peak(setup.pinned(device, cache)),
        *setup.software(setup.missing_backends(device.kind)),
        *setup.data(setup.missing_data()),
    ]
