"""How often the judge is wrong on this machine, measured: `make noise`. Not a test.

Process rounds are recorded once; disjoint replays of them are judged. A slow-down is planted by
multiplying one side's values, which moves a rate exactly as a slower network does; `--end-to-end`
adds comparisons that run `benchsuite ab` from start to end.

    python tests/noise.py [--rounds N] [--workload NAME] [--record FILE] [--replay FILE]
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from benchsuite import ab, environment
from benchsuite.judge import REGRESSED, RULES, SAME, Case, Pair, Reading, judge
from benchsuite.metrics import compute
from benchsuite.stats import median
from benchsuite.types import OFFLINE, Measurement

COMPARISONS = 500
PLANTED = ((0.95, 19), (0.97, 15))
OF = 20
NIGHTS, ROWS = 30, 100
ROUNDS = (6, 10)  # of a comparison, and as many to confirm


def main() -> int:
    """Records or reads rounds, judges replays, prints every figure with its promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workload", default="image/lenet@threads=1")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3600.0, help="stop recording after")
    parser.add_argument("--record", type=Path, help="where the rounds are kept (JSON)")
    parser.add_argument("--replay", type=Path, help="rounds kept by --record")
    parser.add_argument("--end-to-end", type=int, default=0, metavar="N")
    options = parser.parse_args()
    if options.replay:
        values = json.loads(options.replay.read_text())["throughput"]
    else:
        values = record(options.workload, rounds=options.rounds, seconds=options.seconds)
        if options.record:
            options.record.write_text(json.dumps({"throughput": values}, indent=1) + "\n")
    middle = median(values)
    spread = median([abs(value / middle - 1) for value in values]) * 1.4826
    print(f"{len(values)} processes; robust spread between them {spread:.2%}", flush=True)
    for rounds in ROUNDS:
        if len(values) >= 4 * rounds:
            report(values, rounds=rounds)
        else:
            print(f"{rounds} rounds: needs {4 * rounds} processes for one disjoint replay")
    for number in range(options.end_to_end):
        print(f"end to end {number + 1}: {end_to_end(options.workload)}", flush=True)
    return 0


def record(workload: str, *, rounds: int, seconds: float) -> list[float]:
    """The throughput of one system in fresh processes, in the order they ran."""
    side = prepared(workload)
    found: list[float] = []
    started = monotonic()
    while len(found) < rounds and monotonic() - started < seconds:
        outcome = ab.run.run_worker(side.spec)
        if not isinstance(outcome, Measurement):
            raise SystemExit(f"{workload}: {outcome}")
        window = next(w for w in outcome.windows if w.scenario == OFFLINE)
        value = compute(outcome, window)["throughput"].value
        assert value is not None
        found.append(value)
    print(f"a process takes {(monotonic() - started) / len(found):.1f} s", flush=True)
    return found


def report(values: Sequence[float], *, rounds: int) -> None:
    """All figures at one number of rounds."""
    draw = random.Random(rounds)
    alarms = same = 0
    for _ in range(COMPARISONS):
        verdict = compared(values, draw, rounds=rounds, factor=1.0)
        alarms += verdict == REGRESSED
        same += verdict == SAME
    row(f"{rounds} rounds: false `regressed` in {COMPARISONS} A/A", alarms, "<= 1")
    row(f"{rounds} rounds: `same` in {COMPARISONS} A/A", same, "(for comparison)")
    for factor, least in PLANTED:
        found = sum(
            compared(values, draw, rounds=rounds, factor=factor) == REGRESSED for _ in range(OF)
        )
        row(f"{rounds} rounds: slow-down of {1 - factor:.0%} found, of {OF}", found, f">= {least}")
    red = 0
    for _ in range(NIGHTS):
        cases = [case(values, draw, rounds=rounds, factor=1.0, name=str(n)) for n in range(ROWS)]
        red += any(verdict.verdict == REGRESSED for verdict in judge(cases))
    row(f"{rounds} rounds: false red nights of {NIGHTS}, {ROWS} rows each", red, "<= 1")


def case(
    values: Sequence[float], draw: random.Random, *, rounds: int, factor: float, name: str = "x"
) -> Case:
    """One comparison with its confirmation: four disjoint samples of neighbouring processes."""
    need = 4 * rounds
    start = draw.randrange(len(values) - need + 1)
    block = list(values[start : start + need])
    first, second = block[: 2 * rounds], block[2 * rounds :]

    def pair(part: Sequence[float]) -> Pair:
        # A B, B A, A B, ...: each round is two neighbouring processes; who is first, by chance
        before, after = [], []
        flip = draw.random() < 0.5
        for place in range(0, len(part), 2):
            a, b = part[place], part[place + 1]
            if (place // 2) % 2 != flip:
                a, b = b, a
            before.append(Reading(value=a))
            after.append(Reading(value=b * factor))
        return Pair(before=tuple(before), after=tuple(after), interleaved=True)

    return Case(row=name, rule=RULES["throughput"], pair=pair(first), again=pair(second))


def compared(values: Sequence[float], draw: random.Random, *, rounds: int, factor: float) -> str:
    """The verdict of one comparison."""
    return judge([case(values, draw, rounds=rounds, factor=factor)])[0].verdict


def prepared(workload: str) -> ab.Side:
    """The system as `benchsuite ab` measures it."""
    side, _ = ab.prepare(workload, cache=environment.cache_folder(), home=environment.data_folder())
    return side


def end_to_end(workload: str) -> str:
    """A real comparison of a system with itself: its verdict and how long it took."""
    side, started = prepared(workload), monotonic()
    judgement = ab.compare_sides(side, side, ab.Limits())
    return f"{judgement.colour}, {monotonic() - started:.0f} s, {judgement.notes[0]}"


def row(what: str, value: float, promise: str) -> None:
    """One figure."""
    print(f"{what:66} {value:6g}  {promise}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
