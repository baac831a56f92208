"""`timm-optim/`: the optimizers of timm."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from harness.api import import_timm
from harness_training.options import TimmOptimOptions
from harness_training.parameter_groups import group_parameters


def list_members() -> dict[str, dict[str, Any]]:
    """Return every optimizer of timm with facts, found by taking two steps on the CPU.

    summary: timm's description. requires: ["cuda"] where it cannot step on a CPU. unusable: why it
    cannot be used at all (it needs second derivatives, or a package that is not installed).
    """
    optim = _import_optim()
    members: dict[str, dict[str, Any]] = {}
    for name in optim.list_optimizers():
        facts: dict[str, Any] = {"summary": optim.get_optimizer_info(name).description}
        problem = _try(name)
        if problem is not None and "CUDA" in problem:
            facts["requires"] = ["cuda"]
        elif problem is not None:
            facts["unusable"] = problem
        members[name] = facts
    return members


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


def _try(name: str) -> str | None:
    """Return why an optimizer cannot take two steps on a linear model; None if it can.

    Nothing is compiled for it: kron's two steps would take half a minute.
    """
    layer = nn.Linear(3, 4)
    try:
        options = TimmOptimOptions(weight_decay=0.01)
        optimizer = build(layer.named_parameters(), options.learning_rate, options, name)
        with torch.compiler.set_stance("force_eager"):
            for _ in range(2):
                optimizer.zero_grad()
                layer(torch.ones(2, 3)).square().sum().backward()
                optimizer.step()
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None
