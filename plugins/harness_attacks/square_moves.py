"""Where Square Attack starts, and the points that it proposes."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from harness.api import Budget
from harness_attacks.square_windows import Windows, peaks

SHRINK = 1 - 1e-6  # of epsilon in L1, so that rounding does not lead out


def stripes(inputs: Tensor, signs: Tensor, budget: Budget) -> Tensor:
    """Return vertical stripes of -epsilon and epsilon: where the search starts in Linf.

    inputs: ``(batch, channels, height, width)``. signs: ``(batch, channels, 1, width)``.
    """
    return (inputs + (budget.epsilon * signs).to(inputs)).clamp_(budget.low, budget.high)


def tile_grid(height: int, width: int) -> tuple[int, int, int]:
    """Return the side of the tiles that the search starts with in L2 and L1, and how many rows and columns.

    Five in a column, or more where a fifth of the height is not a whole number of pixels; the last ones may
    then reach out of the plane. (The authors' code fails for fewer than 5 rows and for planes five times as high as
    wide; a tile here has one pixel at least, and is no wider than the plane.)
    """
    side = max(min(height // 5, width), 1)
    return side, height // side, width // side


def tiled(inputs: Tensor, turned: Tensor, signs: Tensor, budget: Budget) -> Tensor:
    """Return tiles of peaks and dips, as large as the budget lets them: the start in L2 and L1.

    inputs: ``(batch, channels, height, width)``. turned: ``(batch, tiles)`` bool, row by row. signs: ``(batch,
    channels, tiles)``.
    """
    height, width = inputs.shape[2:]
    side, rows, columns = tile_grid(height, width)
    first = max((height - 5 * side) // 2, 0)
    row = torch.arange(height, device=inputs.device)[:, None] - first
    column = torch.arange(width, device=inputs.device)[None, :] - first
    covered = (row >= 0) & (row < rows * side) & (column >= 0) & (column < columns * side)
    tile = torch.where(covered, row // side * columns + column // side, 0)  # (height, width)
    pattern = peaks(side, budget.norm).to(inputs)
    upright, across = (p[row % side, column % side] * covered for p in (pattern, pattern.T))
    delta = torch.where(turned[:, tile], across, upright)[:, None] * signs.to(inputs)[:, :, tile]
    if budget.norm == "l1":
        delta *= budget.high - budget.low  # the authors' box has the width 1
        return _inside_l1(inputs, delta, budget)
    size = budget.size(delta).view(-1, 1, 1, 1)
    delta *= budget.epsilon / (size + 1e-12)
    return delta.add_(inputs).clamp_(budget.low, budget.high)


def flipped(inputs: Tensor, best: Tensor, window: Windows, signs: Tensor, budget: Budget) -> Tensor:
    """Return `best` with each channel of the window at the side of the ball and box that its sign says.

    That is best + 2 epsilon sign, clipped (Linf). inputs, best: ``(batch, channels, height, width)``.
    signs: ``(batch or 1, channels)``.
    """
    step = (budget.epsilon * signs).to(inputs)[..., None]
    values = _at(inputs, window).add_(step).clamp_(budget.low, budget.high)
    return _put(best.clone(), window, values)


def moved(
    inputs: Tensor,
    best: Tensor,
    size: Tensor,
    window: Windows,
    emptied: Windows,
    signs: Tensor,
    budget: Budget,
) -> Tensor:
    """Return `best` with one window's perturbation taken away and put into another, by L2 or L1.

    The window gets the pattern plus the direction that it had, scaled so that all mass is used: what
    epsilon leaves (a share for each channel) and what both windows had. Mass is the norm to the power p.
    All of it together is then as large as epsilon, so that in L2 nothing else has to be scaled.

    inputs, best: ``(batch, channels, height, width)``. size: ``(batch,)``, the norm of best - inputs.
    signs: ``(batch, channels)``, of the pattern.
    """
    power = 2 if budget.norm == "l2" else 1
    channels = inputs.shape[1]
    own, alone = window.own, emptied.own & ~window.holds(emptied)
    here = _at(inputs, window)
    old = _at(best, window) - here
    before = _mass(old, own, power)  # (batch, channels, 1)
    both = before + _mass(_at(best, emptied) - _at(inputs, emptied), alone, power)
    free = (budget.epsilon**power - size**power)[:, None, None]
    mass = free / channels + both
    if power == 1:
        mass *= channels  # as the authors have it; the projection takes back what is too much
    new = window.pattern[:, None] * signs.to(inputs)[..., None] + old / (
        1e-12 + before ** (1 / power)
    )
    new *= (mass.clamp_min(0.0) / (1e-24 + _mass(new, own, power))) ** (1 / power)
    if power == 2:
        x = _put(best.clone(), emptied, _at(inputs, emptied))
        return _put(x, window, (here + new).clamp_(budget.low, budget.high))
    delta = _put(best - inputs, emptied, torch.zeros_like(new))
    return _inside_l1(inputs, _put(delta, window, new), budget)


def _inside_l1(inputs: Tensor, delta: Tensor, budget: Budget) -> Tensor:
    return replace(budget, epsilon=budget.epsilon * SHRINK).clip(inputs, inputs + delta)


def _mass(values: Tensor, own: Tensor, power: int) -> Tensor:
    """Return the sum over pixels of |v|^p, those left out that are not `own`: ``(batch, channels, 1)``."""
    return ((values.square() if power == 2 else values.abs()) * own[:, None]).sum(-1, keepdim=True)


def _at(images: Tensor, window: Windows) -> Tensor:
    """Return the pixels of windows, ``(batch, channels, widest^2)``."""
    planes = images.flatten(2)
    return planes.gather(2, window.pixels[:, None].expand(-1, planes.shape[1], -1))


def _put(images: Tensor, window: Windows, values: Tensor) -> Tensor:
    """Write values ``(batch, channels, widest^2)`` into windows; a repeated pixel must repeat its value."""
    planes = images.flatten(2)
    planes.scatter_(2, window.pixels[:, None].expand(-1, planes.shape[1], -1), values)
    return images
