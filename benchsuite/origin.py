"""Where joules come from, as a value's `how` tells: `SOURCE, boundary BOUNDARY; ...`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MODELLED = "modelled"
MEASURED = "measured"
REPLAYED = "replayed"
BOUNDARIES = ("board", "package", "board+host", "wall")
_ORIGIN = re.compile(r"(?P<source>[^,;]+), boundary (?P<boundary>[^,;]+)(?:;|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where joules come from.

    Attributes:
        source: `nvml counter`, `nvml sampled`, `rapl`, `csv`, `modelled`; `nvml counter + rapl` of
            a sum; `replayed ...` of a recording.
        boundary: `board`, `package`, `board+host`, `wall`.
    """

    source: str
    boundary: str

    @property
    def modelled(self) -> bool:
        """Whether no meter was involved."""
        return self.kind == MODELLED

    @property
    def kind(self) -> str:
        """`measured`, `modelled` or `replayed`: kinds are never ranked with one another."""
        first = self.source.split(" ", 1)[0]
        return first if first in (MODELLED, REPLAYED) else MEASURED

    @property
    def grounds(self) -> Mapping[str, str]:
        """What two energies must share to be compared."""
        return {"kind of energy": self.kind, "boundary": self.boundary}


def origin_of(how: str) -> Origin | None:
    """The origin that a `how` begins with; None where it tells none."""
    found = _ORIGIN.match(how)
    return Origin(**found.groupdict()) if found else None


def origin_in(how: str) -> Origin | None:
    """The first origin that one of a `how`'s clauses tells, as of a metric that rests on energy."""
    return next((found for part in how.split("; ") if (found := origin_of(part))), None)
