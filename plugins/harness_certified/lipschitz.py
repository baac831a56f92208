"""A bound on how fast a network's answer can change: the product of the spectral norms of its layers.

Tsuzuku, Sato & Sugiyama 2018, "Lipschitz-margin training", arXiv:1802.04034: where the answer leads by m, no change
of the input below m / (sqrt(2) L) in l2 can turn it. It is the cheapest certificate, and a loose one.

A convolution with zeros around is a part of the one that wraps round on a larger grid, whose spectral norm is the
greatest over frequencies of its transfer matrix (Sedghi, Gupta & Long 2019, arXiv:1805.10408): so the bound is
sound, and for large maps tight. Pooling and means have norms of at most sqrt(|A|_1 |A|_inf).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from harness.api import NotApplicable
from harness_certified.network import (
    AVERAGE_FUNCTIONS,
    AVERAGES,
    DIFFERENCES,
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

ROUNDING = 1.0 + 1e-9  # of singular values in float64
MOST_FREQUENCIES = 64 * 64  # of a larger grid the bound of a kernel's size is taken


@dataclass(frozen=True)
class Traced(TensorLike):
    """A value for one example, and how fast it changes at most with the input, in l2."""

    value: Tensor
    speed: float

    def tensor(self) -> Tensor:
        """Return one of its tensors."""
        return self.value


def lipschitz_bound(model: nn.Module, example: Tensor) -> float:
    """Return a bound of |f(x) - f(y)| / |x - y| in l2, for inputs of the shape of `example` ``(1, *shape)``.

    Raises:
        NotApplicable: An operation of the network has no bound.
    """
    with torch.no_grad():
        found = _SpeedWalk(trace(model)).run(Traced(example.double(), 1.0))
    if not isinstance(found, Traced):
        raise refuse("an answer that does not depend on the input")
    return found.speed


class _SpeedWalk(fx.Interpreter):
    """Takes a value and its speed through the operations of a graph, in their order."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.extra_traceback = False  # the refusal is for a person who knows no graph

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        module, traced = self.fetch_attr(str(target)), args[0]
        if not isinstance(traced, Traced):
            return super().call_module(target, args, kwargs)
        return Traced(module(traced.value), traced.speed * _norm(module, traced.value))

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        values, speeds = _parts((args, kwargs))
        if not speeds:
            return super().call_function(target, args, kwargs)
        traced = args[0]
        if target is getattr:
            return getattr(traced, args[1])
        result = super().call_function(target, *values)
        if target in (*SUMS, *DIFFERENCES) and not kwargs:
            return Traced(result, sum(speeds))
        if target is torch.cat:
            return Traced(result, math.sqrt(sum(speed**2 for speed in speeds)))
        if len(speeds) > 1 or not isinstance(traced, Traced):
            raise refuse(target)
        if target in PRODUCTS and not kwargs:
            divides = target.__name__ in ("truediv", "div")
            factor = torch.as_tensor(args[1], dtype=torch.float64).abs()
            most = float((1.0 / factor if divides else factor).max())
            return Traced(result, traced.speed * most)
        if target in MONOTONE_FUNCTIONS:
            return Traced(result, traced.speed * MONOTONE_FUNCTIONS[target])
        if target in VALLEY_FUNCTIONS:
            return Traced(result, traced.speed * VALLEY_FUNCTIONS[target][1])
        if target in AVERAGE_FUNCTIONS:
            rest, named = values[0][1:], values[1]
            norm = _norm_of_average(lambda value: target(value, *rest, **named), traced.value)
            return Traced(result, traced.speed * norm)
        if target in MAXIMUM_FUNCTIONS:
            return Traced(result, traced.speed * _norm_of_windows(args[1:], kwargs))
        raise refuse(target)

    def call_method(self, target: Any, args: Any, kwargs: Any) -> Any:
        traced = args[0]
        if not isinstance(traced, Traced):
            return super().call_method(target, args, kwargs)
        if target == "size":
            return traced.size(*args[1:], **kwargs)
        method = getattr(Tensor, str(target))
        if target in (*MONOTONE_METHODS, "permute", "transpose"):
            return Traced(method(traced.value, *args[1:], **kwargs), traced.speed)
        if target == "mean":
            norm = _norm_of_average(lambda value: method(value, *args[1:], **kwargs), traced.value)
            return Traced(method(traced.value, *args[1:], **kwargs), traced.speed * norm)
        raise refuse(f"the method {target}")


