"""`torch-optim/`: the optimizers of torch."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import nn

from harness.api import UsageError
from harness_training.options import TorchOptimOptions
from harness_training.parameter_groups import group_parameters
from harness_training.tried_steps import facts_of


def list_members() -> dict[str, dict[str, Any]]:
    """Return every optimizer of torch with facts (see `tried_steps.facts_of`); its own learning rate is in the summary."""
    found = {}
    for name, own in _classes().items():
        rate = inspect.signature(own).parameters["lr"].default
        make = partial(_of_named, name)
        found[name] = facts_of(f"torch.optim.{name}; torch's own learning rate is {rate:g}", make)
    return found


def build(
    parameters: Iterable[tuple[str, nn.Parameter]],
    learning_rate: float,
    options: TorchOptimOptions,
    member: str,
) -> torch.optim.Optimizer:
    """Build the optimizer of torch for (name, parameter) pairs; what is not an option is as torch has it.

    Raises:
        UsageError: It has no weight decay, or no momentum, and is given one.
    """
    own = _classes()[member]
    known = inspect.signature(own).parameters
    given = {"lr": learning_rate}
    for name in ("weight_decay", "momentum"):
        value = getattr(options, name)
        if name in known and value is not None:
            given[name] = value
        elif value:
            raise UsageError(f"torch-optim/{member} has no {name}; got {value:g}; leave it out")
    groups = group_parameters(parameters, options.weight_decay)
    optimizer: torch.optim.Optimizer = own(groups, **given)
    return optimizer


def _of_named(member: str, named: Iterable[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
    return build(named, TorchOptimOptions().learning_rate, TorchOptimOptions(), member)


def _classes() -> dict[str, Any]:
    base = torch.optim.Optimizer
    return {
        name: one
        for name, one in sorted(vars(torch.optim).items())
        if isinstance(one, type) and issubclass(one, base) and one is not base
    }
