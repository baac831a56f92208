"""Labels: what a suite calls an item, such as ``mlp:depth=8,as=deep``; shown and matched, and in no job's fingerprint."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import PLURALS
from harness.errors import UsageError
from harness.plan.sentences import show

AS = "as"
"""Written among an item's options; Python keeps the word for itself, so no option has that name."""
_LABELLED = ("architecture", "dataset", "optimizer")  # what a suite compares
_LABEL = re.compile(r"\w(?:[\w .+-]{0,58}[\w.+-])?")


def call_otherwise(catalogue: Catalogue, kind: str, label: Any, found: Sequence[Chosen]) -> Chosen:
    """Return an item under a label of the suite's own."""
    what = f"{AS} = {show(label)}"
    if kind not in _LABELLED:
        allowed = ", ".join(PLURALS[one] for one in _LABELLED)
        raise UsageError(f"{what}: only what a suite compares can be called otherwise: {allowed}")
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise UsageError(
            f"{what}: up to 60 letters, digits, spaces and '_', '.', '+', '-' are allowed, in quotes where they would read as "
            "a number; the first is a letter, a digit or '_'"
        )
    if len(found) != 1:
        raise UsageError(
            f"{what}: a label is for one of them, and here are {len(found)} {PLURALS[kind]}"
        )
    if label in catalogue.entries(kind):
        raise UsageError(f"{what}: that is the name of another {kind}; take another word")
    return replace(found[0], label=label, behind=found[0].label)


def collect(found: Mapping[str, Chosen], one: Chosen) -> dict[str, Chosen]:
    """Return the items of an axis, by their names with options, with one more; what is there already stays once.

    Raises:
        UsageError: One item has two labels, or one label two items.
    """
    there = found.get(one.spelled)
    if there and one.behind and there.behind and there.label != one.label:
        raise UsageError(
            f"{one.spelled} is called {there.label!r} and {one.label!r}; leave one out"
        )
    others = [other for other in found.values() if one.behind and other.label == one.label]
    if others and others[0].spelled != one.spelled:
        raise UsageError(
            f"{others[0].spelled} and {one.spelled} are both called {one.label!r}; each needs a label of its own"
        )
    kept = there if there and not one.behind else one
    return {**found, one.spelled: kept}