def _parts(value: Any) -> tuple[Any, list[float]]:
    """Return arguments with plain values in place of traced ones, and the speeds of these."""
    if isinstance(value, Traced):
        return value.value, [value.speed]
    if isinstance(value, dict):
        pairs = {key: _parts(part) for key, part in value.items()}
        return {k: v for k, (v, _) in pairs.items()}, [
            s for _, found in pairs.values() for s in found
        ]
    if isinstance(value, tuple | list):
        parts = [_parts(part) for part in value]
        return type(value)(v for v, _ in parts), [s for _, found in parts for s in found]
    return value, []


def _norm(module: nn.Module, value: Tensor) -> float:
    """Return a bound of a module's speed at inputs of the shape of `value`."""
    if isinstance(module, nn.Linear):
        return ROUNDING * float(torch.linalg.matrix_norm(module.weight, 2))
    if isinstance(module, nn.Conv2d):
        return ROUNDING * _norm_of_convolution(module, value)
    if isinstance(module, NORMS):
        return float(affine_of_norm(module)[0].abs().max())
    if isinstance(module, AVERAGES):
        return _norm_of_average(module, value)
    if isinstance(module, MAXIMA) and not isinstance(
        module, nn.AdaptiveMaxPool1d | nn.AdaptiveMaxPool2d
    ):
        return _norm_of_windows((module.kernel_size, module.stride), {"dilation": module.dilation})
    if (found := valley(module)) is not None:
        return found[1]
    if (steepest := slope(module)) is not None:
        return steepest
    raise refuse(module)


def _norm_of_convolution(layer: nn.Conv2d, value: Tensor) -> float:
    """Return the spectral norm of the convolution that wraps round on a grid which holds image and kernel.

    A stride leaves outputs out, which raises no norm; of groups the greatest counts. Where the grid has too many
    frequencies it is sqrt(kernel's area) times the norm of the kernel as a matrix (Tsuzuku et al. 2018, section 5).
    """
    if layer.padding_mode != "zeros":
        raise NotApplicable(f"no bound goes through a convolution padded by {layer.padding_mode!r}")
    kernel = layer.weight.double()
    groups = kernel.view(layer.groups, -1, *kernel.shape[1:])
    spread = [(k - 1) * d + 1 for k, d in zip(kernel.shape[2:], layer.dilation, strict=True)]
    padding = (
        [(s - 1, s - 1) for s in spread]
        if isinstance(layer.padding, str)
        else [(p, p) for p in layer.padding]
    )
    grid = [
        side + sum(around) + s - 1
        for side, around, s in zip(value.shape[-2:], padding, spread, strict=True)
    ]
    if math.prod(grid) > MOST_FREQUENCIES:
        flat = groups.flatten(2)
        return math.sqrt(math.prod(kernel.shape[2:])) * float(
            torch.linalg.matrix_norm(flat, 2).max()
        )
    wide = kernel.new_zeros(*groups.shape[:3], *spread)
    wide[..., :: layer.dilation[0], :: layer.dilation[1]] = groups
    transfer = torch.fft.fft2(wide, s=grid).movedim((-2, -1), (0, 1))
    return float(torch.linalg.matrix_norm(transfer, 2).max())


def _norm_of_average(function: Any, value: Tensor) -> float:
    """Return sqrt(|A|_1 |A|_inf) of a linear map with weights of 0 or more, which needs A and its transpose at ones."""
    with torch.enable_grad():
        ones = torch.ones_like(value).requires_grad_()
        rows = function(ones)
        (columns,) = torch.autograd.grad(rows.sum(), ones)
    return math.sqrt(float(rows.detach().max()) * float(columns.max()))


def _norm_of_windows(args: Any, kwargs: Any) -> float:
    """Return the bound of a maximum over windows: the root of how many of them a pixel may lie in."""
    kernel = args[0] if args else kwargs["kernel_size"]
    stride = (args[1] if len(args) > 1 else kwargs.get("stride")) or kernel
    if kwargs.get("dilation", 1) not in (1, (1, 1)):
        raise NotApplicable("no bound goes through a maximum over dilated windows")
    sides = [(one, one) if isinstance(one, int) else tuple(one) for one in (kernel, stride)]
    return math.sqrt(math.prod(-(-k // s) for k, s in zip(*sides, strict=True)))
