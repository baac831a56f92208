"""The noise of counting light: a Poisson number for every value."""

from __future__ import annotations

from functools import lru_cache

import torch

from harness.api import Draws, Task
from harness_shifts.pixels import as_unit, from_unit, shorter_side
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
    levels = (as_unit(inputs, task) * (LEVELS - 1)).round_()
    return from_unit(counts(levels, drawn, photons).div_(photons), task)


def counts(levels: torch.Tensor, drawn: torch.Tensor, photons: int) -> torch.Tensor:
    """Return the Poisson quantiles of draws in [0, 1): whole numbers, of the type and shape of `levels` (0 to 255)."""
    cumulative, guides, certain = (table.to(levels.device) for table in _tables(photons))
    width = cumulative.shape[1]
    cumulative = cumulative.flatten()
    u = drawn.flatten()
    cells = torch.floor(u * GUIDES).add_(levels.flatten(), alpha=GUIDES).to(torch.int32)
    found = certain.index_select(0, cells)
    # A guide that no step of the distribution falls on says it at once; the others say where to begin.
    open_ = (found < 0).nonzero()[:, 0]
    if len(open_):
        cell, u = cells.index_select(0, open_), u.index_select(0, open_)
        row = cell.div(GUIDES, rounding_mode="floor").mul_(width)
        count = guides.index_select(0, cell)
        going = torch.arange(len(open_), device=u.device)
        while len(going):
            below = cumulative.index_select(
                0, row.index_select(0, going) + count.index_select(0, going)
            )
            going = going[u.index_select(0, going) >= below]
            count[going] += 1
        found[open_] = count.to(found.dtype)
    return found.view_as(levels)


@lru_cache(maxsize=16)
def _tables(photons: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return P(count <= k) of each level; the quantile of each guide's lower end; and that, or -1 where it is not all."""
    means = torch.linspace(0, photons, LEVELS, dtype=torch.float64)[:, None]
    k = torch.arange(int(photons + 8 * photons**0.5) + 16, dtype=torch.float64)
    logarithms = torch.xlogy(k, means) - means - torch.lgamma(k + 1)
    # No draw is above 1 - 2**-24, so that the last count is an end to all searches.
    cumulative = logarithms.exp().cumsum(1).to(torch.float32)
    cumulative[:, -1] = 1.0
    ends = (torch.arange(GUIDES, dtype=torch.float32) / GUIDES).expand(LEVELS, -1).contiguous()
    guides = torch.searchsorted(cumulative, ends, right=True)
    last = torch.searchsorted(cumulative, ends + (1 / GUIDES - 2**-24), right=True)
    certain = torch.where(guides == last, guides, -1).to(torch.float32)
    return cumulative, guides.flatten().to(torch.int32), certain.flatten()
