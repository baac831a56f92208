"""Slopes of a function as autograd claims them and as differences find them; `gradient_check` says by which formulas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Value = Callable[[Tensor], Tensor]
    """Points ``(k, n, *shape)``, k times n examples, to losses ``(k, n)``, or ``(k, 1)`` where the examples' losses
    cannot be told apart and are summed; differentiable."""
    Box = tuple[float, float]

NEAR, WIDER = 1e-6, 4.0  # of the width; and how many times as far the second step goes
FAR = 1 / 16  # of the width
POINTS = 5  # of the way, at which gradients are taken
SURELY = 10.0  # times the differences' own error
FEW = 0.1  # of the examples, that may be wrong by chance: next to a kink
Z = 3.0  # standard errors


@dataclass(frozen=True)
class Slopes:
    """claimed, found: ``(directions, rows)``, of autograd and of differences. wrong: whether they disagree."""

    claimed: Tensor
    found: Tensor
    wrong: bool

    def rise(self) -> float:
        """Return the rise along the first direction, the gradient's own, against the claim."""
        said, is_so = float(self.claimed[0].sum()), float(self.found[0].sum())
        return is_so / said if said else (0.0 if is_so == 0 else float("inf"))

    def error(self) -> float:
        """Return the error along the other directions, as a share of the slope."""
        said, is_so = self.claimed[1:], self.found[1:]
        size = norm(is_so)
        return (
            float(norm(is_so - said) / size) if size else (0.0 if norm(said) == 0 else float("inf"))
        )


def look_near(
    exact: Value,
    points: Tensor,
    gradient: Tensor,
    directions: Tensor,
    width: float,
    rows: int,
    tolerance: float,
    noise: float,
    one_sided: bool,
) -> Slopes | None:
    """Look near, in one call; None where losses are not float64 in truth: float32 holds what was rounded to it on the way."""
    import torch

    claimed = _dot(gradient, directions, rows)
    steps = (NEAR * width, WIDER * NEAR * width)
    points, directions = points.double(), directions.double()
    ahead = [points + step * directions for step in steps]
    behind = [points[None]] if one_sided else [points - step * directions for step in steps]
    with torch.no_grad():
        losses = exact(torch.cat([*ahead, *behind]))
    if losses.dtype != torch.float64 or torch.equal(losses, losses.float().double()):
        return None
    after, before = losses[: 2 * len(directions)], losses[2 * len(directions) :]
    before = before.expand_as(after) if one_sided else before
    way = 1 if one_sided else 2
    found, wider = (
        _finite((one - other) / (way * step))
        for one, other, step in zip(after.chunk(2), before.chunk(2), steps, strict=True)
    )
    noise += torch.finfo(torch.float64).eps * float(losses.abs().amax().nan_to_num(0.0))
    error, own_error = (found - claimed).abs(), (found - wider).abs() + noise / steps[0]
    size = _dot(gradient, gradient[None], rows).sqrt()
    scale = torch.maximum(torch.maximum(claimed.abs(), found.abs()), size)
    wrong = (error > tolerance * scale) & (error > SURELY * own_error)
    return Slopes(claimed, found, bool(wrong.any(0).double().mean() > FEW))


def look_far(
    value: Value,
    points: Tensor,
    directions: Tensor,
    step: float,
    rows: int,
    draw: torch.Generator,
    tolerance: float,
    noise: float,
    box: Box | None = None,
) -> Slopes:
    """Look far, in the arithmetic in use, of the way what lies inside the box; see `ways_inside`.

    points: ``(n, *shape)``, or ``(k, n, *shape)``, of each direction its own.
    """
    import torch

    with torch.no_grad():
        both = torch.cat([points + step * directions, points - step * directions])
        ends = value(_clamped(both, box))
    noise += torch.finfo(ends.dtype).eps * float(ends.abs().amax().nan_to_num(0.0))
    above, below = ends.double().chunk(2)
    found = (above - below) / (2 * step)
    unknown = found.isfinite().logical_not()  # decide nothing: claims of them count for 0 as well
    found = _finite(found)
    places = _places(draw, step)
    way = torch.cat([points + place * directions for place in places])
    found_there = gradients(value, _clamped(way, box))[0].view(len(places), *directions.shape)
    claims = torch.stack([_dot(one, directions, rows) for one in found_there])  # (m, k, rows)
    claims = claims.masked_fill(unknown, 0.0)
    sizes = torch.stack([_dot(one, one, rows).sqrt() for one in found_there]).mean(0)
    sizes = sizes.masked_fill(unknown, 0.0)
    claimed = claims.mean(0)
    variance = claims.var(0) / len(places) + (noise / step) ** 2
    wrong = False
    for one in range(len(directions)):
        error = norm(found[one] - claimed[one])
        slope = max(norm(found[one]), norm(claimed[one]), norm(sizes[one]))
        wrong |= bool(error > tolerance * slope and error > Z * float(variance[one].sum().sqrt()))
    return Slopes(claimed, found, wrong)


def ways_inside(
    points: Tensor, directions: Tensor, step: float, box: Box | None
) -> tuple[Tensor, Tensor]:
    """Return middles and directions ``(k, n, *shape)`` of the ways of a step either side that stay inside a box.

    Of each value the way ends where the box does: outside it a model may be anything (a root is not a number there, an
    assertion fails), and no attack goes there.
    """
    if box is None:
        return points.expand_as(directions), directions
    ahead = _clamped(points + step * directions, box)
    behind = _clamped(points - step * directions, box)
    return (ahead + behind) / 2, (ahead - behind) / (2 * step)


def _clamped(points: Tensor, box: Box | None) -> Tensor:
    return points if box is None else points.clamp(*box)


def difference(exact: Value, points: Tensor, directions: Tensor, step: float) -> Tensor:
    """Return central differences ``(k, rows)`` of the function in float64."""
    import torch

    points, directions = points.double(), directions.double()
    with torch.no_grad():
        ends = exact(torch.cat([points + step * directions, points - step * directions])).double()
    above, below = ends.chunk(2)
    return _finite((above - below) / (2 * step))


def _finite(values: Tensor) -> Tensor:
    return values.nan_to_num(0.0, 0.0, 0.0)


def _places(draw: torch.Generator, step: float) -> list[float]:
    """Return points of [-step, step], one at random in each of equal parts."""
    import torch

    offsets = (torch.arange(POINTS) + torch.rand(POINTS, generator=draw)) / POINTS
    return [step * (2 * float(offset) - 1) for offset in offsets]


def gradients(value: Value, points: Tensor) -> tuple[Tensor, int]:
    """Return gradients ``(k, n, *shape)``, 0 where there is none or it is not finite; and the number of rows."""
    import torch

    leaf = points.detach().clone().requires_grad_()
    with torch.enable_grad():
        losses = value(leaf)
    found = None
    if losses.requires_grad:
        (found,) = torch.autograd.grad(losses.sum(), leaf, allow_unused=True)
    zero = torch.zeros_like(leaf)
    return (zero if found is None else found.nan_to_num(0.0, 0.0, 0.0)), losses.shape[1]


def _dot(gradient: Tensor, directions: Tensor, rows: int) -> Tensor:
    """Return the products ``(k, rows)``, of each example or summed over all."""
    products = (gradient.double() * directions.double()).flatten(2).sum(2)
    return products if rows == products.shape[1] else products.sum(1, keepdim=True)


def norm(values: Tensor) -> float:
    """Return the root of the squares' sum."""
    return float(values.norm())
