"""Device models from `hw/*.toml`: datasheet figures, each with its source."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchsuite.errors import BadInput
from benchsuite.types import DeviceInfo
from benchsuite.units import counted

CPU = "cpu"
PRECISIONS = ("fp32", "tf32", "bf16", "fp16", "int8")
FLOP_PER_LANE = 2  # a multiply-add

_REQUIRED = ("name", "vendor", "kind", "year", "match")
_FIGURES = ("cores", "clock", "boost_clock", "bandwidth", "memory", "power_envelope")
_OPTIONAL = (*_FIGURES, "match_cpuid", "note", "peaks", "price", "caches")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One published number.

    Attributes:
        value: In the SI unit of the place it stands in.
        source: Publisher, document and year; how it was derived, where it was.
    """

    value: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a device cost when a public price was named."""

    value: float
    currency: str
    year: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A level of on-chip memory.

    Attributes:
        size_b: Bytes of one instance.
        shared_by: Cores that share one instance; None where the whole device shares the only one.
    """

    name: str
    size_b: int
    source: str
    shared_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuId:
    """The processors that a model stands for where a hypervisor hides their names."""

    vendor: str
    family: int
    models: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceModel:
    """A device as its makers describe it; a figure nobody published is None.

    Attributes:
        key: The file's stem.
        file: Where it was read from.
        name: For people.
        kind: `cpu`, `cuda`, ... (the file in `benchsuite/devices/`).
        year: Of its introduction.
        match: Names as the driver or the kernel reports them.
        match_cpuid: A processor family the model stands for.
        note: What a reader must know of the figures.
        cores: Of one socket (cpu only).
        clock, boost_clock: Base and largest clock, Hz (cpu only).
        peaks: Precision to FLOP/s (int8: OP/s), dense; of a cpu at its base clock.
        bandwidth: B/s of main memory.
        memory: Bytes of main memory.
        power_envelope: TDP or maximum board power, W.
        caches: Nearest the cores first.
    """

    key: str
    file: Path
    name: str
    vendor: str
    kind: str
    year: int
    match: tuple[str, ...]
    match_cpuid: CpuId | None = None
    note: str = ""
    cores: Figure | None = None
    clock: Figure | None = None
    boost_clock: Figure | None = None
    peaks: Mapping[str, Figure] = field(default_factory=dict)
    bandwidth: Figure | None = None
    memory: Figure | None = None
    power_envelope: Figure | None = None
    price: Price | None = None
    caches: tuple[Cache, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All device models found.

    Attributes:
        models: File stem to model.
        broken: File stem to what is wrong with the file, in one sentence.
    """

    models: Mapping[str, DeviceModel]
    broken: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of a device that a system uses: all of a gpu, some cores of a cpu.

    Attributes:
        fraction: Used cores / cores of the model; above 1 with several sockets.
        peaks: Precision to FLOP/s of that part.
        boost_peaks: The same at the boost clock, an upper bound; empty where the model has none.
        power_envelope: W of that part.
        how: One line.
    """

    fraction: float
    peaks: Mapping[str, Figure]
    boost_peaks: Mapping[str, Figure]
    power_envelope: Figure | None
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The level of memory that holds some bytes."""

    name: str
    size_b: float
    source: str


def models(roots: Sequence[Path]) -> Catalogue:
    """Read `hw/*.toml` under every content folder.

    Args:
        roots: Content folders; one without a `hw/` folder has no models. Of two files with one
            stem the later root's stands.

    Returns:
        The models, and beside them the files that could not be read.
    """
    found: dict[str, DeviceModel] = {}
    broken: dict[str, str] = {}
    for root in roots:
        for path in sorted((root / "hw").glob("*.toml")):
            found.pop(path.stem, None)
            broken.pop(path.stem, None)
            try:
                found[path.stem] = load(path)
            except BadInput as error:
                broken[path.stem] = str(error)
    return Catalogue(models=found, broken=broken)


def named(name: str, *, roots: Sequence[Path]) -> DeviceModel:
    """The device model of a name.

    Raises:
        BadInput: There is none of that name, or its file is broken.
    """
    found = models(list(reversed(roots)))
    if name in found.broken:
        raise BadInput(found.broken[name])
    if name not in found.models:
        known = ", ".join(found.models)
        raise BadInput(f"unknown device model {name!r}; known: {known}")
    return found.models[name]


def load(path: Path) -> DeviceModel:
    """Read one device model.

    Args:
        path: A `hw/*.toml`.

    Raises:
        BadInput: The file is broken: the sentence names the file, the key and the fix.
    """
    try:
        table = _Table(path=path, at="", values=tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read ({error}); give a readable UTF-8 file") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path}: is not TOML ({error}); correct that line") from error
    table.check(required=_REQUIRED, optional=_OPTIONAL)
    figures = {key: _figure(table.table(key)) for key in _FIGURES if key in table.values}
    cores, clock = figures.get("cores"), figures.get("clock")
    return DeviceModel(
        key=path.stem,
        file=path,
        name=table.text("name"),
        vendor=table.text("vendor"),
        kind=table.text("kind"),
        year=table.integer("year"),
        match=table.texts("match"),
        match_cpuid=_cpuid(table.table("match_cpuid")) if "match_cpuid" in table.values else None,
        note=table.text("note") if "note" in table.values else "",
        cores=cores,
        clock=clock,
        boost_clock=figures.get("boost_clock"),
        peaks=_peaks(table.table("peaks"), cores, clock) if "peaks" in table.values else {},
        bandwidth=figures.get("bandwidth"),
        memory=figures.get("memory"),
        power_envelope=figures.get("power_envelope"),
        price=_price(table.table("price")) if "price" in table.values else None,
        caches=tuple(_cache(each) for each in table.tables("caches")),
    )


def match(
    models: Mapping[str, DeviceModel],
    *,
    kind: str,
    name: str,
    cpuid: tuple[str, int, int] | None = None,
) -> DeviceModel | None:
    """Find the model of a device: by its name, else by its processor family.

    Args:
        models: As in `Catalogue.models`.
        kind: The device's kind.
        name: As the driver or the kernel reports it; letter case and spacing do not matter.
        cpuid: Vendor, family and model number of a cpu, where known.
    """
    candidates = [model for model in models.values() if model.kind == kind]
    wanted = _plain(name)
    for model in candidates:
        if wanted in map(_plain, model.match):
            return model
    if cpuid is None:
        return None
    vendor, family, number = cpuid
    for model in candidates:
        known = model.match_cpuid
        if known and (known.vendor, known.family) == (vendor, family) and number in known.models:
            return model
    return None


def describe(device: DeviceInfo, *, roots: Sequence[Path]) -> DeviceModel | None:
    """The model of a device found on this machine; None where no file describes it.

    Args:
        device: As discovered.
        roots: Content folders, the user's first: one of theirs stands before the package's.
    """
    facts = device.facts
    cpuid = None
    if all(facts.get(name) is not None for name in ("vendor", "family", "model")):
        cpuid = (str(facts["vendor"]), int(facts["family"]), int(facts["model"]))
    found = models(list(reversed(roots))).models
    return match(found, kind=device.kind, name=device.name, cpuid=cpuid)


def share(model: DeviceModel, units: int) -> Share:
    """Peaks and power envelope of `units` cores; a gpu, or a cpu of unknown cores, is taken whole.

    Bandwidth is not shared out: a few cores can draw most of a socket's.

    Args:
        model: The device.
        units: Cores used (cpu); ignored for everything else.
    """
    if model.kind != CPU or model.cores is None:
        return Share(
            fraction=1.0,
            peaks=model.peaks,
            boost_peaks={},
            power_envelope=model.power_envelope,
            how="the whole device",
        )
    fraction = units / model.cores.value
    how = f"{units} of {model.cores.value:.0f} cores"
    if fraction > 1:
        how = f"{counted(units, 'core')}, {fraction:g} sockets of {model.cores.value:.0f}"
    boost = {}
    if model.clock and model.boost_clock:
        faster = model.boost_clock.value / model.clock.value
        boost = {
            precision: _scaled(
                peak, fraction * faster, f"{how}, x {faster:.3g} for the boost clock"
            )
            for precision, peak in model.peaks.items()
        }
    envelope = model.power_envelope
    return Share(
        fraction=fraction,
        peaks={key: _scaled(peak, fraction, how) for key, peak in model.peaks.items()},
        boost_peaks=boost,
        power_envelope=_scaled(envelope, fraction, how) if envelope else None,
        how=how,
    )


def ridge_point(model: DeviceModel, precision: str) -> float | None:
    """FLOP/B at which the whole device's peak and bandwidth meet; None where one is unpublished."""
    peak = model.peaks.get(precision)
    if peak is None or model.bandwidth is None:
        return None
    return peak.value / model.bandwidth.value


def fits_in(model: DeviceModel, size_b: float) -> Level | None:
    """Find the nearest level of memory that holds `size_b` bytes in one instance.

    Args:
        model: The device.
        size_b: For example a network's weights at the precision of the run.

    Returns:
        A cache or main memory; None where neither is known to hold them.
    """
    for cache in model.caches:
        if size_b <= cache.size_b:
            return Level(name=cache.name, size_b=cache.size_b, source=cache.source)
    if model.memory and size_b <= model.memory.value:
        return Level(name="memory", size_b=model.memory.value, source=model.memory.source)
    return None


def as_json(model: DeviceModel) -> dict[str, Any]:
    """A model as `hw list --json` and `hw show --json` give it; missing figures are null."""

    def figure(value: Figure | None) -> dict[str, Any] | None:
        return None if value is None else {"value": value.value, "source": value.source}

    return {
        "name": model.key,
        "title": model.name,
        "vendor": model.vendor,
        "kind": model.kind,
        "year": model.year,
        "file": f"hw/{model.key}.toml",
        "note": model.note,
        "cores": figure(model.cores),
        "clock": figure(model.clock),
        "boost_clock": figure(model.boost_clock),
        "peaks": {precision: figure(peak) for precision, peak in model.peaks.items()},
        "bandwidth": figure(model.bandwidth),
        "memory": figure(model.memory),
        "power_envelope": figure(model.power_envelope),
        "price": None if model.price is None else asdict(model.price),
        "caches": [asdict(cache) for cache in model.caches],
    }


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _scaled(figure: Figure, factor: float, how: str) -> Figure:
    return Figure(value=figure.value * factor, source=f"{how}: {figure.source}")


# --- reading a file ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """A TOML table that knows where it stands, so that a complaint can name the place."""

    path: Path
    at: str
    values: Mapping[str, object]

    def wrong(self, key: str, what: str) -> BadInput:
        place = ".".join(part for part in (self.at, key) if part)
        return BadInput(f"{self.path}: {place} {what}")

    def check(self, *, required: Sequence[str], optional: Sequence[str] = ()) -> None:
        allowed = (*required, *optional)
        for key in self.values:
            if key not in allowed:
                raise self.wrong(key, f"is not known; use one of {', '.join(allowed)}")
        for key in required:
            if key not in self.values:
                fix = "name publisher, document and year" if key == "source" else "add it"
                raise self.wrong(key, f"is missing; {fix}")

    def text(self, key: str) -> str:
        value = self.values[key]
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, f"is {value!r}; give a text in quotes")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values[key]
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.wrong(key, f"is {value!r}; give a list of texts")
        return tuple(value)

    def number(self, key: str) -> float:
        value = self.values[key]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key, f"is {value!r}; give a number")
        if not 0 < value < math.inf:
            raise self.wrong(key, f"is {value!r}; give a positive number")
        return float(value)

    def integer(self, key: str) -> int:
        value = self.values[key]
        if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
            raise self.wrong(key, f"is {value!r}; give a positive whole number")
        return value

    def integers(self, key: str) -> tuple[int, ...]:
        value = self.values[key]
        numbers = value if isinstance(value, list) else [None]
        if not all(isinstance(each, int) and not isinstance(each, bool) for each in numbers):
            raise self.wrong(key, f"is {value!r}; give a list of whole numbers")
        return tuple(numbers)

    def table(self, key: str) -> _Table:
        return self._inner(key, self.values[key])

    def tables(self, key: str) -> tuple[_Table, ...]:
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, f"is {value!r}; write it as [[{key}]]")
        return tuple(self._inner(f"{key}[{i}]", each) for i, each in enumerate(value))

    def _inner(self, key: str, value: object) -> _Table:
        place = ".".join(part for part in (self.at, key) if part)
        if not isinstance(value, dict):
            raise self.wrong(key, f"is {value!r}; write it as a table [{place}]")
        return _Table(path=self.path, at=place, values=value)


