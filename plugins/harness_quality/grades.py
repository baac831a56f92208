"""The headline of a problem by what that says of each example: the mean of grades, or the score of what it has tallied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.api import Metric, Task
from harness.api.measuring import InTime, resolve, wilson
from harness_quality.intervals import drawn_counts, mean_interval

Array = np.ndarray[Any, Any]
Score = Callable[[Array, Array], Array]

_MEMORY = 4_000_000  # numbers of samples that are held at once


@dataclass(frozen=True)
class Headline:
    """A figure with its interval at 95 %, and the grade of each example ``(n,)``, whose mean is the figure."""

    value: float
    low: float | None
    high: float | None
    grades: Array


def headline_of(task: Task, parts: Array, time: InTime | None = None) -> Headline:
    """Return the headline of what the problem says of examples ``(n, ...)``, within the problem's bounds.

    Of grades ``(n,)`` it is the mean, and the interval Wilson's where they are 0 or 1, else the normal one; of blocks of times
    where it is known when examples are (`MeasureContext.in_time`). Of tallies it is
    their score, with a bootstrap interval over examples. There is no interval of a single example, nor
    where a part is NaN.
    """
    item, n = task.problem_item, len(parts)
    if item.grade is None:
        return _scored(task, _sum_up(task), parts)
    value = float(parts.mean())
    low: float | None = None
    high: float | None = None
    if time is not None:
        ends = time.mean_interval(parts) if np.isfinite(value) else None
        if ends is not None:
            low, high = (float(np.clip(end, *item.bounds)) for end in ends)
    elif np.isin(parts, (0.0, 1.0)).all():
        low, high = wilson(value, n)
    elif n > 1 and np.isfinite(value):
        low, high = (float(np.clip(end, *item.bounds)) for end in mean_interval(parts)[1:])
    return Headline(value, low, high, parts)


def mean_headline(task: Task, several: Sequence[Array], time: InTime | None = None) -> Headline:
    """Return the mean of headlines of the same examples under several conditions, and its interval over examples."""
    if task.problem_item.grade is not None:
        return headline_of(task, np.mean(several, axis=0), time)
    score = _sum_up(task)

    def mean(tallies: Array, counts: Array) -> Array:
        found = [score(tallies[:, place], counts) for place in range(tallies.shape[1])]
        return np.asarray(np.mean(found, axis=0))

    return _scored(task, mean, np.stack(several, axis=1))


def figures_beside(task: Task, tallies: Array) -> Iterator[Metric]:
    """Yield what the problem yields beside its headline, with intervals; not what the data have none of."""
    ones = np.ones((1, len(tallies)))
    for name, reference in task.problem_item.beside:
        score = resolve(reference)
        value = float(score(tallies, ones)[0])
        if not np.isfinite(value):
            continue
        low, high = _interval(task, score, tallies, value) or (None, None)
        unit, n = task.problem_item.unit, len(tallies)
        yield Metric(name=name, value=value, unit=unit, low=low, high=high, n=n)


def of_classes(task: Task, tallies: Array) -> list[Metric]:
    """Return the figure of each class that there is one of, with intervals over examples that are drawn again."""
    assert task.problem_item.of_classes is not None
    name, reference = task.problem_item.of_classes
    score, n = resolve(reference), len(tallies)
    values = score(tallies, np.ones((1, n)))[0]
    if n < 2:
        return []
    drawn = np.concatenate([score(tallies, few) for few in drawn_counts(n, max(1, _MEMORY // n))])
    names = task.class_names or tuple(map(str, range(task.outputs)))
    found = []
    for place, value in enumerate(values):
        if not np.isfinite(value):
            continue
        low, high = _moved(drawn[np.isfinite(drawn[:, place]), place], value, task)
        where, unit = {"true_class": names[place]}, task.problem_item.unit
        found.append(Metric(name=name, value=float(value), unit=unit, low=low, high=high, n=n, where=where))  # fmt: skip
    return found


def _sum_up(task: Task) -> Score:
    reference = task.problem_item.sum_up
    assert reference is not None
    return resolve(reference)


def _scored(task: Task, score: Score, tallies: Array) -> Headline:
    n = len(tallies)
    value = float(score(tallies, np.ones((1, n)))[0])
    ends = _interval(task, score, tallies, value) if np.isfinite(value) else None
    if ends is None:
        return Headline(value, None, None, np.full(n, value))
    return Headline(value, *ends, pseudo_values(score, tallies, value, max(1, _MEMORY // n)))


def _interval(task: Task, score: Score, tallies: Array, value: float) -> tuple[float, float] | None:
    """Return the bootstrap interval of a score over examples, within the problem's bounds; None of a single one.

    It is the percentiles' (Efron 1979), moved so that the mean of what is drawn is the score: where few examples make a score too
    high, as they do mAP, fewer different ones make it higher still, and percentiles would count that twice.
    """
    n = len(tallies)
    if n < 2:
        return None
    at_once = max(1, _MEMORY // n)
    drawn = [score(tallies, counts) for counts in drawn_counts(n, at_once)]
    return _moved(np.concatenate(drawn), value, task)


def _moved(drawn: Array, value: float, task: Task) -> tuple[float, float]:
    ends = np.percentile(drawn, [2.5, 97.5]) - (drawn.mean() - value)
    low, high = np.clip(ends, *task.problem_item.bounds)
    return float(low), float(high)


def pseudo_values(score: Score, tallies: Array, value: float, at_once: int) -> Array:
    """Return S + (n - 1) (M - S_i) for each example i ``(n,)``, S the score of all, S_i that without i and M the mean of these.

    They are the jackknife's pseudo-values, moved so that their mean is S: two models are compared by them as by means of
    examples (Tukey 1958, Annals of Mathematical Statistics 29:614; Efron & Tibshirani 1993, "An introduction to the
    bootstrap", section 11.5).

    at_once: samples that are scored together.
    """
    n, found = len(tallies), []
    for start in range(0, n, at_once):
        places = np.arange(start, min(start + at_once, n))
        counts = np.ones((len(places), n))
        counts[np.arange(len(places)), places] = 0
        found.append(score(tallies, counts))
    without = np.concatenate(found)
    return np.asarray(value + (n - 1) * (without.mean() - without))


def headline_metric(
    task: Task, found: Headline, kept: str, where: Mapping[str, Any] | None = None, name: str = ""
) -> Metric:
    """Return a headline as a metric.

    kept: the name under which `MeasureContext.save_examples` keeps its grades. name: of the metric; "": the problem's own.
    """
    item = task.problem_item
    return Metric(
        name=name or item.headline,
        value=found.value,
        unit=item.unit,
        low=found.low,
        high=found.high,
        n=len(found.grades),
        where=where or {},
        examples=(("-" if item.better == "lower" else "+") + kept,),
    )
