"""Intel GPUs through torch's XPU backend."""

from benchsuite.devices._accelerator import Accelerator

DEVICE = Accelerator(
    "xpu",
    precisions=("fp32", "fp16", "bf16"),
    absent="torch finds no Intel GPU here (it needs Intel's driver and a torch built for XPU)",
)
