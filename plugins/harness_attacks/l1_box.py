"""The projection on an L1 ball inside a box, exactly."""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDS = 60  # at most, on a CPU, where the loop ends when all rows are done
ROUNDS_UNSEEN = 20  # on a GPU, which the host would have to wait for; some 5 are needed


def project_l1_box(
    inputs: Tensor, delta: Tensor, epsilon: float, low: float, high: float
) -> Tensor:
    """Return the perturbation nearest to `delta`, by Euclid, in the L1 ball and with inputs in the box.

    It is sign(d_i) min(max(|d_i| - t, 0), r_i), with r_i the way from the input to the side of the box that
    d_i points at, and t >= 0 the least with which the sum of the sizes is at most epsilon: the condition of
    optimality; Croce & Hein 2021, "Mind the box", proposition 2.1. The sum falls with t, piecewise linearly.
    Newton's method, kept between a t that is too small and one that is large enough, ends on the
    right piece after a few passes, where sorting the 2 d breakpoints costs as much as dozens.

    inputs: ``(batch, *shape)`` in [low, high]. delta: ``(batch, *shape)``.
    """
    flat, here = delta.flatten(1), inputs.flatten(1)
    sizes = flat.abs()
    room = torch.where(flat > 0, high - here, here - low).clamp_min_(0.0)
    tolerance = 4 * torch.finfo(sizes.dtype).eps * epsilon
    shrink = torch.zeros_like(sizes[:, :1])
    least, most = shrink, sizes.amax(1, keepdim=True)
    unseen = sizes.device.type == "cuda"
    kept = sizes
    for _ in range(ROUNDS_UNSEEN if unseen else ROUNDS):
        left = (sizes - shrink).clamp_min_(0.0)
        kept = torch.minimum(left, room)
        excess = kept.sum(1, keepdim=True) - epsilon
        done = excess.abs() <= tolerance
        done |= (excess <= 0) & (shrink <= 0)
        if not unseen and bool(done.all()):
            break
        least = torch.where(excess > 0, shrink, least)
        most = torch.where(excess > 0, most, shrink)
        slope = ((left > 0) & (left < room)).to(sizes.dtype).sum(1, keepdim=True)
        newton = shrink + excess / slope  # not finite where all are zero or at the box
        between = (newton > least) & (newton < most)
        shrink = torch.where(done, shrink, torch.where(between, newton, least + (most - least) / 2))
    total = kept.sum(1, keepdim=True)  # a t near the sizes themselves leaves little but rounding
    kept = kept * (epsilon / total.clamp_min(1e-30)).clamp_max(1.0)
    return torch.copysign(kept, flat).view_as(delta)
