"""The command line: parses, composes the other modules, prints through `terminal`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from benchsuite import __version__
from benchsuite.errors import (
    CANNOT_TELL,
    BadInput,
    BenchsuiteError,
    Interrupted,
    MissingPackage,
)
from benchsuite.masking import without_password
from benchsuite.types import COMMIT, CONFIRMS, SCALES

if TYPE_CHECKING:
    from benchsuite.accounting.roofline import Roof
    from benchsuite.catalog import Entry
    from benchsuite.difference import Comparison, Side
    from benchsuite.gate import Judgement
    from benchsuite.goals import Goals
    from benchsuite.machines import Duel
    from benchsuite.plan import Request
    from benchsuite.projection import Projection
    from benchsuite.store import Store
    from benchsuite.types import Result, RunInfo, SystemKey

DONE, BAD_INPUT, SOME_FAILED, NOTHING = 0, 2, 3, 5
_INTERRUPTED = 130
_FAULT = 70  # benchsuite's own, as sysexits.h has it
_MOST_DIGITS = 9
_MOST_NUMBER = 1e9  # seconds: a system's timers end at 9.2e9
LISTED = (
    "workloads",
    "suites",
    "backends",
    "devices",
    "meters",
    "metrics",
    "datasets",
    "goals",
    "runs",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code is the public contract's."""
    _open_closed_streams()
    given = sys.argv[1:] if arguments is None else arguments
    options = _options(given)
    bad = CANNOT_TELL if getattr(options, "bisect", False) else BAD_INPUT
    try:
        with _ended_like_ctrl_c():
            _search(getattr(options, "content", ()))
            code: int = options.command(options)
            sys.stdout.flush()
        return code
    except Interrupted as stop:
        _say(f"stopped; what was measured is stored: benchsuite run --resume {stop}")
        return _INTERRUPTED
    except KeyboardInterrupt:
        _say("stopped")
        return _INTERRUPTED
    except BenchsuiteError as error:
        _say(f"benchsuite: {error}")
        return bad
    except BrokenPipeError:  # the reader of a pipe left, as `head` does
        _mute(sys.stdout)
        return DONE if options.command not in (_gate, _ab) else _no_verdict(bad)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _say(f"benchsuite: {where}{error.strerror or error}")
        _mute(sys.stdout)  # what it still holds cannot be written either
        return bad
    except Exception:
        if options.command not in (_gate, _ab):
            raise
        traceback.print_exc()  # Python's own exit code would be 1: a regression
        return _no_verdict(bad)


def _no_verdict(bad: int) -> int:
    """The exit code of a `gate` or `ab` that came to no verdict by no fault of its input."""
    return bad if bad == CANNOT_TELL else _FAULT


def _options(given: Sequence[str]) -> argparse.Namespace:
    """The parsed command line; a wrong one, too, says nothing of a commit that is bisected."""
    try:
        return _parser().parse_args(given)
    except SystemExit as stop:
        if stop.code == BAD_INPUT and any(map(_means_bisect, given)):
            raise SystemExit(CANNOT_TELL) from None
        raise


def _means_bisect(word: str) -> bool:
    """Whether a word is `--bisect`, or as much of it as tells it from `--budget`."""
    return len(word) > len("--b") and "--bisect".startswith(word)


def _search(content: Sequence[Path]) -> None:
    """Devices, backends and meters of the user's own folders are offered as benchsuite's are."""
    if content:
        from benchsuite import backends, devices, meters, plugins

        plugins.search((backends, devices, meters), content)


def _open_closed_streams() -> None:
    """Where the caller closed standard output or error, what goes there is dropped."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _mute(stream: TextIO) -> None:
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError):
        pass  # not a file of the system: nothing is flushed at the end


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """A request to end (`kill`, a closed terminal) stops as Ctrl-C does: nothing is left behind."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    names = ("SIGTERM", "SIGHUP")  # SIGHUP is not on every system
    known = [getattr(signal, name) for name in names if hasattr(signal, name)]
    ours = []
    try:
        ours = [number for number in known if signal.getsignal(number) is signal.SIG_DFL]
        for number in ours:
            signal.signal(number, stop)
    except ValueError:
        ours = []  # not the main thread: somebody else's program
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


# --- the commands -------------------------------------------------------------------------------


