"""Options that several architectures share; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

Activation = Annotated[
    Literal["relu", "relu6", "gelu", "silu", "sigmoid", "tanh", "elu", "leaky_relu"],
    Field(description="what follows each hidden layer"),
]
Normalisation = Annotated[
    Literal["none", "batch", "layer", "group", "rms"],
    Field(description="of each hidden layer, before its activation"),
]
TokenNormalisation = Annotated[
    Literal["layer", "rms"], Field(description="over the channels of each token or pixel")
]
Initialisation = Annotated[
    Literal["own", "kaiming", "xavier", "orthogonal"],
    Field(description="of weights; own: as its paper, or else torch, has it"),
]
ZeroResidual = Annotated[
    bool,
    Field(description="each residual branch starts at zero, so that its block is the identity"),
]
Dropout = Annotated[float, Field(description="probability of dropping a unit", ge=0, lt=1)]
Patch = Annotated[
    Annotated[int, Field(ge=1, le=4096)] | Literal["auto"],
    Field(description="side of a patch in pixels; auto: 2 for 8, 4 for 32, 16 for 224 pixels"),
]
StochasticDepthRate = Annotated[
    float,
    Field(
        description="probability of leaving out the last residual branch in training; grows to that from 0",
        ge=0,
        lt=1,
    ),
]


def check_heads(dim: int, heads: int, *, rotary: bool = False) -> None:
    """Check that the heads divide the width of a token, with rotary positions in even parts.

    Raises:
        ValueError: They do not.
    """
    if dim % heads:
        raise ValueError(f"heads={heads} does not divide dim={dim}")
    if rotary and dim // heads % 2:
        raise ValueError(
            f"positions=rotary turns pairs, and dim={dim} with heads={heads} has heads of {dim // heads}; take an even size"
        )
