"""The options of the built-in architectures; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from harness.api import Options
from harness_architectures.choices import (
    Activation,
    Dropout,
    Initialisation,
    Normalisation,
    Patch,
    TokenNormalisation,
    ZeroResidual,
    check_heads,
)


class LinearOptions(Options):
    """Options of `linear`."""

    initialisation: Initialisation = "own"


class MlpOptions(Options):
    """Options of `mlp`."""

    depth: int = Field(default=2, description="hidden layers", ge=0, le=256)
    width: int = Field(default=128, description="units of a hidden layer", ge=1, le=65536)
    activation: Activation = "relu"
    normalisation: Normalisation = "none"
    initialisation: Initialisation = "own"
    residual: bool = Field(
        default=False, description="each hidden layer after the first adds to what it is given"
    )
    zero_residual: ZeroResidual = False
    dropout: Dropout = 0.0

    @model_validator(mode="after")
    def _branches(self) -> Self:
        if self.zero_residual and not self.residual:
            raise ValueError(
                "zero_residual starts residual branches at zero: residual=true has some"
            )
        return self


class LenetOptions(Options):
    """Options of `lenet`; 6, 16, 120 and 84 are those of LeNet-5."""

    channels1: int = Field(
        default=16, description="channels of the first convolution", ge=1, le=4096
    )
    channels2: int = Field(
        default=32, description="channels of the second convolution", ge=1, le=4096
    )
    hidden1: int = Field(default=120, description="units of the first linear layer", ge=1, le=65536)
    hidden2: int = Field(default=84, description="units of the second linear layer", ge=1, le=65536)
    pooling: Literal["max", "average", "max-blur", "strided"] = Field(
        default="max",
        description="what halves maps: the largest or the mean of 2 x 2 pixels, the largest of neighbours and then a blur, or the "
        "convolution itself in steps of 2",
    )
    readout: Literal["flat", "mean"] = Field(
        default="flat",
        description="what the linear layers read: all pixels of the last maps, or the mean of each map",
    )
    activation: Activation = "relu"
    initialisation: Initialisation = "own"
    dropout: Dropout = 0.0


class ResnetOptions(Options):
    """Options of `resnet`; without a depth it has 2 * stages * blocks + 2 layers."""

    depth: Literal[18, 34, 50, 101, 152] | None = Field(
        default=None,
        description="layers of a published network, in place of blocks and stages; left out: a small one",
    )
    width: int | None = Field(
        default=None,
        description="channels of the first stage, doubled in each; left out: 16, with a depth 64",
        ge=1,
        le=1024,
    )
    blocks: int = Field(default=1, description="residual blocks of a stage", ge=1, le=64)
    stages: int = Field(
        default=3,
        description="stages; each after the first halves the maps, down to 4 pixels",
        ge=1,
        le=6,
    )
    activation: Activation = "relu"
    normalisation: Normalisation = "batch"
    initialisation: Initialisation = "own"
    zero_residual: ZeroResidual = False

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.depth is not None and (self.blocks, self.stages) != (1, 3):
            raise ValueError(
                f"depth={self.depth} says how many blocks and stages there are: leave them out"
            )
        return self


class VitOptions(Options):
    """Options of `vit`."""

    patch: Patch = "auto"
    dim: int = Field(default=48, description="width of a token", ge=1, le=16384)
    depth: int = Field(default=3, description="transformer blocks", ge=1, le=256)
    heads: int = Field(default=4, description="attention heads; divides dim", ge=1, le=256)
    mlp_ratio: float = Field(
        default=2.0, description="hidden units of a block's MLP over dim", gt=0, le=64
    )
    pool: Literal["mean", "class"] = Field(
        default="mean",
        description="what the head reads: the mean of the patches' tokens, or a class token",
    )
    registers: int = Field(
        default=0, description="tokens beside the patches' that nothing reads", ge=0, le=256
    )
    activation: Activation = "gelu"
    normalisation: TokenNormalisation = "layer"
    initialisation: Initialisation = "own"
    zero_residual: ZeroResidual = False
    dropout: Dropout = 0.0

    @model_validator(mode="after")
    def _heads(self) -> Self:
        check_heads(self.dim, self.heads)
        return self


class UnetOptions(Options):
    """Options of `unet`; 64 and 4 are those of the paper."""

    width: int = Field(
        default=16, description="channels of the first level; doubled in each", ge=1, le=1024
    )
    depth: int = Field(default=3, description="levels below the first", ge=1, le=6)
    skips: bool = Field(
        default=True,
        description="each level on the way up reads the maps of its size on the way down",
    )
    dropout: float = Field(
        default=0.0, description="probability of dropping a channel of the lowest level", ge=0, lt=1
    )


class FcosOptions(Options):
    """Options of `fcos`."""

    width: int = Field(
        default=16,
        description="channels at the image's size; four times as many where answers are given",
        ge=1,
        le=1024,
    )
    depth: int = Field(
        default=2, description="convolutions of each tower; 4 in the paper", ge=0, le=16
    )
    pyramid: bool = Field(
        default=True,
        description="coarser maps are added to the one that answers are given on; without, there are none",
    )


class DlinearOptions(Options):
    """Options of `dlinear`."""

    kernel: int = Field(
        default=25,
        description="steps of the moving average; odd, at most those there are",
        ge=1,
        le=9999,
    )
    each: bool = Field(
        default=False,
        description="outputs are steps of the same features, each of which is mapped by itself, with shared weights",
    )

    @field_validator("kernel")
    @classmethod
    def _odd(cls, kernel: int) -> int:
        if kernel % 2 == 0:
            raise ValueError("the steps around one, and itself, are an odd number")
        return kernel


Interpolation = Literal["nearest", "bilinear", "bicubic"]


class TimmOptions(Options):
    """Options of every `timm/` model; the last four change what published weights are given."""

    tag: str = Field(
        default="", description="which published weights: a1_in1k ...; empty: timm's default"
    )
    input_size: int | None = Field(
        default=None,
        description="side of the input; by default the weights' own, or the smallest that works",
        ge=1,
        le=4096,
    )
    drop_rate: float | None = Field(default=None, description="dropout before the head", ge=0, lt=1)
    drop_path_rate: float | None = Field(default=None, description="stochastic depth", ge=0, lt=1)
    test_size: bool = Field(
        default=False,
        description="published weights at the size and crop of timm's table of results, often larger",
    )
    crop_pct: float | None = Field(
        default=None,
        description="input's size over the size that images are resized to, for published weights; "
        "left out: the weights' own",
        ge=0.1,
        le=1,
    )
    crop_mode: Literal["center", "squash", "border"] | None = Field(
        default=None, description="how images are resized before the crop, for published weights"
    )
    interpolation: Interpolation | None = Field(
        default=None, description="of that resizing; left out: the weights' own"
    )


class TorchvisionOptions(Options):
    """Options of every `torchvision/` model; the last two change what published weights are given."""

    weights: str = Field(
        default="DEFAULT", description="which published weights: IMAGENET1K_V1 ..."
    )
    input_size: int | None = Field(
        default=None,
        description="side of the input; by default the weights' own, or the smallest that works",
        ge=1,
        le=4096,
    )
    resize_size: int | None = Field(
        default=None,
        description="side that the shorter one of images is resized to before the crop, for published "
        "weights; left out: the weights' own",
        ge=1,
        le=8192,
    )
    interpolation: Interpolation | None = Field(
        default=None, description="of that resizing; left out: the weights' own"
    )
