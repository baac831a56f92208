"""Temperature scaling: one number, fitted on validation examples, that logits are divided by."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax

from harness.api import NotApplicable
from harness.api.measuring import Z95
from harness_uncertainty.estimate import EstimateWithError

Array = np.ndarray[Any, Any]

LEAST = 10  # examples without which the spread of a temperature cannot be told either
WIDEST = math.log(2.0) / Z95  # standard error of log T: the interval is at most T / 2 to 2 T
FARTHEST = math.log(1e6)  # from the scale at which logits have a spread of 1


@dataclass(frozen=True)
class Temperature:
    """The fitted temperature; log: its logarithm with its standard error. n: how many examples it is of."""

    log: EstimateWithError
    n: int

    @property
    def value(self) -> float:
        """What logits are divided by; above 1 the model was too sure."""
        return math.exp(self.log.value)

    def interval(self, quantile: float = Z95) -> tuple[float, float]:
        """Return the ends of its interval, of 95 % by default."""
        half = quantile * self.log.error
        return math.exp(self.log.value - half), math.exp(self.log.value + half)


def check_enough(n: int) -> None:
    """Refuse a number of examples of which no temperature can be told.

    Raises:
        NotApplicable: They are too few; the message says how many it takes.
    """
    if n < LEAST:
        raise NotApplicable(
            f"temperature scaling takes {LEAST} validation examples or more, and here "
            f"{'is' if n == 1 else 'are'} {n}"
        )


def fit(logits: Array, labels: Array) -> Temperature:
    """Return the T that gives softmax(logits / T) the largest likelihood (Guo et al. 2017, arXiv:1706.04599).

    The negative log-likelihood is convex in b = 1 / T, and its derivative, the mean of E_p[z] - z_label with p =
    softmax(b z), has one root, which Brent's method brackets. The standard error is the sandwich's,
    sd(E_p[z] - z_label) / sqrt(n) / mean Var_p(z), divided by b for log T (White 1982, doi:10.2307/1912526).

    logits: ``(examples, classes)``, finite. labels: ``(examples,)``.

    Raises:
        NotApplicable: The examples are too few, or tell no temperature; in words, with how many it takes.
    """
    n = len(labels)
    check_enough(n)
    z = np.asarray(logits, dtype=np.float64)
    z = z - z.mean(axis=1, keepdims=True)
    spread = float(z.std())
    if not spread > 0:
        raise NotApplicable(
            "temperature scaling: all logits of an example are the same, whatever it is"
        )
    z /= spread
    own = z[np.arange(n), labels]

    def slope(log_b: float) -> float:
        return float(((softmax(math.exp(log_b) * z, axis=1) * z).sum(axis=1) - own).mean())

    if slope(-FARTHEST) >= 0:
        raise NotApplicable(
            f"temperature scaling: on the {n} validation examples the logits are no better than chance, so the "
            "best temperature is infinite"
        )
    if slope(FARTHEST) <= 0:
        raise NotApplicable(
            f"temperature scaling: all {n} validation examples are classified correctly, so the likelihood grows "
            "with every smaller temperature; it takes so many examples that at least one is wrong"
        )
    log_b = float(brentq(slope, -FARTHEST, FARTHEST, xtol=1e-10))
    p = softmax(math.exp(log_b) * z, axis=1)
    mean = (p * z).sum(axis=1)
    curvature = max(float(((p * z**2).sum(axis=1) - mean**2).mean()), 1e-300)
    error = float(np.std(mean - own)) / math.sqrt(n) / curvature / math.exp(log_b)
    if not error <= WIDEST:
        needed = math.ceil(n * (error / WIDEST) ** 2) if error < math.inf else 0
        raise NotApplicable(
            f"temperature scaling: {n} validation examples tell the temperature only within a factor of "
            f"{math.exp(min(Z95 * error, 700)):.3g} either way; to tell it within a factor of 2 it takes about "
            f"{needed:,}"
        )
    return Temperature(EstimateWithError(math.log(spread) - log_b, error), n)
