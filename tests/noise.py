"""How often `benchsuite ab` and `gate` are wrong on this machine, measured: `make noise`.

Comparisons are run from start to end, and every round of processes they measure is recorded;
replays of the record then follow the same procedure (`benchsuite.sequential`), with the recorded
seconds as their clock. Not a test.

    python -m tests.noise --part aa|planted|loaded|nights|report [--minutes M] [--record FILE]

A part goes on where the record ends, so that it can be run in pieces. Within a comparison no round
is used twice; over all replays of a kind each round is used equally often (the report says how
often), always in the order measured, and who is A is drawn anew for each round of an A/A replay.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from benchsuite import ab, environment, gate, judge
from benchsuite.forks import Nurseries
from benchsuite.judge import IMPROVED, INCONCLUSIVE, REGRESSED, RULES, SAME, Case, Pair, Reading
from benchsuite.metrics import compute
from benchsuite.sequential import Limits, Source, State, follow
from benchsuite.stats import median
from benchsuite.types import Measurement
from tests.planted import KINDS, plant

PARTS = ("aa", "planted", "loaded", "nights", "report")
NETWORK = "image/lenet"
SETTING = "threads=1,scenario=Offline"
LEADING = "Offline throughput"
SHARES = {0.05: 19, 0.03: 15}  # planted, and how many of 20 must be found
OF = 20
END_TO_END = 10  # of each kind
COMPARISONS = 500
NIGHTS, ROWS, BASELINE = 30, 100, 7
AA_ROUNDS = 160
WITHIN_S = 60.0
LATER = 10  # rounds: half a minute
_BURST_S = (1.0, 4.0)
_LOADER = """
import os, random, sys, time
import numpy as np
low, high = float(sys.argv[1]), float(sys.argv[2])
a, parent = np.random.rand(700, 700), os.getppid()
while os.getppid() == parent:
    length = random.uniform(low, high)
    end = time.perf_counter() + length
    while time.perf_counter() < end:
        a @ a
    time.sleep(length)
"""

Process = list[float | None]
Recorded = tuple[Process, Process, Process]  # two processes, and what their turns say: B over A


@dataclass
class Compared:
    """A comparison that was run from start to end."""

    kind: str
    rounds: int
    again: int
    seconds: float
    verdict: str
    metrics: dict[str, str]


@dataclass
class Record:
    """What was measured, for `--record`: rounds by kind, figures by `keys`."""

    machine: dict[str, Any]
    workload: str = f"{NETWORK}@{SETTING}"
    schema: str = "benchsuite/noise/1"
    keys: list[str] = field(default_factory=list)
    rounds: dict[str, list[Recorded]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    first_s: list[float] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    report: list[str] = field(default_factory=list)


def main() -> int:
    """Measures a part until it is whole or its time is over, and reports on all that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="all by default")
    parser.add_argument("--minutes", type=float, default=600.0, help="stop measuring after")
    parser.add_argument("--record", type=Path, default=Path("noise.json"))
    parser.add_argument("--comparisons", type=int, default=END_TO_END, metavar="N",
                        help="of each kind, from start to end")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=AA_ROUNDS, metavar="N", help="of A/A")
    options = parser.parse_args()
    record = read(options.record)
    bench = Bench(record, options.record, until=monotonic() + 60 * options.minutes)
    for part in options.part or PARTS:
        if part in ("aa", "planted", "loaded"):
            getattr(bench, part)(options.comparisons, options.rounds)
    record.report = report(record)
    print("\n".join(record.report))
    write(record, options.record)
    return 0


def read(path: Path) -> Record:
    """The record so far, or a new one."""
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Record)
    import platform

    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.processor())  # fmt: skip
    facts = {
        "device": model,
        "cores": os.cpu_count(),
        "begun": datetime.now(UTC).isoformat(timespec="minutes"),
        "packages": environment.versions(("benchsuite", "torch", "numpy")),
    }
    return Record(machine=facts)


def write(record: Record, path: Path) -> None:
    """The record as a whole or not at all, a round a line."""
    data = msgspec.to_builtins(record)
    rounds = data.pop("rounds")
    text = json.dumps(data, indent=1)[:-2] + ',\n "rounds": {'
    text += ",".join(
        f'\n  "{kind}": [\n'
        + ",\n".join(json.dumps(each, separators=(",", ":")) for each in several)
        + "]"
        for kind, several in rounds.items()
    )
    draft = path.with_suffix(".draft")
    draft.write_text(text + "}\n}\n", encoding="utf-8")
    draft.replace(path)


