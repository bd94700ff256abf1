"""A night's verdict as text for people and programs: sentences, Markdown, JUnit XML, JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import Any
from unicodedata import category
from xml.etree import ElementTree

from benchsuite import judge
from benchsuite.attribution import CAUSES, OWNERS, TEAMLESS, THROUGHPUT, Missing
from benchsuite.compare import said
from benchsuite.difference import split_json
from benchsuite.formatting import amount_said
from benchsuite.gate import BAD, GOOD, SKIP, YELLOW, Judgement, Line
from benchsuite.judge import FAILED, IMPROVED, INCONCLUSIVE, MISSING, RULES, SAME, Verdict
from benchsuite.metrics import METRICS
from benchsuite.types import OFFLINE

SCHEMA = "benchsuite/gate/1"
_LONGEST = 400
_TOO_NOISY = 10.0  # as a share
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|~!@$])")
_LIST_AT_MOST = 50
_ROWS_AT_MOST = 2000
_STEPS = {GOOD: "GOOD", BAD: "BAD", SKIP: "SKIP, cannot tell"}
_PLAIN = ("accuracy", "model_size", "work")  # of no scenario


def sentence(judgement: Judgement) -> str:
    """The first line: what to do something about, or how large what was not seen may be."""
    colour = judgement.colour
    head = colour if judgement.step is None else _STEPS[judgement.step]
    advice = f"; {_clean(judgement.advice)}" if judgement.advice else ""
    if judgement.regressions:
        worst = max(judgement.regressions, key=_urgency)
        others = len(judgement.regressions) - 1
        more = f" (and {others} more)" if others else ""
        return f"{head}: {_since(worst)}{regression(worst)}{more}"
    if judgement.absent:
        first = judgement.absent[0]
        others = len(judgement.absent) - 1
        more = f" (and {others} more)" if others else ""
        return f"{head}: {_since(first)}{absence(first)}{more}{advice}"
    if not judgement.lines:
        return f"{head}: the two sides share no row: nothing was compared"
    sure, of = judgement.conclusive
    if colour == YELLOW:
        suspects = [line for line in judgement.undecided if line.verdict.suspected]
        first = (suspects or list(judgement.undecided))[0]
        others = len(judgement.undecided) - 1
        more = f" (and {others} more)" if others else ""
        moved = change(first.verdict)
        at = f" at {moved}" if moved else ""
        return (
            f"{head}: {_since(first)}{_system(first)} {_title(first)} is "
            f"inconclusive{at}: "
            f"{_clean(first.verdict.reason or '')}{more}{_differing(first)}"
            f"{advice}"
        )
    better = [line for line in judgement.lines if line.verdict.verdict == IMPROVED]
    gain = ""
    if better:
        best = max(better, key=lambda line: abs(_log_change(line.verdict)))
        gain = (
            f"; {_system(best)} {_title(best)} {change(best.verdict)}, improved{_differing(best)}"
        )
    accepted = sum(line.accepted is not None for line in (*judgement.lines, *judgement.creep))
    kept = f", {_count(accepted, 'accepted regression')}" if accepted else ""
    seen = judgement.coarsest
    least = f" by more than {_percent(seen)}" if seen is not None and seen <= _TOO_NOISY else ""
    return f"{head}: nothing regressed{least} in {_count(of, 'row')}, {sure} conclusive{kept}{gain}"


def regression(line: Line) -> str:
    """One regression: what, by how much, how sure, and what alone changed."""
    verdict = line.verdict
    parts = [f"{_system(line)} {_title(line)} {change(verdict)}".rstrip()]
    if not RULES[verdict.metric].exact:
        parts[0] += ", confirmed"
    if verdict.reason:
        parts.append(_clean(verdict.reason))
    parts.append(because(line))
    if share := shares(line):
        parts.append(share)
    return "; ".join(part for part in parts if part)


def because(line: Line) -> str:
    """What alone differs between the two sides, or that several do."""
    found = line.cause
    if found is None or not found.differing:
        changed = _clean(_listed(line.packages))
        if changed:
            return f"{changed} changed, but no fingerprint of the system did"
        if found is None:
            return ""
        if found.text == CAUSES.same:
            return "no recorded fingerprint differs: look at what is not recorded"
        return found.text[0].lower() + found.text[1:].rstrip(".")
    if found.team is None:
        return f"interaction: {_listed(found.differing)} differ, so no team is named"
    if found.differing == ("software",) and line.packages:
        return f"only {_clean(_listed(line.packages))} changed"
    meter = [each for each in line.packages if each.startswith("meters/")]
    if found.differing == ("configuration",) and meter:
        return f"only configuration differs ({_clean(_listed(meter))}): no team's"
    verb = "differs" if len(found.differing) == 1 else "differ"
    return f"only {_listed(found.differing)} {verb}: {_whose(found.team)}"


def _whose(team: str) -> str:
    return "no team's" if team in TEAMLESS else f"{OWNERS[team]}'s"


def _differing(line: Line) -> str:
    """The cause after a sentence that tells of no regression, where a fingerprint differs."""
    return f"; {because(line)}" if line.cause is not None and line.cause.differing else ""


def shares(line: Line) -> str:
    """The teams' shares of a change, the largest first, those that moved nothing left out."""
    if line.split is None or isinstance(line.split, Missing):
        return ""
    moved = [share for share in line.split.shares if abs(share.amount) > 0.005]
    moved.sort(key=lambda share: -abs(share.amount))
    texts = [
        f"{share.title} {amount_said(share.amount, scale=line.split.scale)}"
        + ("" if share.owner in TEAMLESS else f" ({OWNERS[share.owner]})")
        for share in moved[:3]
    ]
    return ", ".join(texts)


