"""The losses that attacks maximise: pure functions from logits to a value and its slope.

Each takes logits ``(batch, classes)``, the true classes ``(batch,)`` and, where it is targeted, the goals
``(batch,)``; it returns the value ``(batch,)`` and the derivative with respect to the logits
``(batch, classes)``. Higher is better for the attacker. Adding a constant to all logits changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from harness.api import Problem
from harness.api.measuring import resolve

Loss = Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]

TINY = 1e-12


def cross_entropy(
    logits: Tensor, targets: Tensor, goals: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return a rising function of the cross-entropy, and its gradient up to a positive factor.

    The value is v = log(sum of exp(z_i), i not y) - z_y; the cross-entropy is log(1 + e^v), so the two
    order examples and points alike, but v does not saturate. Its slope, a softmax over the wrong
    classes and -1 for the true one, is the gradient of the cross-entropy over 1 - p_y. A normalised
    step cannot see that factor; with it the gradient of a confident example underflows to zero, and
    scaled logits would pass for robustness.
    """
    index = targets.long()[:, None]
    others = logits.scatter(1, index, -torch.inf)
    value = torch.logsumexp(others, 1) - logits.gather(1, index)[:, 0]
    slope: Tensor = torch.softmax(others, 1)
    slope.scatter_(1, index, -1.0)
    return value, slope


def of_problem(problem: Problem) -> Loss:
    """Return the loss by which a problem judges training, a sum over examples: its value is not told apart by them (NaN)."""
    summed = resolve(problem.loss)

    def loss(
        outputs: Tensor, targets: Tensor, goals: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        leaf = outputs.detach().requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(summed(leaf, targets), leaf)
        return outputs.new_full((len(outputs),), torch.nan), slope

    return loss


def dlr(logits: Tensor, targets: Tensor, goals: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return -(z_y - max z_i, i not y) / (z_1st - z_3rd), the difference of logits ratio.

    Croce & Hein 2020, "Reliable evaluation of adversarial robustness", equation 6. Scaling the logits
    changes nothing. With two classes, where it is not defined, this is `margin`.
    """
    if logits.shape[1] < 3:
        return margin(logits, targets)
    top, place = logits.topk(3, dim=1)
    index = targets.long()[:, None]
    first = place[:, :1] == index  # the true class leads: the best other one is second
    rival = torch.where(first, place[:, 1:2], place[:, :1])
    gap = logits.gather(1, index) - logits.gather(1, rival)
    scale = top[:, :1] - top[:, 2:3] + TINY
    slope = _unit(logits, rival) - _unit(logits, index)
    slope = slope / scale + gap / scale**2 * (
        _unit(logits, place[:, :1]) - _unit(logits, place[:, 2:3])
    )
    return (-gap / scale)[:, 0], slope


def targeted_dlr(
    logits: Tensor, targets: Tensor, goals: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return -(z_y - z_t) / (z_1st - (z_3rd + z_4th) / 2), for the goal t.

    Croce & Hein 2020, equation 7. With fewer than four classes this is `difference`: with three, z_1st - z_3rd
    would be left to divide by, and the ratio is constant where t is the third.
    """
    assert goals is not None
    if logits.shape[1] < 4:
        return difference(logits, targets, goals)
    top, place = logits.topk(4, dim=1)
    index, goal = targets.long()[:, None], goals.long()[:, None]
    gap = logits.gather(1, index) - logits.gather(1, goal)
    scale = top[:, :1] - 0.5 * (top[:, 2:3] + top[:, 3:4]) + TINY
    slope = (_unit(logits, goal) - _unit(logits, index)) / scale
    low = 0.5 * (_unit(logits, place[:, 2:3]) + _unit(logits, place[:, 3:4]))
    slope = slope + gap / scale**2 * (_unit(logits, place[:, :1]) - low)
    return (-gap / scale)[:, 0], slope


def difference(
    logits: Tensor, targets: Tensor, goals: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return z_t - z_y, for the goal t."""
    assert goals is not None
    index, goal = targets.long()[:, None], goals.long()[:, None]
    value = (logits.gather(1, goal) - logits.gather(1, index))[:, 0]
    return value, _unit(logits, goal) - _unit(logits, index)


def margin(logits: Tensor, targets: Tensor, goals: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return max z_i, i not y, minus z_y: positive where the example is fooled."""
    index = targets.long()[:, None]
    others = logits.scatter(1, index, -torch.inf)
    best, rival = others.max(1)
    slope = _unit(logits, rival[:, None]) - _unit(logits, index)
    return best - logits.gather(1, index)[:, 0], slope


def _unit(logits: Tensor, index: Tensor) -> Tensor:
    """Return rows that are 1 at ``index (batch, 1)`` and 0 elsewhere."""
    return functional.one_hot(index[:, 0], logits.shape[1]).to(logits.dtype)
