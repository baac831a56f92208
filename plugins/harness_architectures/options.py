"""The options of the built-in architectures; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from harness.api import Options


class _ArchitectureOptions(Options):
    """Unknown names are errors, and values do not change."""


class MlpOptions(_ArchitectureOptions):
    """Options of `mlp`."""

    depth: int = Field(default=2, description="hidden layers", ge=0, le=256)
    width: int = Field(default=128, description="units of a hidden layer", ge=1, le=65536)
    activation: Literal["relu", "gelu", "silu", "tanh", "elu", "leaky_relu"] = Field(
        default="relu", description="what follows each hidden layer"
    )
    dropout: float = Field(
        default=0.0, description="probability of dropping a hidden unit", ge=0, lt=1
    )


class LenetOptions(_ArchitectureOptions):
    """Options of `lenet`; 6, 16, 120 and 84 are those of LeNet-5."""

    channels1: int = Field(
        default=16, description="channels of the first convolution", ge=1, le=4096
    )
    channels2: int = Field(
        default=32, description="channels of the second convolution", ge=1, le=4096
    )
    hidden1: int = Field(default=120, description="units of the first linear layer", ge=1, le=65536)
    hidden2: int = Field(default=84, description="units of the second linear layer", ge=1, le=65536)
    dropout: float = Field(default=0.0, description="probability of dropping a unit", ge=0, lt=1)


class ResnetOptions(_ArchitectureOptions):
    """Options of `resnet`; the depth is 2 * stages * blocks + 2 layers."""

    width: int = Field(
        default=16, description="channels of the first stage; doubled in each", ge=1, le=1024
    )
    blocks: int = Field(default=1, description="residual blocks of a stage", ge=1, le=64)
    stages: int = Field(
        default=3,
        description="stages; each after the first halves the maps, down to 4 pixels",
        ge=1,
        le=6,
    )


class VitOptions(_ArchitectureOptions):
    """Options of `vit`."""

    patch: int | Literal["auto"] = Field(
        default="auto",
        description="side of a patch in pixels; auto: 2 for 8, 4 for 32, 16 for 224 pixels",
    )
    dim: int = Field(default=48, description="width of a token", ge=1, le=16384)
    depth: int = Field(default=3, description="transformer blocks", ge=1, le=256)
    heads: int = Field(default=4, description="attention heads; divides dim", ge=1, le=256)
    mlp_ratio: float = Field(
        default=2.0, description="hidden units of a block's MLP over dim", gt=0, le=64
    )
    dropout: float = Field(default=0.0, description="probability of dropping a unit", ge=0, lt=1)


class GptOptions(_ArchitectureOptions):
    """Options of `gpt`."""

    dim: int = Field(default=64, description="width of a token", ge=1, le=16384)
    depth: int = Field(default=2, description="transformer blocks", ge=1, le=256)
    heads: int = Field(default=4, description="attention heads; divides dim", ge=1, le=256)
    mlp_ratio: float = Field(
        default=4.0, description="hidden units of a block's MLP over dim", gt=0, le=64
    )
    dropout: float = Field(default=0.0, description="probability of dropping a unit", ge=0, lt=1)


class UnetOptions(_ArchitectureOptions):
    """Options of `unet`; 64 and 4 are those of the paper."""

    width: int = Field(
        default=16, description="channels of the first level; doubled in each", ge=1, le=1024
    )
    depth: int = Field(default=3, description="levels below the first", ge=1, le=6)
    dropout: float = Field(
        default=0.0, description="probability of dropping a channel of the lowest level", ge=0, lt=1
    )


class RecurrentOptions(_ArchitectureOptions):
    """What `rnn`, `lstm` and `gru` have in common."""

    hidden: int = Field(default=64, description="units of a direction", ge=1, le=65536)
    layers: int = Field(default=1, description="recurrent layers", ge=1, le=64)
    bidirectional: bool | Literal["auto"] = Field(
        default="auto",
        description="read the sequence from both ends; auto: wherever answers may depend on what comes later",
    )
    pool: Literal["mean", "last"] = Field(
        default="mean",
        description="what the head reads: the mean of the states over time, or the last state of each direction, as forecasts "
        "may want",
    )
    dropout: float = Field(default=0.0, description="probability of dropping a unit", ge=0, lt=1)


class RnnOptions(RecurrentOptions):
    """Options of `rnn`."""

    activation: Literal["tanh", "relu"] = Field(default="tanh", description="of a state")
    start: Literal["uniform", "orthogonal", "identity"] = Field(
        default="uniform",
        description="weights from state to state at the start; identity, with relu: the IRNN of Le et al. 2015",
    )


class LstmOptions(RecurrentOptions):
    """Options of `lstm`."""

    start: Literal["uniform", "orthogonal"] = Field(
        default="uniform", description="weights from state to state at the start, of each gate"
    )
    forget_bias: float = Field(
        default=1.0, description="bias of the forget gates at the start", ge=-20, le=20
    )


class GruOptions(RecurrentOptions):
    """Options of `gru`."""

    start: Literal["uniform", "orthogonal"] = Field(
        default="uniform", description="weights from state to state at the start, of each gate"
    )


class TcnOptions(_ArchitectureOptions):
    """Options of `tcn`."""

    width: int = Field(default=32, description="channels of every block", ge=1, le=16384)
    kernel: int = Field(default=3, description="steps of a convolution", ge=2, le=1024)
    levels: Annotated[int, Field(ge=1, le=24)] | Literal["auto"] = Field(
        default="auto",
        description="blocks, each with twice the dilation of the one before; auto: until the last step sees the first",
    )
    pool: Literal["last", "mean"] = Field(
        default="last",
        description="what the head reads: the last step, as in the paper, or the mean of all",
    )
    dropout: float = Field(
        default=0.0, description="probability of dropping a channel of an example", ge=0, lt=1
    )


class DlinearOptions(_ArchitectureOptions):
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


class TimmOptions(_ArchitectureOptions):
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


class TorchvisionOptions(_ArchitectureOptions):
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
