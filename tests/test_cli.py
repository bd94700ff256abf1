"""Tests of the command line, as a user types it: exit codes, sentences, JSON, pages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchsuite.cli import main
from benchsuite.metrics import METRICS
from benchsuite.store import open_store

from .conftest import TINY


def run(*arguments: object) -> int:
    """The exit code of a command; argparse leaves by SystemExit."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return int(stop.code or 0)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of the tiny workload on both backends: its store, JSON and page."""
    base = tmp_path_factory.mktemp("measured")
    folder = base / "content" / "workloads" / "image"
    folder.mkdir(parents=True)
    (folder / "tiny.py").write_text(TINY)
    paths = {name: base / file for name, file in
             (("store", "r.db"), ("json", "r.json"), ("page", "p.html"))}  # fmt: skip
    (base / "quick.toml").write_text(
        'seconds = 0.2\nwarmup_s = 0.2\n[[systems]]\nworkloads = ["image/tiny"]\n'
    )
    code = run("run", base / "quick.toml", "--content", base / "content", "--store", paths["store"],
               "--json", paths["json"], "--report", paths["page"], "--label", "branch=test",
               "--threads", 1)  # fmt: skip
    assert code == 0
    return {**paths, "content": base / "content", "suite": base / "quick.toml"}


@pytest.fixture(scope="module")
def results(measured: dict[str, Path]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(measured["json"].read_text())["results"]
    return found


def test_a_run_gives_a_row_a_system_and_scenario(results: list[dict[str, Any]]) -> None:
    """Two backends under two scenarios are four rows; SingleStream's batch is 1."""
    rows = {(r["backend"], r["scenario"], r["batch"]) for r in results}
    assert rows == {
        (backend, scenario, batch)
        for backend in ("eager", "onnxruntime")
        for scenario, batch in (("Offline", 4), ("SingleStream", 1))
    }
    assert {r["status"] for r in results} == {"ok"}


def test_the_results_json_is_the_contracts(measured: dict[str, Path]) -> None:
    """Schema, environments, runs with labels, and every metric with its facts."""
    data = json.loads(measured["json"].read_text())
    assert data["schema"] == "benchsuite/results/1"
    (info,) = data["runs"]
    labels = dict(info["labels"])
    labels.pop("commit", None)  # of the working directory, where that is a repository
    assert labels == {"branch": "test"}
    for result in data["results"]:
        assert result["run"] == info["id"]
        assert result["environment"] in data["environments"]
        assert set(result["metrics"]) == set(METRICS)
        for value in result["metrics"].values():
            assert set(value) == {
                "value", "low", "high", "unit", "team", "better", "influenced_by", "how", "reason"
            }  # fmt: skip
            assert (value["value"] is None) == (value["reason"] is not None)


def test_the_identities_hold_in_what_was_measured(results: list[dict[str, Any]]) -> None:
    """Throughput = peak x fraction of peak / work, and its kin, on real rows."""
    for result in results:
        v = {key: m["value"] for key, m in result["metrics"].items()}
        assert v["throughput"] == pytest.approx(v["peak"] * v["fraction_of_peak"] / v["work"])
        assert v["fraction_of_peak"] == pytest.approx(v["fit"] * v["fraction_of_roofline"])
        assert v["peak"] == pytest.approx(v["device_peak"] * v["configuration_gain"] * v["drift"])
        if v["energy_per_frame"] is not None:
            assert v["energy_per_frame"] == pytest.approx(v["mean_power"] / v["throughput"])


def test_a_reference_scale_without_data_has_no_accuracy(results: list[dict[str, Any]]) -> None:
    """Random inputs: accuracy is null with the reason; the class is speed-only or a doubt's."""
    for result in results:
        assert result["metrics"]["accuracy"]["value"] is None
        assert "random" in result["metrics"]["accuracy"]["reason"]
        codes = {warning["code"] for warning in result["warnings"]}
        expected = "unranked" if codes & {"contended", "above_peak_unexplained"} else "speed-only"
        assert result["class"] == expected


def test_the_page_is_written_and_self_contained(measured: dict[str, Path]) -> None:
    """The page names the workload and asks nothing of the network."""
    page = measured["page"].read_text()
    assert "image/tiny" in page
    for request in ('src="http', 'href="http', "url(http", "@import"):
        assert request not in page


def test_report_export_list_and_compare_read_the_store(
    measured: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stored run makes a page again, a CSV, a list of runs and a comparison."""
    store = ("--store", measured["store"])
    assert run("report", "latest", "-o", tmp_path / "again.html", *store) == 0
    assert (tmp_path / "again.html").stat().st_size > 10_000
    assert run("export", "--format", "csv", "-o", tmp_path / "r.csv", *store) == 0
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 5
    assert run("list", "runs", *store) == 0
    capsys.readouterr()
    sides = [f"latest#image/tiny@backend={b}" for b in ("eager", "onnxruntime")]
    assert run("compare", *sides, *store, "--json", "-") == 0
    (compared,) = json.loads(capsys.readouterr().out)
    found = compared["changes"][0]["metrics"]["throughput"]
    product = 1.0
    for share in found["split"]:
        product *= share["ratio"]
    assert product == pytest.approx(found["after"] / found["before"], rel=1e-9)
    assert compared["changes"][0]["cause"]["team"] == "software"


def test_resume_measures_only_what_is_missing(
    measured: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A complete run resumed starts no worker and keeps its rows."""
    before = open_store(measured["store"]).runs()[0]
    rows = open_store(measured["store"]).results(before.id)
    code = run("run", "--resume", "latest", "--store", measured["store"], "--report", "none",
               "--content", measured["content"])  # fmt: skip
    assert code == 0
    assert open_store(measured["store"]).results(before.id) == rows


HANG = TINY + "\n\n_build = build\n\n\ndef build(scale):\n    import time; time.sleep(600)\n"
CRASH = (
    TINY + "\n\ndef build(scale):\n    import os, signal\n    os.kill(os.getpid(), signal.NAME)\n"
)


@pytest.mark.parametrize(
    ("text", "limit", "says"),
    [
        (HANG, 6, "time limit"),
        (CRASH.replace("NAME", "SIGSEGV"), 60, "SIGSEGV"),
        (CRASH.replace("NAME", "SIGKILL"), 60, "memory"),
        (TINY.replace("nn.Linear(144, 5)", "nn.Linear(7, 5)"), 60, "meta device"),
        (TINY.replace("return nn", "return 3 or nn"), 60, "not a torch module"),
        (TINY.replace("return nn", "__import__('os')._exit(0)\n    return nn"), 60, "exit code 0"),
        (
            TINY.replace(
                "return nn.Sequential(",
                "class First(nn.Module):\n        def forward(self, x):\n            return x[:1]"
                "\n\n    return nn.Sequential(First(), ",
            ),
            60,
            "for a batch of 4",
        ),
    ],
)
def test_a_broken_system_is_a_failed_result_and_the_rest_goes_on(
    content: Path, tmp_path: Path, text: str, limit: int, says: str
) -> None:
    """A hang, a crash and a wrong network fail with their reason; the others are measured: 3."""
    (content / "workloads" / "image" / "a_bad.py").write_text(text)
    suite = tmp_path / "s.toml"
    suite.write_text(
        'seconds = 0.05\nwarmup_s = 0.1\n[[systems]]\nworkloads = ["image/a_bad", "image/tiny"]\n'
        'backends = ["eager"]\nscenarios = ["Offline"]\n'
    )
    out = tmp_path / "r.json"
    code = run("run", suite, "--content", content, "--store", tmp_path / "r.db", "--json", out,
               "--report", "none", "--time-limit", limit, "--threads", 1, "--quiet")  # fmt: skip
    rows = {r["workload"]: r for r in json.loads(out.read_text())["results"]}
    if limit == 6 and rows["image/tiny"]["status"] == "failed":
        pytest.skip("this machine was too slow for the six seconds that the hang is given")
    assert code == 3
    assert rows["image/tiny"]["status"] == "ok"
    assert rows["image/a_bad"]["status"] == "failed"
    assert says in rows["image/a_bad"]["reason"]
    assert "\n" not in rows["image/a_bad"]["reason"]


def test_nothing_measured_is_exit_5(content: Path, tmp_path: Path) -> None:
    """A precision that no backend runs on a processor leaves only skipped systems."""
    code = run("run", "image/tiny", "--content", content, "--precision", "tf32", "--store",
               tmp_path / "r.db", "--report", "none", "--quiet")  # fmt: skip
    assert code == 5
    store = open_store(tmp_path / "r.db")
    found = store.results(store.find_run("latest").id)
    assert {r.status for r in found} == {"skipped"}


@pytest.mark.parametrize(
    "text", ["", "all", "0-", "-1", "1,x", "0-4000000000", "0-" + 5000 * "9", "²"]
)
def test_pin_takes_processors_as_the_kernel_lists_them(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anything else is refused with what it takes."""
    assert run("run", "image/lenet", f"--pin={text}") == 2
    assert "must be auto, none, or a list of processors such as 0-3,8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--time-limit", "1e10"), "above 0 and below 1e+09"),
        (("--budget", "nan"), "must be a number of seconds above 0"),
        (("--threads", "²"), "must be a whole number of at least 1"),
        (("--threads", 5000 * "9"), "of 9 digits at most"),
        (("--device", "cpu:²"), "write KIND or KIND:N"),
        (("--device", "cpu:" + 5000 * "9"), "write KIND or KIND:N"),
        (("--device", "cpu:1"), "there is cpu:0\n"),
    ],
)
def test_a_number_that_is_none_is_refused_in_one_sentence(
    arguments: tuple[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Digits that are none of ours, and numbers that no machine has."""
    assert run("run", "image/lenet", *arguments) == 2
    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("seed", ["-1", "1.5", "²"])
def test_a_seed_is_a_whole_number(seed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused before a training, not by the first epoch."""
    assert run("train", "image/lenet", f"--seed={seed}") == 2
    assert "must be a whole number of at least 0" in capsys.readouterr().err


def test_a_used_up_budget_skips_the_rest_and_resume_goes_on(content: Path, tmp_path: Path) -> None:
    """With a budget of next to nothing no system is begun; `--resume` measures it."""
    store = ("--store", tmp_path / "r.db", "--report", "none", "--quiet")
    code = run("run", "image/tiny", "--content", content, "--backend", "eager", "--scenario",
               "Offline", "--threads", 1, "--budget", 1e-9, *store)  # fmt: skip
    assert code == 5
    opened = open_store(tmp_path / "r.db")
    (row,) = opened.results(opened.find_run("latest").id)
    assert row.status == "skipped"
    assert "--budget" in (row.reason or "")
    assert run("run", "--resume", "latest", *store) == 0
    (row,) = opened.results(opened.find_run("latest").id)
    assert row.status == "ok"


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_run_keeps_what_it_has(content: Path, tmp_path: Path, name: str) -> None:
    """Ctrl-C and `kill` end the worker, keep stored rows, and name --resume."""
    slow = TINY.replace("def build(scale):", "def build(scale):\n    import time; time.sleep(300)")
    (content / "workloads" / "image" / "z_slow.py").write_text(slow)
    suite = tmp_path / "s.toml"
    suite.write_text(
        'seconds = 0.05\nwarmup_s = 0.1\n[[systems]]\nworkloads = ["image/tiny", "image/z_slow"]\n'
        'backends = ["eager"]\nscenarios = ["Offline"]\n'
    )
    store_path = tmp_path / "r.db"
    process = subprocess.Popen(
        [sys.executable, "-m", "benchsuite", "run", str(suite), "--content", str(content),
         "--store", str(store_path), "--report", "none", "--threads", "1"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        # a test run in the background inherits that Ctrl-C is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        _interrupted(process, store_path, name=name)
    finally:
        process.kill()


def _interrupted(process: subprocess.Popen[str], store_path: Path, *, name: str) -> None:
    deadline = time.monotonic() + 120
    stored: list[Any] = []
    while time.monotonic() < deadline and not stored and process.poll() is None:
        time.sleep(0.5)
        if store_path.exists():
            try:
                store = open_store(store_path)
                stored = store.results(store.runs()[0].id) if store.runs() else []
            except Exception:  # the other process is just making the store
                continue
    workers: list[psutil.Process] = []
    while time.monotonic() < deadline and not workers and process.poll() is None:
        workers = psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.1)
    assert workers
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in errors
    assert "Traceback" not in errors
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
    store = open_store(store_path)
    (row,) = store.results(store.runs()[0].id)
    assert (row.key.workload, row.status) == ("image/tiny", "ok")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run",), "name a suite"),
        (("run", ""), "an empty target"),
        (("run", "smokey"), "did you mean smoke"),
        (("run", "image/lenet", "--weights", "image/lent=/etc/hostname"), "did you mean image/le"),
        (("run", "image/lenet", "--weights", "text/word2vec=/etc/hostname"), "unknown workload"),
        (("run", "image/lenet", "--weights", "image/lenet=/etc/hostname"), "not a safetensors"),
        (("run", "image/lenet", "--device", "cpu", "--meter", "nvml"), "--meter nvml"),
        (("run", "image/lenet", "--resume", "latest"), "cannot be given"),
        (("run", "--resume", "latest", "--threads", "1"), "--threads cannot be given"),
        (("report", "-o", "/nowhere/p.html"), "does not exist"),
        (("export", "-o", "/nowhere/p.json"), "does not exist"),
        (("list", "runs", "--store", "/nowhere/r.db"), "no store yet"),
        (("list", "runs", "--store", "foo://bar"), "foo://bar"),
        (("run", "image/lenet", "--batch", "0"), "at least 1"),
        (("run", "image/lenet", "--batch", "many"), "whole number"),
        (("run", "image/lenet", "--time-limit", "-3"), "above 0"),
        (("run", "image/lenet", "--backend", ","), "empty list"),
        (("run", "image/lenet", "--data", "mnist"), "NAME=DIR"),
        (("run", "image/lenet", "--data", "mnist=~no-such-user/x"), "there is no such user"),
        (("run", "image/lenet", "--label", "x"), "KEY=VALUE"),
        (("run", "image/lenet", "--label", "x=\udcff"), "not UTF-8"),
        (("run", "image/lenet", "--goals", "none"), "no such goals"),
        (("run", "image/lenet", "--report", "/nowhere/p.html"), "does not exist"),
        (("run", "image/lenet", "--json", "/nowhere/r.json"), "does not exist"),
        (("run", "image/lenet", "--places", "/nowhere.toml"), "no such places file"),
        (("run", "image/lenet", "--store", "/proc/r.db"), "r.db"),
        (("count", "image/none"), "unknown workload"),
        (("count", "image/lenet", "--scale", "huge"), "has no scale"),
        (("train", "image/none"), "unknown workload"),
        (("train", "image/lenet", "--scale", "reference"), "cannot be trained"),
        (("train", "image/*"), "train takes one"),
        (("train", "image/lenet", "--output", "/proc/x/w.safetensors"), "--output"),
        (("hw", "show", "abacus"), "unknown device model"),
        (("hw", "show"), "needs a name"),
        (("list", "unicorns"), "invalid choice"),
        (("report", "zzzz"), "no run"),
        (("compare", "latest"), "needs two"),
        (("measure",), "invalid choice"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user's mistake is answered with one clear sentence, never a traceback."""
    assert run(*arguments) == 2
    errors = capsys.readouterr().err.strip()
    assert says in errors
    assert len(errors.splitlines()) == 1
    assert "Traceback" not in errors


def test_a_places_files_missing_folder_is_told_as_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names the file and its line, not a flag that nobody wrote."""
    places = tmp_path / "places.toml"
    places.write_text('fashion-mnist = "gone"\n')
    assert run("run", "image/lenet", "--places", str(places)) == 2
    said = capsys.readouterr().err.strip()
    assert said == f"benchsuite: {places}: fashion-mnist = 'gone': no such folder"
    given = ("--data", f"fashion-mnist={tmp_path}/other")
    assert run("run", "image/lenet", "--places", str(places), *given) == 2
    said = capsys.readouterr().err.strip()
    assert said == f"benchsuite: --data fashion-mnist={tmp_path}/other: no such folder"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (TINY + "\nimport sys\nsys.exit(3)\n", "SystemExit: 3"),
        (TINY.replace('paper="none"', "paper=7"), "Expected str, got int"),
        (TINY.replace("batch=4", 'batch="four"'), "Expected int, got str"),
        (TINY.replace("def build(scale):", "def build(scale:"), "syntax error"),
        (TINY.replace("frame=", "fame="), "Workload has no field 'fame'; did you mean frame"),
        (TINY.replace("(3, 8, 8)", "(3, -8, 8)"), "sides are at least 1"),
        (TINY.replace("shape=(3, 8, 8)", "shape=(3, 8, 8), dtype='foo'"), "dtype 'foo'"),
        (TINY + "\0", "wrong.py"),
        (TINY.replace("return nn", "raise SystemExit(0)\n    return nn"), "SystemExit"),
        (TINY + '\nraise ValueError("boom\\nsecond line")\n', "boom second line"),
    ],
)
def test_a_wrong_workload_file_is_one_sentence(
    content: Path, text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exit, a wrong type, a syntax error: the file and the reason, exit 2."""
    (content / "workloads" / "image" / "wrong.py").write_text(text)
    assert run("count", "image/wrong", "--content", content) == 2
    errors = capsys.readouterr().err.strip()
    assert says in errors
    assert "wrong.py" in errors
    assert len(errors.splitlines()) == 1


def test_what_a_workload_prints_is_not_in_the_json(
    content: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--json` stands alone for standard output, and a chatty file does not spoil it."""
    (content / "workloads" / "image" / "chatty.py").write_text(TINY + "\nprint('rubbish')\n")
    assert run("count", "image/chatty", "--content", content, "--json") == 0
    (counted,) = json.loads(capsys.readouterr().out)
    assert counted["workload"] == "image/chatty"


def test_goals_are_shown(content: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each row says what it meets, and by how much it misses."""
    goals = tmp_path / "camera.toml"
    goals.write_text('title = "Camera"\n[at_least]\nthroughput = 1e12\n')
    run("run", "image/tiny", "--content", content, "--backend", "eager", "--scenario",
        "Offline", "--threads", 1, "--store", tmp_path / "r.db", "--report", "none",
        "--goals", goals)  # fmt: skip
    shown = capsys.readouterr().out
    assert "misses image/tiny" in shown
    assert "below 1e+12 by" in shown
    goals.write_text("[at_least]\nthroughput = nan\n")
    assert run("run", "image/tiny", "--content", content, "--goals", goals) == 2
    assert "not finite" in capsys.readouterr().err


def test_networks_that_answer_nonsense_are_unranked(content: Path, tmp_path: Path) -> None:
    """Outputs that are no numbers make a parity doubt, not an internal message."""
    text = TINY.replace("return nn", "torch = __import__('torch')\n    net = nn").rstrip()
    text += "\n    torch.nn.init.constant_(net[0].weight, float('nan'))\n    return net\n"
    (content / "workloads" / "image" / "void.py").write_text(text)
    out = tmp_path / "r.json"
    run("run", "image/void", "--content", content, "--backend", "eager", "--scenario",
        "Offline", "--threads", 1, "--store", tmp_path / "r.db", "--report", "none", "--json",
        out, "--quiet")  # fmt: skip
    (row,) = json.loads(out.read_text())["results"]
    assert row["status"] == "ok"
    assert row["class"] == "unranked"
    assert "not finite" in next(w["message"] for w in row["warnings"] if w["code"] == "parity")


def test_a_batch_beyond_memory_says_so(content: Path, tmp_path: Path) -> None:
    """The reason is memory, not an exception's name."""
    out = tmp_path / "r.json"
    code = run("run", "image/tiny", "--content", content, "--backend", "eager", "--threads", 1,
               "--batch", 999_999_999, "--store", tmp_path / "r.db", "--report", "none",
               "--json", out, "--quiet")  # fmt: skip
    assert code == 5
    assert {r["reason"][:13] for r in json.loads(out.read_text())["results"]} == {"out of memory"}


GONE = """
    class Gone(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net
            self.asked = 0

        def forward(self, x):
            self.asked += 1
            if self.asked > 40 and x.device.type != "meta":
                raise RuntimeError(
                    "CUDA error: unspecified launch failure\\n"
                    "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions."
                )
            return self.net(x)

    return Gone()
"""


def test_a_device_that_is_lost_in_a_window_fails_its_rows_only(
    content: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is torch's first line with the phase; other systems are measured and stored."""
    folder = content / "workloads" / "image"
    (folder / "gone.py").write_text(TINY.replace("return nn", "net = nn").rstrip() + "\n" + GONE)
    out = tmp_path / "r.json"
    code = run("run", "image/gone", "image/tiny", "--content", content, "--backend", "eager",
               "--threads", 1, "--store", tmp_path / "r.db", "--report", "none", "--json",
               out)  # fmt: skip
    assert code == 3
    rows = json.loads(out.read_text())["results"]
    status = {(row["workload"], row["scenario"]): row["status"] for row in rows}
    assert status == {  # a process that failed is one row
        ("image/gone", "Offline"): "failed",
        ("image/tiny", "Offline"): "ok",
        ("image/tiny", "SingleStream"): "ok",
    }
    reason = next(row["reason"] for row in rows if row["status"] == "failed")
    assert reason.startswith("in phase 'Offline")
    assert "the device failed: CUDA error: unspecified launch failure. See dmesg" in reason
    assert "TORCH_USE_CUDA_DSA" not in reason
    assert "TORCH_USE_CUDA_DSA" not in capsys.readouterr().err


def test_a_full_disk_loses_nothing(
    measured: dict[str, Path], content: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A page that cannot be written leaves the JSON written and names the stored run."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    out = tmp_path / "r.json"
    code = run("run", "image/tiny", "--content", content, "--backend", "eager", "--scenario",
               "Offline", "--threads", 1, "--store", tmp_path / "r.db", "--report", "/dev/full",
               "--json", out, "--quiet")  # fmt: skip
    errors = capsys.readouterr().err
    (info,) = json.loads(out.read_text())["runs"]
    assert code == 2
    assert "/dev/full" in errors
    assert f"benchsuite report {info['id']}" in errors
    assert run("report", "latest", "--store", measured["store"], "-o", "/dev/full") == 2
    assert "/dev/full: cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["| head -n 1", ">&-", "> /dev/full"])
def test_an_output_that_goes_away_is_no_traceback(ending: str) -> None:
    """A pipe whose reader leaves, a closed output and a full one end quietly or with a sentence."""
    command = f"{sys.executable} -m benchsuite list metrics {ending}"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode == (2 if "full" in ending else 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", what)
        for what in ("workloads", "suites", "backends", "devices", "meters", "metrics", "datasets",
                     "goals")
    ]
    + [("hw", "list"), ("hw", "show", "h200-sxm-141gb"), ("count", "image/lenet")],
)  # fmt: skip
def test_every_listing_prints_and_gives_json(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each listing has a table for people and the same as JSON."""
    assert run(*arguments) == 0
    assert capsys.readouterr().out.strip()
    assert run(*arguments, "--json", "-") == 0
    assert isinstance(json.loads(capsys.readouterr().out), (list, dict))


def test_help_imports_nothing_heavy() -> None:
    """`--help` needs none of torch, pandas, numpy, SQLAlchemy, rich or jinja2."""
    code = (
        "import sys\nfrom benchsuite.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'pandas', 'numpy', 'sqlalchemy', 'rich', 'jinja2', 'msgspec'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip().endswith("HEAVY []")


def test_list_tells_what_a_workload_is_at_a_scale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Paper, frame, input, each set's target, and the sets that are taken without one."""
    out = tmp_path / "w.json"
    assert main(["list", "workloads", "--scale", "reference", "--json", str(out)]) == 0
    rows = {row["name"]: row for row in json.loads(out.read_text())}
    assert rows["image/vit_b_16"]["also"] == ["cifar-10", "cifar-100"]
    assert rows["image/vit_b_16"]["input"] == ["3x224x224"]
    assert rows["audio/deepspeech2"]["target"] == ["librispeech: 1 - WER 0.77"]
    assert "ICML 2016" in rows["audio/deepspeech2"]["paper"]
    assert rows["video/slow_fusion"]["also"] == ["ucf101"]
    assert rows["image/lenet"]["target"] == []
    assert main(["list", "workloads", "--scale", "embedded", "--json", str(out)]) == 0
    assert "image/vgg16" not in {row["name"] for row in json.loads(out.read_text())}
    capsys.readouterr()
    assert main(["list", "backends", "--scale", "reference"]) == 2
    assert "--scale is for list workloads" in capsys.readouterr().err
