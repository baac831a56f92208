"""Built-in problems: what a model is asked to say of an example."""

import math
from collections.abc import Iterator

from harness.api import Problem, hookimpl


@hookimpl
def harness_register_problems() -> Iterator[Problem]:
    """Yield the problems; classification is what is meant where nothing is said."""
    yield Problem(
        name="classification",
        summary="which of several classes an example is of",
        default=True,
        headline="accuracy",
        target_type="int64",
        classes=True,
        check="harness_problems.classification:check",
        check_split="harness_problems.classification:check_split",
        width="harness_problems.classification:width",
        strata="harness_problems.classification:strata",
        look="harness_problems.classification:look",
        loss="harness_problems.classification:loss",
        correct="harness_problems.classification:correct",
        grade="harness_problems.classification:grade",
        baseline="harness_problems.classification:baseline",
        fooled="harness_problems.classification:fooled",
        invent="harness_problems.classification:invent",
        invented=(("outputs", 10),),
        describe="harness_problems.classification:describe",
        output_words="one logit for each class",
    )
    yield Problem(
        name="regression",
        summary="a real number that belongs to an example",
        headline="r2",
        target_type="float32",
        real_targets=True,
        check="harness_problems.regression:check",
        width="harness_problems.regression:width",
        strata="harness_problems.regression:strata",
        look="harness_problems.regression:look",
        loss="harness_problems.regression:loss",
        baseline="harness_problems.regression:baseline",
        invent="harness_problems.regression:invent",
        invented=(("outputs", 1), ("target_mean", 20.0), ("target_std", 3.0)),
        describe="harness_problems.regression:describe",
        output_words="one number",
    )
    yield Problem(
        name="next_token",
        summary="which token comes next, at each step of a text",
        modalities=("tokens",),
        answers_each="prefix",
        headline="bits_per_byte",
        better="lower",
        bounds=(0.0, math.inf),
        meaning="Mean of log2(1 / p) over all bytes of the test windows, p the probability given to the byte that came next; "
        "of data whose tokens are no bytes, over tokens, so in bits per token.",
        target_type="int64",
        target_axes=("time",),
        check="harness_problems.next_token:check",
        width="harness_problems.next_token:width",
        output_shape="harness_problems.next_token:output_shape",
        loss="harness_problems.next_token:loss",
        grade="harness_problems.next_token:grade",
        baseline="harness_problems.next_token:baseline",
        invent="harness_problems.next_token:invent",
        invented=(("outputs", 16),),
        describe="harness_problems.next_token:describe",
        output_words="a logit for each token that may come next, after each step",
    )
    yield Problem(
        name="forecast",
        summary="how series go on: the next steps of one or several",
        modalities=("sequence",),
        headline="mase",
        better="lower",
        bounds=(0.0, math.inf),
        meaning="Mean absolute error of the test forecasts over that of repeating the last season, in training "
        "(Hyndman & Koehler 2006).",
        target_type="float32",
        real_targets=True,
        target_axes=("horizon", "series"),
        check="harness_problems.forecast:check",
        width="harness_problems.forecast:width",
        loss="harness_problems.forecast:loss",
        grade="harness_problems.forecast:grade",
        baseline="harness_problems.forecast:baseline",
        invent="harness_problems.forecast:invent",
        invented=(
            ("outputs", 4),
            ("target_mean", 20.0),
            ("target_std", 3.0),
            ("details", {"season": 2, "horizon": 2, "units": {"first": 1.0, "second": 2.0}}),
        ),
        describe="harness_problems.forecast:describe",
        output_words="a number for each step ahead of each series, series by series at each step",
    )
