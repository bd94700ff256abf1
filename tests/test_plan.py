"""Tests of benchsuite.plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchsuite import machine
from benchsuite.catalog import content_roots
from benchsuite.errors import BadInput
from benchsuite.plan import Plan, Request, load_suite, make_plan
from benchsuite.stats import least_queries
from benchsuite.types import SystemSpec


def plan_of(cache: Path, tmp_path: Path, *targets: str, **settings: object) -> Plan:
    request = Request(targets=targets, **settings)  # type: ignore[arg-type]
    return make_plan(request, cache=cache, home=tmp_path / "home")


def test_a_workload_alone_is_measured_on_both_first_backends(
    content: Path, cache: Path, tmp_path: Path
) -> None:
    """Scale, batch, scenarios and backends have defaults, and the scale chosen is noted."""
    plan = make_plan(
        Request(targets=("image/tiny",), content=(content,)), cache=cache, home=tmp_path
    )
    assert [spec.backend for spec in plan.specs] == ["eager", "onnxruntime"]
    assert {spec.batch for spec in plan.specs} == {4}
    assert plan.notes == ("image/tiny: scale reference",)
    assert all(spec.weights is None and spec.weights_reason for spec in plan.specs)


def test_a_glob_takes_the_workloads_that_have_the_scale(cache: Path, tmp_path: Path) -> None:
    """`image/*` at embedded scale leaves out what has none; a workload by name is refused."""
    settings = {"scale": "embedded", "backends": ("eager",)}
    names = {spec.name for spec in plan_of(cache, tmp_path, "image/*", **settings).specs}
    assert {"image/lenet", "image/nin"} <= names
    assert "image/vgg16" not in names
    with pytest.raises(BadInput, match="vgg16 has no scale 'embedded'; it has: reference"):
        plan_of(cache, tmp_path, "image/vgg16", **settings)


def test_a_system_named_twice_is_measured_once(content: Path, cache: Path, tmp_path: Path) -> None:
    """Overlapping targets do not repeat a system."""
    plan = make_plan(
        Request(targets=("image/tiny", "image/tiny"), content=(content,), backends=("eager",)),
        cache=cache,
        home=tmp_path,
    )
    assert len(plan.specs) == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"targets": ("smok",)}, "did you mean smoke"),
        ({"targets": ("lenet",)}, "did you mean image/lenet"),
        ({"targets": ("image/nothing",)}, "unknown workload"),
        ({"targets": ("image/lenet",), "backends": ("egaer",)}, "did you mean eager"),
        ({"targets": ("image/lenet",), "device": "gpu"}, "unknown device"),
        ({"targets": ("image/lenet",), "scenarios": ("offline",)}, "did you mean Offline"),
        ({"targets": ("image/lenet",), "precisions": ("fp31",)}, "unknown precision"),
        ({"targets": ("image/lenet",), "meter": "tea"}, "unknown meter"),
        ({"targets": ("image/lenet",), "device": "cpu", "threads": 9999}, "--threads 9999"),
        ({"targets": ("image/lenet",), "scale": "huge"}, "unknown scale"),
        ({"targets": ("image/lenet",), "data": {"mnist-6k": Path("/")}}, "unknown data set"),
        ({"targets": ("image/lenet",), "data": {"mnist-5k": Path("/nowhere")}}, "no such folder"),
        ({"targets": ("image/lenet",), "weights": {"image/lenet": Path("/no")}}, "no such file"),
        ({"targets": ("nothing.toml",)}, "no such suite file"),
        ({"targets": ("nothing.py",)}, "no such workload file"),
        ({"targets": ("image/lenet",), "content": (Path("/nowhere"),)}, "no such folder"),
    ],
)
def test_bad_requests_are_one_sentence(
    cache: Path, tmp_path: Path, settings: dict[str, object], says: str
) -> None:
    """Every unknown name and missing place is refused before anything is measured."""
    with pytest.raises(BadInput, match=says) as caught:
        make_plan(Request(**settings), cache=cache, home=tmp_path)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_processors_of_the_users_choice_go_to_every_system(
    content: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--pin`: a list, none, or the worker's choice; what cannot be is refused before anything."""
    monkeypatch.setattr(machine, "allowed", lambda: frozenset(range(4)))

    def asked(**settings: object) -> list[SystemSpec]:
        request = Request(targets=("image/tiny",), content=(content,), device="cpu", **settings)  # type: ignore[arg-type]
        return list(make_plan(request, cache=cache, home=tmp_path).specs)

    assert {spec.cores for spec in asked()} == {None}
    assert {spec.cores for spec in asked(cores=())} == {()}
    assert {(spec.cores, spec.threads) for spec in asked(cores=(3,))} == {((3,), 1)}
    with pytest.raises(BadInput, match="--pin: .* processor 7; it may use 0-3"):
        asked(cores=(1, 7))
    with pytest.raises(BadInput, match="--pin 2: 2 threads need as many processors"):
        asked(cores=(2,), threads=2)
    monkeypatch.setattr(machine, "allowed", lambda: None)
    with pytest.raises(BadInput, match="--pin: this system binds no process"):
        asked(cores=(0,))


