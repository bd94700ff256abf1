"""Meters by name: where joules come from; one file each, which defines `METER`."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from benchsuite import devices, hw
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.guarded import Kind, Source, amiss, guarded_too, unlike
from benchsuite.origin import BOUNDARIES, MODELLED, Origin, origin_of
from benchsuite.plugins import plugin, plugin_names
from benchsuite.types import DeviceInfo, Doubt, EnergyReading, Rate, Window

AUTOMATIC = "auto"
AGREEMENT = 0.05
NONE = "no meter: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a meter is to watch.

    Attributes:
        envelope: The power envelope of the cores used, where it is known; a model of power needs
            it.
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

    One that reads a file has `of(FILE)`, which gives the meter that reads it.

    Attributes:
        window_s: The shortest window it can be trusted with; exact once it is prepared.
        measures: False where it models.
        boundary: What its joules cover: `board`, `package`, `board+host` or `wall`.
        needs: What it takes to use it, in words.
    """

    @property
    def window_s(self) -> float: ...

    @property
    def measures(self) -> bool: ...

    @property
    def boundary(self) -> str: ...

    @property
    def needs(self) -> str: ...

    def check(self, subject: Subject) -> None:
        """Whether it can watch the subject.

        Raises:
            NotMeasurable: It cannot; the text says why and what would help.
        """

    def prepare(self, subject: Subject, *, cache: Path | None) -> Meter:
        """The meter made ready for a subject: how often its counter moves is known then.

        Args:
            subject: What it will watch.
            cache: Where that is kept; None keeps nothing.

        Raises:
            NotMeasurable: It cannot watch the subject.
        """

    def idle_power(self, subject: Subject) -> Rate:
        """Watts with nothing to do, measured now.

        Raises:
            NotMeasurable: The meter cannot tell.
        """

    def start(self, subject: Subject) -> Watch:
        """Begins a window; queued work must be done before."""


def _no_seconds(found: Any) -> str | None:
    number = isinstance(found, int | float) and not isinstance(found, bool)
    return None if number and 0 <= found < math.inf else "not a number of seconds"


def _no_words(found: Any) -> str | None:
    return None if isinstance(found, str) else "not a text"


def _no_meter(found: Any) -> str | None:
    lacking = [name for name in _FUNCTIONS if not callable(getattr(found, name, None))]
    wrong = f"a meter without {', '.join(lacking)}" if lacking else None
    return wrong or _no_seconds(getattr(found, "window_s", None))


def _no_power(found: Any) -> str | None:
    wrong = unlike(found, Rate)
    if wrong is not None:
        return wrong
    sound = 0 <= found.value < math.inf and not amiss(found)
    return None if sound else "which is no power in watts"


def _no_watch(found: Any) -> str | None:
    return None if callable(getattr(found, "stop", None)) else "not a Watch (it has no stop)"


def _no_reading(found: Any, *, measures: bool) -> str | None:
    """What is wrong with a window's energy."""
    wrong = unlike(found, EnergyReading)
    if wrong is not None:
        return wrong
    if not (0 < found.energy_j < math.inf and 0 < found.seconds < math.inf):
        return 'which has no joules or no seconds: raise NotMeasurable("why") in its place'
    ends = [end for end in (found.low_j, found.high_j) if end is not None]
    if len(ends) == 2 and not 0 <= ends[0] <= found.energy_j <= ends[1] < math.inf:
        return f"whose interval, {ends[0]:g} to {ends[1]:g} J, does not hold its energy"
    if len(ends) == 1:
        return "whose interval has one end"
    if found.boundary not in BOUNDARIES:
        return f"whose boundary is {found.boundary!r}, not one of {', '.join(BOUNDARIES)}"
    origin = Origin(source=found.source, boundary=found.boundary)
    if origin_of(f"{found.source}, boundary {found.boundary}") != origin:
        return f"whose source, {found.source!r:.40}, is empty or has a comma or semicolon"
    if not measures and not origin.modelled:
        return f"whose source must be {MODELLED!r}: the meter's `measures` is False"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _NamedWatch:
    found: Any
    source: Source

    def stop(self) -> EnergyReading:
        reading: EnergyReading = self.source.calling(
            "stop() of its watch",
            self.found.stop,
            partial(_no_reading, measures=self.source.found.measures),
        )()
        return reading


_FUNCTIONS = ("check", "prepare", "idle_power", "start")
_KIND: Kind = Kind(
    attribute="METER",
    what="meter",
    facts={
        "window_s": _no_seconds,
        "measures": lambda found: None if isinstance(found, bool) else "not True or False",
        "boundary": _no_words,
        "needs": _no_words,
    },
    functions=_FUNCTIONS,
    answers={
        "check": lambda found: None,
        "prepare": _no_meter,
        "of": _no_meter,
        "idle_power": _no_power,
    },
    made={"start": _no_watch},
    named={
        "prepare": lambda found, source: guarded_too(found, _KIND, source),
        "of": lambda found, source: guarded_too(found, _KIND, source),
        "start": lambda found, source: _NamedWatch(found=found, source=source),
    },
)


