"""NVIDIA boards through NVML: the energy counter, else sampled power integrated in the window."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from benchsuite.devices import _nvml
from benchsuite.errors import NotMeasurable
from benchsuite.meters import Subject
from benchsuite.meters._boards import (
    LEAST_WINDOW_S,
    CounterPeriod,
    Watch,
    counter_period,
    idle_power,
)
from benchsuite.types import Rate
from benchsuite.units import MILLIJOULE_J, MILLIWATT_W

# nvmlDeviceGetPowerUsage is a mean over 1 s on Ampere (GA100 aside) and newer
_AVERAGE_S = 1.0
_INSTANT_S = 0.1


class NvmlBoard:
    """One board read through NVML.

    The kind of power reading is chosen once, so that a window never mixes two.
    """

    resolution_j = MILLIJOULE_J

    def __init__(self, uuid: str, handle: Any) -> None:
        self.name = uuid
        self._handle = handle
        self._instant = _instant_power(handle) is not None
        self.power_said = "instant power" if self._instant else "the driver's power (a 1-s average)"
        self.lag_s = _INSTANT_S if self._instant else _AVERAGE_S

    def energy_j(self) -> float:
        """Joules since the driver was loaded (Volta and newer)."""
        import pynvml

        try:
            millijoules = pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)
        except pynvml.NVMLError as error:
            raise NotMeasurable(f"no energy counter: {error}") from None
        return int(millijoules) * MILLIJOULE_J

    def power_w(self) -> float:
        """Watts now: the instant field where the board has it, else the driver's average."""
        import pynvml

        if self._instant:
            watts = _instant_power(self._handle)
            if watts is None:
                raise NotMeasurable("NVML tells no instant power any more")
            return watts
        try:
            return float(pynvml.nvmlDeviceGetPowerUsage(self._handle)) * MILLIWATT_W
        except pynvml.NVMLError as error:
            raise NotMeasurable(f"NVML tells no power: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Nvml:
    periods: tuple[CounterPeriod | None, ...] | None = None
    window_s: float = LEAST_WINDOW_S
    measures: bool = True
    boundary: str = "board"
    needs: str = "an NVIDIA GPU with its driver, and the package nvidia-ml-py"

    def check(self, subject: Subject) -> None:
        for board in boards(subject):
            try:
                board.energy_j()
            except NotMeasurable:
                board.power_w()

    def prepare(self, subject: Subject, *, cache: Path | None) -> _Nvml:
        periods = tuple(
            probed_period(board, driver=_nvml.driver_version(), cache=cache)
            for board in boards(subject)
        )
        return _Nvml(
            periods=periods,
            window_s=max([LEAST_WINDOW_S, *(p.window_s for p in periods if p is not None)]),
        )

    def idle_power(self, subject: Subject) -> Rate:
        return idle_power(boards(subject))

    def start(self, subject: Subject) -> Watch:
        if self.periods is None:
            return self.prepare(subject, cache=None).start(subject)
        return Watch(list(zip(boards(subject), self.periods, strict=True)), maker="nvml")


METER = _Nvml()


def boards(subject: Subject) -> Sequence[NvmlBoard]:
    """The boards that the subject's device uses, and no others.

    Raises:
        NotMeasurable: It is no NVIDIA GPU, or NVML cannot tell its boards.
    """
    if subject.device.kind != "cuda":
        raise NotMeasurable("NVML measures NVIDIA boards only")
    return [NvmlBoard(uuid, handle) for uuid, handle in _nvml.handles(subject.device)]


def probed_period(
    board: NvmlBoard, *, driver: str | None, cache: Path | None
) -> CounterPeriod | None:
    """The counter's update period, kept beside the probes by board and driver."""
    key = sha256(f"{board.name} {driver}".encode()).hexdigest()[:16]
    path = None if cache is None else cache / "probes" / f"counter-{key}.json"
    if path is not None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=CounterPeriod)
        except (OSError, msgspec.DecodeError):
            pass
    found = counter_period(board.energy_j)
    if found is not None and path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_bytes(msgspec.json.encode(found))
        draft.replace(path)
    return found


def _instant_power(handle: Any) -> float | None:
    """Watts by NVML_FI_DEV_POWER_INSTANT; None where board, driver or package lack it."""
    import pynvml

    field = getattr(pynvml, "NVML_FI_DEV_POWER_INSTANT", None)
    if field is None:
        return None
    try:
        value = pynvml.nvmlDeviceGetFieldValues(handle, [field])[0]
    except pynvml.NVMLError:
        return None
    if value.nvmlReturn != pynvml.NVML_SUCCESS or not value.value.uiVal:
        return None
    return float(value.value.uiVal) * MILLIWATT_W
