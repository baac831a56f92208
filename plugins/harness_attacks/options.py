"""The attacks' options; light, so that listing them imports no torch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AttackOptions(BaseModel):
    """Unknown names are errors, and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BimOptions(AttackOptions):
    """Options of ``bim``."""

    steps: int = Field(10, description="gradient steps", ge=1, le=100_000)
    step_size: float | None = Field(
        None, description="length of a step as a share of epsilon; default 1 / steps", gt=0, le=2
    )

    @property
    def relative_step(self) -> float:
        """The length of a step as a share of epsilon."""
        return 1.0 / self.steps if self.step_size is None else self.step_size


class MiFgsmOptions(BimOptions):
    """Options of ``mi-fgsm``."""

    decay: float = Field(1.0, description="share of the gathered gradient that is kept", ge=0)


class PgdOptions(AttackOptions):
    """Options of ``pgd``. Peers' defaults differ, so say steps and step size beside a figure."""

    steps: int = Field(20, description="gradient steps from each start", ge=1, le=100_000)
    step_size: float | None = Field(
        None, description="length of a step as a share of epsilon; default 2.5 / steps", gt=0, le=2
    )
    restarts: int = Field(1, description="starts; the fooled leave after each", ge=1, le=10_000)
    random_start: bool = Field(
        True, description="start uniformly in the ball; false: at the example itself"
    )

    @property
    def relative_step(self) -> float:
        """The length of a step as a share of epsilon (2.5 / steps reaches past the ball's edge)."""
        return 2.5 / self.steps if self.step_size is None else self.step_size
