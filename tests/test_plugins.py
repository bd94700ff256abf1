"""Tests of benchsuite.plugins: a user's own backends, devices and meters are part of a result."""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from benchsuite import backends, devices, inventory, meters, plugins
from benchsuite.errors import BadInput
from benchsuite.harness import probing
from benchsuite.types import DeviceInfo, Profiled

BACKEND = "from benchsuite.backends._mine import BACKEND\n"
HELPER = "from benchsuite.backends.eager import BACKEND\n"
METER = """
from benchsuite.meters.modelled import METER as MODEL


class _Mine:
    window_s, measures, boundary, needs = 0.0, False, "package", "nothing"
    check, idle_power, start = MODEL.check, MODEL.idle_power, MODEL.start

    def prepare(self, subject, *, cache):
        return self


METER = _Mine()
"""


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchsuite", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_plug_in_of_the_packages_own_has_no_code_to_tell() -> None:
    """Its version is benchsuite's; a name that nothing has is no error here."""
    assert plugins.own_code(backends, "eager") == {}
    assert plugins.own_code(backends, "no_such_thing") == {}


def test_a_plug_in_of_the_users_own_is_told_by_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file and what it may import from beside; another plug-in in the folder is not its."""
    folder = tmp_path / "devices"
    folder.mkdir()
    for name in ("own_chip", "other_chip", "_shared"):
        (folder / f"{name}.py").write_text("")
    monkeypatch.setattr(devices, "__path__", list(devices.__path__))
    plugins.search((devices,), [tmp_path])
    before = plugins.own_code(devices, "own_chip")
    assert list(before) == ["devices/own_chip.py", "devices/_shared.py"]
    info = DeviceInfo(kind="own_chip", index=0, name="chip", units=1, memory_b=1)
    key = probing.pinned_key(info, precision="fp32", threads=0)
    (folder / "_shared.py").write_text("SIZE = 64\n")
    after = plugins.own_code(devices, "own_chip")
    assert after["devices/own_chip.py"] == before["devices/own_chip.py"]
    assert after["devices/_shared.py"] != before["devices/_shared.py"]
    # kernels that were edited are probed again
    assert probing.pinned_key(info, precision="fp32", threads=0) != key


@pytest.mark.slow
def test_an_edited_backend_or_meter_is_another_system_and_named_as_the_cause(
    content: Path, tmp_path: Path
) -> None:
    """Three runs: the meter is edited after the first, the backend's helper after the second."""
    for kind, name, text in (
        ("backends", "mine", BACKEND), ("backends", "_mine", HELPER), ("meters", "joules", METER),
    ):  # fmt: skip
        (content / kind).mkdir(exist_ok=True)
        (content / kind / f"{name}.py").write_text(text)
    store = ["--store", str(tmp_path / "store.db")]
    prints: list[dict[str, Any]] = []
    for number, edited in enumerate((None, "meters/joules.py", "backends/_mine.py")):
        if edited is not None:
            with (content / edited).open("a") as file:
                file.write("# edited\n")
        out = tmp_path / f"{number}.json"
        ran = _command(
            *("run", "image/tiny", "--content", str(content), "--backend", "mine"),
            *("--meter", "joules", "--scenario", "Offline", "--json", str(out), *store),
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        prints.append(json.loads(out.read_text())["results"][0]["fingerprint"])
    first, second, third = prints
    assert {name for name in first if first[name] != second[name]} == {"configuration"}
    assert {name for name in first if second[name] != third[name]} == {"software"}

    told = []
    for before, after in (("latest~2", "latest~1"), ("latest~1", "latest")):
        report = tmp_path / "gate.json"
        judged = _command("gate", before, after, "--json", str(report), *store)
        assert judged.returncode in (0, 4), judged.stderr
        told.append({p for row in json.loads(report.read_text())["lines"] for p in row["packages"]})
    assert [len(each) for each in told] == [1, 1]
    assert told[0].pop().startswith("meters/joules.py ")
    assert told[1].pop().startswith("backends/_mine.py ")


CHIP = """
from dataclasses import replace

from benchsuite.devices import Kernel
from benchsuite.devices.cpu import DEVICE as CPU
from benchsuite.types import Rate


class _Chip:
    kind, meters = "chip", ("modelled",)

    def __getattr__(self, name):
        return getattr(CPU, name)

    def discover(self):
        return tuple(replace(info, kind="chip") for info in CPU.discover())

    def torch_name(self, info):
        return "cpu"

{}

DEVICE = _Chip()
"""
BACKEND_CLASS = """
from benchsuite.backends.eager import BACKEND as EAGER


class _Chip:
    def __getattr__(self, name):
        return getattr(EAGER, name)

{}

BACKEND = _Chip()
"""
STILL_METER = """
from benchsuite.types import EnergyReading, Rate

READING = dict(
    energy_j=3.0, seconds=1.0, source="modelled", boundary="board", how="made up", low_j=2.0,
    high_j=4.0,
)


class _Chip:
    window_s, measures, boundary, needs = 0.0, False, "package", "nothing"

    def check(self, subject):
        pass

    def prepare(self, subject, *, cache):
        return self

    def idle_power(self, subject):
        return Rate(value=1.0, how="made up")

    def start(self, subject):
        return self

    def stop(self):
        return EnergyReading(**READING)

{}

METER = _Chip()
"""


def function(signature: str, body: str) -> str:
    return f"    def {signature}:\n        {body}\n"


RUNS = BACKEND_CLASS.format(
    function("imports(self, job)", "return ()")
    + function("prepare(self, network, job)", "return _Run()")
).replace(
    "class _Chip",
    """class _Run:
    precision_ran, how = "fp32", "made up"

    def arrays(self, inputs):
        import numpy

        return (numpy.zeros(1),)

    def bind(self, inputs):
        return print

    run = arrays


class _Chip""",
)


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is imported from a folder of the user's own is forgotten after a test."""
    for package in (backends, devices, meters):
        monkeypatch.setattr(package, "__path__", list(package.__path__))
        name = f"{package.__name__}.chip"
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.delitem(sys.modules, name)
        if hasattr(package, "chip"):
            monkeypatch.delattr(package, "chip")


def placed(folder: Path, kind: str, text: str) -> Path:
    """A plug-in of the user's own, which is offered from now on."""
    file = folder / kind / "chip.py"
    file.parent.mkdir()
    file.write_text(text)
    plugins.search((backends, devices, meters), [folder])
    return file


def used(kind: str) -> None:
    """Asks a plug-in for all that a run asks it for."""
    info = devices.find("cpu")
    if kind == "devices":
        info = devices.find("chip")
        plug = devices.device("chip")
        plug.power(info)
        plug.torch_name(info)
        plug.synchroniser(info)
        for reader in (devices.clock_reader(plug, info), devices.program_reader(plug, info)):
            if reader is not None:
                reader()
        for kernel in plug.compute_kernels(info, precision="fp32", threads=1):
            if "chip" in kernel.name:  # the processor's own take time
                kernel.make()
        list(plug.bandwidth_kernels(info))
        plug.start_memory(info)
        plug.peak_memory(info)
        list(devices.cache_kernels(plug, info))
    elif kind == "meters":
        watched = meters.subject(info, threads=1, roots=[])
        _, meter = meters.choose("chip", watched, preferred=())
        meters.meter("chip").idle_power(watched)
        meter.start(watched).stop()
        meters.meter("chip").start(watched).stop()
    else:
        backend: Any = backends.backend("chip")
        backend.missing("cpu", "fp32")
        backend.packages()
        backend.imports(None)
        executable = backend.prepare(None, None)
        executable.bind(())
        executable.run(())
        if isinstance(executable, Profiled):
            executable.profile(())


WRONG = [
    ("devices", "DEVICE = 5", "no function discover"),
    ("devices", "DEVICE = None", "no function discover"),
    ("devices", "class Chip: pass\nDEVICE = Chip", r"write DEVICE = Chip\(\)"),
    ("devices", "def f(:", "cannot be imported: SyntaxError"),
    ("devices", "1 / 0", "cannot be imported: ZeroDivisionError"),
    ("devices", "raise SystemExit(3)", "cannot be imported: SystemExit"),
    ("devices", "CHIP = 1", "must define DEVICE"),
    ("devices", CHIP.format("").replace('"chip", (', '"other", ('), "not the file's name, 'chip'"),
    ("devices", CHIP.format("").replace('("modelled",)', '"modelled"'), "not a tuple of names"),
    *(
        ("devices", CHIP.format(function(*hook)), said)
        for *hook, said in (
            ("discover(self)", 'return ("x",)', "where a DeviceInfo belongs: 'x'"),
            ("discover(self)", "return 5", "not a tuple of DeviceInfo"),
            ("discover(self)", "return ()", "no device at all"),
            ("discover(self)", "return CPU.discover()", "whose kind is 'cpu'"),
            (
                "discover(self)",
                'return (replace(CPU.discover()[0], kind="chip", units="x"),)',
                "no sound DeviceInfo: Expected `int`, got `str` - at `\\$.units`",
            ),
            (
                "discover(self)",
                'return (replace(CPU.discover()[0], kind="chip", units=0),)',
                "no units",
            ),
            (
                "discover(self)",
                'return (replace(CPU.discover()[0], kind="chip", index=7),)',
                "index is 7 in place of 0",
            ),
            ("discover(self)", "1 / 0", r"discover\(\) failed: ZeroDivisionError"),
            ("power(self, info)", "return 5", "not the pair"),
            ("power(self, info)", "return 5.0, None", "where a Rate belongs: 5.0"),
            ("power(self, info)", 'return Rate(value=-1.0, how="x"), None', "no power in watts"),
            ("power(self, info)", "return 1 / 0", r"power\(\) failed: ZeroDivisionError"),
            ("torch_name(self, info)", "return 5", "not a text"),
            ("synchroniser(self, info)", "return 5", "neither a function nor None"),
            ("clocks(self, info)", "return 5", "neither a function nor None"),
            ("programs(self, info)", "return 5", "neither a function nor None"),
            ("compute_kernels(self, info, *, precision, threads)", "yield 5", "not a Kernel"),
            ("compute_kernels(self, info, **_)", "return 5", "nothing to go through"),
            (
                "bandwidth_kernels(self, info)",
                'yield Kernel(name="x", amount=0, make=print)',
                "no amount above 0",
            ),
            ("peak_memory(self, info)", 'return "many"', "not whole bytes"),
            ("peak_memory(self, info)", "return -1", "not whole bytes"),
            (
                "power(self, info)",
                'return Rate(value=1.0, how="x", low=float("nan")), None',
                "no power in watts",
            ),
            (
                "compute_kernels(self, info, **_)",
                'yield Kernel(name="x", amount="many", make=print)',
                "no amount above 0",
            ),
            (
                "compute_kernels(self, info, **_)",
                'yield Kernel(name="x", amount=float("inf"), make=print)',
                "no amount above 0",
            ),
            (
                "compute_kernels(self, info, **_)",
                'yield Kernel(name="chip", amount=1.0, make=lambda: 3)',
                r"make\(\) of the kernel 'chip' gave 3, not a function",
            ),
            ("clocks(self, info)", "return lambda: {}", r"what was given by clocks\(\) gave \{\}"),
            ("programs(self, info)", 'return lambda: "vi"', "gave 'vi', not a tuple of names"),
            ("cache_kernels(self, info)", "return 5", "nothing to go through"),
            ("cache_kernels(self, info)", "yield 5", "not a level's name"),
            ("cache_kernels(self, info)", 'yield "L1", "all", 5', "no number of bytes"),
            ("cache_kernels(self, info)", 'yield "L1", 1024, 5', "not a Kernel"),
        )
    ),
    *(
        (
            "devices",
            CHIP.format(
                function(
                    "discover(self)",
                    f'return (replace(CPU.discover()[0], kind="chip", facts={facts}),)',
                )
            ),
            said,
        )
        for facts, said in (
            ('{"caches": "L1"}', "`caches` 'L1', not a list of levels"),
            ('{"caches": [5]}', "the cache 5, which has no level"),
            ('{"caches": [{"level": "L1"}]}', "no bytes"),
            ('{"caches": [{"level": "L1", "bytes": "32K"}]}', "no bytes"),
            ('{"caches": [{"level": "L1", "bytes": 32, "instances": 0}]}', "no level"),
            ('{"logical": "many"}', "`logical` 'many', not the most threads"),
        )
    ),
    ("meters", "METER = 5", "no function check"),
    ("meters", STILL_METER.replace("0.0", '"long"'), "not a number of seconds"),
    ("meters", STILL_METER.replace("False", '"no"'), "not True or False"),
    ("meters", STILL_METER.replace('"nothing"', "None"), "not a text"),
    *(
        ("meters", STILL_METER.format(function(*hook)), said)
        for *hook, said in (
            ("check(self, subject)", "1 / 0", r"check\(\) failed: ZeroDivisionError"),
            ("prepare(self, subject, *, cache)", "return 5", "a meter without check"),
            ("idle_power(self, subject)", "return 5", "where a Rate belongs: 5"),
            ("start(self, subject)", "return 5", "not a Watch"),
            ("stop(self)", "return 5", "where an EnergyReading belongs: 5"),
            ("stop(self)", "return None", "where an EnergyReading belongs: None"),
            *(
                ("stop(self)", f"return EnergyReading(**(READING | dict({changed})))", said)
                for changed, said in (
                    ('energy_j="3"', "no sound EnergyReading"),
                    ("energy_j=0.0", "has no joules or no seconds"),
                    ('energy_j=float("nan")', "has no joules or no seconds"),
                    ("seconds=0.0", "has no joules or no seconds"),
                    ("low_j=9.0", "interval, 9 to 4 J, does not hold its energy"),
                    ("low_j=None", "interval has one end"),
                    ('boundary="my desk"', "boundary is 'my desk', not one of board, package"),
                    ('source="a, b"', "is empty or has a comma"),
                    ('source="my guess"', "source must be 'modelled': the meter's `measures`"),
                )
            ),
        )
    ),
    ("backends", "BACKEND = 5", "no function missing"),
    *(
        ("backends", BACKEND_CLASS.format(function(*hook)), said)
        for *hook, said in (
            ("missing(self, kind, precision)", "return 5", "not a text or None"),
            ("missing(self)", "return None", r"missing\(\) failed: TypeError"),
            ("packages(self)", 'return "torch"', "not a tuple of names"),
            ("imports(self, job)", "return 5", "not a tuple of names"),
            ("prepare(self, network, job)", "return 5", "not an Executable"),
        )
    ),
    *(
        ("backends", RUNS.replace(*change), said)
        for *change, said in (
            ("return print", "return 5", "gave 5, not a function"),
            ("run = arrays", "run = lambda self, inputs: 5", "gave 5, not a tuple of numpy arrays"),
            ("run = arrays", "run = lambda self, inputs: ([1],)", "not a tuple of numpy arrays"),
            ("run = arrays", "run = lambda self, inputs: ()", "not a tuple of numpy arrays"),
        )
    ),
]


@pytest.mark.parametrize(("kind", "text", "said"), WRONG)
def test_a_wrong_plug_in_is_named_by_its_file(
    kind: str, text: str, said: str, tmp_path: Path, packages: None
) -> None:
    """Whatever is wrong with it is one sentence that begins with the file, at its real path."""
    file = placed(tmp_path, kind, text)
    with pytest.raises(BadInput, match=said) as told:
        used(kind)
    assert str(told.value).startswith(f"{kind.rstrip('s')} chip: {file}")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("devices", CHIP.format("")),
        ("meters", STILL_METER.format("")),
        ("backends", RUNS),
    ],
)
def test_a_right_plug_in_passes(kind: str, text: str, tmp_path: Path, packages: None) -> None:
    """What the wrong ones are made from has nothing wrong."""
    placed(tmp_path, kind, text)
    used(kind)


