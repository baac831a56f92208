"""Accuracy, or R2, under distribution shifts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

from harness.api import Examples, MeasureContext, Metric
from harness.api.declaring import shift_pairs
from harness.api.measuring import corrupted_copies, share_metric, take_inputs
from harness_quality.evaluate import (
    Classified,
    Graded,
    Regressed,
    classify,
    grade,
    regress,
    targets_of,
    verdicts_name,
)
from harness_quality.grades import headline_metric, headline_of, mean_headline
from harness_quality.imagenet_c import corruption_pairs
from harness_quality.intervals import bootstrap, clustered_wilson
from harness_quality.options import ShiftOptions
from harness_quality.regression import r2
from harness_quality.shift_gallery import shift_sheets

Array = np.ndarray[Any, Any]
Pair = tuple[str, int]
T = TypeVar("T", Classified, Regressed, Graded)


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield `shifted_accuracy` (`shifted_r2`, or `shifted_` and the headline of another problem) for each shift and severity, and the plain mean.

    Where the 15 corruptions of ImageNet-C are there at all five severities, with no options or all with the same, `mean_corruption_error` is the plain
    mean of the error under these alone, divided by no reference's.

    The mean weighs all shifts and severities alike. Its interval takes examples, not verdicts, as
    independent: each example comes under every shift. Accuracy has Wilson intervals, R2 bootstrap
    intervals over examples. Kept for each example: `correct_<shift>_<severity>` (regression:
    `error_<shift>_<severity>`), and `wrong_<shift>_<severity>` of what is in the mean corruption error. Of the first `gallery` images
    a sheet is kept: each shift at each severity, with the answer.

    Raises:
        NotApplicable: No shift of the list takes this data; one that does not is left out with a
            warning.
    """
    options = context.options
    assert isinstance(options, ShiftOptions)
    if context.task.problem == "classification":
        yield from _classification(context, options)
    elif context.task.problem == "regression":
        yield from _regression(context, options)
    else:
        yield from _graded(context, options)


def _answers(
    context: MeasureContext,
    options: ShiftOptions,
    answer: Callable[[MeasureContext, Examples, int], T],
) -> dict[Pair, T]:
    """Return what the model answers under each shift at each severity, and keep pictures of the first images."""
    answers: dict[Pair, T] = {}
    shown: dict[Pair, Tensor] = {}
    most = options.gallery if context.task.modality == "image" else 0
    for pair, examples in corrupted_copies(context, shift_pairs(options), needed=True):
        answers[pair] = answer(context, examples, options.batch_size)
        if most:
            shown[pair] = take_inputs(examples, answers[pair].ids[:most].tolist())
    if shown:
        ids = next(iter(answers.values())).ids[:most].tolist()
        clean = take_inputs(context.split("test"), ids)
        targets = targets_of(context, options.batch_size)[:most]
        context.save_gallery(list(shift_sheets(context, clean, targets, shown, answers)))
    return answers


def _classification(context: MeasureContext, options: ShiftOptions) -> Iterator[Metric]:
    seen = _answers(context, options, classify)
    kept = {pair: verdicts_name(pair) for pair in seen}
    correct = {kept[pair]: found.correct for pair, found in seen.items()}
    pairs = _complete(seen)
    wrong = {"wrong_{}_{}".format(*p): ~seen[p].correct for p in pairs}
    context.save_examples(
        ids=next(iter(seen.values())).ids,
        **correct,
        **wrong,
    )
    for (shift, severity), found in seen.items():
        where = {"shift": shift, "severity": severity}
        yield share_metric("shifted_accuracy", found.correct, where, kept[shift, severity])
    yield _mean("mean_shifted_accuracy", correct)
    if wrong:
        yield _mean("mean_corruption_error", wrong)


def _complete(pairs: Iterable[Pair]) -> list[Pair]:
    """Return those of the 15 corruptions at all severities, with the same options; none where one is missing."""
    found: dict[str, dict[Pair, Pair]] = {}
    for label, severity in pairs:
        name, _, options = label.partition(":")
        found.setdefault(options, {})[name, severity] = (label, severity)
    for _, alike in sorted(found.items()):
        if alike.keys() >= set(corruption_pairs()):
            return [alike[pair] for pair in corruption_pairs()]
    return []


def _mean(name: str, verdicts: dict[str, Array]) -> Metric:
    """Return the mean of verdicts ``(examples,)``, by the names of their arrays."""
    several = np.stack(list(verdicts.values()))
    share, low, high = clustered_wilson(several)
    return Metric(
        name=name,
        value=share,
        unit="fraction",
        low=low,
        high=high,
        n=several.shape[1],
        examples=tuple(verdicts),
    )


def _mean_r2(prediction: Array, target: Array) -> Array:
    """Average over the first axis, the shifts and severities."""
    return np.asarray(r2(prediction, target).mean(axis=0))


def _graded(context: MeasureContext, options: ShiftOptions) -> Iterator[Metric]:
    """Yield the headline of another problem, `shifted_<headline>`, and its mean; see `grades`."""
    task = context.task
    seen = _answers(context, options, grade)
    first = next(iter(seen.values()))
    time = context.in_time()
    found = {pair: headline_of(task, one.parts, time) for pair, one in seen.items()}
    mean = mean_headline(task, [one.parts for one in seen.values()], time)
    kept = {pair: "grade_{}_{}".format(*pair) for pair in seen}
    grades = {kept[pair]: one.grades for pair, one in found.items()}
    context.save_examples(ids=first.ids, grade_mean=mean.grades, **grades)
    for (shift, severity), one in found.items():
        where = {"shift": shift, "severity": severity}
        yield headline_metric(
            task, one, kept[shift, severity], where, name=f"shifted_{task.headline}"
        )
    yield headline_metric(task, mean, "grade_mean", name=f"mean_shifted_{task.headline}")


def _regression(context: MeasureContext, options: ShiftOptions) -> Iterator[Metric]:
    seen = _answers(context, options, regress)
    first = next(iter(seen.values()))
    kept = {pair: "error_{}_{}".format(*pair) for pair in seen}
    context.save_examples(
        ids=first.ids,
        **{kept[pair]: found.prediction - found.target for pair, found in seen.items()},
    )
    for (shift, severity), found in seen.items():
        low, high = bootstrap(r2, found.prediction, found.target) or (None, None)
        yield Metric(
            name="shifted_r2",
            value=float(r2(found.prediction, found.target)),
            low=low,
            high=high,
            n=len(found.ids),
            where={"shift": shift, "severity": severity},
            examples=(kept[shift, severity],),
        )
    predictions = np.stack([found.prediction for found in seen.values()])
    targets = np.stack([found.target for found in seen.values()])
    low, high = bootstrap(_mean_r2, predictions, targets) or (None, None)
    yield Metric(
        name="mean_shifted_r2",
        value=float(_mean_r2(predictions, targets)),
        low=low,
        high=high,
        n=len(first.ids),
        examples=tuple(kept.values()),
    )
