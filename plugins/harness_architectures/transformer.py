"""The block that transformers are made of."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness_architectures.layers import ACTIVATIONS, FEATURE_NORMALISATIONS
from harness_architectures.positions import rotate
from harness_architectures.short_attention import attend, is_short


class Past:
    """Keys and values of the tokens before, ``(batch, heads, tokens, head_size)``: what a layer of a KV cache holds."""

    def __init__(self, held: tuple[Tensor, Tensor] | None = None) -> None:
        """Begin with those of a past, or with none."""
        self.held = held

    def __len__(self) -> int:
        """Return how many tokens came before."""
        return 0 if self.held is None else self.held[0].shape[2]

    def extended(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return the keys and values of all tokens, and hold them."""
        if self.held is not None:
            keys, values = torch.cat([self.held[0], keys], 2), torch.cat([self.held[1], values], 2)
        self.held = keys, values
        return self.held


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, equation 1); ``(batch, tokens, dim)``."""

    def __init__(self, dim: int, heads: int, *, causal: bool = False, rotary: bool = False) -> None:
        """Build; `heads` divides `dim`. causal: a token attends to itself and to those before it alone."""
        super().__init__()
        self.heads, self.causal, self.rotary = heads, causal, rotary
        self.queries_keys_values = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor, past: Past | None = None) -> Tensor:
        """Return tokens of the same shape; past: of causal attention, which is extended by them."""
        packed = self.queries_keys_values(tokens)
        if not self.causal and not self.rotary and is_short(packed, self.heads):
            result: Tensor = self.output(attend(packed, self.heads))
            return result
        batch, count, dim = tokens.shape
        apart = packed.view(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        queries, keys, values = apart  # (batch, heads, tokens, head_size)
        before = 0 if past is None else len(past)
        if self.rotary:
            queries, keys = rotate(queries, before), rotate(keys, before)
        if past is not None:
            keys, values = past.extended(keys, values)
        mask = None
        if before and count > 1:
            seen = torch.ones(count, before + count, dtype=torch.bool, device=tokens.device)
            mask = seen.tril(before)
        mixed = functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=mask, is_causal=self.causal and not before
        )
        result = self.output(mixed.transpose(1, 2).reshape(batch, count, dim))
        return result


class CrossAttention(nn.Module):
    """Multi-head attention of tokens to a memory (Vaswani et al. 2017, section 3.2.3); both ``(batch, tokens, dim)``."""

    def __init__(self, dim: int, heads: int) -> None:
        """Build; `heads` divides `dim`."""
        super().__init__()
        self.heads = heads
        self.queries = nn.Linear(dim, dim)
        self.keys_values = nn.Linear(dim, 2 * dim)
        self.output = nn.Linear(dim, dim)

    def read(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values ``(batch, heads, tokens, head_size)`` of a memory, which serve all tokens."""
        packed = self.keys_values(memory).view(*memory.shape[:2], 2, self.heads, -1)
        keys, values = packed.permute(2, 0, 3, 1, 4)
        return keys, values

    def forward(self, tokens: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Return tokens of the same shape, by what `read` returned."""
        batch, count, dim = tokens.shape
        queries = self.queries(tokens).view(batch, count, self.heads, -1).transpose(1, 2)
        mixed = functional.scaled_dot_product_attention(queries, keys, values)
        result: Tensor = self.output(mixed.transpose(1, 2).reshape(batch, count, dim))
        return result


class BlockSizes(Protocol):
    """What a block needs of its model's options."""

    @property
    def dim(self) -> int:
        """Width of a token."""

    @property
    def heads(self) -> int:
        """Attention heads."""

    @property
    def mlp_ratio(self) -> float:
        """Hidden units of the MLP over the width."""

    @property
    def dropout(self) -> float:
        """Probability of dropping a unit."""


def feed_forward(options: BlockSizes, activation: str) -> nn.Sequential:
    """Return a block's MLP of one hidden layer, the same for each token (Vaswani et al. 2017, equation 2)."""
    hidden = max(1, round(options.dim * options.mlp_ratio))
    return nn.Sequential(
        nn.Linear(options.dim, hidden), ACTIVATIONS[activation](), nn.Linear(hidden, options.dim)
    )


class TransformerBlock(nn.Module):
    """A transformer block, with norms first (Dosovitskiy et al. 2021, equations 2 and 3) or after each sum.

    post_norm: as in Vaswani et al. 2017, section 3.1. rotary: whether queries and keys are turned by their places.
    """

    def __init__(
        self,
        options: BlockSizes,
        *,
        causal: bool = False,
        post_norm: bool = False,
        rotary: bool = False,
        activation: str = "gelu",
        normalisation: str = "layer",
    ) -> None:
        """Build from the model's options. activation: of the MLP."""
        super().__init__()
        normalise = FEATURE_NORMALISATIONS[normalisation]
        self.post_norm = post_norm
        self.norm1 = normalise(options.dim)
        self.attention = Attention(options.dim, options.heads, causal=causal, rotary=rotary)
        self.norm2 = normalise(options.dim)
        self.mlp = feed_forward(options, activation)
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, tokens: Tensor, past: Past | None = None) -> Tensor:
        """Return tokens of the same shape ``(batch, tokens, dim)``; past: as of `Attention`."""
        if self.post_norm:
            tokens = self.norm1(tokens + self.dropout(self.attention(tokens, past)))
            result: Tensor = self.norm2(tokens + self.dropout(self.mlp(tokens)))
            return result
        tokens = tokens + self.dropout(self.attention(self.norm1(tokens), past))
        result = tokens + self.dropout(self.mlp(self.norm2(tokens)))
        return result
