"""Salt and pepper: some values become the largest or the smallest one."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.pixels import shorter_side
from harness_shifts.severity import at_side

SHARE = {
    32: (0.01, 0.02, 0.03, 0.05, 0.07),
    64: (0.01, 0.02, 0.05, 0.08, 0.14),
    224: (0.03, 0.06, 0.09, 0.17, 0.27),
}


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return inputs of which a share is salt (task.high) or pepper (task.low), as many of each.

    Channels are hit one by one, as in the published files.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    share = at_side(SHARE, severity, shorter_side(inputs))
    drawn = draws.words("impulse_noise", tuple(inputs.shape[1:])).to(inputs.device)
    # Shares of 0 and 1 in place of masks, which take ten times as long on a CPU.
    salt = torch.lt(drawn, lowest_words(share / 2), out=torch.empty_like(inputs))
    untouched = torch.ge(drawn, lowest_words(share), out=torch.empty_like(inputs))
    added = salt.mul_(task.high - task.low)
    if task.low:
        added.add_(1 - untouched, alpha=task.low)
    return untouched.mul_(inputs).add_(added)


def lowest_words(share: float) -> int:
    """Return the word of 32 bits, with a sign, below which a share of all words is."""
    return round(share * 2**32) - 2**31