def absence(line: Line) -> str:
    """A row or a metric that the baseline has and the new side lacks."""
    what = "" if line.whole else f" {_title(line)}"
    word = {MISSING: "is missing", FAILED: "failed"}[line.verdict.verdict]
    return (
        f"{_label(line)}, {said(line.scenario)}{what} {word}: {_clean(line.verdict.reason or '')}"
    )


def facts(judgement: Judgement) -> list[str]:
    """The lines below the sentence: counts, what could be seen, drift, the reference."""
    sure, of = judgement.conclusive
    exact = sum(RULES[line.verdict.metric].exact for line in judgement.regressions)
    confirmed = sum(line.verdict.confirmed is True for line in judgement.regressions) - exact
    compute, bandwidth = judgement.drift
    found = [
        f"regressions: {len(judgement.regressions)}, confirmed by a second measurement: {confirmed}"
        + (f", exact: {exact}" if exact else ""),
        f"conclusive rows: {sure} of {of}",
        f"median detectable change: {_percent(judgement.detectable)}",
        f"machine drift: compute {_moved(compute)}, bandwidth {_moved(bandwidth)}",
    ]
    if judgement.reference is not None:
        gain = judgement.since_reference
        found.append(f"since {judgement.reference}: {_moved(gain)} (median over rows)")
    return found


def details(judgement: Judgement) -> list[tuple[str, list[str]]]:
    """Further lists, each under a title; empty ones are left out."""
    lists = [
        ("regressions", [regression(line) for line in judgement.lines if line.red]),
        (
            f"regressions since {judgement.reference}",
            [regression(line) for line in judgement.creep if line.red],
        ),
        (
            "missing or failed",
            [_since(line) + absence(line) for line in judgement.absent],
        ),
        (
            "accepted",
            [
                f"{regression(line)}; {_clean(line.accepted.said())}"
                for line in (*judgement.lines, *judgement.creep)
                if line.accepted is not None
            ],
        ),
        (
            "improved",
            [
                f"{_system(line)} {_title(line)} {change(line.verdict)}"
                for line in judgement.lines
                if line.verdict.verdict == IMPROVED
            ],
        ),
        (
            "inconclusive",
            [
                f"{_since(line)}{_label(line)}, {said(line.scenario)}, "
                f"{_moved_said(line)}: {_clean(line.verdict.reason or '')}"
                for line in judgement.undecided
            ],
        ),
        ("inconclusive five runs in a row", [_clean(name) for name in judgement.stale]),
        ("not in the baseline", [_clean(name) for name in judgement.new]),
        ("notes", [_clean(note) for note in judgement.notes]),
    ]
    return [(title, each) for title, each in lists if each]


def table(judgement: Judgement) -> list[tuple[str, ...]]:
    """One line a row and metric: row, scenario, metric, verdict, change, detectable."""
    return [
        (
            _since(line) + _label(line),
            said(line.scenario),
            line.verdict.metric,
            word(line),
            change(line.verdict),
            _percent(line.verdict.detectable) if line.verdict.detectable else "",
        )
        for line in (*judgement.lines, *judgement.creep)
    ]


