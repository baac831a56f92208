"""Attributions from gradients: how an answer changes with each part of the input.

A part is a place of the input with all its channels: a pixel of an image, a step of a sequence, a feature of a table.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from harness.api import NotApplicable, Task, differentiable_recurrence

AT_ONCE = 64  # points on the way from the reference in a pass


def over_channels(values: Tensor, task: Task, reduce: Callable[[Tensor, int], Tensor]) -> Tensor:
    """Return one value for each part ``(batch, *parts)`` of values ``(batch, *input_shape)``.

    reduce: over the channels, such as `torch.sum`; it is given the axis.
    """
    if len(task.input_shape) == 1:
        return values
    axis = task.modality_item.feature_axis
    return reduce(values, axis + 1 if axis >= 0 else axis)


def input_gradient(model: nn.Module, inputs: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradient of each example's logit of its class ``(batch, *input_shape)``, and that logit ``(batch,)``.

    Raises:
        NotApplicable: The model's answers have no gradient.
    """
    leaf = inputs.detach().clone().requires_grad_()
    with torch.enable_grad(), differentiable_recurrence(model):
        chosen = model(leaf).gather(1, classes[:, None])[:, 0]
        gradient = None
        if chosen.requires_grad:
            (gradient,) = torch.autograd.grad(chosen.sum(), leaf, allow_unused=True)
        if gradient is None:  # also where weights have one, and inputs are compared or rounded
            raise NotApplicable("the model's answers have no gradient with respect to its inputs")
    return gradient, chosen.detach()


def saliency(model: nn.Module, inputs: Tensor, classes: Tensor, task: Task) -> Tensor:
    """Return how steeply the logit changes with each part ``(batch, *parts)``: the largest slope over channels, without sign.

    Simonyan, Vedaldi & Zisserman 2014, "Deep inside convolutional networks", section 3, arXiv:1312.6034.
    """
    gradient, _ = input_gradient(model, inputs, classes)
    return over_channels(gradient.abs(), task, torch.amax)


def integrated_gradients(
    model: nn.Module, inputs: Tensor, classes: Tensor, reference: Tensor, steps: int
) -> Tensor:
    """Return what each value adds to the logit on the straight way from the reference ``(batch, *input_shape)``.

    (x - x') times the mean gradient on the way from x' to x, by Gauss-Legendre quadrature. Completeness: the sum is the
    difference of the logit between x and x', but for the error of the quadrature. Sundararajan, Taly & Yan 2017, "Axiomatic
    attribution for deep networks", equations 1 and 2, arXiv:1703.01365.

    reference: x', ``input_shape`` or ``(batch, *input_shape)``.
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    shares = torch.tensor((1 + nodes) / 2, dtype=inputs.dtype, device=inputs.device)
    parts = torch.tensor(weights / 2, dtype=inputs.dtype, device=inputs.device)
    way = inputs - reference
    total = torch.zeros_like(inputs)
    at_once = max(1, AT_ONCE // len(inputs))
    for start in range(0, steps, at_once):
        some = shares[start : start + at_once].view(-1, *[1] * inputs.dim())
        points = (reference + some * way).flatten(0, 1)
        gradient, _ = input_gradient(model, points, classes.repeat(len(some)))
        weight = parts[start : start + at_once].view(some.shape)
        total += (weight * gradient.view(len(some), *inputs.shape)).sum(0)
    return way * total


def incompleteness(
    model: nn.Module, inputs: Tensor, classes: Tensor, reference: Tensor, attributions: Tensor
) -> tuple[Tensor, Tensor]:
    """Return for each example by how much attributions miss the difference that they add up to, and that difference ``(batch,)``."""
    with torch.no_grad():
        there, here = (
            model(points).gather(1, classes[:, None])[:, 0].double()
            for points in (inputs, reference.expand_as(inputs))
        )
    difference = there - here
    return attributions.double().flatten(1).sum(1) - difference, difference
