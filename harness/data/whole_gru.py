"""A layer of gated recurrent units as one node of autograd, both directions at once: torch's own makes a dozen for each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad


class WholeGru(nn.GRU):
    """Computes what `nn.GRU` does, but for rounding, on a CPU; what it is not for it leaves to torch's own.

    Torch computes a step of a direction with nine operators, which autograd then differentiates one by one. Here one product
    of matrices is for the inputs of all steps and two a step for the states of both directions, and the factors of the backward
    pass are computed for all steps together.
    """

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return states and last states, as `nn.GRU`."""
        if hx is not None or not self._takes(input):
            return super().forward(input, hx)
        states: Tensor = input.transpose(0, 1) if self.batch_first else input
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
            type(inputs) is Tensor
            and inputs.dim() == 3
            and inputs.numel() > 0
            and inputs.shape[2] == self.input_size
            and self.bias
            and not (self.dropout and self.training and self.num_layers > 1)
            and all(
                isinstance(one, Tensor) and one.is_cpu and one.dtype is torch.float32
                for one in (inputs, *self._flat_weights)
            )
            and not torch.is_autocast_enabled("cpu")
            and forward_ad._current_level < 0
            and not torch._C._are_functorch_transforms_active()
            and not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
            and not torch.compiler.is_compiling()
        )


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
        said, states = torch.empty(2, directions, time, batch, hidden)  # said: U_n h + b
        said.copy_(state_bias[:, None, None, 2 * hidden :])
        to_gates, to_said = (
            part.transpose(1, 2)
            for part in (from_state[:, : 2 * hidden], from_state[:, 2 * hidden :])
        )
        news: list[Tensor] = []
        before: Tensor | None = None
        for opened, r, z, new, heard, state in zip(
            gates[..., : 2 * hidden].unbind(1),
            *(gate.unbind(1) for gate in gates.chunk(3, 3)),
            said.unbind(1),
            states.unbind(1),
            strict=True,
        ):
            if before is not None:
                opened.baddbmm_(before, to_gates)
                heard.baddbmm_(before, to_said)
            opened.sigmoid_()
            # tanh(a) = 1 - 2 s(-2 a), as torch's tanh is MKL's, which takes eight times as long on a CPU that is not Intel's.
            n = torch.rsub(new.addcmul_(r, heard).mul_(-2.0).sigmoid_(), 1.0, alpha=2.0)
            if before is None:
                torch.addcmul(n, n, z, value=-1.0, out=state)
            else:
                torch.lerp(n, before, z, out=state)
            news.append(n)
            before = state
        kept = (read, into_gates, from_state, gates, said, torch.stack(news, 1), states)
        ctx.save_for_backward(inputs, *weights, *kept)
        return states[0] if directions == 1 else torch.cat((states[0], states[1].flip(0)), 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, *weights = ctx.saved_tensors[:-7]
        if torch.is_grad_enabled():  # a graph of the gradient is asked for
            return _by_torch(ctx.needs_input_grad, inputs, weights, gradient)
        read, into_gates, from_state, gates, said, new, states = ctx.saved_tensors[-7:]
        directions, time, batch, hidden = states.shape
        given = gradient.unsqueeze(0)
        if directions == 2:
            forwards, backwards = gradient.chunk(2, 2)
            given = torch.stack((forwards, backwards.flip(0)))
        by = _factors(gates, said, new, states)
        slopes = torch.empty_like(by)  # of said, then of what r, z and n are functions of
        apart = (directions, time, batch, 4, hidden)
        factors, at_gates = by.view(apart).unbind(1), slopes.view(apart).unbind(1)
        kept, asked = gates[..., hidden : 2 * hidden].unbind(1), given.unbind(1)
        at_state = slopes[..., : 3 * hidden].unbind(1)
        back_to_state = from_state.roll(hidden, 1)
        slope = asked[-1]
        for step in reversed(range(time)):
            torch.mul(slope.unsqueeze(2), factors[step], out=at_gates[step])
            if step:
                slope = torch.addcmul(asked[step - 1], slope, kept[step])
                slope.baddbmm_(at_state[step], back_to_state)
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


def _factors(gates: Tensor, said: Tensor, new: Tensor, states: Tensor) -> Tensor:
    """Return the derivatives of each state for U_n h, and for what r, z and n are functions of: ``(..., 4 * hidden)``."""
    r, z, _ = gates.chunk(3, 3)
    found = states.new_empty(*states.shape[:3], 4 * states.shape[3])
    of_said, of_r, of_z, of_new = found.chunk(4, 3)
    rest = torch.rsub(z, 1.0)
    torch.mul(torch.rsub(new * new, 1.0), rest, out=of_new)
    torch.mul(of_new, r, out=of_said)
    torch.mul(of_said, said, out=of_r).mul_(torch.rsub(r, 1.0))
    torch.neg(new[:, 0], out=of_z[:, 0])
    torch.sub(states[:, :-1], new[:, 1:], out=of_z[:, 1:])
    of_z.mul_(rest.mul_(z))
    return found


def _by_torch(
    wanted: Sequence[bool], inputs: Tensor, weights: Sequence[Tensor], gradient: Tensor
) -> tuple[Tensor | None, ...]:
    """Return the gradients as torch's own layer has them, which can be differentiated again."""
    directions = len(weights) // 4
    start = inputs.new_zeros(directions, inputs.shape[1], weights[1].shape[1])
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
    found = iter(torch.autograd.grad(states, asked, gradient, create_graph=True))
    return tuple(next(found) if is_wanted else None for is_wanted in wanted)
