"""Which of several models can be told apart, by paired tests corrected for their number."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from harness.measure.time_blocks import InTime
from harness.statistics.crossed import SEED_SD
from harness.statistics.inference import holm, paired_p_value
from harness.statistics.letter_display import letters, rank_range

Array = np.ndarray[Any, Any]
ALPHA = 0.05


@dataclass(frozen=True)
class Scores:
    """A model's per-example scores, higher is better: values ``(seeds, examples)``.

    seeds: () where they are the same at every seed, in one row. fits: the fingerprint of the fit of each seed, where it is known. seed_sd: of a seed's effect, as
    `inference.proportion` takes it. time: when the examples are; None: they are independent.
    """

    seeds: tuple[int, ...]
    ids: Array
    values: Array
    fits: tuple[str, ...] = ()
    seed_sd: float = SEED_SD
    time: InTime | None = None

    @classmethod
    def align(
        cls,
        found: Mapping[int, tuple[Array, Array]],
        times: Mapping[int, InTime | None] | None = None,
    ) -> Scores:
        """Bring {seed: (ids, values)}, sorted by id, to the examples that all seeds have; times: of the ids of each seed."""
        seeds = tuple(sorted(found))
        common = found[seeds[0]][0]
        for seed in seeds[1:]:
            common = _shared(common, found[seed][0])
        rows = [_at(found[seed][0], found[seed][1], common) for seed in seeds]
        time = (times or {}).get(seeds[0])
        own = found[seeds[0]][0]
        return cls(seeds, common, np.stack(rows), time=_times_at(own, time, common))

    def only(self, seeds: Sequence[int], ids: Array) -> Array:
        """Return the values at some of the seeds and examples."""
        rows = [self.seeds.index(seed) if self.seeds else 0 for seed in seeds]
        return np.stack([_at(self.ids, self.values[row], ids) for row in rows])


@dataclass(frozen=True)
class ModelComparison:
    """Models in the order of their figures, best first, and what may be said of each pair.

    p_values: corrected by Holm's method, for pairs in the order of `names`.
    """

    names: tuple[str, ...]
    p_values: Mapping[tuple[str, str], float]

    @cached_property
    def differs(self) -> dict[tuple[str, str], bool]:
        """Whether each pair can be told apart at 5 % for the whole family of pairs."""
        return {pair: p < ALPHA for pair, p in self.p_values.items()}

    def p_value(self, first: str, second: str) -> float:
        """Return the corrected p value of a pair, in either order."""
        return self.p_values.get((first, second), self.p_values.get((second, first), math.nan))

    def groups(self) -> dict[str, str]:
        """Return letters: models with a common one cannot be told apart."""
        return letters(self.names, self.differs)

    def ranks(self) -> dict[str, tuple[int, int]]:
        """Return the best and worst rank that each may have."""
        return rank_range(self.names, self.differs)


def compare_models(scores: Mapping[str, Scores]) -> ModelComparison:
    """Compare models by their mean scores, each pair on the examples and seeds that both have.

    Where two have no seed in common, their means over seeds are compared. One without examples is
    left out.
    """
    means = {name: float(found.values.mean()) for name, found in scores.items() if len(found.ids)}
    names = tuple(sorted(means, key=lambda name: (-means[name], name)))
    pairs = list(itertools.combinations(names, 2))
    return ModelComparison(names, pair_p_values(scores, pairs))


def pair_p_values(
    scores: Mapping[str, Scores], pairs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], float]:
    """Return the p value of each pair, corrected by Holm's method for their number."""
    raw = []
    for first, second in pairs:
        both = align_pair(scores[first], scores[second])
        seed_sd = common_seed_sd(scores[first], scores[second])
        time = common_time(scores[first], scores[second])
        raw.append(1.0 if both is None else paired_p_value(*both, seed_sd, time))
    return dict(zip(pairs, holm(raw), strict=True))


def align_pair(one: Scores, other: Scores) -> tuple[Array, Array] | None:
    """Return the values of two ``(seeds, examples)`` at the examples and seeds that both have.

    Where they have no seed in common, their means over seeds ``(1, examples)``; None where they have
    no example in common.
    """
    ids = _shared(one.ids, other.ids)
    if not len(ids):
        return None
    seeds = [seed for seed in one.seeds if seed in other.seeds or not other.seeds]
    seeds = seeds if one.seeds else list(other.seeds)
    if seeds:
        return one.only(seeds, ids), other.only(seeds, ids)
    first, second = (m.only(m.seeds or (0,), ids).mean(axis=0, keepdims=True) for m in (one, other))
    return first, second


def common_seed_sd(one: Scores, other: Scores) -> float:
    """Return the root mean square of both models' `seed_sd`; 0 where they are the same fits."""
    if one.fits and one.fits == other.fits:
        return 0.0
    return math.hypot(one.seed_sd, other.seed_sd) / math.sqrt(2)


def common_time(one: Scores, other: Scores) -> InTime | None:
    """Return when the examples are that both have; None where that does not count."""
    ids = _shared(one.ids, other.ids)
    return _times_at(one.ids, one.time, ids) or _times_at(other.ids, other.time, ids)


def _times_at(ids: Array, time: InTime | None, wanted: Array) -> InTime | None:
    if time is None or len(ids) == len(wanted):
        return time
    return time.some(np.isin(ids, wanted))


def _shared(first: Array, second: Array) -> Array:
    """Return the ids that both have; mostly they are the same, which is quick to see."""
    return first if np.array_equal(first, second) else np.intersect1d(first, second)


def _at(ids: Array, values: Array, wanted: Array) -> Array:
    found: Array = values if len(ids) == len(wanted) else values[np.isin(ids, wanted)]
    return found
