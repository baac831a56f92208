"""What the measures of training yield, and how it is shown: axes, columns and charts."""

from __future__ import annotations

from harness.api import Axis, Curve, Grid, Shown
from harness.api.declaring import Scatter

TARGET_AXES = (
    Axis(name="target", options=("targets",)),
    Axis(name="seen_examples", title="examples that passed, again each epoch"),
    Axis(name="cpu_seconds", title="CPU seconds of training, without evaluation"),
)
TARGET = (
    Shown(
        metric="examples_to_target",
        title="examples to {target}",
        better="lower",
        meaning="Training examples that passed, again each epoch, until the validation examples first met the target.",
        pick=("target", "first"),
    ),
    Shown(
        metric="core_seconds_to_target",
        title="time to {target}",
        better="lower",
        meaning="CPU seconds of training, without evaluation, until then.",
        pick=("target", "first"),
    ),
    Shown(metric="seconds_to_target", better="lower", column=False),
    *(
        Shown(metric=f"validation_{of}_by_{what}", title=f"validation {of}", better=better, column=False, optional=True)
        for of, better in (("accuracy", "higher"), ("loss", "lower"))
        for what in ("examples", "time")
    ),
    Shown(metric="learning_rate_by_examples", title="learning rate", column=False),
)  # fmt: skip
TARGET_CHARTS = tuple(
    Curve(
        title=f"Validation {of} while training, by {words}",
        caption=caption,
        x=x,
        y=f"validation_{of}_by_{what}",
        y_title=f"validation {of}",
        log=(*(("x",) if what == "time" else ()), *(("y",) if of == "loss" else ())),
    )
    for of in ("accuracy", "loss")
    for what, x, words, caption in (
        ("examples", "seen_examples", "examples", "After each look at the validation examples."),
        (
            "time",
            "cpu_seconds",
            "time",
            "CPU seconds of training without evaluation; what the last look until then told.",
        ),
    )
) + (
    Curve(
        title="Learning rate while training",
        caption="At the end of each epoch, as the schedule has it.",
        x="seen_examples",
        y="learning_rate_by_examples",
    ),
)
COST_AXES = (Axis(name="part", usual="fit"),)
COST = (
    Shown(
        metric="training_core_seconds",
        title="training",
        better="lower",
        meaning="CPU seconds of a fit on all cores, without evaluation.",
        where={"part": "fit"},
    ),
    Shown(
        metric="training_cost",
        title="cost of training",
        better="lower",
        meaning="Of a fit, at the prices that the suite gives.",
        where={"part": "fit"},
        optional=True,
    ),
    Shown(
        metric="training_memory",
        title="memory of training",
        better="lower",
        meaning="The rise of memory while a fit went on, evaluation among it: resident, or allocated on a GPU.",
        optional=True,
    ),
    Shown(metric="training_energy", better="lower", column=False, optional=True),
)
COST_CHARTS = (
    Scatter(
        title="Memory of training against its time",
        caption="Of whole fits: CPU seconds without evaluation, and the rise of memory.",
        x="training_core_seconds",
        y="training_memory",
        log=("x", "y"),
    ),
)
GAP = (
    Shown(
        metric="accuracy_gap",
        title="generalisation gap",
        better="lower",
        bounds=(-1.0, 1.0),
        meaning="Accuracy on training examples less accuracy on test examples, both as they are.",
        optional=True,
    ),
    Shown(
        metric="loss_gap",
        title="loss gap",
        better="lower",
        meaning="Loss of test examples less loss of training examples, both as they are.",
    ),
    Shown(
        metric="loss_on_training", title="loss of training examples", better="lower", column=False
    ),
)
CHURN = (
    Shown(
        metric="churn",
        title="churn",
        better="lower",
        meaning="Share of the test examples that two seeds of one model answer otherwise.",
    ),
)
SHARPNESS = (
    Shown(
        metric="hessian_eigenvalue",
        title="sharpest curvature",
        better="lower",
        meaning="The largest eigenvalue of the training loss' Hessian in the weights.",
    ),
    Shown(
        metric="sharpness",
        title="rise within {rho}",
        better="lower",
        meaning="How much the training loss rises by a step of this length along its gradient.",
    ),
    Shown(metric="eigenvalue_steps", column=False),
)
SHARPNESS_AXES = (Axis(name="rho", setting=True),)
SIMILARITY_AXES = (Axis(name="one_model", models=True), Axis(name="other_model", models=True))
SIMILARITY = (
    Shown(metric="cka", title="linear CKA", column=False),
    Shown(metric="debiased_cka", title="debiased CKA", column=False),
)
SIMILARITY_CHARTS = (
    Grid(
        title="How alike models represent the test examples (linear CKA)",
        caption="Of what each model's last layer is given: 1 is the same up to rotation, shift and scale; wide "
        "features of few examples are above 0 by chance.",
        value="cka",
        x="other_model",
        y="one_model",
        beside="debiased_cka",
    ),
)
