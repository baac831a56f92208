"""Calibration: whether confidence is the share that is right, before and after temperature scaling."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from harness.api import Finding, Metric
from harness.api.measuring import proportion_metric, significant
from harness_uncertainty.bins import BINS, equal_mass, equal_width
from harness_uncertainty.brier import decompose
from harness_uncertainty.calibration_error import calibration_error, classwise_errors, debiased
from harness_uncertainty.condition import Condition
from harness_uncertainty.estimate import EstimateWithError
from harness_uncertainty.predictions import Predictions
from harness_uncertainty.temperature import Temperature

NONE, TEMPERATURE = "none", "temperature"  # values of the axis "scaling"
FRACTION, ANY = (0.0, 1.0), (-math.inf, math.inf)
WRONG_BY = 1.1  # a temperature surely farther from 1 than that is a finding
SURE = 3.29  # standard errors: a false alarm in a thousand
UNDER_SHIFT = {
    "ece",
    "ece_debiased",
    "brier",
    "nll",
    "confidence_gap",
}  # told of each condition; of the rest the means
GAP = 0.02  # between confidence and accuracy, from which on it is worth a word


def calibration_metrics(condition: Condition, temperature: Temperature | None) -> Iterator[Metric]:
    """Yield the figures of calibration under a condition, plain and scaled where there is a temperature."""
    yield from _figures(condition, condition.predictions, NONE)
    if temperature is not None:
        yield from _figures(condition, _scaled(condition, temperature), TEMPERATURE)


def _scaled(condition: Condition, temperature: Temperature) -> Predictions:
    return Predictions.of(condition.outputs.logits, condition.outputs.labels, temperature.value)


def is_told(metric: Metric) -> bool:
    """Whether a figure of calibration is told by itself, and not in a mean over shifts alone."""
    name = metric.name.removeprefix("shifted_")
    return name == metric.name or name in UNDER_SHIFT


def temperature_metric(temperature: Temperature) -> Metric:
    """Return the temperature that was fitted, of n validation examples."""
    low, high = temperature.interval()
    return Metric(
        name="temperature",
        value=temperature.value,
        unit="ratio",
        low=low,
        high=high,
        n=temperature.n,
    )


def _figures(condition: Condition, found: Predictions, scaling: str) -> Iterator[Metric]:
    where = {"scaling": scaling}
    correct = found.correct.astype(np.float64)
    bins, even = equal_width(found.confidence), equal_mass(found.confidence)
    for name, bin_of in (("ece", bins), ("adaptive_ece", even)):
        plain = calibration_error(found.confidence, correct, bin_of)
        less = debiased(found.confidence, correct, bin_of)
        yield from _with_debiased(condition, name, plain, less, where)
    yield from _with_debiased(
        condition, "classwise_ece", *classwise_errors(found.probabilities, found.labels), where
    )
    brier = decompose(found.probabilities, found.labels)
    yield condition.metric("brier", brier.score, where, (0.0, 2.0))
    yield condition.metric("brier_reliability", brier.reliability, where, (0.0, 2.0))
    yield condition.metric("brier_reliability_debiased", brier.debiased_reliability, where, ANY)
    yield condition.metric("brier_resolution", brier.resolution, where, ANY)
    yield condition.metric("brier_uncertainty", brier.uncertainty, where, FRACTION)
    losses = EstimateWithError.of_mean(found.losses)
    yield condition.metric("nll", losses, where, (0.0, math.inf), "nats")
    gap = EstimateWithError.of_mean(found.confidence - correct)
    yield condition.metric("confidence_gap", gap, where, (-1.0, 1.0))
    count, right = np.bincount(bins, minlength=BINS), np.bincount(bins, correct, minlength=BINS)
    for b in np.flatnonzero(count):
        yield proportion_metric(
            condition.name("bin_accuracy"),
            float(right[b] / count[b]),
            int(count[b]),
            {**condition.where, "confidence": round((b + 0.5) / BINS, 3), **where},
        )


def _with_debiased(
    condition: Condition,
    name: str,
    plain: EstimateWithError,
    less: tuple[float, float | None, float | None],
    where: Mapping[str, str],
) -> Iterator[Metric]:
    """Yield an error of calibration as it is, and less what chance adds."""
    yield condition.metric(name, plain, where, FRACTION, "fraction")
    value, low, high = less
    yield Metric(
        name=condition.name(f"{name}_debiased"),
        value=value,
        unit="fraction",
        low=low,
        high=high,
        n=len(condition.outputs),
        where={**condition.where, **where},
    )


def calibration_findings(condition: Condition, temperature: Temperature | None) -> list[Finding]:
    """Say where confidence is surely wrong on the clean test split, by how much, and what to try.

    Surely: the interval of the temperature, fitted on validation examples, is wholly beyond a tenth from 1, and the
    loss on test examples falls with it, its interval too; or mean confidence and accuracy on test examples differ
    by `GAP` or more and by `SURE` standard errors.
    """
    plain = condition.predictions
    confidence, accuracy = float(plain.confidence.mean()), float(plain.correct.mean())
    numbers = {"confidence": confidence, "accuracy": accuracy}
    means = (
        f"its confidence is {100 * confidence:.1f} % on average {condition.words()}, where "
        f"{100 * accuracy:.1f} % are right"
    )
    if temperature is not None:
        low, high = temperature.interval()
        scaled = _scaled(condition, temperature)
        falls = EstimateWithError.of_mean(plain.losses - scaled.losses)
        least = falls.interval()[0]
        if (low > WRONG_BY or high < 1 / WRONG_BY) and least is not None and least > 0:
            above = temperature.value > 1
            before, after = float(plain.losses.mean()), float(scaled.losses.mean())
            numbers |= {"temperature": temperature.value, "nll": before, "nll_scaled": after}
            return [
                Finding(
                    code="overconfident" if above else "underconfident",
                    sentence=f"It is too {'sure' if above else 'unsure'} of itself: the temperature that fits the "
                    f"{temperature.n:,} validation examples best is {significant(temperature.value, 3)} (95 % interval "
                    f"{significant(low, 3)} to {significant(high, 3)}), and with it the test loss falls from {before:.3f} to {after:.3f} nats; "
                    f"{means}.",
                    advice=_advice(condition, temperature),
                    numbers=numbers,
                )
            ]
    gap = EstimateWithError.of_mean(plain.confidence - plain.correct)
    if abs(gap.value) < GAP or not abs(gap.value) > SURE * gap.error:
        return []
    above = gap.value > 0
    return [
        Finding(
            code="overconfident" if above else "underconfident",
            sentence=f"It is too {'sure' if above else 'unsure'} of itself: {means}.",
            advice="Do not take its confidence for a probability; "
            + (
                "no single temperature mends it: compare its reliability curve with the diagonal."
                if temperature is not None
                else "on a larger validation split a temperature could be fitted."
            ),
            numbers=numbers,
        )
    ]


def _advice(condition: Condition, temperature: Temperature) -> str:
    """Say what to try: the temperature, unless the outputs went through a softmax before."""
    outputs = condition.outputs.logits
    if (outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=1e-3):
        return (
            "Remove the softmax at its end: the outputs are probabilities already, and confidence is that of another "
            "softmax of them."
        )
    return (
        f"Divide its logits by {significant(temperature.value, 3)} before the softmax; what it predicts stays the "
        "same."
    )