def _run(options: argparse.Namespace) -> int:
    from benchsuite import environment, output, plan, progress, run

    report = _report_path(options)
    _check_writable(options.json, "--json")
    if options.resume:
        _check_resume(options)
    goals = _goals(options)
    home, cache = environment.data_folder(), environment.cache_folder()
    _check_cache(cache)
    store = _store(options)
    show = progress.Progress(quiet=options.quiet)
    if options.resume:
        info = store.find_run(options.resume)
        planned = run.resumed_plan(store, info)
    else:
        if not options.targets:
            raise BadInput("name a suite or a workload: benchsuite run smoke")
        with show.working("preparing data"):
            planned = plan.make_plan(_request(options), cache=cache, home=home)
        if options.budget is not None:
            planned = run.left_over_first(planned, store)
        info = run.new_run(_of_commit() | _labels(options.label), command=_command_line())
        store.add_run(info, plan=[*planned.specs, *(spec for spec, _ in planned.skipped)])
    for note in planned.notes:
        show.note(note)
    done = run.measured(planned, store.results(info.id)) if options.resume else {}
    try:
        with show.running(run.turns_left(planned, done)):
            run.execute(
                planned,
                info,
                store=store,
                goals=goals,
                on_event=show.on_event,
                done=done,
                budget_s=options.budget,
            )
    except BadInput as error:
        raise BadInput(f"{error}; run {info.id} can go on: --resume {info.id}") from error
    info = store.find_run(info.id)
    results = store.results(info.id)
    if not options.quiet and options.json != "-":
        try:
            output.print_run(results)
        except BrokenPipeError:  # the reader left; files are still to be written
            _mute(sys.stdout)
        except OSError as error:
            _mute(sys.stdout)
            raise BadInput(
                f"standard output: cannot be written: {error.strerror}; all is stored: "
                f"benchsuite report {info.id}"
            ) from error
    problems = []
    if options.json:
        try:
            _write_json(options.json, store, [info])
        except BadInput as error:
            problems.append(str(error))
    if report is not None:
        try:
            path = _write_page(report or _default_report(home, info), info, results, store, options)
            if not options.quiet and options.json != "-":
                output.print_path("page", path)
        except BadInput as error:
            problems.append(str(error))
    if problems:
        raise BadInput(
            f"{'; '.join(problems)}; all is stored: benchsuite report {info.id} -o FILE, "
            f"benchsuite export {info.id}"
        )
    if not any(result.status == "ok" for result in results):
        reasons = {result.reason for result in results if result.reason}
        _say(f"benchsuite: nothing was measured: {'; '.join(sorted(reasons)) or 'no system'}")
        return NOTHING
    return SOME_FAILED if any(result.status == "failed" for result in results) else DONE


def _train(options: argparse.Namespace) -> int:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch starts its threads
    from benchsuite import catalog, datasets, environment, output, plan, progress, train

    _check_writable(options.json, "--json")
    roots = catalog.content_roots(options.content)
    entries = catalog.select(catalog.load_catalog(roots), options.workload)
    if len(entries) != 1:
        raise BadInput(f"{options.workload} names {len(entries)} workloads; train takes one")
    entry = entries[0]
    scale = options.scale or entry.default_scale()
    places = _places(options)
    qualities = entry.scale(scale).qualities
    if not qualities:
        raise BadInput(f"{entry.name} has no data set at scale {scale!r}, so it cannot be trained")
    dataset = options.dataset or next((n for n in qualities if n in places), next(iter(qualities)))
    if options.dataset:
        datasets.describe(dataset)
    home = environment.data_folder()
    path = options.output or plan.trained_path(home, entry.name, scale=scale, dataset=dataset)
    job = train.TrainingJob(
        entry=entry,
        scale=scale,
        dataset=dataset,
        place=places.get(dataset),
        seed=options.seed,
        output=path,
        cache=environment.cache_folder(),
        roots=roots,
        meter=options.meter,
        threads=options.threads,
        cores=options.pin,
    )
    with progress.TrainingProgress(entry.name, quiet=options.quiet) as show:
        outcome = train.train(
            job, on_step=show.on_step, on_epoch=show.on_epoch, on_wait=show.on_wait
        )
    if options.json:
        _write_text(options.json, _json(outcome.record))
    if not options.quiet and options.json != "-":
        output.print_training(outcome.record, outcome.output)
    return DONE if outcome.time_to_accuracy_s is not None else SOME_FAILED


def _count(options: argparse.Namespace) -> int:
    from benchsuite import catalog, output, targets
    from benchsuite.accounting.summary import as_json, count_workload

    roots = catalog.content_roots(options.content)
    found = catalog.load_catalog(roots)
    roof, no_roof = _roof(options, roots)
    counted = []
    for name in options.workloads:
        entries = targets.select(found, name, inputs=options.input)
        for entry in entries:
            scale = options.scale or entry.default_scale()
            try:
                batch = options.batch or _own_batch(entry)
                counted.append(count_workload(entry, scale=scale, batch=batch, roof=roof))
            except MissingPackage as error:
                if len(entries) == 1:
                    raise
                _say(f"left out: {error}")  # of a glob's: the others can be counted
    if options.json:
        _write_text(options.json, _json([as_json(each) for each in counted]))
    if options.json != "-":
        for each in counted:
            output.print_count(each)
        if no_roof:
            print(f"no roofline: {no_roof}")
    return DONE


