"""Options of ``deployment``; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from harness.api import Options

Name = Literal[
    "decode-opencv",
    "resize-nearest",
    "resize-bilinear",
    "resize-bicubic",
    "resize-area",
    "resize-torch",
    "resize-aliased",
    "resize-opencv",
    "uncropped",
    "squashed",
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
READINGS: dict[Name, dict[str, str | None]] = {
    "decode-opencv": {"decoder": "opencv"},
    "resize-nearest": {"interpolation": "nearest"},
    "resize-bilinear": {"interpolation": "bilinear"},
    "resize-bicubic": {"interpolation": "bicubic"},
    "resize-area": {"interpolation": "area"},
    "resize-torch": {"resizer": "torch"},
    "resize-aliased": {"resizer": "torch-aliased"},
    "resize-opencv": {"resizer": "opencv"},
    "uncropped": {"resize": None},
    "squashed": {"crop": "squash"},
}
"""Fields of a `Preprocessing` by which pictures are read from their files otherwise."""
MISTAKES: tuple[Name, ...] = ("swapped-channels", "unscaled")  # whose figures are not to be had
SLOW: tuple[Name, ...] = (
    "fp16",
    "compile",
    "onnxruntime",
)  # on a CPU, or to build; run where named


class DeploymentOptions(Options):
    """Options of ``deployment``."""

    pipelines: tuple[Name, ...] = Field(
        tuple(name for name in get_args(Name) if name not in SLOW),
        description="what differs from the pipeline that all else is measured in, each alone; what takes seconds "
        "to build, compile and onnxruntime, and fp16, which is slow on a CPU, only where it is named",
        min_length=1,
    )
    batch_size: int = Field(256, ge=1, le=1_000_000, description="examples in a forward pass")
    jpeg_quality: int = Field(90, ge=1, le=100, description="of the images, saved once more")
    calibration: int = Field(
        512, ge=1, description="training examples from which int8-static learns its ranges, at most"
    )
    gallery: int = Field(
        4, ge=0, le=50, description="examples of each pipeline that are shown, whose answer flips"
    )
    seconds: float = Field(
        0.5, gt=0, le=600, description="of timing a pipeline and the reference in turns"
    )
