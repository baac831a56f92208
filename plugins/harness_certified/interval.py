"""Interval bound propagation: what a network can answer anywhere in an linf ball.

Gowal et al. 2018, "On the effectiveness of interval bound propagation ...", arXiv:1810.12715, section 3: each
activation has a lower and an upper bound, taken through the network operation by operation. The last linear layer is
taken together with the difference of two answers ("elision of the last layer", equation 10).
"""

from __future__ import annotations

import math
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
    MAXIMA,
    MAXIMUM_FUNCTIONS,
    MONOTONE_FUNCTIONS,
    MONOTONE_METHODS,
    NORMS,
    PRODUCTS,
    SUMS,
    VALLEY_FUNCTIONS,
    TensorLike,
    affine_of_norm,
    refuse,
    slope,
    trace,
    valley,
)


@dataclass(frozen=True)
class Interval(TensorLike):
    """low, high: tensors of one shape; the value is between them, elementwise."""

    low: Tensor
    high: Tensor

    def tensor(self) -> Tensor:
        """Return one of its tensors."""
        return self.low

    def through(self, function: Any, *args: Any, **kwargs: Any) -> Interval:
        """Return the interval after an operation that never falls where its input rises."""
        return Interval(function(self.low, *args, **kwargs), function(self.high, *args, **kwargs))


class IntervalNetwork:
    """A network through which intervals are taken, in float64."""

    def __init__(self, model: nn.Module) -> None:
        """Read the network.

        Raises:
            NotApplicable: It cannot be read as a graph.
        """
        self.graph = trace(model)

    def margins(
        self, inputs: Tensor, targets: Tensor, epsilon: float, low: float, high: float
    ) -> Tensor:
        """Return for each example how far its own answer is above all others at least, ``(batch,)``.

        inputs: ``(batch, *shape)``. targets: ``(batch,)``, the class that is to win. epsilon: radius of the linf
        ball, which is cut to the box [low, high]. Above 0: proved.

        Raises:
            NotApplicable: An operation of the network has no bounds.
        """
        wide = inputs.double()
        ball = Interval((wide - epsilon).clamp_min(low), (wide + epsilon).clamp_max(high))
        with torch.no_grad():
            return margins_over(self.graph, targets, ball).amin(1)


def margins_over(graph: fx.GraphModule, targets: Tensor, ball: Interval) -> Tensor:
    """Return how far the answer `targets` is above each other one at least, ``(batch, classes)``; infinity at itself.

    Raises:
        NotApplicable: An operation of the network has no bounds.
    """
    walk = _IntervalWalk(graph, targets)
    walk.run(ball)
    assert walk.margins is not None
    return walk.margins


