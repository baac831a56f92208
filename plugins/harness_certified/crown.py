"""Linear bounds of a ReLU network over a box, taken backwards: CROWN.

Zhang et al. 2018, "Efficient neural network robustness certification with general activation functions",
arXiv:1811.00866, with the adaptive lower bound of its section 3.3. Each ReLU z -> y whose input is in [l, u], l < 0 < u, is
replaced by a line: y >= s z, with s = 1 where u > -l and else 0, if what is bounded rises with y, and
y <= u (z - l) / (u - l) if it falls. All else is affine, so backpropagation takes the lines down to the input.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from harness_certified.network import (
    AVERAGE_FUNCTIONS,
    AVERAGES,
    DIFFERENCES,
    LAYERS,
    NORMS,
    PRODUCTS,
    SUMS,
    affine_of_norm,
    refuse,
    trace,
)

MOST_UNITS = 4096  # of one activation: each takes two backward passes
RELUS = (torch.relu, functional.relu)
AFFINE_MODULES = (*LAYERS, *AVERAGES, nn.Identity, nn.Flatten, nn.Dropout, nn.Dropout2d)
AFFINE_FUNCTIONS = (*AVERAGE_FUNCTIONS, *SUMS, *DIFFERENCES, torch.flatten, functional.dropout)
AFFINE_METHODS = ("flatten", "view", "reshape", "contiguous", "squeeze", "unsqueeze", "mean")
Bounds = tuple[Tensor, Tensor]


class CrownNetwork:
    """A network whose answers are bounded over boxes, in float64."""

    def __init__(self, model: nn.Module) -> None:
        """Read the network.

        Raises:
            NotApplicable: It cannot be read as a graph.
        """
        self.graph = trace(model)

    def margins(self, targets: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Return for each example how far its own answer is above all others at least, ``(batch,)``.

        targets: ``(batch,)``, the class that is to win. low, high: ``(batch, *shape)`` float64, the corners of the box. Above 0: proved.

        Raises:
            NotApplicable: An operation of the network is neither a ReLU nor affine.
        """
        known: list[Bounds] = []
        radius = (high - low) / 2
        while True:
            centre = ((high + low) / 2).requires_grad_()
            walk = _Relaxed(self.graph, known)
            with torch.enable_grad():
                logits = walk.run(centre)
            if walk.next_activation is None:
                break
            units = walk.next_activation.flatten(1)
            if units.shape[1] > MOST_UNITS:
                raise refuse(f"an activation of {units.shape[1]} units in linear bounds")
            rows = [walk.bounds(unit, centre, radius) for unit in units.unbind(1)]
            sides = (torch.stack(side, 1) for side in zip(*rows, strict=True))
            lower, upper = (side.view_as(walk.next_activation) for side in sides)
            known.append((lower, upper))
        own = logits.gather(1, targets[:, None])
        leads = (own - logits).unbind(1)
        apart = [walk.bounds(lead, centre, radius, upper=False)[0] for lead in leads]
        margins = torch.stack(apart, 1).scatter(1, targets[:, None], torch.inf)
        return margins.amin(1)


@dataclass
class _Gathered:
    """What replacing ReLUs by lines adds to a bound at the centre, ``(batch,)``, gathered on the way back."""

    total: Tensor | float = 0.0


