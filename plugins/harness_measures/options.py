"""The measures' options; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from harness.api import Refers, parse_fraction, parse_size

BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]
Severity = Annotated[int, Field(ge=1, le=5)]


class AccuracyOptions(BaseModel):
    """Options of ``accuracy``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_size: BatchSize = Field(256, description="examples in a forward pass")


def _auto_or_list(value: object) -> str:
    return "auto" if isinstance(value, str) else "list"


_BatchSizes = Annotated[tuple[BatchSize, ...], Field(min_length=1)]
_AutoOrList = Annotated[
    Annotated[Literal["auto"], Tag("auto")] | Annotated[_BatchSizes, Tag("list")],
    Discriminator(_auto_or_list),
]


class TimedOptions(BaseModel):
    """How a timed pass is run: what is common to inference and training."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float = Field(
        0.5,
        description="timed seconds for each batch size; the warm-up takes half as much at most",
        gt=0,
        le=3600,
    )
    precision: Literal["suite", "fp32", "tf32", "bf16", "fp16"] = Field(
        "suite", description="arithmetic; 'suite': the precision that the suite runs in"
    )
    memory_format: Literal["contiguous", "channels_last"] = Field(
        "contiguous", description="layout of images and filters in memory"
    )


class InferenceOptions(TimedOptions):
    """How a timed forward pass is run."""

    backend: Literal["eager", "compile", "onnxruntime", "cuda-graph"] = Field(
        "eager", description="what executes the model; 'compile': torch.compile"
    )


class ThroughputOptions(InferenceOptions):
    """Options of ``throughput``."""

    batch_sizes: _AutoOrList = Field(
        (1, 64),
        description="examples in a timed call; 'auto': the powers of two up to the largest that fits",
    )


class LatencyOptions(InferenceOptions):
    """Options of ``latency``."""

    batch_sizes: tuple[BatchSize, ...] = Field(
        (1,), description="examples in a timed call", min_length=1
    )


class EnergyOptions(InferenceOptions):
    """Options of ``energy``."""

    batch_sizes: tuple[BatchSize, ...] = Field(
        (64,), description="examples in a call", min_length=1
    )
    seconds: float = Field(
        5.0,
        description="metered seconds for each batch size; counters tick a thousand times a second at most",
        gt=0,
        le=3600,
    )
    idle_seconds: float = Field(
        2.0, description="seconds in which nothing is done, to know the idle power", gt=0, le=3600
    )


class TrainingThroughputOptions(TimedOptions):
    """Options of ``training_throughput``."""

    batch_sizes: tuple[BatchSize, ...] = Field(
        (64,), description="examples in a step", min_length=1
    )
    optimizer: Literal["adamw", "sgd"] = Field(
        "adamw", description="rule of the steps; 'sgd': with momentum 0.9"
    )
    backend: Literal["eager", "compile"] = Field(
        "eager", description="what executes the model; 'compile': torch.compile"
    )


class MemoryOptions(BaseModel):
    """Options of ``memory``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_sizes: tuple[BatchSize, ...] = Field(
        (64,), description="examples in a weighed call", min_length=1
    )
    training: bool = Field(
        True, description="also weigh a step of training: forward, backward and AdamW's step"
    )
    fits: str | None = Field(
        None,
        description="memory, such as '8GiB', for which the largest batch is predicted; default: "
        "all that the device has",
    )

    @field_validator("fits")
    @classmethod
    def _check_fits(cls, written: str | None) -> str | None:
        if written is not None:
            parse_size(written)
        return written


class FlopsOptions(BaseModel):
    """Options of ``flops``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backward: bool = Field(True, description="also count the backward pass")


class BallOptions(BaseModel):
    """What all measures have in common that attack examples inside a ball."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    norm: Literal["linf", "l2", "l1", "l0"] = Field("linf", description="norm of the ball")
    epsilons: tuple[float | str, ...] = Field(
        ("8/255",),
        description="radii of the ball: in an image's own units, else as shares of each feature's "
        "range; in l0: coordinates that may change",
        min_length=1,
    )
    batch_size: BatchSize = Field(128, description="examples that are attacked at once")
    precision: Literal["suite", "fp32", "bf16", "fp16"] = Field(
        "suite",
        description="arithmetic of the attacks; what fools in another one than the suite's is asked "
        "of the model in the suite's again before it counts",
    )
    compile: bool = Field(False, description="attack the model under torch.compile")
    examples: int | None = Field(
        None, description="attack only the first so many test examples, by id; default: all", ge=1
    )

    @field_validator("epsilons")
    @classmethod
    def _check_epsilons(cls, written: tuple[float | str, ...]) -> tuple[float | str, ...]:
        if len({parse_fraction(epsilon) for epsilon in written}) < len(written):
            raise ValueError("a radius stands there twice")
        return written

    @property
    def radii(self) -> tuple[tuple[str, float], ...]:
        """Each epsilon as it was written, and its value."""
        return tuple(
            (text.strip() if isinstance(text, str) else f"{text:g}", parse_fraction(text))
            for text in self.epsilons
        )


class AdversarialOptions(BallOptions):
    """Options of ``adversarial``."""

    attacks: Annotated[tuple[str, ...], Refers("attack")] = Field(
        ("pgd",), description="attacks, such as 'pgd:steps=50'", min_length=1
    )
    audit: bool = Field(
        True,
        description="look for what makes the figures doubtful: masked gradients, a wrong unit ...",
    )
    gallery: int = Field(
        6,
        description="fooled examples of each attack that the report shows, at the first epsilon",
        ge=0,
        le=24,
    )


class TransferOptions(BallOptions):
    """Options of ``transfer``."""

    attack: Annotated[str, Refers("attack")] = Field(
        "pgd", description="the attack that makes the examples, such as 'mi-fgsm:steps=20'"
    )


class ShiftOptions(BaseModel):
    """Options of ``shift``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shifts: Annotated[tuple[str, ...], Refers("shift")] = Field(
        ("gaussian_noise", "blur", "contrast", "rotate"), description="shifts", min_length=1
    )
    severities: tuple[Severity, ...] = Field(
        (1, 3, 5), description="severities, 1 to 5", min_length=1
    )
    batch_size: BatchSize = Field(256, description="examples in a forward pass")


def shift_pairs(options: ShiftOptions) -> list[tuple[str, int]]:
    """Return the (shift, severity) pairs whose corrupted copies ``shift`` reads."""
    return [(shift, severity) for shift in options.shifts for severity in options.severities]
