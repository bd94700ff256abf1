"""Apple GPUs through torch's Metal backend."""

import sys

from benchsuite.devices._accelerator import Accelerator

DEVICE = Accelerator(
    "mps",
    precisions=("fp32", "fp16", "bf16"),
    absent="torch finds no Apple GPU here (it needs macOS and a torch built with Metal)",
    possible=lambda: sys.platform == "darwin",
)
