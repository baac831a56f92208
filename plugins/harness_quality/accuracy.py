"""How often, or how closely, the model is right on the test split."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from harness.api import Finding, MeasureContext, Metric
from harness.api.measuring import compare_fast_path, share_metric
from harness_quality.answer_gallery import answer_sheets
from harness_quality.evaluate import classify, grade, regress
from harness_quality.fitted_curve import fitted_curve
from harness_quality.forecasts import forecast_metrics
from harness_quality.grades import figures_beside, headline_metric, headline_of
from harness_quality.intervals import bootstrap, mean_interval
from harness_quality.looks_ahead import find_looking_ahead
from harness_quality.options import AccuracyOptions
from harness_quality.regression import mae, r2, rmse

COMPARED = 16  # examples that both paths of transformer encoders are run on


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield accuracy and cross-entropy, or R2, RMSE and MAE, or the headline of another problem; keep what each
    example adds to it.

    Accuracy is a fraction with Wilson's interval. Errors of a regression have a bootstrap interval
    over examples (seed 0) and the target's unit. An example with an output that is not finite
    counts as wrong (cross-entropy is over the others); `nonfinite_share` then says how many. A
    regression with such outputs has no defined error: its figures are NaN, and so is the headline of
    another problem; what interval that has, `headline_of` says. Of a problem that paints its answers the first test images are shown,
    and of a regression on one number the curve.
    """
    options = context.options
    assert isinstance(options, AccuracyOptions)
    findings = _of_fast_path(context)
    if context.task.problem == "classification":
        yield from _classification(context, options.batch_size, findings)
    elif context.task.problem == "regression":
        yield from _regression(context, options.batch_size)
    elif context.task.problem == "forecast":
        yield from forecast_metrics(context, options.batch_size)
    else:
        yield from _graded(context, options, findings)
    if findings:
        context.save_findings(findings)


def _graded(
    context: MeasureContext, options: AccuracyOptions, findings: list[Finding]
) -> Iterator[Metric]:
    task = context.task
    found = grade(context, context.split("test"), options.batch_size)
    headline = headline_of(task, found.parts, context.in_time())
    context.save_examples(ids=found.ids, grade=headline.grades)
    ahead = list(find_looking_ahead(context))
    findings += ahead
    if sheets := list(answer_sheets(context, options.gallery)):
        context.save_gallery(sheets)
    where = {"flag": "; ".join(one.flag for one in ahead)} if ahead else {}
    yield headline_metric(task, headline, "grade", where)
    yield from figures_beside(task, found.parts)
    if not found.finite.all():
        yield nonfinite_share(found.finite)


def _of_fast_path(context: MeasureContext) -> list[Finding]:
    """Say where torch's fused path of transformer encoders, which is off here, answers otherwise."""
    for inputs, _, _ in context.split("test").batches(COMPARED):
        return compare_fast_path(context.model, inputs)
    return []


def _classification(
    context: MeasureContext, batch_size: int, findings: list[Finding]
) -> Iterator[Metric]:
    found = classify(context, context.split("test"), batch_size)
    context.save_examples(
        ids=found.ids,
        prediction=found.prediction,
        confidence=found.confidence,
        correct=found.correct,
    )
    if found.probabilities:
        findings.append(_softmax_at_the_end(context.task.outputs))
    yield share_metric("accuracy", found.correct, kept="correct")
    loss = found.loss[found.finite]
    if len(loss) > 1:
        mean, low, high = mean_interval(loss.astype(np.float64))
        yield Metric(
            name="cross_entropy", value=mean, unit="nats", low=max(0.0, low), high=high, n=len(loss)
        )
    if not found.finite.all():
        yield nonfinite_share(found.finite)


def _softmax_at_the_end(classes: int) -> Finding:
    """Say that the outputs went through a softmax, after which cross-entropy takes another.

    With the surest outputs, 1 for the right class and 0 for the others, that is still log(1 + (K - 1) / e).
    """
    least = math.log1p((classes - 1) / math.e)
    return Finding(
        code="softmax-at-the-end",
        sentence="The outputs are probabilities: in all rows they are at least 0 and sum up to 1. Cross-entropy "
        f"takes a softmax of its own, so with {classes} classes its loss cannot fall below {least:.2f} nats and "
        "its gradient fades long before: trained with logits, the model may be more accurate.",
        advice="Remove the softmax at the model's end.",
        numbers={"least_loss": least},
    )


def _regression(context: MeasureContext, batch_size: int) -> Iterator[Metric]:
    found = regress(context, context.split("test"), batch_size)
    n = len(found.ids)
    context.save_examples(
        ids=found.ids,
        prediction=found.prediction + context.task.target_offset,  # in the data set's own unit
        error=found.prediction - found.target,
    )
    if (sheet := fitted_curve(context, found)) is not None:
        context.save_gallery([sheet])
    for name, statistic, unit in (("r2", r2, ""), ("rmse", rmse, "target"), ("mae", mae, "target")):
        value = float(statistic(found.prediction, found.target))
        ends = bootstrap(statistic, found.prediction, found.target) if np.isfinite(value) else None
        low, high = ends or (None, None)
        kept = ("error",) if name == "r2" else ()
        yield Metric(name=name, value=value, unit=unit, low=low, high=high, n=n, examples=kept)
    if not found.finite.all():
        yield nonfinite_share(found.finite)


def nonfinite_share(finite: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Metric:
    """Return the share of examples whose outputs were not all finite."""
    return share_metric("nonfinite_share", ~finite)
