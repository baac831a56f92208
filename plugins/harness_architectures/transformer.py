"""The block that transformers are made of."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from harness_architectures.options import GptOptions, VitOptions


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, equation 1); ``(batch, tokens, dim)``."""

    def __init__(self, dim: int, heads: int, *, causal: bool = False) -> None:
        """Build; `heads` divides `dim`. causal: a token attends to itself and to those before it alone."""
        super().__init__()
        self.heads, self.causal = heads, causal
        self.queries_keys_values = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape."""
        batch, count, dim = tokens.shape
        packed = self.queries_keys_values(tokens).view(batch, count, 3, self.heads, -1)
        queries, keys, values = packed.permute(2, 0, 3, 1, 4)  # (batch, heads, tokens, head_size)
        mixed = functional.scaled_dot_product_attention(
            queries, keys, values, is_causal=self.causal
        )
        result: Tensor = self.output(mixed.transpose(1, 2).reshape(batch, count, dim))
        return result


class TransformerBlock(nn.Module):
    """A transformer block with norms first, Dosovitskiy et al. 2021, equations 2 and 3."""

    def __init__(self, options: VitOptions | GptOptions, *, causal: bool = False) -> None:
        """Build from the model's options."""
        super().__init__()
        hidden = max(1, round(options.dim * options.mlp_ratio))
        self.norm1 = nn.LayerNorm(options.dim)
        self.attention = Attention(options.dim, options.heads, causal=causal)
        self.norm2 = nn.LayerNorm(options.dim)
        self.mlp = nn.Sequential(
            nn.Linear(options.dim, hidden), nn.GELU(), nn.Linear(hidden, options.dim)
        )
        self.dropout = nn.Dropout(options.dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape ``(batch, tokens, dim)``."""
        tokens = tokens + self.dropout(self.attention(self.norm1(tokens)))
        result: Tensor = tokens + self.dropout(self.mlp(self.norm2(tokens)))
        return result
