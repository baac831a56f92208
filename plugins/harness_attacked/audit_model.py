"""Checks of the model that is attacked: modes, randomness, what its outputs and gradients are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.api import Finding
from harness_attacked.attacked_model import AttackedModel
from harness_attacked.audit_setting import percent
from harness_attacked.audit_state import ask, evaluate_all

ALONE = 8  # examples that are asked about by themselves
ZERO_SHARE = 0.05  # of examples whose gradient is zero; a network that learnt by gradients has none
SATURATED_SHARE = 0.5  # of examples at which plain cross-entropy has no gradient


@dataclass(frozen=True)
class Sample:
    """Examples with the lowest ids, as points of the space.

    points: ``(n, *shape)``. targets, ids: ``(n,)``. right: ``(n,)`` bool, classified correctly.
    """

    points: Tensor
    targets: Tensor
    ids: Tensor
    right: Tensor

    def select(self, rows: Tensor) -> Sample:
        """Return some of the examples."""
        return Sample(self.points[rows], self.targets[rows], self.ids[rows], self.right[rows])

    def lowest(self, most: int) -> Sample:
        """Return those with the lowest ids, by rising id, at most so many."""
        return self.select(self.ids.argsort()[:most])

    def first_right(self, most: int) -> Sample:
        """Return the first that are classified correctly, at most so many."""
        return self.select(self.right.nonzero(as_tuple=True)[0][:most])

    def joined(self, other: Sample) -> Sample:
        """Return these examples and others."""
        return Sample(
            torch.cat([self.points, other.points]),
            torch.cat([self.targets, other.targets]),
            torch.cat([self.ids, other.ids]),
            torch.cat([self.right, other.right]),
        )


@dataclass(frozen=True)
class Tolerance:
    """Differences that rounding explains, as shares of the largest logit's distance from the mean.

    same: between two calls with the same batch (kernels that add in any order). batch: between batches of
    different sizes (other kernels; TF32).
    """

    same: float = 1e-4
    batch: float = 1e-2

    @classmethod
    def of(cls, precision: str) -> Tolerance:
        """Return those of a precision."""
        return cls() if precision == "fp32" else cls(same=1e-2, batch=0.1)


def find_modes(attacked: AttackedModel, sample: Sample, tolerance: Tolerance) -> list[Finding]:
    """Say that modules in training mode, random numbers, or the rest of the batch change the outputs.

    Each is tried: the outputs are compared with those in evaluation mode, in which the model is left, with
    those of a second call, and with those of an example that fills its batch alone (twice, as a batch
    norm in training mode refuses a single one). What training mode explains is not reported again. To be
    called within `untouched`.
    """
    points = sample.points
    own = attacked.logits(points)
    training = evaluate_all(attacked.model)
    once, twice = attacked.logits(points), attacked.logits(points)
    noise = _difference(once, twice)
    found = []
    if training and (change := _difference(own, once)) > max(tolerance.same, 3 * noise):
        found.append(_train_mode(training, change, _changed(own, once), len(points)))
    if noise > tolerance.same:
        return [*found, _random_output(noise, _changed(once, twice), len(points))]
    first = points[:ALONE]
    alone = torch.cat([attacked.logits(torch.stack([point, point]))[:1] for point in first])
    together = _difference(once[: len(first)], alone)
    if together > tolerance.batch:
        changed = _changed(once[: len(first)], alone)
        found.append(_batch_dependent(together, changed, len(first)))
    return found


def find_outputs(attacked: AttackedModel, sample: Sample) -> list[Finding]:
    """Say that outputs are not finite, are probabilities, or lie too far apart for softmax.

    Too far: at more than half of the correct examples all other classes' exp underflows in float32, at a
    margin of 104, so that plain cross-entropy has no gradient. Cross-entropy itself stops pulling at
    17, where 1 - p underflows; the largest median margin of a network that was trained for too long was 83.
    """
    logits = attacked.logits(sample.points)
    finite = logits.isfinite().all(1)
    found = [] if finite.all() else [_non_finite_logits(int((~finite).sum()), len(logits))]
    logits, targets, right = (part[finite] for part in (logits, sample.targets, sample.right))
    if not right.any():
        return found
    total = logits.sum(1)
    if bool((logits >= 0).all() and ((total - 1).abs() < 1e-2).all()):
        return [*found, _probabilities(len(logits))]
    logits, targets = logits[right].float(), targets[right]
    share = logits.softmax(1).scatter(1, targets.long()[:, None], 0.0)
    saturated = int((share == 0).all(1).sum())
    if saturated > SATURATED_SHARE * len(logits):
        top = logits.topk(2, dim=1).values
        margin = float((top[:, 0] - top[:, 1]).median())
        found.append(_scaled(saturated, len(logits), margin))
    return found


def find_gradients(attacked: AttackedModel, correct: Sample) -> list[Finding]:
    """Say that the gradient is zero at more than 5 % of correct examples, or not finite at any.

    It is the gradient of the cross-entropy over 1 - p, which only a masked model makes vanish.
    """
    n = len(correct.ids)
    if not n:
        return []
    _, gradient = ask(attacked, correct.points, correct.targets)
    flat = gradient.flatten(1)
    broken = int((~flat.isfinite().all(1)).sum())
    zero = int((flat == 0).all(1).sum())
    found = []
    if broken:
        found.append(
            Finding(
                code="non-finite-gradients",
                sentence=f"The gradient is NaN or infinite at {broken} of {n} examples; attacks take such values "
                "for 0.",
                advice="Look for a root, a logarithm or a division at 0 in the model, and guard it.",
                numbers={"examples": n, "broken": broken},
                flag="gradients are not finite",
            )
        )
    if zero > ZERO_SHARE * n:
        found.append(
            Finding(
                code="zero-gradients",
                sentence=f"The gradient is exactly 0 at {zero} of {n} examples, so attacks that follow it do not "
                "move them.",
                advice="Look for a step without a derivative (rounding, a threshold, detach) and attack through "
                "a smooth stand-in for it, or add an attack that needs outputs only, such as square.",
                numbers={"examples": n, "zero": zero},
                flag="gradients are zero",
            )
        )
    return found


def _difference(a: Tensor, b: Tensor) -> float:
    """Return the largest difference as a share of the largest logit's distance from its row's mean."""
    finite = a.isfinite().all(1) & b.isfinite().all(1)
    a, b = a[finite], b[finite]
    if not len(a):
        return 0.0
    spread = (a - a.mean(1, keepdim=True)).abs().amax().clamp_min(1e-30)
    return min(float((a - b).abs().amax() / spread), 1e9)


def _changed(a: Tensor, b: Tensor) -> int:
    return int((a.argmax(1) != b.argmax(1)).sum())


def _train_mode(training: Sequence[str], change: float, changed: int, n: int) -> Finding:
    names = ", ".join(
        f"{count} {name}" if count > 1 else name for name, count in Counter(training).most_common(4)
    )
    return Finding(
        code="train-mode",
        sentence=f"Modules were left in training mode ({names or 'the model itself'}): in evaluation mode "
        f"logits change by up to {percent(change)} of their range, and {changed} of {n} answers.",
        advice="Call model.eval() before measuring, and do not let the model put its parts back.",
        numbers={"modules": len(training), "change": change, "changed": changed, "examples": n},
        flag="train mode left on",
    )


def _random_output(noise: float, changed: int, n: int) -> Finding:
    return Finding(
        code="random-output",
        sentence=f"Two calls on the same inputs differ: logits by up to {percent(noise)} of their range, and "
        f"{changed} of {n} answers.",
        advice="Switch the randomness off if it is meant for training (functional dropout is on by default); if "
        "it is the defence, attack its expectation: eot_samples=20 of apgd-ce and apgd-dlr, or "
        "autoattack:version=rand.",
        numbers={"change": noise, "changed": changed, "examples": n},
        flag="output changes between calls",
    )


def _batch_dependent(change: float, changed: int, n: int) -> Finding:
    return Finding(
        code="batch-dependent",
        sentence="The output for an example depends on the others in its batch: alone, logits differ by up to "
        f"{percent(change)} of their range, and {changed} of {n} answers.",
        advice="Let batch norms use their running statistics, and normalise over no axis of the batch.",
        numbers={"change": change, "changed": changed, "examples": n},
        flag="output depends on the batch",
    )


def _non_finite_logits(broken: int, n: int) -> Finding:
    return Finding(
        code="non-finite-logits",
        sentence=f"The outputs for {broken} of {n} clean inputs are NaN or infinite; they count as wrong.",
        advice="Look for an overflow or a division by 0; half precision overflows at 65,504.",
        numbers={"examples": n, "broken": broken},
        flag="outputs are not finite",
    )


def _probabilities(n: int) -> Finding:
    return Finding(
        code="probabilities",
        sentence=f"The outputs are probabilities: in all of {n} rows they are at least 0 and sum up to 1. Attacks "
        "expect logits; the gradient of a softmax vanishes where the model is sure.",
        advice="Remove the softmax at the model's end, or return its logarithm.",
        numbers={"examples": n},
        flag="outputs are probabilities",
    )


def _scaled(saturated: int, n: int, margin: float) -> Finding:
    return Finding(
        code="scaled-logits",
        sentence=f"The logits lie so far apart (the median margin is {margin:,.0f}) that plain cross-entropy has "
        f"a gradient of exactly 0 at {saturated} of {n} examples.",
        advice="Divide the logits by a temperature, which changes no answer, and measure again. The "
        "built-in attacks leave out the factor that vanishes; those of others may find nothing here.",
        numbers={"examples": n, "saturated": saturated, "margin": margin},
        flag="logits saturate the softmax",
    )
