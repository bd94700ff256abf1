"""From what the user asked for to the systems to measure: targets, suites, data and weights."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchsuite import backends, catalog, datasets, devices, machine, meters, targets
from benchsuite.catalog import Catalog, Entry
from benchsuite.errors import BadInput, MissingPackage, NotMeasurable
from benchsuite.harness import network, pinning, scenarios
from benchsuite.metrics import ELEMENT_B
from benchsuite.types import (
    OFFLINE,
    REAL_TIME,
    REFERENCE,
    SAMPLES_PER_QUERY,
    SCALES,
    SCENARIOS,
    SERVER,
    SINGLE_STREAM,
    DeviceInfo,
    SystemSpec,
)

PRECISIONS = tuple(ELEMENT_B)
ALL = "all"
BEST = "best"
MOST_RATE = 1e6  # frames a second: above it a schedule is finer than reading the clock
_DEFAULT_BACKENDS = ("eager", "onnxruntime")
_GRAPH_BACKEND = "onnxruntime"
_DEFAULT_SCENARIOS = (OFFLINE, SINGLE_STREAM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What `benchsuite run` was asked for; None leaves a choice to the suite or the default.

    Attributes:
        targets: Suite names, workload names or globs, `.toml` or `.py` files, networks of the
            user's own (`benchsuite.targets`).
        data: Data set name to the user's folder.
        weights: Workload name to a safetensors file.
        batch: Samples a query, in `Offline` and in `MultiStream`.
        rate: Frames a second in `RealTime`.
        inputs: `NAME=1x3x224x224`, for networks of the user's own that leave a shape open.
        repeats: Processes a system.
        cores: Processors to bind to, empty for none; None to choose them.
    """

    targets: tuple[str, ...]
    scale: str | None = None
    backends: tuple[str, ...] | None = None
    precisions: tuple[str, ...] | None = None
    batch: int | None = None
    scenarios: tuple[str, ...] | None = None
    rate: float | None = None
    device: str | None = None
    threads: int | None = None
    cores: tuple[int, ...] | None = None
    repeats: int | None = None
    time_limit_s: float | None = None
    meter: str = meters.AUTOMATIC
    seconds: float | None = None
    warmup_s: float | None = None
    data: Mapping[str, Path] = field(default_factory=dict)
    weights: Mapping[str, Path] = field(default_factory=dict)
    content: tuple[Path, ...] = ()
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Systems of a suite that share their settings; the product of all lists is measured.

    Attributes:
        batch: Samples a query in `Offline`; None takes the workload's.
        samples_per_query: The same in `MultiStream`.
        rate, latency_bound_s: Of `RealTime` and of `Server`; None takes the workload's.
    """

    workloads: tuple[str, ...]
    scale: str | None = None
    dataset: str | None = None
    backends: tuple[str, ...] = _DEFAULT_BACKENDS
    precisions: tuple[str, ...] = ("fp32",)
    scenarios: tuple[str, ...] = _DEFAULT_SCENARIOS
    batch: int | None = None
    threads: int | None = None
    samples_per_query: int | None = None
    rate: float | None = None
    latency_bound_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A named list of systems from `workloads/suites/NAME.toml`.

    Attributes:
        seconds, warmup_s: Least length of a window and longest warm-up.
        time_limit_s: Of one system.
        min_queries: Least queries of a window in `SingleStream`, `MultiStream` and `Server`.
        repeats: Processes a system.
    """

    name: str
    title: str
    groups: tuple[Group, ...]
    seconds: float = 1.0
    warmup_s: float = 2.0
    time_limit_s: float = 600.0
    min_queries: int = 1
    repeats: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will measure.

    Attributes:
        specs: In order.
        skipped: Systems that cannot be measured here, each with its reason.
        notes: Choices made for the user, to be printed.
    """

    specs: tuple[SystemSpec, ...]
    skipped: tuple[tuple[SystemSpec, str], ...]
    notes: tuple[str, ...]
    device: DeviceInfo


def make_plan(request: Request, *, cache: Path, home: Path) -> Plan:
    """Resolves a request into systems and prepares their data.

    Args:
        request: What was asked for.
        cache: The user's cache; data sets are prepared there.
        home: The user's data folder; weights that `benchsuite train` made lie there.

    Raises:
        BadInput: A name is unknown, a file is broken, data are missing or corrupt.
    """
    roots = catalog.content_roots(request.content)
    found = catalog.load_catalog(roots)
    _check_request(request)
    device = devices.find(request.device) if request.device else devices.default_device()
    devices.check_threads(request.threads, device)
    _check_cores(request.cores)
    _check_meter(request.meter, device, roots)
    specs: list[SystemSpec] = []
    skipped: list[tuple[SystemSpec, str]] = []
    notes: list[str] = []
    prepared: dict[str, datasets.Prepared | MissingPackage] = {}
    chosen = [
        (suite, group, entry)
        for suite in [_suite(target, roots, found) for target in request.targets]
        for group in suite.groups
        for entry in _entries(group, found, request, scale=request.scale or group.scale)
    ]
    _check_inputs(request, [entry for _, _, entry in chosen])
    _check_names(
        "--weights", tuple(request.weights), [e.name for _, _, e in chosen], what="workload"
    )
    for suite, group, entry in chosen:
        scale = request.scale or group.scale
        if scale is None:
            scale = entry.default_scale()
            notes.append(f"{entry.name}: scale {scale}")
        if entry.name in request.weights:
            network.check_weights(entry, scale, request.weights[entry.name])
        for spec in _systems(
            entry, scale, suite, group, request, device=device, cache=cache, roots=roots
        ):
            if spec in specs:
                continue
            spec, reason = _with_data(spec, entry, request, prepared, cache=cache, home=home)
            if reason is None:
                spec, reason = _runnable(spec, entry, device, notes)
            if reason:
                skipped.append((spec, reason))
                continue
            spec, unable = _paced(spec, entry)
            skipped += unable
            if spec.scenarios:
                specs.append(spec)
    _check_rate(request, specs)
    used = {spec.dataset for spec in (*specs, *(spec for spec, _ in skipped))}
    notes += [f"data set {name}: no network chosen takes it" for name in request.data.keys() - used]
    return Plan(
        specs=tuple(dict.fromkeys(specs)),
        skipped=tuple(skipped),
        notes=tuple(dict.fromkeys(notes)),
        device=device,
    )


def load_suite(path: Path) -> Suite:
    """A suite from its TOML file.

    Raises:
        BadInput: Not TOML, an unknown key, a value of the wrong kind.
    """
    table = catalog.load_toml(path, what="suite")
    systems = table.pop("systems", None)
    known = {
        "title": str,
        "seconds": float,
        "warmup_s": float,
        "time_limit_s": float,
        "min_queries": int,
        "repeats": int,
    }
    settings = {key: _typed(path, key, value, known) for key, value in table.items()}
    if not isinstance(systems, list) or not systems:
        raise BadInput(f"{path}: a suite needs at least one [[systems]] table")
    title = settings.pop("title", path.stem)
    _check_counts(path, settings, ("min_queries", "repeats"))
    return Suite(
        name=path.stem,
        title=title,
        groups=tuple(_group(path, group) for group in systems),
        **settings,
    )


def _group(path: Path, table: Any) -> Group:
    lists = ("workloads", "backends", "precisions", "scenarios")
    known: dict[str, type] = {
        **dict.fromkeys(lists, list),
        "scale": str,
        "dataset": str,
        "batch": int,
        "threads": int,
        "samples_per_query": int,
        "rate": float,
        "latency_bound_s": float,
    }
    if not isinstance(table, dict):
        raise BadInput(f"{path}: [[systems]] must be a table")
    values: dict[str, Any] = {}
    for key, value in table.items():
        value = _typed(path, key, value, known)
        if key in lists:
            if not all(isinstance(item, str) for item in value):
                raise BadInput(f"{path}: {key} must be a list of texts")
            value = tuple(value)
        values[key] = value
    if not values.get("workloads"):
        raise BadInput(f"{path}: a [[systems]] table needs workloads = [...]")
    _check_counts(path, values, ("batch", "threads", "samples_per_query"))
    group = Group(**values)
    _check_names(str(path), group.scenarios, SCENARIOS, what="scenario")
    _check_names(str(path), group.precisions, PRECISIONS, what="precision")
    _check_names(str(path), group.backends, (*backends.names(), ALL, BEST), what="backend")
    if group.scale is not None:
        _check_names(str(path), (group.scale,), SCALES, what="scale")
    return group


def _check_counts(path: Path, values: Mapping[str, Any], keys: Sequence[str]) -> None:
    for key in keys:
        if not 1 <= values.get(key, 1) < _MOST:
            raise BadInput(f"{path}: {key} must be at least 1 and below {_MOST:g}")


def _typed(path: Path, key: str, value: Any, known: Mapping[str, type]) -> Any:
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        raise BadInput(f"{path}: unknown key {key!r}; {hint}")
    wanted = known[key]
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(max(-_MOST, min(value, _MOST)))
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise BadInput(f"{path}: {key} = {value!r} must be {_KIND_NAMES[wanted]}")
    if isinstance(value, float) and not 0 < value < _MOST:
        raise BadInput(f"{path}: {key} = {value:g} must be above 0 and below {_MOST:g}")
    return value


_MOST = 10**9  # of anything in a suite; a system's timers end at 9.2e9 seconds
_KIND_NAMES = {str: "a text", float: "a number", int: "a whole number", list: "a list"}


def _suite(target: str, roots: Sequence[Path], found: Catalog) -> Suite:
    """The suite a target names; a workload or a glob of them is a suite of its own."""
    if not target.strip():
        raise BadInput("an empty target; name a suite or a workload: benchsuite run smoke")
    if target.endswith(".toml"):
        return load_suite(Path(target))
    if target.endswith(".py") or "/" in target or "*" in target or targets.is_target(target):
        return Suite(name=target, title=target, groups=(Group(workloads=(target,)),))
    path = catalog.named_file(roots, "suites", target)
    if path is not None:
        return load_suite(path)
    suites = catalog.named_files(roots, "suites")
    near = difflib.get_close_matches(target, [*suites, *found.entries], n=2, cutoff=0.5)
    same_stem = [name for name in found.entries if name.endswith(f"/{target}")]
    near = same_stem or near
    hint = (
        f"did you mean {' or '.join(near)}?"
        if near
        else f"suites: {', '.join(suites)}; workloads: benchsuite list workloads"
    )
    raise BadInput(f"unknown suite or workload {target!r}; {hint}")


def _entries(group: Group, found: Catalog, request: Request, *, scale: str | None) -> list[Entry]:
    """The group's workloads; of those that a glob finds, only the ones that have the scale."""
    entries: list[Entry] = []
    for pattern in group.workloads:
        chosen = targets.select(found, pattern, inputs=request.inputs)
        if scale is not None and len(chosen) > 1:
            # where none has it, the first one's refusal names what there is
            chosen = [e for e in chosen if scale in e.workload.scales] or chosen
        entries += chosen
    return entries


