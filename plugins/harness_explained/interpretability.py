"""What says which parts of an input an answer is due to, and whether it can be believed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import Draws, Finding, MeasureContext, Metric, NotApplicable
from harness.api.measuring import LeftOut, copy_with_random_weights, derive, mean_metric
from harness_explained.deletion import area, curve, part_counts, rank_parts
from harness_explained.findings import incomplete, no_better, shows_the_input
from harness_explained.gradients import incompleteness
from harness_explained.maps import attribution_sheets
from harness_explained.options import InterpretabilityOptions
from harness_explained.similarity import rank_correlations
from harness_explained.subject import ExplainedExamples, attribute, choose_methods, choose_subject

Array = np.ndarray[Any, Any]

RANDOM = "random"
ORDERS = 5  # random ones of each example, whose mean is the baseline


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield of each method the areas of insertion and deletion, beside those of a random order, and the likeness to random weights.

    What is explained is the class that the model answers. Areas are of its probability, 0 to 1, over the share of parts, with
    a normal interval over examples. The likeness is Spearman's correlation of maps without signs, with weights that have changed
    places (Adebayo et al. 2018, "Sanity checks for saliency maps", section 3, arXiv:1810.03292); a map that is the same everywhere
    counts as 0. Of integrated gradients the error is told by which they miss completeness, over the mean difference that they
    should add up to.

    Raises:
        NotApplicable: None of the methods is for this model and these data.
    """
    options = context.options
    assert isinstance(options, InterpretabilityOptions)
    subject = choose_subject(context, options)
    random = copy_with_random_weights(context.model, derive(context.seed, "random weights")).eval()
    found: dict[str, Tensor] = {}
    unlearnt: dict[str, Tensor] = {}
    reasons = []
    for name, method in choose_methods(context, options, subject.reference).items():
        try:
            maps = attribute(context, method, context.model, subject, options.batch_size)
            unlearnt[name] = attribute(context, method, random, subject, options.batch_size)
            found[name] = maps
        except NotApplicable as reason:
            reasons.append(f"{name} is left out: {reason}")
    if not found:
        raise NotApplicable("; ".join(reasons))
    for words in reasons if options.methods else ():
        warnings.warn(words, LeftOut, stacklevel=1)
    kept: dict[str, Array] = {}
    metrics: list[Metric] = []
    findings: list[Finding] = []
    orders = _orders(context, subject, found)
    for name, some in orders.items():
        metrics += _areas(context, options, subject, name, some, kept)
    for name, maps in found.items():
        gains = kept[f"insertion_{_key(name)}"] - kept[f"insertion_{_key(RANDOM)}"]
        findings += no_better(name, gains)
        alike = rank_correlations(_flat(maps), _flat(unlearnt[name]))
        metrics.append(mean_metric("random_weights_correlation", alike, "", {"method": name}))
        findings += shows_the_input(name, metrics[-1])
    if "integrated-gradients" in found:
        maps = found["integrated-gradients"]
        metrics.append(_completeness(context, options, subject, maps))
        findings += incomplete(metrics[-1], options.steps)
    context.save_examples(ids=subject.ids.cpu().numpy(), **kept)
    _save_gallery(context, options, subject, found, unlearnt)
    context.save_findings(findings)
    yield from metrics


def _orders(
    context: MeasureContext, subject: ExplainedExamples, found: dict[str, Tensor]
) -> dict[str, list[Tensor]]:
    """Return the orders of parts ``(n, parts)`` of each method, and the random ones, which are the same for all models."""
    parts = next(iter(found.values()))[0].numel()
    draws = Draws(derive(context.seed, "orders"), subject.ids)
    random = [draws.uniform(f"order {k}", (parts,)).argsort(1) for k in range(ORDERS)]
    orders = {name: [rank_parts(maps.flatten(1), random[0])] for name, maps in found.items()}
    return orders | {RANDOM: random}


