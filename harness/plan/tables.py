"""The tables of a suite file, as pydantic checks them before names are looked up."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from harness.plan.quantities import parse_duration, parse_size

FORMAT_VERSION = 1  # of suite files
SUITE_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"

Duration = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, allow_inf_nan=False)]
Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]
Named = str | dict[str, Any]  # "mlp:depth=8" or {name = "mlp", depth = 8}
Precision = Literal["fp32", "bf16", "fp16"]
Device = Literal["auto", "cpu", "cuda"]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


Choices = Annotated[list[str | bool | int | float], Field(min_length=1)]


class TomlTable(BaseModel):
    """A table with no other keys than these, and of exactly these types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SuiteTable(TomlTable):
    """What the suite is called."""

    name: str = Field(
        pattern=SUITE_NAME,
        description="names its runs; letters, digits, '_', '.' and '-' are allowed",
    )
    description: str = Field(
        "", description="what it asks and where to look, at the head of its reports"
    )
    data_seed: Seed = Field(0, description="seed of splits, corruptions and attacks")
    format: int = Field(FORMAT_VERSION, ge=1, description="version of the suite format")

    @field_validator("format")
    @classmethod
    def _is_known(cls, value: int) -> int:
        if value > FORMAT_VERSION:
            raise ValueError(
                f"the file is of a newer format than this version reads (up to {FORMAT_VERSION}); "
                "upgrade model-harness"
            )
        return value


class MatrixTable(TomlTable):
    """What is compared; every list is an axis."""

    architectures: list[Named] = Field(
        min_length=1,
        description="names, globs and !excluded names; package.module:Class:takes=image is yours",
    )
    datasets: list[Named] = Field(
        min_length=1,
        description="names, !excluded names, and paths of a folder, an .npz or a table (.csv, .tsv, .parquet, .jsonl)",
    )
    recipes: list[str] | None = Field(
        None, min_length=1, description="names of [recipes.NAME]; all of them where it is left out"
    )
    optimizers: list[Named] | None = Field(
        None, min_length=1, description="each takes the optimizer's place in every recipe"
    )
    seeds: list[Seed] = Field(
        [0], min_length=1, description="one fit for each: of weights, batches and augmentations"
    )
    floors: bool = Field(
        True,
        description="measure what a constant, a linear model, boosted trees and, of texts, bigrams reach, as rows of the table",
    )
    precision: Precision | list[Precision] = Field(
        "fp32", description="of fits and measures: fp32, bf16 or fp16 (CUDA); a list is an axis"
    )
    device: Device | list[Device] = Field(
        "auto", description="cpu, cuda, or auto: CUDA where there is a GPU; a list is an axis"
    )


class TeacherTable(TomlTable):
    """A trial of the suite that another one learns from."""

    architecture: Named = Field(description="one of the suite's, with its options")
    recipe: str = Field(description="the name of its recipe")


class StartTable(TomlTable):
    """A trial of the suite whose weights another one starts from."""

    recipe: str = Field(description="the name of its recipe")
    dataset: str = Field("", description="one of the suite's; left out: the same")


class RangeTable(TomlTable):
    """The values that a search may take of one setting: whole numbers where both ends are."""

    low: int | float
    high: int | float
    log: bool = False

    @property
    def ends(self) -> tuple[int | float, int | float]:
        """Both ends."""
        return self.low, self.high

    @model_validator(mode="after")
    def _rises(self) -> RangeTable:
        if not -math.inf < self.low < self.high < math.inf:
            raise ValueError("low < high is allowed, both finite")
        if any(isinstance(end, int) and not -(2**63) <= end < 2**63 for end in self.ends):
            raise ValueError("whole numbers of 64 bits are allowed, from -2**63 to 2**63 - 1")
        if self.log and self.low <= 0:
            raise ValueError("log = true wants low above 0")
        return self


class SearchTable(TomlTable):
    """Hyperparameters that are searched on validation, before the fits."""

    over: dict[str, RangeTable | Choices] = Field(
        min_length=1,
        description="by setting, a list of values or { low = ..., high = ..., log = true }: learning_rate, batch_size, "
        "optimizer.OPTION, schedule.OPTION, objective.OPTION, architecture.OPTION and, by the name of a technique or augmentation "
        "of the recipe, NAME.OPTION",
    )
    trials: int = Field(
        20, ge=2, le=1000, description="points that are tried, as many for each architecture"
    )

    @field_validator("over", mode="before")
    @classmethod
    def _quoted(cls, over: Any) -> Any:
        """Take optimizer.weight_decay without quotes, too, which to TOML is a table in a table."""
        if not isinstance(over, dict):
            return over
        flat = dict[str, Any]()
        for key, value in over.items():
            if isinstance(value, dict) and not value.keys() & RangeTable.model_fields.keys():
                flat |= {f"{key}.{option}": values for option, values in value.items()}
            else:
                flat[key] = value
        return flat


