"""The options of the architectures that read sequences and tokens; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness.api import Options
from harness_architectures.choices import Dropout, check_heads


class RecurrentOptions(Options):
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
    dropout: Dropout = 0.0


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


class TcnOptions(Options):
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


class BlockOptions(Options):
    """What transformers of sequences have in common."""

    dim: int = Field(default=64, description="width of a token", ge=1, le=16384)
    depth: int = Field(default=2, description="transformer blocks", ge=1, le=256)
    heads: int = Field(default=4, description="attention heads; divides dim", ge=1, le=256)
    mlp_ratio: float = Field(
        default=4.0, description="hidden units of a block's MLP over dim", gt=0, le=64
    )
    positions: Literal["learnt", "sinusoidal", "rotary", "none"] = Field(
        default="learnt",
        description="how the order of tokens shows: a vector for each place is added, queries and keys are turned, or not at all",
    )
    dropout: Dropout = 0.0

    @model_validator(mode="after")
    def _heads(self) -> Self:
        check_heads(self.dim, self.heads, rotary=self.positions == "rotary")
        return self


class TransformerOptions(BlockOptions):
    """Options of `transformer`."""

    norm: Literal["pre", "post"] = Field(
        default="pre",
        description="where a block normalises: what its branches are given, or what they have been added to, as in the paper",
    )
    pool: Literal["mean", "last"] = Field(
        default="mean", description="what the head reads: the mean of the tokens, or the last one"
    )


class GptOptions(BlockOptions):
    """Options of `gpt`; 768, 12 and 12 with a tied head are those of GPT-2 small."""

    tied: bool = Field(
        default=False,
        description="the head's weights are the tokens' embeddings, where outputs are the tokens",
    )


class EncoderDecoderOptions(BlockOptions):
    """Options of `encoder-decoder`; 512, 6, 8, relu and sinusoidal positions are those of the base model of the paper."""

    depth: int = Field(
        default=2, description="blocks of the encoder, and as many of the decoder", ge=1, le=256
    )
    norm: Literal["pre", "post"] = Field(
        default="pre",
        description="where a block normalises: what its branches are given, or what they have been added to, as in the paper",
    )
    activation: Literal["gelu", "relu"] = Field(
        default="gelu", description="of a block's MLP; relu in the paper"
    )
