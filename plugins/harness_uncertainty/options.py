"""Options of the measures of uncertainty; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.api import Refers

BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]
Severity = Annotated[int, Field(ge=1, le=5)]


class ConfidenceOptions(BaseModel):
    """Options of ``confidence``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parts: tuple[Literal["calibration", "conformal", "selective"], ...] = Field(
        ("calibration", "conformal", "selective"),
        description="what is measured, of one run of the model",
        min_length=1,
    )
    alphas: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        (0.1,), description="of conformal sets, which hold the label with 1 - alpha", min_length=1
    )
    coverages: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.5, 0.8, 0.9),
        description="shares of the examples at which accuracy is told",
        min_length=1,
    )
    shifts: Annotated[tuple[str, ...], Refers("shift")] = Field(
        (), description="shifts under which all is measured, too"
    )
    severities: tuple[Severity, ...] = Field(
        (1, 3, 5), description="severities of the shifts, 1 to 5", min_length=1
    )
    batch_size: BatchSize = Field(256, description="examples in a forward pass")


def shift_pairs(options: ConfidenceOptions) -> list[tuple[str, int]]:
    """Return the (shift, severity) pairs whose corrupted copies ``confidence`` reads."""
    return [(shift, severity) for shift in options.shifts for severity in options.severities]
