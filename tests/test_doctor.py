"""Tests of benchsuite.doctor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchsuite import catalog, doctor
from benchsuite.cli import main
from benchsuite.devices import cpu
from benchsuite.harness import contention


def examined(cache: Path) -> list[doctor.Finding]:
    return doctor.examine(cache=cache, roots=catalog.content_roots(), look_s=0.01)


def test_every_problem_says_what_it_costs_and_what_mends_it(cache: Path) -> None:
    """Whatever this machine is like, a finding is complete."""
    found = examined(cache)
    assert {finding.state for finding in found} <= {doctor.GOOD, doctor.NOTE, doctor.PROBLEM}
    for finding in found:
        assert finding.what
        assert bool(finding.cost) == (finding.state != doctor.GOOD)
        assert finding.mend or finding.state != doctor.PROBLEM


def readings(*values: contention.Reading) -> Iterator[contention.Reading]:
    yield from values


@pytest.mark.parametrize(
    ("steal", "busy", "says"),
    [(0.0, 9.0, "other programs use"), (9.0, 0.0, "the hypervisor took"), (0.0, 0.0, "nothing")],
)
def test_a_busy_machine_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, steal: float, busy: float, says: str
) -> None:
    """Recorded counters: other programs, a hypervisor, and neither."""
    made = readings(
        contention.Reading(involuntary=0, steal_s=0.0, busy_s=0.0, own_s=0.0),
        contention.Reading(involuntary=0, steal_s=steal, busy_s=busy, own_s=0.0),
    )
    monkeypatch.setattr(contention, "read", lambda: next(made))
    monkeypatch.setattr(doctor, "sleep", lambda seconds: None)
    (finding,) = doctor._load(1.0)
    assert says in finding.what
    assert finding.state == (doctor.GOOD if says == "nothing" else doctor.PROBLEM)


def test_a_slow_governor_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """`powersave` is named with the command that changes it."""
    monkeypatch.setattr(
        doctor, "_read", lambda path: "powersave" if path.name == "scaling_governor" else None
    )
    (finding, *_) = doctor._clock()
    assert finding.state == doctor.PROBLEM
    assert "cpupower" in finding.mend


def test_a_containers_limit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quota below the processors there are is a note."""
    monkeypatch.setattr(doctor, "_read", lambda path: None)
    monkeypatch.setattr(cpu, "usable_cores", lambda: 0)
    assert any("container" in finding.what for finding in doctor._threads())


def test_the_doctor_speaks_to_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence and findings in the terminal, the same rows as JSON."""
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "backends:" in shown
    assert main(["doctor", "--json", "-"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"what", "state", "cost", "mend"} == set(rows[0])


def test_huge_pages_that_are_always_on_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """`[always]` is a note with the command; `[madvise]` is left alone."""
    monkeypatch.setattr(doctor, "_read", lambda path: "[always] madvise never")
    finding = next(iter(doctor._huge_pages()))
    assert "always" in finding.what
    assert "madvise" in finding.mend
    monkeypatch.setattr(doctor, "_read", lambda path: "always [madvise] never")
    assert not any("huge" in finding.what for finding in doctor._huge_pages())
