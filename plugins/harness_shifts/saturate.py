"""Other colours: the saturation of HSV scaled and moved."""

from __future__ import annotations

import torch

from harness.api import Task
from harness_shifts.pixels import (
    as_unit,
    from_unit,
    grey,
    largest_channel,
    shorter_side,
    smallest_channel,
)
from harness_shifts.severity import at_side

# The factor on the saturation, and what is added to it.
FACTOR_AND_SUM = {
    32: ((0.3, 0.0), (0.1, 0.0), (1.5, 0.0), (2.0, 0.1), (2.5, 0.2)),
    64: ((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (30.0, 0.2)),
    224: ((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2)),
}
GREYISH = 1e-6  # has no hue


def apply(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return the image with the saturation S of every pixel set to c * S + d, from 0 to 1.

    Where S is 0 there is no hue; red is taken, as in scikit-image. An image that has not three channels is taken as
    grey in three, and the luma of what becomes of it is returned: nothing changes at severities 1 to
    3, and it darkens at 4 and 5.

    inputs: ``(batch, channels, height, width)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019 (saturate, one of the four extra corruptions).
    """
    factor, added = at_side(FACTOR_AND_SUM, severity, shorter_side(inputs))
    images = as_unit(inputs, task)
    if images.shape[1] == 3:
        return from_unit(_saturate(images, factor, added), task)
    channels = [
        _saturate(one[:, None].expand(-1, 3, -1, -1), factor, added) for one in images.unbind(1)
    ]
    return from_unit(torch.cat([grey(one) for one in channels], dim=1), task)


def _saturate(images: torch.Tensor, factor: float, added: float) -> torch.Tensor:
    """Change ``(batch, 3, height, width)``: a channel is V * (1 - S * f), and f is the hue's alone."""
    value = largest_channel(images)
    if factor <= 1 and not added:  # nowhere above 1, and grey stays grey
        return torch.lerp(value, images, factor)
    spread = value - smallest_channel(images)  # V * S
    if added:
        greyish = torch.lt(spread, GREYISH, out=torch.empty_like(spread))
    full = torch.div(value, spread.clamp_(min=GREYISH), out=spread)  # what makes S 1
    share = torch.minimum(full.mul(added).add_(factor), full) if added else full.clamp_(max=factor)
    saturated = torch.lerp(value, images, share)
    if added:  # red, with f of 0, 1 and 1, where the hue above came to nothing
        saturated[:, 1:].addcmul_(greyish, value, value=-added)
    return saturated
