"""Intel and AMD package energy from the kernel's RAPL counters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

from benchsuite.errors import NotMeasurable
from benchsuite.meters import Subject
from benchsuite.types import EnergyReading, Rate
from benchsuite.units import MICROJOULE_J

POWERCAP = Path("/sys/class/powercap")
_IDLE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """One package's counter: it counts microjoules and wraps at `wraps_at`."""

    folder: Path
    name: str
    wraps_at: int

    def read(self) -> int:
        """Microjoules.

        Raises:
            NotMeasurable: The counter cannot be read.
        """
        try:
            return int((self.folder / "energy_uj").read_text())
        except PermissionError:
            raise NotMeasurable(
                f"{self.folder}/energy_uj may not be read; allow it: "
                f"sudo chmod a+r {self.folder}/energy_uj"
            ) from None
        except (OSError, ValueError) as error:
            raise NotMeasurable(f"{self.folder}/energy_uj cannot be read: {error}") from None


def zones(root: Path = POWERCAP) -> tuple[Zone, ...]:
    """The packages' counters; subzones (core, dram) are inside them and are left out.

    Raises:
        NotMeasurable: The kernel offers none.
    """
    found = []
    for folder in sorted(root.glob("*-rapl:*")):
        if folder.name.count(":") != 1:
            continue
        try:
            name = (folder / "name").read_text().strip()
            limit = int((folder / "max_energy_range_uj").read_text())
        except (OSError, ValueError):
            continue
        if name.startswith("package"):  # psys holds the packages too and would count them twice
            found.append(Zone(folder=folder, name=name, wraps_at=limit))
    if not found:
        raise NotMeasurable(
            f"the kernel offers no RAPL package counter under {root} (virtual machine, or the "
            "module intel_rapl_msr is not loaded)"
        )
    return tuple(found)


def elapsed_uj(before: int, after: int, *, wraps_at: int) -> int:
    """Microjoules between two readings of a counter that may have wrapped once."""
    return after - before if after >= before else after + wraps_at - before


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    zones: tuple[Zone, ...]
    before: tuple[int, ...]
    started: float

    def stop(self) -> EnergyReading:
        after = tuple(zone.read() for zone in self.zones)
        seconds = perf_counter() - self.started
        joules = MICROJOULE_J * sum(
            elapsed_uj(b, a, wraps_at=zone.wraps_at)
            for zone, b, a in zip(self.zones, self.before, after, strict=True)
        )
        if joules <= 0:
            raise NotMeasurable("the RAPL counter did not move during the window")
        return EnergyReading(
            energy_j=joules,
            seconds=seconds,
            source="rapl",
            boundary="package",
            how=f"RAPL counter of {', '.join(zone.name for zone in self.zones)}, whole package",
            max_power_reason="RAPL counts energy only",
            idle_power_reason="idle power was not measured",
        )


class _Rapl:
    window_s = 5.0
    measures = True

    def __init__(self, root: Path = POWERCAP) -> None:
        self._root = root

    def check(self, subject: Subject) -> None:
        if subject.device.kind != "cpu":
            raise NotMeasurable("RAPL measures processors only")
        for zone in zones(self._root):
            zone.read()

    def idle_power(self, subject: Subject) -> Rate:
        watch = self.start(subject)
        sleep(_IDLE_S)
        return Rate(
            value=watch.stop().mean_power_w, how=f"RAPL over {_IDLE_S:g} s before the windows"
        )

    def start(self, subject: Subject) -> _Watch:
        found = zones(self._root)
        return _Watch(
            zones=found, before=tuple(zone.read() for zone in found), started=perf_counter()
        )


METER = _Rapl()
