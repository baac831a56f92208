"""What the measures under attack yield, and how it is shown: axes and columns."""

from __future__ import annotations

from harness.api import Axis, Shown

WORST_CASE = "worst case"

NORM = Axis(name="norm")
EPSILON = Axis(name="epsilon", text="epsilon_text")
ADVERSARIAL_AXES = (Axis(name="attack", usual=WORST_CASE), NORM, EPSILON)
TRANSFER_AXES = (
    Axis(name="source", title="made on", models=True),
    Axis(name="target", title="judged on", models=True),
    Axis(name="attack"),
    NORM,
    EPSILON,
)
ADVERSARIAL = (
    Shown(
        metric="robust_accuracy",
        key="robust",
        title="robust, {norm} {epsilon_text}",
        better="higher",
        meaning="Share of all test examples that stay correct under every attack.",
        where={"attack": WORST_CASE},
        pick=("epsilon", "first"),
    ),
    Shown(metric="clean_accuracy", better="higher", column=False),
    Shown(metric="median_distance", better="higher", bounds=(0.0, float("inf")), column=False),
)
TRANSFER = (
    Shown(metric="transfer_accuracy", better="higher", column=False),
    Shown(metric="transfer_rate", better="lower", column=False),
    Shown(metric="clean_accuracy", better="higher", column=False),
)
