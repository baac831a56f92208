"""What `deployment` yields, and how it is shown: axes, a column and charts."""

from __future__ import annotations

import math

from harness.api import Axis, Grid, Shown
from harness.api.declaring import Gallery

AXES = (Axis(name="pipeline"),)
SHOWS = (
    Shown(
        metric="worst_deployed_accuracy",
        title="worst deployed",
        better="higher",
        meaning="Lowest accuracy over the pipelines of a deployment that are no mistakes.",
        optional=True,
    ),
    Shown(metric="deployed_accuracy", title="accuracy", better="higher", column=False),
    Shown(
        metric="accuracy_change",
        title="change of accuracy, points",
        better="higher",
        bounds=(-100.0, 100.0),
        column=False,
    ),
    Shown(metric="prediction_flips", title="flipped answers", better="lower", column=False),
    Shown(
        metric="largest_logit_change",
        title="largest change of a logit",
        better="lower",
        bounds=(0.0, math.inf),
        column=False,
    ),
    Shown(
        metric="speed_ratio",
        title="speed against the reference",
        better="higher",
        bounds=(0.0, math.inf),
        column=False,
    ),
)
CHARTS = (
    Grid(
        title="Change of accuracy in a deployment, points",
        caption="Each square is one pipeline that differs from that of all other figures in one thing; "
        "swapped-channels and unscaled are mistakes, which should hurt. int8 is torch.ao.quantization's.",
        value="accuracy_change",
        x="pipeline",
    ),
    Grid(
        title="Flipped answers in a deployment",
        caption="Share of the test examples whose predicted class is another than in the pipeline of all other figures.",
        value="prediction_flips",
        x="pipeline",
    ),
    Grid(
        title="Speed in a deployment",
        caption="Times as many examples a second as the pipeline of all other figures, in turns.",
        value="speed_ratio",
        x="pipeline",
    ),
)
GALLERY = Gallery(
    title="Answers that flip in a deployment",
    caption="Test examples whose predicted class is another one where the pipeline differs in one thing: as the pipeline of all "
    "other figures is given them, and as the other one is, with both answers and confidences.",
)
