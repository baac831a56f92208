"""Under which conditions a suite's measures yield figures, as far as they say so before they run: epsilons, attacks, severities ..."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.chosen import Chosen
from harness.catalogue.counts import list_some
from harness.catalogue.kinds import Measure
from harness.catalogue.shown import Axes
from harness.catalogue.yielded import may_yield
from harness.errors import did_you_mean, nearest
from harness.plan.axes import JOB_AXES, ROW_AXES
from harness.plan.claims import Claim, is_of
from harness.plan.names import choose_one
from harness.plan.quantities import parse_fraction
from harness.plan.references import marked


def misplaced(claim: Claim, measures: Sequence[Chosen], catalogue: Catalogue) -> Iterator[str]:
    """Yield what is wrong with the conditions of a claim. measures: of the suite; all say what they may yield."""
    for term in claim.terms:
        here = [one for one in measures if may_yield(catalogue, one.item, term.metric)]
        for key, value in claim.conditions(term).items():
            if words := unmet(term.metric, key, value, here, catalogue):
                yield words


def unmet(
    metric: str,
    key: str,
    value: str,
    measures: Collection[Chosen],
    catalogue: Catalogue,
    whose: str = "the suite",
) -> str:
    """Say why no figure of a metric can be of a condition; "" where one can, or where that is not known.

    measures: those of `whose` that may yield it.
    """
    if key == "measure" and measures:
        names = {one.name for one in measures}
        if value not in names | {one.label for one in measures}:
            return f"no measure of {whose} with a metric {metric!r} is named {value!r}{nearest(value, names)}"
    if key in JOB_AXES or not measures:
        return ""
    axes = [_axes(one) for one in measures]
    keys = dict.fromkeys(name for one in axes for axis in one.declared for name in axis.keys)
    if all(one.declared for one in axes) and key not in keys:
        return f"{metric} has no condition {key!r}{nearest(key, [*ROW_AXES[1:], 'measure', *keys])}"
    known = [
        values_of(one, key, catalogue)
        for one, of in zip(measures, axes, strict=True)
        if any(key == axis.name for axis in of.declared) or not of.declared
    ]
    values = [value for values in known for value in values or ()]
    if not known or None in known or any(is_asked(one, value) for one in values):
        return ""
    said = list(dict.fromkeys(map(_say, values)))
    there = f"; there are {list_some(said, 12)}" if said else "; there is none"
    return f"no {metric} of {whose} is of {key} {value!r}{did_you_mean(value, said) or there}"


def values_of(measure: Chosen, key: str, catalogue: Catalogue) -> tuple[Any, ...] | None:
    """Return what a measure's figures may be of under a key of theirs; None where its options do not say."""
    axis = _axes(measure).get(key)
    options = [name for name in axis.options if name in measure.options]
    if not options:
        return None
    kinds, found = marked(measure.item), list(axis.also)
    for name in options:
        value = measure.options[name]
        if value is None or value == "auto":
            return None
        values = value if isinstance(value, list | tuple) else [value]
        if name in kinds:
            values = [choose_one(catalogue, kinds[name], one).label for one in values]
        found += values
    return tuple(found)


def is_asked(value: Any, wanted: str) -> bool:
    """Whether a value of an option is what a condition says: the same number, however it is written, or the same text."""
    with contextlib.suppress(ValueError):
        return is_of(parse_fraction(value), wanted)
    return is_of(value, wanted)


def _axes(measure: Chosen) -> Axes:
    assert isinstance(measure.item, Measure)
    return Axes(measure.item.axes)


def _say(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
