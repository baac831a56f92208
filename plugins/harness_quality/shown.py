"""What the measures of quality yield, and how it is shown: axes, columns and charts."""

from __future__ import annotations

import math

from harness.api import Axis, Curve, Grid, Shown
from harness.api.declaring import Floor, Gallery, Scatter, Verdict

_POSITIVE = (0.0, math.inf)
ACCURACY = (
    Shown(
        metric="accuracy",
        key="headline",
        title="accuracy",
        better="higher",
        meaning="Share of the test examples that are classified correctly.",
        verdict=Verdict(words="Most accurate"),
    ),
    Shown(
        metric="r2",
        bounds=(-math.inf, 1.0),
        key="headline",
        title="r²",
        better="higher",
        meaning="Share of the test targets' variance that is explained.",
        verdict=Verdict(words="Closest"),
    ),
    Shown(
        metric="mase",
        bounds=_POSITIVE,
        key="headline",
        title="MASE",
        better="lower",
        meaning="Mean absolute error of the test forecasts over that of repeating the last season, in training (Hyndman & "
        "Koehler 2006). Intervals take windows for independent.",
        verdict=Verdict(words="Closest", figure="MASE {:.3f}"),
    ),
    Shown(
        metric="mean_iou",
        bounds=(0.0, 1.0),
        key="headline",
        title="mIoU",
        better="higher",
        meaning="Mean over classes of intersection over union: the pixels that are of a class and said to be, over those that are "
        "or are said to be, each summed over the test images.",
        verdict=Verdict(words="Best mIoU"),
    ),
    Shown(
        metric="mean_average_precision",
        bounds=(0.0, 1.0),
        key="headline",
        title="mAP",
        better="higher",
        meaning="COCO's mAP: the mean over classes, over overlaps (IoU) of 0.5 to 0.95 from which on an answer is right, and over 101 "
        "recalls, of the largest precision at that recall or a higher one.",
        verdict=Verdict(words="Best mAP"),
    ),
    *(
        Shown(
            metric=f"average_precision_{what}",
            title=title,
            better="higher",
            meaning=meaning,
            column=False,
        )
        for what, title, meaning in (
            ("50", "AP50", "AP of answers that overlap their object by half."),
            ("75", "AP75", "AP of answers that overlap their object by three quarters."),
            ("small", "AP small", "mAP of objects of up to 32 x 32 pixels."),
            ("medium", "AP medium", "mAP of objects of 32 x 32 to 96 x 96 pixels."),
            ("large", "AP large", "mAP of objects of 96 x 96 pixels and more."),
        )
    ),
    Shown(metric="*", key="headline"),
    Shown(metric="cross_entropy", better="lower", column=False),
    Shown(metric="rmse", better="lower", bounds=(0.0, math.inf), column=False),
    Shown(metric="mae", better="lower", bounds=(0.0, math.inf), column=False),
    Shown(
        metric="smape",
        title="sMAPE, %",
        better="lower",
        bounds=(0.0, 200.0),
        meaning="Mean of 200 |f - y| / (|y| + |f|) over all steps to come, y what came and f the forecast; 0 to 200.",
        optional=True,
    ),
    Shown(metric="mase_at_step", title="MASE", better="lower", bounds=_POSITIVE, column=False),
    Shown(metric="mase_of_series", title="MASE", better="lower", bounds=_POSITIVE, column=False),
)
HEADLINES = tuple(one for one in ACCURACY if one.key == "headline")
ACCURACY_AXES = (
    Axis(name="step", title="steps ahead"),
    Axis(name="forecast_series", title="series"),
)
ACCURACY_CHARTS = (
    Curve(
        title="Error by steps ahead",
        caption="Mean absolute scaled error of each step to come; 1 is that of repeating the last season in training.",
        x="step",
        y="mase_at_step",
    ),
    Grid(
        title="Error by series",
        caption="Each square is the mean absolute scaled error of a model over the test windows of a series.",
        value="mase_of_series",
        x="forecast_series",
    ),
)
ACCURACY_GALLERY = Gallery(
    title="Answers",
    caption="Test examples: what was given, what was to be said of it, and what the model said.",
)
FLOORS = (
    Floor(
        name="constant",
        asks="beat",
        words="one and the same answer to all (the most frequent class, the mean, the shares of tokens)",
        advice="See whether the inputs can tell the target at all; train longer or let the learning rate be "
        'searched (learning_rate = "search"); where one class is most of the data, look at the others apart.',
    ),
    Floor(
        name="linear",
        asks="reach",
        words="a linear model",
        advice='Train longer (epochs) or let the learning rate be searched (learning_rate = "search"); else take the '
        "linear model.",
    ),
    Floor(name="boosted trees"),
    Floor(
        name="seasonal naive",
        asks="beat",
        words="the same step of the last season that was given",
        advice="See whether the season is right (season=...) and the window reaches back at least one; train longer or let "
        'the learning rate be searched (learning_rate = "search"); else repeat the last season.',
    ),
    Floor(
        name="last value",
        asks="beat",
        words="the last value that was given",
        advice='Train longer (epochs) or let the learning rate be searched (learning_rate = "search"); what cannot be told '
        "better than by its last value may be a random walk.",
    ),
    Floor(
        name="bigram",
        asks="reach",
        words="counts of which token follows which, or which label each token has",
        advice='Train longer (epochs) or let the learning rate be searched (learning_rate = "search"): a model that is '
        "given all tokens before has the last one, too.",
    ),
)
BY_CLASS_AXES = (Axis(name="true_class", title="class"),)
BY_CLASS = (
    Shown(
        metric="worst_class_accuracy",
        title="worst class",
        better="higher",
        meaning="Lowest accuracy of a class on the test split; its interval is of the least of all true accuracies.",
    ),
    Shown(
        metric="balanced_accuracy",
        title="balanced",
        better="higher",
        meaning="Accuracy where all classes come equally often: the mean of the classes' accuracies.",
    ),
    Shown(
        metric="prior_accuracy",
        title="under the prior",
        better="higher",
        meaning="Accuracy where classes come as often as the suite's prior says.",
        optional=True,
    ),
    Shown(metric="class_accuracy", title="accuracy", better="higher", column=False),
    Shown(metric="class_iou", title="IoU", better="higher", bounds=(0.0, 1.0), column=False),
    Shown(
        metric="class_average_precision",
        title="AP",
        better="higher",
        bounds=(0.0, 1.0),
        column=False,
    ),
)
BY_CLASS_CHARTS = (
    Grid(
        title="Accuracy by class",
        caption="Each square is the share of a class's test examples that are right; of many classes the worst are shown.",
        value="class_accuracy",
        x="true_class",
    ),
    Grid(
        title="IoU by class",
        caption="Each square is the intersection over union of a class, summed over test images; of many classes the worst are shown.",
        value="class_iou",
        x="true_class",
    ),
    Grid(
        title="AP by class",
        caption="Each square is the average precision of a class, over ten overlaps; of many classes the worst are shown.",
        value="class_average_precision",
        x="true_class",
    ),
)
BY_GROUP_AXES = (Axis(name="subgroup", title="group"), Axis(name="grouped_by", setting=True))
BY_GROUP = (
    Shown(
        metric="worst_group_accuracy",
        title="worst group",
        better="higher",
        meaning="Lowest accuracy of a group on the test split; its interval is of the least of all true accuracies.",
    ),
    Shown(
        metric="group_gap",
        title="worst group against the others, points",
        better="higher",
        bounds=(-100.0, 100.0),
        column=False,
    ),
    Shown(metric="group_accuracy", title="accuracy", better="higher", column=False),
)
BY_GROUP_CHARTS = (
    Grid(
        title="Accuracy by group of {grouped_by}",
        caption="Each square is the share of a group's test examples that are right; of many groups the worst are shown.",
        value="group_accuracy",
        x="subgroup",
        panel=("grouped_by",),
    ),
)
BY_LENGTH_AXES = (
    Axis(name="length", title="tokens of the text, at most"),
    Axis(name="context", title="tokens that were given, at most"),
)
BY_LENGTH = (
    Shown(
        metric="length_accuracy", title="accuracy", better="higher", column=False, bounds=(0.0, 1.0)
    ),
    Shown(
        metric="context_bits",
        title="bits per token",
        better="lower",
        column=False,
        bounds=(0.0, math.inf),
    ),
)
BY_LENGTH_CHARTS = (
    Curve(
        title="Accuracy by length",
        caption="Test examples in groups by rising length, each drawn at its longest; a text that was cut counts as long as "
        "what is left.",
        x="length",
        y="length_accuracy",
        y_title="accuracy",
    ),
    Curve(
        title="Bits per token by context",
        caption="By how many tokens of its window a model was given before the one that it tells, each group twice as far as the "
        "one before and drawn at its end.",
        x="context",
        y="context_bits",
        y_title="bits per token",
    ),
)
SHIFT_AXES = (Axis(name="shift"), Axis(name="severity"))
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
    Axis(name="sequence"),
)
FLIPS = (
    Shown(
        metric="mean_flip_probability",
        title="flips",
        better="lower",
        meaning="How often the predicted class is another one frame later, the mean over sequences of small changes.",
        verdict=Verdict(words="Steadiest over small changes"),
    ),
    Shown(metric="flip_probability", title="flip probability", better="lower", column=False),
)
FLIP_CHARTS = (
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
