"""Corruption errors against a reference: mCE and relative mCE."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.api import MeasureContext, Metric, NotApplicable
from harness.api.measuring import LeftOut
from harness_quality import unfit
from harness_quality.evaluate import classify, verdicts_under
from harness_quality.imagenet_c import (
    ALEXNET,
    ALEXNET_CLEAN,
    CORRUPTIONS,
    SEVERITIES,
    corruption_pairs,
)
from harness_quality.intervals import resampled_means
from harness_quality.options import MceOptions
from harness_quality.reference import find_reference, said_of, where_of

Array = np.ndarray[Any, Any]
OF_ALEXNET = "AlexNet, published"


@dataclass(frozen=True)
class Rates:
    """Error rates under each of CORRUPTIONS, the mean over severities, and at the end on clean examples.

    observed: ``(16,)``. resampled: ``(resamples, 16)``, of the same examples for every model; ``(1, 16)`` for
    published rates, which nothing is known of but their values.
    """

    observed: Array
    resampled: Array

    @classmethod
    def of(cls, errors: Array) -> Rates:
        """Take the errors of each example, ``(16, examples)`` of 0 to 1."""
        return cls(errors.mean(axis=1), resampled_means(errors))

    @classmethod
    def published(cls) -> Rates:
        """Return AlexNet's on ImageNet-C."""
        rates = np.array([*ALEXNET.values(), ALEXNET_CLEAN])
        return cls(rates, rates[None])

    def losses(self) -> Rates:
        """Return what each corruption adds to the clean error, ``(..., 15)``."""
        return Rates(*(one[..., :-1] - one[..., -1:] for one in (self.observed, self.resampled)))

    def corrupted(self) -> Rates:
        """Return those under corruptions alone, ``(..., 15)``."""
        return Rates(self.observed[..., :-1], self.resampled[..., :-1])

    def at(self, corruption: int) -> Rates:
        """Return that of one corruption, by its place, ``(..., 1)``."""
        return Rates(self.observed[[corruption]], self.resampled[:, [corruption]])

    def none_under(self) -> list[str]:
        """Return the corruptions under which the rate is not positive, so that it cannot divide."""
        return [name for name, rate in zip(CORRUPTIONS, self.observed, strict=True) if not rate > 0]


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield, of each model, the corruption errors CE_c, their mean mCE, and relative mCE.

    Hendrycks & Dietterich 2019, section 4.1: CE_c = sum_s E(s, c) / sum_s E_ref(s, c) over the severities s,
    mCE its mean over the 15 corruptions c of ImageNet-C; relative CE_c = (mean_s E(s, c) - E_clean) /
    (mean_s E_ref(s, c) - E_ref,clean). As ratios: 1 is the reference's, which the field writes as 100 %.

    Intervals are of the bootstrap over examples, drawn alike for model and reference. Where a resampled
    reference has nothing to divide by, there is none, and the figure is marked. One model is in memory at a time; what
    ``shift`` has kept of it is not asked of it again.

    Kept for each example, models numbered from 0 in the order of `context.fits`: `wrong_<t>`, and
    `wrong_<t>_<corruption>`, the number of severities at which it is wrong.

    Raises:
        NotApplicable: The reference is not among the models, or makes no error under some corruption; or
            the published errors are asked for on data of another number of classes.
    """
    options = context.options
    assert isinstance(options, MceOptions)
    chosen = _find_reference(context, options)
    kept: dict[str, Array] = {}
    if chosen is None:
        reference, name = Rates.published(), OF_ALEXNET
    else:
        reference, name = _rates(context, options, chosen, kept), said_of(context.fits[chosen])
    if silent := reference.corrupted().none_under():
        raise NotApplicable(
            f"the reference {name} makes no error under {', '.join(silent)}, so that no error can be divided "
            "by its own; name a reference that is less accurate"
        )
    relative = reference.losses().none_under()
    if relative:
        warnings.warn(
            f"relative mCE is left out: the reference {name} is no worse under {', '.join(relative)} than on "
            "clean examples, and what others lose cannot be divided by that",
            LeftOut,
            stacklevel=1,
        )
    for at, fit in enumerate(context.fits):
        where = {**where_of(fit), "reference": name}
        if at == chosen:
            yield from _of_itself(where, not relative)
            continue
        rates = _rates(context, options, at, kept)
        n = len(kept[f"wrong_{at}"])
        mine, theirs = rates.corrupted(), reference.corrupted()
        for c, corruption in enumerate(CORRUPTIONS):
            there = {**where, "shift": corruption}
            single = mine.at(c), theirs.at(c)
            yield _mean_ratio("corruption_error", "ratio", *single, there, n)
        yield _mean_ratio("mce", "ratio", mine, theirs, where, n)
        if not relative:
            losses = rates.losses(), reference.losses()
            yield _mean_ratio("relative_mce", "", *losses, where, n)
    context.save_examples(**kept)


def _find_reference(context: MeasureContext, options: MceOptions) -> int | None:
    """Return the place of the reference among the models; None for AlexNet's published errors."""
    if options.reference is None:
        if words := unfit.mce(options, (), context.task.outputs):
            raise NotApplicable(words)
        return None
    return find_reference(context, options.reference, options.reference_recipe)


