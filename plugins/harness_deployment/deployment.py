"""What becomes of a model's answers in the pipeline of its deployment, and of its speed."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from harness.api import DataError, Examples, MeasureContext, Metric, NotApplicable
from harness.api.measuring import (
    LeftOut,
    change_interval,
    mark_doubtful,
    median_metric,
    refusing,
    share_metric,
    synchroniser,
)
from harness_deployment.findings import find_surely_changed
from harness_deployment.gallery import Answers, Deployed, flip_sheets
from harness_deployment.options import MISTAKES, READINGS, DeploymentOptions
from harness_deployment.pipelines import Pipeline, build, reference

Array = np.ndarray[Any, np.dtype[Any]]
FEWEST_TURNS = 6  # for an interval of the median ratio


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield for each pipeline what differs from the reference, the pipeline of all other measures.

    `deployed_accuracy` with Wilson's interval; `accuracy_change`, in points of a hundred, with a
    paired one (`change_interval`);
    `prediction_flips`, the share of the examples whose predicted class is another; `largest_logit_change`, the
    greatest absolute difference of a logit; and `speed_ratio` of those that execute the model otherwise: the
    median of the reference's time over the pipeline's, each pair of calls one after the other.
    Pictures that are read otherwise are read from their files anew. `worst_deployed_accuracy` is the lowest over the pipelines that are no mistakes.

    Kept for each example: `correct_<pipeline>` and `flip_<pipeline>`.

    Raises:
        NotApplicable: None of the pipelines is for this data and model here; of several those that are not are
            left out with a warning.
    """
    options = context.options
    assert isinstance(options, DeploymentOptions)
    examples = context.split("test")
    plain = reference(context)
    before = _answer(plain, examples, options.batch_size)
    found: dict[str, Answers] = {}
    given: dict[str, Examples] = {}
    ratios: dict[str, list[float]] = {}
    reasons: dict[str, list[str]] = {}
    for name in options.pipelines:
        try:
            with refusing(name):
                if name in READINGS:
                    given[name] = context.reread(READINGS[name])
                    found[name] = _answer(plain, given[name], options.batch_size)
                    continue
                pipeline = build(name, context, options)
                found[name] = _answer(pipeline, examples, options.batch_size)
                if pipeline.timed:
                    ratios[name] = _in_turns(context, plain, pipeline, options)
        except NotApplicable as reason:
            found.pop(name, None)
            reasons.setdefault(str(reason), []).append(name)
    told = [f"left out of the pipelines: {', '.join(n)}: {why}" for why, n in reasons.items()]
    if not found:
        raise NotApplicable("; ".join(told))
    for words in told:
        warnings.warn(words, LeftOut, stacklevel=1)
    flips = {name: one.predictions != before.predictions for name, one in found.items()}
    context.save_examples(
        ids=before.ids,
        **{_kept("correct", name): one.correct for name, one in found.items()},
        **{_kept("flip", name): flipped for name, flipped in flips.items()},
    )
    if options.gallery:
        shown = {
            name: Deployed(one, given.get(name, examples))
            for name, one in found.items()
            if name not in MISTAKES
        }
        sheets = flip_sheets(context, Deployed(before, examples), shown, options.gallery)
        context.save_gallery(list(sheets))
    changes = {name: change_interval(before.correct, one.correct) for name, one in found.items()}
    findings = list(find_surely_changed(changes))
    context.save_findings(findings)
    yield from mark_doubtful(_metrics(before, found, flips, ratios), findings)


def _metrics(
    before: Answers,
    found: Mapping[str, Answers],
    flips: Mapping[str, Array],
    ratios: Mapping[str, list[float]],
) -> Iterator[Metric]:
    for name, after in found.items():
        yield from _differences(name, before, after, flips[name])
        if name in ratios:
            yield median_metric("speed_ratio", ratios[name], "ratio", {"pipeline": name})
    real = {name: one.correct.mean() for name, one in found.items() if name not in MISTAKES}
    if real:
        worst = min(real, key=real.__getitem__)
        yield share_metric(
            "worst_deployed_accuracy", found[worst].correct, {}, _kept("correct", worst)
        )


def _kept(what: str, name: str) -> str:
    return f"{what}_{name.replace('-', '_')}"


def _answer(pipeline: Pipeline, examples: Examples, batch_size: int) -> Answers:
    logits, targets, ids = [], [], []
    with torch.inference_mode(), pipeline.setting():
        for batch, batch_targets, batch_ids in examples.batches(batch_size):
            logits.append(pipeline.call(batch).float().cpu())
            targets.append(batch_targets.cpu())
            ids.append(batch_ids.cpu())
    if not ids:
        raise DataError("there are no examples to run a pipeline on")
    order = torch.cat(ids).argsort()
    both = (torch.cat(found)[order].numpy() for found in (ids, logits, targets))
    return Answers(*both)


def _differences(name: str, before: Answers, after: Answers, flips: Array) -> Iterator[Metric]:
    where = {"pipeline": name}
    yield share_metric("deployed_accuracy", after.correct, where, _kept("correct", name))
    change, low, high = change_interval(before.correct, after.correct)
    yield Metric(
        name="accuracy_change",
        value=100 * change,
        low=100 * low,
        high=100 * high,
        n=len(flips),
        where=where,
    )
    yield share_metric("prediction_flips", flips, where, _kept("flip", name))
    apart = np.abs(after.logits.astype("float64") - before.logits)
    if math.isfinite(largest := float(apart.max())):
        yield Metric(name="largest_logit_change", value=largest, n=len(flips), where=where)


def _in_turns(
    context: MeasureContext, plain: Pipeline, other: Pipeline, options: DeploymentOptions
) -> list[float]:
    """Return the reference's time over the other's, for calls in turns; both have been called before."""
    inputs, _, _ = next(iter(context.split("test").batches(options.batch_size)))
    wait = synchroniser(context.device)
    ratios: list[float] = []
    end = time.perf_counter() + options.seconds
    with torch.inference_mode():
        while len(ratios) < FEWEST_TURNS or time.perf_counter() < end:
            pair = (plain, other) if len(ratios) % 2 else (other, plain)
            took = {}
            for pipeline in pair:
                with pipeline.setting():
                    start = time.perf_counter()
                    pipeline.call(inputs)
                    wait()
                    took[id(pipeline)] = time.perf_counter() - start
            ratios.append(took[id(plain)] / took[id(other)])
    return ratios
