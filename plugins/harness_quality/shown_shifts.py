"""What the measures of quality on shifted data yield, and how it is shown: axes, columns and charts."""

from __future__ import annotations

import math

from harness.api import Axis, Grid, Shown
from harness.api.declaring import Gallery, Scatter, Tradeoff, Verdict

_POSITIVE = (0.0, math.inf)
SHIFT_AXES = (
    Axis(name="shift", options=("shifts",)),
    Axis(name="severity", options=("severities",)),
)
SHIFT = (
    Shown(
        metric="mean_shifted_accuracy",
        key="shifted",
        title="shifted",
        better="higher",
        meaning="Mean accuracy over the shifts and severities, all weighed alike.",
        verdict=Verdict(words="Least hurt by shifts"),
    ),
    Shown(
        metric="mean_shifted_r2",
        bounds=(-math.inf, 1.0),
        key="shifted",
        title="shifted r²",
        better="higher",
        meaning="Mean R2 over the shifts and severities, all weighed alike.",
        verdict=Verdict(words="Least hurt by shifts", figure="r² {:.3f}"),
    ),
    Shown(
        metric="mean_corruption_error",
        title="mean corruption error (unnormalised)",
        better="lower",
        meaning="Mean error over the 15 corruptions of ImageNet-C at severities 1 to 5, divided by no reference's.",
        optional=True,
    ),
    Shown(
        metric="mean_shifted_mean_iou",
        bounds=(0.0, 1.0),
        key="shifted",
        title="shifted mIoU",
        better="higher",
        meaning="Mean mIoU over the shifts and severities, all weighed alike.",
        verdict=Verdict(words="Least hurt by shifts"),
    ),
    Shown(
        metric="mean_shifted_mean_average_precision",
        bounds=(0.0, 1.0),
        key="shifted",
        title="shifted mAP",
        better="higher",
        meaning="Mean mAP over the shifts and severities, all weighed alike.",
        verdict=Verdict(words="Least hurt by shifts"),
    ),
    Shown(
        metric="mean_shifted_mase",
        bounds=_POSITIVE,
        key="shifted",
        title="shifted MASE",
        better="lower",
        meaning="Mean MASE over the shifts and severities, all weighed alike.",
        verdict=Verdict(words="Least hurt by shifts", figure="MASE {:.3f}"),
    ),
    Shown(metric="mean_shifted_*", key="shifted"),
    Shown(metric="shifted_*", column=False),
    Shown(metric="shifted_mean_iou", title="mIoU", better="higher", column=False),
    Shown(
        metric="shifted_mean_average_precision",
        title="mAP",
        better="higher",
        bounds=(0.0, 1.0),
        column=False,
    ),
    Shown(metric="shifted_mase", title="MASE", better="lower", bounds=_POSITIVE, column=False),
    Shown(metric="shifted_accuracy", title="accuracy", better="higher", column=False),
    Shown(metric="shifted_r2", title="r²", better="higher", bounds=(-math.inf, 1.0), column=False),
)
SHIFT_CHARTS = tuple(
    Grid(
        title=f"{name} under shift",
        caption="Each square is one shift at one severity, 1 (mild) to 5 (strong).",
        value=metric,
        x="severity",
        facet="shift",
    )
    for name, metric in (
        ("Accuracy", "shifted_accuracy"),
        ("R²", "shifted_r2"),
        ("mIoU", "shifted_mean_iou"),
        ("mAP", "shifted_mean_average_precision"),
        ("MASE", "shifted_mase"),
    )
)
SHIFT_GALLERY = Gallery(
    title="Images under shift",
    caption="The same test image under each shift, at each severity, with what the model takes it for, and how surely.",
)
MCE_AXES = (
    Axis(name="architecture"),
    Axis(name="recipe"),
    Axis(name="reference", setting=True),
    Axis(name="shift"),
)
MCE = (
    Shown(
        metric="mce",
        title="mCE ({reference})",
        better="lower",
        meaning="Mean over the 15 corruptions of ImageNet-C of the error, divided by that of the reference: 1 is the "
        "reference's.",
        optional=True,
    ),
    Shown(
        metric="relative_mce",
        title="relative mCE ({reference})",
        better="lower",
        meaning="Mean over the 15 corruptions of ImageNet-C of what is added to the clean error, divided by what is "
        "added to the reference's.",
        optional=True,
    ),
    Shown(metric="corruption_error", title="corruption error", better="lower", column=False),
)
MCE_CHARTS = (
    Grid(
        title="Corruption error against {reference}",
        caption="Each square is the error of a model under a corruption, the mean over severities 1 to 5, divided by "
        "that of the reference; below 1 it is the smaller one.",
        value="corruption_error",
        x="shift",
        panel=("reference",),
    ),
)
NATURAL_AXES = (
    Axis(name="against"),
    Axis(name="shift"),
    Axis(name="severity"),
    Axis(name="compared", setting=True),
)
NATURAL = (
    Shown(
        metric="mean_natural_accuracy",
        title="natural shift",
        better="higher",
        meaning="Mean accuracy on the data sets that are shifts of the data, among their classes.",
        verdict=Verdict(words="Best under natural shift"),
    ),
    Shown(metric="natural_accuracy", title="accuracy", better="higher", column=False),
    Shown(metric="clean_subset_accuracy", title="clean accuracy", better="higher", column=False),
    Shown(
        metric="natural_change",
        title="change of accuracy, points",
        better="higher",
        bounds=(-100.0, 100.0),
        column=False,
    ),
    Shown(metric="natural_part_accuracy", title="accuracy", better="higher", column=False),
)
NATURAL_CHARTS = (
    Grid(
        title="Accuracy under natural shift",
        caption="Each square is one data set; a model chooses among the classes of which it has examples.",
        value="natural_accuracy",
        x="against",
        beside="clean_subset_accuracy",
    ),
    Grid(
        title="Change of accuracy under natural shift, points",
        caption="Against clean test examples of the same classes: the same examples where it is known which ones were "
        "shifted, else others.",
        value="natural_change",
        x="against",
    ),
    Grid(
        title="Accuracy under natural shift by part, {against}",
        caption="Each square is one part of the data set, such as a corruption at a severity.",
        value="natural_part_accuracy",
        x="severity",
        facet="shift",
        panel=("against",),
    ),
)
EFFECTIVE_AXES = (
    Axis(name="architecture"),
    Axis(name="recipe"),
    Axis(name="against", usual="shifts"),
)
EFFECTIVE = (
    Shown(
        metric="mean_effective_robustness",
        title="effective robustness, points",
        better="higher",
        bounds=(-100.0, 100.0),
        meaning="Accuracy under shift beyond what the clean accuracy predicts by a fit over the models, in points; the mean "
        "over what it is measured against.",
    ),
    Shown(
        metric="effective_robustness",
        title="effective robustness, points",
        better="higher",
        bounds=(-100.0, 100.0),
        column=False,
    ),
    Shown(metric="fitted_clean_accuracy", title="clean accuracy", better="higher", column=False),
    Shown(
        metric="fitted_shifted_accuracy",
        title="accuracy under shift",
        better="higher",
        column=False,
    ),
    Shown(metric="fit_intercept", title="intercept of the fit", column=False),
    Shown(metric="fit_slope", title="slope of the fit", column=False),
)
EFFECTIVE_CHARTS = (
    Scatter(
        title="Accuracy under shift against clean accuracy",
        caption="The broken line is the fit over the baseline models, straight in logits; what lies above it is more robust "
        "than its clean accuracy predicts.",
        x="fitted_clean_accuracy",
        y="fitted_shifted_accuracy",
        tells=("effective_robustness",),
        logit_fit=("fit_intercept", "fit_slope"),
    ),
)
FLIP_AXES = (
    Axis(name="architecture"),
    Axis(name="recipe"),
    Axis(name="reference", setting=True),
    Axis(name="sequence", options=("sequences",)),
)
FLIPS = (
    Shown(
        metric="mean_flip_probability",
        key="flips",
        title="flips",
        better="lower",
        meaning="How often the predicted class is another one frame later, the mean over sequences of small changes.",
        verdict=Verdict(words="Steadiest over small changes"),
    ),
    Shown(metric="flip_probability", title="flip probability", better="lower", column=False),
)
FLIP_CHARTS = (
    Tradeoff(
        title="{y} against {x}",
        caption="Models at the upper left are right and steady. The line joins those that no other beats in both.",
        x="flips",
    ),
    Grid(
        title="Flip probability",
        caption="Each square is the share of the frames of a sequence at which the predicted class is another than one frame "
        "before (of noise: than of the first).",
        value="flip_probability",
        x="sequence",
    ),
)
MFR = (
    Shown(
        metric="mfr",
        title="mFR ({reference})",
        better="lower",
        meaning="Mean over sequences of small changes of the flip probability, divided by that of the reference: 1 is the "
        "reference's.",
    ),
    Shown(metric="flip_rate", title="flip rate", better="lower", column=False),
)
MFR_CHARTS = (
    Grid(
        title="Flip rate against {reference}",
        caption="Each square is the flip probability of a model over a sequence, divided by that of the reference.",
        value="flip_rate",
        x="sequence",
        panel=("reference",),
    ),
)
