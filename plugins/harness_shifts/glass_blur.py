"""Frosted glass: pixels take the place of their neighbours."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.blur import blur
from harness_shifts.pixels import as_unit, from_unit, shorter_side
from harness_shifts.severity import at_side, length_scale

# Standard deviation of the blur before and after, how far pixels come from, and how many times.
SIGMA_REACH_TIMES = {
    32: ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
    64: ((0.1, 1, 1), (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2)),
    224: ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
}


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Blur, round down to 8 bits, let pixels copy others that are near, and blur again.

    From the last row and column backwards, pixel (h, w) becomes what (h + a, w + b) is by then, with a
    and b drawn from -reach to reach - 1. The published script means to swap the two, but its swap of array
    views is this copy. An image of no more than 2 * reach pixels across is only blurred.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019.
    """
    side = shorter_side(inputs)
    sigma, reach, times = at_side(SIGMA_REACH_TIMES, severity, side)
    sigma, reach = sigma * length_scale(side), max(1, round(reach * length_scale(side)))
    # A flat image stays: a blurred 7/255 may be a bit below, which rounding down would turn to 6.
    images = blur(as_unit(inputs, task), sigma).mul_(255).add_(1e-4).floor_().div_(255)
    height, width = images.shape[-2:]
    pixels = images.flatten(2)
    rows, columns = max(0, height - 2 * reach), max(0, width - 2 * reach)
    for time in range(times if rows and columns else 0):
        moves = draws.integers(f"glass_blur/{time}", 2 * reach, (rows, columns, 2)) - reach
        source = sources(moves.to(inputs.device), height, width, reach).flatten(1)
        pixels = pixels.gather(2, source[:, None].expand_as(pixels))
    return from_unit(blur(pixels.view_as(images), sigma), task)


def sources(moves: torch.Tensor, height: int, width: int, reach: int) -> torch.Tensor:
    """Return the position, row * width + column, that each pixel's content comes from in the end.

    moves: ``(batch, height - 2 reach, width - 2 reach, 2)``, down and to the right, of the pixels whose
    rows and columns go from reach + 1 to height (width) - reach. Returns ``(batch, height, width)``.
    """
    positions = torch.arange(height * width, device=moves.device).view(height, width)
    inner = slice(reach + 1, height - reach + 1), slice(reach + 1, width - reach + 1)
    target = positions.expand(len(moves), -1, -1).clone()
    target[(slice(None), *inner)] += moves[..., 0] * width + moves[..., 1]
    done = torch.zeros(height, width, dtype=torch.bool, device=moves.device)
    done[inner] = True
    # Later positions were filled before: what they hold then came from elsewhere. Earlier ones, and the
    # border, still hold their own. Each round doubles how far the way to the end is known.
    target = target.flatten(1)
    done = done.flatten()
    final = ~(done[target] & (target > positions.flatten()))
    while not bool(final.all()):
        target, final = (
            torch.where(final, target, target.gather(1, target)),
            final | final.gather(1, target),
        )
    return target.view(-1, height, width)