def _systems(
    entry: Entry,
    scale: str,
    suite: Suite,
    group: Group,
    request: Request,
    *,
    device: DeviceInfo,
    cache: Path,
    roots: Sequence[Path],
) -> list[SystemSpec]:
    definition = entry.scale(scale)
    names = request.backends or group.backends
    if request.backends is None and hasattr(entry.module, "graph"):
        # not chosen by the user: those that can, of which there is always one
        names = tuple(n for n in names if n in (ALL, BEST) or not backends.refusal_of_graph(n))
        names = names or (_GRAPH_BACKEND,)
    if ALL in names:
        names = tuple(backends.names())
    threads = request.threads or group.threads or _default_threads(request, device)
    if device.kind == "cpu" and request.cores and threads > len(request.cores):
        named = machine.listed(request.cores)
        raise BadInput(
            f"--pin {named}: {threads} threads need as many processors; name more of them, or give "
            f"--threads {len(request.cores)}"
        )
    base = SystemSpec(
        path=str(entry.path),
        name=entry.name,
        scale=scale,
        backend="",
        precision="",
        batch=request.batch or group.batch or definition.batch,
        device=device.label,
        threads=threads if device.kind == "cpu" else 1,
        scenarios=request.scenarios or group.scenarios,
        seconds=request.seconds or suite.seconds,
        warmup_s=request.warmup_s or suite.warmup_s,
        meter=meters.placed(request.meter),
        cache=str(cache),
        roots=tuple(str(root) for root in roots),
        dataset=_dataset(entry, scale, group, request),
        time_limit_s=request.time_limit_s or suite.time_limit_s,
        min_queries=suite.min_queries,
        repeats=request.repeats or suite.repeats,
        cores=request.cores,
        samples_per_query=request.batch or group.samples_per_query or SAMPLES_PER_QUERY,
        rate=request.rate or group.rate or entry.workload.rate,
        latency_bound_s=group.latency_bound_s or entry.workload.latency_bound_s,
        target=entry.target,
    )
    return [
        replace(base, backend=backend, precision=precision)
        for backend in names
        for precision in request.precisions or group.precisions
    ]