class _Line(torch.autograd.Function):
    """ReLU forwards; backwards the line that bounds it from below, weighed by what comes back."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, low: Tensor, high: Tensor, gathered: _Gathered) -> Tensor:
        ctx.save_for_backward(z, low, high)
        ctx.gathered = gathered
        return z.relu()

    @staticmethod
    def backward(ctx: Any, *weights: Tensor) -> tuple[Tensor, None, None, None]:
        (weight,) = weights
        z, low, high = ctx.saved_tensors
        crosses = (low < 0) & (high > 0)
        chord = torch.where(crosses, high / (high - low).clamp_min(1e-300), 0.0)
        below = (high > -low).to(z.dtype)
        slope = torch.where(crosses, torch.where(weight < 0, chord, below), (low >= 0).to(z.dtype))
        offset = torch.where(crosses & (weight < 0), -low * chord, 0.0)
        added = weight * (slope * z + offset - z.relu())
        ctx.gathered.total = ctx.gathered.total + added.flatten(1).sum(1)
        return weight * slope, None, None, None


@dataclass(eq=False)
class _Progress:
    """How far a walk is: the bounds that are known, and how many ReLUs were met."""

    known: list[Bounds]
    met: int = 0
    gathered: _Gathered = field(default_factory=_Gathered)


class _Relaxed(fx.Interpreter):
    """Runs a graph at the centre, with lines for the ReLUs whose bounds are known."""

    def __init__(self, graph: fx.GraphModule, known: list[Bounds]) -> None:
        super().__init__(graph)
        self.extra_traceback = False  # the refusal is for a person who knows no graph
        self.state = _Progress(known)
        self.next_activation: Tensor | None = None

    def bounds(
        self, value: Tensor, centre: Tensor, radius: Tensor, *, upper: bool = True
    ) -> Bounds:
        """Return the lower and the upper bound of a value ``(batch,)`` of this walk over the boxes; the latter where it is asked for."""
        lines, reach = self._line_below(value, centre, radius)
        if not self.state.known:  # the value is affine in the input
            return lines - reach, lines + reach
        if not upper:
            return lines - reach, lines
        above, further = self._line_below(-value, centre, radius)
        return lines - reach, further - above

    def _line_below(self, value: Tensor, centre: Tensor, radius: Tensor) -> Bounds:
        """Return a function below a value that is affine in the input: where it is at the centre, and how far it goes from there."""
        self.state.gathered.total = 0.0
        (slope,) = torch.autograd.grad(
            value.sum(), centre, retain_graph=True, materialize_grads=True, allow_unused=True
        )
        reach = (slope.abs() * radius).flatten(1).sum(1)
        return value.detach() + self.state.gathered.total, reach

    def relu(self, z: Tensor) -> Tensor:
        place, self.state.met = self.state.met, self.state.met + 1
        if place < len(self.state.known):
            line: Any = _Line
            found: Tensor = line.apply(z, *self.state.known[place], self.state.gathered)
            return found
        if self.next_activation is None:
            self.next_activation = z
        return z.relu()

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        module = self.fetch_attr(str(target))
        if not _moves(args) and not _moves(kwargs):
            return super().call_module(target, args, kwargs)
        if isinstance(module, nn.ReLU):
            return self.relu(args[0])
        if isinstance(module, NORMS):
            affine_of_norm(module)  # refuses one that looks at the batch
        elif not isinstance(module, AFFINE_MODULES):
            raise refuse(module)
        return super().call_module(target, args, kwargs)

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        moving = [one for one in args if _moves(one)]
        if not moving and not _moves(kwargs):
            return super().call_function(target, args, kwargs)
        if target in RELUS:
            return self.relu(args[0])
        # A division that rounds says so in a keyword.
        scaled = target in PRODUCTS and len(moving) == 1 and moving[0] is args[0] and not kwargs
        shape = target is getattr and args[1] in ("shape", "ndim", "dtype", "device")
        if not (scaled or shape or target is torch.cat or target in AFFINE_FUNCTIONS):
            raise refuse(target)
        return super().call_function(target, args, kwargs)

    def call_method(self, target: Any, args: Any, kwargs: Any) -> Any:
        if not _moves(args) and not _moves(kwargs):
            return super().call_method(target, args, kwargs)
        if target == "relu":
            return self.relu(args[0])
        if target not in (*AFFINE_METHODS, "size", "permute", "transpose"):
            raise refuse(f"the method {target}")
        return super().call_method(target, args, kwargs)


def _moves(value: Any) -> bool:
    """Return whether a value, or one inside it, depends on the input."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return any(map(_moves, value))
    return isinstance(value, Tensor) and value.requires_grad
