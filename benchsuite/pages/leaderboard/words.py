"""Words and file names that the pages of the leaderboard share."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

from benchsuite import chronicle, formatting
from benchsuite.compare import System, threads_said
from benchsuite.formatting import NO_BREAK, cut
from benchsuite.history import Change, Line
from benchsuite.ranking import Entry
from benchsuite.shifts import Place
from benchsuite.types import Doubt, SystemKey
from benchsuite.units import MISSING

DOUBT = "\N{DAGGER}"  # beside a number whose row carries a doubt
OWN_WEIGHTS = f"own{NO_BREAK}weights"
NO_HYPHEN = "\N{NON-BREAKING HYPHEN}"
_LONGEST_SLUG = 60
_TITLES = {"speed-only": "Speed only"}


def class_title(rank_class: str) -> str:
    """A class as a heading."""
    return _TITLES.get(rank_class, rank_class.capitalize())


def software(system: System) -> str:
    """Backend and precision."""
    return cut(f"{system.key.backend} {system.key.precision}")


def configuration(key: SystemKey) -> str:
    """Batch and threads."""
    threads = f", {threads_said(key)}" if key.threads else ""
    return f"batch {key.batch}{threads}".replace(" ", NO_BREAK)


def target(system: System) -> str:
    """Whether the accuracy reaches its target, and which that is."""
    row = system.source("accuracy")
    if row.target is None:
        return ""
    verb = {True: "reaches", False: "misses", None: "target"}[system.target_met]
    said = f"{verb} {formatting.target(row.target, measure=row.measure)}"
    return said.replace(" ", NO_BREAK)


def goals(system: System) -> str:
    """Whether the deployment's needs were met."""
    met = system.number("meets_goals")
    return MISSING if met is None else "met" if met else "missed"


def provenance(entry: Entry) -> str:
    """How far the numbers can be checked, without a break in the line."""
    return entry.provenance.replace(" ", NO_BREAK).replace("-", NO_HYPHEN)


def doubts_said(doubts: Sequence[Doubt]) -> str:
    """What a number is doubted for, as its mark tells."""
    said = (doubt.message.replace(doubt.code, doubt.code.replace("_", " ")) for doubt in doubts)
    return "; ".join(dict.fromkeys(cut(each) for each in said))


def without_query(text: str) -> str:
    """A latency without its `/query`, where the column says so."""
    return text.removesuffix("/query")


def count(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def slugs(names: Sequence[str]) -> dict[str, str]:
    """File names that are safe everywhere, and different for different names."""
    return {name: slug(name) for name in names}


def slug(name: str) -> str:
    """A file name that is safe everywhere."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_SLUG].strip("-")
    if plain.replace("-", "/", 1) == name or plain == name:
        return plain
    return f"{plain}-{zlib.crc32(name.encode('utf-8', 'replace')):08x}".lstrip("-")


def change_said(line: Line, change: Change) -> str:
    """A change of level of a row: a ratio, or the difference of an accuracy."""
    place = Place(line=line, change=change)
    return chronicle.amount(change.metric, place.amount, measure=place.measure)