# --- measuring ------------------------------------------------------------------------------------


class Bench:
    """Measures what a record lacks, and writes it down after each comparison or round."""

    def __init__(self, record: Record, path: Path, *, until: float) -> None:
        self.record, self.path, self.until = record, path, until
        self._folder = tempfile.TemporaryDirectory(prefix="noise-")
        self._sides: dict[str, ab.Side] = {}

    def aa(self, comparisons: int, rounds: int) -> None:
        """A system against itself: comparisons from start to end, then single rounds."""
        self._compare("aa", comparisons)
        side = self._side("plain")
        known: ab.Round | None = None
        with Nurseries() as nurseries:
            while len(self.record.rounds.get("aa", [])) < rounds and not self._over():
                begun = monotonic()
                number = len(self.record.rounds.get("aa", []))
                found = ab.measure_round(
                    side, side, number=number, known=known, nurseries=nurseries
                )
                if known is not None:
                    self._keep("aa", found, seconds=monotonic() - begun)
                    write(self.record, self.path)
                known = known or (found if ab.complete(found) else None)

    def planted(self, comparisons: int, rounds: int) -> None:
        """Each share in turn, and each kind in turn within it."""
        for number in range(comparisons):
            for share in SHARES:
                self._compare(f"{KINDS[number % len(KINDS)]} {share:g}", None, of=share,
                              at_most=comparisons)  # fmt: skip

    def loaded(self, comparisons: int, rounds: int) -> None:
        """The same beside a process that loads all cores half of the time."""
        with load():
            for number in range(comparisons):
                self._compare("loaded aa", number + 1)
                for share in SHARES:
                    kind = KINDS[number % len(KINDS)]
                    self._compare(f"loaded {kind} {share:g}", None, of=share, at_most=comparisons,
                                  prefix="loaded ")  # fmt: skip

    def _over(self) -> bool:
        return monotonic() > self.until

    def _compare(
        self,
        kind: str,
        wanted: int | None,
        *,
        of: float | None = None,
        at_most: int = 0,
        prefix: str = "",
    ) -> None:
        """One comparison of a share, where there are fewer than `at_most`; else all `wanted`."""
        if of is not None:
            have = [c for c in self.record.compared if c.kind.startswith(prefix)
                    and c.kind.endswith(f" {of:g}")
                    and c.kind.startswith("loaded") == bool(prefix)]  # fmt: skip
            if len(have) < at_most and not self._over():
                self._once(kind)
            return
        assert wanted is not None
        while sum(c.kind == kind for c in self.record.compared) < wanted and not self._over():
            self._once(kind)

    def _once(self, kind: str) -> None:
        # a copy, too, so that what is planted is the only difference
        plain = self._side("plain" if kind.endswith("aa") else "busy 0")
        other = self._side(kind.removeprefix("loaded "))
        limits, started, measured = Limits(), monotonic(), [0]

        def keep(found: ab.Round, seconds: float) -> None:
            measured[0] += 1
            if measured[0] == 1:  # it also finds what is exact
                self.record.first_s.append(round(seconds, 2))
            else:
                self._keep(kind, found, seconds=seconds)

        first, repeated = ab.measure_rounds(plain, other, limits, started=started, on_measured=keep)
        lines = ab.judge_rounds(plain, other, first, again=repeated, limits=limits)
        verdicts = {
            f"{line.scenario} {line.verdict.metric}": line.verdict.verdict
            for line in lines
            if line.verdict.metric in RULES and not RULES[line.verdict.metric].exact
        }
        self.record.compared.append(
            Compared(
                kind=kind,
                rounds=len(first),
                again=len(repeated),
                seconds=round(monotonic() - started, 1),
                verdict=said(verdicts, aa=kind.endswith("aa")),
                metrics=verdicts,
            )
        )
        print(self.record.compared[-1], flush=True)
        write(self.record, self.path)

    def _keep(self, kind: str, found: ab.Round, *, seconds: float) -> None:
        if not ab.complete(found):
            raise SystemExit(f"{kind}: {found.before} / {found.after}")
        sides = [figures(each) for each in (found.before, found.after)]
        keys = list(sides[0])
        if not self.record.keys:
            self.record.keys = keys
        sides.append(turns(found))
        before, after, ratio = (
            [rounded(side.get(key)) for key in self.record.keys] for side in sides
        )
        self.record.rounds.setdefault(kind, []).append((before, after, ratio))
        self.record.seconds.setdefault(kind, []).append(round(seconds, 2))

    def _side(self, kind: str) -> ab.Side:
        kind = "plain" if kind == "aa" else kind
        if kind not in self._sides:
            content = []
            if kind != "plain":
                name, share = kind.split()
                content = [Path(self._folder.name, kind.replace(" ", "-"))]
                plant(NETWORK, content[0], kind=name, share=float(share))
            self._sides[kind], _ = ab.prepare(
                f"{NETWORK}@{SETTING}",
                cache=environment.cache_folder(),
                home=environment.data_folder(),
                content=content,
            )
        return self._sides[kind]


