"""Options of the measures that time, weigh and count; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from harness.api import Options
from harness.api.declaring import parse_size

BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]


def _auto_or_list(value: object) -> str:
    return "auto" if isinstance(value, str) else "list"


_BatchSizes = Annotated[tuple[BatchSize, ...], Field(min_length=1)]
_AutoOrList = Annotated[
    Annotated[Literal["auto"], Tag("auto")] | Annotated[_BatchSizes, Tag("list")],
    Discriminator(_auto_or_list),
]


class CallOptions(Options):
    """For how long calls are timed."""

    seconds: float = Field(
        0.5,
        description="timed seconds for each batch size; the warm-up takes half as much at most",
        gt=0,
        le=3600,
    )


class TimedOptions(CallOptions):
    """How a timed pass is run: what is common to inference and training."""

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
    fast_path: bool = Field(
        False,
        description="let transformer encoders take torch's fused path, which ignores replaced layers; whether "
        "it answers otherwise is checked",
    )


class ThroughputOptions(InferenceOptions):
    """Options of ``throughput``."""

    batch_sizes: _AutoOrList = Field(
        (1, 64),
        description="examples in a timed call; 'auto': the powers of two up to the largest that fits",
    )


class AnswerThroughputOptions(InferenceOptions):
    """Options of ``answer_throughput``."""

    batch_sizes: tuple[BatchSize, ...] = Field(
        (1, 64), description="examples in a timed call", min_length=1
    )


class LatencyOptions(InferenceOptions):
    """Options of ``latency``."""

    batch_sizes: tuple[BatchSize, ...] = Field(
        (1,), description="examples in a timed call", min_length=1
    )


class TreeLatencyOptions(CallOptions):
    """Options of ``tree_latency``."""

    batch_sizes: tuple[BatchSize, ...] = Field(
        (1,), description="rows in a timed call", min_length=1
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


class ScalingOptions(Options):
    """Options of ``scaling``."""

    devices: (
        Annotated[tuple[Annotated[int, Field(ge=1, le=1024)], ...], Field(min_length=1)] | None
    ) = Field(
        None,
        description="GPUs, or processes of one thread; left out: 1, 2, 4, ... and all that are there",
    )
    batch_size: int = Field(
        64,
        description="examples of a step, of which each device takes its share",
        ge=1,
        le=1_000_000,
    )
    growing: bool = Field(
        False, description="`batch_size` examples for each device: the batch grows with them"
    )
    optimizer: Literal["adamw", "sgd"] = Field(
        "adamw", description="rule of the steps; 'sgd': with momentum 0.9"
    )
    seconds: float = Field(
        2.0,
        description="timed seconds for each number of devices; the warm-up takes half as much at most",
        gt=0,
        le=3600,
    )


class BackwardCostOptions(Options):
    """Options of ``backward_cost``."""

    batch_sizes: tuple[BatchSize, ...] = Field(
        (64,), description="examples in a pass", min_length=1
    )
    seconds: float = Field(
        1.0,
        description="timed seconds for each batch size; the warm-up takes half as much at most",
        gt=0,
        le=3600,
    )


class GenerationOptions(Options):
    """Options of ``generation``."""

    tokens: (
        Annotated[tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...], Field(min_length=1)] | None
    ) = Field(
        None,
        description="how many tokens are written after the first, up to the model's window; left out: a quarter, half and all "
        "of that",
    )
    seconds: float = Field(
        1.0,
        description="timed seconds for each of them, more where seven turns, with a cache and without, take longer; the warm-up "
        "takes half as much, or one turn",
        gt=0,
        le=3600,
    )
    precision: Literal["suite", "fp32", "tf32", "bf16", "fp16"] = Field(
        "suite", description="arithmetic; 'suite': the precision that the suite runs in"
    )


class MemoryOptions(Options):
    """Options of ``memory``."""

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


class FlopsOptions(Options):
    """Options of ``flops``."""

    backward: bool = Field(True, description="also count the backward pass")


AUTO_SIZES = 10  # batch sizes that "auto" comes to, more or less


def generation_seconds(options: GenerationOptions) -> float:
    """Return for how long `generation` is timed by these options."""
    return 3 * options.seconds if options.tokens is None else len(options.tokens) * options.seconds


def asked_seconds(
    options: ThroughputOptions
    | AnswerThroughputOptions
    | LatencyOptions
    | EnergyOptions
    | TrainingThroughputOptions
    | TreeLatencyOptions
    | BackwardCostOptions,
) -> float:
    """Return for how long calls are timed by these options, over all batch sizes."""
    sizes = AUTO_SIZES if options.batch_sizes == "auto" else len(options.batch_sizes)
    idle = options.idle_seconds if isinstance(options, EnergyOptions) else 0.0
    return sizes * options.seconds + idle
