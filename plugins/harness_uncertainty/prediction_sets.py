"""Conformal prediction sets of a model: calibrated on validation, covering on clean and shifted examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from harness.api import Draws, Finding, Metric, NotApplicable
from harness.api.measuring import derive, share_metric
from harness_uncertainty.condition import Condition
from harness_uncertainty.conformal import (
    aps_scores,
    chance_of_covering,
    lac_scores,
    raps_scores,
    threshold,
)
from harness_uncertainty.estimate import EstimateWithError
from harness_uncertainty.outputs import Outputs
from harness_uncertainty.predictions import Predictions

SURE = 0.001  # the chance of a false alarm
_MEMORY = 4_000_000  # scores that are held at once

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class SetRule:
    """What makes a set: the classes whose score by `method` is at most `threshold`."""

    method: str
    alpha: float
    threshold: float
    calibrated: int

    @property
    def array(self) -> str:
        """The name of the array of verdicts."""
        return f"covered_{self.method}_{self.alpha:g}"


@dataclass(frozen=True)
class Scoring:
    """How classes are scored, by each of `methods`; seed: of the random part, which belongs to the example.

    free, penalty: of "raps" (`raps_scores`).
    """

    seed: int
    methods: tuple[str, ...] = ("lac", "aps")
    free: int = 5
    penalty: float = 0.01

    def scores(self, method: str, outputs: Outputs) -> Iterator[tuple[slice, Array]]:
        """Yield the scores of all classes by blocks of examples."""
        n, classes = outputs.logits.shape
        at_once = max(1, _MEMORY // max(classes, 1))
        for rows in (slice(start, start + at_once) for start in range(0, n, at_once)):
            p = Predictions.of(outputs.logits[rows], outputs.labels[rows]).probabilities
            if method == "lac":
                yield rows, lac_scores(p)
                continue
            draws = Draws(derive(self.seed, "aps"), torch.from_numpy(outputs.ids[rows]))
            uniform = draws.uniform("rank").double().numpy()
            if method == "aps":
                yield rows, aps_scores(p, uniform)
            else:
                yield rows, raps_scores(p, uniform, self.free, self.penalty)


def calibrate(
    validation: Outputs, alphas: Sequence[float], scoring: Scoring
) -> tuple[tuple[SetRule, ...], tuple[str, ...]]:
    """Return the rules, by methods and levels, and why others cannot be had: how many examples these take."""
    n, rules, refused = len(validation), list[SetRule](), dict[str, None]()
    for method in scoring.methods:
        own = np.zeros(n)
        for rows, scores in scoring.scores(method, validation):
            own[rows] = np.take_along_axis(scores, validation.labels[rows, None], axis=1)[:, 0]
        for alpha in alphas:
            try:
                rules.append(SetRule(method, alpha, threshold(own, alpha), n))
            except NotApplicable as reason:
                refused[str(reason)] = None
    return tuple(rules), tuple(refused)


@dataclass(frozen=True)
class Sets:
    """covered: whether a set holds the label, sizes: how many classes it holds, both ``(examples,)``."""

    rule: SetRule
    covered: Array
    sizes: Array


def make_sets(condition: Condition, rules: Sequence[SetRule], scoring: Scoring) -> Iterator[Sets]:
    """Yield what the sets of each rule are like under a condition."""
    outputs = condition.outputs
    for method in scoring.methods:
        found = [
            Sets(rule, np.zeros(len(outputs), dtype=bool), np.zeros(len(outputs)))
            for rule in rules
            if rule.method == method
        ]
        for rows, scores in scoring.scores(method, outputs) if found else ():
            for sets in found:
                inside = scores <= sets.rule.threshold
                label = outputs.labels[rows, None]
                sets.covered[rows] = np.take_along_axis(inside, label, axis=1)[:, 0]
                sets.sizes[rows] = inside.sum(axis=1)
        yield from found


def set_metrics(condition: Condition, found: Sets, kept: bool) -> Iterator[Metric]:
    """Yield coverage and mean size; kept: whether the verdicts on examples are."""
    rule = found.rule
    where = {"method": rule.method, "alpha": rule.alpha}
    yield share_metric(
        condition.name("set_coverage"),
        found.covered,
        {**condition.where, **where},
        rule.array + condition.suffix if kept else "",
    )
    sizes = EstimateWithError.of_mean(found.sizes)
    yield condition.metric("set_size", sizes, where, (0.0, np.inf))


@dataclass(frozen=True)
class Look:
    """How many of n examples the sets of a rule cover, how many sets have no class, and where; without the examples, which
    take memory.
    """

    rule: SetRule
    covered: int
    empty: int
    n: int
    words: str
    clean: bool

    @classmethod
    def of(cls, condition: Condition, sets: Sets) -> Look:
        """Take what the sets are like under a condition."""
        covered, empty = int(sets.covered.sum()), int((sets.sizes == 0).sum())
        return cls(
            sets.rule, covered, empty, len(sets.covered), condition.words(), not condition.shift
        )

    @property
    def coverage(self) -> float:
        """The share that is covered."""
        return self.covered / self.n

    def told(self) -> str:
        """Return how often, and where: "in 81.2 % under fog@5", "in none of 360 on clean ..., where 9 % of the sets are empty"."""
        often = f"{100 * self.coverage:.1f} %" if self.covered else f"none of {self.n:,}"
        said = f"in {often} {self.words}"
        if not self.empty:
            return said
        share = 100 * self.empty / self.n
        sets = "all sets are" if self.empty == self.n else f"{share:.3g} % of the sets are"
        return f"{said}, where {sets} empty, as no class is likely enough"

    def is_chance(self, level: float) -> bool:
        """Whether so few would be covered by chance, with that probability or more."""
        rule = self.rule
        return chance_of_covering(self.covered, self.n, rule.calibrated, rule.alpha) >= level


def set_findings(looked: Sequence[Look]) -> list[Finding]:
    """Say of each rule where the sets surely cover less than they promise, the worst place first.

    Surely: exchangeable examples, with the validation split as small as it is, would be covered so rarely once in
    a thousand runs, divided by the number of conditions that were looked at.
    """
    findings = []
    for rule in dict.fromkeys(look.rule for look in looked):
        mine = [look for look in looked if look.rule == rule]
        below = [look for look in mine if not look.is_chance(SURE / len(mine))]
        if below:
            worst = min(below, key=lambda look: look.coverage)
            clean = any(look.clean for look in below)
            findings.append(
                Finding(
                    code="sets-cover-too-little",
                    sentence=f"Conformal sets ({rule.method}) at alpha {rule.alpha:g} promise to hold the right class "
                    f"in {100 * (1 - rule.alpha):g} % of cases, and surely hold it less often under {len(below)} of "
                    f"{len(mine)} conditions; {worst.told()}.",
                    advice=(
                        "The test examples are not like the validation examples that the sets were calibrated on; "
                        "see how the data were cut."
                        if clean
                        else "Their promise ends where the data change: calibrate again on examples as they will be."
                    ),
                    numbers={"coverage": worst.coverage, "promised": 1 - rule.alpha},
                    where={"method": rule.method, "alpha": rule.alpha},
                )
            )
    return findings
