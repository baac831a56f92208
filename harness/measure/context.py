"""What a measure is given: a model, the data, the device, and where to put what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.catalogue.finding import Finding, write_findings
from harness.catalogue.gallery import Sheet
from harness.catalogue.gallery_file import write_gallery
from harness.catalogue.references import call
from harness.errors import NotApplicable

if TYPE_CHECKING:
    import torch
    from pydantic import BaseModel

    from harness.catalogue.chosen import Chosen
    from harness.data.budget import Budget
    from harness.data.other_data import OtherData
    from harness.data.task import Task
    from harness.measure.history import FitHistory
    from harness.measure.time_blocks import InTime
    from harness.train.techniques import TrainingHooks


class Examples(Protocol):
    """Examples of one split, in data space, in batches that are ready on the device."""

    def __len__(self) -> int:
        """Return the number of examples."""
        ...

    def batches(self, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Yield (inputs, targets, ids): float32 ``(batch, *shape)``, targets and int64 ids."""
        ...


def _not_from_files(reading: Mapping[str, Any]) -> Examples:
    raise NotApplicable("these data are not read from files")


EXAMPLES = "examples.npz"
"""In a job's folder: the per-example arrays that its measure has kept."""
TIME_PLACES, TIME_BLOCK = "time_places", "time_block"
"""Among these arrays where examples lie in time: the fields of their `InTime`."""


def _no_other(name: str) -> OtherData:
    raise NotApplicable(f"no option of the measure names the data set {name!r}")


def _no_ranks(count: int, work: Any) -> Any:
    raise NotApplicable("a measure that starts processes says so: Measure(in_ranks=True)")


def _no_training(hooks: TrainingHooks, epochs: int) -> None:
    raise NotApplicable("a measure that trains its model again says so: Measure(trains_again=True)")


def _no_history() -> FitHistory:
    raise NotApplicable("here is no fit whose history could be read")


def _no_column(column: str, split: str) -> Any:
    raise NotApplicable(f"these data have no column {column!r}")


@dataclass(frozen=True, kw_only=True)
class FittedModel:
    """One of the models over which a measure ranges.

    architecture, recipe, dataset: their names; the recipe is "" where the suite has only one. seed: of its fit.
    whole_recipes: the name of the recipe but for its share of the training examples, and those of other recipes that come to
        the same fit; train_examples: how many it was trained on.
    behind: the architecture's name with options, where `architecture` is a label of the suite's own.
    load() -> the model, as `MeasureContext.model` is; read anew at each call, so that a measure decides
        how many are in memory.
    kept() -> the per-example arrays that a measure of `Measure.reads` has kept of it, by their names, "ids" among
        them; {} where the suite has none that fits.
    """

    architecture: str
    recipe: str
    dataset: str
    seed: int
    load: Callable[[], torch.nn.Module]
    kept: Callable[[], Mapping[str, Any]] = dict
    whole_recipes: tuple[str, ...] = ("",)
    train_examples: int = 0
    behind: str = ""

    @property
    def spelled(self) -> str:
        """The architecture's name with options, as `Chosen.spelled` of what `MeasureContext.choose` returns."""
        return self.behind or self.architecture


@dataclass(frozen=True, kw_only=True)
class AttackContext:
    """The argument of an attack's `prepare`, which runs once for each model that is attacked.

    model: what the attack computes with, as in `perturb`: points ``(batch, *shape)`` to logits, in eval mode.
    train: the training examples, as points of the box in which the attack takes place, on `device`.
    budget: the largest ball in which it will be asked to perturb; infinite for a minimum-norm attack.
    batch_size: how many examples the measure attacks at once, so that so many fit in memory.
    seed: for what it draws; the same for every architecture. options: the attack's.
    """

    model: torch.nn.Module
    task: Task
    train: Examples
    budget: Budget
    batch_size: int
    device: torch.device
    seed: int
    options: BaseModel | None


