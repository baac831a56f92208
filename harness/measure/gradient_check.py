"""Whether the gradient that autograd gives is the function's own: directional derivatives against differences.

For a loss f, a point x and a direction d autograd claims that f rises by ``a = <grad f(x), d>`` for a unit of d.
Two things are asked, each with max |d| = 1 of the directions:

Near, along the gradient and random signs, at the steps h = 1e-6 and 4h (of the box's width), of the same function in
float64, where it can be cast::

    D(h) = (f(x + h d) - f(x - h d)) / 2h

The claim is wrong where |D(h) - a| is more than a tolerance of the slope (5 %), and more than ten times the difference's
own error: |D(h) - D(4h)|, which holds what curvature, a kink within reach and most of rounding do to it, and u |f| / h for
the rest of rounding (u the unit of float64), without which both differences of a function that is all but constant round to 0
and look free of error. Points are moved a little at random first: piecewise linear functions have kinks where inputs are equal
(a border of zeros under max pooling), and none at almost every other point.

The a of this is that of the arithmetic in use, but in half precision that of float64, too. There rounding alone moves
activations across kinks (another winner of a maximum, another side of a ReLU), so the gradient is one of a network next to
the float64 one, off by a quarter of its size in a plain CNN, by no fault of autograd's. What is wrong in half precision
alone is left to the look from afar, which stays in one arithmetic.

Far, along the gradient's sign and other random signs, at the step H, a sixteenth of the width, in the arithmetic that
is in use. Over such a distance no sound network is linear, so a is not compared with D(H) but its mean along the way, by
the fundamental theorem of calculus, which holds for whatever has no jumps, kinks or not::

    D(H) = 1/2H * integral of <grad f(x + t d), d> dt over [-H, H],   estimated at m random points, one in each m-th

It is wrong where the differences of all examples, as a root of their squares' sum, exceed a quarter of the slope (in
half precision a half) and three standard errors of the estimate with the rounding of f. This finds what the first cannot:
a rounding step or a hard choice (its derivative is 0 at almost every point, and the function rises all the same), and layers
of int8 arithmetic, which have no float64. A gradient that is wrong near and right far is passed where the function itself is a staircase and its
stand-in follows the trend (a straight-through estimator): that is how an attack would want it.

Sources: Griewank & Walther 2008, "Evaluating Derivatives", section 1 (differences as a test); Baydin et al. 2018, "Automatic
differentiation in machine learning: a survey", arXiv:1502.05767 (rounding against truncation). `torch.autograd.gradcheck`
tests single functions in float64, and neither examples with kinks nor a network in its own precision.
"""

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

NEAR, WIDER = 1e-6, 4.0  # of the width; and how many times as far the second step goes
FAR = 1 / 16  # of the width
POINTS = 5  # of the way, at which gradients are taken
SURELY = 10.0  # times the differences' own error
FEW = 0.1  # of the examples, that may be wrong by chance: next to a kink
STAIRS = 0.25  # of the slope, that a staircase's derivative is off its trend by
Z = 3.0  # standard errors
CLOSER = 3.0  # times, that a stand-in follows a staircase's trend closer than its derivative does


@dataclass(frozen=True)
class GradientCheck:
    """What was found of a gradient.

    agrees: it is the function's, as far as could be told. rise: along its own direction the loss rises by so many times
    what autograd says; infinite where autograd says 0 and it does rise. wrong: the size of what is wrong of the gradient or
    missing, as a share of the function's own slope, along random directions. steps: the derivative itself is right, but the
    function has steps that no derivative shows. near: it was looked at in float64, too; not where the function rounds to float32 all the same.
    """

    agrees: bool
    rise: float
    wrong: float
    steps: bool
    near: bool


@dataclass(frozen=True)
class _Slopes:
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
        size = _norm(is_so)
        return (
            float(_norm(is_so - said) / size)
            if size
            else (0.0 if _norm(said) == 0 else float("inf"))
        )


def check_gradient(
    value: Value,
    points: Tensor,
    *,
    exact: Value | None = None,
    width: float = 1.0,
    seed: int = 0,
    tolerance: float = 0.05,
    far_tolerance: float = 0.25,
    noise: float = 0.0,
    exact_noise: float = 0.0,
    rough: bool = False,
) -> GradientCheck:
    """Compare a loss's gradient with its differences; see the module.

    value: the loss in the arithmetic in use. exact: the same function in float64; None: it cannot be cast, and is looked at
    far alone. points: ``(n, *shape)``. width: of the box that they lie in, or the size that a step is a share of.
    tolerance, far_tolerance: of a slope, near and far. noise, exact_noise: by how much rounding moves what a loss is made
    of, in the arithmetic in use and in float64, in the loss's unit. rough: the arithmetic in use is half precision.
    """
    import torch

    draw = torch.Generator().manual_seed(seed)
    (gradient,), rows = _gradients(value, points[None])
    near_ways, far_ways = _directions(gradient, draw)
    far = _look_far(value, points, far_ways, width, rows, draw, far_tolerance, noise)
    near = None
    losses = None if exact is None else _exact_losses(exact, points)
    if exact is not None and losses is not None:
        exact_noise += torch.finfo(torch.float64).eps * float(losses.abs().amax().nan_to_num(0.0))
        claim = _gradients(exact, points.double()[None])[0] if rough else gradient
        near = _look_near(exact, points, claim, near_ways, width, rows, tolerance, exact_noise)
    is_wrong = far.wrong if near is None else near.wrong or far.wrong
    if near is not None and near.wrong and not far.wrong and exact is not None:
        is_wrong = not _is_followed(exact, points, far_ways, width, rows, far)
    told = near if near is not None and is_wrong and not far.wrong else far
    return GradientCheck(
        agrees=not is_wrong,
        rise=told.rise(),
        wrong=told.error(),
        steps=is_wrong and near is not None and not near.wrong,
        near=near is not None,
    )


