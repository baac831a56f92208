"""`sgd`: stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from harness.api.measuring import can_fuse
from harness_training.options import SgdOptions
from harness_training.parameter_groups import group_parameters


def build(
    parameters: Iterable[tuple[str, nn.Parameter]], learning_rate: float, options: SgdOptions
) -> torch.optim.Optimizer:
    """Build torch's SGD (Sutskever et al. 2013, equations 1 to 4) for (name, parameter) pairs."""
    groups = group_parameters(parameters, options.weight_decay)
    return torch.optim.SGD(
        groups,
        lr=learning_rate,
        momentum=options.momentum,
        nesterov=options.nesterov and options.momentum > 0,
        fused=can_fuse(one for group in groups for one in group["params"]),
    )
