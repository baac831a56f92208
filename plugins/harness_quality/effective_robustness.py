"""Effective robustness: accuracy under shift beyond what clean accuracy predicts by a fit over models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit, logit

from harness.api import FittedModel, MeasureContext, Metric, NotApplicable
from harness.api.declaring import shift_pairs
from harness_quality import unfit
from harness_quality.evaluate import classify, outputs_of, verdicts_under
from harness_quality.intervals import resampled_means
from harness_quality.natural_shift import judge
from harness_quality.options import EffectiveRobustnessOptions
from harness_quality.reference import said_of, where_of

Array = np.ndarray[Any, Any]
SHIFTS = "shifts"


@dataclass(frozen=True)
class Accuracies:
    """A model's accuracy, clean and shifted, each the observed one and, along the last axis, of resamples.

    sizes: the number of examples of each.
    """

    clean: Array
    shifted: Array
    sizes: tuple[int, int]

    @classmethod
    def of(cls, clean: Array, shifted: Array, paired: bool) -> Accuracies:
        """Take verdicts on clean examples ``(n,)`` and shares of verdicts on shifted ones ``(m,)``.

        paired: they are of the same examples, which are resampled together.
        """
        one, other = clean.astype("float64"), shifted.astype("float64")
        if paired:
            drawn = resampled_means(np.stack([one, other])).T
        else:
            drawn = np.stack(
                [resampled_means(v[None], seed)[:, 0] for seed, v in enumerate((one, other))]
            )
        observed = np.array([[one.mean()], [other.mean()]])
        first, second = np.concatenate([observed, drawn], axis=1)
        return cls(first, second, (len(clean), len(shifted)))


@dataclass(frozen=True)
class LogitFit:
    """logit(shifted) = intercept + slope * logit(clean), by least squares; one for each resample."""

    intercept: Array
    slope: Array

    @classmethod
    def over(cls, clean: Array, shifted: Array) -> LogitFit:
        """Fit logits ``(models, ...)``; where all clean ones are alike the slope is NaN."""
        x, y = clean - clean.mean(axis=0), shifted - shifted.mean(axis=0)
        squares = (x * x).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(squares > 1e-12, (x * y).sum(axis=0) / squares, np.nan)
        return cls(shifted.mean(axis=0) - slope * clean.mean(axis=0), slope)

    def predict(self, clean: Array) -> Array:
        """Return the accuracy that the fit expects under shift, from the logit of the clean one."""
        return np.asarray(expit(self.intercept + self.slope * clean))


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield of each model `effective_robustness` against each data set and against the shifts together, and the mean.

    acc_shift - logistic(b0 + b1 logit(acc_clean)), with b0 and b1 by least squares over the baseline models (Taori et al.
    2020, arXiv:2007.00644, section 2), in points of a hundred. Shares are taken into logits as (k + 1/2) / (n + 1) of n, so that
    0 and 1 are finite. The interval is of the bootstrap over examples, drawn alike for all models, the fit made anew each
    time; it tells nothing of other models that the fit might have been over. Beside it `fitted_clean_accuracy`, `fitted_shifted_accuracy`,
    `fit_intercept` and `fit_slope`.

    One model is in memory at a time; what ``shift`` has kept of it is not asked of it again.

    Raises:
        NotApplicable: There are fewer than five baseline models, or all of them have the same clean accuracy.
    """
    options = context.options
    assert isinstance(options, EffectiveRobustnessOptions)
    baselines = _baselines(context.fits, options)
    measured = [_measure(context, fit, options) for fit in context.fits]
    gains: dict[int, list[Array]] = {}
    for against in measured[0]:
        found = [one[against] for one in measured]
        clean, shifted = (
            np.stack([_logits(getattr(one, side), one.sizes[at]) for one in found])
            for at, side in enumerate(("clean", "shifted"))
        )
        fit = LogitFit.over(clean[baselines], shifted[baselines])
        if not np.isfinite(fit.slope[0]):
            raise NotApplicable(
                "all baseline models have the same clean accuracy, so that nothing can be predicted from it; compare "
                "models that differ in it"
            )
        for place, one in enumerate(found):
            gain = 100 * (one.shifted - fit.predict(clean[place]))
            gains.setdefault(place, []).append(gain)
            where = {**where_of(context.fits[place]), "against": against}
            yield _metric("effective_robustness", gain, one.sizes[1], where)
            yield _metric("fitted_clean_accuracy", one.clean, one.sizes[0], where, "fraction")
            yield _metric("fitted_shifted_accuracy", one.shifted, one.sizes[1], where, "fraction")
            for name, values in (("fit_intercept", fit.intercept), ("fit_slope", fit.slope)):
                yield Metric(name=name, value=float(values[0]), n=len(baselines), where=where)
    for place, several in gains.items():
        n = sum(one.sizes[1] for one in measured[place].values())
        mean = np.mean(several, axis=0)
        yield _metric("mean_effective_robustness", mean, n, where_of(context.fits[place]))


def _baselines(fits: Sequence[FittedModel], options: EffectiveRobustnessOptions) -> list[int]:
    if words := unfit.effective_robustness(
        options, [(fit.architecture, fit.recipe) for fit in fits]
    ):
        raise NotApplicable(words)
    wanted = options.baseline_recipe
    return [at for at, fit in enumerate(fits) if wanted is None or fit.recipe in ("", wanted)]


def _measure(
    context: MeasureContext, fit: FittedModel, options: EffectiveRobustnessOptions
) -> dict[str, Accuracies]:
    print(f"measured clean and shifted: {said_of(fit)}", flush=True)
    here = replace(context, model=fit.load())
    clean = outputs_of(here, here.split("test"), options.batch_size)
    found = {}
    for name in options.datasets:
        judged = judge(here, name, here.other(name), clean, options)
        stacked = judged.stacked
        if judged.paired and stacked is not None:
            before = judged.clean.of(judged.parts[0][1].ids)
            found[name] = Accuracies.of(before, stacked.mean(axis=0), True)
        else:
            shifted = np.concatenate([part.correct for _, part in judged.parts])
            found[name] = Accuracies.of(judged.clean.correct, shifted, False)
    if options.shifts:
        of_clean, known = classify(here, here.split("test"), options.batch_size), fit.kept()
        under = [
            verdicts_under(here, pair, known, of_clean.ids, options.batch_size)
            for pair in shift_pairs(options)
        ]
        found[SHIFTS] = Accuracies.of(of_clean.correct, np.mean(under, axis=0), True)
    return found


def _logits(shares: Array, n: int) -> Array:
    return np.asarray(logit((shares * n + 0.5) / (n + 1)))


def _metric(name: str, values: Array, n: int, where: dict[str, Any], unit: str = "") -> Metric:
    """Return the first value, with the interval of the others, which are of resamples."""
    value = float(values[0])
    low, high = (float(end) for end in np.nanpercentile(values[1:], [2.5, 97.5]))
    return Metric(
        name=name,
        value=value,
        unit=unit,
        low=min(low, value),
        high=max(high, value),
        n=n,
        where=where,
    )