def test_a_wrong_data_folder_names_the_first_thing_missing(cache: Path, tmp_path: Path) -> None:
    """A folder without the data set's file is refused with the file's name."""
    with pytest.raises(BadInput, match="mnist_5k"):
        plan_of(cache, tmp_path, "image/lenet", data={"mnist-5k": tmp_path})


def test_a_backend_that_is_not_there_is_skipped_with_its_pip_line(
    content: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An absent package leaves the other backends, and the reason says what to install."""
    from benchsuite.backends import onnxruntime

    monkeypatch.setattr(onnxruntime, "_PACKAGES", ("a_package_nobody_has",))
    plan = make_plan(
        Request(targets=("image/tiny",), content=(content,)), cache=cache, home=tmp_path
    )
    assert [spec.backend for spec in plan.specs] == ["eager"]
    ((spec, reason),) = plan.skipped
    assert spec.backend == "onnxruntime"
    assert "pip install 'benchsuite[bench]'" in reason


ALL_FIVE = ("Offline", "SingleStream", "MultiStream", "Server", "RealTime")


def test_scenarios_without_a_rate_or_bound_are_skipped_with_what_would_give_one(
    content: Path, cache: Path, tmp_path: Path
) -> None:
    """A workload that has neither runs the other three; --rate gives RealTime what it lacks."""
    request = Request(
        targets=("image/tiny",), content=(content,), backends=("eager",), scenarios=ALL_FIVE
    )
    plan = make_plan(request, cache=cache, home=tmp_path)
    (spec,) = plan.specs
    assert spec.scenarios == ALL_FIVE[:3]
    reasons = {(s.scenarios[0], "--rate" in why, "bound" in why) for s, why in plan.skipped}
    assert reasons == {
        ("RealTime", True, False), ("Server", False, True),
    }  # fmt: skip
    given = make_plan(replace(request, rate=5.0), cache=cache, home=tmp_path)
    assert given.specs[0].scenarios == (*ALL_FIVE[:3], "RealTime")
    assert given.specs[0].rate == 5.0


def test_a_rate_without_real_time_is_refused(content: Path, cache: Path, tmp_path: Path) -> None:
    """--rate says nothing of the other scenarios."""
    with pytest.raises(BadInput, match="add --scenario RealTime"):
        make_plan(
            Request(targets=("image/tiny",), content=(content,), rate=5.0),
            cache=cache,
            home=tmp_path,
        )


@pytest.mark.parametrize("rate", [1e99, 1.1e6])
def test_a_rate_that_no_clock_keeps_is_refused(
    content: Path, cache: Path, tmp_path: Path, rate: float
) -> None:
    """Its schedule would hold more frames than any machine answers or stores."""
    request = Request(
        targets=("image/tiny",), content=(content,), scenarios=("RealTime",), rate=rate
    )
    with pytest.raises(BadInput, match="is above 1e\\+06, which no clock here keeps"):
        make_plan(request, cache=cache, home=tmp_path)
    assert make_plan(replace(request, rate=1e6), cache=cache, home=tmp_path).specs


def test_each_scenario_has_its_samples_a_query(cache: Path, tmp_path: Path) -> None:
    """Offline takes the workload's batch, MultiStream MLPerf's 8; --batch sets both."""

    def batches(batch: int | None) -> list[int]:
        request = Request(
            targets=("image/lenet",), scale="reference", backends=("eager",), batch=batch,
            scenarios=ALL_FIVE,
        )  # fmt: skip
        (spec,) = make_plan(request, cache=cache, home=tmp_path).specs
        return [spec.batch_of(scenario) for scenario in spec.scenarios]

    assert batches(None) == [64, 1, 8, 1, 1]
    assert batches(32) == [32, 1, 32, 1, 1]


def test_the_full_suite_has_mlperfs_durations() -> None:
    """600 s as in LoadGen's mlperf.conf, all five scenarios, queries enough for p99."""
    suite = load_suite(content_roots()[-1] / "workloads" / "suites" / "full.toml")
    assert suite.seconds == 600.0
    assert suite.min_queries == least_queries(0.99) == 662
    assert suite.groups[0].scenarios == ALL_FIVE


SUITE = """
title = "Mine"
seconds = 2
[[systems]]
workloads = ["image/*"]
backends = ["eager"]
batch = 8
"""


def test_a_suite_file_is_read(tmp_path: Path) -> None:
    """Settings and groups of a suite come from its TOML file."""
    path = tmp_path / "mine.toml"
    path.write_text(SUITE)
    suite = load_suite(path)
    assert (suite.name, suite.title, suite.seconds) == ("mine", "Mine", 2.0)
    assert suite.groups[0].batch == 8


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("seconds = 2", "second = 2", "did you mean seconds"),
        ("seconds = 2", "seconds = 'long'", "must be a number"),
        ("seconds = 2", "seconds = 0", "above 0"),
        ("batch = 8", "batch = 0", "at least 1"),
        ("batch = 8", "samples_per_query = 0", "at least 1"),
        ("batch = 8", "rate = 0", "above 0"),
        ("batch = 8", "rate = inf", r"below 1e\+09"),
        ("batch = 8", "latency_bound_s = nan", "above 0"),
        ("seconds = 2", "min_queries = 0", "at least 1"),
        ("seconds = 2", "time_limit_s = 1e300", r"below 1e\+09"),
        pytest.param("seconds = 2", f"seconds = {10**400}", r"below 1e\+09", id="endless"),
        pytest.param("batch = 8", f"batch = {10**400}", r"below 1e\+09", id="huge"),
        ("batch = 8", "batch = true", "must be a whole number"),
        ('backends = ["eager"]', 'backends = "eager"', "must be a list"),
        ('backends = ["eager"]', "backends = [1]", "list of texts"),
        ('backends = ["eager"]', 'backends = ["none"]', "unknown backend"),
        ('workloads = ["image/*"]', "", "needs workloads"),
        ("[[systems]]", "[systems]", "at least one"),
    ],
)
def test_a_wrong_suite_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    """A wrong key or value in a suite is named with the file."""
    path = tmp_path / "mine.toml"
    path.write_text(SUITE.replace(old, new))
    with pytest.raises(BadInput, match=says) as caught:
        load_suite(path)
    assert str(path) in str(caught.value)


