"""Another machine's results JSON, checked before any of it is believed.

The file is untrusted: types, identities, units and ranges are checked, and what is wrong is told
in one sentence that names the place in the file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import msgspec

from benchsuite import raw
from benchsuite.catalog import load_entry, workload_files
from benchsuite.errors import BadInput, one_line
from benchsuite.exchange import SCHEMA
from benchsuite.metrics import METRICS
from benchsuite.soundness import wrong_counts, wrong_times, wrong_work
from benchsuite.store import Store
from benchsuite.types import (
    EMBEDDED,
    UNRANKED,
    UNRANKING,
    Count,
    Doubt,
    Fingerprint,
    LayerTimes,
    Process,
    Result,
    RunInfo,
    SystemKey,
    Value,
    Window,
    Workload,
)

_Text = Annotated[str, msgspec.Meta(max_length=100_000)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100_000)]
_Number = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e10)]  # three centuries
_MOST_PROCESSES = 10_000
Identity = tuple[str, str, SystemKey]
# no figure of one system has more, in SI units: 1e24 FLOP/s is a million exascale machines
_MOST = 1e24
_LEAST = 1e-24  # and less: the ratio of any two is a finite number
# computed from one window as products of doubles, written with all digits
_EXACT = 1e-6
_CLOCKS_APART = timedelta(days=1)  # of two machines, the time zone of a naive time included


Contract = Callable[[str], Workload | None]


class _Metric(msgspec.Struct, kw_only=True):
    value: float | None
    unit: _Text
    how: _Text
    low: float | None = None
    high: float | None = None
    reason: _Text | None = None


class _Process(msgspec.Struct, kw_only=True):
    measured_at: _Name
    values: dict[str, float | None]
    warnings: list[Doubt]


class _Row(msgspec.Struct, kw_only=True):
    run: _Name
    environment: _Name
    workload: _Name
    domain: _Name
    scale: _Name
    dataset: _Name | None
    weights: _Text | None
    backend: _Name
    precision: _Name
    batch: _Number
    device: _Name
    device_name: _Name
    device_count: _Number
    threads: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
    scenario: _Name
    status: Literal["ok", "failed", "skipped"]
    reason: _Text | None
    rank_class: Literal["qualified", "speed-only", "embedded", "unranked"] = msgspec.field(
        name="class"
    )
    class_reason: _Text | None
    frame: _Name
    warnings: list[Doubt]
    fingerprint: Fingerprint | None
    metrics: dict[str, _Metric]
    measure: _Text | None = None
    target: float | None = None
    beside: dict[str, float] = {}
    measured_at: _Text = ""
    processes: Annotated[list[_Process], msgspec.Meta(max_length=_MOST_PROCESSES)] = []
    chosen: bool = False
    counts: _Text | None = None
    layer_times: LayerTimes | None = None
    raw: dict[str, Any] | None = None


class _Run(msgspec.Struct, kw_only=True):
    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    started_at: _Name
    labels: dict[str, str] = {}
    command: _Text = ""
    seconds: _Seconds | None = None


class _File(msgspec.Struct, kw_only=True):
    environments: dict[str, dict[str, Any]]
    runs: list[_Run]
    results: list[_Row]
    counts: dict[str, tuple[Count, ...]] = {}


class _Head(msgspec.Struct):
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What one or more files brought.

    Attributes:
        runs: How many runs were added.
        resumed: Ids of runs that an earlier file brought midway, and that have further results now.
        results: How many results were added.
        skipped: Ids of runs that were stored already.
    """

    runs: int
    resumed: tuple[str, ...] = ()
    results: int
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A file that was found sound.

    Attributes:
        windows: Raw windows by `identity`, as the file has them: `raw.from_json` reads them.
    """

    runs: tuple[RunInfo, ...]
    results: tuple[Result, ...]
    windows: Mapping[Identity, Mapping[str, Any]]
    environments: Mapping[str, Mapping[str, Any]]


def import_files(
    store: Store, paths: Sequence[Path], *, contract: Contract | None = None
) -> Imported:
    """Merges files into a store: all of them, or where one is unsound, none.

    Args:
        store: Where to.
        paths: The files.
        contract: Gives what a workload of this installation promises; rows of others, and all
            rows without it, are believed in their target.

    Raises:
        BadInput: A file cannot be read or is unsound.
    """
    runs: dict[str, RunInfo] = {}
    results: list[Result] = []
    windows: dict[Identity, Mapping[str, Any]] = {}
    environments: dict[str, Mapping[str, Any]] = {}
    for path in paths:
        try:
            contents = read(path.read_bytes(), name=str(path), contract=contract)
        except OSError as error:
            raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
        for name, facts in contents.environments.items():
            if environments.setdefault(name, facts) != facts:
                raise BadInput(f"{path}: environment {name} differs from another file's")
        for run in contents.runs:
            if run.id in runs:
                raise BadInput(f"{path}: run {run.id} is in another file too; name it once")
            runs[run.id] = run
        results.extend(contents.results)
        windows.update(contents.windows)

    def window(row: Result) -> Window | None:
        """One at a time: all of a file's would fill the memory."""
        found = windows.get(identity(row))
        return None if found is None else raw.from_json(found)

    merged = store.merge(list(runs.values()), results, environments=environments, window=window)
    return Imported(
        runs=merged.runs,
        resumed=tuple(sorted(merged.resumed)),
        results=merged.results,
        skipped=tuple(sorted(merged.left)),
    )


