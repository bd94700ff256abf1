"""What benchsuite finds to work with: meters, a pinned peak, backends, data sets."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchsuite import backends, datasets, devices, meters
from benchsuite.doctor.finding import GOOD, NOTE, PROBLEM, Finding
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.harness import probing
from benchsuite.meters import rapl
from benchsuite.types import DeviceInfo, Probe

_ELSEWHERE = " does not run "  # in a backend's own words: on another device it would


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A meter that was asked; `reason` says why it is not usable, None that it is."""

    name: str
    measures: bool
    reason: str | None = None


def tried_meters(device: DeviceInfo, roots: Sequence[Path]) -> tuple[Tried, ...]:
    """The device's own meters, in order of preference."""
    subject = meters.subject(device, threads=device.units, roots=roots)
    found = []
    for name in devices.device(device.kind).meters:
        meter = meters.meter(name)
        try:
            meter.check(subject)
            reason = None
        except NotMeasurable as error:
            reason = str(error)
        found.append(Tried(name=name, measures=meter.measures, reason=reason))
    return tuple(found)


def energy(tried: Sequence[Tried], *, forbidden: Sequence[str] = ()) -> Iterator[Finding]:
    """Where joules would come from.

    Args:
        tried: Meters in order of preference.
        forbidden: RAPL counters that are there, but not for this user.
    """
    usable = next((meter for meter in tried if meter.reason is None), None)
    how = f"asked in turn: {', '.join(meter.name for meter in tried) or 'none'}"
    reasons = "; ".join(f"{meter.name}: {meter.reason}" for meter in tried if meter.reason)
    if forbidden:
        yield Finding(
            what=f"RAPL counts this processor's energy, but not for you: {', '.join(forbidden)}",
            state=PROBLEM,
            how="tried to read them",
            cost="the processor's energy is modelled or missing, though it could be measured",
            mend=rapl.ALLOW,
        )
    if usable is not None and usable.measures:
        yield Finding(what=f"energy is measured by {usable.name}", state=GOOD, how=how)
        return
    other = "read an external meter's log: benchsuite run ... --meter csv:FILE"
    if usable is not None:
        yield Finding(
            what=f"energy is only modelled ({reasons or usable.name})",
            state=NOTE,
            how=how,
            cost="joules are an estimate and are not ranked with measured ones",
            mend=rapl.ALLOW if forbidden else other,
        )
    else:
        yield Finding(
            what=f"no energy is measured ({reasons or 'the device has no meter'})",
            state=NOTE,
            how=how,
            cost="energy per frame is missing, with its reason",
            mend=f"{other}, or add the device's power envelope in hw/NAME.toml",
        )


def pinned(device: DeviceInfo, cache: Path) -> Probe | None:
    """The device's fp32 probe with all its cores."""
    threads = device.units if device.kind == "cpu" else 0
    return probing.read_pinned(cache, probing.pinned_key(device, precision="fp32", threads=threads))


def peak(known: Probe | None) -> Iterator[Finding]:
    """Whether the device's peak is known, and can be believed."""
    how = "the cache of probes"
    if known is None:
        yield Finding(
            what="the device's peak is not pinned yet",
            state=NOTE,
            how=how,
            cost="the first run measures it before anything else",
            mend="benchsuite hw probe",
        )
    elif known.disturbed:
        yield Finding(
            what=f"the pinned peak was measured while {known.disturbed}",
            state=PROBLEM,
            how=how,
            cost="it may be too low, and every fraction of peak too high; rows stay unranked",
            mend="benchsuite hw probe, on a quiet machine",
        )
    else:
        yield Finding(
            what=f"the device's peak is pinned: {known.peak.value / 1e9:.4g} GFLOP/s in fp32",
            state=GOOD,
            how=f"{how}; {known.peak.how}",
        )


def missing_backends(kind: str) -> dict[str, str | None]:
    """Each backend, and why it cannot run on that kind of device; None if it can."""
    found: dict[str, str | None] = {}
    for name in backends.names():
        try:
            found[name] = backends.backend(name).missing(kind, "fp32")
        except BadInput as error:
            found[name] = str(error)
    return found


def software(missing: Mapping[str, str | None]) -> Iterator[Finding]:
    """Which backends can run: a compiler, a package that is not there."""
    how = "each backend was asked"
    elsewhere = [name for name, why in missing.items() if why and _ELSEWHERE in why]
    for name, why in missing.items():
        if why is not None and name not in elsewhere:
            yield Finding(
                what=f"backend {name} is not usable",
                state=NOTE,
                how=how,
                cost="its systems are skipped",
                mend=why.removeprefix(f"backend {name} "),
            )
    version = ".".join(map(str, sys.version_info[:3]))
    usable = ", ".join(name for name, why in missing.items() if why is None) or "none"
    others = f" (for other devices: {', '.join(elsewhere)})" if elsewhere else ""
    yield Finding(what=f"Python {version}; backends: {usable}{others}", state=GOOD, how=how)


def missing_data() -> list[str]:
    """Data sets that come in packages and are not there."""
    missing = []
    for name in datasets.names():
        try:
            if not datasets.streamed(name) and datasets.why_unusable(name):
                missing.append(name)
        except BadInput:
            missing.append(name)
    return missing


def data(missing: Sequence[str]) -> Iterator[Finding]:
    """Which data sets are not there."""
    if missing:
        yield Finding(
            what=f"data sets that are not there: {', '.join(missing)}",
            state=NOTE,
            how="each data set was asked for its packages",
            cost="workloads on them are skipped",
            mend="benchsuite list datasets tells what brings them",
        )
    else:
        yield Finding(
            what="all data sets that come in packages are there",
            state=GOOD,
            how="each data set was asked for its packages",
        )
