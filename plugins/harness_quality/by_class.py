"""Accuracy of each class, of the worst one, and what it is where classes come as often as a prior says."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from harness.api import Examples, Finding, MeasureContext, Metric, NotApplicable, Task, UsageError
from harness.api.measuring import LeftOut, proportion_metric, wilson
from harness.api.reporting import counted, list_some
from harness_quality.evaluate import classify, grade, targets_of
from harness_quality.grades import of_classes
from harness_quality.options import ByClassOptions
from harness_quality.part_accuracy import FEWEST, worst_metric

Array = np.ndarray[Any, Any]


def check(task: Task, options: ByClassOptions, split: Callable[[str], Examples]) -> None:
    """Hold the prior against the classes of the data, before anything is fitted.

    Raises:
        UsageError, NotApplicable: As of `run`.
    """
    if options.prior and task.problem_item.of_classes is None:
        targets = torch.cat([one for _, one, _ in split("test").batches(options.batch_size)])
        _weights(options, _names(task), targets.bincount(minlength=task.outputs).cpu().numpy())


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield `class_accuracy` of each class, `worst_class_accuracy` and `balanced_accuracy`; with a prior `prior_accuracy`.

    Accuracy under a prior w is sum_c w_c acc_c (label shift: p(y) changes, p(x | y) does not; Saerens, Latinne &
    Decaestecker 2002, Neural Computation 14:21), balanced accuracy that of equal w. Its interval is Wilson's with the
    effective number of examples 1 / sum_c w_c^2 / n_c. That of the worst class holds for the least of all classes' true
    accuracies: the least of the lower and of the upper ends of intervals that hold together (Bonferroni).

    Of many classes those with the lowest accuracy are yielded, as many as the options say. Classes without a test
    example are left out, with their share of a prior, which is said.

    Raises:
        UsageError: The prior names a class that the data do not have.
        NotApplicable: It names only classes without a test example.
    """
    options = context.options
    assert isinstance(options, ByClassOptions)
    if context.task.problem_item.of_classes is not None:
        yield from _of_parts(context, options)
        return
    found = classify(context, context.split("test"), options.batch_size)
    targets = targets_of(context, options.batch_size)
    names = _names(context.task)
    counts = np.bincount(targets, minlength=len(names))
    right = np.bincount(targets, found.correct, minlength=len(names))
    tested = np.flatnonzero(counts)
    shares = right[tested] / counts[tested]
    order = np.argsort(shares, kind="stable")
    for place in np.sort(order[: options.most]):
        where = {"true_class": names[tested[place]]}
        yield proportion_metric("class_accuracy", shares[place], counts[tested[place]], where)
    yield worst_metric("worst_class_accuracy", shares, counts[tested])
    yield _under("balanced_accuracy", shares, counts[tested], np.ones(len(tested)))
    if options.prior:
        weights = _weights(options, names, counts)[tested]
        yield _under("prior_accuracy", shares, counts[tested], weights)
    context.save_findings(_few([names[k] for k in tested[counts[tested] < FEWEST]], names, tested))


def _of_parts(context: MeasureContext, options: ByClassOptions) -> Iterator[Metric]:
    """Yield the figure of each class of a problem whose examples have parts of several classes, the worst of many.

    Raises:
        NotApplicable: A prior is asked for, or outputs are not finite.
    """
    if options.prior:
        raise NotApplicable(
            f"by_class: prior: an example of {context.task.problem} is not of one class; leave the prior out"
        )
    tallies = grade(context, context.split("test"), options.batch_size).parts
    if not np.isfinite(tallies).all():
        raise NotApplicable("by_class: outputs are not finite, so that no class has a figure")
    found = of_classes(context.task, tallies)
    worst = sorted(found, key=lambda one: one.value)[: options.most]
    yield from (one for one in found if one in worst)


def _under(name: str, shares: Array, counts: Array, weights: Array) -> Metric:
    weights = weights / weights.sum()
    value = float((weights * shares).sum())
    effective = 1.0 / float((weights**2 / counts).sum())
    low, high = wilson(min(1.0, value), effective)
    return Metric(
        name=name, value=min(1.0, value), unit="fraction", low=low, high=high, n=int(counts.sum())
    )


def _names(task: Task) -> tuple[str, ...]:
    return task.class_names or tuple(map(str, range(task.outputs)))


def _weights(options: ByClassOptions, names: tuple[str, ...], counts: Array) -> Array:
    """Return the prior of each class ``(classes,)``; a warning tells what of it lies on classes without a test example."""
    unknown = sorted(set(options.prior) - set(names))
    if unknown:
        raise UsageError(
            f"by_class: prior: {unknown[0]!r} is no class of the data; they are {list_some(names)}"
        )
    weights = np.array([options.prior.get(name, 0.0) for name in names])
    untested = [repr(names[k]) for k in np.flatnonzero((weights > 0) & (counts == 0))]
    tested = weights[counts > 0].sum()
    if not tested > 0 or not math.isfinite(weights.sum()):
        raise NotApplicable("by_class: prior: no class with a test example has a weight above 0")
    if untested:
        warnings.warn(
            f"by_class: {100 * (1 - tested / weights.sum()):.3g} % of the prior is left out, of classes without a test "
            f"example: {list_some(untested)}; the accuracy under it is that of the others",
            LeftOut,
            stacklevel=1,
        )
    return weights


def _few(few: list[str], names: tuple[str, ...], tested: Array) -> Iterator[Finding]:
    gone = [name for k, name in enumerate(names) if k not in set(tested.tolist())]
    for code, classes, words in (
        ("untested-classes", gone, "no test example"),
        ("scarcely-tested-classes", few, f"fewer than {FEWEST} test examples"),
    ):
        if classes:
            yield Finding(
                code=code,
                sentence=f"Of {len(names)} classes {counted(len(classes), 'has', 'have')} {words}: {list_some([*map(repr, classes)])}.",
                advice="Collect more examples of them before a figure of a single class decides.",
                numbers={"classes": len(classes)},
            )
