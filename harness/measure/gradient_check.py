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

At the edge of a box, where values can only go inside, the difference is one of one side, from the point itself::

    D(h) = (f(x + h d) - f(x)) / h,    d at such values 0, or pointing inside by the same at all of them

with the same test; its curvature shows in D(h) - D(4h) as well. (By the same, so that values which tie go on doing so: under
max pooling, or a division by the largest.) Such values matter, as they are no rare place: the black
background of a picture is at the edge, an attack that starts at random is clipped back to it, and each step in which the
gradient points outwards leaves values there. A kink on the whole face of the box, such as a first layer ``relu(x)``, ``abs(x)``
or ``hardtanh(x)`` on inputs from 0, has the derivative 0 there by autograd's choice while f rises inside: whatever the other values
are, no step ever lifts such a value, so figures of attacks that follow the gradient are upper bounds. It is wrong.
A ReLU that is at its kink only where many values are at the edge at once (a convolution without bias on an all-black patch) is
sound: as soon as one value of the patch has moved, the others have their true gradient, and a random start moves about half of
them. So of the values at the edge only a few are left there, at random (`gradient_look.STAYS`), and the rest is moved inside. Where an attack
begins at the picture itself, such a patch holds it as surely as the kink on the face does; that is the attack's
weakness, which one with a random start beside it shows, and not said here. `torch.clamp` has the derivative from inside at both of its ends, and passes.

The a of this is that of the arithmetic in use, but in half precision that of float64, too. There rounding alone moves
activations across kinks (another winner of a maximum, another side of a ReLU), so the gradient is one of a network next to
the float64 one, off by a quarter of its size in a plain CNN, by no fault of autograd's. What is wrong in half precision
alone is left to the look from afar, which stays in one arithmetic.

Far, along the gradient's sign and other random signs, at the step H, a sixteenth of the width, in the arithmetic that
is in use. Over such a distance no sound network is linear, so a is not compared with D(H) but its mean along the way, by
the fundamental theorem of calculus, which holds for whatever has no jumps, kinks or not::

    D(H) = 1/2H * integral of <grad f(x + t d), d> dt over [-H, H],   estimated at m random points, one in each m-th

In a box each value's way ends at its edge: x is then the middle of what is left, and d the half of it over H. Outside, where no
attack goes, a function may be anything: a root of a pixel below 0 is not a number, and would hide whatever follows it.
Steps that lie further than H are no matter of a ball that does not reach them, and of a larger one they are: of black and white
pixels that a model rounds to four levels nothing changes within an eighth. So it is looked at once more at the radius
of the largest ball.

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

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.measure.slopes import (
    FAR,
    NEAR,
    POINTS,
    Slopes,
    difference,
    gradients,
    look_far,
    look_near,
    norm,
    ways_inside,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.measure.slopes import Box, Value

STAIRS = 0.25  # of the slope, that a staircase's derivative is off its trend by
CLOSER = 3.0  # times, that a stand-in follows a staircase's trend closer than its derivative does


@dataclass(frozen=True)
class GradientCheck:
    """What was found of a gradient.

    agrees: it is the function's, as far as could be told. rise: along its own direction the loss rises by so many times
    what autograd says; infinite where autograd says 0 and it does rise. wrong: the size of what is wrong of the gradient or
    missing, as a share of the function's own slope, along random directions. steps: the derivative itself is right, but the
    function has steps that no derivative shows. near: it was looked at in float64, too; not where the function rounds to float32 all the same.
    edges: it is wrong for values at the edge of the box alone: 1 at the lower end, -1 at the upper one; rise and wrong are then of
    moving those inside.
    """

    agrees: bool
    rise: float
    wrong: float
    steps: bool
    near: bool
    edges: tuple[int, ...] = ()


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
    inward: Tensor | None = None,
    box: Box | None = None,
    reach: float = FAR,
) -> GradientCheck:
    """Compare a loss's gradient with its differences; see the module.

    value: the loss in the arithmetic in use. exact: the same function in float64; None: it cannot be cast, and is looked at
    far alone. points: ``(n, *shape)``. width: of the box that they lie in, or the size that a step is a share of.
    tolerance, far_tolerance: of a slope, near and far. noise, exact_noise: by how much rounding moves what a loss is made
    of, in the arithmetic in use and in float64, in the loss's unit. rough: the arithmetic in use is half precision.
    inward: ``(n, *shape)``, 1 or -1 at values that are at the edge of a box, the way inside, and 0 at all others; None: none
    is. box: lowest and highest value of a point, beyond which the function is not asked; None: there is no box.
    reach: share of the width, at which it is looked at once more where that is further than FAR.
    """
    import torch

    draw = torch.Generator().manual_seed(seed)
    (gradient,), rows = gradients(value, points[None])
    near_ways, far_ways = _directions(gradient, draw)
    middles, ways = ways_inside(points, far_ways, FAR * width, box)
    arithmetic = far_tolerance, noise, box
    far = look_far(value, middles, ways, FAR * width, rows, draw, *arithmetic)
    if reach > FAR and not far.wrong:
        further = *ways_inside(points, far_ways, reach * width, box), reach * width
        beyond = look_far(value, *further, rows, draw, *arithmetic)
        far = beyond if beyond.wrong else far
    near = None
    if exact is not None:
        claim = gradients(exact, points.double()[None])[0] if rough else gradient

        def look(directions: Tensor) -> Slopes | None:
            at = exact, points, claim, directions, width
            return look_near(*at, rows, tolerance, exact_noise, inward is not None)

        near = look(near_ways if inward is None else _inside(near_ways[0], near_ways[1], inward))
    is_wrong = far.wrong if near is None else near.wrong or far.wrong
    edges: tuple[int, ...] = ()
    if exact is not None and near is not None and near.wrong and not far.wrong:
        if inward is not None and _agrees(look(near_ways.masked_fill(inward != 0, 0.0))):
            for side in (1, -1):
                there = look((inward * (inward == side)).expand(2, *inward.shape))
                if there is not None and there.wrong:
                    near, edges = there, (*edges, side)
        else:
            is_wrong = not _is_followed(exact, middles, ways, width, rows, far)
    told = near if near is not None and is_wrong and not far.wrong else far
    return GradientCheck(
        agrees=not is_wrong,
        rise=told.rise(),
        wrong=told.error(),
        steps=is_wrong and near is not None and not near.wrong,
        near=near is not None,
        edges=edges,
    )


def _agrees(slopes: Slopes | None) -> bool:
    return slopes is not None and not slopes.wrong


def _inside(own: Tensor, other: Tensor, inward: Tensor) -> Tensor:
    """Return the two directions ``(n, *shape)`` as one tensor; at the edge the first is 0, and the other points inside."""
    import torch

    return torch.stack([own.masked_fill(inward != 0, 0.0), torch.where(inward != 0, inward, other)])


def _is_followed(
    exact: Value, points: Tensor, directions: Tensor, width: float, rows: int, far: Slopes
) -> bool:
    """Whether the function is a staircase whose trend the gradient follows, closer than its own derivative does."""
    import torch

    step = FAR * width
    places = [step * (2 * (j + 0.5) / POINTS - 1) for j in range(POINTS)]
    own = [difference(exact, points + t * directions, directions, NEAR * width) for t in places]
    derivative = torch.stack(own).median(0).values
    strays = norm(far.found - derivative)
    return strays > STAIRS * norm(far.found) and strays > CLOSER * norm(far.found - far.claimed)


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
