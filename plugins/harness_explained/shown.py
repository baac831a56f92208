"""What the measure of explanations yields, and how it is shown: axes, columns and charts."""

from __future__ import annotations

from harness.api import Axis, Curve, Grid, Shown
from harness.api.declaring import Gallery

INTEGRATED = {"method": "integrated-gradients"}
AXES = (Axis(name="method"), Axis(name="replaced", title="share of the input"))
SHOWS = (
    Shown(
        metric="insertion_area",
        title="insertion area, {method}",
        better="higher",
        meaning="Area under the probability of the answered class as parts of the input are put in, those first that are said to "
        "matter most.",
        where=INTEGRATED,
        optional=True,
    ),
    Shown(
        metric="deletion_area",
        title="deletion area, {method}",
        better="lower",
        meaning="The same as parts are taken away.",
        where=INTEGRATED,
        optional=True,
    ),
    Shown(
        metric="random_weights_correlation",
        title="likeness to random weights",
        bounds=(-1.0, 1.0),
        column=False,
    ),
    Shown(metric="completeness_error", better="lower", column=False),
    Shown(metric="insertion_probability", title="probability of the answer", column=False),
    Shown(metric="deletion_probability", title="probability of the answer", column=False),
)
CHARTS = (
    Grid(
        title="Insertion area",
        caption="Area under the probability of the answered class as parts of the input are put in, the most important first: "
        "more is better, and a method that does not beat the random order says nothing.",
        value="insertion_area",
        x="method",
    ),
    Grid(
        title="Deletion area",
        caption="The same as parts are taken away, the most important first: less is better.",
        value="deletion_area",
        x="method",
    ),
    Grid(
        title="Likeness to maps of random weights",
        caption="Rank correlation of maps with those of the same network with random weights: near 1 they show the input, not "
        "what was learnt.",
        value="random_weights_correlation",
        x="method",
    ),
    Curve(
        title="Insertion",
        caption="Probability of the answered class as parts of the input are put in, the most important first.",
        x="replaced",
        y="insertion_probability",
        series="method",
    ),
    Curve(
        title="Deletion",
        caption="Probability of the answered class as parts of the input are taken away, the most important first.",
        x="replaced",
        y="deletion_probability",
        series="method",
    ),
)
GALLERY = Gallery(
    title="What answers are due to",
    caption="Test examples, and what methods say that the answer of each is due to.",
)
