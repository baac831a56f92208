"""The projection on an L1 ball inside a box, exactly."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

SPARSE = 0.25  # with fewer coordinates that are not zero, those are taken out, on a CPU
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
    if flat.device.type == "cpu":
        places = torch.from_numpy(np.flatnonzero((flat != 0).numpy()))  # faster than torch's
        if 0 < len(places) < SPARSE * flat.numel():  # what is zero stays zero
            return _project_sparse(here, flat, places, epsilon, low, high).view_as(delta)
    return _project(here, flat, epsilon, low, high).view_as(delta)


def _project_sparse(
    here: Tensor, flat: Tensor, places: Tensor, epsilon: float, low: float, high: float
) -> Tensor:
    """Project rows ``(batch, d)`` of which only `places` in the flattened tensor are not zero."""
    rows = torch.div(places, flat.shape[1], rounding_mode="floor")
    counts = torch.bincount(rows, minlength=len(flat))
    most = int(counts.amax())
    packed = rows * most + torch.arange(len(rows)) - (counts.cumsum(0) - counts)[rows]
    few, there = flat.new_zeros(len(flat) * most), flat.new_full((len(flat) * most,), low)
    few[packed], there[packed] = flat.flatten()[places], here.flatten()[places]
    kept = _project(there.view(-1, most), few.view(-1, most), epsilon, low, high)
    found = torch.zeros_like(flat)
    found.view(-1)[places] = kept.flatten()[packed]
    return found


def _project(here: Tensor, flat: Tensor, epsilon: float, low: float, high: float) -> Tensor:
    """Project rows ``(batch, d)``."""
    sizes = flat.abs()
    room = torch.where(flat > 0, high - here, here - low).clamp_min_(0.0)
    shrink = torch.zeros_like(sizes[:, :1])
    least, most = shrink, sizes.amax(1, keepdim=True)
    kept = torch.minimum(sizes, room)
    target = kept.sum(1, keepdim=True).clamp_max_(epsilon)  # who is inside is done at once
    rounding = 32 * torch.finfo(sizes.dtype).eps
    unseen = sizes.device.type == "cuda"
    for _ in range(ROUNDS_UNSEEN if unseen else ROUNDS):
        left = (sizes - shrink).clamp_min_(0.0)
        kept = torch.minimum(left, room)
        excess = kept.sum(1, keepdim=True).sub_(target)
        done = (excess.abs() <= rounding * epsilon) | (most - least <= rounding / 16 * most)
        if not unseen and bool(done.all()):
            break
        above = excess > 0
        least, most = torch.where(above, shrink, least), torch.where(above, most, shrink)
        capped = (left - kept).sign_().sum(1, keepdim=True)
        slope = left.sign_().sum(1, keepdim=True) - capped  # signs cost less than counting Booleans
        newton = shrink + excess / slope  # not finite where all are zero or at the box
        between = (newton > least) & (newton < most)
        step = torch.where(between, newton, torch.lerp(least, most, 0.5))
        shrink = torch.where(done, shrink, step)
    total = kept.sum(1, keepdim=True)  # a t near the sizes themselves leaves little but rounding
    kept = kept * (epsilon / total.clamp_min(1e-30)).clamp_max(1.0)
    return torch.copysign(kept, flat)
