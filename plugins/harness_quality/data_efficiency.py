"""How the error of a model falls with the number of examples that it is trained on, and what twice as many would bring."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.api import Finding, FittedModel, MeasureContext, Metric, NotApplicable, Task
from harness.api.measuring import InTime, resolve
from harness_quality.evaluate import classify, grade, regress
from harness_quality.learning_law import EXPONENTS, Law, fit_law, over_seeds_and_examples
from harness_quality.options import DataEfficiencyOptions

Array = np.ndarray[Any, Any]

FEWEST_SIZES = 4  # a law of three parameters goes through any three points
RESAMPLES = 200  # of which a variance is taken
MORE = 2  # times as many examples as there are
DRAWN = 25  # places in which the law is drawn


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield of each recipe `learning_error` by the number of training examples, and of the law error = a n^-b + c over them
    `learning_exponent` (b), `error_floor` (c), `error_at_twice` the largest number, `gain_of_twice` (the share of the error at the
    largest number that this takes away) and `law_error` where it is drawn.

    The error is 1 - the headline of a problem where more is better (the share that is wrong, 1 - mIoU, the share of the
    variance that is not explained), else the headline (bits per byte, MASE). Intervals are over seeds, each with examples of its
    own, and over test examples, which are the same for all; see `learning_law`. Of examples in time, such as windows of a series,
    blocks are counted (`InTime`). Each law is a finding too.

    Raises:
        NotApplicable: No recipe has models of four numbers of training examples, with one or more seeds common to all; or the
            test is shorter than two blocks.
    """
    options = context.options
    assert isinstance(options, DataEfficiencyOptions)
    _least(context.task)  # refuses what has no error
    curves = [_by_size(models) for models in _alike_but_for_share(context.fits)]
    enough = [by_size for by_size in curves if len(by_size) >= FEWEST_SIZES]
    if not enough:
        most = max(map(len, curves), default=0)
        raise NotApplicable(
            f"a learning curve takes models that were trained on {FEWEST_SIZES} numbers of examples or more, and here are "
            f"{most}; write train_share = [0.05, 0.1, 0.25, 0.5, 1] in the recipe"
        )
    told = [(ordered, seeds) for ordered in enough if (seeds := _common_seeds(ordered))]
    if not told:
        raise NotApplicable("of no seed there is a model of every number of examples")
    time = context.in_time()
    if time is not None and time.blocks < 2:
        raise NotApplicable(
            "the test is shorter than two blocks of windows that share a step, which do not tell how sure a learning curve is; give "
            "longer series or shorter windows"
        )
    blocks = math.inf if time is None else time.blocks
    findings = []
    for ordered, seeds in told:
        largest = ordered[max(ordered)][seeds[0]]
        where = {"recipe": largest.recipe} if largest.recipe else {}
        models = [[one[seed] for one in ordered.values()] for seed in seeds]
        errors = _errors(context, models, options.batch_size, time)
        unit, n = context.task.problem_item.unit or _unit(context.task), errors.shape[1]
        sizes = np.array(list(ordered), dtype=np.float64)
        yield from _curve(sizes, errors, where, unit, blocks)
        found = list(_law(sizes, errors, where, unit, n, blocks))
        yield from found
        recipe = largest.recipe if len(told) > 1 else ""
        findings.append(_say(recipe, ordered, found, unit))
    context.save_findings(findings)


def _alike_but_for_share(fits: Sequence[FittedModel]) -> list[list[FittedModel]]:
    """Return the models of each way of training; recipes that come to one fit differ in the share of the examples alone."""
    found: list[tuple[set[str], list[FittedModel]]] = []
    for fit in fits:
        names, models = set(fit.whole_recipes), [fit]
        apart = []
        for one in found:
            if one[0] & names:
                names, models = names | one[0], [*one[1], *models]
            else:
                apart.append(one)
        found = [*apart, (names, models)]
    return [models for _, models in found]


