"""The grammar of claims: what a suite expects of its figures, such as "accuracy(lstm) > accuracy(rnn)"."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.errors import UsageError, nearest
from harness.plan.quantities import FRACTION, parse_fraction

_FIGURE = r"(?P<metric>[A-Za-z_]\w*)\((?P<inside>.*)\)"
_LEFT = re.compile(_FIGURE)
_RIGHT = re.compile(
    rf"(?:(?P<factor>{FRACTION})\s*\*\s*)?{_FIGURE}(?:\s*(?P<sign>[+-])\s*(?P<margin>{FRACTION}))?"
)
_HOW = (
    'write "METRIC(ARCHITECTURE) > METRIC(ARCHITECTURE)" or "... < ...", with a number in the right one\'s place or as its '
    'factor ("2 * latency_p50(mlp)") or margin ("accuracy(mlp) + 0.02"), and conditions behind a semicolon '
    '("accuracy(mlp; recipe=long)")'
)


@dataclass(frozen=True)
class Term:
    """A figure of a model: metric, architecture as the suite names it, and what else it is of, as it is written."""

    metric: str
    architecture: str
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """left > factor * right + margin, or less where not `greater`; without a right one, the margin alone.

    where: conditions of both sides.
    """

    left: Term
    greater: bool
    right: Term | None
    factor: float = 1.0
    margin: float = 0.0
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The figures that it is about: one or two."""
        return (self.left,) if self.right is None else (self.left, self.right)

    def conditions(self, term: Term) -> dict[str, str]:
        """Return what a side's figures must be of, beside its metric and its architecture."""
        return {**self.where, **term.where}


def read_claim(table: Mapping[str, Any]) -> Claim:
    """Read a [[claim]] table whose keys have been checked.

    Raises:
        UsageError: `expect` is no claim.
    """
    expect = str(table["expect"])
    sides = re.split(r"([<>])", expect)
    if len(sides) != 3:
        raise UsageError(
            f"{expect!r} has {'no' if len(sides) < 3 else 'more than one'} '<' or '>': {_HOW}"
        )
    left, sign, right = (side.strip() for side in sides)
    first = _LEFT.fullmatch(left)
    if first is None:
        raise UsageError(f"{left!r} is no figure of a model: {_HOW}")
    claim = Claim(
        left=_term(first),
        greater=sign == ">",
        right=None,
        where={key: str(value) for key, value in table.get("where", {}).items()},
    )
    second = _RIGHT.fullmatch(right)
    if second is not None:
        margin = parse_fraction(second["margin"] or 0.0)
        return replace(
            claim,
            right=_term(second),
            factor=parse_fraction(second["factor"] or 1.0),
            margin=-margin if second["sign"] == "-" else margin,
        )
    try:
        number = parse_fraction(right.removeprefix("-"))
    except ValueError:
        raise UsageError(f"{right!r} is neither a figure of a model nor a number: {_HOW}") from None
    return replace(claim, margin=-number if right.startswith("-") else number)


def _term(match: re.Match[str]) -> Term:
    architecture, *rest = (part.strip() for part in match["inside"].split(";"))
    where = {}
    for part in rest:
        key, equals, value = (word.strip() for word in part.partition("="))
        if not (key and equals and value):
            raise UsageError(f"{part!r} is no condition key=value: {_HOW}")
        where[key] = value
    if not architecture:
        raise UsageError(f"{match[0]!r} names no architecture: {_HOW}")
    return Term(match["metric"], architecture, where)


def misnamed(claim: Claim, known: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield what is wrong with the names in a claim. known: of an axis, those that the suite has."""
    for term in claim.terms:
        named = {"architecture": term.architecture, **claim.conditions(term)}
        if "seed" in named:
            yield "a claim is about all seeds of the suite; leave seed out"
        for axis, names in known.items():
            if axis in named and named[axis] not in names:
                yield f"no {axis} of the suite is named {named[axis]!r}{nearest(named[axis], names)}"


def unknown_metrics(
    claim: Claim, known: Collection[str], elsewhere: Mapping[str, Collection[str]]
) -> Iterator[str]:
    """Yield what is wrong with the metrics of a claim. known: those of the suite's measures; elsewhere: of other measures, by their names."""
    for term in claim.terms:
        if term.metric in known:
            continue
        measures = sorted(name for name, metrics in elsewhere.items() if term.metric in metrics)
        if measures:
            yield (
                f"the metric {term.metric!r} is of the measure {' or '.join(measures)}, which is not among the suite's"
            )
        else:
            yield f"no measure of the suite has a metric {term.metric!r}{nearest(term.metric, known)}"


def is_of(value: Any, wanted: str) -> bool:
    """Whether what a figure is of is what a condition says: the same number ("1/16" is 0.0625), or the same text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value) == wanted or str(value).lower() == wanted.lower() in ("true", "false")
    try:
        return abs(float(value) - parse_fraction(wanted)) <= 1e-9 * max(1.0, abs(value))
    except ValueError:
        return False
