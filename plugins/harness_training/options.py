"""The options of the parts of a recipe; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from harness.api import Options
from harness.api.declaring import parse_fraction

Real = Annotated[float, BeforeValidator(parse_fraction)]


class SgdOptions(Options):
    """Options of `sgd`."""

    learning_rate: float = Field(default=0.05, description="the highest learning rate", gt=0)
    momentum: float = Field(
        default=0.9, description="share of the last step that is kept", ge=0, lt=1
    )
    nesterov: bool = Field(default=True, description="look ahead along the momentum")
    weight_decay: float = Field(
        default=5e-4, description="L2 penalty; not on biases and norms", ge=0
    )


class AdamwOptions(Options):
    """Options of `adamw`."""

    learning_rate: float = Field(default=1e-3, description="the highest learning rate", gt=0)
    weight_decay: float = Field(
        default=0.01, description="decoupled; not on biases and norms", ge=0
    )
    beta1: float = Field(default=0.9, description="decay of the mean of the gradients", ge=0, lt=1)
    beta2: float = Field(
        default=0.999, description="decay of the mean of their squares", ge=0, lt=1
    )


class TimmOptimOptions(Options):
    """Options of every `timm-optim/` optimizer."""

    learning_rate: float = Field(default=1e-3, description="the highest learning rate", gt=0)
    weight_decay: float = Field(default=0.0, description="not on biases and norms", ge=0)
    momentum: float = Field(default=0.9, description="for those that have one", ge=0, lt=1)


class TorchOptimOptions(Options):
    """Options of every `torch-optim/` optimizer; what is left out is as torch has it."""

    learning_rate: float = Field(
        default=1e-3, description="the highest learning rate; torch's own are from 1e-3 to 1", gt=0
    )
    weight_decay: float = Field(default=0.0, description="not on biases and norms", ge=0)
    momentum: float | None = Field(
        default=None, description="for those that have one; left out: theirs", ge=0, lt=1
    )


def _warm_up(default: float) -> Any:
    return Field(default=default, description="share of the steps that rise linearly", ge=0, lt=1)


class ConstantOptions(Options):
    """Options of `constant`."""

    warm_up: float = _warm_up(0.0)


class CosineOptions(Options):
    """Options of `cosine`."""

    warm_up: float = _warm_up(0.05)
    final: float = Field(
        default=0.0, description="the factor that the cosine comes down to", ge=0, le=1
    )


class OneCycleOptions(Options):
    """Options of `one-cycle`."""

    warm_up: float = Field(default=0.3, description="share of the steps that rise", gt=0, lt=1)
    initial: float = Field(default=0.04, description="the factor of the first step", gt=0, le=1)
    final: float = Field(default=4e-6, description="the factor of the last step", ge=0, le=1)


class StepOptions(Options):
    """Options of `step`."""

    milestones: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(0.5, 0.75), description="shares of the steps after which the factor changes"
    )
    gamma: float = Field(default=0.1, description="what the factor is multiplied by", gt=0, le=1)
    warm_up: float = _warm_up(0.0)


class WsdOptions(Options):
    """Options of `wsd`."""

    warm_up: float = _warm_up(0.05)
    decay: float = Field(default=0.2, description="share of the steps that come down", ge=0, le=1)
    shape: Literal["linear", "sqrt", "cosine"] = Field(
        default="linear", description="how they come down: 1 - t, 1 - sqrt(t), half a cosine"
    )
    final: float = Field(default=0.0, description="the factor of the last step", ge=0, le=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.warm_up + self.decay > 1:
            raise ValueError(
                f"warm_up={self.warm_up:g} and decay={self.decay:g} are shares of the same steps: their sum is 1 at most"
            )
        return self


class PlateauOptions(Options):
    """Options of `plateau`."""

    patience: int = Field(
        default=10, description="epochs without a lower loss before the factor changes", ge=0
    )
    gamma: float = Field(default=0.1, description="what the factor is multiplied by", gt=0, le=1)
    threshold: float = Field(
        default=1e-4, description="share by which a loss must be lower to count", ge=0, lt=1
    )
    warm_up: float = _warm_up(0.0)


class EmaOptions(Options):
    """Options of `ema`."""

    decay: float = Field(
        default=0.999, description="share of the average that each step keeps", ge=0, lt=1
    )
    warm_up: bool = Field(
        default=True, description="keep less at first: (1 + step) / (10 + step) at most"
    )


class SwaOptions(Options):
    """Options of `swa`."""

    start: float = Field(
        default=0.75, description="share of the epochs that are left out of the mean", ge=0, lt=1
    )


class ClipOptions(Options):
    """Options of `clip`."""

    by: Literal["norm", "value"] = Field(
        default="norm", description="the L2 norm over all parameters, or each number by itself"
    )
    most: float = Field(default=1.0, description="what it is bounded to", gt=0)


class SamOptions(Options):
    """Options of `sam`."""

    rho: float = Field(
        default=0.05,
        description="radius, in L2 norm of all weights; adaptive: 0.5 in its paper",
        gt=0,
    )
    adaptive: bool = Field(default=False, description="a radius in units of each weight's size")


class LoraOptions(Options):
    """Options of `lora`."""

    rank: int = Field(default=8, description="of the change of a weight", ge=1, le=65536)
    alpha: float | None = Field(
        default=None, description="the change is scaled by alpha / rank; by default by 1", gt=0
    )


class LayerDecayOptions(Options):
    """Options of `layer-decay`."""

    factor: float = Field(
        default=0.75, description="of the learning rate from a layer to the one below", gt=0, le=1
    )


class FlipOptions(Options):
    """Options of `flip`."""

    probability: float = Field(
        default=0.5, description="share of the images that are mirrored", ge=0, le=1
    )


class CropOptions(Options):
    """Options of `crop`."""

    pad: int | None = Field(
        default=None,
        description="pixels on each side; by default an eighth of the side",
        ge=0,
        le=4096,
    )


class NoiseOptions(Options):
    """Options of `noise`."""

    std: Real = Field(default=0.1, description="standard deviation in the data's units", ge=0)


class ColourJitterOptions(Options):
    """Options of `colour-jitter`: factors are uniform from 1 - o to 1 + o."""

    brightness: float = Field(default=0.4, description="most that a factor is off 1", ge=0, le=1)
    contrast: float = Field(default=0.4, description="most that a factor is off 1", ge=0, le=1)
    saturation: float = Field(default=0.4, description="most that a factor is off 1", ge=0, le=1)


class RandaugmentOptions(Options):
    """Options of `randaugment`."""

    number: int = Field(default=2, description="changes of each image", ge=1, le=14)
    magnitude: float = Field(default=9.0, description="of each change, of 30", ge=0, le=30)


class RandomErasingOptions(Options):
    """Options of `random-erasing`."""

    probability: float = Field(
        default=0.5, description="share of the images that lose a part", ge=0, le=1
    )
    smallest: float = Field(default=0.02, description="share of the area at least", gt=0, le=1)
    largest: float = Field(default=0.4, description="share of the area at most", gt=0, le=1)
    fill: Literal["noise", "mean"] = Field(
        default="noise", description="uniform noise, or the mean of each channel"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.smallest > self.largest:
            raise ValueError(
                f"smallest={self.smallest:g} is more than largest={self.largest:g}: give a range of shares"
            )
        return self


class CrossEntropyOptions(Options):
    """Options of `cross-entropy`."""

    label_smoothing: float = Field(
        default=0.0, description="probability that is spread over all classes", ge=0, lt=1
    )


class MixupOptions(Options):
    """Options of `mixup`."""

    alpha: float = Field(
        default=0.2, description="both parameters of the Beta distribution", gt=0, le=100
    )
    label_smoothing: float = Field(
        default=0.0, description="probability that is spread over all classes", ge=0, lt=1
    )


class CutmixOptions(Options):
    """Options of `cutmix`."""

    alpha: float = Field(
        default=1.0, description="both parameters of the Beta distribution", gt=0, le=100
    )
    label_smoothing: float = Field(
        default=0.0, description="probability that is spread over all classes", ge=0, lt=1
    )


class DistillationOptions(Options):
    """Options of `distillation`."""

    temperature: float = Field(
        default=4.0, description="what both models' logits are divided by", gt=0
    )
    weight: float = Field(
        default=0.9, description="of the teacher's answers; the labels have the rest", ge=0, le=1
    )


class _BallOptions(Options):
    """Options of every objective that trains inside a ball."""

    epsilon: Real = Field(
        default=8 / 255, description="radius of the ball in the data's units", gt=0
    )
    norm: Literal["linf", "l2"] = Field(default="linf", description="the norm of the ball")


class PgdAtOptions(_BallOptions):
    """Options of `pgd-at`."""

    steps: int = Field(default=7, description="gradient steps", ge=1, le=1000)
    step_size: Real | None = Field(
        default=None, description="length of a step; by default 2.5 epsilon / steps", gt=0
    )
    random_start: bool = Field(default=True, description="start anywhere in the ball")
    label_smoothing: float = Field(
        default=0.0, description="probability that is spread over all classes", ge=0, lt=1
    )


class TradesOptions(_BallOptions):
    """Options of `trades`."""

    beta: float = Field(
        default=6.0, description="weight of the divergence; more is more robust", ge=0
    )
    steps: int = Field(default=10, description="gradient steps", ge=1, le=1000)
    step_size: Real | None = Field(
        default=None, description="length of a step; by default 2.5 epsilon / steps", gt=0
    )


class FastAtOptions(_BallOptions):
    """Options of `fast-at`."""

    step_size: Real | None = Field(
        default=None, description="length of the step; by default 1.25 epsilon", gt=0
    )
    random_start: bool = Field(default=True, description="start anywhere in the ball")
    grad_align: float = Field(
        default=0.0,
        description="weight of GradAlign, against catastrophic overfitting; 0.2 at 8/255 in its paper",
        ge=0,
    )
    label_smoothing: float = Field(
        default=0.0, description="probability that is spread over all classes", ge=0, lt=1
    )


class GradientFlowOptions(Options):
    """Options of `gradient_flow`."""

    epochs: int = Field(
        3, description="of training that are followed, as the fit went; 0: the start alone", ge=0
    )
    batches: int = Field(
        10, description="of training examples that norms are taken on", ge=1, le=10_000
    )
    batch_size: int = Field(32, description="examples of such a batch", ge=2, le=100_000)