def _by_size(models: Sequence[FittedModel]) -> dict[int, dict[int, FittedModel]]:
    """Return models by the number of training examples, from the fewest, and by seed."""
    found: dict[int, dict[int, FittedModel]] = {}
    for fit in sorted(models, key=lambda fit: fit.train_examples):
        found.setdefault(fit.train_examples, {})[fit.seed] = fit
    return found


def _common_seeds(by_size: dict[int, dict[int, FittedModel]]) -> list[int]:
    """Return the seeds that were trained on all numbers of examples: a fit may have failed."""
    return sorted(set.intersection(*(set(one) for one in by_size.values())))


def _least(task: Task) -> bool:
    """Whether less of the headline is better; NotApplicable where it has no error."""
    item = task.problem_item
    if item.better == "lower":
        return True
    if task.problem == "regression" or item.unit == "fraction" or item.bounds[1] == 1.0:
        return False
    if item.correct is not None and item.grade is not None:
        return False
    raise NotApplicable(
        f"{task.headline} of {task.problem} has no most, so that nobody can say how far a model is from it"
    )


def _unit(task: Task) -> str:
    return "fraction" if task.problem_item.correct is not None else ""


def _errors(
    context: MeasureContext,
    models: Sequence[Sequence[FittedModel]],
    batch: int,
    time: InTime | None,
) -> Array:
    """Return the errors ``(1 + resamples, seeds, sizes)`` of models by seed and size; of all test examples, then of resamples."""
    counts: Array | None = None
    found = []
    for of_seed in models:
        row = []
        for fit in of_seed:
            said = f"{fit.architecture}, {fit.train_examples} training examples, seed {fit.seed}"
            print(said, flush=True)
            parts, score = _parts(replace(context, model=fit.load()), batch)
            if counts is None:
                counts = _counts(len(parts), time)
            row.append(np.asarray(score(parts, counts), dtype=np.float64))
        found.append(np.stack(row, axis=-1))
    return np.stack(found, axis=1)


def _counts(n: int, time: InTime | None) -> Array:
    """Return how often each example comes, ``(1 + resamples, n)``: once, then as drawn from seed 0."""
    if time is not None:
        return np.concatenate([np.ones((1, n)), time.drawn_counts(RESAMPLES)])
    drawn = np.random.default_rng(0).integers(0, n, size=(RESAMPLES, n))
    resampled = [np.bincount(row, minlength=n) for row in drawn]
    return np.stack([np.ones(n), *resampled]).astype(np.float64)


def _parts(context: MeasureContext, batch: int) -> tuple[Array, Any]:
    """Return what the error of a model is made of by test example, and a function of that and of counts ``(samples, n)``."""
    task, test = context.task, context.split("test")
    item = task.problem_item
    if task.problem == "classification":
        wrong = 1.0 - classify(context, test, batch).correct.astype(np.float64)
        return wrong, _mean
    if task.problem == "regression":
        found = regress(context, test, batch)
        return np.stack([(found.prediction - found.target) ** 2, found.target], axis=1), _residual
    parts = grade(context, test, batch).parts
    less = _least(task)
    if item.grade is not None:
        return (parts if less else 1.0 - parts), _mean
    assert item.sum_up is not None  # as there is a tally
    score = resolve(item.sum_up)
    return (
        parts,
        lambda tallies, counts: score(tallies, counts) if less else 1.0 - score(tallies, counts),
    )


def _mean(parts: Array, counts: Array) -> Array:
    return np.asarray(counts @ parts / counts.sum(axis=1))


def _residual(parts: Array, counts: Array) -> Array:
    """Return 1 - R2 of squared errors and targets ``(n, 2)``."""
    squares, targets = parts.T
    share = counts / counts.sum(axis=1, keepdims=True)
    middle = (share @ targets)[:, None]
    return np.asarray(share @ squares / (share * (targets - middle) ** 2).sum(axis=1))