def _roof(options: argparse.Namespace, roots: tuple[Path, ...]) -> tuple[Roof | None, str | None]:
    """The roof for `count`, or why there is none; what was asked for by name must be there."""
    from benchsuite import environment, probe

    try:
        cache = environment.cache_folder()
        return probe.roof(options.hw, device=options.device, cache=cache, roots=roots), None
    except BadInput as error:
        if options.hw or options.device:
            raise
        return None, str(error)


def _own_batch(entry: Entry) -> int:
    """One sample, or as many as the network takes at a time."""
    scale = entry.scale(entry.default_scale())
    return scale.batch if scale.fixed_batch else 1


def _hw(options: argparse.Namespace) -> int:
    from benchsuite import catalog, hw, output

    roots = catalog.content_roots(options.content)
    if options.action == "probe":
        from benchsuite import environment, probe

        report = probe.probe_device(
            options.device,
            cache=environment.cache_folder(),
            roots=roots,
            threads=options.threads,
            on_wait=lambda holder: _say(f"the device is in use ({holder}); waiting for it"),
        )
        _emit(options.json, report, lambda: output.print_probe(report))
        return DONE
    found = hw.models(list(reversed(roots)))
    if options.action == "list":
        rows = [hw.as_json(model) for model in found.models.values()]
        _emit(options.json, rows, lambda: output.print_device_models(rows, found.broken))
        return DONE
    if not options.name:
        raise BadInput("hw show needs a name: benchsuite hw list shows them")
    model = hw.as_json(hw.named(options.name, roots=roots))
    _emit(options.json, model, lambda: output.print_device_model(model))
    return DONE


def _doctor(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from benchsuite import catalog, doctor, environment, output

    findings = doctor.examine(
        cache=environment.cache_folder(), roots=catalog.content_roots(options.content)
    )
    rows = [asdict(finding) for finding in findings]
    _emit(options.json, rows, lambda: output.print_findings(rows))
    return DONE


def _list(options: argparse.Namespace) -> int:
    from benchsuite import inventory, output

    if options.scale and options.what != "workloads":
        raise BadInput(f"--scale is for list workloads, not for list {options.what}")
    if options.what == "runs":
        rows = inventory.runs(_store(options, create=False))
    elif options.what == "workloads" and options.scale:
        rows = inventory.workloads_at(options.scale, content=options.content)
    else:
        rows = inventory.listing(options.what, content=options.content)
    _emit(options.json, rows, lambda: output.print_listing(options.what, rows))
    return DONE


def _report(options: argparse.Namespace) -> int:
    from benchsuite import environment, output

    if options.output is not None:
        _check_writable(str(options.output), "-o")
    store = _store(options, create=False)
    info = store.find_run(options.run)
    results = store.results(info.id)
    path = options.output or _default_report(environment.data_folder(), info)
    written = _write_page(path, info, results, store, options)
    output.print_path("page", written)
    return DONE


def _compare(options: argparse.Namespace) -> int:
    from benchsuite import difference, machines, output

    if options.output is not None:
        _check_writable(str(options.output), "-o")
    if len(options.systems) < 2 and not options.project:
        raise BadInput("compare needs two or more: benchsuite compare latest~1 latest")
    store = _store(options, create=False)
    sides = [difference.select(store, name) for name in options.systems]
    compared = [difference.compare(sides[0], other) for other in sides[1:]]
    rows = [row for side in sides for system in side.systems for row in system.rows.values()]
    environments = store.environments(sorted({row.environment for row in rows}))
    projections = _projections(options, sides, environments)
    found = machines.machines(sides, environments)
    duels = [machines.duel(found[0], other) for other in found[1:]]
    if options.output is not None:
        from benchsuite.pages import comparison as page

        text = page.render(
            sides, environments=environments, projections=projections, root=_reports_root(options)
        )
        _write_text(str(options.output), text)
        output.print_path("page", options.output)
    _emit(
        options.json,
        _compared_json(sides, compared, duels, projections),
        lambda: output.print_comparisons(compared, duels, projections),
    )
    return DONE if projections or any(each.changes for each in compared) else NOTHING


def _compared_json(
    sides: Sequence[Side],
    compared: Sequence[Comparison],
    duels: Sequence[Duel],
    projections: Sequence[Projection],
) -> list[dict[str, Any]]:
    """One object a pair of sides; what concerns all sides stands with the first."""
    from benchsuite import difference, machines, projection

    alone: dict[str, Any] = {"before": {"name": sides[0].name, "run": sides[0].run}, "after": None,
                             "changes": [], "only_before": [], "only_after": []}  # fmt: skip
    rows = [difference.as_json(each) for each in compared] or [alone]
    rows[0]["devices"] = [machines.as_json(each) for each in duels]
    rows[0]["projections"] = [projection.as_json(each) for each in projections]
    return rows


def _projections(
    options: argparse.Namespace, sides: Sequence[Side], environments: Mapping[str, Any]
) -> list[Projection]:
    """The sides' networks on the device models that `--project` names."""
    if not options.project:
        return []
    from benchsuite import catalog, hw, projection

    known = hw.models(list(reversed(catalog.content_roots(options.content)))).models
    return projection.project_all(
        [system for side in sides for system in side.systems],
        projection.named(options.project.split(","), known),
        known=known,
        environments=environments,
    )


def _gate(options: argparse.Namespace) -> int:
    from dataclasses import replace
    from datetime import date

    from benchsuite import nightly, output, verdicts
    from benchsuite.acceptance import load_accepted

    for place, flag in ((options.json, "--json"), (options.junit, "--junit"),
                        (options.summary, "--summary"),
                        (options.output and str(options.output), "-o")):  # fmt: skip
        _check_writable(place, flag)
    if options.remeasure and options.confirm:
        raise BadInput("--remeasure and --confirm: give one; each is the second measurement")
    accepted = load_accepted(options.accept) if options.accept else ()
    store = _store(options, create=False)
    question = nightly.Question(
        before=options.base,
        after=options.new,
        confirm=options.confirm,
        reference=options.reference,
        min_effect=options.min_effect,
        accepted=accepted,
        today=date.today(),
    )
    judgement = nightly.judge_night(store, question)
    systems = nightly.suspects(judgement)
    if options.remeasure and systems:
        pinned = nightly.pinned(store, question)  # `latest` is another run soon
        confirm = _measure_again(options, store, nightly.newest(store, options.new), systems)
        judgement = nightly.judge_night(store, replace(pinned, confirm=confirm.id))
    code = judgement.exit_code(inconclusive_fails=options.inconclusive == "fail")
    if options.junit:
        _write_text(options.junit, verdicts.junit(judgement))
    if options.summary:
        _write_text(options.summary, verdicts.markdown(judgement))
    _write_verdict(options, judgement)
    try:
        _emit(
            options.json,
            verdicts.as_json(judgement, exit_code=code),
            lambda: output.print_judgement(judgement),
        )
    except BrokenPipeError:  # the reader left; the verdict stands
        _mute(sys.stdout)
    return code


def _write_verdict(options: argparse.Namespace, judgement: Judgement) -> None:
    """The page of a verdict, where `-o` asks for one."""
    if options.output is None:
        return
    from benchsuite.pages import verdict as page

    _write_text(str(options.output), page.render(judgement, root=_reports_root(options)))
    if options.json != "-":
        _say(f"page: {options.output}")


def _measure_again(
    options: argparse.Namespace, store: Store, new: RunInfo, systems: frozenset[SystemKey]
) -> RunInfo:
    """Measures systems of a run again, as they were planned; a run of its own."""
    from benchsuite import environment, progress, run

    _check_cache(environment.cache_folder())
    planned = run.repeated_plan(store, new, systems)
    info = run.new_run(_of_commit() | {CONFIRMS: new.id}, command=_command_line())
    store.add_run(info, plan=planned.specs)
    show = progress.Progress(quiet=options.json == "-")
    with show.running(len(planned.specs)):
        run.execute(planned, info, store=store, goals=None, on_event=show.on_event)
    return info


def _leaderboard(options: argparse.Namespace) -> int:
    from benchsuite import environment, output
    from benchsuite.pages import leaderboard

    store = _store(options, create=False)
    folder = options.output or environment.data_folder() / "leaderboard"
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"-o {folder}: a file; name a folder")
    for page in leaderboard.render_site(store, root=_reports_root(options)):
        path = folder / page.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{path.parent}: cannot be made: {error.strerror}") from error
        _write_text(str(path), page.text)
    output.print_path("page", folder / "index.html")
    return DONE


