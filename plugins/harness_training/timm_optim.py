"""`timm-optim/`: the optimizers of timm."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import nn

from harness.api import import_timm
from harness_training.options import TimmOptimOptions
from harness_training.parameter_groups import group_parameters
from harness_training.tried_steps import facts_of


def list_members() -> dict[str, dict[str, Any]]:
    """Return every optimizer of timm with facts (see `tried_steps.facts_of`); the summary is timm's description."""
    optim = _import_optim()
    return {
        name: facts_of(optim.get_optimizer_info(name).description, partial(_of_named, name))
        for name in optim.list_optimizers()
    }


def build(
    parameters: Iterable[tuple[str, nn.Parameter]],
    learning_rate: float,
    options: TimmOptimOptions,
    member: str,
) -> torch.optim.Optimizer:
    """Build the optimizer that timm knows as `member` for (name, parameter) pairs."""
    optim = _import_optim()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kron recommends a package that only makes it faster
        optimizer: torch.optim.Optimizer = optim.create_optimizer_v2(
            group_parameters(parameters, options.weight_decay),
            opt=member,
            lr=learning_rate,
            weight_decay=options.weight_decay,
            momentum=options.momentum,
        )
    return optimizer


def _import_optim() -> Any:
    import_timm()
    return importlib.import_module("timm.optim")


def _of_named(member: str, named: Iterable[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
    options = TimmOptimOptions(weight_decay=0.01)
    return build(named, options.learning_rate, options, member)
