"""Which parameters weight decay is for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn


def group_parameters(
    parameters: Iterable[tuple[str, nn.Parameter]], weight_decay: float
) -> list[dict[str, Any]]:
    """Return an optimizer's parameter groups, in which biases and scales of norms do not decay.

    A parameter of one dimension or none is a bias, a scale or a gain; to shrink it does not make a
    model simpler (He et al. 2019, "Bag of tricks", section 3.1). Frozen parameters are left out,
    and so is an empty group.
    """
    trained = [parameter for _, parameter in parameters if parameter.requires_grad]
    decayed = [parameter for parameter in trained if parameter.dim() > 1]
    others = [parameter for parameter in trained if parameter.dim() <= 1]
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
