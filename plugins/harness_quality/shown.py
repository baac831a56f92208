"""What the measures of quality yield, and how it is shown: axes and columns."""

from __future__ import annotations

import math

from harness.api import Axis, Shown

ACCURACY = (
    Shown(
        metric="accuracy",
        key="headline",
        title="accuracy",
        better="higher",
        meaning="Share of the test examples that are classified correctly.",
    ),
    Shown(
        metric="r2",
        bounds=(-math.inf, 1.0),
        key="headline",
        title="R2",
        better="higher",
        meaning="Share of the test targets' variance that is explained.",
    ),
    Shown(metric="cross_entropy", better="lower", column=False),
    Shown(metric="rmse", better="lower", bounds=(0.0, math.inf), column=False),
    Shown(metric="mae", better="lower", bounds=(0.0, math.inf), column=False),
)
SHIFT_AXES = (Axis(name="shift"), Axis(name="severity"))
SHIFT = (
    Shown(
        metric="mean_shifted_accuracy",
        key="shifted",
        title="shifted",
        better="higher",
        meaning="Mean accuracy over the shifts and severities, all weighed alike.",
    ),
    Shown(
        metric="mean_shifted_r2",
        bounds=(-math.inf, 1.0),
        key="shifted",
        title="shifted R2",
        better="higher",
        meaning="Mean R2 over the shifts and severities, all weighed alike.",
    ),
    Shown(metric="shifted_accuracy", better="higher", column=False),
    Shown(metric="shifted_r2", better="higher", bounds=(-math.inf, 1.0), column=False),
)