def test_a_failure_for_the_systems_sake_is_left_as_it_is(tmp_path: Path, packages: None) -> None:
    """Memory that ran out in `prepare` is no fault of the file's; a note says where it did."""
    hook = function("prepare(self, network, job)", 'raise RuntimeError("out of memory")')
    file = placed(tmp_path, "backends", BACKEND_CLASS.format(hook))
    backend: Any = backends.backend("chip")
    with pytest.raises(RuntimeError) as raised:
        backend.prepare(None, None)
    assert str(raised.value) == "out of memory"
    assert raised.value.__notes__ == [
        f"backend chip: {file}: prepare() failed: RuntimeError: out of memory"
    ]


_BOOM = 'raise KeyError("boom")'
RAISING = [
    *(
        ("devices", CHIP.format(function(signature, _BOOM)), f"{hook}() failed")
        for signature, hook in (
            ("synchroniser(self, info)", "synchroniser"),
            ("clocks(self, info)", "clocks"),
            ("programs(self, info)", "programs"),
            ("start_memory(self, info)", "start_memory"),
            ("peak_memory(self, info)", "peak_memory"),
            ("compute_kernels(self, info, **_)", "compute_kernels"),
            ("bandwidth_kernels(self, info)", "bandwidth_kernels"),
            ("cache_kernels(self, info)", "cache_kernels"),
        )
    ),
    *(
        ("devices", CHIP.format(function(signature, body)), said)
        for signature, body, said in (
            (
                "compute_kernels(self, info, **_)",
                'yield Kernel(name="chip", amount=1.0, make=lambda: {}["boom"])',
                "make() of the kernel 'chip' failed",
            ),
            ("compute_kernels(self, info, **_)", "yield {}['boom']", "compute_kernels() failed"),
            (
                "clocks(self, info)",
                "return lambda: {}['boom']",
                "what was given by clocks() failed",
            ),
            (
                "programs(self, info)",
                "return lambda: {}['boom']",
                "what was given by programs() failed",
            ),
        )
    ),
    ("meters", STILL_METER.format(function("start(self, subject)", _BOOM)), "start() failed"),
    (
        "meters",
        STILL_METER.format(function("stop(self)", _BOOM)),
        "stop() of its watch failed",
    ),
    (
        "backends",
        RUNS.replace("return print", _BOOM),
        "bind() of its executable failed",
    ),
    ("backends", RUNS.replace("import numpy", _BOOM), "run() of its executable failed"),
    (
        "backends",
        RUNS.replace("    run = arrays", "    run = arrays\n    profile = lambda s, i: {}['boom']"),
        "profile() of its executable failed",
    ),
]


