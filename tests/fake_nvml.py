"""A module that answers as pynvml does, for boards that are not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


class NVMLError(Exception):
    """As pynvml's."""


class NVMLError_NotSupported(NVMLError):
    """The board has no such figure."""


class NVMLError_GpuIsLost(NVMLError):
    """The board has fallen off the bus."""


@dataclass
class FakeBoard:
    """One board; a figure that is None is not supported."""

    uuid: str
    energy_mj: Callable[[], int] | None = None
    power_mw: int | None = 250_000
    instant_mw: int | None = 260_000
    mig: int | None = None
    clock_mhz: int | None = 1410
    temperature_c: int | None = 61
    cap_mw: int | None = 400_000
    default_cap_mw: int | None = 400_000
    reasons: int | None = 0
    name: str = "Fake GPU"
    persistence: int | None = 1
    application_mhz: int | None = 1410
    default_application_mhz: int | None = 1410
    slowdown_c: int | None = 92
    compute_pids: list[int] = field(default_factory=list)
    graphics_pids: list[int] = field(default_factory=list)


@dataclass
class FakeNvml:
    """The part of pynvml that benchsuite uses."""

    boards: list[FakeBoard]
    starts: bool = True
    instant_field: bool = True
    cuda: int = 12080
    NVMLError: type = NVMLError
    NVML_SUCCESS: int = 0
    NVML_TEMPERATURE_GPU: int = 0
    NVML_CLOCK_SM: int = 1
    NVML_TEMPERATURE_THRESHOLD_SLOWDOWN: int = 1
    NVML_DEVICE_MIG_ENABLE: int = 1
    NVML_FI_DEV_POWER_INSTANT: int = 186
    calls: list[str] = field(default_factory=list)

    def nvmlInit(self) -> None:
        if not self.starts:
            raise NVMLError("Driver Not Loaded")

    def nvmlSystemGetDriverVersion(self) -> str:
        return "570.00"

    def nvmlSystemGetCudaDriverVersion(self) -> int:
        return self.cuda

    def nvmlDeviceGetCount(self) -> int:
        return len(self.boards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeBoard:
        return self.boards[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> FakeBoard:
        for board in self.boards:
            if board.uuid == uuid:
                return board
        raise NVMLError("Not Found")

    def nvmlDeviceGetUUID(self, board: FakeBoard) -> str:
        return board.uuid

    def nvmlDeviceGetMigMode(self, board: FakeBoard) -> list[int]:
        return [_supported(board.mig)] * 2

    def nvmlDeviceGetTotalEnergyConsumption(self, board: FakeBoard) -> int:
        return _supported(board.energy_mj)()

    def nvmlDeviceGetPowerUsage(self, board: FakeBoard) -> int:
        self.calls.append("average")
        return _supported(board.power_mw)

    def nvmlDeviceGetFieldValues(self, board: FakeBoard, fields: list[int]) -> list[Any]:
        if not self.instant_field:
            raise NVMLError("Function Not Found")
        known = board.instant_mw is not None
        value = SimpleNamespace(uiVal=board.instant_mw or 0)
        return [SimpleNamespace(nvmlReturn=0 if known else 3, value=value) for _ in fields]

    def nvmlDeviceGetClockInfo(self, board: FakeBoard, kind: int) -> int:
        return _supported(board.clock_mhz)

    def nvmlDeviceGetTemperature(self, board: FakeBoard, sensor: int) -> int:
        return _supported(board.temperature_c)

    def nvmlDeviceGetEnforcedPowerLimit(self, board: FakeBoard) -> int:
        return _supported(board.cap_mw)

    def nvmlDeviceGetPowerManagementDefaultLimit(self, board: FakeBoard) -> int:
        return _supported(board.default_cap_mw)

    def nvmlDeviceGetCurrentClocksEventReasons(self, board: FakeBoard) -> int:
        return _supported(board.reasons)

    def nvmlDeviceGetName(self, board: FakeBoard) -> str:
        return board.name

    def nvmlDeviceGetPersistenceMode(self, board: FakeBoard) -> int:
        return _supported(board.persistence)

    def nvmlDeviceGetApplicationsClock(self, board: FakeBoard, kind: int) -> int:
        return _supported(board.application_mhz)

    def nvmlDeviceGetDefaultApplicationsClock(self, board: FakeBoard, kind: int) -> int:
        return _supported(board.default_application_mhz)

    def nvmlDeviceGetTemperatureThreshold(self, board: FakeBoard, kind: int) -> int:
        return _supported(board.slowdown_c)

    def nvmlDeviceGetComputeRunningProcesses(self, board: FakeBoard) -> list[Any]:
        return [SimpleNamespace(pid=pid) for pid in board.compute_pids]

    def nvmlDeviceGetGraphicsRunningProcesses(self, board: FakeBoard) -> list[Any]:
        return [SimpleNamespace(pid=pid) for pid in board.graphics_pids]


def _supported(value: Any) -> Any:
    if value is None:
        raise NVMLError_NotSupported("Not Supported")
    return value
