"""How much of it that examples are equal to others is chance: they are drawn from few values. Pure functions."""

from __future__ import annotations

import math

import numpy as np

from harness.data.splits import Array

MOST_VALUES = 2**24  # of examples that are looked at; of more a share is drawn
MOST_FEATURES = 1024  # of an example; none that has more is equal to another by chance
MOST_COLUMNS = 32  # that are left out in turn
ROOM = 1000  # rows that could differ for each that there is; with fewer, columns that go together fill them
_ODD = (
    0x9E3779B97F4A7C15,
    0xBF58476D1CE4E5B9,
    0x94D049BB133111EB,
)  # of splitmix64, Steele et al. 2014


def chance_share(inputs: Array, known: Array, asked: Array) -> float:
    """Return which share of the pairs of equal examples, one of `known` and one of `asked`, chance explains: 0 to 1.

    inputs: ``(examples, *shape)``. known, asked: the numbers of the rows. Chance brings pairs that differ in one
    column alone, too: where two values of it are equal with probability c, for each such pair c / (1 - c) that are
    equal in it as well, and more where the others go with it: each is taken to explain one at least. Copies of
    rows have no such pairs beside them. The column is the one that explains most. All is explained where the values of
    the columns make fewer than `ROOM` times as many rows as there are.
    Columns of 0 and 1 of which no example has two that are 1, as categories become, count as one.
    """
    features = int(np.prod(inputs.shape[1:]))
    if features > MOST_FEATURES:
        return 0.0
    share = min(1.0, MOST_VALUES / (features * (len(known) + len(asked))))
    draw = np.random.default_rng(0)
    old, new = (_some(inputs, rows, share, draw) for rows in (known, asked))
    old_signs, new_signs = _signs(old), _signs(new)
    whole, mine = old_signs.sum(axis=1), new_signs.sum(axis=1)
    equal = _pairs(whole, mine)
    values = [len(np.unique(column)) for column in old.T]
    if sum(map(math.log, values)) < math.log(ROOM * len(old)):
        return 1.0 if equal else 0.0
    groups = [(same_share(old_signs[:, group].sum(axis=1)), group) for group in _groups(old)]
    explained = 0.0
    for meeting, group in sorted(groups, key=lambda one: one[0])[:MOST_COLUMNS]:
        if not 0.0 < meeting < 1.0:
            continue
        rest, asked_rest = old_signs[:, group].sum(axis=1), new_signs[:, group].sum(axis=1)
        near = _pairs(whole - rest, mine - asked_rest) - equal
        explained = max(explained, near * max(1.0, 2.0 * meeting / (1.0 - meeting)))
    return min(1.0, explained / equal) if equal else 0.0


def _some(inputs: Array, rows: Array, share: float, draw: np.random.Generator) -> Array:
    if share < 1.0:
        rows = np.sort(draw.choice(rows, max(1, int(share * len(rows))), replace=False))
    return np.asarray(inputs[rows], dtype=np.float64).reshape(len(rows), -1) + 0.0  # no -0


def _signs(values: Array) -> Array:
    """Return a random number of 64 bits for each value ``(rows, columns)``, another one in each column."""
    first, second, third = (np.uint64(number) for number in _ODD)
    place = np.arange(1, values.shape[1] + 1, dtype=np.uint64) * first
    signs = np.ascontiguousarray(values).view(np.uint64) + place
    signs = (signs ^ (signs >> np.uint64(30))) * second
    signs = (signs ^ (signs >> np.uint64(27))) * third
    return np.asarray(signs ^ (signs >> np.uint64(31)))


def _pairs(known: Array, asked: Array) -> int:
    """Return how many pairs of equal numbers there are."""
    known = np.sort(known)
    ends = np.searchsorted(known, asked, "right") - np.searchsorted(known, asked, "left")
    return int(ends.sum())


def same_share(values: Array) -> float:
    """Return how likely two of these ``(n,)`` are equal."""
    _, counts = np.unique(values, return_counts=True)
    pairs = len(values) * (len(values) - 1)
    return float((counts * (counts - 1.0)).sum() / pairs) if pairs else 0.0


def _groups(values: Array) -> list[list[int]]:
    """Return the columns, those of 0 and 1 of which no two are 1 in a row together."""
    flags = np.flatnonzero(((values == 0) | (values == 1)).all(axis=0))
    ones = values[:, flags]
    together = ones.T @ ones
    left = list(range(len(flags)))
    groups = [[column] for column in range(values.shape[1]) if column not in set(flags.tolist())]
    while left:
        group = [left[0]]
        for other in left[1:]:
            if not together[group, other].any():
                group.append(other)
        left = [one for one in left if one not in group]
        groups.append([int(flags[one]) for one in group])
    return groups
