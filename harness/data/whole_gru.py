"""A layer of gated recurrent units as one node of autograd, both directions at once: torch's own makes a dozen for each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

# The derivative of a function of which the value is known, times a slope.
_tanh_slope = torch.ops.aten.tanh_backward.grad_input
_logistic_slope = torch.ops.aten.sigmoid_backward.grad_input


class WholeGru(nn.GRU):
    """Computes what `nn.GRU` does, but for rounding, on a CPU; what it is not for it leaves to torch's own.

    Torch computes a step of a direction with nine operators, which autograd then differentiates one by one. Here one product
    of matrices is for the inputs of all steps and two a step are for the states of both directions; the backward pass has one a step.
    """

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return states and last states, as `nn.GRU`."""
        self._update_flat_weights()  # where others were put in their place (`functional_call`)
        if hx is not None or not self._takes(input):
            return super().forward(input, hx)
        # A copy, as torch makes one: then who gave inputs may change them in place.
        states: Tensor = input.transpose(0, 1).contiguous() if self.batch_first else input
        hidden, last = self.hidden_size, []
        each = len(self._flat_weights) // self.num_layers
        for layer in range(self.num_layers):
            weights = self._flat_weights[layer * each : (layer + 1) * each]
            states = _Layer.apply(states, *weights)  # type: ignore[no-untyped-call]
            last.append(states[-1, :, :hidden])
            if self.bidirectional:
                last.append(states[0, :, hidden:])
        return states.transpose(0, 1) if self.batch_first else states, torch.stack(last)

    def _takes(self, inputs: Any) -> bool:
        return (
            isinstance(inputs, Tensor)
            and inputs.dim() == 3
            and inputs.numel() > 0
            and inputs.shape[2] == self.input_size
            and self.bias
            and not (self.dropout and self.training and self.num_layers > 1)
            and all(_is_plain(one) for one in (inputs, *self._flat_weights))
            and not torch.is_autocast_enabled("cpu")
            and forward_ad._current_level < 0
            and not torch._C._are_functorch_transforms_active()
            and not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
            and not torch.compiler.is_compiling()
        )


def _is_plain(tensor: Any) -> bool:
    kinds = (Tensor, nn.Parameter)
    return type(tensor) in kinds and tensor.is_cpu and tensor.dtype is torch.float32


@contextmanager
def whole_grus(model: nn.Module) -> Iterator[None]:
    """Have a model's layers of torch's class be whole ones meanwhile; they stay the same objects."""
    layers = [module for module in model.modules() if type(module) is nn.GRU]
    for layer in layers:
        layer.__class__ = WholeGru
    try:
        yield
    finally:
        for layer in layers:
            layer.__class__ = nn.GRU


def can_be_whole(module: nn.Module) -> bool:
    """Say whether a module is a layer of torch's class, as it is or whole."""
    return type(module) in (nn.GRU, WholeGru)


def without_gradients(layer: nn.Module) -> WholeGru:
    """Return a whole layer with the same weights, which are given no gradient: for passes with respect to inputs alone.

    Autograd has a node of another's compute all gradients, whichever are asked for.
    """
    copied = object.__new__(WholeGru)
    vars(copied).update(vars(layer))
    weights = vars(layer)["_flat_weights"]
    vars(copied)["_flat_weights"] = [
        one.detach() if isinstance(one, Tensor) else one for one in weights
    ]
    return copied