def figures(measured: Measurement | str) -> dict[str, float | None]:
    """What is judged of one process, and the machine's drift beside it."""
    assert isinstance(measured, Measurement)
    found: dict[str, float | None] = {}
    for window in measured.windows:
        values = compute(measured, window)
        for metric in gate.timed_metrics(window.scenario):
            found[f"{window.scenario} {metric}"] = values[metric].value
        found["compute"] = values["drift"].value
        found["bandwidth"] = values["bandwidth_drift"].value
    return found


def turns(found: ab.Round) -> dict[str, float | None]:
    """After over before of each metric that has turns side by side."""
    assert isinstance(found.before, Measurement)
    return {
        f"{scenario} {metric}": ratio
        for scenario in found.before.turns
        for metric, (ratio,) in ab.ratios([found], scenario).items()
    }


def turned(each: Recorded) -> Recorded:
    """A round with A and B exchanged."""
    before, after, ratio = each
    return after, before, [None if x is None else 1 / x for x in ratio]


def rounded(value: float | None) -> float | None:
    """Five digits are enough for per mille."""
    return None if value is None else float(f"{value:.5g}")


@contextmanager
def load() -> Iterator[None]:
    """A process that computes on all cores half of the time, in bursts of 1 to 4 s."""
    arguments = [sys.executable, "-c", _LOADER, *map(str, _BURST_S)]
    with subprocess.Popen(arguments, start_new_session=True) as process:
        try:
            yield
        finally:
            process.kill()


# --- replaying ------------------------------------------------------------------------------------


@dataclass
class Replayed:
    """Replays of one kind.

    Attributes:
        verdicts: Of all comparisons.
        uses: How often a round was used, on average.
        longest_s: The longest comparison's recorded seconds.
    """

    verdicts: list[str]
    uses: float
    longest_s: float


def said(verdicts: dict[str, str], *, aa: bool) -> str:
    """A comparison's verdict: the leading metric's, unless another is plainly wrong.

    Of an A/A any metric's change is wrong, of a slow-down any metric's improvement.
    """
    wrong = (REGRESSED, IMPROVED) if aa else (IMPROVED,)
    changed = [each for each in verdicts.values() if each in wrong]
    return sorted(changed)[-1] if changed else verdicts.get(LEADING, INCONCLUSIVE)


def replay(record: Record, kinds: Sequence[str], *, comparisons: int, seed: int) -> Replayed:
    """Comparisons that follow the procedure of `ab` through recorded rounds.

    The rounds of each kind are gone through in the order measured, from a start that is drawn for
    every pass, so that each is used once a pass and neighbours stay neighbours.
    """
    draw = random.Random(seed)
    verdicts: list[str] = []
    longest = used = 0.0
    aa = all(kind.endswith("aa") for kind in kinds)
    of = [kind for kind in kinds if len(record.rounds.get(kind, ())) >= 8]
    queue: dict[str, list[int]] = {kind: [] for kind in of}
    for number in range(comparisons if of else 0):
        kind = of[number % len(of)]
        pool = record.rounds[kind]
        most = min(len(pool), 2 * 40)
        if len(queue[kind]) < most:
            # what is left of a pass is followed by the next pass, from another start: a
            # comparison that reached into it could meet a round twice, so it begins with it
            start = draw.randrange(len(pool))
            queue[kind] = [*range(start, len(pool)), *range(start)]
        clock, taken = [0.0], [0]

        def measure(
            _: int, again: bool, kind: str = kind, clock: list[float] = clock,
            taken: list[int] = taken,
        ) -> Recorded:  # fmt: skip
            place = queue[kind][taken[0]] if taken[0] < len(queue[kind]) else None
            if place is None:
                raise IndexError(kind)
            taken[0] += 1
            clock[0] += record.seconds[kind][place]
            found = record.rounds[kind][place]
            return turned(found) if aa and draw.random() < 0.5 else found

        source: Source[Recorded] = Source(
            measure=measure,
            usable=lambda each: True,
            judged=lambda rounds, rate: state(record, judged(record, rounds, (), rate=rate)),
            clock=lambda clock=clock: clock[0],
        )
        try:
            first, again = follow(source, Limits(), started=-_more_in_the_first(record, kind))
        except IndexError:
            verdicts.append("record too short")
            continue
        finally:
            used += taken[0]
            queue[kind] = queue[kind][taken[0] :]
        found = judged(record, first, again)
        verdicts.append(said({v.row: v.verdict for v in found}, aa=aa))
        longest = max(longest, clock[0] + _more_in_the_first(record, kind))
    have = sum(len(record.rounds[kind]) for kind in of)
    return Replayed(verdicts=verdicts, uses=used / have if have else 0.0, longest_s=longest)


