"""The exact split of a change of a system number into shares, and to whom the change falls.

The split is bookkeeping: throughput is a product of factors, each of which has an owner, so the
log-ratio of two systems is the sum of the factors' log-ratios. The cause is a second step: only
the fingerprint that differs between two systems can have caused their difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchsuite.origin import MEASURED as MEASURED
from benchsuite.origin import MODELLED as MODELLED
from benchsuite.origin import Origin as Origin
from benchsuite.origin import origin_of
from benchsuite.types import Fingerprint, Result, Value

THROUGHPUT = "throughput"
ENERGY = "energy_per_frame"
ACCURACY = "accuracy"
SPLITTABLE = (THROUGHPUT, ENERGY, ACCURACY)

CNN = "cnn"
SOFTWARE = "software"
HARDWARE = "hardware"
FIT = "fit"
CO_DESIGN = "co-design"
POWER = "power"
NOBODY = "nobody"
CONFIGURATION = "configuration"
DATA = "data"
OWNERS: Mapping[str, str] = {
    CNN: "CNN team",
    FIT: "network on device",
    SOFTWARE: "software team",
    CO_DESIGN: "co-design",
    HARDWARE: "hardware team",
    POWER: "software and hardware",
    NOBODY: "no team",
    CONFIGURATION: "configuration",
    DATA: "data",
}
# to these no team answers: a sentence names their shares after what they are
TEAMLESS = frozenset({NOBODY, CONFIGURATION, DATA})

LOG = "log"
LINEAR = "linear"

# the six values of a row are stored as doubles: their product is exact to a few ulp
_RELATIVE_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """There are no factors, or no split; the reason is shown in their place."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One factor of a system number, or one addend.

    Attributes:
        key: The metric it is, or a name of its own (`share_of_envelope`).
        owner: A key of `OWNERS`.
        amount: What adds up to the whole: the factor's natural logarithm, negative for a divisor,
            or the addend itself.
        part_of: The key of the coarser factor it belongs to, where there is one.
    """

    key: str
    title: str
    owner: str
    amount: float
    part_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """A system number taken apart.

    Attributes:
        scale: `log` for a product, `linear` for a sum.
        value: The stored value, which the factors give.
        grounds: What both sides of a split must share, by name (`frame`: `image`).
        factors: In the order they are shown.
    """

    metric: str
    scale: str
    value: float
    grounds: Mapping[str, str]
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one factor contributes to a change.

    Attributes:
        key, title, owner: As in `Factor`.
        amount: Log-ratio of the factor, or the difference of the addend; shares add up.
    """

    key: str
    title: str
    owner: str
    amount: float

    @property
    def ratio(self) -> float:
        """By how much the factor multiplies the number (of a product)."""
        return math.exp(self.amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A change of a system number and its shares, which add up to it exactly.

    Attributes:
        scale: `log`: the ratios of the shares multiply to `ratio`; `linear`: their amounts add up
            to `after - before`.
        modelled: Whether the number rests on a model instead of a meter.
    """

    metric: str
    scale: str
    before: float
    after: float
    shares: tuple[Share, ...]
    modelled: bool = False

    @property
    def amount(self) -> float:
        """The whole change: the log-ratio, or the difference."""
        if self.scale == LINEAR:
            return self.after - self.before
        return math.log(self.after / self.before)

    @property
    def ratio(self) -> float:
        """After over before."""
        return self.after / self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """To whom the difference of two systems falls, by their fingerprints.

    Attributes:
        differing: The fingerprints that differ.
        team: The one group they fall to; None where none or several do.
        text: One sentence.
    """

    differing: tuple[str, ...]
    team: str | None
    text: str

    @property
    def owner(self) -> str | None:
        """Who owns all shares in place of the factors' owners, where that is no team.

        A factor's owner answers for it only where something of a team's may have moved it: not
        where the configuration or the data alone differ, nor where nothing does.
        """
        if self.team in TEAMLESS:
            return self.team
        return NOBODY if self.text == CAUSES.same else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseTexts:
    """The sentences of `cause`, so that a page can say the same; `{what}` is what differs."""

    same: str = "Nothing that is recorded differs: what moved is drift or noise."
    unknown: str = "A fingerprint is missing: what differs between the two is not known."
    one: Mapping[str, str] = field(
        default_factory=lambda: {
            CNN: "Only the network side differs ({what}): the change falls to the CNN team.",
            DATA: "Only the data differ: the change falls to the data, to no team.",
            SOFTWARE: "Only the software differs: the change falls to the software team.",
            HARDWARE: "Only the device differs: the change falls to the hardware team.",
            CONFIGURATION: (
                "Only the configuration differs (precision, batch, threads, power cap): "
                "the change falls to whoever chose it, to no team."
            ),
        }
    )
    several: str = (
        "Interaction: {what} differ, so no team is named. Change one at a time to see whose it is."
    )


FINGERPRINTS: Mapping[str, str] = {
    "network": CNN,
    "weights": CNN,
    "data": DATA,
    "software": SOFTWARE,
    "device": HARDWARE,
    "configuration": CONFIGURATION,
}
CAUSES = CauseTexts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A factor as such: what it is called, whose it is, whether it multiplies or divides."""

    key: str
    title: str
    owner: str
    power: int = 1
    part_of: str | None = None


_SPEED = (
    Kind(key="work", title="work", owner=CNN, power=-1),
    Kind(key="fit", title="fit", owner=FIT),
    Kind(key="fraction_of_roofline", title="fraction of roofline", owner=SOFTWARE),
    Kind(key="configuration_gain", title="configuration gain", owner=CO_DESIGN),
    Kind(key="device_peak", title="device peak", owner=HARDWARE),
    Kind(key="drift", title="drift", owner=NOBODY),
)
_MEAN_POWER = Kind(key="mean_power", title="mean power", owner=POWER)
_ENVELOPE = Kind(
    key="power_envelope", title="power envelope", owner=HARDWARE, part_of=_MEAN_POWER.key
)
_DRAWN = Kind(
    key="share_of_envelope", title="share of it drawn", owner=POWER, part_of=_MEAN_POWER.key
)
WHOLES: Mapping[str, Kind] = {_MEAN_POWER.key: _MEAN_POWER}


def energy_origin(result: Result) -> Origin | None:
    """Source and boundary of a result's energy per frame; None where it has none or tells none."""
    value = result.metrics.get(ENERGY)
    if value is None or value.value is None:
        return None
    return origin_of(value.how)


def factors(result: Result, metric: str) -> Factors | Missing:
    """Takes a system number apart.

    Args:
        result: One row.
        metric: One of `SPLITTABLE`.

    Returns:
        The factors, which give the stored value to 1e-9; or why there are none.
    """
    if result.status != "ok":
        return Missing(reason=f"{result.status}: {result.reason or 'no reason was recorded'}")
    take_apart = _TAKE_APART.get(metric)
    if take_apart is None:
        return Missing(reason=f"{metric} is no product of factors: only shown, not split")
    return take_apart(result)


def split(before: Result, after: Result, metric: str) -> Split | Missing:
    """The change of a number from one row to another, as shares that add up to it exactly.

    Args:
        before, after: Rows of two systems.
        metric: One of `SPLITTABLE`.

    Returns:
        The split; or why it is refused: a factor is missing, or the two are not comparable.
    """
    first, second = factors(before, metric), factors(after, metric)
    if isinstance(first, Missing):
        return Missing(reason=f"from: {first.reason}")
    if isinstance(second, Missing):
        return Missing(reason=f"to: {second.reason}")
    for ground in first.grounds:
        here, there = first.grounds[ground], second.grounds[ground]
        if here != there:
            return Missing(reason=f"not the same {ground}: {here} against {there}")
    mine, theirs = first.factors, second.factors
    if [factor.key for factor in mine] != [factor.key for factor in theirs]:
        mine, theirs = _coarser(mine), _coarser(theirs)
    shares = tuple(
        Share(key=b.key, title=b.title, owner=b.owner, amount=b.amount - a.amount)
        for a, b in zip(mine, theirs, strict=True)
    )
    found = Split(
        metric=metric,
        scale=first.scale,
        before=first.value,
        after=second.value,
        shares=shares,
        modelled=first.grounds.get("kind of energy") == MODELLED,
    )
    rest = sum(share.amount for share in shares) - found.amount
    if abs(rest) > 2 * _RELATIVE_TOLERANCE:
        return Missing(reason=f"the shares leave {rest:.2g} of the change unexplained")
    return found


def cause(before: Result, after: Result) -> Cause:
    """Names the team whose fingerprint alone differs; none where several do."""
    return cause_between(before.fingerprint, after.fingerprint)


def versions_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """`onnxruntime 1.23 -> 1.24` for each package, and each file of the user's plug-ins, that
    differs between two environments.
    """
    old, new = (
        {**side.get("packages", {}), **side.get("plug-ins", {})} for side in (before, after)
    )
    return tuple(
        f"{name} {old[name] or 'absent'} -> {new[name] or 'absent'}"
        for name in new
        if name in old and old[name] != new[name]
    )


def credited(found: Split | Missing, why: Cause) -> Split | Missing:
    """The same split, with no share owned by a team that changed nothing; exact as before."""
    if isinstance(found, Missing) or why.owner is None:
        return found
    return replace(found, shares=tuple(replace(share, owner=why.owner) for share in found.shares))


def parts_of(found: Split) -> list[tuple[str, str, float]]:
    """What a sentence says of a split: owner, name and amount, the largest first.

    A team's shares are summed and named after it; what no team answers for is named after what it
    is (`drift`).
    """
    parts: dict[tuple[str, str], float] = {}
    for share in found.shares:
        name = share.title if share.owner in TEAMLESS else OWNERS[share.owner]
        parts[share.owner, name] = parts.get((share.owner, name), 0.0) + share.amount
    listed = [(owner, name, amount) for (owner, name), amount in parts.items()]
    return sorted(listed, key=lambda part: -abs(part[2]))


def cause_between(before: Fingerprint | None, after: Fingerprint | None) -> Cause:
    """The same of two fingerprints."""
    if before is None or after is None:
        return Cause(differing=(), team=None, text=CAUSES.unknown)
    differing = tuple(
        name for name in FINGERPRINTS if getattr(before, name) != getattr(after, name)
    )
    groups = {FINGERPRINTS[name] for name in differing}
    if not groups:
        return Cause(differing=(), team=None, text=CAUSES.same)
    what = _listed(differing)
    if len(groups) > 1:
        return Cause(differing=differing, team=None, text=CAUSES.several.format(what=what))
    (team,) = groups
    return Cause(differing=differing, team=team, text=CAUSES.one[team].format(what=what))


def _of_throughput(result: Result) -> Factors | Missing:
    return _product(
        result,
        THROUGHPUT,
        _amounts(result, _SPEED),
        grounds={"frame": result.frame, "scenario": result.scenario},
    )


def _of_energy(result: Result) -> Factors | Missing:
    power = _amounts(result, (_MEAN_POWER,))
    if isinstance(power, Missing):
        return power
    speed = _amounts(result, _SPEED)
    if isinstance(speed, Missing):
        return speed
    origin = energy_origin(result)
    if origin is None:
        return Missing(reason=f"{ENERGY} does not tell its source and boundary")
    return _product(
        result,
        ENERGY,
        [
            *(_scaled(factor, -1) for factor in speed),
            *_parts_of_power(power[0], _amounts(result, (_ENVELOPE,))),
        ],
        grounds={
            "frame": result.frame,
            "scenario": result.scenario,
            **origin.grounds,
        },
    )


def _of_accuracy(result: Result) -> Factors | Missing:
    addends = []
    for key, title, owner in (
        ("reference_accuracy", "reference accuracy", CNN),
        ("accuracy_change", "change of accuracy", SOFTWARE),
    ):
        value = result.metrics.get(key)
        if value is None or value.value is None:
            return _absent(key, value)
        addends.append(Factor(key=key, title=title, owner=owner, amount=value.value))
    whole = result.metrics.get(ACCURACY)
    if whole is None or whole.value is None:
        return _absent(ACCURACY, whole)
    rest = sum(addend.amount for addend in addends) - whole.value
    if abs(rest) > _RELATIVE_TOLERANCE:
        return Missing(reason=f"the addends miss the stored {ACCURACY} by {rest:.2g}")
    return Factors(
        metric=ACCURACY,
        scale=LINEAR,
        value=whole.value,
        grounds={
            "measure": result.measure or "accuracy",
            "data set": result.key.dataset or "no data set",
        },
        factors=tuple(addends),
    )


_TAKE_APART: Mapping[str, Callable[[Result], Factors | Missing]] = {
    THROUGHPUT: _of_throughput,
    ENERGY: _of_energy,
    ACCURACY: _of_accuracy,
}


def _amounts(result: Result, kinds: Sequence[Kind]) -> list[Factor] | Missing:
    found = []
    for kind in kinds:
        value = result.metrics.get(kind.key)
        if value is None or value.value is None:
            return _absent(kind.key, value)
        if not 0 < value.value < math.inf:
            return Missing(reason=f"{kind.key} is {value.value:g}: no factor of a product")
        found.append(
            Factor(
                key=kind.key,
                title=kind.title,
                owner=kind.owner,
                amount=kind.power * math.log(value.value),
                part_of=kind.part_of,
            )
        )
    return found


def _product(
    result: Result,
    metric: str,
    parts: Sequence[Factor] | Missing,
    *,
    grounds: Mapping[str, str],
) -> Factors | Missing:
    if isinstance(parts, Missing):
        return parts
    whole = result.metrics.get(metric)
    if whole is None or whole.value is None:
        return _absent(metric, whole)
    if not 0 < whole.value < math.inf:
        return Missing(reason=f"{metric} is {whole.value:g}: no product of factors")
    rest = sum(part.amount for part in parts) - math.log(whole.value)
    if abs(rest) > _RELATIVE_TOLERANCE:
        return Missing(
            reason=f"the factors give {math.exp(rest):.6g} times the stored {metric}, not 1"
        )
    return Factors(
        metric=metric, scale=LOG, value=whole.value, grounds=grounds, factors=tuple(parts)
    )


def _parts_of_power(power: Factor, envelope: list[Factor] | Missing) -> list[Factor]:
    if isinstance(envelope, Missing):
        return [power]
    drawn = power.amount - envelope[0].amount
    return [
        envelope[0],
        Factor(
            key=_DRAWN.key,
            title=_DRAWN.title,
            owner=_DRAWN.owner,
            amount=drawn,
            part_of=_DRAWN.part_of,
        ),
    ]


def _coarser(parts: Sequence[Factor]) -> tuple[Factor, ...]:
    """The same with every factor that is part of another put into that other."""
    sums: dict[str, Factor] = {}
    for part in parts:
        whole = WHOLES.get(part.part_of or "")
        key, title, owner = (
            (whole.key, whole.title, whole.owner) if whole else (part.key, part.title, part.owner)
        )
        before = sums[key].amount if key in sums else 0.0
        sums[key] = Factor(key=key, title=title, owner=owner, amount=before + part.amount)
    return tuple(sums.values())


def _scaled(factor: Factor, power: int) -> Factor:
    return Factor(
        key=factor.key, title=factor.title, owner=factor.owner, amount=power * factor.amount
    )


def _absent(key: str, value: Value | None) -> Missing:
    reason = value.reason if value else "not in this result"
    return Missing(reason=f"{key} is missing: {reason or 'no reason was recorded'}")


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
