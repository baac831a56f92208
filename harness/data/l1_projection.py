"""The Euclidean projection on an L1 ball and a box together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ROUNDS = 30  # at most; some seven are typical, but a few large coordinates among small ones take them all
NEWTON_ROUNDS = 6  # before every other one halves the bracket


def project_l1(
    inputs: torch.Tensor,
    perturbed: torch.Tensor,
    radius: float | torch.Tensor,
    low: float = -math.inf,
    high: float = math.inf,
) -> torch.Tensor:
    """Return the point nearest to `perturbed` in the L1 ball around `inputs` and in the box [low, high].

    With y = perturbed - inputs and u_i the room that the box leaves coordinate i on the side of y_i, the
    answer is inputs + sign(y) min(max(|y| - s, 0), u), for the s >= 0 at which this perturbation has the
    norm `radius` (0 where it is smaller anyway). The norm is a falling, piecewise linear function of s,
    neither convex nor concave; its root is found by Newton's method, kept in a bracket. Cominetti,
    Mascarenhas & Silva 2014, "A Newton's method for the continuous quadratic knapsack problem".
    Coordinates that are shrunk to zero get their input back bit for bit.

    inputs, perturbed: ``(batch, *shape)``; inputs in the box. radius: of all, or ``(batch,)``; may be
    infinite. low, high: may be infinite.
    """
    import torch

    start, aim = inputs.flatten(1), perturbed.flatten(1)
    delta = aim - start
    size = delta.abs()
    room = aim.clamp(low, high).sub_(start).abs_()
    if isinstance(radius, torch.Tensor):
        limit = radius.to(start.dtype).view(-1, 1)
    else:
        limit = torch.full_like(start[:, :1], radius)
    inside = room.sum(1, keepdim=True) <= limit
    shrink = _find_shrink(size, room, limit, inside)
    moved = torch.minimum(size.sub_(shrink).clamp_(min=0.0), room, out=room)
    tiny = torch.finfo(start.dtype).tiny
    moved.mul_((limit / moved.sum(1, keepdim=True).clamp_min(tiny)).clamp_max(1.0))
    return moved.copysign_(delta).add_(start).clamp_(low, high).view_as(inputs)


def _find_shrink(
    size: torch.Tensor, room: torch.Tensor, limit: torch.Tensor, inside: torch.Tensor
) -> torch.Tensor:
    """Return the s of each row ``(batch, 1)``; 0 where `inside`."""
    import torch

    zero = torch.zeros_like(limit)
    looks = size.device.type == "cpu"
    if looks and bool(inside.all()):
        return zero
    rounding = torch.finfo(size.dtype).eps
    fine = 4.0 * rounding * limit
    below, above = zero, size.amax(1, keepdim=True)
    shrink, done = 0.5 * above, inside
    left, moved = torch.empty_like(size), torch.empty_like(size)
    for number in range(ROUNDS):
        torch.sub(size, shrink, out=left)
        torch.clamp(left, zero, room, out=moved)
        excess = moved.sum(1, keepdim=True) - limit
        slope = left.eq_(moved).sum(1, keepdim=True)  # how many are neither 0 nor at the box
        tolerance = torch.addcmul(fine, shrink, slope, value=2.0 * rounding)
        done = done | (excess.abs() <= tolerance)
        if looks and bool(done.all()):
            break
        over = excess > 0
        below, above = torch.where(over, shrink, below), torch.where(over, above, shrink)
        following = torch.lerp(below, above, 0.5)
        if number < NEWTON_ROUNDS or number % 2 == 0:
            newton = torch.addcdiv(shrink, excess, slope)  # not finite where the slope is 0
            usable = (newton > below) & (newton < above)
            following = torch.where(usable, newton, following)
        shrink = torch.where(done, shrink, following)
    return torch.where(inside, zero, shrink)
