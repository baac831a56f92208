"""Models of one architecture as one: their weights on a leading axis, their batches one after another on the first.

A batch of the stack is ``(seeds * batch, ...)``, so that whatever treats examples one by one stays as it is; a layer with
weights of its own gives each seed's part to that seed's. Every product of matrices is the one that the seed alone makes (a
batched product takes the same kernel), and so is every convolution, so that a step leaves the bits that it would leave alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

LANES = 16  # numbers that torch's fused optimizers update at once; what is left over is rounded otherwise


class _Linear(torch.autograd.Function):
    """x W^T + b of each seed, as one product; autograd's own would leave W's gradient transposed, to be copied."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        seeds, outputs, _ = weight.shape
        rows = inputs.reshape(seeds, -1, inputs.shape[-1])
        ctx.save_for_backward(rows, weight)
        ctx.shape = inputs.shape
        found = torch.baddbmm(bias.unsqueeze(1), rows, weight.transpose(1, 2))
        return found.view(*inputs.shape[:-1], outputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        rows, weight = ctx.saved_tensors
        given = gradient.reshape(*rows.shape[:2], -1)
        back = torch.bmm(given, weight).view(ctx.shape) if ctx.needs_input_grad[0] else None
        return back, torch.bmm(given.transpose(1, 2), rows), given.sum(1)


class _Normalise(torch.autograd.Function):
    """Layer normalisation of each seed, one after another."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, like: Any) -> Tensor:
        parts = zip(inputs.chunk(len(weight)), weight.unbind(), bias.unbind(), strict=True)
        found = [
            torch.native_layer_norm(x, like.normalized_shape, w, b, like.eps) for x, w, b in parts
        ]
        result, mean, deviation = (torch.cat(part) for part in zip(*found, strict=True))
        ctx.save_for_backward(inputs, mean, deviation, weight, bias)
        ctx.shape = like.normalized_shape
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        inputs, mean, deviation, weight, bias = ctx.saved_tensors
        cut = (part.chunk(len(weight)) for part in (gradient, inputs, mean, deviation))
        found = [
            torch.ops.aten.native_layer_norm_backward(g, x, ctx.shape, m, d, w, b, [True] * 3)
            for g, x, m, d, w, b in zip(*cut, weight.unbind(), bias.unbind(), strict=True)
        ]
        back, weights, biases = zip(*found, strict=True)
        return torch.cat(back), torch.stack(weights), torch.stack(biases), None


class _Convolve(torch.autograd.Function):
    """The convolution of each seed, one after another."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, like: Any) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.how = (like.stride, like.padding, like.dilation)
        ctx.groups = like.groups
        parts = zip(inputs.chunk(len(weight)), weight.unbind(), bias.unbind(), strict=True)
        return torch.cat([functional.conv2d(x, w, b, *ctx.how, like.groups) for x, w, b in parts])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        inputs, weight = ctx.saved_tensors
        cut = (part.chunk(len(weight)) for part in (gradient, inputs))
        wanted = [ctx.needs_input_grad[0], True, True]
        more = (*ctx.how, False, [0, 0], ctx.groups, wanted)
        found = [
            torch.ops.aten.convolution_backward(g, x, w, [len(w)], *more)
            for g, x, w in zip(*cut, weight.unbind(), strict=True)
        ]
        back, weights, biases = zip(*found, strict=True)
        return (
            torch.cat(back) if wanted[0] else None,
            torch.stack(weights),
            torch.stack(biases),
            None,
        )


class _Stack(nn.Module):
    """A layer with weights and biases, of each seed."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.like = copy.deepcopy(layers[0])  # of its sizes alone
        self.like._parameters.clear()
        for name in ("weight", "bias"):
            each = [getattr(layer, name).detach() for layer in layers]
            self.register_parameter(name, nn.Parameter(torch.stack(each)))


class StackedLinear(_Stack):
    def forward(self, inputs: Tensor) -> Tensor:
        return _Linear.apply(inputs, self.weight, self.bias)


class StackedLayerNorm(_Stack):
    def forward(self, inputs: Tensor) -> Tensor:
        return _Normalise.apply(inputs, self.weight, self.bias, self.like)


class StackedConv2d(_Stack):
    def forward(self, inputs: Tensor) -> Tensor:
        return _Convolve.apply(inputs, self.weight, self.bias, self.like)


class GroupedConv2d(_Stack):
    """All seeds' convolutions as one of so many groups, which rounds otherwise than each of them."""

    def forward(self, inputs: Tensor) -> Tensor:
        seeds, like = len(self.weight), self.like
        batch = len(inputs) // seeds
        side = inputs.view(seeds, batch, *inputs.shape[1:]).transpose(0, 1).flatten(1, 2)
        weight, bias, groups = self.weight.flatten(0, 1), self.bias.flatten(), like.groups * seeds
        found = functional.conv2d(
            side, weight, bias, like.stride, like.padding, like.dilation, groups
        )
        return found.unflatten(1, (seeds, -1)).transpose(0, 1).flatten(0, 1)


EXACT: dict[type[nn.Module], Callable[[Sequence[nn.Module]], nn.Module]] = {
    nn.Linear: StackedLinear,
    nn.LayerNorm: StackedLayerNorm,
    nn.Conv2d: StackedConv2d,
}
GROUPED = EXACT | {nn.Conv2d: GroupedConv2d}


class Stacked(nn.Module):
    """Models as one; ``(seeds * batch, ...)`` -> ``(seeds * batch, outputs)``. Parameters of a model itself begin with an axis of 1."""

    def __init__(self, models: Sequence[nn.Module], layers: dict[type[nn.Module], Any]) -> None:
        super().__init__()
        self.seeds, self.net = len(models), copy.deepcopy(models[0])
        self.own: list[tuple[nn.Module, str, nn.Parameter]] = []
        self.weights: dict[str, nn.Parameter] = {}  # by their names in one of the models
        every = [dict(model.named_modules()) for model in models]
        for path, module in list(self.net.named_modules()):
            for name, child in list(module.named_children()):
                kind = next((one for one in layers if isinstance(child, one)), None)
                if kind is not None:
                    full = f"{path}.{name}".lstrip(".")
                    stack = layers[kind]([modules[full] for modules in every])
                    setattr(module, name, stack)
                    self.weights |= {f"{full}.{n}": p for n, p in stack.named_parameters()}
        for path, module in self.net.named_modules():
            if isinstance(module, _Stack):
                continue
            for name, parameter in list(module._parameters.items()):
                if parameter is None:
                    continue
                if len(parameter) != 1:
                    raise ValueError(f"{path}.{name} is not the same for all examples of a batch")
                each = [modules[path]._parameters[name].detach() for modules in every]
                stacked = nn.Parameter(torch.stack(each))
                del module._parameters[name]
                self.own.append((module, name, stacked))
                self.weights[f"{path}.{name}".lstrip(".")] = stacked

    def forward(self, inputs: Tensor) -> Tensor:
        batch = len(inputs) // self.seeds
        for module, name, stacked in self.own:
            module.__dict__[name] = stacked.repeat_interleave(batch, 0).flatten(0, 1)
        return self.net(inputs)


class StackedOptimizer:
    """The optimizer of one model, given all seeds' weights: right for whatever updates each number by itself.

    A weight whose numbers do not fill the last register goes in one by one, so that what is left over is the same as alone.
    """

    def __init__(self, model: nn.Module, stack: Stacked, make: Callable[[Any], Any]) -> None:
        self.optimizer = make(model.parameters())
        names = {parameter: name for name, parameter in model.named_parameters()}
        self.stacked, self.parts = list(stack.weights.values()), []
        for group in self.optimizer.param_groups:
            params = []
            for parameter in group["params"]:
                stacked = stack.weights[names[parameter]]
                if parameter.numel() % LANES == 0:
                    params.append(stacked)
                    continue
                parts = [nn.Parameter(one) for one in stacked.detach().unbind()]
                self.parts.append((stacked, parts))
                params += parts
            group["params"] = params

    def zero_grad(self) -> None:
        for parameter in self.stacked:
            parameter.grad = None

    def step(self) -> None:
        for stacked, parts in self.parts:
            for part, gradient in zip(parts, stacked.grad.unbind(), strict=True):
                part.grad = gradient
        self.optimizer.step()
