"""Groups of models as letters, and ranks, from which pairs can be told apart."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence


def letters(names: Sequence[str], differs: Mapping[tuple[str, str], bool]) -> dict[str, str]:
    """Return a compact letter display (Piepho 2004, JCGS 13:456): no common letter = different.

    names: best first, so that the best has "a". differs: for each pair in the order of `names`.
    """
    groups: list[set[str]] = [set(names)]
    for first, second in itertools.combinations(names, 2):
        if not differs[first, second]:
            continue
        split: list[set[str]] = []
        for group in groups:
            if first in group and second in group:
                split += [group - {first}, group - {second}]
            else:
                split.append(group)
        groups = [g for g in _unique(split) if not any(g < other for other in split)]
    place = {name: position for position, name in enumerate(names)}
    groups.sort(key=lambda group: sorted(place[name] for name in group))
    return {
        name: " ".join(_letter(i) for i, group in enumerate(groups) if name in group)
        for name in names
    }


def rank_range(
    names: Sequence[str], differs: Mapping[tuple[str, str], bool]
) -> dict[str, tuple[int, int]]:
    """Return the best and worst rank that each may have: 1 + those surely better, to all less those
    surely worse. names: best first.
    """
    place = {name: position for position, name in enumerate(names)}

    def sure(first: str, second: str) -> bool:
        pair = (first, second) if place[first] < place[second] else (second, first)
        return differs[pair]

    found = {}
    for name in names:
        better = sum(sure(o, name) for o in names if place[o] < place[name])
        worse = sum(sure(o, name) for o in names if place[o] > place[name])
        found[name] = (1 + better, len(names) - worse)
    return found


def _unique(groups: Sequence[set[str]]) -> list[set[str]]:
    found: list[set[str]] = []
    for group in groups:
        if group not in found:
            found.append(group)
    return found


def _letter(index: int) -> str:
    word = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        word = chr(ord("a") + rest) + word
    return word
