"""The options of networks for images that grew from ImageNet; light, so that listing them imports no torch.

Each has a small default, for small images and two cores, and names a published network by an option.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from harness.api import Options
from harness_architectures.choices import (
    Activation,
    Dropout,
    Initialisation,
    Normalisation,
    Patch,
    StochasticDepthRate,
    TokenNormalisation,
    ZeroResidual,
)


class AlexnetOptions(Options):
    """Options of `alexnet`."""

    width: int = Field(
        default=8,
        description="channels of the first convolution, to which the others are in proportion; published: 64",
        ge=1,
        le=1024,
    )
    activation: Activation = "relu"
    normalisation: Normalisation = "none"
    initialisation: Initialisation = "own"
    dropout: Dropout = 0.5


class VggOptions(Options):
    """Options of `vgg`."""

    depth: Literal[11, 13, 16, 19] | None = Field(
        default=None, description="layers of a published network; left out: 11, and narrow ones"
    )
    width: int | None = Field(
        default=None,
        description="channels of the first stage, doubled in each up to 8 times; left out: 8, with a depth 64",
        ge=1,
        le=1024,
    )
    activation: Activation = "relu"
    normalisation: Normalisation = "batch"
    initialisation: Initialisation = "own"
    dropout: Dropout = 0.5


class GooglenetOptions(Options):
    """Options of `googlenet`."""

    width: int = Field(
        default=8,
        description="channels of the first convolution, to which the others are in proportion; published: 64",
        ge=1,
        le=1024,
    )
    activation: Activation = "relu"
    normalisation: Normalisation = "batch"
    initialisation: Initialisation = "own"
    dropout: Dropout = 0.2


class DensenetOptions(Options):
    """Options of `densenet`."""

    depth: Literal[121, 169, 201] | None = Field(
        default=None,
        description="layers of a published network, in place of layers and blocks; left out: a small one",
    )
    growth: int | None = Field(
        default=None,
        description="channels that each layer adds; left out: 8, with a depth 32",
        ge=1,
        le=1024,
    )
    layers: int = Field(default=4, description="dense layers of a block", ge=1, le=256)
    blocks: int = Field(
        default=3,
        description="dense blocks; each after the first halves the maps, down to 4 pixels",
        ge=1,
        le=6,
    )
    activation: Activation = "relu"
    normalisation: Normalisation = "batch"
    initialisation: Initialisation = "own"
    dropout: Dropout = 0.0

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.depth is not None and (self.layers, self.blocks) != (4, 3):
            raise ValueError(
                f"depth={self.depth} says how many layers and blocks there are: leave them out"
            )
        return self


class EfficientnetOptions(Options):
    """Options of `efficientnet`."""

    phi: int = Field(
        default=-12,
        description="compound scaling: published are 0 (B0) to 7 (B7); below 0 depth is 1.2^phi and width 1.1^phi of B0's",
        ge=-20,
        le=7,
    )
    activation: Activation = "silu"
    normalisation: Normalisation = "batch"
    initialisation: Initialisation = "own"
    zero_residual: ZeroResidual = False
    dropout: Dropout = 0.2
    stochastic_depth: StochasticDepthRate = 0.0


class MobilenetOptions(Options):
    """Options of `mobilenet`."""

    width: float = Field(
        default=0.35, description="multiplies channels; published: 1", ge=0.05, le=16
    )
    depth: float = Field(
        default=0.25,
        description="multiplies the blocks of each stage, rounded up; published: 1",
        ge=0.05,
        le=16,
    )
    activation: Activation = "relu6"
    normalisation: Normalisation = "batch"
    initialisation: Initialisation = "own"
    zero_residual: ZeroResidual = False
    dropout: Dropout = 0.2
    stochastic_depth: StochasticDepthRate = 0.0


class ConvnextOptions(Options):
    """Options of `convnext`."""

    size: Literal["tiny", "small", "base", "large"] | None = Field(
        default=None,
        description="of a published network, in place of width, blocks and stages; left out: a small one",
    )
    width: int = Field(
        default=24, description="channels of the first stage; doubled in each", ge=1, le=4096
    )
    blocks: int = Field(default=1, description="blocks of a stage", ge=1, le=64)
    stages: int = Field(
        default=3,
        description="stages; each after the first halves the maps, down to 4 pixels",
        ge=1,
        le=6,
    )
    layer_scale: float = Field(
        default=1e-6, description="of each channel of a residual branch, at first", gt=0, le=1
    )
    activation: Activation = "gelu"
    normalisation: TokenNormalisation = "layer"
    initialisation: Initialisation = "own"
    zero_residual: ZeroResidual = False
    stochastic_depth: StochasticDepthRate = 0.0

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.size is not None and (self.width, self.blocks, self.stages) != (24, 1, 3):
            raise ValueError(
                f"size={self.size} says how wide, and how many blocks and stages there are: leave them out"
            )
        return self


class MixerOptions(Options):
    """Options of `mixer`."""

    patch: Patch = "auto"
    dim: int = Field(default=48, description="width of a token", ge=1, le=16384)
    depth: int = Field(default=3, description="mixer blocks", ge=1, le=256)
    token_ratio: float = Field(
        default=0.5, description="hidden units of the MLP over tokens, over dim", gt=0, le=64
    )
    mlp_ratio: float = Field(
        default=2.0,
        description="hidden units of the MLP over channels, over dim; published: 4",
        gt=0,
        le=64,
    )
    activation: Activation = "gelu"
    normalisation: TokenNormalisation = "layer"
    initialisation: Initialisation = "own"
    zero_residual: ZeroResidual = False
    dropout: Dropout = 0.0
    stochastic_depth: StochasticDepthRate = 0.0
