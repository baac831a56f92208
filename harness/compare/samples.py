"""Comparing figures of two samples of test examples that are not the same: unpaired. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.compare.differences import Difference, of_single
from harness.statistics.crossed import Crossed, independent
from harness.statistics.inference import are_shares, own_variance, share_variance
from harness.statistics.model_groups import Scores

Array = np.ndarray[Any, Any]
UNPAIRED = "seeds and examples of both, unpaired"


@dataclass(frozen=True)
class SideSample:
    """A figure of one run, at each seed.

    values: one a seed. own: the 95 % interval of each over its examples, with None where it has none.
    ids: ``(examples,)``, of those that any seed was measured on. scores: behind it, where they were kept.
    """

    values: Sequence[float]
    own: Sequence[tuple[float | None, float | None]]
    ids: Array
    scores: Scores | None = None

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return float(np.mean(self.values))

    def is_apart(self, other: SideSample) -> bool:
        """Whether the two are not of the same examples."""
        return not np.array_equal(self.ids, other.ids)


def of_samples(a: SideSample, b: SideSample, unit: str) -> Difference:
    """Compare two means, each over its own examples, as independent.

    Each side's variance is that of its interval in reports: of its seeds and of its examples. They add, as both
    were drawn apart (see `crossed.independent`). Where some examples are common the two are correlated, and
    the interval is wider than it need be. Nothing is claimed where a side's spread over examples is not known.
    """
    subset = _examples(a, b)
    parts = [_variance(side) for side in (a, b)]
    if parts[0] is None or parts[1] is None:
        why = "other test examples, without an interval over them"
        return replace(of_single(a.mean, b.mean, unit, why), subset=subset)
    both, value = independent(parts[0], parts[1]), b.mean - a.mean
    half = both.half_width()
    return Difference(
        a=a.mean,
        b=b.mean,
        value=value,
        relative=False,
        method=UNPAIRED,
        low=value - half,
        high=value + half,
        p_value=both.p_value(value),
        subset=subset,
    )


def _variance(side: SideSample) -> Crossed | None:
    scores = side.scores
    if (
        scores is not None
        and are_shares(scores.values)
        and math.isclose(scores.values.mean(), side.mean)
    ):
        return share_variance(scores.values, scores.seed_sd)
    own = [(low, high) for low, high in side.own if low is not None and high is not None]
    return own_variance(side.values, own) if len(own) == len(side.values) else None


def _examples(a: SideSample, b: SideSample) -> str:
    common = len(np.intersect1d(a.ids, b.ids))
    known = {0: "none is", 1: "one is"}.get(common, f"{common} are")
    return (
        f"test examples of which {known} common (A {len(a.ids)}, B {len(b.ids)}), "
        "so that a change may be that of the examples"
    )
