"""What a measure must satisfy, for every problem that it is for."""

from __future__ import annotations

import json
import math
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.catalogue.charts import MODELS, Curve, Grid
from harness.catalogue.chosen import Chosen
from harness.catalogue.in_use import problem_named
from harness.catalogue.kinds import Dataset, Measure
from harness.catalogue.references import call
from harness.catalogue.shown import FLAG
from harness.catalogue.yielded import metric_names
from harness.contracts.cases import (
    State,
    default_problems,
    describe,
    each,
    examples,
    network,
    smaller,
    tasks,
)
from harness.contracts.measure_context import invented_context
from harness.contracts.subject import Broken, NotChecked, Subject, require
from harness.data.prepare import prepare
from harness.data.prepared import PreparedData
from harness.data.task import LoadedData, Task
from harness.errors import NotApplicable
from harness.measure.metric import Metric, split_name
from harness.measure.units import unit_of
from harness.plan.conditions import is_asked, values_of
from harness.summary.shown_columns import shows_of

_EXAMPLES = 120


class _Found:
    """What a measure yielded on one task, or why it does not apply."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.metrics: list[Metric] = []
        self.arrays: dict[str, np.ndarray[Any, Any]] = {}
        self.examples = 0
        self.reason = ""
        self.problem = ""


def _load(task: Task) -> LoadedData:
    data = examples(task, _EXAMPLES)
    return LoadedData(
        modality=task.modality,
        problem=task.problem,
        inputs=data.inputs.numpy(),
        targets=data.targets.numpy(),
        split=np.array((["train"] * 10 + ["test"] * 10 + ["validation"] * 10) * (_EXAMPLES // 30)),
        low=task.low,
        high=task.high,
        details=task.details,
        text=task.text,
    )


def _tasks(subject: Subject) -> list[Task]:
    """Return tasks of the default problem of each modality and one of each other; one of each where it times."""
    item = subject.item
    assert isinstance(item, Measure)
    found: list[Task] = []
    for problem in item.problems or default_problems():
        small = smaller(tasks(item.takes, (problem,)))
        found += small[:1] if item.exclusive or not problem_named(problem).default else small
    return found


def _measure(subject: Subject) -> list[_Found]:
    return [_measure_on(subject, task) for task in each(subject, _tasks(subject))]


def _measure_on(subject: Subject, wanted: Task) -> _Found:
    chosen = subject.choose(subject.item.checked_with)  # type: ignore[attr-defined]
    found = _Found(wanted)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "clean").mkdir()
        (folder / "job").mkdir()
        item = Dataset(
            name="contract",
            load=lambda: _load(wanted),
            modality=wanted.modality,
            problem=wanted.problem,
        )
        prepare(Chosen(item, "contract"), 0, folder / "clean")
        data = PreparedData.open(folder / "clean")
        count = 2 if subject.item.over else int(subject.item.scope != "data")  # type: ignore[attr-defined]
        models = [network(data.task, trained=True, seed=1 + k) for k in range(count)]
        before = [State.of(model) for model in models]
        context = invented_context(subject, chosen, data, models, folder)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # such as "shift blur is left out"
                metrics = list(call(subject.item.callables()[0], context=context) or ())
            for metric in metrics:
                if not isinstance(metric, Metric):
                    raise Broken(f"it yielded a {type(metric).__name__}; yield harness.api.Metric")
                found.metrics.append(metric)
        except NotApplicable as reason:
            found.reason = str(reason)
        if (kept := folder / "job" / "examples.npz").exists():
            with np.load(kept, allow_pickle=False) as file:
                found.arrays = {name: file[name] for name in file.files}
            found.examples = len(found.arrays.pop("ids"))
        try:
            for model, state in zip(models, before, strict=True):
                state.require_same(model, gradients=False)
        except Broken as why:
            found.problem = str(why)
    return found


def _each(subject: Subject) -> Iterator[_Found]:
    """Yield what the measure found on each task."""
    every: list[_Found] = subject.keep("found", lambda: _measure(subject))
    for found in every:
        subject.at(describe(found.task))
        yield found
    subject.at("")


def check_yields(subject: Subject) -> None:
    """On a small fitted model it yields metrics with finite values, or says why it does not apply."""
    for found in _each(subject):
        if not found.metrics:
            require(found.reason.strip(), "it yields no metric and raises no NotApplicable")
        for metric in found.metrics:
            require(
                math.isfinite(float(metric.value)), f"the metric {metric.name!r} is {metric.value}"
            )


def check_intervals(subject: Subject) -> None:
    """A metric's interval holds its value, inside its unit's bounds; an exact one has no interval."""
    for found in _each(subject):
        for metric in found.metrics:
            name, low, high = metric.name, metric.low, metric.high
            least, most = unit_of(metric.unit).bounds
            for end in (metric.value, low, high):
                require(
                    end is None or least <= end <= most,
                    f"{name!r} is {metric.value:g} [{low}, {high}], and {metric.unit!r} lies in "
                    f"[{least:g}, {most:g}]",
                )
            require((low is None) == (high is None), f"{name!r} has only one end of an interval")
            if low is None or high is None:
                continue
            require(not metric.exact, f"{name!r} is exact, but has an interval")
            slack = 1e-9 * max(abs(low), abs(high), 1e-300)
            require(
                low - slack <= metric.value <= high + slack,
                f"{name!r} is {metric.value:g}, outside its interval {low:g} to {high:g}",
            )


def check_json(subject: Subject) -> None:
    """Its metrics can be written as JSON and read back."""
    for found in _each(subject):
        for metric in found.metrics:
            text = json.dumps(metric.to_json(), allow_nan=False)
            again = Metric.from_json(json.loads(text))
            require(again.to_json() == metric.to_json(), f"{metric.name!r} differs after JSON")


def check_distinct(subject: Subject) -> None:
    """No two of its metrics have the same name and hold for the same."""
    for found in _each(subject):
        seen = set()
        for metric in found.metrics:
            key = (metric.name, json.dumps(dict(metric.where), sort_keys=True, default=str))
            require(key not in seen, f"{metric.name!r} is yielded twice for {key[1]}")
            seen.add(key)


def check_examples(subject: Subject) -> None:
    """The arrays by example that a metric names were kept; verdicts and grades average to its value."""
    for found in _each(subject):
        for metric in found.metrics:
            said = [split_name(name) for name in metric.examples]
            kept = [found.arrays.get(name) for _, name in said]
            names = ", ".join(found.arrays) or "nothing"
            for (_, name), array in zip(said, kept, strict=True):
                require(
                    array is not None and array.shape == (found.examples,),
                    f"{metric.name!r} names {name!r} in examples=, but save_examples kept {names}; "
                    "an array has one value for each of the ids",
                )
            verdicts = [
                one
                for one, (sign, _) in zip(kept, said, strict=True)
                if one is not None and (sign or one.dtype.kind == "b")
            ]
            if verdicts and len(verdicts) == len(kept):
                mean = float(np.mean(verdicts))
                require(
                    abs(mean - metric.value) < 1e-6 * max(1.0, abs(metric.value)),
                    f"{metric.name!r} is {metric.value:g}, but the verdicts behind it average to {mean:g}",
                )


def check_axes(subject: Subject) -> None:
    """Where it declares axes, its metrics hold for nothing else, and for the values that its options list."""
    item = subject.item
    assert isinstance(item, Measure)
    known = {key for axis in item.axes for key in axis.keys}
    chosen = subject.choose(item.checked_with)
    listed = {axis.name: values_of(chosen, axis.name, subject.catalogue) for axis in item.axes}
    for found in _each(subject):
        for metric in found.metrics:
            for key in metric.where if item.axes else ():
                require(
                    key in known or key == FLAG,
                    f"{metric.name!r} holds for {key!r}, but the axes declare "
                    f"{', '.join(sorted(known))}",
                )
                values = listed.get(key)
                require(
                    values is None or any(is_asked(one, str(metric.where[key])) for one in values),
                    f"{metric.name!r} holds for {key} {metric.where[key]!r}, but the options that its axis names list "
                    f"{', '.join(map(str, values or ()))}; name what it may be beside them with also=",
                )


def check_shows(subject: Subject) -> None:
    """Each column that it shows stands for a metric that it yields, unless it says that it may be without."""
    item = subject.item
    assert isinstance(item, Measure)
    metrics = [metric for found in _each(subject) for metric in found.metrics]
    if not metrics:
        raise NotChecked("it applies to none of the tasks here")
    for shown in (shown for shown in shows_of(subject.catalogue, item) if shown.column):
        of_name = [metric for metric in metrics if metric.name == shown.metric]
        if shown.optional and not of_name:
            continue
        names = ", ".join(sorted({metric.name for metric in metrics}))
        require(of_name, f"it shows {shown.metric!r}, but yields {names}")
        for metric in of_name:
            if shown.where.items() <= metric.where.items():
                shown.title.format(**metric.where)
                break
        else:
            words = f"no {shown.metric!r} holds where the column does: {dict(shown.where)}"
            require(shown.optional, words)


def check_names(subject: Subject) -> None:
    """Where it says what it shows or yields, its metrics have no other names."""
    item = subject.item
    assert isinstance(item, Measure)
    known = metric_names(subject.catalogue, item)
    for found in _each(subject):
        for metric in found.metrics:
            require(
                known is None or metric.name in known,
                f"it yields {metric.name!r}, which neither shows, charts nor yields= names; add it to yields=",
            )


def check_charts(subject: Subject) -> None:
    """Each chart that it declares draws a metric that it yields, on axes that the metric holds for.

    One of a metric that `shows` calls optional may be without it.
    """
    item = subject.item
    assert isinstance(item, Measure)
    metrics = [metric for found in _each(subject) for metric in found.metrics]
    if not metrics:
        raise NotChecked("it applies to none of the tasks here")
    names = sorted({metric.name for metric in metrics})
    every = shows_of(subject.catalogue, item)
    absent = {shown.metric for shown in every if shown.optional} - set(names)
    for chart in item.charts:
        if isinstance(chart, Curve):
            main, axes = chart.y, (chart.x, chart.series, *chart.panel)
        elif isinstance(chart, Grid):
            main, axes = chart.value, (chart.x, chart.y, chart.facet, *chart.panel)
        else:
            continue  # its metrics may ask for what is not known here, as a roofline does
        if main in absent:
            continue
        said = f"the chart {chart.title!r} draws {main!r}"
        require(main in names, f"{said}, but it yields {', '.join(names)}")
        keys = {key for metric in metrics if metric.name == main for key in metric.where}
        for axis in axes:
            require(
                axis in ("", MODELS) or axis in keys,
                f"{said} over {axis!r}, but that holds for {', '.join(sorted(keys)) or 'nothing'}",
            )


def check_leaves_model(subject: Subject) -> None:
    """It leaves the model's weights and modes as they are."""
    for found in _each(subject):
        require(not found.problem, found.problem)


CONTRACTS = (
    check_yields,
    check_intervals,
    check_json,
    check_distinct,
    check_examples,
    check_axes,
    check_shows,
    check_names,
    check_charts,
    check_leaves_model,
)
