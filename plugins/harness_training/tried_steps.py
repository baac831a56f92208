"""Whether an optimizer of a library can be used: it takes steps of a linear model on the CPU, shorter ones at a rate of 0."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

Make = Callable[[Iterable[tuple[str, nn.Parameter]]], torch.optim.Optimizer]


def try_steps(make: Make) -> str | None:
    """Return why an optimizer of (name, parameter) pairs cannot take two steps, or follow a schedule; None if it can.

    Where momentum holds the rate, as in timm's rmsproptf, steps at a rate of 0 go on for a while, but get shorter. Nothing
    is compiled for it: two steps of timm's kron would take half a minute.
    """
    layer, moved = nn.Linear(3, 4), list[float]()
    try:
        optimizer = make(layer.named_parameters())
        with torch.compiler.set_stance("force_eager"):
            for rate in (None, None, 0.0, 0.0):
                for group in optimizer.param_groups if rate is not None else ():
                    group["lr"] = rate
                before = layer.weight.detach().clone()
                optimizer.zero_grad()
                layer(torch.ones(2, 3)).square().sum().backward()
                optimizer.step()
                moved.append(float((layer.weight.detach() - before).norm()))
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    if moved[3] >= moved[1] > 0:
        return "its steps get no shorter at a learning rate of 0, so a schedule would mean nothing"
    return None


def facts_of(summary: str, make: Make) -> dict[str, Any]:
    """Return what a family says of an optimizer.

    requires: ["cuda"] where it cannot step on a CPU. unusable: why it cannot be used at all (it needs a closure, second
    derivatives, or a package that is not installed).
    """
    facts: dict[str, Any] = {"summary": summary}
    problem = try_steps(make)
    if problem is not None and "CUDA" in problem:
        facts["requires"] = ["cuda"]
    elif problem is not None:
        facts["unusable"] = problem
    return facts
