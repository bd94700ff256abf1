"""Tests of `benchsuite.compare`: systems joined from rows, the best of each, the finding."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchsuite.compare import best, finding, join, ratios, reference
from benchsuite.types import SINGLE_STREAM, Doubt, Result, Value
from tests.fakes import ENDLESS, HOSTILE, failed, result, troubled_run, whole_run


def unknown_accuracy(row: Result) -> Result:
    """The row as it is where there are no data."""
    missing = Value(value=None, how="not measured", reason="no data")
    gone = dict.fromkeys(("accuracy", "reference_accuracy", "accuracy_change"), missing)
    return replace(row, metrics={**row.metrics, **gone}, rank_class="speed-only")


def test_rows_of_one_system_are_joined() -> None:
    """Offline and SingleStream rows that agree aside from the batch are one system."""
    (system,) = join([result(), result(scenario=SINGLE_STREAM)])
    assert set(system.rows) == {"Offline", "SingleStream"}
    assert system.key.batch == 32


def test_each_metric_comes_from_the_row_that_measures_it() -> None:
    """Throughput is Offline's, latency is SingleStream's."""
    offline, single = result(), result(scenario=SINGLE_STREAM)
    (system,) = join([single, offline])
    assert system.value("throughput") is offline.metrics["throughput"]
    assert system.value("latency_p50") is single.metrics["latency_p50"]


def test_a_failed_offline_row_is_not_replaced_by_another_scenario() -> None:
    """Throughput is missing where Offline failed, not SingleStream's; the accuracy stays."""
    (system,) = join([failed(backend="eager"), result(scenario=SINGLE_STREAM)])
    assert system.number("throughput") is None
    assert "killed" in (system.value("throughput").reason or "")
    assert system.number("accuracy") == 0.982
    assert system.measured
    assert not system.ranked


def test_every_batch_is_a_system_of_its_own() -> None:
    """Two Offline batches are two systems, both with the one SingleStream row."""
    systems = join(
        [
            result(identity={"batch": 8}),
            result(identity={"batch": 64}),
            result(scenario=SINGLE_STREAM),
        ]
    )
    assert [system.short for system in systems] == ["eager fp32 · batch 8", "eager fp32 · batch 64"]
    assert all(SINGLE_STREAM in system.rows for system in systems)


def test_labels_are_as_short_as_they_can_be() -> None:
    """A label names workload, backend and precision, and more only where two are alike."""
    systems = join(
        [result(), result(backend="onnxruntime"), result(identity={"threads": 1}, backend="x")]
    )
    assert [system.label for system in systems] == [
        "image/squeezenet · eager fp32",
        "image/squeezenet · onnxruntime fp32",
        "image/squeezenet · x fp32",
    ]


@pytest.mark.parametrize(
    ("identity", "labels"),
    [
        ({"threads": 1}, ["eager fp32 · 2 threads", "eager fp32 · 1 thread"]),
        ({"scale": "reference"}, ["eager fp32 · embedded", "eager fp32 · reference"]),
        (
            {"device_name": "T4"},
            ["eager fp32 · AMD EPYC 9V74 80-Core Processor", "eager fp32 · T4"],
        ),
    ],
)
def test_labels_tell_apart_what_is_alike(identity: dict[str, object], labels: list[str]) -> None:
    """What two systems of the same name differ in is added to both names."""
    assert [system.short for system in join([result(), result(identity=identity)])] == labels


def test_labels_are_unique() -> None:
    """No two systems of a run have the same label or id."""
    systems = join(troubled_run())
    assert len({system.label for system in systems}) == len(systems)
    assert len({system.id for system in systems}) == len(systems)


def test_the_best_is_the_fastest_that_may_be_ranked() -> None:
    """A faster system that misses the target or is unranked is never the best."""
    slow, fast = result(), result(backend="onnxruntime")
    unmet = result(backend="x", roofline=5.0, accuracy_change=-0.5)
    odd = result(backend="y", roofline=9.0, fields={"rank_class": "unranked"})
    (winner,) = best(join([slow, fast, unmet, odd])).values()
    assert winner.key.backend == "onnxruntime"


