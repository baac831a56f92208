"""How sharply the training loss rises around the weights that training has found."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.attention import SDPBackend, sdpa_kernel

from harness.api import MeasureContext, Metric, NotApplicable, differentiable_recurrence
from harness.api.measuring import copy_model, is_out_of_memory, resolve
from harness_training.measures.options import SharpnessOptions

Loss = Callable[[], Tensor]
_ONCE = once_differentiable(lambda context: None).__code__


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield `hessian_eigenvalue`, the largest of the training loss, and `sharpness`, the rise within `rho` of the weights.

    Of the mean loss of the problem over the first training examples, in evaluation mode. The eigenvalue, largest in size, is
    that of power iteration on products of the Hessian and a vector (Yao et al. 2020, PyHessian); plain gradient
    descent is stable where it is below 2 / learning rate (Cohen et al. 2021). The rise is that of one step of length rho
    along the gradient (Foret et al. 2021, equation 2). Both depend on the scale of weights, so that networks
    with normalisation can be rescaled to any sharpness (Dinh et al. 2017): compare recipes of one architecture.

    Raises:
        NotApplicable: The network cannot be differentiated twice, or there is nothing to train.
    """
    options = context.options
    assert isinstance(options, SharpnessOptions)
    model = copy_model(context.model).eval()
    weights = [p for p in model.parameters() if p.requires_grad]
    if not weights:
        raise NotApplicable("the model has no weights that are trained")
    inputs, targets, _ = next(iter(context.split("train").batches(options.examples)))
    loss_of = resolve(context.task.problem_item.loss)

    def loss() -> Tensor:
        return loss_of(model(inputs), targets) / len(inputs)  # type: ignore[no-any-return]

    with torch.enable_grad(), differentiable_recurrence(model), sdpa_kernel(SDPBackend.MATH):
        try:
            value, steps = largest_eigenvalue(
                loss, weights, options.steps, options.tolerance, context.seed
            )
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            raise NotApplicable(
                f"the network cannot be differentiated twice: {str(error).splitlines()[0]}"
            ) from error
        rise = rise_along_gradient(loss, weights, options.rho)
    n, where = len(inputs), {"rho": options.rho}
    yield Metric(name="hessian_eigenvalue", value=value, n=n)
    yield Metric(name="eigenvalue_steps", value=steps, unit="count", exact=True)
    yield Metric(name="sharpness", value=rise, n=n, where=where)


def largest_eigenvalue(
    loss: Loss, weights: Sequence[nn.Parameter], steps: int, tolerance: float, seed: int
) -> tuple[float, int]:
    """Return the eigenvalue of the Hessian of `loss` that is largest in size, and the steps that power iteration took.

    It ends where the Rayleigh quotient v'Hv moves by less than `tolerance` of itself, or after `steps`.

    Raises:
        NotApplicable: The loss is straight in the weights, or a function in it is marked as differentiable once.
    """
    generator = torch.Generator().manual_seed(seed)
    vector = [torch.randn(p.shape, generator=generator).to(p) for p in weights]
    mean = loss()
    if name := _once_differentiable(mean):
        raise NotApplicable(
            f"the network cannot be differentiated twice: {name} is marked with @once_differentiable"
        )
    gradients = torch.autograd.grad(mean, weights, create_graph=True, allow_unused=True)
    used = [(g, p) for g, p in zip(gradients, weights, strict=True) if g is not None]
    vector = [v for v, g in zip(vector, gradients, strict=True) if g is not None]
    if not used or not any(g.requires_grad for g, _ in used):
        raise NotApplicable(
            "the loss does not depend on the weights, or only straight: it has no curvature"
        )
    value = math.inf
    for step in range(1, steps + 1):
        length = _norm(vector)
        if not length > 0:
            return 0.0, step
        vector = [v / length for v in vector]
        slope = torch.stack([(g * v).sum() for (g, _), v in zip(used, vector, strict=True)]).sum()
        product = torch.autograd.grad(
            slope, [p for _, p in used], retain_graph=True, allow_unused=True
        )
        found = [
            torch.zeros_like(v) if h is None else h for h, v in zip(product, vector, strict=True)
        ]
        before, value = value, float(sum((h * v).sum() for h, v in zip(found, vector, strict=True)))
        if abs(value - before) <= tolerance * abs(value):
            return value, step
        vector = found
    return value, steps


def _once_differentiable(value: Tensor) -> str:
    """Return the name of an autograd function behind a value whose backward is no function for autograd; "" where there is none.

    Its gradient counts as a constant: a second derivative through it lacks terms, and torch does not say so.
    """
    waiting, seen = [value.grad_fn], set[object]()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        function: Any = getattr(type(node), "_forward_cls", None)
        if getattr(getattr(function, "backward", None), "__code__", None) is _ONCE:
            return str(function.__name__)
        waiting += [behind for behind, _ in node.next_functions]
    return ""


@torch.no_grad()
def rise_along_gradient(loss: Loss, weights: Sequence[nn.Parameter], rho: float) -> float:
    """Return loss(w + rho g / |g|) - loss(w), of the gradient g at w; 0 where it is 0. The weights stay as they were."""
    with torch.enable_grad():
        before = loss()
        found = torch.autograd.grad(before, weights, allow_unused=True)
    gradients = [
        torch.zeros_like(p) if g is None else g for g, p in zip(found, weights, strict=True)
    ]
    length = _norm(gradients)
    if not length > 0:
        return 0.0
    kept = [p.clone() for p in weights]
    for parameter, gradient in zip(weights, gradients, strict=True):
        parameter.add_(gradient, alpha=rho / length)
    after = float(loss())
    for parameter, value in zip(weights, kept, strict=True):
        parameter.copy_(value)
    return after - float(before)


def _norm(tensors: Sequence[Tensor]) -> float:
    return math.sqrt(sum(float(one.double().square().sum()) for one in tensors))
