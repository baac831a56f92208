"""Options of the measure of explanations; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.api import Options

Method = Literal["saliency", "integrated-gradients", "gradcam", "attention-rollout"]


class InterpretabilityOptions(Options):
    """Options of ``interpretability``."""

    methods: tuple[Method, ...] = Field(
        (),
        description="what says which parts of an input an answer is due to; the last two are for images, to networks with "
        "convolutions and with attention; left out: all that there are for a model",
    )
    examples: int = Field(100, ge=2, description="test examples, those with the smallest ids")
    reference: Literal["mean", "low"] = Field(
        "mean",
        description="what stands for a part that is taken away, and where integrated gradients begin: the mean of training, "
        "or the least value that inputs can have (black)",
    )
    steps: int = Field(
        50,
        ge=1,
        le=10_000,
        description="of the integral of integrated gradients, by Gauss-Legendre",
    )
    points: int = Field(
        9,
        ge=2,
        le=1001,
        description="of the curves of insertion and deletion, both ends among them",
    )
    gallery: int = Field(6, ge=0, le=50, description="test examples that are shown")
    batch_size: int = Field(64, ge=1, le=1_000_000, description="examples in a forward pass")