class _IntervalWalk(fx.Interpreter):
    """Takes intervals through the operations of a graph, in their order."""

    def __init__(self, graph: fx.GraphModule, targets: Tensor) -> None:
        super().__init__(graph)
        self.extra_traceback = False  # the refusal is for a person who knows no graph
        self.targets = targets
        self.margins: Tensor | None = None
        (last,) = (node for node in graph.graph.nodes if node.op == "output")
        self.answer = last.args[0]

    def run_node(self, node: fx.Node) -> Any:
        if node is self.answer and node.op == "call_module":
            module = self.fetch_attr(str(node.target))
            (before,) = self.fetch_args_kwargs_from_env(node)[0]
            if (
                isinstance(module, nn.Linear)
                and isinstance(before, Interval)
                and before.low.ndim == 2
            ):
                self.margins = _last_margins(module, before, self.targets)
        found = super().run_node(node)
        if node is self.answer and self.margins is None:
            if not isinstance(found, Interval):
                raise refuse("an answer that does not depend on the input")
            self.margins = _margins(found, self.targets)
        return found

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        module = self.fetch_attr(str(target))
        value = args[0]
        if not isinstance(value, Interval):
            return super().call_module(target, args, kwargs)
        if isinstance(module, LAYERS):
            return _through_layer(module, value)
        if isinstance(module, NORMS):
            factor, summand = affine_of_norm(module)
            shape = (1, -1, *[1] * (value.low.ndim - 2))
            return _shifted(_scaled(value, factor.view(shape)), summand.view(shape))
        if isinstance(module, (*AVERAGES, *MAXIMA)) or slope(module) is not None:
            return value.through(module)
        if (found := valley(module)) is not None:
            return _through_valley(module, value, found[0], {})
        raise refuse(module)

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        if not _holds_interval((args, kwargs)):
            return super().call_function(target, args, kwargs)
        value = args[0]
        if target is getattr:
            return getattr(value, args[1])
        if target in SUMS and not kwargs:
            return _sum(*args)
        if target in DIFFERENCES and not kwargs:
            return _sum(args[0], _negated(args[1]))
        if target in PRODUCTS and not kwargs and isinstance(value, Interval):
            if isinstance(args[1], Interval):
                raise refuse("a product of two activations")
            divides = target.__name__ in ("truediv", "div")
            return _scaled(value, 1.0 / args[1] if divides else args[1])
        if target is torch.cat:
            parts = args[0]
            dim = args[1] if len(args) > 1 else kwargs.get("dim", 0)
            ends = [(p.low, p.high) if isinstance(p, Interval) else (p, p) for p in parts]
            return Interval(*(torch.cat(list(side), dim) for side in zip(*ends, strict=True)))
        known = (*MONOTONE_FUNCTIONS, *AVERAGE_FUNCTIONS, *MAXIMUM_FUNCTIONS)
        if target in known and isinstance(value, Interval) and not _holds_interval(args[1:]):
            return value.through(target, *args[1:], **kwargs)
        exact = kwargs.get("approximate", "none") == "none"
        if target in VALLEY_FUNCTIONS and exact and len(args) == 1:
            return _through_valley(target, value, VALLEY_FUNCTIONS[target][0], kwargs)
        raise refuse(target)

    def call_method(self, target: Any, args: Any, kwargs: Any) -> Any:
        value = args[0]
        if not isinstance(value, Interval):
            return super().call_method(target, args, kwargs)
        if target == "size":
            return value.size(*args[1:], **kwargs)
        if target in (*MONOTONE_METHODS, "mean", "permute", "transpose"):
            return value.through(getattr(Tensor, str(target)), *args[1:], **kwargs)
        raise refuse(f"the method {target}")


def _holds_interval(value: Any) -> bool:
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return any(map(_holds_interval, value))
    return isinstance(value, Interval)


def _sum(one: Any, other: Any) -> Interval:
    if not isinstance(one, Interval):
        one, other = other, one
    if isinstance(other, Interval):
        return Interval(one.low + other.low, one.high + other.high)
    return _shifted(one, other)


def _negated(value: Any) -> Any:
    return Interval(-value.high, -value.low) if isinstance(value, Interval) else -value


def _shifted(value: Interval, summand: Any) -> Interval:
    return Interval(value.low + summand, value.high + summand)


def _scaled(value: Interval, factor: Any) -> Interval:
    one, other = value.low * factor, value.high * factor
    return Interval(torch.minimum(one, other), torch.maximum(one, other))


def _through_layer(layer: nn.Module, value: Interval) -> Interval:
    """Return W c + b -+ |W| r of the centre c and the radius r."""
    centre, radius = (value.low + value.high) / 2, (value.high - value.low) / 2
    middle = layer(centre)
    if isinstance(layer, nn.Linear):
        reach = functional.linear(radius, layer.weight.abs())
    else:
        assert isinstance(layer, nn.Conv1d | nn.Conv2d)
        reach = layer._conv_forward(radius, layer.weight.abs(), None)
    return Interval(middle - reach, middle + reach)


def _through_valley(
    function: Any, value: Interval, point: float, options: dict[str, Any]
) -> Interval:
    low, high = function(value.low, **options), function(value.high, **options)
    least = function(torch.full_like(low, point), **options)
    holds = (value.low <= point) & (value.high >= point)
    lowest = torch.where(holds, least, torch.minimum(low, high))
    return Interval(lowest, torch.maximum(low, high))


def _margins(logits: Interval, targets: Tensor) -> Tensor:
    own = logits.low.gather(1, targets[:, None])
    return (own - logits.high).scatter(1, targets[:, None], math.inf)


def _last_margins(layer: nn.Linear, value: Interval, targets: Tensor) -> Tensor:
    """Return the least of (w_y - w_j) x + b_y - b_j over the interval of x and all j but y."""
    centre, radius = (value.low + value.high) / 2, (value.high - value.low) / 2
    apart = layer.weight[targets][:, None, :] - layer.weight[None]  # (batch, classes, features)
    least = (apart * centre[:, None]).sum(2) - (apart.abs() * radius[:, None]).sum(2)
    if layer.bias is not None:
        least = least + layer.bias[targets][:, None] - layer.bias[None]
    return least.scatter(1, targets[:, None], math.inf)
