"""The noise of counting light: a Poisson number for every value."""

from __future__ import annotations

from functools import lru_cache

import torch

from harness.api import Draws, Task
from harness_shifts.pixels import from_unit, shorter_side, to_unit
from harness_shifts.severity import at_side

# Photons that a value of 1 stands for.
PHOTONS = {
    32: (500, 250, 100, 75, 50),
    64: (250, 100, 50, 30, 15),
    224: (60, 25, 12, 5, 3),
}
LEVELS = 256  # of the values: 8 bits, as in the published files
GUIDES = 256  # parts of [0, 1) for which the table knows where to begin


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return k / c with k from a Poisson distribution of mean c * x, for every value x in [0, 1].

    x is rounded to 8 bits first. k is the quantile of a uniform draw.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    photons = at_side(PHOTONS, severity, shorter_side(inputs))
    drawn = draws.uniform("shot_noise", tuple(inputs.shape[1:])).to(inputs.device)
    levels = to_unit(inputs, task).mul_(LEVELS - 1).round_().to(torch.int64)
    return from_unit(counts(levels, drawn, photons).to(inputs.dtype).div_(photons), task)


def counts(levels: torch.Tensor, drawn: torch.Tensor, photons: int) -> torch.Tensor:
    """Return the Poisson quantiles of draws in [0, 1): int64, of the shape of `levels` (0 to 255)."""
    cumulative, guides = (table.to(levels.device) for table in _tables(photons))
    width = cumulative.shape[1]
    cumulative, guides = cumulative.flatten(), guides.flatten()
    row, u = levels.flatten() * width, drawn.flatten()
    found = guides[levels.flatten() * GUIDES + (u * GUIDES).to(torch.int64)]
    # Most draws are where their guide says; the others go up until they are.
    behind = (u >= cumulative[row + found]).nonzero()[:, 0]
    while len(behind):
        found[behind] += 1
        behind = behind[u[behind] >= cumulative[row[behind] + found[behind]]]
    return found.view_as(levels)


@lru_cache(maxsize=16)
def _tables(photons: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return P(count <= k) of each level, and the quantile of each guide's lower end."""
    means = torch.linspace(0, photons, LEVELS, dtype=torch.float64)[:, None]
    k = torch.arange(int(photons + 8 * photons**0.5) + 16, dtype=torch.float64)
    logarithms = torch.xlogy(k, means) - means - torch.lgamma(k + 1)
    # No draw is above 1 - 2**-24, so that the last count is an end to all searches.
    cumulative = logarithms.exp().cumsum(1).to(torch.float32)
    cumulative[:, -1] = 1.0
    ends = (torch.arange(GUIDES, dtype=torch.float32) / GUIDES).expand(LEVELS, -1)
    guides = torch.searchsorted(cumulative, ends.contiguous(), right=True)
    return cumulative, guides