def _exact_losses(exact: Value, points: Tensor) -> Tensor | None:
    """Return the losses; None where they are not float64 in truth: float32 holds what was rounded to it on the way."""
    import torch

    with torch.no_grad():
        losses = exact(points.double()[None])
    is_rounded = losses.dtype != torch.float64 or torch.equal(losses, losses.float().double())
    return None if is_rounded else losses


def _look_near(
    exact: Value,
    points: Tensor,
    gradient: Tensor,
    directions: Tensor,
    width: float,
    rows: int,
    tolerance: float,
    noise: float,
) -> _Slopes:
    import torch

    claimed = _dot(gradient, directions, rows)
    step = NEAR * width
    found, wider = (_difference(exact, points, directions, h) for h in (step, WIDER * step))
    error, own_error = (found - claimed).abs(), (found - wider).abs() + noise / step
    size = _dot(gradient, gradient[None], rows).sqrt()
    scale = torch.maximum(torch.maximum(claimed.abs(), found.abs()), size)
    wrong = (error > tolerance * scale) & (error > SURELY * own_error)
    return _Slopes(claimed, found, bool(wrong.any(0).double().mean() > FEW))


def _look_far(
    value: Value,
    points: Tensor,
    directions: Tensor,
    width: float,
    rows: int,
    draw: torch.Generator,
    tolerance: float,
    noise: float,
) -> _Slopes:
    import torch

    step = FAR * width
    with torch.no_grad():
        ends = value(torch.cat([points + step * directions, points - step * directions]))
    noise += torch.finfo(ends.dtype).eps * float(ends.abs().amax().nan_to_num(0.0))
    above, below = ends.double().chunk(2)
    found = _finite((above - below) / (2 * step))
    places = _places(draw, step)
    way = torch.cat([points + place * directions for place in places])
    gradients = _gradients(value, way)[0].view(len(places), *directions.shape)
    claims = torch.stack([_dot(one, directions, rows) for one in gradients])  # (m, k, rows)
    sizes = torch.stack([_dot(one, one, rows).sqrt() for one in gradients]).mean(0)
    claimed = claims.mean(0)
    variance = claims.var(0) / len(places) + (noise / step) ** 2
    wrong = False
    for one in range(len(directions)):
        error = _norm(found[one] - claimed[one])
        slope = max(_norm(found[one]), _norm(claimed[one]), _norm(sizes[one]))
        wrong |= bool(error > tolerance * slope and error > Z * float(variance[one].sum().sqrt()))
    return _Slopes(claimed, found, wrong)


def _is_followed(
    exact: Value, points: Tensor, directions: Tensor, width: float, rows: int, far: _Slopes
) -> bool:
    """Whether the function is a staircase whose trend the gradient follows, closer than its own derivative does."""
    import torch

    step = FAR * width
    places = [step * (2 * (j + 0.5) / POINTS - 1) for j in range(POINTS)]
    own = [_difference(exact, points + t * directions, directions, NEAR * width) for t in places]
    derivative = torch.stack(own).median(0).values
    strays = _norm(far.found - derivative)
    return strays > STAIRS * _norm(far.found) and strays > CLOSER * _norm(far.found - far.claimed)


def _difference(exact: Value, points: Tensor, directions: Tensor, step: float) -> Tensor:
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


def _gradients(value: Value, points: Tensor) -> tuple[Tensor, int]:
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


def _directions(gradient: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the gradient's own direction and random signs, and its sign and others: ``(2, n, *shape)``, at most 1.

    Where the gradient is 0, other random signs stand in for its own.
    """
    import torch

    signs = [
        torch.randint(0, 2, gradient.shape, generator=draw).mul(2).sub(1).to(gradient)
        for _ in range(3)
    ]
    flat = gradient.flatten(1)
    largest = flat.abs().amax(1).view(-1, *[1] * (gradient.dim() - 1))
    is_zero = largest == 0
    own = torch.where(is_zero, signs[0], gradient / largest.clamp_min(1e-38))
    own_sign = torch.where(is_zero, signs[0], gradient.sign())
    return torch.stack([own, signs[1]]), torch.stack([own_sign, signs[2]])


def _dot(gradient: Tensor, directions: Tensor, rows: int) -> Tensor:
    """Return the products ``(k, rows)``, of each example or summed over all."""
    products = (gradient.double() * directions.double()).flatten(2).sum(2)
    return products if rows == products.shape[1] else products.sum(1, keepdim=True)


def _norm(values: Tensor) -> float:
    return float(values.norm())
