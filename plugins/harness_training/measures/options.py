"""Options of the measures of training; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.api import Options


class TimeToTargetOptions(Options):
    """Options of ``time_to_target``."""

    of: Literal["accuracy", "loss"] = Field(
        "accuracy", description="what is to be reached on the validation examples"
    )
    targets: tuple[float, ...] = Field(
        (0.9,), description="values of it to be reached, such as [0.9,0.95]", min_length=1
    )


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
