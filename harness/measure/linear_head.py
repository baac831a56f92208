"""The linear layer at a model's end, and what it is given: penultimate features."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


class HeadInputs:
    """Keeps the features of the last forward pass of a model, ``(batch, size)``, while it is hooked.

    layer: the linear layer whose output is the model's logits.
    """

    def __init__(self, layer: nn.Linear) -> None:
        """Hook the layer; the model should be a copy."""
        import torch

        self.layer = layer
        self.last = torch.empty(0)
        layer.register_forward_pre_hook(self._keep)

    def _keep(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.last = inputs[0].detach().reshape(-1, self.layer.in_features)


def find_linear_head(model: nn.Module, inputs: Tensor) -> nn.Linear | None:
    """Return the linear layer whose output the logits are; None where nothing but one's output is.

    Neither names nor the order of layers say what comes last: the model is run once on inputs, and the output of
    each of its linear layers is held against the logits. inputs: ``(batch, *shape)``, two examples or more.
    """
    import torch
    from torch import nn

    given: dict[nn.Linear, tuple[Tensor, Tensor]] = {}

    def keep(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(module, nn.Linear)
        given.pop(module, None)  # the last call counts, and comes last
        given[module] = args[0], output

    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        with torch.no_grad():
            logits = model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    for layer, (features, output) in reversed(given.items()):
        fits = (
            features.numel() == len(inputs) * layer.in_features
            and output.numel() == logits.numel()
            and torch.allclose(output.reshape(logits.shape), logits, rtol=1e-5, atol=1e-6)
        )
        if fits:
            return layer
    return None
