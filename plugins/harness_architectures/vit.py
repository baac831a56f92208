"""`vit`: a small vision transformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.api import InputSpec, Task
from harness_architectures.initialisation import initialise, zero_branches
from harness_architectures.layers import FEATURE_NORMALISATIONS
from harness_architectures.options import VitOptions
from harness_architectures.patches import Patches, choose_patch, whole_patches
from harness_architectures.positions import POSITION_STD
from harness_architectures.transformer import TransformerBlock

TOKEN_STD = 0.02


class Vit(nn.Module):
    """Dosovitskiy et al. 2021, "An image is worth 16x16 words", section 3.1.

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. Patches are embedded linearly,
    learned positions are added, and the head reads the mean of their tokens (the paper's appendix
    D.3 finds it as good as a class token, which it reads with pool "class"). Positions start about as large as the
    embedded patches of a normalised image: from the paper's 0.02 a short training on little data hardly learns them
    (digits, 20 epochs: 95 % against 97 %). Registers are further tokens, without a position (Darcet et al. 2024, "Vision
    transformers need registers", section 2.2). With dim 768, depth 12, heads 12, patch 16, mlp_ratio 4 and a class token it
    is ViT-B/16, of 86.6 M parameters.
    """

    class_token: nn.Parameter | None
    registers: nn.Parameter | None

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, patch: int, options: VitOptions
    ) -> None:
        """Build for ``(channels, height, width)``; `patch` divides height and width."""
        super().__init__()
        channels, height, width = input_shape
        self.patches = Patches(channels, options.dim, patch)
        count = (height // patch) * (width // patch)
        extra = 1 if options.pool == "class" else 0
        self.register_parameter("class_token", _token(extra, options.dim))
        self.register_parameter("registers", _token(options.registers, options.dim))
        self.positions = nn.Parameter(torch.empty(1, extra + count, options.dim))
        blocks = [
            TransformerBlock(
                options, activation=options.activation, normalisation=options.normalisation
            )
            for _ in range(options.depth)
        ]
        self.blocks = nn.Sequential(*blocks)
        self.norm = FEATURE_NORMALISATIONS[options.normalisation](options.dim)
        self.head = nn.Linear(options.dim, num_classes)
        nn.init.trunc_normal_(self.positions, std=POSITION_STD)
        for token in (self.class_token, self.registers):
            if token is not None:
                nn.init.trunc_normal_(token, std=TOKEN_STD)
        initialise(self, options.initialisation, options.activation)
        if options.zero_residual:
            zero_branches(branch for one in blocks for branch in (one.attention, one.mlp))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        tokens = self.patches(inputs).flatten(2).transpose(1, 2)  # (batch, tokens, dim)
        count = tokens.shape[1]
        if self.class_token is not None:
            tokens = torch.cat([self.class_token.expand(len(tokens), -1, -1), tokens], 1)
        # Positions come first: a sum lies in memory as its first term does, and all that follows wants rows of tokens.
        tokens = self.positions + tokens
        if self.registers is not None:
            tokens = torch.cat([self.registers.expand(len(tokens), -1, -1), tokens], 1)
        tokens = self.norm(self.blocks(tokens))
        pooled = tokens[:, -count:].mean(1) if self.class_token is None else tokens[:, -count - 1]
        logits: Tensor = self.head(pooled)
        return logits


def _token(count: int, dim: int) -> nn.Parameter | None:
    return nn.Parameter(torch.empty(1, count, dim)) if count else None


def wants(task: Task, options: VitOptions) -> InputSpec:
    """Ask for the task's own shape, each side rounded up to a multiple of the patch."""
    return whole_patches(task, options.patch)


def build(input_shape: tuple[int, ...], num_classes: int, options: VitOptions) -> Vit:
    """Build a `Vit` for inputs ``(channels, height, width)``."""
    patch = choose_patch(options.patch, *input_shape[1:])
    return Vit(input_shape, num_classes, patch, options)
