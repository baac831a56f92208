"""What a difference says of a claim, by its interval, and how likely it is by chance."""

from __future__ import annotations

import math

from harness.compare.differences import EXACT, SAME_OUTCOME, Difference
from harness.measure.intervals import Z95
from harness.plan.claims import Claim
from harness.statistics.model_groups import ALPHA

CONFIRMED, CONTRADICTED, UNDECIDED = "confirmed", "contradicted", "undecided"


def decide(found: Difference, claim: Claim) -> str:
    """Return whether a difference (left - right) confirms a claim: where its whole interval is on one side of the margin."""
    if found.low is None or found.high is None or not math.isfinite(found.value):
        return UNDECIDED
    if found.method in (EXACT, SAME_OUTCOME):
        holds = found.value > claim.margin if claim.greater else found.value < claim.margin
        return CONFIRMED if holds else CONTRADICTED
    if not claim.margin and found.p_value is not None and found.p_value >= ALPHA:
        return UNDECIDED
    above, below = found.low > claim.margin, found.high < claim.margin
    if not (above or below):
        return UNDECIDED
    return CONFIRMED if above == claim.greater else CONTRADICTED


def chance(found: Difference, claim: Claim) -> float:
    """Return the two-sided p value that a difference is the claim's margin; of its normal interval, where no test says it."""
    if found.method in (EXACT, SAME_OUTCOME):
        return 0.0
    if found.low is None or found.high is None or not math.isfinite(found.value):
        return 1.0
    if not claim.margin and found.p_value is not None:
        return found.p_value
    away = found.value - claim.margin
    # The arm of the interval that points to the margin.
    half = found.high - found.value if away < 0 else found.value - found.low
    return 0.0 if half <= 0.0 else math.erfc(abs(away) / half * Z95 / math.sqrt(2.0))
