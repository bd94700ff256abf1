"""Meters by name: where joules come from; one file each, which defines `METER`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchsuite import devices, hw
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.plugins import plugin, plugin_names
from benchsuite.types import DeviceInfo, EnergyReading, Rate

AUTOMATIC = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a meter is to watch.

    Attributes:
        envelope: The device's power envelope where it is known; a model of power needs it.
        threads: Threads that the system uses.
    """

    device: DeviceInfo
    envelope: Rate | None
    threads: int


class Watch(Protocol):
    """A measurement under way."""

    def stop(self) -> EnergyReading:
        """Ends it and gives the energy since it began.

        Raises:
            NotMeasurable: The window was too short for the meter, or the meter failed.
        """


class Meter(Protocol):
    """A source of joules.

    Attributes:
        window_s: The shortest window it can be trusted with.
        measures: False where it models.
    """

    window_s: float
    measures: bool

    def check(self, subject: Subject) -> None:
        """Whether it can watch the subject.

        Raises:
            NotMeasurable: It cannot; the text says why and what would help.
        """

    def idle_power(self, subject: Subject) -> Rate:
        """Watts with nothing to do, measured now.

        Raises:
            NotMeasurable: The meter cannot tell.
        """

    def start(self, subject: Subject) -> Watch:
        """Begins a window; queued work must be done before."""


def subject(device: DeviceInfo, *, threads: int, roots: Sequence[Path]) -> Subject:
    """A device to watch; its power envelope is the driver's, else its `hw/*.toml`'s."""
    envelope, _ = devices.device(device.kind).power(device)
    model = hw.describe(device, roots=roots)
    if envelope is None and model is not None:
        figure = hw.share(model, device.units).power_envelope
        envelope = None if figure is None else Rate(value=figure.value, how=figure.source)
    return Subject(device=device, envelope=envelope, threads=threads)


def names() -> list[str]:
    """Every meter there is a file for."""
    return plugin_names(sys.modules[__name__])


def meter(name: str) -> Meter:
    """The meter of a name.

    Raises:
        BadInput: There is none.
    """
    found: Meter = plugin(sys.modules[__name__], name, attribute="METER", what="meter")
    return found


def choose(wanted: str, subject: Subject, *, preferred: tuple[str, ...]) -> tuple[str, Meter]:
    """The meter to use: the one the user named, else the first of the device's that works.

    Raises:
        BadInput: The named one is unknown.
        NotMeasurable: None works; the text gives each one's reason.
    """
    reasons = []
    for name in preferred if wanted == AUTOMATIC else (wanted,):
        found = meter(name)
        try:
            found.check(subject)
        except NotMeasurable as error:
            reasons.append(f"{name}: {error}")
            continue
        return name, found
    raise NotMeasurable("no meter: " + "; ".join(reasons))


def require(name: str) -> None:
    """Refuses an unknown meter's name.

    Raises:
        BadInput: There is none.
    """
    if name != AUTOMATIC and name not in names():
        raise BadInput(f"unknown meter {name!r}; known: {', '.join(names())}, {AUTOMATIC}")