def _history(options: argparse.Namespace) -> int:
    from benchsuite import chronicle, environment, output, shifts
    from benchsuite.pages import history as page

    if options.output is not None:
        _check_writable(str(options.output), "-o")
    found = shifts.read(_store(options, create=False))
    path = options.output or environment.data_folder() / "reports" / "history.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_text(str(path), page.render(found, root=_reports_root(options)))
    if options.json:
        _write_text(options.json, _json(chronicle.as_json(found)))
    if options.json != "-":
        output.print_history(found, path)
    return DONE


def _ab(options: argparse.Namespace) -> int:
    from dataclasses import replace
    from time import monotonic

    from benchsuite import ab, environment, output, progress, sequential, verdicts

    started = monotonic()
    _check_writable(options.json, "--json")
    _check_writable(options.output and str(options.output), "-o")
    cache = environment.cache_folder()
    _check_cache(cache)
    quiet = options.quiet or options.json == "-"
    show = progress.Progress(quiet=quiet)
    sides = []
    for text in (options.before, options.after):
        with show.working(f"preparing {text}"):
            side, notes = ab.prepare(
                text, cache=cache, home=environment.data_folder(), content=options.content,
                inputs=options.input,
            )  # fmt: skip
        sides.append(side)
        for note in notes:
            show.note(note)
    limits = sequential.Limits(
        rounds=options.rounds, budget_s=options.budget, min_effect=options.min_effect
    )
    with show.steps() as on_round:
        judgement = ab.compare_sides(sides[0], sides[1], limits, on_round=on_round, started=started)
    code = judgement.exit_code(inconclusive_fails=True)
    if options.bisect:
        code = ab.bisect_code(judgement)
        judgement = replace(judgement, step=code)
    _write_verdict(options, judgement)
    try:
        _emit(
            options.json,
            verdicts.as_json(judgement, exit_code=code),
            lambda: output.print_judgement(judgement),
        )
    except BrokenPipeError:  # the reader left; the verdict stands
        _mute(sys.stdout)
    return code


