"""`adamw`: Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from harness.api.measuring import can_fuse
from harness_training.options import AdamwOptions
from harness_training.parameter_groups import group_parameters


def build(
    parameters: Iterable[tuple[str, nn.Parameter]], learning_rate: float, options: AdamwOptions
) -> torch.optim.Optimizer:
    """Build torch's AdamW (Loshchilov & Hutter 2019, algorithm 2) for (name, parameter) pairs."""
    groups = group_parameters(parameters, options.weight_decay)
    return torch.optim.AdamW(
        groups,
        lr=learning_rate,
        betas=(options.beta1, options.beta2),
        fused=can_fuse(one for group in groups for one in group["params"]),
    )