class _Layer(torch.autograd.Function):
    """``(time, batch, features)`` -> ``(time, batch, directions * hidden)``, from states of 0.

    With weights as `nn.GRU` has them, four for a direction. Cho et al. 2014 as in cuDNN, s the logistic function: r = s(W_r x + U_r h),
    z = s(W_z x + U_z h), n = tanh(W_n x + r (U_n h)), h' = n + z (h - n), and a bias with each product. Inside, all is
    ``(directions, time, batch, ...)``, in the order in which a direction reads.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, *weights: Tensor) -> Tensor:
        into_gates, from_state, bias, state_bias = (
            torch.stack(weights[kind::4]) for kind in range(4)
        )
        hidden, directions, (time, batch) = weights[1].shape[1], len(weights) // 4, inputs.shape[:2]
        bias[:, : 2 * hidden] += state_bias[:, : 2 * hidden]
        read = torch.stack((inputs, inputs.flip(0))[:directions])
        # of r, z and n: W x + b first, then r, z and s(-2 a) where n = tanh(a)
        gates = torch.baddbmm(bias.unsqueeze(1), read.flatten(1, 2), into_gates.transpose(1, 2))
        gates = gates.view(directions, time, batch, 3 * hidden)
        said, new, states = gates.new_empty(3, directions, time, batch, hidden)  # said: U_n h + b
        said.copy_(state_bias[:, None, None, 2 * hidden :])
        to_gates, to_said = (
            part.transpose(1, 2)
            for part in (from_state[:, : 2 * hidden], from_state[:, 2 * hidden :])
        )
        parts = (gates[..., : 2 * hidden], *gates.chunk(3, 3), said, new, states)
        one, before = gates.new_ones(()), None
        for opened, r, z, from_input, heard, n, state in zip(
            *(part.unbind(1) for part in parts), strict=True
        ):
            if before is not None:
                opened.baddbmm_(before, to_gates)
                heard.baddbmm_(before, to_said)
            opened.sigmoid_()
            # tanh(a) = 1 - 2 s(-2 a), as torch's tanh is MKL's, which takes eight times as long on a CPU that is not Intel's.
            torch.sub(one, from_input.addcmul_(r, heard).mul_(-2.0).sigmoid_(), alpha=2.0, out=n)
            if before is None:
                torch.addcmul(n, n, z, value=-1.0, out=state)
            else:
                torch.lerp(n, before, z, out=state)
            before = state
        kept = (read, into_gates, from_state, gates, said, new, states)
        ctx.save_for_backward(inputs, *weights, *kept)
        # Nothing that is kept: who is given it may change it in place.
        return (
            states[0].clone() if directions == 1 else torch.cat((states[0], states[1].flip(0)), 2)
        )

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, *others = ctx.saved_tensors  # once, as checkpoints hand them out once
        weights, kept = others[:-7], others[-7:]
        if torch.is_grad_enabled() or _is_batched(gradient):  # a graph of it, or several at once
            return _by_torch(ctx.needs_input_grad, inputs, weights, gradient)
        read, into_gates, from_state, gates, said, new, states = kept
        directions, time, batch, hidden = states.shape
        given = gradient.unsqueeze(0)
        if directions == 2:
            forwards, backwards = gradient.chunk(2, 2)
            given = torch.stack((forwards, backwards.flip(0)))
        # of said, then of what r, z and n are functions of
        slopes = states.new_empty(directions, time, batch, 4 * hidden)
        of_said, of_r, of_z, of_n = (part.unbind(1) for part in slopes.chunk(4, 3))
        r, z, _ = (gate.unbind(1) for gate in gates.chunk(3, 3))
        n, heard, before, asked = (part.unbind(1) for part in (new, said, states, given))
        at_state, back_to_state = slopes[..., : 3 * hidden].unbind(1), from_state.roll(hidden, 1)
        slope = asked[-1]
        for t in reversed(range(time)):
            aside = torch.addcmul(slope, slope, z[t], value=-1.0)
            _tanh_slope(aside, n[t], grad_input=of_n[t])
            torch.mul(of_n[t], r[t], out=of_said[t])
            torch.mul(of_n[t], heard[t], out=aside)
            _logistic_slope(aside, r[t], grad_input=of_r[t])
            if t:
                torch.sub(before[t - 1], n[t], out=aside)
            else:
                torch.neg(n[t], out=aside)
            _logistic_slope(aside.mul_(slope), z[t], grad_input=of_z[t])
            if t:
                slope = torch.addcmul(asked[t - 1], slope, z[t])
                slope.baddbmm_(at_state[t], back_to_state)
        rows = slopes.flatten(1, 2)
        result: list[Tensor | None] = [None] * (1 + len(weights))
        if ctx.needs_input_grad[0]:
            # Transposed, as MKL takes three times as long for few columns as for few rows.
            found = torch.bmm(into_gates.transpose(1, 2), rows[..., hidden:].transpose(1, 2))
            found = found.view(directions, -1, time, batch)
            whole = found[0] if directions == 1 else found[0].add(found[1].flip(1))
            result[0] = whole.permute(1, 2, 0)
        if any(ctx.needs_input_grad[1:]):
            of_input = torch.bmm(read.flatten(1, 2).transpose(1, 2), rows[..., hidden:])
            before, after = states[:, :-1], slopes[:, 1:, :, : 3 * hidden]
            of_state = torch.bmm(before.flatten(1, 2).transpose(1, 2), after.flatten(1, 2))
            of_bias = rows.sum(1)
            for direction in range(directions):
                first = 1 + 4 * direction
                result[first : first + 4] = (
                    of_input[direction].t(),
                    of_state[direction].roll(-hidden, 1).t(),
                    of_bias[direction, hidden:],
                    of_bias[direction, : 3 * hidden].roll(-hidden),
                )
        return tuple(result)


def _is_batched(gradient: Tensor) -> bool:
    functorch = torch._C._functorch
    return functorch.is_legacy_batchedtensor(gradient) or functorch.is_batchedtensor(gradient)


def _by_torch(
    wanted: Sequence[bool], inputs: Tensor, weights: Sequence[Tensor], gradient: Tensor
) -> tuple[Tensor | None, ...]:
    """Return the gradients as torch's own layer has them: by steps that can be differentiated again."""
    again = torch.is_grad_enabled()
    directions = len(weights) // 4
    start = inputs.new_zeros(directions, inputs.shape[1], weights[1].shape[1])
    with torch.enable_grad():
        states, _ = torch.gru(
            inputs,
            start,
            tuple(weights),
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=False,
            bidirectional=directions == 2,
            batch_first=False,
        )
    asked = [one for one, is_wanted in zip((inputs, *weights), wanted, strict=True) if is_wanted]
    found = iter(torch.autograd.grad(states, asked, gradient, create_graph=again))
    return tuple(next(found) if is_wanted else None for is_wanted in wanted)
