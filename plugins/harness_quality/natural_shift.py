"""Accuracy under natural shift: on other data sets of the same classes, against clean test examples of these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from harness.api import Finding, MeasureContext, Metric, NotApplicable
from harness.api.measuring import (
    OtherData,
    Share,
    change_interval,
    difference_interval,
    mean_change_interval,
    share_metric,
    wilson,
)
from harness_quality.evaluate import Array, outputs_of
from harness_quality.intervals import clustered_wilson
from harness_quality.options import EffectiveRobustnessOptions, NaturalShiftOptions


@dataclass(frozen=True)
class JudgedExamples:
    """Which examples are right, ``(n,)``, with their ids, in the order of ids."""

    ids: Array
    correct: Array

    @property
    def share(self) -> Share:
        """The share that is right, and Wilson's interval."""
        share = float(self.correct.mean())
        return share, *wilson(share, len(self.correct))

    def of(self, ids: Array) -> Array:
        """Return the verdicts on examples with these ids, which are all there."""
        return np.asarray(self.correct[np.searchsorted(self.ids, ids)])


@dataclass(frozen=True)
class Natural:
    """A model on another data set: its parts with what each holds for, and on clean test examples of the same classes."""

    parts: tuple[tuple[dict[str, Any], JudgedExamples], ...]
    clean: JudgedExamples
    paired: bool

    @property
    def stacked(self) -> Array | None:
        """Verdicts ``(parts, examples)`` where all parts are of the same examples; else None."""
        first = self.parts[0][1].ids
        if not all(np.array_equal(part.ids, first) for _, part in self.parts):
            return None
        return np.stack([part.correct for _, part in self.parts])

    @property
    def share(self) -> Share:
        """The mean over parts, all weighed alike, and its interval."""
        if (stacked := self.stacked) is not None:
            return clustered_wilson(stacked)
        mean = float(np.mean([part.correct.mean() for _, part in self.parts]))
        return mean, *wilson(mean, sum(len(part.ids) for _, part in self.parts))

    @property
    def change(self) -> Share:
        """Its difference to clean examples, with an interval: paired where the same examples are behind both."""
        stacked = self.stacked
        if not self.paired or stacked is None:
            return difference_interval(self.clean.share, self.share)
        before = self.clean.of(self.parts[0][1].ids)
        if len(stacked) == 1:
            return change_interval(before, stacked[0])
        return mean_change_interval(before, self.share, stacked.mean(axis=0))


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield for each data set `natural_accuracy`, `clean_subset_accuracy` of the same classes, and `natural_change`.

    The change is in points of a hundred. Where examples were made of test examples (CIFAR-10-C), it is of the same ones,
    and paired; else its interval is unpaired. A model chooses among the classes of which the data set has examples, as
    published figures of ImageNet-A and -R do, on both sides; with `among = "all"` among all. Where a class of the data
    set stands for several of the data, each is right. Of a data set in parts (corruptions and severities)
    `natural_part_accuracy` is that of each, and the others are means over parts, all weighed alike.
    `mean_natural_accuracy` is the mean over data sets; its interval is the mean of theirs, as wide as if all erred
    together.

    Kept for each example, of one data set whose parts are of the same examples: `correct_<part>`.

    Raises:
        DataError: There is no test example.
    """
    options = context.options
    assert isinstance(options, NaturalShiftOptions)
    clean = outputs_of(context, context.split("test"), options.batch_size)
    findings: list[Finding] = []
    found: dict[str, Natural] = {}
    for name in options.datasets:
        other = context.other(name)
        if other.note:
            findings.append(_unpaired(name, other.note))
        try:
            found[name] = judge(context, name, other, clean, options)
        except NotApplicable as reason:
            findings.append(_not_judged(name, str(reason)))
            continue
        yield from _metrics(name, found[name])
    kept = _keep(context, found)
    if found:
        shares = np.array([one.share for one in found.values()]).mean(axis=0)
        yield Metric(
            name="mean_natural_accuracy",
            value=float(shares[0]),
            unit="fraction",
            low=float(shares[1]),
            high=float(shares[2]),
            n=sum(len(part.ids) for one in found.values() for _, part in one.parts),
            examples=kept,
        )
    context.save_findings(findings)


def judge(
    context: MeasureContext,
    name: str,
    other: OtherData,
    clean: tuple[Any, Any, Any],
    options: NaturalShiftOptions | EffectiveRobustnessOptions,
) -> Natural:
    """Return a model's verdicts on another data set and on clean examples.

    name: that of the data set. clean: outputs, targets and ids of the test examples.

    Raises:
        NotApplicable: No test example is of its classes, or it has one class alone to choose among, so that all is right.
    """
    seen = {number for part in other.parts for number in part.examples.targets.tolist()}
    if options.among == "subset" and len(seen) == 1:
        raise NotApplicable(
            f"all examples of {name} are of one class, and a model that chooses among the classes of which it has "
            "examples would always be right"
        )
    own = torch.full((context.task.outputs,), -1, dtype=torch.long)
    for number in seen:
        own[list(other.classes[number])] = number
    among = own >= 0 if options.among == "subset" else torch.ones_like(own, dtype=torch.bool)
    logits, targets, ids = clean
    wanted = own[targets.long()]
    there = wanted >= 0
    if not bool(there.any()):
        raise NotApplicable(f"no test example is of a class of {name}")
    before = _verdicts(logits[there], wanted[there], ids[there], own, among)
    parts = []
    for part in other.parts:
        answers = outputs_of(context, part.examples, options.batch_size)
        parts.append((dict(part.where), _verdicts(*answers, own, among)))
    paired = other.paired and all(np.isin(part.ids, before.ids).all() for _, part in parts)
    return Natural(tuple(parts), before, paired)


def _verdicts(logits: Any, wanted: Any, ids: Any, own: Any, among: Any) -> JudgedExamples:
    """Judge outputs ``(n, outputs)`` by the class of the other data set that each output stands for, -1 for none."""
    finite = logits.isfinite().all(1)
    chosen = own[logits.masked_fill(~among, -torch.inf).argmax(1)]
    return JudgedExamples(ids.numpy(), ((chosen == wanted) & finite).numpy())


def _metrics(name: str, found: Natural) -> Iterator[Metric]:
    where = {"against": name}
    n = sum(len(part.ids) for _, part in found.parts)
    share, low, high = found.share
    yield Metric(
        name="natural_accuracy", value=share, unit="fraction", low=low, high=high, n=n, where=where
    )
    yield share_metric("clean_subset_accuracy", found.clean.correct, where)
    change, low, high = (100 * end for end in found.change)
    paired = "paired" if found.paired else "unpaired"
    yield Metric(
        name="natural_change",
        value=change,
        low=low,
        high=high,
        n=n,
        where={**where, "compared": paired},
    )
    for said, part in found.parts if len(found.parts) > 1 else ():
        yield share_metric("natural_part_accuracy", part.correct, {**where, **said})


def _keep(context: MeasureContext, found: dict[str, Natural]) -> tuple[str, ...]:
    """Keep the verdicts on a single data set by example, and return their names."""
    if len(found) != 1:
        return ()
    (one,) = found.values()
    stacked = one.stacked
    if stacked is None:
        return ()
    arrays = {f"correct_{number}": verdicts for number, verdicts in enumerate(stacked)}
    context.save_examples(ids=one.parts[0][1].ids, **arrays)
    return tuple(arrays)


def _unpaired(name: str, note: str) -> Finding:
    return Finding(
        code="shift-unpaired",
        sentence=f"The examples of {name} are compared with other test examples, unpaired: {note}.",
        advice="Give the test examples as they were published, in their order or with their names, for a sharper "
        "comparison.",
    )


def _not_judged(name: str, reason: str) -> Finding:
    return Finding(
        code="shift-not-judged",
        sentence=f"{name} has no figures: {reason}.",
        advice="Let the test examples and the shifted ones have two classes or more in common.",
    )
