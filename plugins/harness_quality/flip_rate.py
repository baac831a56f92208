"""How often answers flip over sequences of small changes, and mFR against a reference architecture."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from harness.api import Draws, Examples, MeasureContext, Metric, NotApplicable
from harness.api.measuring import LeftOut, derive
from harness_quality.evaluate import Array
from harness_quality.frames import SEQUENCES, WITHOUT_ORDER
from harness_quality.intervals import clustered_wilson, resampled_means
from harness_quality.options import FlipRateOptions, MeanFlipRateOptions
from harness_quality.reference import find_reference, said_of, where_of


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield `flip_probability` of each sequence, and the mean over them.

    FP = mean over examples and frames j > 1 of 1(f(x_j) != f(x_{j-1})); of noise, whose frames have no order, 1(f(x_j) != f(x_1))
    (Hendrycks & Dietterich 2019, section 4.2). Intervals are over examples. Kept for each example: `flips_<sequence>`.
    """
    options = context.options
    assert isinstance(options, FlipRateOptions)
    ids, shares = flip_shares(context, options)
    kept = {name: f"flips_{name}" for name in shares}
    context.save_examples(ids=ids, **{kept[name]: values for name, values in shares.items()})
    for name, values in shares.items():
        yield _mean(options, values[None], {"sequence": name}, [kept[name]])
    yield _mean(options, np.stack([*shares.values()]), {}, [*kept.values()])


def run_against_reference(context: MeasureContext) -> Iterator[Metric]:
    """Yield of each model `flip_rate` of each sequence, FP over that of the reference, and their mean mFR.

    As ratios: 1 is the reference's, which the field writes as 100 %. Intervals are of the bootstrap over examples, drawn alike for
    model and reference; none where a resampled reference does not flip. One model is in memory at a time.

    Raises:
        NotApplicable: The reference is not among the models, or its answers never flip under some sequence.
    """
    options = context.options
    assert isinstance(options, MeanFlipRateOptions)
    at = find_reference(context, options.reference, options.reference_recipe)
    rates = []
    for fit in context.fits:
        print(f"measured over {len(options.sequences)} sequences: {said_of(fit)}", flush=True)
        _, shares = flip_shares(replace(context, model=fit.load()), options)
        stacked = np.stack(list(shares.values()))  # (sequences, examples)
        rates.append(np.concatenate([stacked.mean(axis=1)[None], resampled_means(stacked)]))
    n, reference = stacked.shape[1], said_of(context.fits[at])
    still = [s for s, rate in zip(options.sequences, rates[at][0], strict=True) if not rate > 0]
    if still:
        raise NotApplicable(
            f"the answers of the reference {reference} never flip under {', '.join(still)}, so that no rate can be divided by "
            "its own; name a reference that is less stable, or more frames"
        )
    unsure = [s for s, rate in zip(options.sequences, rates[at].T, strict=True) if not rate.all()]
    if unsure:
        warnings.warn(
            f"no interval where the reference {reference} flips so rarely that some resamples have no flip: "
            f"{', '.join(unsure)}",
            LeftOut,
            stacklevel=1,
        )
    for fit, own in zip(context.fits, rates, strict=True):
        where = {**where_of(fit), "reference": reference}
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = own / rates[at]
        for place, sequence in enumerate(options.sequences):
            there = {**where, "sequence": sequence}
            yield _ratio("flip_rate", ratios[:, place], n, there)
        yield _ratio("mfr", ratios.mean(axis=1), n, where)


def flip_shares(
    context: MeasureContext, options: FlipRateOptions | MeanFlipRateOptions
) -> tuple[Array, dict[str, Array]]:
    """Return the ids of the test examples, and for each sequence the share of frames at which each one's answer flips."""
    examples: Examples = context.split("test")
    found: dict[str, list[Array]] = {name: [] for name in options.sequences}
    ids: list[Array] = []
    with torch.inference_mode(), context.autocast():
        for inputs, _, batch_ids in examples.batches(options.batch_size):
            ids.append(batch_ids.cpu().numpy())
            for name in options.sequences:
                draws = Draws(derive(context.seed, "flips", name), batch_ids)
                frames = SEQUENCES[name](inputs, options.frames, draws, context.task)
                answers = torch.stack([context.model(frame).argmax(1) for frame in frames])
                before = answers[:1] if name in WITHOUT_ORDER else answers[:-1]
                flips = (answers[1:] != before).double().mean(0)
                found[name].append(flips.cpu().numpy())
    order = np.concatenate(ids).argsort()
    shares = {name: np.concatenate(parts)[order] for name, parts in found.items()}
    return np.concatenate(ids)[order], shares


def _mean(
    options: FlipRateOptions, shares: Array, where: dict[str, Any], kept: list[str]
) -> Metric:
    """Return the mean of shares ``(sequences, examples)``, kept under these names, of which less is better."""
    mean, low, high = clustered_wilson(shares, options.frames - 1)
    return Metric(
        name="flip_probability" if where else "mean_flip_probability",
        value=mean,
        unit="fraction",
        low=low,
        high=high,
        n=shares.shape[1],
        where=where,
        examples=tuple(f"-{one}" for one in kept),
    )


def _ratio(name: str, ratios: Array, n: int, where: dict[str, Any]) -> Metric:
    """Return the first ratio, with the interval of the others, which are of resamples."""
    value, drawn = float(ratios[0]), ratios[1:]
    if np.all(ratios == 1):  # the reference itself
        return Metric(name=name, value=1.0, unit="ratio", exact=True, where=where)
    ends: tuple[float | None, float | None] = (None, None)
    if np.isfinite(drawn).all():
        low, high = (float(end) for end in np.percentile(drawn, [2.5, 97.5]))
        ends = (min(low, value), max(high, value))
    return Metric(name=name, value=value, unit="ratio", low=ends[0], high=ends[1], n=n, where=where)