def _paced(spec: SystemSpec, entry: Entry) -> tuple[SystemSpec, list[tuple[SystemSpec, str]]]:
    """Takes out the scenarios that the workload cannot have, each with its reason.

    It lacks a rate or a bound, or takes another number of samples a query.
    """
    lacking = {}
    if spec.rate is None:
        lacking[REAL_TIME] = scenarios.NO_RATE
    if spec.latency_bound_s is None:
        lacking[SERVER] = scenarios.NO_BOUND
    definition = entry.scale(spec.scale)
    if definition.fixed_batch:
        for scenario in spec.scenarios:
            if spec.batch_of(scenario) != definition.batch:
                lacking[scenario] = (
                    f"{entry.name} takes exactly {definition.batch} "
                    f"sample{'s' if definition.batch > 1 else ''} a query, and {scenario} has "
                    f"{spec.batch_of(scenario)}"
                )
    return replace(spec, scenarios=tuple(s for s in spec.scenarios if s not in lacking)), [
        (replace(spec, scenarios=(scenario,)), lacking[scenario])
        for scenario in spec.scenarios
        if scenario in lacking
    ]


def _runnable(
    spec: SystemSpec, entry: Entry, device: DeviceInfo, notes: list[str]
) -> tuple[SystemSpec, str | None]:
    """The spec, with the candidates for `best`; the second value is why nothing can run it."""

    def missing_of(name: str) -> str | None:
        refusal = backends.refusal_of_graph(name) if hasattr(entry.module, "graph") else None
        return refusal or backends.backend(name).missing(device.kind, spec.precision)

    uncalibrated = None
    if spec.precision == "int8" and spec.data is None:
        uncalibrated = f"int8 is calibrated on training data: {spec.data_reason}"
    if spec.backend != BEST:
        return spec, missing_of(spec.backend) or uncalibrated
    if uncalibrated is not None:
        return spec, uncalibrated
    missing = {name: missing_of(name) for name in backends.names()}
    reasons = "; ".join(f"not {name}: {why}" for name, why in missing.items() if why)
    candidates = tuple(name for name, why in missing.items() if why is None)
    if not candidates:
        return spec, reasons
    told = f"best at {spec.precision}: tries {', '.join(candidates)}"
    notes.append(f"{told}; {reasons}" if reasons else told)
    return replace(spec, candidates=candidates), None


