"""Options of the measures of uncertainty; light, so that listing them imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.api import Options, Refers

BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]
Severity = Annotated[int, Field(ge=1, le=5)]


class UncertaintyOptions(Options):
    """Options of ``uncertainty``."""

    parts: tuple[Literal["calibration", "conformal", "selective"], ...] = Field(
        ("calibration", "conformal", "selective"),
        description="what is measured, of one run of the model",
        min_length=1,
    )
    alphas: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        (0.1,), description="of conformal sets, which hold the label with 1 - alpha", min_length=1
    )
    methods: tuple[Literal["lac", "aps", "raps"], ...] = Field(
        ("lac", "aps"),
        description="of conformal sets: the smallest on average, adaptive, and regularised adaptive ones",
        min_length=1,
    )
    raps_free: int = Field(
        5, ge=0, description="likeliest classes that raps sets may have without a penalty"
    )
    raps_penalty: float = Field(
        0.01, ge=0, description="of raps, added to the score for each further rank"
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


class OodOptions(Options):
    """Options of ``ood``."""

    scores: tuple[
        Literal["msp", "max-logit", "energy", "entropy", "odin", "mahalanobis", "knn", "vim"], ...
    ] = Field(
        ("msp", "max-logit", "energy", "entropy", "odin", "mahalanobis", "knn", "vim"),
        description="of how much in distribution an example is",
        min_length=1,
    )
    made: tuple[Literal["uniform", "permuted", "inverted"], ...] = Field(
        ("uniform", "permuted", "inverted"),
        description="far sets that are made: noise, test examples with their numbers in a random order, negatives",
    )
    datasets: Annotated[tuple[str, ...], Refers("dataset", examples="inputs")] = Field(
        (), description="other data sets of the same shape, as far sets"
    )
    near_datasets: Annotated[tuple[str, ...], Refers("dataset", examples="inputs")] = Field(
        (),
        description="other data sets of the same shape that are like the data, as near sets: classes that were held "
        "out of training",
    )
    shifts: Annotated[tuple[str, ...], Refers("shift")] = Field(
        (), description="shifts of the test examples, as near sets"
    )
    severities: tuple[Severity, ...] = Field(
        (1, 3, 5), description="severities of the shifts, 1 to 5", min_length=1
    )
    neighbours: int = Field(50, ge=1, description="k of the score knn")
    odin_epsilon: float = Field(
        0.0014, ge=0, description="the step of odin, as a share of the range of the data"
    )
    training: int = Field(
        20_000,
        ge=1,
        description="training examples that scores from features are fitted on, at most",
    )
    batch_size: BatchSize = Field(256, description="examples in a forward pass")

    @model_validator(mode="after")
    def _a_set(self) -> OodOptions:
        if not (self.made or self.datasets or self.near_datasets or self.shifts):
            raise ValueError("there is no set to tell from the data; give made, datasets or shifts")
        return self