def test_classes_are_never_ranked_together() -> None:
    """Each class has its own best."""
    winners = best(join([result(), result(backend="x", fields={"rank_class": "qualified"})]))
    assert {place.rank_class for place in winners} == {"embedded", "qualified"}


def test_the_reference_is_eager_fp32_of_the_same_network() -> None:
    """The system that others are measured against shares all but backend and precision."""
    systems = join([result("image/lenet"), result(), result(backend="x", precision="int8")])
    found = reference(systems, beside=systems[2])
    assert found is systems[1]


def test_all_is_well() -> None:
    """Quality first, then speed as a range over the networks."""
    assert finding(whole_run()) == (
        "All five networks reach their quality target; "
        "onnxruntime is 1.5 to 3.4 times as fast as eager."
    )


CONTENDED = {
    "rank_class": "unranked",
    "class_reason": "contended: Offline: other processes took 1.2 s",
    "doubts": (Doubt(code="contended", message="Offline: other processes took 1.2 s"),),
}


def behind(workload: str, missed: float, *, backend: str = "eager") -> Result:
    """A `RealTime` row that does not keep up with its rate."""
    row = result(workload, backend=backend, scenario="RealTime")
    doubt = Doubt(code="rate_missed", message="RealTime: the system does not keep up")
    return replace(
        row,
        key=replace(row.key, batch=1),
        rank_class="unranked",
        class_reason=f"rate_missed: {doubt.message}",
        doubts=(doubt,),
        metrics={**row.metrics, "missed_frames": Value(value=missed, how="counted")},
    )