def _figure(table: _Table) -> Figure:
    table.check(required=("value", "source"), optional=("derived",))
    source = table.text("source")
    if "derived" in table.values:
        source = f"{table.text('derived')} ({source})"
    return Figure(value=table.number("value"), source=source)


def _peaks(table: _Table, cores: Figure | None, clock: Figure | None) -> dict[str, Figure]:
    table.check(required=(), optional=PRECISIONS)
    return {key: _peak(table.table(key), cores, clock) for key in table.values}


def _peak(table: _Table, cores: Figure | None, clock: Figure | None) -> Figure:
    """Take a published peak, or derive it from a core's `units` and `lanes` of multiply-adds."""
    if "units" not in table.values and "lanes" not in table.values:
        return _figure(table)
    table.check(required=("units", "lanes", "source"))
    if cores is None or clock is None:
        raise table.wrong("units", "needs the tables [cores] and [clock]; add them")
    units, lanes = table.integer("units"), table.integer("lanes")
    derived = (
        f"{cores.value:.0f} cores x {units} units x {lanes} lanes x {FLOP_PER_LANE} FLOP"
        f" x {clock.value / 1e9:g} GHz base clock"
    )
    return Figure(
        value=cores.value * units * lanes * FLOP_PER_LANE * clock.value,
        source=f"{derived} ({table.text('source')}; {cores.source})",
    )


def _cpuid(table: _Table) -> CpuId:
    table.check(required=("vendor", "family", "model"))
    return CpuId(
        vendor=table.text("vendor"),
        family=table.integer("family"),
        models=table.integers("model"),
    )


def _price(table: _Table) -> Price:
    table.check(required=("value", "currency", "year", "source"))
    return Price(
        value=table.number("value"),
        currency=table.text("currency"),
        year=table.integer("year"),
        source=table.text("source"),
    )


def _cache(table: _Table) -> Cache:
    table.check(required=("name", "bytes", "source"), optional=("shared_by",))
    return Cache(
        name=table.text("name"),
        size_b=table.integer("bytes"),
        source=table.text("source"),
        shared_by=table.integer("shared_by") if "shared_by" in table.values else None,
    )
