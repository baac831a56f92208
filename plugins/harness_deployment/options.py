"""Options of ``deployment``; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Literal[
    "swapped-channels",
    "unscaled",
    "rounded",
    "floored",
    "jpeg",
    "threads",
    "bf16",
    "fp16",
    "int8-dynamic",
    "int8-static",
    "compile",
    "onnxruntime",
]
MISTAKES: tuple[Name, ...] = ("swapped-channels", "unscaled")  # whose figures are not to be had


class DeploymentOptions(BaseModel):
    """Options of ``deployment``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pipelines: tuple[Name, ...] = Field(
        (
            "swapped-channels",
            "unscaled",
            "rounded",
            "floored",
            "jpeg",
            "threads",
            "bf16",
            "fp16",
            "int8-dynamic",
            "int8-static",
        ),
        description="what differs from the pipeline that all else is measured in, each alone; what takes seconds "
        "to build, compile and onnxruntime, only where it is named",
        min_length=1,
    )
    batch_size: int = Field(256, ge=1, le=1_000_000, description="examples in a forward pass")
    jpeg_quality: int = Field(90, ge=1, le=100, description="of the images, saved once more")
    calibration: int = Field(
        512, ge=1, description="training examples from which int8-static learns its ranges, at most"
    )
    seconds: float = Field(
        0.5, gt=0, le=600, description="of timing a pipeline and the reference in turns"
    )