def _curve(
    sizes: Array, errors: Array, where: dict[str, Any], unit: str, blocks: float
) -> Iterator[Metric]:
    found = over_seeds_and_examples(errors, lambda mean: mean, blocks)
    for size, value, half in zip(sizes, found.values, found.half, strict=True):
        yield Metric(
            name="learning_error",
            value=float(value),
            unit=unit,
            low=_at_least_0(value - half, value),
            high=float(value + half) if unit != "fraction" else min(1.0, float(value + half)),
            n=errors.shape[1],
            where={**where, "train_examples": int(size)},
        )


def _law(
    sizes: Array, errors: Array, where: dict[str, Any], unit: str, seeds: int, blocks: float
) -> Iterator[Metric]:
    typical = errors[0].mean(axis=0)
    last = float(sizes[-1])
    places = np.union1d(sizes, np.round(np.geomspace(sizes[0], MORE * last, DRAWN)))
    ends = np.array([last, MORE * last])

    def law(mean: Array) -> Law:
        return fit_law(sizes, mean, typical)

    def say(mean: Array) -> Array:
        fitted = law(mean)
        now, then = np.moveaxis(fitted.at(ends), -1, 0)
        gain = 1.0 - then / np.where(now > 0, now, np.inf)
        return np.stack([fitted.exponent, fitted.floor, then, gain], axis=-1)

    found = over_seeds_and_examples(errors, say, blocks)
    units = {
        "learning_exponent": "",
        "error_floor": unit,
        "error_at_twice": unit,
        "gain_of_twice": "fraction",
    }
    for (name, its), value, half in zip(units.items(), found.values, found.half, strict=True):
        most = 1.0 if its == "fraction" else math.inf
        yield Metric(
            name=name,
            value=float(value),
            unit=its,
            low=_at_least_0(value - half, value),
            high=float(max(value, min(most, value + half))),
            n=seeds,
            where=where,
        )
    for place, value in zip(places, law(typical).at(places), strict=True):
        yield Metric(
            name="law_error",
            value=float(value),
            unit=unit,
            n=seeds,
            where={**where, "train_examples": int(place)},
        )


def _at_least_0(low: float, value: float) -> float:
    return float(min(max(0.0, low), value))


def _say(recipe: str, ordered: dict[int, Any], found: Sequence[Metric], unit: str) -> Finding:
    """Say what a law says of more data."""
    exponent, _, twice, gain = found[:4]
    largest = max(ordered)
    law = next(one for one in found if one.where.get("train_examples") == largest)
    assert exponent.low is not None and gain.low is not None and gain.high is not None

    def figure(value: float) -> str:
        return f"{100 * value:.1f} %" if unit == "fraction" else f"{value:.3g}"

    if gain.low > 0:
        advice = "More training data lowers the error further, if it is of this kind."
    else:
        advice = (
            "It is not sure that more examples of this kind lower the error: look at the labels, the features, another model or "
            "longer training first, or measure with more seeds."
        )
    least, most = EXPONENTS[0], EXPONENTS[-1]
    outside = exponent.high > most or exponent.low < least
    beyond = (
        f"; {least:g} to {most:g} were tried, so beyond these it says nothing" if outside else ""
    )
    return Finding(
        code="learning-curve",
        sentence=f"{recipe and recipe + ': '}Over {min(ordered):,} to {largest:,} training examples the error falls as "
        f"n^-{exponent.value:.2f} (95 % interval of the exponent {exponent.low:.2f} to {exponent.high:.2f}{beyond}), to {figure(law.value)} by the law; with "
        f"{MORE * largest:,} it would be {figure(twice.value)}, {100 * gain.value:.0f} % less ({100 * gain.low:.0f} to "
        f"{100 * gain.high:.0f} %).",
        advice=advice,
        numbers={"exponent": exponent.value, "error": law.value, "at_twice": twice.value},
    )
