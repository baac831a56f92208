"""A stand-in for a model whose gradient is wrong: the same forward pass, differentiated as it is written."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.overrides import TorchFunctionMode

from harness.api.measuring import copy_model

CUTS = {torch.detach, Tensor.detach, Tensor.data.__get__}  # type: ignore[attr-defined]
STEPS = {
    step
    for name in ("round", "floor", "ceil", "trunc")
    for step in (getattr(torch, name), getattr(Tensor, name))
}


class WholeGradient(nn.Module):
    """A model that computes what another one does, and whose gradient nothing in its code holds up.

    Weights of low precision are taken for the float numbers that they stand for. While it runs, `detach`, `.data` and
    `no_grad` let gradients through, rounding passes them straight on (Bengio et al. 2013, arXiv:1308.3432), hooks on
    tensors change none, and of a custom autograd function what its `forward` does is differentiated; one whose
    `apply` was bound to a name before cannot be reached. So its gradient may be as wrong as the model's, and is to be looked
    at. Athalye et al. 2018, arXiv:1802.00420, section 4, attack through such a stand-in and judge by the model.
    """

    def __init__(self, model: nn.Module) -> None:
        """Take a copy of the model, in the mode that it is in.

        Raises:
            NotApplicable: It cannot be copied.
        """
        super().__init__()
        self.model = _dequantised(copy_model(model))
        self.training = model.training

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the model's outputs."""
        with _forwards_differentiated(), _Through():
            outputs: Tensor = self.model(inputs)
        return outputs


def _dequantised(model: nn.Module) -> nn.Module:
    """Put float weights in the place of those of low precision, and plain layers in that of layers that pack theirs."""
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and type(parameter.data) is not Tensor:
                module._parameters[name] = nn.Parameter(parameter.detach().dequantize(), False)
        for name, part in module._modules.items():
            layer_of: Any = part
            weight = _packed(part)
            if weight is not None:
                layer = nn.Linear(
                    weight.shape[1], weight.shape[0], bias=layer_of.bias() is not None
                )
                layer.weight = nn.Parameter(weight, False)
                if layer_of.bias() is not None:
                    layer.bias = nn.Parameter(layer_of.bias().detach(), False)
                module._modules[name] = layer.train(layer_of.training)
    return model


def _packed(module: nn.Module | None) -> Tensor | None:
    """Return the matrix of a linear layer that packs it, as torch.ao's do, in floats; None for any other."""
    weight: Any = getattr(module, "weight", None)
    if not callable(weight) or isinstance(weight, Tensor):
        return None
    packed = weight()
    if not isinstance(packed, Tensor) or not packed.is_quantized or packed.dim() != 2:
        return None
    return packed.dequantize().detach()


class _Through(TorchFunctionMode):
    """Let gradients through where torch is asked to hold them."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in CUTS:
            return args[0]
        if func in STEPS and args[0].is_floating_point():
            return args[0] + (func(*args, **kwargs) - args[0]).detach()
        if func is torch._C._set_grad_enabled and not args[0]:
            return None
        if func is Tensor.register_hook:
            return func(torch.zeros(1, requires_grad=True), *args[1:], **kwargs)
        return func(*args, **kwargs)


class _Context:
    """What the forward pass of a custom function is given: it notes nothing, as no backward pass will ask."""

    needs_input_grad = (True,) * 64

    def save_for_backward(self, *tensors: Tensor) -> None:
        self.saved_tensors = tensors

    def mark_dirty(self, *tensors: Tensor) -> None: ...

    def mark_non_differentiable(self, *tensors: Tensor) -> None: ...

    def set_materialize_grads(self, value: bool) -> None: ...


@contextlib.contextmanager
def _forwards_differentiated() -> Iterator[None]:
    """Let custom functions run as plain code, whose operations autograd knows."""
    before = Function.__dict__["apply"]

    def apply(cls: Any, *args: Any, **named: Any) -> Any:
        if cls.setup_context is not Function.setup_context:  # its forward is given no context
            return cls.forward(*args, **named)
        return cls.forward(_Context(), *args, **named)

    Function.apply = classmethod(apply)  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        Function.apply = before  # type: ignore[method-assign]
