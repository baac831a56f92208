"""`vit`: a small vision transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.api import InputSpec, Task, UsageError
from harness_architectures.options import VitOptions

POSITION_STD = 0.5


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, equation 1); ``(batch, tokens, dim)``."""

    def __init__(self, dim: int, heads: int) -> None:
        """Build; `heads` divides `dim`."""
        super().__init__()
        self.heads = heads
        self.queries_keys_values = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape."""
        batch, count, dim = tokens.shape
        packed = self.queries_keys_values(tokens).view(batch, count, 3, self.heads, -1)
        queries, keys, values = packed.permute(2, 0, 3, 1, 4)  # (batch, heads, tokens, head_size)
        mixed = functional.scaled_dot_product_attention(queries, keys, values)
        result: Tensor = self.output(mixed.transpose(1, 2).reshape(batch, count, dim))
        return result


class TransformerBlock(nn.Module):
    """A transformer block with norms first, Dosovitskiy et al. 2021, equations 2 and 3."""

    def __init__(self, options: VitOptions) -> None:
        """Build from the model's options."""
        super().__init__()
        hidden = max(1, round(options.dim * options.mlp_ratio))
        self.norm1 = nn.LayerNorm(options.dim)
        self.attention = Attention(options.dim, options.heads)
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


class Vit(nn.Module):
    """Dosovitskiy et al. 2021, "An image is worth 16x16 words", section 3.1.

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. Patches are embedded linearly,
    learned positions are added, and the head reads the mean of the tokens (the paper's appendix
    D.3 finds it as good as a class token). Positions start about as large as the embedded patches
    of a normalised image: from the paper's 0.02 a short training on little data hardly learns them
    (digits, 20 epochs: 95 % against 97 %).
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, patch: int, options: VitOptions
    ) -> None:
        """Build for ``(channels, height, width)``; `patch` divides height and width."""
        super().__init__()
        channels, height, width = input_shape
        self.patches = nn.Conv2d(channels, options.dim, patch, patch)
        self.positions = nn.Parameter(
            torch.empty(1, (height // patch) * (width // patch), options.dim)
        )
        self.blocks = nn.Sequential(*(TransformerBlock(options) for _ in range(options.depth)))
        self.norm = nn.LayerNorm(options.dim)
        self.head = nn.Linear(options.dim, num_classes)
        nn.init.trunc_normal_(self.positions, std=POSITION_STD)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        tokens = self.patches(inputs).flatten(2).transpose(1, 2)  # (batch, tokens, dim)
        tokens = self.blocks(tokens + self.positions)
        logits: Tensor = self.head(self.norm(tokens).mean(1))
        return logits


def choose_patch(options: VitOptions, height: int, width: int) -> int:
    """Return the side of a patch; "auto" is the least power of two p with 2 p^2 >= the larger side.

    So 8 pixels have patches of 2 (16 tokens), 32 of 4 (64 tokens) and 224 of 16 (196 tokens).
    """
    if options.patch != "auto":
        return options.patch
    patch = 1
    while 2 * patch * patch < max(height, width):
        patch *= 2
    return patch


def wants(task: Task, options: VitOptions) -> InputSpec:
    """Ask for the task's own shape, each side rounded up to a multiple of the patch."""
    channels, height, width = task.input_shape
    patch = choose_patch(options, height, width)
    return InputSpec((channels, -(-height // patch) * patch, -(-width // patch) * patch))


def build(input_shape: tuple[int, ...], num_classes: int, options: VitOptions) -> Vit:
    """Build a `Vit` for inputs ``(channels, height, width)``.

    Raises:
        UsageError: The heads do not divide the width of a token.
    """
    if options.dim % options.heads:
        raise UsageError(f"vit: heads={options.heads} does not divide dim={options.dim}")
    patch = choose_patch(options, *input_shape[1:])
    return Vit(input_shape, num_classes, patch, options)
