"""What the measures under attack yield, and how it is shown: axes, columns and charts."""

from __future__ import annotations

from harness.api import Axis, Curve, Grid, Shown
from harness.api.declaring import Gallery, Tradeoff, Verdict

WORST_CASE = "worst case"

NORM = Axis(name="norm", options=("norm",))
EPSILON = Axis(name="epsilon", text="epsilon_text", options=("epsilons",), also=(0,))
ADVERSARIAL_AXES = (
    Axis(name="attack", usual=WORST_CASE, options=("attacks", "instead"), also=(WORST_CASE,)),
    NORM,
    EPSILON,
)
TRANSFER_AXES = (
    Axis(name="source", title="made on", models=True),
    Axis(name="target", title="judged on", models=True),
    Axis(name="attack", options=("attack",)),
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
        verdict=Verdict(words="Most robust ({norm} {epsilon_text})"),
    ),
    Shown(metric="clean_accuracy", better="higher", column=False),
    Shown(
        metric="proved_accuracy",
        key="proved",
        title="proved, {norm} {epsilon_text}",
        better="higher",
        meaning="Share of all test examples that are right and proved to stay so; they were not attacked.",
        pick=("epsilon", "first"),
        optional=True,
    ),
    Shown(metric="median_distance", better="higher", bounds=(0.0, float("inf")), column=False),
)
TRANSFER = (
    Shown(metric="transfer_accuracy", title="accuracy", better="higher", column=False),
    Shown(metric="any_source_accuracy", better="higher", column=False),
    Shown(metric="transfer_rate", better="lower", column=False),
    Shown(metric="clean_accuracy", better="higher", column=False),
)
ADVERSARIAL_CHARTS = (
    Curve(
        title="Accuracy under attack, {norm}",
        caption="Worst case over the attacks that were run, on the same examples at every epsilon; "
        "epsilon is in units of the data, of texts it is a number of edits.",
        x="epsilon",
        y="robust_accuracy",
        also=("clean_accuracy",),
        y_title="accuracy under attack",
        panel=("norm",),
        where={"attack": WORST_CASE},
        of_several="lowest",
    ),
    Tradeoff(
        title="{y} against {x}",
        caption="What robustness costs: models at the upper right have both. The line joins those that no other beats in both.",
        x="robust",
    ),
    Grid(
        title="Accuracy under each attack, {norm}",
        caption="What is left under a weak attack and not under a strong one was never robust.",
        value="robust_accuracy",
        x="attack",
        facet="epsilon",
        panel=("norm",),
    ),
)
ADVERSARIAL_GALLERY = Gallery(
    title="Adversarial examples",
    caption="Test examples that a model gets right until an attack changes them, those with the lowest "
    "ids, with the answer and its confidence before and after; of one seed of each model.",
)
TRANSFER_CHARTS = (
    Grid(
        title="Transfer of adversarial examples, {attack}, {norm} {epsilon_text}",
        caption="Accuracy of each model (column) on adversarial examples that were made on each model "
        "(row); on the diagonal it is robust accuracy. Any of these: an example counts if it stays correct as each "
        "of them made it, which a wrong gradient of a single model flatters least. The transfer rate: of the examples "
        "that both classified correctly and that then fooled the row, the share that fooled the column.",
        value="transfer_accuracy",
        x="target",
        y="source",
        beside="transfer_rate",
        margins=(("clean_accuracy", "(as they are)"), ("any_source_accuracy", "(any of these)")),
        panel=("attack", "norm", "epsilon"),
    ),
)