def _more_in_the_first(record: Record, kind: str) -> float:
    """How much longer a comparison's first round takes than those recorded, in seconds."""
    if not record.first_s:
        return 0.0
    return max(0.0, median(record.first_s) - median(record.seconds[kind]))


def judged(
    record: Record,
    rounds: Sequence[Recorded],
    again: Sequence[Recorded],
    *,
    rate: float = judge.RATE,
) -> list[judge.Verdict]:
    """All metrics of interleaved rounds, as `ab` judges them."""
    cases = []
    for key in record.keys:
        if key in ("compute", "bandwidth") or rounds[0][0][record.keys.index(key)] is None:
            continue
        pairs = [
            Pair(
                before=readings(record, key, [each[0] for each in several]),
                after=readings(record, key, [each[1] for each in several]),
                interleaved=True,
                ratios=ratios(record, key, several),
            )
            for several in (rounds, again)
        ]
        rule = gate.rule_of(key.split()[1], [r.value for r in pairs[0].before], on_host=True)
        cases.append(Case(row=key, rule=rule, pair=pairs[0], again=pairs[1] if again else None))
    return judge.judge(cases, rate=rate)


def readings(record: Record, key: str, processes: Sequence[Process]) -> tuple[Reading, ...]:
    """One metric of several processes."""
    at = {name: place for place, name in enumerate(record.keys)}
    return tuple(
        Reading(
            value=each[at[key]] or 0.0,
            compute=each[at["compute"]],
            bandwidth=each[at["bandwidth"]],
        )
        for each in processes
    )


def ratios(record: Record, key: str, rounds: Sequence[Recorded]) -> tuple[float, ...]:
    """What the turns of each round say of one metric; nothing where a round has none."""
    found = [each[2][record.keys.index(key)] for each in rounds]
    return () if None in found else tuple(ratio for ratio in found if ratio is not None)


def planted_share(record: Record, kind: str) -> float | None:
    """How much slower a planted kind was found to be, over all its rounds."""
    place = record.keys.index(LEADING)
    found = [each[2][place] for each in record.rounds.get(kind, ())]
    known = [ratio for ratio in found if ratio is not None]
    return 1 / median(known) - 1 if known else None


def state(record: Record, verdicts: Sequence[judge.Verdict]) -> State:
    """As `ab.state` has it."""
    leading = [each for each in verdicts if each.row == LEADING]
    return State(
        clear=bool(leading) and all(map(judge.settled, leading)),
        suspected=any(each.suspected for each in verdicts),
    )


def independent(comparisons: int, uses: float) -> str:
    """How many replays are of rounds that no other replay has seen: the rest show less."""
    if uses <= 1:
        return "all of them disjoint"
    return f"{comparisons / uses:.0f} of them disjoint; longer records make more"


