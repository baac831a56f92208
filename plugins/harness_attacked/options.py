"""Options of the measures that attack; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from harness.api import Options, Refers
from harness.api.declaring import parse_fraction

BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]


class BallOptions(Options):
    """What all measures have in common that attack examples inside a ball."""

    norm: Literal["linf", "l2", "l1", "l0", "edits"] = Field(
        "linf", description="norm of the ball; of tokens: edits"
    )
    epsilons: tuple[float | str, ...] = Field(
        ("8/255",),
        description="radii of the ball: in an image's own units, else as shares of each feature's "
        "range; in l0: coordinates that may change; in edits: tokens that may be changed, put in, taken out or swapped "
        "with the next",
        min_length=1,
    )
    batch_size: BatchSize = Field(128, description="examples that are attacked at once")
    examples: int | None = Field(
        None, description="attack only the first so many test examples, by id; default: all", ge=1
    )

    @field_validator("epsilons")
    @classmethod
    def _check_epsilons(cls, written: tuple[float | str, ...]) -> tuple[float | str, ...]:
        if len({parse_fraction(epsilon) for epsilon in written}) < len(written):
            raise ValueError("a radius is given twice")
        return written

    @model_validator(mode="after")
    def _check_edits(self) -> BallOptions:
        if self.norm == "edits" and any(0 < epsilon < 1 for _, epsilon in self.radii):
            raise ValueError(
                "in edits epsilons count tokens: write 1 or more, such as epsilons=[1,2]"
            )
        return self

    @property
    def radii(self) -> tuple[tuple[str, float], ...]:
        """Each epsilon as it was written, and its value."""
        return tuple(
            (text.strip() if isinstance(text, str) else f"{text:g}", parse_fraction(text))
            for text in self.epsilons
        )


class NetworkOptions(BallOptions):
    """What measures have in common that attack networks."""

    precision: Literal["suite", "fp32", "bf16", "fp16"] = Field(
        "suite",
        description="arithmetic of the attacks; what fools in another one than the suite's is asked "
        "of the model in the suite's again before it counts; bf16 may leave a point more standing, and on a CPU "
        "takes less for large convolutions alone",
    )
    compile: bool = Field(False, description="attack the model under torch.compile")


class AdversarialOptions(NetworkOptions):
    """Options of ``adversarial``."""

    attacks: Annotated[tuple[str, ...], Refers("attack")] = Field(
        ("pgd",), description="attacks, such as 'pgd:steps=50'", min_length=1
    )
    audit: bool = Field(
        True,
        description="look for what makes the figures doubtful: masked gradients, a wrong unit ...",
    )
    instead: Annotated[tuple[str, ...], Refers("attack", spared=True)] = Field(
        ("square:queries=1000",),
        description="attacks that are added where the model's gradient is not its own, beside the suite's "
        "on a stand-in whose gradient is whole; []: none of either",
    )
    skip_certified: Annotated[tuple[str, ...], Refers("certificate")] = Field(
        (),
        description="certificates, such as 'crown': an example that one proves to stand is not attacked, and counted as "
        "proved; minimum-norm attacks are of all",
    )
    gallery: int = Field(
        6,
        description="fooled examples of each attack that the report shows, at the first epsilon",
        ge=0,
        le=24,
    )


class TransferOptions(NetworkOptions):
    """Options of ``transfer``."""

    attack: Annotated[str, Refers("attack")] = Field(
        "pgd", description="the attack that makes the examples, such as 'mi-fgsm:steps=20'"
    )


class TreeAdversarialOptions(BallOptions):
    """Options of ``tree_adversarial``."""

    attacks: Annotated[tuple[str, ...], Refers("attack")] = Field(
        ("hopskipjump",),
        description="attacks by answers alone, such as 'hopskipjump:queries=2000'; others are left out",
        min_length=1,
    )