def _export(options: argparse.Namespace) -> int:
    from benchsuite import exchange

    if options.output is not None:
        _check_writable(str(options.output), "-o")
    store = _store(options, create=False)
    runs = [store.find_run(name) for name in options.runs] or store.runs()
    if options.format == "json":
        _write_json(str(options.output or "-"), store, runs)
    elif options.format == "parquet":
        if options.output is None:
            raise BadInput("export --format parquet writes a file: name it with -o FILE")
        _write_bytes(options.output, exchange.to_parquet(store, runs))
    else:
        _write_text(str(options.output or "-"), exchange.to_csv(store, runs))
    return DONE


def _import(options: argparse.Namespace) -> int:
    from benchsuite import catalog, importing, output

    contract = importing.contract_of(catalog.content_roots(options.content))
    done = importing.import_files(_store(options), options.files, contract=contract)
    output.print_imported(done)
    return DONE


# --- what the commands share --------------------------------------------------------------------


def _request(options: argparse.Namespace) -> Request:
    from benchsuite.plan import Request
    from benchsuite.targets import full_name

    return Request(
        targets=tuple(options.targets),
        scale=options.scale,
        backends=_listed(options.backend),
        precisions=_listed(options.precision),
        batch=options.batch,
        scenarios=_listed(options.scenario),
        rate=options.rate,
        device=options.device,
        threads=options.threads,
        cores=options.pin,
        repeats=options.repeats,
        time_limit_s=options.time_limit,
        meter=options.meter,
        data=_places(options),
        weights={
            full_name(name): path
            for name, path in _pairs(options.weights, "--weights", "WORKLOAD=FILE").items()
        },
        content=tuple(options.content),
        inputs=tuple(options.input),
    )


def _check_resume(options: argparse.Namespace) -> None:
    """A resumed run measures what it set out to: what would choose other systems is refused."""
    chosen = ["targets", "scale", "backend", "precision", "batch", "scenario", "rate", "device",
              "threads", "pin", "repeats", "time_limit", "weights", "label", "data", "places",
              "input"]  # fmt: skip
    given = [name for name in chosen if getattr(options, name) not in (None, [])]
    if options.meter != "auto":
        given.append("meter")
    if given:
        flags = ", ".join(
            "TARGET" if name == "targets" else "--" + name.replace("_", "-") for name in given
        )
        raise BadInput(
            f"--resume {options.resume}: {flags} cannot be given with it; it measures what the run "
            "still lacks, as the run was asked for"
        )


def _check_cache(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{cache}: the cache cannot be made: {error.strerror}; name another folder: "
            "BENCHSUITE_CACHE"
        ) from error
    if not os.access(cache, os.W_OK):
        raise BadInput(
            f"{cache}: the cache may not be written; name another folder: BENCHSUITE_CACHE"
        )


def _store(options: argparse.Namespace, *, create: bool = True) -> Store:
    from benchsuite import environment
    from benchsuite.store import open_store

    default = os.environ.get("BENCHSUITE_STORE") or environment.data_folder() / "results.db"
    return open_store(options.store or default, create=create)


def _goals(options: argparse.Namespace) -> Goals | None:
    if not options.goals:
        return None
    from benchsuite import catalog
    from benchsuite.goals import load_goals
    from benchsuite.metrics import METRICS

    roots = catalog.content_roots(options.content)
    path = Path(options.goals)
    if path.suffix != ".toml":
        named = catalog.named_file(roots, "goals", options.goals)
        if named is None:
            known = ", ".join(catalog.named_files(roots, "goals")) or "none"
            raise BadInput(f"--goals {options.goals}: no such goals; known: {known}")
        path = named
    return load_goals(path, keys=METRICS)


def _places(options: argparse.Namespace) -> dict[str, Path]:
    places: dict[str, Path] = {}
    given = _pairs(options.data, "--data", "NAME=DIR")
    if options.places:
        from benchsuite.catalog import load_toml

        for name, folder in load_toml(options.places, what="places").items():
            if not isinstance(folder, str) or not folder:
                raise BadInput(f"{options.places}: {name} = {folder!r} must be a folder's path")
            where = f"{options.places}: {name} = {folder!r}"
            places[name] = options.places.resolve().parent / _user_path(folder, where)
            if name not in given and not places[name].is_dir():
                raise BadInput(f"{where}: no such folder")
    return {**places, **given}


