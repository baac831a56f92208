"""`torch.nn.functional.linear` by oneDNN, forward and back, where sizes make up for what the call costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

# rows x inputs x outputs, for each thread, from a table of 64 to 4,096 rows and widths of 16 to 4,096 (tests/evidence/README.md): oneDNN takes
# half of the time, but 8 us more for a call, and gains less where a matrix is narrow; with gradients this function's own part is 20 us more.
_LEAST_SIZE = 2**21
_LEAST_SIZE_WITH_GRADIENTS = 3 * 2**20
_LEAST_WIDTH = 32
_LEAST_ROWS = 16

# MKL adds up so many products in one go, one after another as oneDNN does, and more of them in parts.
_SAME_BITS_WIDTH = 192

# oneDNN writes code for each size that it meets, forward and back, in 0.5 ms or more: so many multiplications of the size pay for it.
_PAID_BACK = 2**25
# What there was of each, by the numbers of the inputs and the shape of the weight.
Multiplied = Counter[tuple[int, torch.Size]]
_multiplied: Multiplied = Counter()  # in this process, of those whose bits are the same

_mkl_linear = torch._C._nn.linear
_PLAIN = (Tensor, nn.Parameter)
Linear = Callable[[Tensor, Tensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class Rule:
    """What goes to oneDNN, of what gains.

    same_bits: only what has the bits that it has by MKL, forward and back. fixed_sizes: sizes come again, so that code for them pays
    at once; else it is written for those that have come often enough: in this process, or where bits depend on it in the context.
    """

    same_bits: bool
    fixed_sizes: bool


def linear_of(rule: Rule) -> Linear:
    """Return what computes as `torch.nn.functional.linear` does, under a rule; it is for one context."""
    multiplied: Multiplied = Counter()

    def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if torch.jit.is_scripting():  # type: ignore[attr-defined]
            return _mkl_linear(input, weight, bias)
        else:  # which the compiler of scripts leaves out
            if torch.compiler.is_compiling() or not _gains(rule, multiplied, input, weight, bias):
                return _mkl_linear(input, weight, bias)
            if not torch.is_grad_enabled():
                return product(input, weight, bias)
            # A node of its own, of which autograd can tell whether it is asked for.
            if weight.requires_grad:
                weight = weight.view_as(weight)
            if bias is not None and bias.requires_grad:
                bias = bias.view_as(bias)
            found: Tensor = _Linear.apply(input, weight, bias, rule)  # type: ignore[no-untyped-call]
            return found

    return linear


def _gains(rule: Rule, multiplied: Multiplied, inputs: Any, weight: Any, bias: Any) -> bool:
    """Whether plain tensors are multiplied, in a size that gains, and nothing looks on that knows torch's own function only."""
    if type(inputs) is not Tensor or type(weight) not in _PLAIN or weight.dim() != 2:
        return False
    if torch._C._get_tracing_state() is not None:  # before sizes are looked at
        return False
    outputs, width = weight.shape
    size = inputs.numel() * outputs
    least = _LEAST_SIZE_WITH_GRADIENTS if torch.is_grad_enabled() else _LEAST_SIZE
    if size < least * torch.get_num_threads():
        return False
    if min(outputs, width) < _LEAST_WIDTH or inputs.numel() < _LEAST_ROWS * width:
        return False
    return (
        inputs.shape[-1] == width
        and _are_plain(inputs, weight, bias, outputs)
        and _nothing_looks_on(inputs)
        and _pays(rule, multiplied, inputs.numel(), weight.shape)
    )


def _pays(rule: Rule, multiplied: Multiplied, numbers: int, shape: torch.Size) -> bool:
    """Whether code for a size pays, and may be run under the rule."""
    if rule.fixed_sizes:
        return True
    if max(shape) <= _SAME_BITS_WIDTH:
        multiplied = _multiplied
    elif rule.same_bits:
        return False
    before = multiplied[numbers, shape]
    if before < _PAID_BACK:
        multiplied[numbers, shape] = before + numbers * shape[0]
    return before >= _PAID_BACK


def _are_plain(inputs: Tensor, weight: Tensor, bias: Any, outputs: int) -> bool:
    """Whether all lie in memory as float32 by rows."""
    tensors = [inputs, weight]
    if bias is not None:
        if type(bias) not in _PLAIN or bias.shape != (outputs,):
            return False
        tensors.append(bias)
    return all(one.dtype is torch.float32 and one.is_cpu and one.is_contiguous() for one in tensors)


def _nothing_looks_on(tensor: Tensor) -> bool:
    """Whether operations run as they are: neither cast, counted, transformed nor differentiated forward, and with oneDNN as it is by default."""
    return (
        torch._C._get_mkldnn_enabled()
        and torch._C._get_fp32_precision_getter("mkldnn", "matmul") in ("none", "ieee")
        and not torch.is_autocast_enabled("cpu")
        and not torch._C._len_torch_dispatch_stack()
        and not torch._C._len_torch_function_stack()
        and torch._C._functorch.peek_interpreter_stack() is None
        and not torch._C._functorch.is_legacy_batchedtensor(tensor)
        and forward_ad._current_level < 0
    )


def product(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return inputs W^T + b, ``(..., outputs)``; inputs: ``(..., inputs)``. weight: in any order in memory."""
    found: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    return found


class _Linear(torch.autograd.Function):
    """The product with its gradients; what asks for a graph of these is given torch's own products."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None, rule: Rule
    ) -> Tensor:
        ctx.rule = rule
        to_inputs, to_weight = ctx.needs_input_grad[:2]
        ctx.save_for_backward(inputs if to_weight else None, weight if to_inputs else None)
        return product(inputs, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        by_torch = torch.is_grad_enabled() or not _nothing_looks_on(gradient)
        to_inputs = to_weight = to_bias = None
        if ctx.needs_input_grad[0]:
            to_inputs = gradient @ weight if by_torch else product(gradient, weight.t(), None)
        if _is_wanted(ctx, 1):
            rows, given = _by_rows(gradient), _by_rows(inputs)
            if by_torch or not ctx.rule.fixed_sizes:
                to_weight = rows.t() @ given
            else:
                to_weight = _gradient_of_weight(rows, given)
        if _is_wanted(ctx, 2):
            to_bias = _by_rows(gradient).sum(0)
        return to_inputs, to_weight, to_bias, None


def _is_wanted(ctx: Any, place: int) -> bool:
    """Whether the pass back that runs asks for the gradient of an argument; `ctx.needs_input_grad` says whether any pass may."""
    return bool(
        ctx.needs_input_grad[place]
        and torch._C._will_engine_execute_node(ctx.next_functions[place][0])
    )


def _by_rows(tensor: Tensor) -> Tensor:
    return tensor.reshape(-1, tensor.shape[-1])


def _gradient_of_weight(gradient: Tensor, inputs: Tensor) -> Tensor:
    """Return G^T X, ``(outputs, inputs)``, of a gradient ``(rows, outputs)`` and inputs ``(rows, inputs)``.

    oneDNN is given its first matrix by rows, so one of the two is copied in that order: the narrower.
    """
    if gradient.shape[1] <= inputs.shape[1]:
        return product(gradient.t(), inputs.t(), None)
    return product(inputs.t(), gradient.t(), None).t().contiguous()