@pytest.mark.parametrize(("kind", "text", "said"), RAISING)
def test_what_a_hook_raises_is_told_with_its_file(
    kind: str, text: str, said: str, tmp_path: Path, packages: None
) -> None:
    """The last line of the traceback, which a run shows, names file, hook and error."""
    file = placed(tmp_path, kind, text)
    with pytest.raises(KeyError) as raised:
        used(kind)
    last = traceback.format_exception(raised.value)[-1].strip()
    assert last == f"{kind[:-1]} chip: {file}: {said}: KeyError: 'boom'"


def test_what_a_timed_loop_raises_is_told_with_its_file(tmp_path: Path, packages: None) -> None:
    """Nothing stands around a call that is timed: its traceback tells where it is from."""
    text = RUNS.replace("return print", "return lambda: {}['boom']")
    file = placed(tmp_path, "backends", text)
    prepare: Any = backends.backend("chip").prepare
    call = prepare(None, None).bind(())
    assert call.__code__.co_filename == str(file), "the plug-in's own, with nothing around it"
    with pytest.raises(KeyError) as raised, plugins.blaming((devices, backends)):
        call()
    line = 1 + text.splitlines().index("        return lambda: {}['boom']")
    assert raised.value.__notes__ == [
        f"backend chip: {file}, line {line}: _Run.bind.<locals>.<lambda>() failed: KeyError: 'boom'"
    ]
    with pytest.raises(KeyError) as raised, plugins.blaming((devices, backends)):
        {}["boom"]
    assert not hasattr(raised.value, "__notes__"), "no plug-in had a part in it"


def test_lists_show_a_wrong_plug_in_as_not_usable(tmp_path: Path, packages: None) -> None:
    """The others are listed beside it."""
    for kind, attribute in (("devices", "DEVICE"), ("meters", "METER"), ("backends", "BACKEND")):
        file = placed(tmp_path, kind, f"{attribute} = 5")
        (row,) = (row for row in inventory.listing(kind) if row["name"] == "chip")
        assert not row["usable"]
        assert str(file) in row["why"]
        assert any(row["usable"] for row in inventory.listing(kind))