def contract_of(roots: Sequence[Path]) -> Contract:
    """What the workloads of the content folders promise; each file is loaded when it is asked for.

    None is given for a workload that is not here, or whose file is broken.
    """
    files = workload_files(roots)

    @cache
    def find(name: str) -> Workload | None:
        if name not in files:
            return None
        try:
            return load_entry(files[name], name=name).workload
        except BadInput:
            return None

    return find


def read(data: bytes, *, name: str, contract: Contract | None = None) -> Contents:
    """Checks a results JSON.

    Args:
        data: The file's bytes.
        name: What the file is called in messages.
        contract: As `import_files` takes it.

    Raises:
        BadInput: What is wrong first, and where.
    """
    try:
        schema = msgspec.json.decode(data, type=_Head).schema
        if schema != SCHEMA:
            raise BadInput(f"{name}: schema {schema[:80]!r}; this benchsuite reads {SCHEMA!r}")
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadInput(f"{name}: no sound results JSON: {one_line(error)}") from error
    runs = {}
    for place, run in enumerate(file.runs):
        where = f"{name}: runs[{place}]"
        if run.id in runs:
            raise BadInput(f"{where}: run {run.id} is there twice")
        runs[run.id] = RunInfo(
            id=run.id,
            started_at=_moment(run.started_at, f"{where}.started_at"),
            labels=run.labels,
            command=run.command,
            seconds=run.seconds,
        )
    for key, counts in file.counts.items():
        if wrong := wrong_counts(counts):
            raise BadInput(f"{name}: counts.{key[:80]}{wrong}")
    windows: dict[Identity, Mapping[str, Any]] = {}
    seen: set[Identity] = set()
    results, durations = [], 0
    for place, row in enumerate(file.results):
        where = f"{name}: results[{place}]"
        if row.run not in runs:
            raise BadInput(f"{where}: its run {row.run[:80]!r} is not in the file")
        if row.environment not in file.environments:
            raise BadInput(f"{where}: its environment {row.environment[:80]!r} is not in the file")
        if row.counts is not None and row.counts not in file.counts:
            raise BadInput(f"{where}: its counts {row.counts[:80]!r} are not in the file")
        counted = file.counts[row.counts] if row.counts else ()
        result = _result(row, where, started_at=runs[row.run].started_at, counts=counted)
        if contract is not None and (workload := contract(row.workload)) is not None:
            _check_contract(row, workload, where)
        if identity(result) in seen:
            raise BadInput(f"{where}: the same system and scenario is there twice in its run")
        seen.add(identity(result))
        results.append(result)
        if row.raw is not None:
            durations += _check_raw(row.raw, result, where)
            if durations > raw.MOST_IN_FILE:
                raise BadInput(f"{where}: the file has more than {raw.MOST_IN_FILE} durations")
            windows[identity(result)] = row.raw
    used = {result.environment for result in results}
    return Contents(
        runs=tuple(runs.values()),
        results=tuple(results),
        windows=windows,
        environments={key: file.environments[key] for key in used},
    )


