"""Tests of the charts of many systems: a roof a configuration, and dots that are told apart."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from benchsuite import compare
from benchsuite.compare import System
from benchsuite.pages.system_charts import rooflines, scatters
from benchsuite.plots import Plot
from benchsuite.types import Result
from tests.fakes import result


def row(
    workload: str, *, threads: int, peak: float, run: str = "a", accuracy: float = 0.9
) -> Result:
    """A row whose peak follows from its threads."""
    made = result(workload, identity={"threads": threads}, fields={"run": run})
    values = dict(made.metrics)
    for metric, value in (("peak", peak), ("accuracy", accuracy)):
        values[metric] = replace(values[metric], value=value)
    return replace(made, metrics=values)


def dots(plot: Plot) -> list[tuple[str, str]]:
    """Class and title of each dot."""
    root = ElementTree.fromstring(plot.svg)
    return [(c.get("class", ""), c.findtext("title") or "") for c in root.iter("circle")]


def texts(plot: Plot, kind: str) -> list[str]:
    """What is written in a chart."""
    root = ElementTree.fromstring(plot.svg)
    return [t.text or "" for t in root.iter("text") if t.get("class") == kind]


def two_threads_and_one() -> tuple[System, ...]:
    """Two networks on two threads and on one, in two runs."""
    return compare.join(
        row(workload, threads=threads, peak=threads * 1e12, run=f"r{threads}", accuracy=accuracy)
        for workload, accuracy in (("image/lenet", 0.9), ("image/squeezenet", 0.8))
        for threads in (2, 1)
    )


def test_every_configuration_has_its_roof() -> None:
    """A system on one thread stands under the roof of one thread, in that roof's colour."""
    (plot,) = rooflines(two_threads_and_one())
    root = ElementTree.fromstring(plot.svg)
    roofs = {line.get("class") for line in root.iter("line") if "roof" in line.get("class", "")}
    assert roofs == {"roof g0", "roof g1"}
    assert [name.rpartition(", ")[2] for name in plot.groups] == ["2 threads", "1 thread"]
    for kind, title in dots(plot):
        assert kind == ("dot g0" if title.endswith("2 threads") else "dot g1")
    written = [text.replace("\N{NO-BREAK SPACE}", " ") for text in texts(plot, "end")]
    assert "fp32, 2 threads: 2.00 TFLOP/s" in written
    assert "fp32, 1 thread: 1.00 TFLOP/s" in written
    assert {"lenet", "squeezenet"} == {*texts(plot, "name")}


def test_runs_under_one_roof_differ_in_colour() -> None:
    """Two runs of one configuration share a roof, which has neither's colour."""
    systems = compare.join(row("image/lenet", threads=2, peak=1e12, run=run) for run in "ab")
    (plot,) = rooflines(systems)
    assert plot.groups == ("run a", "run b")
    assert '"roof"' in plot.svg
    (one,) = rooflines(systems, runs=False)
    assert len(one.groups) == 1


def test_accuracies_that_are_equal_make_no_chart() -> None:
    """There is nothing to weigh; with two accuracies work has a dot a network, named whole."""
    systems = two_threads_and_one()
    lenets = [system for system in systems if system.workload == "image/lenet"]
    assert scatters(lenets) == []
    plot = next(each for each in scatters(systems) if "work" in each.id)
    assert len(dots(plot)) == 2
    assert len(plot.table) == 4
    assert {*texts(plot, "name")} == {"lenet", "squeezenet"}


def test_energy_is_told_apart_by_configuration() -> None:
    """A dot a system, coloured by its threads, with what it is as its title."""
    plot = next(each for each in scatters(two_threads_and_one()) if "energy" in each.id)
    assert {kind.split()[1] for kind, _ in dots(plot)} == {"g0", "g1"}
    assert len({title for _, title in dots(plot)}) == 4
    assert not any("…" in name for name in texts(plot, "name"))
