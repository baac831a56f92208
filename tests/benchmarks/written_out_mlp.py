"""Steps of multilayer perceptrons that differ in seed alone, written out: no autograd, no loss module, no optimizer object.

The least that such steps take with torch's kernels: products of matrices into memory that is there, of all seeds at once; the
gradient of the cross-entropy by its formula; all weights side by side for one call of AdamW's kernel. Bit for bit the steps
that `torch.optim.AdamW` and autograd take with each model alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from stacked_seeds import LANES
from torch import Tensor, nn

from harness_training.options import AdamwOptions

_cross_entropy_slope = torch.ops.aten._log_softmax_backward_data.default
_relu_slope = torch.ops.aten.threshold_backward.grad_input


class WrittenOutMlp:
    """Linear layers with rectifiers between them, of several models: ``weights`` and ``biases`` of each, ``(seeds, ...)``."""

    def __init__(self, models: Sequence[nn.Module], batch: int) -> None:
        layers = [[one for one in m.modules() if isinstance(one, nn.Linear)] for m in models]
        size = sum(p.numel() for model in models for p in model.parameters())
        # weights, their gradients, and AdamW's two means of these: those that decay first
        memory, place = torch.zeros(4, size), 0
        parts: dict[str, list[Tensor]] = {"weight": [], "bias": []}
        self.updated: list[tuple[float, list[Tensor]]] = []
        for name, decay in (("weight", AdamwOptions().weight_decay), ("bias", 0.0)):
            pieces: list[Tensor] = []
            for of_layer in zip(*layers, strict=True):
                each = torch.stack([getattr(layer, name).detach() for layer in of_layer])
                held = memory[:, place : place + each.numel()].view(4, *each.shape)
                held[0].copy_(each)
                parts[name].append(held)
                # One by one where a seed's numbers do not fill the last register, so that what is left over is as alone.
                pieces += held.unbind(1) if each[0].numel() % LANES else [held]
                place += each.numel()
            self.updated.append((decay, pieces))
        self.weights, self.weight_slopes = ([one[k] for one in parts["weight"]] for k in (0, 1))
        self.biases, self.bias_slopes = ([one[k] for one in parts["bias"]] for k in (0, 1))
        self.counts = [[torch.zeros(()) for _ in pieces] for _, pieces in self.updated]
        seeds, outputs = self.biases[-1].shape
        self.values = [one.new_empty(seeds, batch, one.shape[1]) for one in self.biases]
        self.slopes = [torch.empty_like(one) for one in self.values]
        self.wanted, self.batch = torch.empty(seeds * batch, outputs), batch

    def step(self, inputs: Tensor, targets: Tensor, rate: float) -> Tensor:
        """Take a step on ``(seeds * batch, features)``; return the mean loss of each seed, ``(seeds,)``."""
        seeds = len(self.weights[0])
        first = inputs.view(seeds, self.batch, -1)
        below = first
        for weight, bias, value in zip(self.weights, self.biases, self.values, strict=True):
            torch.baddbmm(bias.unsqueeze(1), below, weight.transpose(1, 2), out=value)
            below = value if value is self.values[-1] else value.relu_()
        log_shares = below.flatten(0, 1).log_softmax(1)
        places = targets.unsqueeze(1)
        losses = log_shares.gather(1, places).view(seeds, -1).mean(1).neg_()
        self.wanted.zero_().scatter_(1, places, -1.0 / self.batch)
        slope = _cross_entropy_slope(self.wanted, log_shares, 1, torch.float32)
        slope = slope.view_as(below)
        for k in reversed(range(len(self.weights))):
            below = self.values[k - 1] if k else first
            torch.bmm(slope.transpose(1, 2), below, out=self.weight_slopes[k])
            torch.sum(slope, 1, out=self.bias_slopes[k])
            if k:
                slope = torch.bmm(slope, self.weights[k], out=self.slopes[k - 1])
                _relu_slope(slope, below, 0, grad_input=slope)
        options = AdamwOptions()
        for (decay, pieces), counts in zip(self.updated, self.counts, strict=True):
            torch._foreach_add_(counts, 1)
            torch._fused_adamw_(
                *([piece[k] for piece in pieces] for k in range(4)),
                [],
                counts,
                lr=rate,
                beta1=options.beta1,
                beta2=options.beta2,
                weight_decay=decay,
                eps=1e-8,
                amsgrad=False,
                maximize=False,
            )
        return losses