def subject(device: DeviceInfo, *, threads: int, roots: Sequence[Path]) -> Subject:
    """A device to watch; its power envelope is the driver's, else `hw/*.toml`'s share."""
    envelope, _ = devices.device(device.kind).power(device)
    model = hw.describe(device, roots=roots)
    if envelope is None and model is not None:
        figure = hw.share(model, device.units_of(threads)).power_envelope
        envelope = None if figure is None else Rate(value=figure.value, how=figure.source)
    return Subject(device=device, envelope=envelope, threads=threads)


def names() -> list[str]:
    """Every meter there is a file for."""
    return plugin_names(sys.modules[__name__])


def meter(name: str) -> Meter:
    """The meter of a name: `NAME`, or `NAME:FILE` for one that reads a file.

    Raises:
        BadInput: There is none, or it takes no file.
    """
    kind, colon, place = name.partition(":")
    found: Any = plugin(sys.modules[__name__], kind, _KIND)
    if colon:
        if not hasattr(found, "of"):
            raise BadInput(f"--meter {name}: the meter {kind} reads no file; write --meter {kind}")
        if not place:
            raise BadInput(f"--meter {name}: names no file; write --meter {kind}:FILE")
        found = found.of(Path(place))
    checked: Meter = found
    return checked


def choose(
    wanted: str, subject: Subject, *, preferred: tuple[str, ...], cache: Path | None = None
) -> tuple[str, Meter]:
    """The meter to use, made ready: the one named, else the first of the device's that works.

    Raises:
        BadInput: The named one is unknown.
        NotMeasurable: None works; the text gives each one's reason.
    """
    reasons = []
    for name in preferred if wanted == AUTOMATIC else (wanted,):
        found = meter(name)
        try:
            found.check(subject)
            return name, found.prepare(subject, cache=cache)
        except NotMeasurable as error:
            reasons.append(refusal(name, error))
    raise NotMeasurable(NONE + "; ".join(reasons))


def doubts(window: Window) -> list[Doubt]:
    """Why a window's energy is to be doubted: two ways disagree, or it was not measured now."""
    energy = window.energy
    found: list[Doubt] = []
    if energy is None:
        return found
    if energy.disagreement is not None and abs(energy.disagreement) > AGREEMENT:
        found.append(
            Doubt(
                code="energy_disagreement",
                message=(
                    f"{window.scenario}: integrated power samples and the energy counter differ by "
                    f"{energy.disagreement:+.1%}, allowed {AGREEMENT:.0%}. Measure a longer "
                    "window, or hold both against an external meter (--meter csv:FILE)"
                ),
            )
        )
    if energy.source.startswith("replayed"):
        found.append(
            Doubt(
                code="replayed",
                message=(
                    f"{window.scenario}: the energy is played from a recording, not measured in "
                    "this run. Measure with a meter of this machine (benchsuite list meters)"
                ),
            )
        )
    return found


def refusal(name: str, error: NotMeasurable) -> str:
    """Why a meter cannot be used, after its name; its file is named once."""
    kind, _, place = name.partition(":")
    return f"{kind if place and str(error).startswith(place) else name}: {error}"


def gave_nothing(wanted: str, windows: Sequence[Window]) -> list[Doubt]:
    """Whether a meter that was asked for by name gave no joule in any window, and why."""
    if wanted == AUTOMATIC or not windows or any(w.energy is not None for w in windows):
        return []
    reason = windows[0].energy_reason or "no reason was recorded"
    closed = reason if reason.endswith((".", "?")) else f"{reason}."
    message = (
        f"--meter {wanted} gave no energy: {closed} Mend the meter, or leave --meter out to take "
        "the first that works here"
    )
    return [Doubt(code="no_energy", message=message)]


def placed(name: str) -> str:
    """A meter's name with its file as an absolute path, so that it holds in another folder."""
    kind, colon, place = name.partition(":")
    return f"{kind}:{Path(place).absolute()}" if colon and place else name


def require(name: str) -> None:
    """Refuses an unknown meter's name, and a file for one that reads none.

    Raises:
        BadInput: It is unknown, or reads no file.
    """
    kind = name.partition(":")[0]
    if name != AUTOMATIC and kind not in names():
        raise BadInput(f"unknown meter {kind!r}; known: {', '.join(names())}, {AUTOMATIC}")
    if name != AUTOMATIC:
        meter(name)
