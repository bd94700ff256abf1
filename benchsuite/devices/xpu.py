"""Intel GPUs through torch's XPU backend."""

import sys
from pathlib import Path

from benchsuite.devices._accelerator import Accelerator

# render nodes of Linux, and the one of Windows' subsystem for it
_NODES = (Path("/dev/dri"), Path("/dev/dxg"))

DEVICE = Accelerator(
    "xpu",
    precisions=("fp32", "fp16", "bf16"),
    absent="torch finds no Intel GPU here (it needs Intel's driver and a torch built for XPU)",
    possible=lambda: sys.platform == "win32" or any(node.exists() for node in _NODES),
)