class RecipeTable(TomlTable):
    """How a model is trained; a list where one value belongs is an axis."""

    optimizer: Named | None = Field(
        None, description="an optimizer, with options; left out: the default one"
    )
    learning_rate: Rate | Literal["search"] | None = Field(
        None,
        description='left out: the optimizer\'s own; "search": the best of several on validation',
    )
    search: SearchTable | None = Field(
        None,
        description="hyperparameters to search: { over = { learning_rate = { low = 1e-4, high = 1e-1, log = true } }, trials = 20 }",
    )
    schedule: Named | None = Field(
        None, description="of the learning rate; left out: the default one"
    )
    augmentations: list[Named] = Field([], description="of training inputs, in this order")
    techniques: list[Named] = Field(
        [],
        description="how steps are taken: averaged weights, clipped gradients ..., in this order",
    )
    objective: Named | None = Field(
        None, description="what is minimised; left out: the default one for the problem"
    )
    teacher: TeacherTable | None = Field(
        None,
        description="the trial of the suite, of the same seed, whose answers the objective learns from: "
        "{ architecture = ..., recipe = ... }",
    )
    start: StartTable | None = Field(
        None,
        description="the trial of the suite, of the same architecture and seed, from whose weights it starts: "
        "{ recipe = ..., dataset = ... }",
    )
    epochs: int | None = Field(
        None,
        ge=0,
        description="passes over the data, the same for every model; left out: 20 or, where that is more, as many as "
        "make 500 steps, stopped where validation no longer gains; 0: only load the weights",
    )
    batch_size: int = Field(64, ge=1, description="examples in a step")
    devices: int = Field(
        1,
        ge=1,
        le=1024,
        description="GPUs, or processes on the CPU, that train one model together; each takes its share of every batch",
    )
    sync_batch_norm: bool = Field(
        False,
        description="batch norms over all devices' examples; else over each one's own, and the first one's running "
        "statistics are kept",
    )
    accumulate: int = Field(
        1,
        ge=1,
        description="parts of a batch that pass one after another, their gradients added: less memory, the same step but "
        "for batch norm, which takes each part by itself",
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="stop after so many epochs without a better validation accuracy or, of numbers, loss",
    )
    train_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="of the training examples that it is trained on, drawn anew for each seed; a list gives a learning curve",
    )
    weights: str = Field("random", description='"random", "pretrained" or the path of a file')
    freeze: Literal["none", "trunk"] = Field("none", description="trunk: only the head learns")
    check_gradients: bool = Field(
        False, description="hold the gradient of the first batch against differences of its loss"
    )


class HardwareTable(TomlTable):
    """What a run may use."""

    cpu_slots: int | None = Field(
        None, ge=1, description="jobs at a time on the CPU; left out: one for each core"
    )
    threads: int = Field(1, ge=1, description="of each job that shares the CPU")
    exclusive_threads: int | None = Field(
        None, ge=1, description="of each job that runs alone; left out: all cores"
    )
    time_limit: Duration = Field(
        3600.0, description='of one job, such as "90s", "30m", "2h"; then it is killed'
    )
    checkpoint_every: Duration = Field(
        300.0,
        description="from one keeping of how far a fit has come to the next; killed, it goes on from there",
    )
    memory_limit: Size | None = Field(
        None, description='of one job\'s own data, such as "2GiB"; left out: none'
    )
    copies: Size | None = Field(
        None,
        description='disk that corrupted copies of data may take in a run, such as "20GiB"; those that do not fit are made '
        "anew for each model that is measured on them; left out: half of what is free",
    )


class ClaimTable(TomlTable):
    """What the suite expects of its figures; the run says whether it is so."""

    expect: str = Field(
        min_length=1,
        description='such as "accuracy(lenet) > accuracy(mlp)"; the right one may be a number, or have a factor',
    )
    where: dict[str, str | int | float] = Field(
        {}, description='what both figures are of, such as { recipe = "long", epsilon = "1/16" }'
    )
    says: str = Field("", description="the claim in a sentence")
    source: str = Field("", description="whose claim it is: a paper, a chapter")


SECTIONS: dict[str, type[TomlTable]] = {
    "suite": SuiteTable,
    "matrix": MatrixTable,
    "hardware": HardwareTable,
}