def _rates(context: MeasureContext, options: MceOptions, at: int, kept: dict[str, Array]) -> Rates:
    """Measure a model under all corruptions, and keep what was found of each example."""
    fit = context.fits[at]
    print(f"measured under {len(CORRUPTIONS)} corruptions: {said_of(fit)}", flush=True)
    here = replace(context, model=fit.load())
    clean = classify(here, here.split("test"), options.batch_size)
    kept["ids"], kept[f"wrong_{at}"] = clean.ids, ~clean.correct
    rows, known = [], fit.kept()
    asked = corruption_pairs(
        options.quality
    )  # severity by severity of one corruption after the other
    for number, shift in enumerate(CORRUPTIONS):
        wrong = np.zeros(len(clean.ids), dtype=np.uint8)
        for pair in asked[number * len(SEVERITIES) : (number + 1) * len(SEVERITIES)]:
            wrong += ~verdicts_under(here, pair, known, clean.ids, options.batch_size)
        kept[f"wrong_{at}_{shift}"] = wrong
        rows.append(wrong / len(SEVERITIES))
    return Rates.of(np.stack([*rows, ~clean.correct]))


def _of_itself(where: dict[str, Any], relative: bool) -> Iterator[Metric]:
    """Yield the reference's own figures, which are 1 by definition."""
    for corruption in CORRUPTIONS:
        there = {**where, "shift": corruption}
        yield Metric(name="corruption_error", value=1.0, unit="ratio", exact=True, where=there)
    yield Metric(name="mce", value=1.0, unit="ratio", exact=True, where=where)
    if relative:
        yield Metric(name="relative_mce", value=1.0, exact=True, where=where)


def _mean_ratio(
    name: str, unit: str, mine: Rates, theirs: Rates, where: dict[str, Any], n: int
) -> Metric:
    """Return the mean of the ratios of rates ``(..., corruptions)``, with its interval."""
    value = float((mine.observed / theirs.observed).mean())
    if not (theirs.resampled > 0).all():
        where = {
            **where,
            "flag": "the reference loses so little that its share in this is not certain",
        }
        return Metric(name=name, value=value, unit=unit, n=n, where=where)
    ratios = (mine.resampled / theirs.resampled).mean(axis=-1)
    low, high = (float(end) for end in np.percentile(ratios, [2.5, 97.5]))
    ends = (min(low, value), max(high, value)) if low < high else (None, None)
    return Metric(name=name, value=value, unit=unit, low=ends[0], high=ends[1], n=n, where=where)