def _result(row: _Row, where: str, *, started_at: str, counts: tuple[Count, ...]) -> Result:
    if row.domain != row.workload.partition("/")[0]:
        _unsound(where, f"domain {row.domain!r} is not that of workload {row.workload!r}")
    metrics = {
        key: _value(key, metric, f"{where}.metrics.{key}")
        for key, metric in row.metrics.items()
        if key in METRICS  # a newer version's metrics are left out
    }
    numbers = {key: value.value for key, value in metrics.items() if value.value is not None}
    if row.status != "ok":
        if not row.reason:
            _unsound(where, f"status {row.status} without a reason")
        if numbers:
            _unsound(where, f"status {row.status}, and yet {min(numbers)} has a value")
        if row.rank_class != "unranked":
            _unsound(where, f"status {row.status} and class {row.rank_class}")
    elif "throughput" not in numbers:
        _unsound(where, "status ok without a throughput")
    _check_class(row, numbers, where)
    for value in (row.target, *row.beside.values()):
        if value is not None and (wrong := _beyond(value)):
            _unsound(where, wrong)
    _check_identities(numbers, row.scenario, where)
    _check_processes(row.processes, numbers, where)
    if wrong := wrong_work(counts, batch=row.batch, work=numbers.get("work")):
        _unsound(where, wrong)
    if row.layer_times is not None and (wrong := wrong_times(row.layer_times)):
        _unsound(f"{where}.layer_times", wrong)
    return Result(
        run=row.run,
        environment=row.environment,
        key=SystemKey(
            workload=row.workload,
            scale=row.scale,
            dataset=row.dataset,
            backend=row.backend,
            precision=row.precision,
            batch=row.batch,
            device_name=row.device_name,
            device_count=row.device_count,
            threads=row.threads,
        ),
        domain=row.domain,
        device=row.device,
        weights=row.weights,
        scenario=row.scenario,
        status=row.status,
        reason=row.reason,
        rank_class=row.rank_class,
        class_reason=row.class_reason,
        frame=row.frame,
        fingerprint=row.fingerprint,
        metrics=metrics,
        doubts=tuple(row.warnings),
        beside=row.beside,
        target=row.target,
        measure=row.measure,
        measured_at=_moment(row.measured_at or started_at, f"{where}.measured_at"),
        chosen=row.chosen,
        layer_times=row.layer_times,
        counts=counts,
        processes=tuple(
            _process(process, f"{where}.processes[{place}]")
            for place, process in enumerate(row.processes)
        ),
    )


def identity(result: Result) -> Identity:
    """What a row is in its file."""
    return result.run, result.scenario, result.key


def _check_raw(found: Mapping[str, Any], row: Result, where: str) -> int:
    """How many durations a row's raw window has, which gives the row's metrics again."""
    try:
        window = raw.from_json(found)
    except ValueError as error:
        _unsound(f"{where}.raw", str(error))
    if row.status != "ok":
        _unsound(where, f"status {row.status}, and yet a raw window")
    named = f"{row.key.workload[:80]}, {row.key.backend[:80]}, {row.scenario[:80]}"
    if wrong := raw.disagreement(window, row):
        _unsound(f"{where} ({named})", wrong)
    return raw.count_durations(found)


def _check_class(row: _Row, numbers: Mapping[str, float], where: str) -> None:
    """A class is a claim: what it rests on must be in the row, and nothing that forbids it."""
    if row.rank_class == UNRANKED:
        return
    if (row.scale == EMBEDDED) != (row.rank_class == EMBEDDED):
        _unsound(where, f"class {row.rank_class} at scale {row.scale}")
    if row.rank_class != "speed-only":
        accuracy = numbers.get("accuracy")
        if accuracy is None or row.target is None:
            what = "an accuracy" if accuracy is None else "a target"
            _unsound(where, f"class {row.rank_class} without {what}")
        if accuracy < row.target:
            what = f"accuracy {accuracy:g} below {row.target:g}"
            _unsound(where, f"class {row.rank_class} with {what}")
    for doubt in row.warnings:
        if doubt.code in UNRANKING:
            _unsound(where, f"class {row.rank_class} beside the doubt {doubt.code}")


def _check_contract(row: _Row, workload: Workload, where: str) -> None:
    """The target is the workload's, not the submitter's, and so is what it is measured by."""
    scale = workload.scales.get(row.scale)
    if scale is None or row.target is None:
        return
    quality = scale.qualities.get(row.dataset or "")
    what = f"{row.workload} at scale {row.scale} on {row.dataset or 'no data set'}"
    if quality is None:
        _unsound(where, f"target {row.target:g}, but {what} has none here; remove it from the file")
    if row.target != quality.target:
        _unsound(
            where,
            f"target {row.target:g}, but {what} must reach {quality.target:g}; "
            "measure it with the workload of this version",
        )
    if row.measure != quality.measure:
        _unsound(where, f"measure {row.measure!r}, but {what} is judged by {quality.measure!r}")


def _check_processes(
    processes: Sequence[_Process], numbers: Mapping[str, float], where: str
) -> None:
    """The row is one of its processes, so its throughput is that of one."""
    own = [number for each in processes if (number := each.values.get("throughput")) is not None]
    whole = numbers.get("throughput")
    if own and not any(math.isclose(each, whole or 0.0, rel_tol=_EXACT) for each in own):
        _unsound(where, f"throughput {whole} is that of none of its {len(own)} processes")


