"""Intel and AMD package energy from the kernel's RAPL counters."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

from benchsuite.errors import NotMeasurable
from benchsuite.meters import Subject
from benchsuite.types import EnergyReading, Rate
from benchsuite.units import MICROJOULE_J

POWERCAP = Path("/sys/class/powercap")
# until the next boot; Linux keeps the counters from users since 5.10 (CVE-2020-8694)
ALLOW = f"sudo chmod a+r {POWERCAP}/*/energy_uj"
_IDLE_S = 1.0
_LOOK_S = 20.0
# Intel SDM vol. 3B, "RAPL interfaces": updated about every millisecond, 61 uJ a step by default
_PERIOD_S = 1e-3
_STEP_J = 61e-6


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
                f"{self.folder}/energy_uj may not be read by this user; allow it until the next "
                f"boot: sudo chmod a+r {self.folder.parent}/*/energy_uj"
            ) from None
        except (OSError, ValueError) as error:
            raise NotMeasurable(f"{self.folder}/energy_uj cannot be read: {error}") from None


def zones(root: Path = POWERCAP) -> tuple[Zone, ...]:
    """The packages' counters, each once.

    Left out are the zones inside a package (core, uncore), `dram`, which lies outside the boundary
    `package`, and `psys`, which holds the packages and would count them twice. A package's dies
    have zones of their own (`package-0-die-1`), none for the whole: they are summed. The same
    package behind MSR and MMIO is taken once.

    Raises:
        NotMeasurable: The kernel offers none.
    """
    found: dict[str, Zone] = {}
    for pattern in ("*-rapl:*", "*-rapl-mmio:*"):
        for folder in sorted(root.glob(pattern)):
            if folder.name.count(":") != 1:
                continue
            try:
                name = (folder / "name").read_text().strip()
                limit = int((folder / "max_energy_range_uj").read_text())
            except (OSError, ValueError):
                continue
            if name.startswith("package"):
                found.setdefault(name, Zone(folder=folder, name=name, wraps_at=limit))
    if not found:
        raise NotMeasurable(
            f"the kernel offers no RAPL package counter under {root} (virtual machine, or the "
            "module intel_rapl_msr is not loaded)"
        )
    whole = {name.partition("-die-")[0] for name in found if "-die-" not in name}
    return tuple(
        zone
        for name, zone in found.items()
        if "-die-" not in name or name.partition("-die-")[0] not in whole
    )


def forbidden(root: Path = POWERCAP) -> tuple[Path, ...]:
    """The packages' counters that are there, but that this user may not read."""
    try:
        found = zones(root)
    except NotMeasurable:
        return ()
    paths = (zone.folder / "energy_uj" for zone in found)
    return tuple(path for path in paths if path.exists() and not os.access(path, os.R_OK))


def elapsed_uj(before: int, after: int, *, wraps_at: int) -> int:
    """Microjoules between two readings of a counter that may have wrapped once."""
    return after - before if after >= before else after + wraps_at - before


class Tally:
    """Microjoules of several counters since it was made; read often enough that none wraps twice.

    A package's counter wraps after as little as two minutes at full power.
    """

    def __init__(self, watched: Sequence[Zone]) -> None:
        self._zones = watched
        self._last = [zone.read() for zone in watched]
        self.total_uj = 0

    def update(self) -> int:
        """Adds what the counters moved since the last reading, and gives the total."""
        now = [zone.read() for zone in self._zones]
        for zone, before, after in zip(self._zones, self._last, now, strict=True):
            self.total_uj += elapsed_uj(before, after, wraps_at=zone.wraps_at)
        self._last = now
        return self.total_uj


class _Watch:
    def __init__(self, watched: Sequence[Zone]) -> None:
        self._zones = watched
        self._failure: str | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._tally = Tally(watched)
        self._started = perf_counter()
        self._thread.start()

    def stop(self) -> EnergyReading:
        self._done.set()
        self._thread.join()
        if self._failure is not None:
            raise NotMeasurable(self._failure)
        joules = self._tally.update() * MICROJOULE_J
        seconds = perf_counter() - self._started
        if joules <= 0:
            raise NotMeasurable("the RAPL counter did not move during the window")
        margin = _PERIOD_S * joules / seconds + len(self._zones) * _STEP_J
        return EnergyReading(
            energy_j=joules,
            seconds=seconds,
            source="rapl",
            boundary="package",
            how=f"RAPL counter of {', '.join(zone.name for zone in self._zones)}, whole package",
            max_power_reason="RAPL counts energy only",
            idle_power_reason="idle power was not measured",
            low_j=max(0.0, joules - margin),
            high_j=joules + margin,
            course_reason="RAPL's counter was read at the window's two ends only",
        )

    def _run(self) -> None:
        try:
            while not self._done.wait(_LOOK_S):
                self._tally.update()
        except NotMeasurable as error:
            self._failure = str(error)


class _Rapl:
    window_s = 5.0
    measures = True
    boundary = "package"
    needs = f"Linux on bare metal, an Intel or AMD processor, {POWERCAP}/*/energy_uj readable"

    def __init__(self, root: Path = POWERCAP) -> None:
        self._root = root

    def check(self, subject: Subject) -> None:
        if subject.device.kind != "cpu":
            raise NotMeasurable("RAPL measures processors only")
        for zone in zones(self._root):
            zone.read()

    def prepare(self, subject: Subject, *, cache: Path | None) -> _Rapl:
        return self

    def idle_power(self, subject: Subject) -> Rate:
        watch = self.start(subject)
        sleep(_IDLE_S)
        found = watch.stop()
        assert found.low_j is not None and found.high_j is not None
        return Rate(
            value=found.mean_power_w,
            how=(
                f"RAPL over {_IDLE_S:g} s before the windows; interval: the counter's period and "
                "step at both ends"
            ),
            low=found.low_j / found.seconds,
            high=found.high_j / found.seconds,
        )

    def start(self, subject: Subject) -> _Watch:
        return _Watch(zones(self._root))


METER = _Rapl()
