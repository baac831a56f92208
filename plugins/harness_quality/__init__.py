"""Built-in measures of quality: how often a model is right, also on shifted data."""

import math
from collections.abc import Iterator

from harness.api import Measure, Shown, hookimpl
from harness_quality.options import (
    AccuracyOptions,
    ShiftOptions,
)

REAL_VALUED = ("image", "sequence", "table")  # inputs that are tensors of real numbers
PROBLEMS = ("classification", "regression")


@hookimpl
def harness_register_measures() -> Iterator[Measure]:
    """Yield the measures."""
    yield Measure(
        name="accuracy",
        takes=REAL_VALUED,
        problems=PROBLEMS,
        summary="accuracy and cross-entropy on the test split; R2 and errors for regression",
        source="Wilson 1927 (interval)",
        options=AccuracyOptions,
        run="harness_quality.accuracy:run",
        shows=(
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
        ),
    )
    yield Measure(
        name="shift",
        takes=REAL_VALUED,
        problems=PROBLEMS,
        summary="accuracy (R2) under distribution shifts, by severity, and their mean",
        source="Hendrycks & Dietterich 2019, arXiv:1903.12261",
        options=ShiftOptions,
        run="harness_quality.shift:run",
        prepares="harness_quality.options:shift_pairs",
        shows=(
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
        ),
    )
