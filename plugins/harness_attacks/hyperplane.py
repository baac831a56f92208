"""The shortest step to a hyperplane inside a box, in Linf, L2 and L1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

PASSES = 16  # of Newton's method where nobody looks whether it is done; 2 to 5 are usual


def shortest_steps(
    normals: Tensor,
    starts: Sequence[tuple[Tensor, Tensor]],
    norm: str,
    low: float,
    high: float,
    waits: bool = True,
) -> list[Tensor]:
    """Return the shortest steps from points to hyperplanes that stay in [low, high]^d, by "linf", "l2" or "l1".

    For each start the steps s ``(batch, d)`` of least norm with normal @ s = -gap and point + s in the box, up to rounding
    (Croce & Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary attack",
    equation 5). Where the box does not reach the hyperplane, the step goes as near to it as the box allows; where
    the normal is zero, there is none. Scaling a normal and its gaps by one factor changes nothing.

    Every coordinate moves towards the hyperplane, by t in Linf and by t * |w_i| in L2, but no further than
    its side of the box; so the height that is overcome is a concave, piecewise linear function of t, and Newton's
    method finds where it equals the gap, exactly and from below. In L1 the coordinates of the largest
    |w_i| go to their sides, one after the other.

    normals: ``(batch, d)``. starts: pairs of points ``(batch, d)`` in the box and their gaps
    ``(batch,)``, normal @ point - offset; what depends on normals alone is done once for all.
    waits: the host may look at values, to stop when all is done; a GPU is better not waited for.
    """
    sizes, signs = normals.abs(), normals.sign()
    scale = sizes.amax(1, keepdim=True)
    scale = torch.where(scale > 0, scale, 1.0)
    sizes /= scale  # or squares underflow
    most = torch.finfo(sizes.dtype).max
    ways, rooms, heights = [], [], []
    for points, gaps in starts:
        way = signs * (1.0 - 2.0 * (gaps >= 0).to(signs.dtype))[:, None]
        above, below = (high - points).mul_(way), (low - points).mul_(way)
        ways.append(way)
        rooms.append(torch.maximum(above, below, out=above))
        heights.append((gaps.abs()[:, None] / scale).clamp_max_(most))
    if norm == "l1":
        lengths = _fill(sizes, rooms, heights, waits)
    else:
        lengths = [
            _level(sizes, room, height, norm, waits)
            for room, height in zip(rooms, heights, strict=True)
        ]
    return [length.mul_(way) for length, way in zip(lengths, ways, strict=True)]


def _level(sizes: Tensor, room: Tensor, height: Tensor, norm: str, waits: bool) -> Tensor:
    """Return min(room_i, t) in Linf and min(room_i, t * sizes_i) in L2, where sizes @ that = height."""
    tiny = torch.finfo(sizes.dtype).tiny
    if norm == "linf":
        slopes, ends = sizes, room
    else:
        slopes, ends = sizes.square(), room / sizes.clamp_min(tiny)
    level = _solve(slopes, ends, height, waits)
    if norm == "linf":
        return torch.minimum(room, level)
    steps = sizes * level
    return torch.minimum(room, steps, out=steps)


def _solve(slopes: Tensor, ends: Tensor, height: Tensor, waits: bool) -> Tensor:
    """Return t ``(batch, 1)`` with the sum of slopes_i * min(t, ends_i) = height, or one beyond all ends.

    Tangents of a concave function lie above it, so Newton's method comes from the left and does not
    overshoot; between two ends the function is a line, so it arrives.
    """
    limits = torch.finfo(slopes.dtype)
    tiny, most, rounding = limits.tiny, limits.max, 4 * limits.eps
    level = height / slopes.sum(1, keepdim=True).clamp_min(tiny)
    scratch = torch.empty_like(slopes)
    for _ in range(slopes.shape[1] + 1 if waits else PASSES):
        torch.minimum(ends, level, out=scratch)
        missing = height - scratch.mul_(slopes).sum(1, keepdim=True)
        torch.gt(ends, level, out=scratch)
        slope = scratch.mul_(slopes).sum(1, keepdim=True)
        rise = torch.where(slope > 0, missing / slope.clamp_min(tiny), 0.0).clamp_min_(0.0)
        level = (level + rise).clamp_max_(most)  # infinity times zero is no number
        if waits and not (rise > rounding * level).any():
            break
    return level


def _fill(
    sizes: Tensor, rooms: Sequence[Tensor], heights: Sequence[Tensor], waits: bool
) -> list[Tensor]:
    """Return lengths ``(batch, d)``: rooms are filled by falling sizes until sizes @ length = height.

    Sorting all coordinates costs more than all the rest, and a few usually do: where the host may wait, the
    largest are looked at, and more of them for the rows that need it, which no other row has a say in.
    """
    width, tiny = sizes.shape[1], torch.finfo(sizes.dtype).tiny
    count = min(width, max(32, width // 32)) if waits else width
    beyond = [
        height >= (sizes * room).sum(1, keepdim=True)
        for room, height in zip(rooms, heights, strict=True)
    ]
    lengths = [torch.empty_like(room) for room in rooms]
    rows: Tensor | slice = slice(None)
    while True:
        steep, order = sizes[rows].topk(count, dim=1)
        left = torch.zeros_like(steep[:, 0], dtype=torch.bool)
        for length, room, height, full in zip(lengths, rooms, heights, beyond, strict=True):
            limits = room[rows].gather(1, order)
            gains = limits * steep
            before = gains.cumsum(1).sub_(gains)
            missing = (height[rows] - before).clamp_min_(0.0)
            left |= (missing[:, -1] > gains[:, -1]) & ~full[rows][:, 0]
            used = torch.minimum(limits, missing.div_(steep.clamp_min(tiny)))
            base = room[rows] * full[rows]
            length[rows] = base.scatter_(1, order, torch.where(full[rows], limits, used))
        if count == width or not left.any():
            return lengths
        index = torch.arange(len(sizes), device=sizes.device)[rows]
        rows = index[left]
        count = min(width, 8 * count)
