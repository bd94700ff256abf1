"""The verdict page of `gate -o` and `ab -o`: what to do first, then every row's ratio drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchsuite import forest, verdicts
from benchsuite.forest import Band, Forest, Ratio
from benchsuite.formatting import MINUS, cut
from benchsuite.gate import Judgement, Line
from benchsuite.judge import IMPROVED, INCONCLUSIVE, REGRESSED, RULES, UNMOVED
from benchsuite.metrics import METRICS
from benchsuite.pages import render_page

TEMPLATE = "verdict.html.j2"
_GROUPS = {REGRESSED: "worse", IMPROVED: "better", INCONCLUSIVE: "unclear"}
_AT_MOST = 100  # rows of one plot
_VISIBLE = 0.0005  # of the ratio: a narrower band would be said and not seen
_MINUS = re.compile(r"(?<![^\s\[(,])-(?=\d)")
_PERCENT = re.compile(r"(?<=\d)%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The ratios of one metric."""

    title: str
    better: str
    forest: Forest
    left_out: int


def render(judgement: Judgement, *, root: Path) -> str:
    """A verdict as a self-contained HTML page.

    Args:
        judgement: Of `gate` or `ab`.
        root: The content folder that holds `reports/`.
    """
    facts = [fact.partition(": ") for fact in verdicts.facts(judgement)]
    view = {
        "title": "Verdict",
        "sentence": typeset(verdicts.sentence(judgement)),
        "colour": judgement.colour.lower(),
        "meta": [("baseline", cut(judgement.before)), ("judged", cut(judgement.after))],
        "facts": [(name, typeset(value)) for name, _, value in facts],
        "details": [
            (name, [typeset(line) for line in lines]) for name, lines in verdicts.details(judgement)
        ],
        "sections": sections(judgement.lines),
        "creep": sections(judgement.creep),
        "reference": judgement.reference,
        "heads": [typeset(head) for head in verdicts.HEADS],
        "rows": [[typeset(cell) for cell in row] for row in verdicts.table(judgement)],
    }
    return render_page(root, TEMPLATE, style="page.css", script=(), data={}, view=view)


def typeset(text: str) -> str:
    """A line of the terminal as pages set numbers: a true minus, a space before the per cent."""
    return _PERCENT.sub("\N{NARROW NO-BREAK SPACE}%", _MINUS.sub(MINUS, text))


def sections(lines: Sequence[Line]) -> list[Section]:
    """A forest plot a metric, the leading metrics first; exact metrics have no ratio to draw."""
    found = []
    metrics = dict.fromkeys(
        line.verdict.metric for line in sorted(lines, key=lambda line: not line.leading)
    )
    for metric in metrics:
        of = [line for line in lines if line.verdict.metric == metric and line.verdict.estimate]
        if not of:
            continue
        # the worst first: what a reader came for
        of.sort(key=lambda line: _gain(line))
        found.append(
            Section(
                title=METRICS[metric].title,
                better=RULES[metric].better,
                forest=forest.forest(
                    [_ratio(line) for line in of[:_AT_MOST]], band=_band(of), label=metric
                ),
                left_out=max(0, len(of) - _AT_MOST),
            )
        )
    return found


def _ratio(line: Line) -> Ratio:
    estimate = line.verdict.estimate
    assert estimate is not None
    return Ratio(
        label=verdicts.row(line),
        value=estimate.ratio,
        low=estimate.low,
        high=estimate.high,
        group="accepted" if line.accepted else _GROUPS.get(line.verdict.verdict, "same"),
        said=typeset(f"{verdicts.change(line.verdict)}, {verdicts.word(line)}"),
    )


def _band(lines: Sequence[Line]) -> Band | None:
    """How far the machine itself moved: from the least to the most drift beside these rows.

    None where it is not known, too little to see, or moves no such metric, as memory.
    """
    rule = RULES[lines[0].verdict.metric]
    if rule.follows == UNMOVED:
        return None
    drifts = [
        drift
        for line in lines
        for drift in (line.verdict.compute_drift, line.verdict.bandwidth_drift)
        if drift is not None
    ]
    if not drifts:
        return None
    # a time gets longer where the machine gets slower
    ends = drifts if rule.better == "higher" else [1 / drift for drift in drifts]
    band = Band(low=min(1.0, *ends), high=max(1.0, *ends))
    return band if band.high - band.low > _VISIBLE else None


def _gain(line: Line) -> float:
    estimate = line.verdict.estimate
    assert estimate is not None
    return estimate.ratio if RULES[line.verdict.metric].better == "higher" else 1 / estimate.ratio
