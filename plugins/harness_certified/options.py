"""Options of ``certified``; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from harness.api import Options, Refers
from harness.api.declaring import parse_fraction

Method = Literal["interval", "lipschitz", "smoothing"]
Radii = tuple[tuple[str, float], ...]


class CertifiedOptions(Options):
    """Options of ``certified``."""

    methods: tuple[Method, ...] = Field(
        ("interval", "lipschitz", "smoothing"),
        description="interval: bounds of all activations, for linf; lipschitz: product of spectral norms, for l2; "
        "smoothing: of the model's vote under Gaussian noise, for l2",
        min_length=1,
    )
    linf: tuple[float | str, ...] = Field(
        ("1/255", "2/255", "8/255"), description="radii of the linf ball, in the image's own units"
    )
    l2: tuple[float | str, ...] = Field(
        (0.1, 0.25, 0.5), description="radii of the l2 ball, in the image's own units"
    )
    sigma: float = Field(0.25, gt=0, description="deviation of the noise, in the image's own units")
    votes: int = Field(
        1000,
        ge=10,
        description="noisy copies of an example whose answers are counted; published: 100,000",
    )
    first_votes: int = Field(100, ge=1, description="those that choose the answer, besides")
    alpha: float = Field(
        0.001,
        gt=0,
        lt=0.5,
        description="probability that a smoothed example's certificate is wrong",
    )
    examples: int = Field(
        50, ge=1, description="the first so many test examples, by id; published: 500"
    )
    batch_size: int = Field(256, ge=1, le=1_000_000, description="inputs in a forward pass")
    attack: Annotated[tuple[str, ...], Refers("attack")] = Field(
        ("pgd:steps=40",),
        description="what attacks the same examples, so that a certificate that is beaten shows; none: nothing does",
    )

    @field_validator("linf", "l2")
    @classmethod
    def _check_radii(cls, written: tuple[float | str, ...]) -> tuple[float | str, ...]:
        values = [parse_fraction(radius) for radius in written]
        if len(set(values)) < len(values) or any(value <= 0 for value in values):
            raise ValueError("radii are above 0, and each is given once")
        return written

    def radii(self, norm: str) -> Radii:
        """Each radius of a norm as it was written, and its value."""
        written = self.linf if norm == "linf" else self.l2
        return tuple(
            (text.strip() if isinstance(text, str) else f"{text:g}", parse_fraction(text))
            for text in written
        )


class IbpOptions(Options):
    """Options of the objective ``ibp``."""

    epsilon: Annotated[float, BeforeValidator(parse_fraction)] = Field(
        8 / 255, description="radius of the linf ball in the data's units", gt=0
    )
    kappa: float = Field(
        0.5,
        description="least weight of an example as it is; the rest is that of the worst answers",
        ge=0,
        le=1,
    )
