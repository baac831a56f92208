"""What becomes of the steps of a sequence on its way: dropped, delayed, jittered, warped.

The severities are chosen here, as there is no published table.
"""

from __future__ import annotations

import math

import torch

from harness.api import Draws, Task
from harness_shifts.resample import read_steps
from harness_shifts.severity import at_severity

DROPPED = (0.05, 0.1, 0.2, 0.3, 0.4)  # of all steps but the first
DELAYED = (0.05, 0.1, 0.15, 0.2, 0.3)  # of the sequence's length
JITTER = (0.2, 0.4, 0.6, 0.8, 1.0)  # the most that a step is read too early or late, in steps
WARPED = (0.04, 0.08, 0.12, 0.16, 0.2)  # the most that it is off in the middle, of the length


def drop(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the sequence in which steps were lost, and the last that came is held in their place.

    inputs: ``(batch, steps, features)``.
    """
    steps = inputs.shape[1]
    lost = draws.uniform("drop_steps", (steps,)).to(inputs.device) < at_severity(DROPPED, severity)
    lost[:, 0] = False
    index = torch.arange(steps, device=inputs.device).expand_as(lost)
    held = index.masked_fill(lost, 0).cummax(1).values
    return inputs.gather(1, held.unsqueeze(2).expand_as(inputs))


def delay(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return the sequence that begins late: its first step is repeated, and as many of the last are lost.

    inputs: ``(batch, steps, features)``.
    """
    steps = inputs.shape[1]
    late = max(1, round(at_severity(DELAYED, severity) * steps))
    index = (torch.arange(steps, device=inputs.device) - late).clamp_min(0)
    return inputs.index_select(1, index)


def jitter(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the sequence each step of which was read a little too early or too late.

    inputs: ``(batch, steps, features)``.
    """
    steps = inputs.shape[1]
    off = 2 * draws.uniform("jitter_steps", (steps,)).to(inputs.device, inputs.dtype) - 1
    times = torch.arange(steps, device=inputs.device, dtype=inputs.dtype)
    return read_steps(inputs, times + at_severity(JITTER, severity) * off)


def warp(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return the sequence that runs first too fast and then too slowly, or the other way round, by its draw.

    Both ends stay: a step at the share u of the length is read at u + a sin(pi u), with a up to the severity's
    constant, so time never runs backwards.

    inputs: ``(batch, steps, features)``.
    """
    steps = inputs.shape[1]
    side = 2 * draws.uniform("warp_steps").to(inputs.device, inputs.dtype) - 1
    sign = torch.where(side < 0, -1.0, 1.0).to(inputs.dtype)
    share = torch.linspace(0, 1, steps, device=inputs.device, dtype=inputs.dtype)
    most = at_severity(WARPED, severity)
    off = (sign * most * (0.5 + 0.5 * side.abs())).view(-1, 1) * torch.sin(math.pi * share)
    return read_steps(inputs, (share + off) * (steps - 1))