@dataclass(frozen=True, kw_only=True)
class MeasureContext:
    """The argument of a measure's `run`.

    model: takes data space to logits, on `device`, in eval mode; adapted to the task. It cannot be called
        where the measure ranges over several or its scope is "data". A measure that trains it, moves it or hooks it does so to a `copy_model` of it.
    fits: where the measure ranges over several, two models or more, in the order of their names, recipes and
        seeds; else none.
    split(name) -> the examples of "train", "validation" or "test".
    corrupted(shift, severity) -> the test examples under a shift (as `prepares` announced).
    other(name) -> the examples of another data set, an `OtherData`: of an option that is marked as
        ``Refers("dataset", examples="inputs")`` or "classes".
    column(name, split) -> the words ``(examples,)`` of a split in a column of the data, an array in the order of the ids.
        NotApplicable where there is no such column.
    reread(reading) -> the test examples, their pictures read from files in another way: fields of
        `Preprocessing` and their values. NotApplicable where they are read from none, or so already.
    choose(kind, name) -> the item, member and options that a name such as "pgd:steps=20" means.
    history() -> how the fit of `model` went, a `FitHistory`. NotApplicable where nothing was trained.
    devices: how many processes `in_ranks` may start, one on each GPU or core.
    in_ranks(count, work) -> what work(ranks, device) returns in the first of `count` processes that are forked here, in JSON
        values. ranks: `harness.api.measuring.Ranks`; they are joined by torch.distributed. For measures that say
        `in_ranks`, whose model and examples are on the CPU until then.
    train_again(hooks, epochs) trains a model from its start as this one's fit did, for the first `epochs` epochs of it, and tells hooks,
        `harness.api.training.TrainingHooks`, which come before the recipe's techniques; 0: `begin` alone is told. For measures
        that say `trains_again`.
    autocast() -> a context manager for the precision ("fp32", "bf16", "fp16").
    folder: artifacts go here; `save_examples` keeps per-example arrays aligned to ids, `save_findings` what
        reports should say about the figures in words, and `save_gallery` pictures of examples.
    seed: of corruption and attack draws; the same for every architecture.
    """

    task: Task
    model: torch.nn.Module
    device: torch.device
    precision: str
    threads: int
    seed: int
    options: BaseModel | None
    folder: Path
    split: Callable[[str], Examples]
    corrupted: Callable[[str, int], Examples]
    choose: Callable[[str, str], Chosen]
    autocast: Callable[[], Any]
    fits: tuple[FittedModel, ...] = ()
    reread: Callable[[Mapping[str, Any]], Examples] = _not_from_files
    other: Callable[[str], OtherData] = _no_other
    column: Callable[[str, str], Any] = _no_column
    train_again: Callable[[TrainingHooks, int], None] = _no_training
    history: Callable[[], FitHistory] = _no_history
    devices: int = 1
    in_ranks: Callable[[int, Callable[[Any, torch.device], Any]], Any] = _no_ranks

    def save_examples(self, **arrays: Any) -> None:
        """Write per-example arrays ``(examples, ...)``, one npz file; `ids` aligns them to the data set's examples.

        Where it is known when examples are (`in_time`), that is kept too.

        Raises:
            ValueError: There are no `ids`.
        """
        import numpy as np

        if "ids" not in arrays:
            raise ValueError("save_examples needs ids=, the examples' ids")
        kept: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
        if (time := self.in_time(kept["ids"])) is not None:
            kept |= {TIME_PLACES: time.places, TIME_BLOCK: np.array(time.block)}
        np.savez(self.folder / EXAMPLES, **kept)

    def in_time(self, ids: Any = None) -> InTime | None:
        """Return when test examples are, where those next to each other have much in common; None where they are independent.

        ids: of all of them, in their order; None: in the order of the ids.
        """
        import numpy as np

        from harness.measure.time_blocks import InTime

        said = self.task.problem_item.in_time
        found = None if said is None else call(said, task=self.task, column=self.column)
        if found is None:
            return None
        time = InTime.of(*found)
        if ids is None:
            return time
        return time.some(np.argsort(np.argsort(ids))) if len(ids) == len(time.places) else None

    def save_findings(self, findings: Iterable[Finding]) -> None:
        """Write what was noticed; none at all say that it was looked for."""
        write_findings(self.folder, findings)

    def save_gallery(self, sheets: Iterable[Sheet]) -> None:
        """Write examples for reports to show; the measure's `gallery` says what they are.

        Raises:
            ValueError, TypeError: A sheet is none that could be shown.
        """
        write_gallery(self.folder, sheets)
