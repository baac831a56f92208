"""Options of the measures of training; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from harness.api import Options


class TimeToTargetOptions(Options):
    """Options of ``time_to_target``."""

    of: Literal["accuracy", "loss"] = Field(
        "accuracy", description="what is to be reached on the validation examples"
    )
    targets: tuple[float, ...] = Field(
        (0.9,), description="values of it to be reached, such as [0.9,0.95]", min_length=1
    )

    @model_validator(mode="after")
    def _are_shares(self) -> TimeToTargetOptions:
        for target in self.targets if self.of == "accuracy" else ():
            if not 0 <= target <= 1:
                raise ValueError(f"targets: an accuracy is a number from 0 to 1; got {target:g}")
        return self


class CostOptions(Options):
    """Options of ``cost``."""

    core_hour: float | None = Field(None, description="price of an hour of one CPU core", ge=0)
    device_hour: float | None = Field(
        None, description="price of an hour of the machine or GPU, paid while a fit trains", ge=0
    )
    kilowatt_hour: float | None = Field(
        None, description="price of energy, where the machine tells it", ge=0
    )
    currency: str = Field("euro", description="of the prices", min_length=1)


class GapOptions(Options):
    """Options of ``generalisation_gap``."""

    examples: int = Field(5000, description="of each split at most, the first ones", ge=2)
    batch_size: int = Field(256, description="examples that are answered at once", ge=1)


class SharpnessOptions(Options):
    """Options of ``sharpness``."""

    examples: int = Field(512, description="training examples over which the loss is taken", ge=1)
    rho: float = Field(0.05, description="length of the step along the gradient", gt=0)
    steps: int = Field(100, description="of power iteration at most", ge=1)
    tolerance: float = Field(
        1e-3, description="relative change of the eigenvalue at which it ends", gt=0
    )


class SimilarityOptions(Options):
    """Options of ``representation_similarity``."""

    examples: int = Field(1000, description="test examples at most, those of the lowest ids", ge=2)
