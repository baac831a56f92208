"""What the measures of uncertainty yield, and how it is shown: axes, columns and charts."""

from __future__ import annotations

from harness.api import Axis, Curve, Grid, Shown
from harness.api.declaring import Verdict

ANY = (float("-inf"), float("inf"))
PLAIN, SCALED = {"scaling": "none"}, {"scaling": "temperature"}
UNCERTAINTY_AXES = (
    Axis(name="shift", options=("shifts",)),
    Axis(name="severity", options=("severities",), also=(0,)),
    Axis(name="scaling", title="scaled by", usual="none"),
    Axis(name="method"),
    Axis(name="alpha"),
    Axis(name="coverage"),
    Axis(name="confidence"),
)
UNCERTAINTY = (
    Shown(
        metric="ece",
        title="ECE",
        better="lower",
        meaning="Mean gap between confidence and accuracy over 15 bins of confidence; above 0 by chance, too.",
        where=PLAIN,
        optional=True,
    ),
    Shown(
        metric="ece_debiased",
        title="ECE debiased",
        better="lower",
        meaning="ECE less what chance adds: about 0 where confidence is right.",
        where=PLAIN,
        optional=True,
        verdict=Verdict(
            words="Best calibrated of these",
            figure="debiased ECE {:.3f}",
            of_contenders=True,
            tied="may be as well calibrated",
        ),
    ),
    Shown(
        metric="ece_debiased",
        key="uncertainty/ece_scaled",
        title="ECE debiased, scaled by temperature",
        better="lower",
        meaning="The same of the logits divided by the temperature.",
        where=SCALED,
        optional=True,
    ),
    Shown(
        metric="temperature",
        title="temperature",
        meaning="What the logits are best divided by, as fitted on validation examples: above 1 the model is too sure.",
        optional=True,
    ),
    Shown(
        metric="nll",
        title="log loss",
        better="lower",
        meaning="Mean negative logarithm of the probability of the right class, in nats.",
        where=PLAIN,
        optional=True,
    ),
    Shown(
        metric="brier",
        title="Brier score",
        better="lower",
        bounds=(0.0, 2.0),
        meaning="Mean squared distance of the probabilities from the truth, over all classes: 0 to 2.",
        where=PLAIN,
        optional=True,
    ),
    Shown(
        metric="set_coverage",
        title="coverage of {method} sets, alpha {alpha}",
        meaning="Share of the conformal prediction sets that hold the right class; 1 - alpha is promised.",
        where={"method": "aps"},
        pick=("alpha", "first"),
        optional=True,
    ),
    Shown(
        metric="set_size",
        title="size of {method} sets, alpha {alpha}",
        better="lower",
        bounds=(0.0, float("inf")),
        meaning="Mean number of classes in a conformal prediction set, which may be empty.",
        where={"method": "aps"},
        pick=("alpha", "first"),
        optional=True,
    ),
    Shown(
        metric="aurc",
        title="AURC",
        better="lower",
        meaning="Mean error over all shares of the examples that the model is surest of.",
        optional=True,
    ),
    Shown(
        metric="selective_accuracy",
        title="accuracy, surest {coverage}",
        better="higher",
        meaning="Accuracy on the share of the test examples that the model is surest of.",
        where={"coverage": 0.8},
        optional=True,
    ),
    Shown(metric="bin_accuracy", title="accuracy", better="higher", column=False),
    Shown(metric="selective_risk", title="error", better="lower", column=False),
    Shown(metric="excess_aurc", title="E-AURC", better="lower", column=False),
    Shown(metric="adaptive_ece", title="adaptive ECE", better="lower", column=False),
    Shown(
        metric="adaptive_ece_debiased", title="adaptive ECE debiased", better="lower", column=False
    ),
    Shown(metric="classwise_ece", title="class-wise ECE", better="lower", column=False),
    Shown(
        metric="classwise_ece_debiased",
        title="class-wise ECE debiased",
        better="lower",
        column=False,
    ),
    Shown(metric="brier_reliability", better="lower", bounds=(0.0, 2.0), column=False),
    Shown(metric="brier_reliability_debiased", better="lower", column=False),
    Shown(metric="brier_resolution", better="higher", column=False),
    Shown(metric="confidence_gap", bounds=(-1.0, 1.0), column=False),
    *(
        Shown(
            metric=f"severity_{name}",
            title=title,
            better=better,
            bounds=bounds,
            column=False,
            optional=True,
        )
        for name, title, better, bounds in (
            ("ece", "ECE", "lower", ANY),
            ("ece_debiased", "ECE debiased", "lower", ANY),
            ("adaptive_ece", "adaptive ECE", "lower", ANY),
            ("adaptive_ece_debiased", "adaptive ECE debiased", "lower", ANY),
            ("classwise_ece", "class-wise ECE", "lower", ANY),
            ("classwise_ece_debiased", "class-wise ECE debiased", "lower", ANY),
            ("nll", "log loss", "lower", ANY),
            ("brier", "Brier score", "lower", (0.0, 2.0)),
            ("brier_reliability", "Brier reliability", "lower", (0.0, 2.0)),
            ("brier_reliability_debiased", "Brier reliability debiased", "lower", ANY),
            ("brier_resolution", "Brier resolution", "higher", ANY),
            ("confidence_gap", "confidence less accuracy", "", (-1.0, 1.0)),
            ("bin_accuracy", "accuracy", "higher", ANY),
        )
    ),
    *(
        Shown(metric=f"shifted_{name}", title=title, better=better, column=False, optional=True)
        for name, title, better in (
            ("ece", "ECE", "lower"),
            ("ece_debiased", "ECE debiased", "lower"),
            ("nll", "log loss", "lower"),
            ("brier", "Brier score", "lower"),
            ("confidence_gap", "confidence less accuracy", ""),
            ("set_coverage", "coverage of sets", ""),
            ("set_size", "size of sets", "lower"),
            ("aurc", "AURC", "lower"),
            ("excess_aurc", "E-AURC", "lower"),
        )
    ),
)
OOD_AXES = (Axis(name="score"), Axis(name="against"), Axis(name="nearness", title="against"))
OOD = (
    *(
        Shown(
            metric=f"mean_ood_{name}",
            key=f"ood/{name}_{sort}",
            title=f"{title}, energy, {sort} sets",
            better=better,
            meaning=f"{meaning} by its energy; the mean over the {sort} sets.",
            where={"score": "energy", "nearness": sort},
            optional=True,
        )
        for sort in ("far", "near")
        for name, title, better, meaning in (
            (
                "auroc",
                "OOD AUROC",
                "higher",
                "Chance that a test example is told from one of another set",
            ),
            (
                "fpr95",
                "OOD FPR95",
                "lower",
                "Share of other examples that pass where 95 % of test examples do,",
            ),
        )
    ),
    Shown(metric="mean_ood_aupr_in", title="AUPR in", better="higher", column=False),
    Shown(metric="mean_ood_aupr_out", title="AUPR out", better="higher", column=False),
    Shown(metric="ood_auroc", title="AUROC", better="higher", column=False),
    Shown(metric="ood_aupr_in", title="AUPR in", better="higher", column=False),
    Shown(metric="ood_aupr_out", title="AUPR out", better="higher", column=False),
    Shown(metric="ood_fpr95", title="FPR95", better="lower", column=False),
)
OOD_CHARTS = (
    Grid(
        title="Out-of-distribution detection by score",
        caption="AUROC, the mean over sets: 1 tells test examples from all others, 1/2 is chance, below it others "
        "look more like the data than test examples do.",
        value="mean_ood_auroc",
        x="score",
        facet="nearness",
    ),
    Grid(
        title="Out-of-distribution detection by score and set",
        caption="AUROC of each score against each set.",
        value="ood_auroc",
        x="against",
        facet="score",
    ),
)
BY_SEVERITY = "Each square is one shift at one severity, 1 (mild) to 5 (strong)."
_FIGURES = (
    "adaptive_ece",
    "bin_accuracy",
    "brier",
    "brier_reliability",
    "brier_resolution",
    "brier_uncertainty",
    "classwise_ece",
    "confidence_gap",
    "ece",
    "nll",
)
UNSHOWN = tuple(  # or shown where they are clean alone
    f"{prefix}{name}{suffix}"
    for prefix in ("", "shifted_", "severity_")
    for name in _FIGURES
    for suffix in ("", "_debiased")
)
UNCERTAINTY_CHARTS = (
    Curve(
        title="Reliability",
        caption="Accuracy of the examples whose confidence is in each of 15 bins; on the diagonal confidence is "
        "right, below it is too high.",
        x="confidence",
        y="bin_accuracy",
        identity=True,
        panel=("scaling",),
    ),
    *(
        Curve(
            title=f"{title} by severity",
            caption="The mean over all shifts at each severity; 0 is the clean test split. The temperature was fitted on clean validation "
            f"examples. {note}",
            x="severity",
            y=f"severity_{name}",
            panel=("scaling",),
        )
        for name, title, note in (
            (
                "ece_debiased",
                "ECE (debiased)",
                "Less what chance adds: about 0 where confidence is right.",
            ),
            ("ece", "ECE (plain)", "Above 0 by chance, too."),
        )
    ),
    Curve(
        title="Reliability by severity",
        caption="Accuracy of the examples whose confidence is in each of 15 bins, of all shifts at a severity together.",
        x="confidence",
        y="severity_bin_accuracy",
        identity=True,
        panel=("severity", "scaling"),
    ),
    Grid(
        title="ECE (debiased) under shift",
        caption=BY_SEVERITY,
        value="shifted_ece_debiased",
        x="severity",
        facet="shift",
        panel=("scaling",),
    ),
    Grid(
        title="Coverage of conformal sets under shift",
        caption=f"{BY_SEVERITY} The sets were calibrated on clean validation examples to hold the right class "
        "with 1 - alpha.",
        value="shifted_set_coverage",
        x="severity",
        facet="shift",
        panel=("method", "alpha"),
    ),
    Grid(
        title="Size of conformal sets under shift",
        caption=BY_SEVERITY,
        value="shifted_set_size",
        x="severity",
        facet="shift",
        panel=("method", "alpha"),
    ),
    Curve(
        title="Risk against coverage",
        caption="Error on the share of the test examples that the model is surest of.",
        x="coverage",
        y="selective_risk",
    ),
)
