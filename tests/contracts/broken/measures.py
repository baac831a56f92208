"""Measures that break their contracts."""

import math

import torch

from harness.api import Axis, Curve, Grid, Measure, Metric, Options, Shown


class Sized(Options):
    """Sizes that the measure says it takes."""

    sizes: tuple[int, ...] = (1, 2)


def metric(value=0.5, **fields):
    return lambda context: [Metric(name="score", value=value, **fields)]


def twice(context):
    yield Metric(name="score", value=1.0)
    yield Metric(name="score", value=2.0)


def keeps_too_few(context):
    context.save_examples(ids=torch.arange(3), right=torch.tensor([True, False]))
    yield Metric(name="score", value=0.5, examples=("right",))


def averages_wrongly(context):
    context.save_examples(ids=torch.arange(4), right=torch.tensor([True, False, False, False]))
    yield Metric(name="score", value=0.75, examples=("right",))


def destroys(context):
    for parameter in context.model.parameters():
        parameter.data.zero_()
    yield Metric(name="score", value=1.0)


def destroys_the_last(context):
    for fit in context.fits:
        model = fit.load()
    model[-1].bias.data.zero_()
    yield Metric(name="score", value=1.0)


def asks_the_one_model(context):
    yield Metric(name="score", value=float(context.model(torch.zeros(1, 1, 8, 8)).sum()))


CASES = {
    "nothing": (
        Measure(name="x", takes=("image", "sequence", "table"), run=lambda context: []),
        "On a small fitted",
        "no metric",
    ),
    "a number": (
        Measure(name="x", takes=("image", "sequence", "table"), run=lambda context: [0.5]),
        "On a small",
        "yielded a float",
    ),
    "nan metric": (
        Measure(name="x", takes=("image", "sequence", "table"), run=metric(math.nan)),
        "On a small fitted",
        "is nan",
    ),
    "interval": (
        Measure(name="x", takes=("image", "sequence", "table"), run=metric(low=0.6, high=0.7)),
        "A metric's",
        "outside its",
    ),
    "one end": (
        Measure(name="x", takes=("image", "sequence", "table"), run=metric(low=0.1)),
        "A metric's",
        "only one end",
    ),
    "json": (
        Measure(name="x", takes=("image", "sequence", "table"), run=metric(where={"a": {1}})),
        "Its metrics can",
        "set is not JSON",
    ),
    "twice": (
        Measure(name="x", takes=("image", "sequence", "table"), run=twice),
        "No two of its",
        "yielded twice",
    ),
    "unkept": (
        Measure(name="x", takes=("image", "sequence", "table"), run=metric(examples=("right",))),
        "The arrays by example",
        "names 'right' in examples=, but save_examples kept nothing",
    ),
    "too few": (
        Measure(name="x", takes=("image", "sequence", "table"), run=keeps_too_few),
        "The arrays by example",
        "each of the ids",
    ),
    "average": (
        Measure(name="x", takes=("image", "sequence", "table"), run=averages_wrongly),
        "The arrays by example",
        "is 0.75, but the verdicts behind it average to 0.25",
    ),
    "values": (
        Measure(
            name="x",
            takes=("table",),
            run=metric(where={"size": 3}),
            options=Sized,
            axes=(Axis(name="size", options=("sizes",)),),
        ),
        "Where it declares axes",
        "holds for size 3, but the options that its axis names list 1, 2",
    ),
    "axes": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=metric(where={"batch": 8, "flag": "drift"}),
            axes=(Axis(name="batch_size"),),
        ),
        "Where it declares axes",
        "holds for 'batch', but the axes declare batch_size",
    ),
    "shows": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=metric(),
            shows=(Shown(metric="sorce", key="k", title="t"),),
        ),
        "Each column",
        "shows 'sorce', but yields score",
    ),
    "names": (
        Measure(name="x", takes=("image", "sequence", "table"), run=metric(), yields=("sorce",)),
        "Where it says what it shows or yields",
        "it yields 'score', which neither shows, charts nor yields= names",
    ),
    "title": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=metric(),
            shows=(Shown(metric="score", key="k", title="{size}"),),
        ),
        "Each column",
        "size",
    ),
    "chart": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=metric(where={"size": 3}),
            charts=(Curve(title="t", y="sorce", x="size"),),
        ),
        "Each chart",
        "the chart 't' draws 'sorce', but it yields score",
    ),
    "chart axis": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=metric(where={"size": 3}),
            charts=(Grid(title="t", value="score", x="sizes"),),
        ),
        "Each chart",
        "over 'sizes', but that holds for size",
    ),
    "destroys": (
        Measure(name="x", takes=("image", "sequence", "table"), run=destroys),
        "It leaves the model",
        "changed the model",
    ),
    "scope": (
        Measure(name="x", takes=("image", "sequence", "table"), run=metric(), scope="all"),
        "It says what",
        "scope is 'all'",
    ),
    "the one": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=asks_the_one_model,
            over=("architecture", "recipe"),
        ),
        "On a small",
        "context.fits",
    ),
    "one of many": (
        Measure(
            name="x",
            takes=("image", "sequence", "table"),
            run=destroys_the_last,
            over=("architecture", "recipe"),
        ),
        "It leaves the model",
        "changed the model",
    ),
}
