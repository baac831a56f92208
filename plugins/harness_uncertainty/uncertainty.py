"""How far the confidence of a model can be believed: calibration, conformal sets, selective prediction."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from harness.api import DataError, Finding, MeasureContext, Metric, NotApplicable, Task
from harness.api.declaring import shift_pairs
from harness.api.measuring import LeftOut, corrupted_copies, mark_doubtful
from harness_uncertainty.by_severity import SeverityMeans
from harness_uncertainty.calibration import (
    calibration_findings,
    calibration_metrics,
    is_told,
    temperature_metric,
)
from harness_uncertainty.condition import Condition
from harness_uncertainty.conformal import rank
from harness_uncertainty.options import UncertaintyOptions
from harness_uncertainty.outputs import Outputs, run_model, run_validation
from harness_uncertainty.prediction_sets import (
    Look,
    Scoring,
    SetRule,
    calibrate,
    make_sets,
    set_findings,
    set_metrics,
)
from harness_uncertainty.selection import selection_metrics
from harness_uncertainty.temperature import Temperature, check_enough, fit

Array = np.ndarray[Any, Any]


def check(task: Task, options: UncertaintyOptions) -> None:
    """Say before anything is trained what a validation split is too small for, with how many examples it takes.

    Raises:
        NotApplicable: Conformal sets alone are asked for, and it is too small for all of them.
    """
    there = task.counts["validation"]
    reasons = []
    try:
        if "calibration" in options.parts:
            check_enough(there)
    except NotApplicable as reason:
        reasons.append(str(reason))
    if "conformal" in options.parts:
        for alpha in options.alphas:
            try:
                rank(there, alpha)
            except NotApplicable as reason:
                reasons.append(str(reason))
    if options.parts == ("conformal",) and len(reasons) == len(options.alphas):
        raise NotApplicable("; ".join(reasons))
    for words in reasons:
        warnings.warn(words, LeftOut, stacklevel=1)


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield the figures of each part, of the clean test split and, as `shifted_...`, of its corrupted copies.

    Of calibration also, as `severity_...`, the means over all shifts at each severity; the clean split is severity 0.

    The model runs once over each of the validation split, the test split and the copies, for all parts. The
    temperature and the thresholds of sets are of the validation split, all other figures of test examples. Examples
    whose logits are not all finite are left out, and told.

    Kept for each clean test example: `confidence` and `correct`; and for each rule of sets
    `covered_<method>_<alpha>`, under shifts with `_<shift>_<severity>`.

    Raises:
        NotApplicable: The validation split is too small for the only part that was asked for; among several, that
            is a finding. Or no shift of the list takes this data.
        DataError: There are no test examples with finite logits.
    """
    options = context.options
    assert isinstance(options, UncertaintyOptions)
    findings: list[Finding] = []
    scoring = Scoring(context.seed, options.methods, options.raps_free, options.raps_penalty)
    temperature, rules = _prepare(context, options, scoring, findings)
    looked: list[Look] = []
    doubts: list[Finding] = []  # about means over the shifts of a severity
    by_severity = SeverityMeans()
    kept: dict[str, Array] = {}
    if temperature is not None:
        yield temperature_metric(temperature)
    for condition in _conditions(context, options):
        nonfinite = _nonfinite(condition)
        findings += nonfinite
        doubts += [replace(one, where={"severity": condition.severity}) for one in nonfinite]
        if not len(condition.outputs):
            continue
        if not condition.shift:
            clean = condition.predictions
            kept["ids"] = condition.outputs.ids
            kept |= {"confidence": clean.confidence, "correct": clean.correct}
        paired = np.array_equal(condition.outputs.ids, kept["ids"])
        if "calibration" in options.parts:
            for metric in calibration_metrics(condition, temperature):
                by_severity.take(metric)
                if is_told(metric):
                    yield from mark_doubtful([metric], nonfinite)
            if not condition.shift:
                findings += calibration_findings(condition, temperature)
        for sets in make_sets(condition, rules, scoring):
            looked.append(Look.of(condition, sets))
            if paired:
                kept[sets.rule.array + condition.suffix] = sets.covered
            yield from mark_doubtful(set_metrics(condition, sets, paired), nonfinite)
        if "selective" in options.parts:
            yield from mark_doubtful(selection_metrics(condition, options.coverages), nonfinite)
    yield from mark_doubtful(by_severity.metrics(), doubts)
    findings += set_findings(looked)
    context.save_examples(**kept)
    context.save_findings(findings)


def _prepare(
    context: MeasureContext,
    options: UncertaintyOptions,
    scoring: Scoring,
    findings: list[Finding],
) -> tuple[Temperature | None, tuple[SetRule, ...]]:
    """Fit on the validation split what the parts need; add what cannot be had to the findings."""
    temperature, rules = None, tuple[SetRule, ...]()
    if not {"calibration", "conformal"} & set(options.parts):
        return temperature, rules
    validation = run_validation(context, options.batch_size)
    if "calibration" in options.parts:
        try:
            temperature = fit(validation.logits, validation.labels)
        except NotApplicable as reason:
            findings.append(_left_out("no-temperature", str(reason)))
    if "conformal" in options.parts:
        rules, refused = calibrate(validation, options.alphas, scoring)
        if options.parts == ("conformal",) and not rules:
            raise NotApplicable("; ".join(refused))
        findings += [_left_out("no-sets", reason) for reason in refused]
    return temperature, rules


def _left_out(code: str, reason: str) -> Finding:
    return Finding(
        code=code,
        sentence=f"Left out: {reason}.",
        advice="Give the data set a larger validation split.",
    )


def _conditions(context: MeasureContext, options: UncertaintyOptions) -> Iterator[Condition]:
    """Yield the clean test split and the corrupted copies that exist for this data; warn of the others."""
    clean = Condition(run_model(context, context.split("test"), options.batch_size))
    if not len(clean.outputs):
        raise DataError("there are no test examples for which the model's outputs are finite")
    yield clean
    for (shift, severity), examples in corrupted_copies(context, shift_pairs(options)):
        outputs: Outputs = run_model(context, examples, options.batch_size)
        yield Condition(outputs, shift, severity)


def _nonfinite(condition: Condition) -> list[Finding]:
    out = condition.outputs.nonfinite
    if not out:
        return []
    return [
        Finding(
            code="nonfinite-outputs",
            sentence=f"Of {out} of {out + len(condition.outputs)} examples {condition.words()} some logits are "
            "not finite; they have no confidence and are left out of its figures.",
            advice="See why the model's outputs overflow.",
            numbers={"nonfinite": out},
            flag="examples without finite outputs are left out",
            where=condition.where,
        )
    ]
