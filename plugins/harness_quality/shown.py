"""What the measures of quality on the test split yield, and how it is shown: axes, columns and charts."""

from __future__ import annotations

import math

from harness.api import Axis, Curve, Grid, Shown
from harness.api.declaring import Floor, Gallery, Verdict

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
        "Koehler 2006). Intervals and tests count blocks of windows that follow each other.",
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
            column=what == "50",  # whether objects are found; mAP tells how tightly
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
    Shown(
        metric="cross_entropy",
        title="cross-entropy",
        better="lower",
        meaning="Mean over the test examples of the negative logarithm of the probability that the model gives the right class.",
        column=False,
    ),
    Shown(
        metric="rmse",
        title="RMSE",
        better="lower",
        meaning="Root of the mean squared error of the test examples, in units of the target.",
        bounds=_POSITIVE,
        column=False,
    ),
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

DATA_EFFICIENCY_AXES = (
    Axis(name="recipe"),
    Axis(name="train_examples", title="training examples"),
)
DATA_EFFICIENCY = (
    Shown(
        metric="learning_exponent",
        title="learning exponent",
        better="higher",
        bounds=_POSITIVE,
        optional=True,
        meaning="b of error = a n^-b + c, fitted over the numbers n of training examples: how fast the error falls.",
    ),
    Shown(
        metric="gain_of_twice",
        title="error less by twice the data",
        bounds=(0.0, 1.0),
        optional=True,
        meaning="Share of the error at the largest number of training examples that the fitted law takes away at twice that.",
    ),
    Shown(metric="error_at_twice", title="error at twice the data", better="lower", column=False),
    Shown(
        metric="error_floor", title="error that no data takes away", better="lower", column=False
    ),
    Shown(
        metric="learning_error", title="test error", better="lower", bounds=_POSITIVE, column=False
    ),
    Shown(metric="law_error", title="test error by the law", better="lower", column=False),
)
DATA_EFFICIENCY_CHARTS = (
    Curve(
        title="Test error by training examples",
        caption="Both axes are logarithmic: a power law is a straight line, and where it bends, an error is left that no "
        "data takes away. The fit goes on to twice the examples that there are.",
        x="train_examples",
        y="learning_error",
        fitted="law_error",
        log=("x", "y"),
    ),
)
