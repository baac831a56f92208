"""Certificates as items: of which examples each bound proves that the answer is right and stays so."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from harness.api import Budget
from harness_certified.crown import CrownNetwork
from harness_certified.interval import IntervalNetwork
from harness_certified.lipschitz import lipschitz_bound
from harness_certified.network import refuse_another, rounding_of

NUMBERS = 1 << 22  # coordinates of inputs that are taken at once


def interval_bounds(model: nn.Module, inputs: Tensor, targets: Tensor, budget: Budget) -> Tensor:
    """Return which examples interval bounds prove, ``(batch,)`` bool; see `interval`.

    Raises:
        NotApplicable: An operation of the network has no bounds.
    """
    network = IntervalNetwork(model)
    lead = network.margins(inputs, targets.long(), budget.epsilon, budget.low, budget.high)
    return _proved(model, inputs, targets, lead)


def crown(model: nn.Module, inputs: Tensor, targets: Tensor, budget: Budget) -> Tensor:
    """Return which examples linear bounds prove, ``(batch,)`` bool; see `crown`.

    Raises:
        NotApplicable: An operation of the network is neither a ReLU nor affine, or an activation is too wide.
    """
    network = CrownNetwork(model)
    leads = []
    for part, wanted in zip(*(_portions(one, inputs) for one in (inputs, targets)), strict=True):
        wide = part.double()
        low = (wide - budget.epsilon).clamp_min(budget.low)
        high = (wide + budget.epsilon).clamp_max(budget.high)
        leads.append(network.margins(wanted.long(), low, high))
    return _proved(model, inputs, targets, torch.cat(leads))


def lipschitz(model: nn.Module, inputs: Tensor, targets: Tensor, budget: Budget) -> Tensor:
    """Return which examples the product of spectral norms proves, ``(batch,)`` bool; see `lipschitz`.

    Raises:
        NotApplicable: An operation of the network has no bound.
    """
    speed = lipschitz_bound(model, inputs[:1])
    with torch.no_grad():
        logits = model(inputs).double()
    index = targets.long()[:, None]
    lead = (logits.gather(1, index) - logits.scatter(1, index, -math.inf).amax(1, True))[:, 0]
    return _proved(model, inputs, targets, lead - math.sqrt(2) * speed * budget.epsilon)


def _portions(one: Tensor, inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.split(one, max(1, NUMBERS // inputs[0].numel()))


def _proved(model: nn.Module, inputs: Tensor, targets: Tensor, lead: Tensor) -> Tensor:
    """Return whose answer leads by more than rounding, and is right as the model itself computes it.

    Raises:
        NotApplicable: The model does not answer as the network does that the lead is of.
    """
    logits = refuse_another(model, inputs)
    proved: Tensor = (lead > rounding_of(logits)) & (logits.argmax(1) == targets)
    return proved