FINDINGS = {
    "nothing": ([], "Nothing was measured."),
    "one failed": (
        [failed(reason="no such operator")],
        "Nothing was measured: image/squeezenet · openvino fp32 failed: no such operator.",
    ),
    "all failed": (
        [failed(), failed("image/lenet")],
        "Nothing was measured: all two systems failed. The first reason: the worker was killed "
        "for memory (signal 9) after 31 s.",
    ),
    "all skipped": (
        [failed(status="skipped", reason="no time"), failed("image/lenet", status="skipped")],
        "Nothing was measured: all two systems were skipped. The first reason: no time.",
    ),
    "one network, one backend": (
        [result("image/lenet")],
        "image/lenet reaches its quality target; eager runs 58\u202f800 images a second.",
    ),
    "one backend": (
        [result(), result("image/lenet")],
        "Both networks reach their quality target; only eager was measured, so no software is "
        "compared.",
    ),
    "speed only": (
        [unknown_accuracy(result()), unknown_accuracy(result(backend="onnxruntime"))],
        "Accuracy was not measured for image/squeezenet: speed only; "
        "onnxruntime is 2.1 times as fast as eager.",
    ),
    "a target missed": (
        [
            result(),
            result(backend="onnxruntime", accuracy_change=-0.1, fields={"rank_class": "unranked"}),
        ],
        "image/squeezenet misses its quality target on onnxruntime fp32.",
    ),
    "some targets missed": (
        [result("image/lenet"), result(accuracy_change=-0.1)],
        "One of two networks reaches its quality target, image/squeezenet misses it; only eager "
        "was measured, so no software is compared.",
    ),
    "no target": (
        [result(fields={"target": None})],
        "No quality target is known for image/squeezenet; eager runs 3\u202f910 images a second.",
    ),
    "a failure beside": (
        [result("image/lenet"), result("image/lenet", backend="onnxruntime"), failed()],
        "image/lenet reaches its quality target; onnxruntime is 3.4 times as fast as eager. "
        "One of three systems failed.",
    ),
    "no gain": (
        [result(), result(backend="compile", roofline=0.445)],
        "image/squeezenet reaches its quality target; compile is as fast as eager.",
    ),
    "a loss": (
        [result(), result(backend="compile", roofline=0.2)],
        "image/squeezenet reaches its quality target; nothing is faster than eager.",
    ),
    "measured energy": (
        [
            result(source="rapl", power=10.0),
            result(source="rapl", power=8.0, backend="onnxruntime"),
        ],
        "image/squeezenet reaches its quality target; onnxruntime is 2.1 times as fast as eager, "
        "energy per frame ÷2.6.",
    ),
    "more energy": (
        [
            result(source="rapl", power=10.0),
            result(source="rapl", power=30.0, backend="onnxruntime"),
        ],
        "image/squeezenet reaches its quality target; onnxruntime is 2.1 times as fast as eager, "
        "energy per frame ×1.4.",
    ),
    "one skipped": (
        [result(), failed("image/lenet", status="skipped", reason="no time")],
        "image/squeezenet reaches its quality target; eager runs 3\u202f910 images a second. "
        "One system was skipped.",
    ),
    "two meters of one boundary": (
        [
            result(source="nvml sampled", boundary="board", power=10.0),
            result(source="nvml counter", boundary="board", power=8.0, backend="onnxruntime"),
        ],
        "image/squeezenet reaches its quality target; onnxruntime is 2.1 times as fast as eager, "
        "energy per frame ÷2.6.",
    ),
    "two boundaries": (
        [
            result(source="csv", boundary="wall", power=10.0),
            result(source="rapl", boundary="package", power=8.0, backend="onnxruntime"),
        ],
        "image/squeezenet reaches its quality target; onnxruntime is 2.1 times as fast as eager.",
    ),
    "modelled beside measured": (
        [
            result(source="modelled", power=10.0),
            result(source="rapl", power=8.0, backend="onnxruntime"),
        ],
        "image/squeezenet reaches its quality target; onnxruntime is 2.1 times as fast as eager.",
    ),
    "one, contended": (
        [result("image/lenet", fields=CONTENDED)],
        "image/lenet reaches its quality target; eager runs 58\u202f800 images a second, but is "
        "unranked: contended.",
    ),
    "one, without accuracy": (
        [replace(unknown_accuracy(result()), rank_class="unranked", class_reason="no data")],
        "Accuracy was not measured for image/squeezenet: speed only; eager runs 3\u202f910 images "
        "a second, but is unranked: no data.",
    ),
    "one backend, all contended": (
        [result(fields=CONTENDED), result("image/lenet", fields=CONTENDED)],
        "Both networks reach their quality target; only eager was measured, so no software is "
        "compared, and no system can be ranked.",
    ),
    "one that misses its target": (
        [result("image/lenet", accuracy_change=-0.1, fields={"rank_class": "unranked"})],
        "image/lenet misses its quality target; eager runs 58\u202f800 images a second.",
    ),
    "frames missed": (
        [result("image/lenet"), behind("image/lenet", 0.998)],
        "image/lenet reaches its quality target; eager runs 58\u202f800 images a second. "
        "image/lenet · eager fp32 misses 99.8 % of the frames that RealTime offers.",
    ),
    "frames missed by two": (
        [behind("image/lenet", 0.2), behind("image/lenet", 0.998, backend="onnxruntime")],
        "image/lenet reaches its quality target; no system can be ranked. image/lenet · eager fp32 "
        "and image/lenet · onnxruntime fp32 miss 20.0 % to 99.8 % of the frames that RealTime "
        "offers.",
    ),
    "replayed": (
        [
            result(source="replayed nvml counter", power=10.0),
            result(source="replayed nvml counter", power=8.0, backend="onnxruntime"),
        ],
        "image/squeezenet reaches its quality target; onnxruntime is 2.1 times as fast as eager.",
    ),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_the_finding_is_honest(name: str) -> None:
    """Failures, missing accuracies and missed targets are said, never passed over."""
    results, sentence = FINDINGS[name]
    assert finding(results) == sentence


def test_hostile_names_do_not_take_over_the_finding() -> None:
    """An endless or right-to-left name is cut and kept from turning the sentence around."""
    sentence = finding([failed(ENDLESS + HOSTILE, reason=HOSTILE * 50)])
    assert len(sentence) < 600
    assert "\u202e" not in sentence
    assert "\n" not in sentence
    assert "\u2028" not in sentence


def test_ratios_are_a_range_only_where_they_differ() -> None:
    """Equal ends are said once."""
    assert ratios([2.06, 2.14, 2.1]) == "2.1"
    assert ratios([3.44, 1.52]) == "1.5 to 3.4"
    assert ratios([12.3, 120.0]) == "12 to 120"