def _pairs(texts: Sequence[str], flag: str, form: str) -> dict[str, Path]:
    pairs: dict[str, Path] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise BadInput(f"{flag} {text}: write {flag} {form}")
        pairs[name] = _user_path(path, f"{flag} {text}")
    return pairs


def _user_path(text: str, where: str) -> Path:
    """A path as a user writes it, `~` included; `where` is what an error names."""
    if "\0" in text:
        raise BadInput(f"{where}: a path has no null characters")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise BadInput(f"{where}: there is no such user; write the folder in full") from None


def _labels(texts: Sequence[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise BadInput(f"--label {text}: write --label KEY=VALUE")
        if any("\ud800" <= letter <= "\udfff" for letter in text):  # bytes that were no text
            raise BadInput(
                f"--label {text}: not UTF-8, so no file could hold it; write it in UTF-8"
            )
        labels[key] = value
    return labels


def _of_commit() -> dict[str, str]:
    """The label of the commit that the user stands on; none where nothing tells it."""
    from benchsuite import revision

    commit = revision.of_project(Path(), os.environ)
    return {COMMIT: commit} if commit else {}


def _listed(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise BadInput(f"{text!r}: an empty list")
    return names


def _report_path(options: argparse.Namespace) -> Path | str | None:
    """None for no page, an empty text for the default place, else the user's file."""
    if options.report == "none":
        return None
    if options.report is None:
        return ""
    _check_writable(options.report, "--report")
    return Path(options.report)


def _default_report(home: Path, info: RunInfo) -> Path:
    return home / "reports" / f"{info.id}.html"


def _check_writable(name: str | None, flag: str) -> None:
    """Refuses a file that cannot be written before anything is measured."""
    if name is None or name == "-":
        return
    path = Path(name)
    folder = path.parent
    if path.is_dir():
        raise BadInput(f"{flag} {name}: a folder; name a file")
    if not folder.is_dir():
        raise BadInput(f"{flag} {name}: the folder {folder} does not exist")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise BadInput(f"{flag} {name}: may not be written; name another file")


def _write_page(
    path: Path | str, info: RunInfo, results: Sequence[Result], store: Store, options: Any
) -> Path:
    from benchsuite.pages import run as page

    environments = store.environments(sorted({result.environment for result in results}))
    path = Path(path)
    text = page.render(
        info,
        results,
        environments=environments,
        root=_reports_root(options),
        windows=store.window,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{path.parent}: cannot be made: {error.strerror}") from error
    _write_text(str(path), text)
    return path


def _reports_root(options: argparse.Namespace) -> Path:
    """The content folder whose templates are used."""
    from benchsuite import catalog

    roots = catalog.content_roots(getattr(options, "content", ()))
    return next(root for root in roots if (root / "reports" / "pages").is_dir())


def _write_json(place: str, store: Store, runs: Sequence[RunInfo]) -> None:
    from benchsuite import exchange

    _write_text(place, _json(exchange.to_json(store, runs)))


def _emit(place: str | None, data: Any, otherwise: Any) -> None:
    """Writes JSON where `--json` says so, and shows it to people unless that is stdout."""
    if place:
        _write_text(place, _json(data))
    if place != "-":
        otherwise()


def _json(data: Any) -> str:
    import json

    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _write_text(place: str, text: str) -> None:
    if place == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        Path(place).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{place}: cannot be written: {error.strerror}") from error


def _write_bytes(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from error


def _command_line() -> str:
    import shlex

    text = shlex.join(["benchsuite", *sys.argv[1:]])
    # a path may be no UTF-8, and what is stored is exported and published
    return without_password(text.encode(errors="backslashreplace").decode())


def _say(text: str) -> None:
    """A line on standard error; what could steer a terminal is shown as a mark."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    with suppress(OSError):  # nobody listens: the exit code still tells
        print(shown, file=sys.stderr, flush=True)


# --- the parser ---------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence and exit code 2, without the usage text."""
        _say(f"{self.prog}: {message} ({self.prog} --help)")
        raise SystemExit(BAD_INPUT)


def _positive(text: str) -> int:
    return _whole(text, least=1)


def _whole(text: str, *, least: int) -> int:
    short = text.isdecimal() and len(text) <= _MOST_DIGITS
    if not short or int(text) < least:
        many = f", of {_MOST_DIGITS} digits at most" * (len(text) > _MOST_DIGITS)
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} must be a whole number of at least {least}{many}"
        )
    return int(text)


def _processors(text: str) -> tuple[int, ...] | None:
    """What `--pin` names: None to choose, none at all, or a list."""
    if text == "auto":
        return None
    from benchsuite import machine

    if text != "none" and not machine.numbers(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} must be auto, none, or a list of processors such as 0-3,8"
        )
    return machine.numbers(text)


def _seconds(text: str) -> float:
    return _above_zero(text, "a number of seconds")


def _rate(text: str) -> float:
    return _above_zero(text, "frames a second,")


def _above_zero(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < _MOST_NUMBER:
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r} must be {what} above 0 and below {_MOST_NUMBER:g}"
        )
    return value


def _seed(text: str) -> int:
    return _whole(text, least=0)


def _rounds(text: str) -> int:
    return _whole(text, least=2)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a share between 0 and 1, as 0.02")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="benchsuite",
        description="Benchmarks deep-learning systems, and shows each team its own part.",
    )
    parser.add_argument("--version", action="version", version=f"benchsuite {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)

    def command(name: str, function: Any, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        sub.set_defaults(command=function)
        return sub

    run = command("run", _run, "measure suites or workloads, store the results, write the page")
    run.add_argument("targets", nargs="*", metavar="TARGET",
                     help="suite, workload, glob (image/*), a .toml, .py, .onnx or .pt2 file, "
                          "timm:NAME, torchvision:NAME, or module:function")  # fmt: skip
    run.add_argument("--scale", metavar="SCALE", help="embedded or reference")
    run.add_argument("--backend", metavar="B[,B]", help="backends, all, or best: the fastest")
    run.add_argument("--precision", metavar="P[,P]", help="fp32, ...")
    run.add_argument("--batch", type=_positive, metavar="N",
                     help="samples a query, in Offline and in MultiStream")  # fmt: skip
    run.add_argument("--scenario", metavar="S[,S]",
                     help="Offline, SingleStream, MultiStream, Server, RealTime")  # fmt: skip
    run.add_argument("--rate", type=_rate, metavar="FRAMES_PER_S",
                     help="of RealTime; else the workload's own")  # fmt: skip
    run.add_argument("--device", metavar="KIND[:N]", help="cpu, cuda:0, ...")
    run.add_argument("--threads", type=_positive, metavar="N")
    _add_pin(run)
    run.add_argument("--repeats", type=_positive, metavar="N",
                     help="processes a system, all systems in turn: gives intervals")  # fmt: skip
    run.add_argument("--time-limit", type=_seconds, metavar="SECONDS", help="of one process")
    run.add_argument("--budget", type=_seconds, metavar="SECONDS",
                     help="of the whole run, but for its wait for the device; what is left over "
                          "is the next's first")  # fmt: skip
    run.add_argument(
        "--meter", default="auto", metavar="NAME[:FILE]", help="where joules come from"
    )
    run.add_argument("--weights", action="append", default=[], metavar="WORKLOAD=FILE")
    _add_input(run)
    run.add_argument("--goals", metavar="NAME|FILE", help="a deployment's needs")
    run.add_argument("--label", action="append", default=[], metavar="KEY=VALUE")
    run.add_argument("--report", metavar="FILE|none", help="where the page goes")
    run.add_argument("--resume", metavar="RUN", help="measure what a run still lacks")
    _add_data(run)
    _add_common(run, store=True, quiet=True)

    train = command("train", _train, "train a workload to its quality target")
    train.add_argument("workload", metavar="WORKLOAD")
    train.add_argument("--scale", metavar="SCALE")
    train.add_argument("--dataset", metavar="NAME", help="which of the workload's data sets")
    train.add_argument("--seed", type=_seed, default=0, metavar="N")
    train.add_argument("--threads", type=_positive, metavar="N")
    _add_pin(train)
    train.add_argument("--meter", default="auto", metavar="NAME[:FILE]")
    train.add_argument(
        "--output", type=Path, metavar="FILE", help="the weights (safetensors); its folder is made"
    )
    _add_data(train)
    _add_common(train, quiet=True)

    count = command("count", _count, "work, bytes and parameters, per layer; runs nothing")
    count.add_argument("workloads", nargs="+", metavar="WORKLOAD",
                       help="workload, glob, or a network of your own as for run")  # fmt: skip
    count.add_argument("--scale", metavar="SCALE")
    count.add_argument("--batch", type=_positive, metavar="N", help="samples a query (1)")
    count.add_argument("--device", metavar="KIND[:N]", help="roofline of this device, as probed")
    count.add_argument("--hw", metavar="NAME", help="roofline of a device model (hw list)")
    _add_input(count)
    _add_common(count, alone=True)

    hw = command("hw", _hw, "device models; measure this device's peaks, bandwidth and power")
    hw.add_argument("action", choices=("list", "show", "probe"))
    hw.add_argument("name", nargs="?", metavar="NAME")
    hw.add_argument("--device", metavar="KIND[:N]")
    hw.add_argument("--threads", type=_positive, metavar="N")
    _add_common(hw, alone=True)

    listing = command("list", _list, "what is usable here, and why the rest is not")
    listing.add_argument("what", choices=LISTED, metavar="|".join(LISTED))
    listing.add_argument(
        "--scale", choices=SCALES, help="of workloads: paper, input and targets at that scale"
    )
    _add_common(listing, store=True, alone=True)

    doctor = command("doctor", _doctor, "is this machine fit to measure on? what to change")
    _add_common(doctor, alone=True)

    report = command("report", _report, "one run as a self-contained HTML page")
    report.add_argument("run", nargs="?", default="latest", metavar="RUN")
    report.add_argument("-o", "--output", type=Path, metavar="FILE")
    _add_common(report, store=True, json=False)

    compare = command("compare", _compare, "systems side by side, with the teams' shares")
    compare.add_argument("systems", nargs="+", metavar="RUN[#SPEC]")
    compare.add_argument("-o", "--output", type=Path, metavar="FILE", help="a page as well")
    compare.add_argument("--project", metavar="NAME[,NAME]",
                         help="project onto device models that nobody ran (hw list)")  # fmt: skip
    _add_common(compare, store=True)

    gate = command("gate", _gate, "the verdict of a night: what regressed, how sure, whose it is")
    gate.add_argument("base", metavar="BASE", help="the baseline; label:KEY=VALUE~N is N runs")
    gate.add_argument("new", metavar="NEW")
    gate.add_argument("--confirm", metavar="RUN", help="a second measurement of what NEW measured")
    gate.add_argument("--remeasure", action="store_true",
                      help="measure what looks like a regression again, here and now")  # fmt: skip
    gate.add_argument("--reference", metavar="RUN", help="label:release: catches slow creep")
    gate.add_argument("--accept", type=Path, metavar="FILE", help="accepted regressions (TOML)")
    gate.add_argument("--inconclusive", choices=("fail", "pass"), default="fail")
    gate.add_argument("--min-effect", type=_share, metavar="F", help="0.02: two per cent")
    gate.add_argument("--junit", metavar="FILE", help="JUnit XML for GitLab and Jenkins")
    gate.add_argument("--summary", metavar="FILE", help="Markdown for a GitHub step")
    gate.add_argument("-o", "--output", type=Path, metavar="FILE", help="a page as well")
    _add_common(gate, store=True)

    ab = command("ab", _ab, "measure two systems in interleaved rounds, and judge them")
    ab.add_argument("before", metavar="SPEC", help="WORKLOAD[@KEY=VALUE,...]: what B is held to")
    ab.add_argument("after", metavar="SPEC", help="python=PATH runs a side in another environment")
    ab.add_argument("--rounds", type=_rounds, metavar="N", help="as many as it takes, by default")
    ab.add_argument("--budget", type=_seconds, default=60.0, metavar="SECONDS")
    ab.add_argument("--min-effect", type=_share, metavar="F", help="0.02: two per cent")
    ab.add_argument("--bisect", action="store_true",
                    help="exit 0 good, 1 bad, 125 cannot tell: for `git bisect run`")  # fmt: skip
    ab.add_argument("-o", "--output", type=Path, metavar="FILE", help="a page as well")
    _add_input(ab)
    _add_common(ab, quiet=True)

    leaderboard = command("leaderboard", _leaderboard, "a static site over a whole store")
    leaderboard.add_argument("-o", "--output", type=Path, metavar="DIR")
    _add_common(leaderboard, store=True, json=False)

    history = command("history", _history, "every system's metrics over time, with change points")
    history.add_argument("-o", "--output", type=Path, metavar="FILE")
    _add_common(history, store=True)

    export = command("export", _export, "results as JSON, CSV or Parquet")
    export.add_argument("runs", nargs="*", metavar="RUN")
    export.add_argument("--format", choices=("json", "csv", "parquet"), default="json")
    export.add_argument("-o", "--output", type=Path, metavar="FILE")
    _add_common(export, store=True, json=False)

    importing = command("import", _import, "merge another machine's results JSON into the store")
    importing.add_argument("files", nargs="+", type=Path, metavar="FILE")
    _add_common(importing, store=True, json=False)
    return parser


def _add_pin(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pin", type=_processors, metavar="auto|none|LIST",
                        help="the processors to stay on: one a thread, any, or 0-3,8")  # fmt: skip


def _add_input(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--input", action="append", default=[], metavar="NAME=1x3x224x224",
                        help="an input's shape, of a network of your own that leaves it open; "
                             "NAME=1x128:30522 for whole numbers below 30522")  # fmt: skip


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--places", type=Path, metavar="FILE", help="a TOML file of NAME = DIR")


def _add_common(
    parser: argparse.ArgumentParser,
    *,
    store: bool = False,
    quiet: bool = False,
    json: bool = True,
    alone: bool = False,
) -> None:
    """What many commands take; `alone` lets `--json` stand without a file, for standard output."""
    parser.add_argument("--content", action="append", type=Path, default=[], metavar="DIR",
                        help="a folder of your own: workloads/, hw/, devices/, ...")  # fmt: skip
    if store:
        parser.add_argument("--store", metavar="URL|FILE")
    if json:
        alone_settings: dict[str, Any] = {"nargs": "?", "const": "-"} if alone else {}
        parser.add_argument("--json", metavar="FILE|-", **alone_settings)
    if quiet:
        parser.add_argument("--quiet", action="store_true")