def _process(process: _Process, where: str) -> Process:
    for key, number in process.values.items():
        if number is None:
            continue
        if wrong := _beyond(number) or (_below(key, number) if key in METRICS else None):
            _unsound(where, f"{key[:80]}: {wrong}")
    return Process(
        measured_at=_moment(process.measured_at, f"{where}.measured_at"),
        values={key: number for key, number in process.values.items() if key in METRICS},
        doubts=tuple(process.warnings),
    )


def _value(key: str, metric: _Metric, where: str) -> Value:
    unit = METRICS[key].unit
    if metric.unit != unit:
        _unsound(where, f"unit {metric.unit[:80]!r}, the contract says {unit!r}")
    for number in (metric.value, metric.low, metric.high):
        if number is not None and (wrong := _beyond(number) or _below(key, number)):
            _unsound(where, wrong)
    if (metric.value is None) != (metric.reason is not None):
        _unsound(where, "a value has no reason, a missing one needs one")
    if metric.value is not None:
        if not metric.how.strip():
            _unsound(where, "a value needs its how: where the number comes from")
        if metric.low is not None and metric.low > metric.value:
            _unsound(where, f"low {metric.low:g} is above the value {metric.value:g}")
        if metric.high is not None and metric.high < metric.value:
            _unsound(where, f"high {metric.high:g} is below the value {metric.value:g}")
        if key in ("accuracy", "reference_accuracy") and abs(metric.value) > 1:
            _unsound(where, f"{metric.value:g} is no share of 1")
    return Value(
        value=metric.value, how=metric.how, low=metric.low, high=metric.high, reason=metric.reason
    )


def _beyond(number: float) -> str | None:
    """Why a number cannot be of this world; None where it can."""
    if not math.isfinite(number):
        return f"{number} is no finite number"
    if abs(number) > _MOST:
        return f"{number:g} is beyond {_MOST:g}, more than can be measured"
    return None


def _below(key: str, number: float) -> str | None:
    """Why a metric cannot be as low; None where it can."""
    if key in _POSITIVE and number <= 0:
        return f"{number:g} must be above 0"
    if key not in _SIGNED and number < 0:
        return f"{number:g} must not be negative"
    if key not in _SIGNED and 0 < number < _LEAST:
        return f"{number:g} is below {_LEAST:g}, less than can be measured"
    return None


# rank correlations; differences: a window can draw less than the idle power that was measured
_SIGNED = frozenset({"accuracy", "reference_accuracy", "accuracy_change", "net_energy_per_frame",
                     "lpirc_correct", "lpirc_score"})  # fmt: skip
_POSITIVE = frozenset(
    {"throughput", "energy_per_frame", "mean_power", "max_power", "peak", "device_peak",
     "latency_p50", "latency_p90", "latency_p99", "bandwidth", "drift", "bandwidth_drift"}
)  # fmt: skip
# a metric is a product of others; the contract promises it of every result
_IDENTITIES = (
    ("throughput", ("peak", "fraction_of_peak"), ("work",)),
    ("fraction_of_peak", ("fit", "fraction_of_roofline"), ()),
    ("peak", ("device_peak", "configuration_gain", "drift"), ()),
)


def _check_identities(numbers: Mapping[str, float], scenario: str, where: str) -> None:
    rules = list(_IDENTITIES)
    if scenario == "Offline":
        rules.append(("energy_per_frame", ("mean_power",), ("throughput",)))
    for whole, factors, divisors in rules:
        if any(key not in numbers for key in (whole, *factors, *divisors)):
            continue
        below = math.prod(numbers[key] for key in divisors)
        if not below:
            continue
        expected = math.prod(numbers[key] for key in factors) / below
        if not math.isclose(numbers[whole], expected, rel_tol=_EXACT):
            said = " x ".join(factors) + "".join(f" / {key}" for key in divisors)
            _unsound(where, f"{whole} is {numbers[whole]:.6g}, but {said} is {expected:.6g}")


def _moment(text: str, where: str) -> str:
    """An ISO time, in UTC, so that times can be ordered as texts."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        _unsound(where, f"{text[:80]!r} is no ISO time")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment > datetime.now(UTC) + _CLOCKS_APART:
        _unsound(where, f"{text[:80]} lies in the future")
    said = moment.astimezone(UTC).isoformat()
    return text if said == text else said


def _unsound(where: str, what: str) -> NoReturn:
    raise BadInput(f"{where}: {what}")