def nights(record: Record, *, seed: int, kind: str = "aa") -> tuple[int, int, float]:
    """False red nights of `gate`, suspected rows in all, and how often each process was used.

    A row is seven nights of the baseline and the night that is judged, of rounds anywhere in the
    record, and its second measurement, which is taken `LATER` rounds after the first as the run
    that confirms comes minutes after the night's.
    """
    draw = random.Random(seed)
    rounds = record.rounds.get(kind, [])
    need = BASELINE + 1
    red = suspects = 0
    queue: list[int] = []
    if len(rounds) < max(need, LATER + 1):
        return 0, 0, 0.0
    for _ in range(NIGHTS):
        cases, repeats = [], []
        for row in range(ROWS):
            if len(queue) < need:
                queue = list(range(len(rounds)))
                draw.shuffle(queue)
            places, queue = queue[:need], queue[need:]
            confirming = (places[-1] + LATER) % len(rounds)
            block = [rounds[place][draw.randrange(2)] for place in (*places, confirming)]
            for key in record.keys:
                if key in ("compute", "bandwidth") or block[0][record.keys.index(key)] is None:
                    continue
                found = readings(record, key, block)
                pair = Pair(before=found[:BASELINE], after=found[BASELINE : BASELINE + 1])
                values = [reading.value for reading in pair.before]
                rule = gate.rule_of(key.split()[1], values, on_host=True)
                cases.append(Case(row=f"{row} {key}", rule=rule, pair=pair))
                repeats.append(replace(pair, after=found[-1:]))
        first = judge.judge(cases)
        suspects += sum(each.suspected for each in first)
        both = [replace(c, again=again) for c, again in zip(cases, repeats, strict=True)]
        red += any(each.verdict == REGRESSED for each in judge.judge(both))
    return red, suspects, NIGHTS * ROWS * (need + 1) / (2 * len(rounds))


def report(record: Record) -> list[str]:
    """Every figure beside its promise."""
    lines = []

    def row(what: str, value: str, promise: str = "") -> None:
        lines.append(f"{what:76} {value:>14}  {promise}".rstrip())

    everything: list[tuple[str, Callable[[str], bool]]] = [
        ("A/A", lambda kind: kind == "aa"),
        *((f"slower by {share:.0%}", lambda kind, s=share: not kind.startswith("loaded")
           and kind.endswith(f" {s:g}")) for share in SHARES),
        ("A/A, loaded half of the time", lambda kind: kind == "loaded aa"),
        *((f"slower by {share:.0%}, loaded half of the time", lambda kind, s=share:
           kind.startswith("loaded") and kind.endswith(f" {s:g}")) for share in SHARES),
    ]  # fmt: skip
    for number, (what, fits) in enumerate(everything):
        kinds = [kind for kind in record.rounds if fits(kind)]
        have = sum(len(record.rounds[kind]) for kind in kinds)
        done = [each for each in record.compared if fits(each.kind)]
        if not kinds:
            row(what, "not recorded")
            continue
        wrong_of = (REGRESSED, IMPROVED) if "A/A" in what else (SAME, IMPROVED)
        row(f"{what}: rounds recorded", str(have))
        if done:
            took = max(each.seconds for each in done)
            row(f"{what}: from start to end, {len(done)}: {counted([c.verdict for c in done])}", "")
            row("  the longest took, s", f"{took:.0f}", f"<= {WITHIN_S:.0f}")
        several = COMPARISONS if "A/A" in what else 10 * OF
        played = replay(record, kinds, comparisons=several, seed=number)
        row(f"  {several} replays: {counted(played.verdicts)}", "")
        row("  each round used, times", f"{played.uses:.1f}", independent(several, played.uses))
        wrong = sum(each in wrong_of for each in played.verdicts)
        if "A/A" in what:
            false = played.verdicts.count(REGRESSED)
            row("  false `regressed`", str(false), "<= 1")
        else:
            for place, each in enumerate(kinds):
                really = planted_share(record, each)
                own = played.verdicts[place :: len(kinds)]
                row(f"  {each}, as measured; replays: {counted(own)}", "" if really is None else
                    f"-{1 - 1 / (1 + really):.1%}")  # fmt: skip
            if "loaded" in what:
                row("  wrong verdicts (same, improved)", str(wrong), "0")
            else:
                share = next(s for s in SHARES if f"{s:.0%}" in what)
                found = played.verdicts.count(REGRESSED) / several * OF
                row(f"  found, of {OF}", f"{found:.1f}", f">= {SHARES[share]}")
        row("  the longest replay's recorded seconds", f"{played.longest_s:.0f}")
    red, suspects, used = nights(record, seed=7)
    if used:
        row(f"false red nights of {NIGHTS}, {ROWS} rows each (gate, baseline of {BASELINE} runs)",
            str(red), "<= 1")  # fmt: skip
        row("  rows suspected by the first measurement", str(suspects))
        row("  each process used, times", f"{used:.1f}")
    return lines


def counted(verdicts: Sequence[str]) -> str:
    """`482 same, 18 inconclusive`."""
    kinds = sorted(set(verdicts), key=lambda each: -verdicts.count(each))
    return ", ".join(f"{verdicts.count(each)} {each}" for each in kinds)


if __name__ == "__main__":
    sys.exit(main())