def test_best_has_the_backends_that_can_run_as_candidates(
    content: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One system is planned; a note names what is tried, and why the rest is not."""
    from benchsuite.backends import onnxruntime

    monkeypatch.setattr(onnxruntime, "_PACKAGES", ("a_package_nobody_has",))
    request = Request(targets=("image/tiny",), content=(content,), backends=("best",))
    plan = make_plan(request, cache=cache, home=tmp_path)
    (spec,) = plan.specs
    assert spec.backend == "best"
    assert "eager" in spec.candidates
    assert "onnxruntime" not in spec.candidates
    (note,) = [note for note in plan.notes if note.startswith("best at fp32: tries")]
    assert "not onnxruntime: backend onnxruntime needs a_package_nobody_has" in note


def test_int8_without_training_data_is_skipped(content: Path, cache: Path, tmp_path: Path) -> None:
    """Random inputs calibrate nothing: the reason says so."""
    request = Request(
        targets=("image/tiny",), content=(content,), precisions=("int8",),
        backends=("onnxruntime", "eager"),
    )  # fmt: skip
    plan = make_plan(request, cache=cache, home=tmp_path)
    assert not plan.specs
    reasons = {spec.backend: reason for spec, reason in plan.skipped}
    assert "int8 is calibrated on training data" in reasons["onnxruntime"]
    assert "eager does not run int8" in reasons["eager"], "no data would mend that"