def _dataset(entry: Entry, scale: str, group: Group, request: Request) -> str | None:
    """The data set: the suite's, else one that the user gave a folder for, else the default."""
    qualities = entry.scale(scale).qualities
    if group.dataset:
        if group.dataset not in qualities:
            have = ", ".join(qualities) or "none"
            raise BadInput(f"{entry.name} has no data set {group.dataset!r}; it has: {have}")
        return group.dataset
    taken = [*qualities]
    if scale == REFERENCE:
        taken += datasets.alike(entry.name, qualities)
    given = (name for name in taken if name in request.data)
    # a streamed set is the user's: without its folder there is none
    own = (name for name in qualities if not datasets.streamed(name))
    return next(given, next(own, None))


def _with_data(
    spec: SystemSpec,
    entry: Entry,
    request: Request,
    prepared: dict[str, datasets.Prepared | MissingPackage],
    *,
    cache: Path,
    home: Path,
) -> tuple[SystemSpec, str | None]:
    """Adds prepared data and weights; the second value is why the system must be skipped."""
    weights, why_random = _weights(spec, entry, request, home=home)
    spec = replace(spec, weights=weights, weights_reason=why_random)
    if hasattr(entry.module, "graph"):
        try:
            entry.module.graph(spec.scale)
        except MissingPackage as error:
            return spec, str(error)
        spec = replace(spec, pretrained=True, weights_reason=None)
    elif weights is None and getattr(entry.module, "holds_weights", False):
        spec = replace(spec, pretrained=True, weights_reason=None)
    elif weights is None and spec.scale == REFERENCE and hasattr(entry.module, "pretrained"):
        own = (None, *entry.scale(spec.scale).qualities)
        try:
            if spec.dataset not in own:
                raise NotMeasurable(f"the package's weights are not for {spec.dataset}'s classes")
            entry.module.pretrained()
            spec = replace(spec, pretrained=True, weights_reason=None)
        except (MissingPackage, NotMeasurable) as error:
            spec = replace(spec, weights_reason=f"random weights: {error}")
    if spec.dataset is None:
        why = f"no data: scale {spec.scale} runs on random inputs, which have no right answers"
        known = [name for name in entry.scale(spec.scale).qualities if datasets.streamed(name)]
        if known:
            why = f"{why} (--data {known[0]}=DIR)"
        return replace(spec, data_reason=why), None
    if spec.dataset not in prepared:
        try:
            prepared[spec.dataset] = datasets.prepare(
                spec.dataset, cache=cache, place=request.data.get(spec.dataset)
            )
        except MissingPackage as error:
            prepared[spec.dataset] = error
    data = prepared[spec.dataset]
    if isinstance(data, MissingPackage):
        return spec, str(data)
    return replace(spec, data=str(data.folder), data_hash=data.hash), None