HEADS = ("system", "scenario", "metric", "verdict", "change [95% interval]", "detectable")


# --- for programs ---------------------------------------------------------------------------------


def as_json(judgement: Judgement, *, exit_code: int) -> dict[str, Any]:
    """A verdict as `gate --json` and `ab --json` give it."""
    compute, bandwidth = judgement.drift
    sure, of = judgement.conclusive
    return {
        "schema": SCHEMA,
        "verdict": judgement.colour.lower(),
        "exit_code": exit_code,
        "bisect": None if judgement.step is None else _STEPS[judgement.step].split(",")[0].lower(),
        "sentence": sentence(judgement),
        "advice": judgement.advice or None,
        "before": judgement.before,
        "after": judgement.after,
        "regressions": len(judgement.regressions),
        "conclusive": sure,
        "rows": of,
        "median_detectable": judgement.detectable,
        "drift": {"compute": compute, "bandwidth": bandwidth},
        "reference": judgement.reference,
        "since_reference": judgement.since_reference,
        "lines": [_line_json(line) for line in judgement.lines],
        "since_reference_lines": [_line_json(line) for line in judgement.creep],
        "new": list(judgement.new),
        "inconclusive_five_runs": list(judgement.stale),
        "notes": list(judgement.notes),
    }


def junit(judgement: Judgement) -> str:
    """JUnit XML as GitLab and Jenkins read it: a test case a row and metric."""
    suites = [("benchsuite gate", judgement.lines)]
    if judgement.reference is not None:
        suites.append((f"benchsuite gate since {judgement.reference}", judgement.creep))
    root = ElementTree.Element("testsuites", name="benchsuite")
    for name, lines in suites:
        suite = ElementTree.SubElement(root, "testsuite", name=_xml(name), tests=str(len(lines)))
        counts = dict.fromkeys(("failure", "error", "skipped"), 0)
        for line in lines:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=_xml(line.key.workload.replace("/", ".")),
                name=_xml(line.name),
                time="0",
            )
            kind, text = _outcome(line)
            if kind is not None:
                counts[kind] += 1
                inner = ElementTree.SubElement(case, kind, message=_xml(text))
                if kind != "skipped":
                    inner.set("type", line.verdict.verdict)
                    inner.text = _xml(text)
            else:
                ElementTree.SubElement(case, "system-out").text = _xml(text)
        suite.set("failures", str(counts["failure"]))
        suite.set("errors", str(counts["error"]))
        suite.set("skipped", str(counts["skipped"]))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def markdown(judgement: Judgement) -> str:
    """A summary for a GitHub step; whatever comes from outside is escaped."""
    lines = [f"**{_escaped(sentence(judgement))}**", ""]
    lines += [f"- {_escaped(fact)}" for fact in facts(judgement)]
    for title, each in details(judgement):
        lines += ["", f"### {_escaped(title[0].upper() + title[1:])}"]
        lines += [f"- {_escaped(text)}" for text in each[:_LIST_AT_MOST]]
        if len(each) > _LIST_AT_MOST:
            lines.append(f"- and {len(each) - _LIST_AT_MOST} more")
    lines += ["", "<details><summary>All rows</summary>", ""]
    lines += ["| " + " | ".join(HEADS) + " |", "|---|---|---|---|---:|---:|"]
    rows = table(judgement)
    if len(rows) > _ROWS_AT_MOST:  # GitHub drops a summary of more than 1 MiB altogether
        rows.sort(key=lambda row: row[3] == SAME)
    shown = rows[:_ROWS_AT_MOST]
    lines += ["| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in shown]
    if len(rows) > len(shown):
        lines += ["", f"and {len(rows) - len(shown)} more rows: `gate --json FILE` has all"]
    return "\n".join([*lines, "", "</details>", ""])


def _outcome(line: Line) -> tuple[str | None, str]:
    verdict = line.verdict
    if line.red:
        return "failure", regression(line)
    if line.accepted is not None:
        return None, f"{regression(line)}; {_clean(line.accepted.said())}"
    if verdict.verdict in (MISSING, FAILED):
        return "error", absence(line)
    if verdict.verdict == INCONCLUSIVE:
        told = f"inconclusive {change(verdict)}".rstrip()
        return "skipped", f"{told}: {_clean(verdict.reason or '')}"
    return None, f"{verdict.verdict} {change(verdict)}".rstrip()


def _line_json(line: Line) -> dict[str, Any]:
    verdict = line.verdict
    return {
        "system": line.label,
        "workload": line.key.workload,
        "backend": line.key.backend,
        "precision": line.key.precision,
        "scenario": line.scenario,
        "metric": verdict.metric,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "confirmed": verdict.confirmed,
        "suspected": verdict.suspected,
        "before": verdict.before,
        "after": verdict.after,
        "unit": METRICS[verdict.metric].unit if verdict.metric in METRICS else None,
        "ratio": None if verdict.estimate is None else verdict.estimate.ratio,
        "low": None if verdict.estimate is None else verdict.estimate.low,
        "high": None if verdict.estimate is None else verdict.estimate.high,
        "p": None if verdict.estimate is None else verdict.estimate.p,
        "ratio_with_drift": None if verdict.raw is None else verdict.raw.ratio,
        "detectable": verdict.detectable,
        "drift": {"compute": verdict.compute_drift, "bandwidth": verdict.bandwidth_drift},
        "cause": None if line.cause is None else asdict(line.cause),
        "packages": list(line.packages),
        "shares": None if line.split is None else split_json(line.split),
        "accepted": None if line.accepted is None else line.accepted.said(),
    }


# --- small things ---------------------------------------------------------------------------------


def _label(line: Line) -> str:
    return _clean(said(line.label, longest=120))


def _system(line: Line) -> str:
    """The label, and the scenario where the metric alone does not tell it."""
    metric = line.verdict.metric
    plain = metric in _PLAIN or (metric, line.scenario) == (THROUGHPUT, OFFLINE) or line.whole
    return _label(line) if plain else f"{_label(line)}, {said(line.scenario)}"


def row(line: Line) -> str:
    """`image/squeezenet · onnxruntime fp32, Offline`, safe to show."""
    return f"{_label(line)}, {said(line.scenario)}"


def _since(line: Line) -> str:
    """Before a line that is told against the reference."""
    return "" if line.since is None else f"since {_clean(line.since)}, "


def _title(line: Line) -> str:
    if line.whole:
        return "row"
    known = METRICS.get(line.verdict.metric)
    return known.title if known else line.verdict.metric


def word(line: Line) -> str:
    """The verdict in a word."""
    return "accepted" if line.accepted else line.verdict.verdict


def change(verdict: Verdict) -> str:
    """`-4.8% [-5.6, -4.1]`, or both values of an exact metric."""
    if verdict.estimate is not None:
        return judge.change_said(verdict.estimate)
    if verdict.before is None or verdict.after is None or verdict.verdict == INCONCLUSIVE:
        return ""
    if verdict.before == verdict.after:
        return f"{verdict.after:.6g}"
    return f"{verdict.before:.6g} -> {verdict.after:.6g}"


def _log_change(verdict: Verdict) -> float:
    if verdict.estimate is None:
        return 0.0
    return abs(verdict.estimate.ratio - 1)


def _urgency(line: Line) -> tuple[bool, bool, bool, float]:
    """Accuracy first, then what was confirmed, then what can be split, then the largest change."""
    verdict = line.verdict
    exact = RULES[verdict.metric].worsens
    return exact, verdict.confirmed is True, verdict.metric == THROUGHPUT, _log_change(verdict)


def _moved_said(line: Line) -> str:
    """A metric and its change; a disturbed row has none."""
    return f"{_title(line)} {change(line.verdict)}".rstrip()


def _percent(share: float | None) -> str:
    if share is None:
        return "not known"
    # beyond a factor of ten a figure would only look exact
    return f"{100 * share:.1f}%" if share <= _TOO_NOISY else f"above {100 * _TOO_NOISY:.0f}%"


def _moved(ratio: float | None) -> str:
    return "not known" if ratio is None else f"{100 * (ratio - 1):+.1f}%"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _clean(text: str) -> str:
    """One line that steers nothing: no control or direction characters, not endless."""
    text = said(text, longest=_LONGEST)
    return "".join("�" if category(letter) in ("Cc", "Cs") else letter for letter in text)


def _escaped(text: str) -> str:
    text = " ".join(_clean(text).split())
    return escape(_MARKDOWN.sub(r"\\\1", text), quote=False)


def _xml(text: str) -> str:
    """Text without what XML 1.0 does not allow."""
    text = text if len(text) <= 4 * _LONGEST else text[: 4 * _LONGEST - 1] + "…"
    odd = ("Cc", "Cf", "Cs", "Cn")
    return "".join("�" if category(letter) in odd else letter for letter in text)
