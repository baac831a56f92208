"""Attention of few tokens by products of matrices, on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from harness_architectures.layers import is_differentiated_on_cpu

LANES = 16  # floats in a CPU's widest register


def is_short(packed: Tensor, heads: int) -> bool:
    """Whether `attend`, forward and back, takes less than torch's fused attention (`tests/evidence`).

    Not where torch is told which kernels to take (`sdpa_kernel`), as by what reads attention in the open.

    packed: as `attend` takes it.
    """
    if not is_differentiated_on_cpu(packed):
        return False
    batch, tokens, width = packed.shape
    size = width // (3 * heads)
    least, most, rows = (8, 50, 512) if size < LANES else (16, 24, 2048)
    few = least <= tokens <= most and size <= 2 * LANES and batch * heads * tokens >= rows
    return few and torch.backends.cuda.flash_sdp_enabled()  # type: ignore[no-untyped-call]


def attend(packed: Tensor, heads: int) -> Tensor:
    """Return softmax(Q K^T / sqrt(head_size)) V of each head (Vaswani et al. 2017, equation 1): ``(batch, tokens, dim)``.

    packed: queries, keys and values, ``(batch, tokens, 3 x dim)``, each of which has the heads one after another.
    """
    if packed.shape[2] >= 3 * heads * LANES or _is_transformed(packed):
        return _attend_in_the_open(packed, heads)
    mixed: Tensor = _AttendTurned.apply(packed, heads)  # type: ignore[no-untyped-call]
    return mixed


def _attend_in_the_open(packed: Tensor, heads: int) -> Tensor:
    """As `attend`, by operations that autograd knows."""
    batch, tokens, _ = packed.shape
    queries, keys, values = _apart(packed, heads)
    unused = queries.new_empty(1)  # beta is 0
    scale = queries.shape[-1] ** -0.5
    scores = torch.baddbmm(unused, queries, keys.mT, beta=0, alpha=scale)
    mixed = torch.bmm(scores.softmax(-1), values).view(batch, heads, tokens, -1)
    return mixed.transpose(1, 2).flatten(2)


class _AttendTurned(torch.autograd.Function):
    """Attention of heads so narrow that products with rows of tokens take less than those with rows of a head's numbers.

    Beside that it makes 4 copies of tensors, forward and back, where autograd makes 7; and a softmax along columns takes 0.7
    of one along rows.
    """

    @staticmethod
    def forward(ctx: Any, packed: Tensor, heads: int) -> Tensor:
        batch, tokens, width = packed.shape
        queries, keys, values = _apart(packed, heads)
        scale = queries.shape[-1] ** -0.5
        scores = torch.baddbmm(packed.new_empty(1), keys, queries.mT, beta=0, alpha=scale)
        shares = scores.softmax(1)  # (batch x heads, tokens, tokens), a column for each query
        ctx.save_for_backward(packed, queries, keys, values, shares)
        ctx.heads, ctx.scale = heads, scale
        return torch.bmm(values.mT, shares).view(batch, width // 3, tokens).mT.contiguous()

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        packed, queries, keys, values, shares = ctx.saved_tensors
        if torch.is_grad_enabled():  # for a second derivative, of which what was kept knows nothing
            mixed = _attend_in_the_open(packed, ctx.heads)
            return *torch.autograd.grad(mixed, packed, slope, create_graph=True), None
        turned = slope.mT.contiguous()  # (batch, dim, tokens)
        heads_apart = turned.view(*values.mT.shape)
        of_shares = torch.bmm(values, heads_apart)
        of_scores = torch._softmax_backward_data(of_shares, shares, 1, shares.dtype)
        unused = packed.new_empty(1)
        found = (
            torch.baddbmm(unused, keys.mT, of_scores, beta=0, alpha=ctx.scale),
            torch.baddbmm(unused, queries.mT, of_scores.mT, beta=0, alpha=ctx.scale),
            torch.bmm(heads_apart, shares.mT),
        )
        return torch.cat([one.view(turned.shape).mT for one in found], 2), None


def _apart(packed: Tensor, heads: int) -> tuple[Tensor, ...]:
    """Return queries, keys and values, ``(batch x heads, tokens, head_size)``."""
    batch, tokens, _ = packed.shape
    apart = packed.view(batch, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)
    return apart.flatten(1, 2).unbind(0)


def _is_transformed(packed: Tensor) -> bool:
    """Whether `torch.func` or forward mode are at work, which do not know functions with a backward pass alone."""
    wrapped: bool = torch._C._functorch.is_functorch_wrapped_tensor(packed)
    dual = forward_ad.unpack_dual(packed)  # type: ignore[no-untyped-call]
    return wrapped or dual.tangent is not None