def _areas(
    context: MeasureContext,
    options: InterpretabilityOptions,
    subject: ExplainedExamples,
    name: str,
    orders: list[Tensor],
    kept: dict[str, Array],
) -> Iterator[Metric]:
    """Yield the areas of insertion and deletion and the points of their curves, means over orders; keep areas by example."""
    counts = part_counts(orders[0].shape[1], options.points)
    ends = (subject.inputs, subject.reference.expand_as(subject.inputs))
    for kind, (given, taken), sign in (("insertion", ends[::-1], "+"), ("deletion", ends, "-")):
        curves = torch.stack(
            [_curve(context, options, subject, given, taken, order, counts) for order in orders]
        ).mean(0)
        array = f"{kind}_{_key(name)}"
        kept[array] = area(curves, counts).numpy()
        of = {"method": name}
        yield mean_metric(f"{kind}_area", kept[array], "fraction", of, sign + array)
        for count, values in zip(counts, curves.cpu().numpy().T, strict=True):
            replaced = round(count / counts[-1], 4)
            yield mean_metric(
                f"{kind}_probability", values, "fraction", {**of, "replaced": replaced}
            )


def _curve(
    context: MeasureContext,
    options: InterpretabilityOptions,
    subject: ExplainedExamples,
    given: Tensor,
    taken: Tensor,
    order: Tensor,
    counts: list[int],
) -> Tensor:
    """Return the probability of what is answered, at each count of parts that are replaced ``(n, counts)``, float64."""
    shape = list(context.task.input_shape)
    if len(shape) > 1:
        shape[context.task.modality_item.feature_axis] = 1
    found = []
    with torch.no_grad(), context.autocast():
        for some in subject.batches(options.batch_size):
            classes = subject.classes[some, None]

            def probability(inputs: Tensor, classes: Tensor = classes) -> Tensor:
                shares = context.model(inputs).double().softmax(1)
                return torch.nan_to_num(shares.gather(1, classes)[:, 0])

            found.append(curve(probability, given[some], taken[some], order[some], shape, counts))
    return torch.cat(found)


def _completeness(
    context: MeasureContext,
    options: InterpretabilityOptions,
    subject: ExplainedExamples,
    maps: Tensor,
) -> Metric:
    """Return by how much integrated gradients miss what they should add up to, where both are numbers; their sum over
    channels has the same sum.
    """
    missed, differences = [], []
    for some in subject.batches(options.batch_size):
        of = (context.model, subject.inputs[some], subject.classes[some], subject.reference)
        with context.autocast():
            gap, difference = incompleteness(*of, maps[some])
        missed.append(gap.abs())
        differences.append(difference.abs())
    both = torch.stack([torch.cat(missed), torch.cat(differences)]).cpu().numpy()
    errors, whole = both[:, np.isfinite(both).all(0)]
    if not len(errors):
        return Metric(name="completeness_error", value=np.nan, unit="ratio", n=0)
    mean = float(whole.mean())
    return mean_metric("completeness_error", errors / (mean if mean > 0 else 1.0), "ratio")


def _flat(maps: Tensor) -> Array:
    """Return maps without signs ``(n, parts)``."""
    found: Array = maps.abs().flatten(1).cpu().numpy()
    return found


def _key(method: str) -> str:
    return method.replace("-", "_").replace(" ", "_")


def _save_gallery(
    context: MeasureContext,
    options: InterpretabilityOptions,
    subject: ExplainedExamples,
    found: dict[str, Tensor],
    unlearnt: dict[str, Tensor],
) -> None:
    count = min(options.gallery, len(subject.ids))
    if not count:
        return
    names = context.task.class_names
    answers = subject.classes[:count].tolist()
    sets = {
        "what the answer is due to": found,
        "the same with random weights": unlearnt,
    }
    sheets = attribution_sheets(
        context.task,
        subject.inputs[:count].cpu(),
        [f"answered {names[k] if names else k}" for k in answers],
        {
            title: {name: maps[:count].cpu() for name, maps in by_method.items()}
            for title, by_method in sets.items()
        },
    )
    context.save_gallery(list(sheets))
