"""What goes through the layers of a network in a pass there and back: the norms of activations and of gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LayerNorms:
    """Of one batch, a value for each layer in the order in which they are called; ``(layers,)``, float64.

    activation: root mean square of a layer's outputs. gradient: root mean square over examples of the L2 norm of the
    gradient of an example's loss at the layer's outputs. names: of the modules.
    """

    names: tuple[str, ...]
    activation: Tensor
    gradient: Tensor


@dataclass
class _LayerSums:
    """What was seen of a layer: sums of squares, and numbers of values."""

    squares: float = 0.0
    count: int = 0
    back: float = 0.0
    reached: bool = False


def layers_of(model: nn.Module) -> dict[str, nn.Module]:
    """Return the modules that hold weights, parameters of two dimensions or more, of their own, by name."""
    return {
        name: module
        for name, module in model.named_modules()
        if any(one is not None and one.ndim >= 2 for one in module._parameters.values())
    }


def layer_norms(
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    inputs: Tensor,
    targets: Tensor,
) -> LayerNorms:
    """Pass a batch through a model and its mean loss back, in the mode that the model is in.

    loss(outputs, targets) -> the mean over the batch. Layers that are not called, or that no gradient reaches as nothing
    before them is trained, are left out. One that is called several times, as in a loop over time, has the sums of its calls.
    """
    with _watched(model) as seen, torch.enable_grad():
        value = loss(model(inputs).float(), targets)
        parameters = [one for one in model.parameters() if one.requires_grad]
        torch.autograd.grad(value, parameters, allow_unused=True)
    found = {name: one for name, one in seen.items() if one.count and one.reached}
    size = len(inputs)
    return LayerNorms(
        names=tuple(found),
        activation=torch.tensor(
            [(one.squares / one.count) ** 0.5 for one in found.values()], dtype=torch.float64
        ),
        gradient=torch.tensor(
            # The gradient of the mean is that of an example's own loss over the size of the batch.
            [(one.back * size) ** 0.5 for one in found.values()],
            dtype=torch.float64,
        ),
    )


@contextmanager
def _watched(model: nn.Module) -> Iterator[dict[str, _LayerSums]]:
    """Watch the outputs of a model's layers, and the gradients at them; they come in the order of their first call."""
    seen: dict[str, _LayerSums] = {}

    def watch(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def look(module: nn.Module, inputs: Any, outputs: Any) -> None:
            first = _first_tensor(outputs)
            if first is None:
                return
            one = seen.setdefault(name, _LayerSums())
            one.squares += float(first.detach().double().square().sum())
            one.count += first.numel()
            if first.requires_grad:
                one.reached = True
                first.register_hook(back(one))  # type: ignore[no-untyped-call]

        return look

    def back(one: _LayerSums) -> Callable[[Tensor], None]:
        def look(gradient: Tensor) -> None:
            one.back += float(gradient.detach().double().square().sum())

        return look

    handles = [
        module.register_forward_hook(watch(name)) for name, module in layers_of(model).items()
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _first_tensor(outputs: Any) -> Tensor | None:
    """Return the first tensor of real numbers among what a module returned."""
    if isinstance(outputs, Tensor):
        return outputs if outputs.is_floating_point() else None
    parts = outputs.values() if isinstance(outputs, dict) else outputs
    if isinstance(parts, tuple | list) or isinstance(outputs, dict):
        return next((one for part in parts if (one := _first_tensor(part)) is not None), None)
    return None