def _weights(
    spec: SystemSpec, entry: Entry, request: Request, *, home: Path
) -> tuple[str | None, str | None]:
    """The weights' file, or None with the reason why they are random."""
    given = request.weights.get(entry.name)
    if given is not None:
        return str(given), None
    if spec.dataset is None:
        return None, (
            f"random weights: none are shipped at scale {spec.scale} (--weights {entry.name}=FILE)"
        )
    for path in (
        catalog.weights_path(entry, scale=spec.scale, dataset=spec.dataset),
        trained_path(home, entry.name, scale=spec.scale, dataset=spec.dataset),
    ):
        if path.is_file():
            return str(path), None
    return None, (
        f"random weights: none were trained for {entry.name} on {spec.dataset}; run "
        f"`benchsuite train {entry.name}` with that data"
    )


def trained_path(home: Path, workload: str, *, scale: str, dataset: str) -> Path:
    """Where `benchsuite train` puts weights unless told otherwise."""
    return home / "weights" / workload / f"{scale}-{dataset}.safetensors"


def _check_request(request: Request) -> None:
    for name in request.backends or ():
        if name not in (ALL, BEST):
            backends.backend(name)
    _check_names("--scenario", request.scenarios or (), SCENARIOS, what="scenario")
    _check_names("--precision", request.precisions or (), PRECISIONS, what="precision")
    meters.require(request.meter)
    if request.scale is not None:
        _check_names("--scale", (request.scale,), SCALES, what="scale")
    for name, place in request.data.items():
        datasets.describe(name)
        if not place.is_dir():
            raise BadInput(f"--data {name}={place}: no such folder")
    for name, path in request.weights.items():
        if not path.is_file():
            raise BadInput(f"--weights {name}={path}: no such file")


def _check_inputs(request: Request, entries: Sequence[Entry]) -> None:
    if request.inputs and not any(entry.target for entry in entries):
        raise BadInput(
            f"--input {request.inputs[0]}: it is for networks of your own (an .onnx or .pt2 file, "
            "timm:NAME, torchvision:NAME, module:function); workloads say their shapes"
        )


def _check_meter(name: str, device: DeviceInfo, roots: Sequence[Path]) -> None:
    """Refuses a meter that the user names and that does not work here."""
    if name == meters.AUTOMATIC:
        return
    try:
        meters.meter(name).check(meters.subject(device, threads=device.units, roots=roots))
    except NotMeasurable as error:
        raise BadInput(f"--meter {meters.refusal(name, error)}") from None


def _check_rate(request: Request, specs: Sequence[SystemSpec]) -> None:
    if request.rate is not None and not any(REAL_TIME in spec.scenarios for spec in specs):
        raise BadInput(f"--rate {request.rate:g} is {REAL_TIME}'s: add --scenario {REAL_TIME}")
    for spec in specs:
        if REAL_TIME in spec.scenarios and (spec.rate or 0.0) > MOST_RATE:
            raise BadInput(
                f"{spec.name}: a rate of {spec.rate:g} frames a second is above {MOST_RATE:g}, "
                "which no clock here keeps; give a lower one (--rate, or rate in the suite)"
            )


def _default_threads(request: Request, device: DeviceInfo) -> int:
    """All cores, or as many as the user's processors."""
    return min(device.units, len(request.cores)) if request.cores else device.units


def _check_cores(cores: tuple[int, ...] | None) -> None:
    allowed = machine.allowed()
    if not cores:
        return
    if allowed is None:
        raise BadInput("--pin: this system binds no process to processors; leave it out")
    pinning.check(cores, allowed)


def _check_names(where: str, names: Sequence[str], known: Sequence[str], *, what: str) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise BadInput(f"{where}: unknown {what} {name!r}; {hint}")
