"""Linear bounds of a ReLU network over a box, taken backwards: CROWN.

Zhang et al. 2018, "Efficient neural network robustness certification with general activation functions",
arXiv:1811.00866, with the adaptive lower bound of its section 3.3. Each ReLU z -> y whose input is in [l, u], l < 0 < u, is
replaced by a line: y >= s z, with s = 1 where u > -l and else 0, if what is bounded rises with y, and
y <= u (z - l) / (u - l) if it falls. All else is affine, so backpropagation takes the lines down to the input.
"""

from __future__ import annotations

from dataclasses import dataclass
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
NUMBERS = 1 << 19  # coordinates that are taken back at once: so many lie in a processor's cache
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
            walk = _Relaxed(self.graph, known, centre)
            with torch.enable_grad():
                logits = walk.run(centre)
            if walk.next_activation is None:
                break
            units = walk.next_activation.flatten(1)
            if units.shape[1] > MOST_UNITS:
                raise refuse(f"an activation of {units.shape[1]} units in linear bounds")
            sides = None if known else self._affine_bounds(walk.next_activation, centre, radius)
            if sides is None:
                sides = walk.bounds(units, centre, radius)
            lower, upper = (side.view_as(walk.next_activation) for side in sides)
            known.append((lower, upper))
        leads = logits.gather(1, targets[:, None]) - logits
        apart = walk.lower_bounds(leads, centre, radius)
        return apart.scatter(1, targets[:, None], torch.inf).amin(1)

    def _affine_bounds(self, values: Tensor, centre: Tensor, radius: Tensor) -> Bounds | None:
        """Return the bounds of the first activation, whose slopes are the same at all examples, as no ReLU is before it.

        ``(batch, units)``; None where the network takes one example for another shape than several, as `squeeze` does.

        values: the activation at the centres, ``(batch, ...)``.
        """
        first = centre[:1].detach().requires_grad_()
        walk = _Relaxed(self.graph, [], first)
        with torch.enable_grad():
            walk.run(first)
        assert walk.next_activation is not None
        if walk.next_activation.shape != (1, *values.shape[1:]):
            return None
        value, reaches = walk.next_activation[0].flatten(), radius.flatten(1)

        def reach_of(unit: Tensor) -> Tensor:
            (slope,) = torch.autograd.grad(
                value, first, unit, retain_graph=True, materialize_grads=True, allow_unused=True
            )
            return reaches @ slope.flatten().abs()

        units = torch.eye(len(value), dtype=value.dtype, device=value.device)
        chunk = max(1, NUMBERS // first.numel())
        reach = torch.func.vmap(reach_of, chunk_size=chunk)(units).T
        middle = values.detach().flatten(1)
        return middle - reach, middle + reach


class _Line(torch.autograd.Function):
    """ReLU forwards; backwards the line that bounds it from below, weighed by what comes back.

    What the line adds to a bound at the centre comes back to `added`, ``(batch,)``, which the answer does not depend on.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, low: Tensor, high: Tensor, added: Tensor) -> Tensor:
        answer = z.relu()
        crosses = (low < 0) & (high > 0)
        through = (low >= 0).to(z.dtype)
        chord = torch.where(crosses, high / (high - low).clamp_min(1e-300), through)
        below = torch.where(crosses, (high > -low).to(z.dtype), through)
        offset = torch.where(crosses, -low * chord, 0.0)
        # Of each line its slope, and how far it is above the answer at the centre.
        lines = chord, below, chord * z + offset - answer, below * z - answer
        ctx.save_for_backward(*lines)
        return answer

    @staticmethod
    def backward(ctx: Any, *weights: Tensor) -> tuple[Tensor, None, None, Tensor]:
        (weight,) = weights
        chord, below, chord_above, below_above = ctx.saved_tensors
        falls = weight < 0
        added = (weight * torch.where(falls, chord_above, below_above)).flatten(1).sum(1)
        return weight * torch.where(falls, chord, below), None, None, added


@dataclass(eq=False)
class _Progress:
    """How far a walk is: the bounds that are known, and how many ReLUs were met."""

    known: list[Bounds]
    added: Tensor
    met: int = 0


class _Relaxed(fx.Interpreter):
    """Runs a graph at the centre, with lines for the ReLUs whose bounds are known."""

    def __init__(self, graph: fx.GraphModule, known: list[Bounds], centre: Tensor) -> None:
        super().__init__(graph)
        self.extra_traceback = False  # the refusal is for a person who knows no graph
        self.state = _Progress(known, centre.new_zeros(len(centre), requires_grad=True))
        self.next_activation: Tensor | None = None

    def bounds(self, values: Tensor, centre: Tensor, radius: Tensor) -> Bounds:
        """Return the lower and the upper bounds of values ``(batch, units)`` of this walk over the boxes."""
        lower = self.lower_bounds(values, centre, radius)
        return lower, -self.lower_bounds(-values, centre, radius)

    def lower_bounds(self, values: Tensor, centre: Tensor, radius: Tensor) -> Tensor:
        """Return the lower bounds of values ``(batch, units)`` of this walk over the boxes.

        Several units go back at once, as many as fit into `NUMBERS` coordinates of the input or of an activation.
        """
        largest = max(centre[0].numel(), *(low[0].numel() for low, _ in self.state.known), 1)
        at_once = max(1, NUMBERS // (largest * len(centre)))

        def back(unit: Tensor) -> Tensor:
            slope, added = torch.autograd.grad(
                values,
                (centre, self.state.added),
                unit.expand_as(values),
                retain_graph=True,
                materialize_grads=True,
                allow_unused=True,
            )
            return added - (slope.abs() * radius).flatten(1).sum(1)

        units = torch.eye(values.shape[1], dtype=values.dtype, device=values.device)
        return values.detach() + torch.func.vmap(back, chunk_size=at_once)(units).T

    def relu(self, z: Tensor) -> Tensor:
        place, self.state.met = self.state.met, self.state.met + 1
        if place < len(self.state.known):
            line: Any = _Line
            found: Tensor = line.apply(z, *self.state.known[place], self.state.added)
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
