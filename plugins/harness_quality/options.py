"""Options of the measures of quality; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.api import Options, Refers
from harness_quality.imagenet_c import ALEXNET_JPEG, corruption_pairs

BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]
Severity = Annotated[int, Field(ge=1, le=5)]
FloorName = Literal["constant", "linear", "boosted trees", "bigram", "seasonal naive", "last value"]


class AccuracyOptions(Options):
    """Options of ``accuracy``."""

    batch_size: BatchSize = Field(256, description="examples in a forward pass")
    gallery: int = Field(
        6, ge=0, le=50, description="test examples that are shown where answers are drawn, as masks"
    )


class DataEfficiencyOptions(Options):
    """Options of ``data_efficiency``."""

    batch_size: BatchSize = Field(256, description="examples in a forward pass")


class FloorsOptions(Options):
    """Options of ``floors``."""

    models: tuple[FloorName, ...] = Field(
        ("constant", "linear", "boosted trees", "bigram", "seasonal naive", "last value"),
        description="the floors; boosted trees are for tables, bigrams for what comes next, the last two for forecasts",
        min_length=1,
    )


class ByClassOptions(Options):
    """Options of ``by_class``."""

    prior: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {},
        description="how often each class will come where the model is used, in any unit; those left out never",
    )
    most: int = Field(30, ge=1, description="classes that are told, those with the lowest accuracy")
    batch_size: BatchSize = Field(256, description="examples in a forward pass")


class ByGroupOptions(Options):
    """Options of ``by_group``."""

    column: str = Field(
        description="the column of the data whose values are groups, a feature or not; of an imagefolder that is "
        "folder, the one below that of the class",
        min_length=1,
    )
    by_class: bool = Field(False, description="a group is a value of the column and a class")
    most: int = Field(30, ge=1, description="groups that are told, those with the lowest accuracy")
    batch_size: BatchSize = Field(256, description="examples in a forward pass")


class ByLengthOptions(Options):
    """Options of ``by_length``."""

    groups: int = Field(
        5, ge=2, le=50, description="groups of texts by rising length, of about as many examples"
    )
    batch_size: BatchSize = Field(256, description="examples in a forward pass")


class ShiftOptions(Options):
    """Options of ``shift``."""

    shifts: Annotated[tuple[str, ...], Refers("shift")] = Field(
        ("gaussian_noise", "blur", "contrast", "rotate"), description="shifts", min_length=1
    )
    severities: tuple[Severity, ...] = Field(
        (1, 3, 5), description="severities, 1 to 5", min_length=1
    )
    batch_size: BatchSize = Field(256, description="examples in a forward pass")
    gallery: int = Field(
        1, ge=0, le=10, description="images that are shown under every shift at every severity"
    )


class MceOptions(Options):
    """Options of ``mce``."""

    reference: Annotated[str | None, Refers("architecture")] = Field(
        None,
        description="the architecture of the suite by whose errors others are divided; left out: AlexNet's "
        "published errors on ImageNet-C, for data of its 1000 classes",
    )
    reference_recipe: str | None = Field(
        None, description="the recipe of the reference, where the suite has several"
    )
    jpeg: int | None = Field(
        None,
        ge=1,
        le=95,
        description="quality of JPEG in which corrupted images are saved once more; left out: 85 against AlexNet's "
        "published errors, which are of such files, else they are not",
    )
    batch_size: BatchSize = Field(256, description="examples in a forward pass")

    @property
    def quality(self) -> int | None:
        """The quality of JPEG in which corrupted images are saved once more; None: they are not."""
        return ALEXNET_JPEG if self.jpeg is None and self.reference is None else self.jpeg

    @model_validator(mode="after")
    def _recipe_of_a_reference(self) -> MceOptions:
        if self.reference is None and self.reference_recipe is not None:
            raise ValueError("reference_recipe is that of an architecture; name it with reference")
        return self


class NaturalShiftOptions(Options):
    """Options of ``natural_shift``."""

    datasets: Annotated[tuple[str, ...], Refers("dataset", examples="classes")] = Field(
        description='shifts of the data, such as "cifar10_c:path=DIR"', min_length=1
    )
    among: Literal["subset", "all"] = Field(
        "subset",
        description="the classes that a model chooses among: those of which the data set has examples, or all",
    )
    batch_size: BatchSize = Field(256, description="examples in a forward pass")


class EffectiveRobustnessOptions(Options):
    """Options of ``effective_robustness``."""

    datasets: Annotated[tuple[str, ...], Refers("dataset", examples="classes")] = Field(
        (), description='data sets that are shifts of the data, such as "cifar10_1:path=DIR"'
    )
    shifts: Annotated[tuple[str, ...], Refers("shift")] = Field(
        ("gaussian_noise", "blur", "contrast", "rotate"),
        description="shifts, over which and over the severities accuracy is averaged; []: none",
    )
    severities: tuple[Severity, ...] = Field(
        (1, 3, 5), description="severities of the shifts, 1 to 5", min_length=1
    )
    baseline_recipe: str | None = Field(
        None,
        description="the recipe of the models that the fit is over; left out: all models",
    )
    among: Literal["subset", "all"] = Field(
        "subset", description="the classes that a model chooses among, as of natural_shift"
    )
    batch_size: BatchSize = Field(256, description="examples in a forward pass")

    @model_validator(mode="after")
    def _a_shift(self) -> EffectiveRobustnessOptions:
        if not (self.datasets or self.shifts):
            raise ValueError(
                "there is nothing under which accuracy is measured; give datasets or shifts"
            )
        return self


Sequences = tuple[Literal["gaussian_noise", "brightness", "translate", "rotate", "scale"], ...]


class FlipRateOptions(Options):
    """Options of ``flip_rate``."""

    sequences: Sequences = Field(
        ("gaussian_noise", "brightness", "translate", "rotate", "scale"),
        description="small changes, frame by frame",
        min_length=1,
    )
    frames: int = Field(15, ge=2, le=1000, description="of a sequence")
    batch_size: BatchSize = Field(256, description="examples in a forward pass")


class MeanFlipRateOptions(FlipRateOptions):
    """Options of ``mfr``."""

    reference: Annotated[str, Refers("architecture")] = Field(
        description="the architecture of the suite by whose flip probabilities others are divided"
    )
    reference_recipe: str | None = Field(
        None, description="the recipe of the reference, where the suite has several"
    )


def mce_pairs(options: MceOptions) -> list[tuple[str, int]]:
    """Return the (shift, severity) pairs whose corrupted copies ``mce`` reads."""
    return corruption_pairs(options.quality)


def prior_classes(options: ByClassOptions) -> list[str]:
    """Return the classes that ``by_class`` has a prior of."""
    return list(options.prior)


def group_columns(options: ByGroupOptions) -> list[str]:
    """Return the column that ``by_group`` reads."""
    return [options.column]
