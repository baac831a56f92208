"""`mixer`: MLP-Mixer, which mixes patches and channels by MLPs alone."""

from __future__ import annotations

from torch import Tensor, nn

from harness.api import InputSpec, Task
from harness_architectures.image_options import MixerOptions
from harness_architectures.initialisation import initialise, zero_branches
from harness_architectures.layers import (
    ACTIVATIONS,
    FEATURE_NORMALISATIONS,
    StochasticDepth,
    depth_rates,
)
from harness_architectures.patches import choose_patch, whole_patches


class MixerBlock(nn.Module):
    """An MLP over the tokens of each channel, then one over the channels of each token, each added to what it was given.

    ``(batch, tokens, dim)``; Tolstikhin et al. 2021, equation 1.
    """

    def __init__(self, tokens: int, rate: float, options: MixerOptions) -> None:
        """rate: of leaving a branch out in training."""
        super().__init__()
        normalise = FEATURE_NORMALISATIONS[options.normalisation]
        self.norm1 = normalise(options.dim)
        self.over_tokens = _mlp(tokens, options.token_ratio * options.dim, options)
        self.norm2 = normalise(options.dim)
        self.over_channels = _mlp(options.dim, options.mlp_ratio * options.dim, options)
        self.drop = StochasticDepth(rate)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape."""
        by_channel = self.norm1(tokens).transpose(1, 2)  # (batch, dim, tokens)
        tokens = tokens + self.drop(self.over_tokens(by_channel).transpose(1, 2))
        result: Tensor = tokens + self.drop(self.over_channels(self.norm2(tokens)))
        return result


class Mixer(nn.Module):
    """Tolstikhin et al. 2021, "MLP-Mixer: an all-MLP architecture for vision".

    ``(batch, channels, height, width)`` -> ``(batch, num_classes)``. Patches are embedded linearly; the head reads the
    mean of the tokens. It knows where a patch is by the weights that read it, so the size of images is fixed when it is
    built. With dim 768, depth 12, patch 16 and mlp_ratio 4 it is Mixer-B/16, of 59.9 M parameters.
    """

    def __init__(
        self, input_shape: tuple[int, ...], num_classes: int, options: MixerOptions
    ) -> None:
        """Build for ``(channels, height, width)``, whose sides a patch divides."""
        super().__init__()
        channels, height, width = input_shape
        patch = choose_patch(options.patch, height, width)
        tokens = (height // patch) * (width // patch)
        self.patches = nn.Conv2d(channels, options.dim, patch, patch)
        blocks = [
            MixerBlock(tokens, rate, options)
            for rate in depth_rates(options.stochastic_depth, options.depth)
        ]
        self.blocks = nn.Sequential(*blocks)
        self.norm = FEATURE_NORMALISATIONS[options.normalisation](options.dim)
        self.head = nn.Linear(options.dim, num_classes)
        initialise(self, options.initialisation, options.activation)
        if options.zero_residual:
            zero_branches(mlp for one in blocks for mlp in (one.over_tokens, one.over_channels))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        tokens = self.patches(inputs).flatten(2).transpose(1, 2)  # (batch, tokens, dim)
        logits: Tensor = self.head(self.norm(self.blocks(tokens)).mean(1))
        return logits


def _mlp(size: int, hidden: float, options: MixerOptions) -> nn.Sequential:
    units = max(1, round(hidden))
    return nn.Sequential(
        nn.Linear(size, units),
        ACTIVATIONS[options.activation](),
        nn.Dropout(options.dropout),
        nn.Linear(units, size),
        nn.Dropout(options.dropout),
    )


def wants(task: Task, options: MixerOptions) -> InputSpec:
    """Ask for the task's own shape, each side rounded up to a multiple of the patch."""
    return whole_patches(task, options.patch)


def build(input_shape: tuple[int, ...], num_classes: int, options: MixerOptions) -> Mixer:
    """Build a `Mixer` for inputs ``(channels, height, width)``."""
    return Mixer(input_shape, num_classes, options)
