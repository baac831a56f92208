"""Conformal prediction sets of a model: calibrated on validation, covering on clean and shifted examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from harness.api import Draws, Finding, Metric, NotApplicable
from harness.api.measuring import derive, wilson
from harness_uncertainty.condition import Condition
from harness_uncertainty.conformal import aps_scores, chance_of_covering, lac_scores, threshold
from harness_uncertainty.estimate import Estimate
from harness_uncertainty.outputs import Outputs
from harness_uncertainty.predictions import Predictions

METHODS = ("lac", "aps")
SURE = 0.001  # the chance of a false alarm

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


def calibrate(
    validation: Outputs, alphas: Sequence[float], seed: int
) -> tuple[tuple[SetRule, ...], tuple[str, ...]]:
    """Return the rules, by methods and levels, and why others cannot be had: how many examples these take."""
    labels, rules, refused = validation.labels, list[SetRule](), dict[str, None]()
    for method in METHODS:
        scores = _scores(method, validation, seed)
        own = scores[np.arange(len(labels)), labels]
        for alpha in alphas:
            try:
                rules.append(SetRule(method, alpha, threshold(own, alpha), len(labels)))
            except NotApplicable as reason:
                refused[str(reason)] = None
    return tuple(rules), tuple(refused)


def _scores(method: str, outputs: Outputs, seed: int) -> Array:
    """Return the scores of all classes; the random part belongs to the example."""
    probabilities = Predictions.of(outputs.logits, outputs.labels).probabilities
    if method == "lac":
        return lac_scores(probabilities)
    draws = Draws(derive(seed, "aps"), torch.from_numpy(outputs.ids))
    return aps_scores(probabilities, draws.uniform("rank").double().numpy())


@dataclass(frozen=True)
class Sets:
    """covered: whether a set holds the label, sizes: how many classes it holds, both ``(examples,)``."""

    rule: SetRule
    covered: Array
    sizes: Array


def make_sets(condition: Condition, rules: Sequence[SetRule], seed: int) -> Iterator[Sets]:
    """Yield what the sets of each rule are like under a condition."""
    labels, every = condition.outputs.labels, dict[str, Array]()
    for rule in rules:
        if rule.method not in every:
            every[rule.method] = _scores(rule.method, condition.outputs, seed)
        inside = every[rule.method] <= rule.threshold
        yield Sets(rule, inside[np.arange(len(labels)), labels], inside.sum(axis=1))


def set_metrics(condition: Condition, found: Sets, kept: bool) -> Iterator[Metric]:
    """Yield coverage and mean size; kept: whether the verdicts on examples are."""
    n, rule = len(found.covered), found.rule
    where = {"method": rule.method, "alpha": rule.alpha}
    share = float(found.covered.mean())
    low, high = wilson(share, n)
    yield Metric(
        name=condition.name("set_coverage"),
        value=share,
        unit="fraction",
        low=low,
        high=high,
        n=n,
        where={**condition.where, **where},
        examples=(rule.array + condition.suffix,) if kept else (),
    )
    sizes = Estimate.of_mean(found.sizes.astype(np.float64))
    yield condition.metric("set_size", sizes, where, (0.0, np.inf))


def set_findings(looked: Sequence[tuple[Condition, Sets]]) -> list[Finding]:
    """Say of each rule where the sets surely cover less than they promise, the worst place first.

    Surely: exchangeable examples, with the validation split as small as it is, would be covered so rarely once in
    a thousand runs, divided by the number of conditions that were looked at.
    """
    findings = []
    for rule in dict.fromkeys(found.rule for _, found in looked):
        mine = [(condition, found) for condition, found in looked if found.rule == rule]
        below = []
        for condition, found in mine:
            covered, n = int(found.covered.sum()), len(found.covered)
            if chance_of_covering(covered, n, rule.calibrated, rule.alpha) < SURE / len(mine):
                below.append((covered / n, condition))
        if below:
            worst, condition = min(below, key=lambda pair: pair[0])
            clean = any(not one.shift for _, one in below)
            findings.append(
                Finding(
                    code="sets-cover-too-little",
                    sentence=f"Conformal sets ({rule.method}) at alpha {rule.alpha:g} promise to hold the right class "
                    f"in {100 * (1 - rule.alpha):g} % of cases, and surely hold it less often under {len(below)} of "
                    f"{len(mine)} conditions; in {100 * worst:.1f} % {condition.words()}.",
                    advice=(
                        "The test examples are not like the validation examples that the sets were calibrated on; "
                        "see how the data were cut."
                        if clean
                        else "Their promise ends where the data change: calibrate again on examples as they will be."
                    ),
                    numbers={"coverage": worst, "promised": 1 - rule.alpha},
                    where={"method": rule.method, "alpha": rule.alpha},
                )
            )
    return findings
