"""Where jobs are planned: one architecture (or all) on one data set, and the measures there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.catalogue.kinds import Architecture, Chosen, Dataset, Measure
from harness.data.adapt import can_adapt
from harness.plan.fingerprint import digest, join
from harness.plan.jobs import Job

if TYPE_CHECKING:
    from harness.plan.plan import Planner


@dataclass(frozen=True)
class PlannedItem:
    """A chosen item as jobs name it, and its digest."""

    chosen: Chosen
    digest: str

    @cached_property
    def spec(self) -> dict[str, Any]:
        """What a job says of it."""
        return {"name": self.chosen.name, "options": self.chosen.options}

    @property
    def label(self) -> str:
        """What a person calls it."""
        return self.chosen.label


@dataclass(frozen=True)
class NarrowedMeasure:
    """A measure without the items that are not for a modality; None where nothing is left of it."""

    item: PlannedItem | None
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class PlannedFit:
    """A fit, as a measure that compares several names it; recipe: "" where the suite has one."""

    job: Job
    architecture: PlannedItem
    recipe: str

    @property
    def spec(self) -> dict[str, Any]:
        """What a job that compares says of it."""
        return {
            "fit": self.job.fingerprint,
            "architecture": self.architecture.spec,
            "label": self.architecture.label,
            "recipe": self.recipe,
        }


class Cell:
    """One architecture on one data set, device and precision: what its jobs have in common.

    Without an architecture it is the cell of measures that compare those of the suite.
    """

    def __init__(
        self,
        planner: Planner,
        dataset: Chosen,
        architecture: Chosen | None,
        device: str,
        precision: str,
        data: str,
    ) -> None:
        """Take the point of the axes, and the fingerprint of the prepared data."""
        self.planner, self.dataset = planner, dataset
        self.device, self.precision, self.data = device, precision, data
        assert isinstance(dataset.item, Dataset)
        self.modality: str = dataset.options.get("modality", dataset.item.modality)
        self.problem: str = dataset.options.get("problem", dataset.item.problem)
        self.item = None if architecture is None else planner.item(architecture)
        self.skip = ""
        self.spec: dict[str, Any] = {"data": data, "precision": precision, "device": device}
        self.axes: dict[str, Any] = {
            "dataset": dataset.label,
            "precision": precision,
            "device": device,
        }
        if self.item is not None:
            self.skip = self._misfit(self.item.chosen)
            self.spec["architecture"] = self.item.spec
            self.axes["architecture"] = self.item.label
        if precision == "fp16" and device == "cpu":
            self.skip = "fp16 needs CUDA; on a CPU write bf16 or fp32"
        several = [
            word
            for word, axis in (
                (precision, planner.suite.precisions),
                (device, planner.suite.devices),
            )
            if len(axis) > 1
        ]
        who = [] if architecture is None else [architecture.label]
        self._words = [*who, dataset.label, *several]
        self.label = " ".join(self._words)
        self._digests: dict[tuple[str, int], str] = {}
        self._measures: dict[str, list[CellMeasure]] = {}

    def seeded(self, seed: int) -> str:
        """Name the cell with a seed."""
        first, *others = self._words
        return " ".join([f"{first}#{seed}", *others])

    def _misfit(self, architecture: Chosen) -> str:
        """Say why an architecture cannot take the data; empty where it can."""
        assert isinstance(architecture.item, Architecture)
        if can_adapt(self.modality, architecture.item.takes):
            return ""
        wanted = " or ".join(architecture.item.takes)
        return (
            f"{architecture.label} takes {wanted} and {self.dataset.label} is {self.modality}; "
            "it cannot be adapted"
        )

    def digest(self, sort: str, threads: int) -> str:
        """Digest what all jobs of a sort on this cell depend on."""
        if (sort, threads) not in self._digests:
            self._digests[sort, threads] = join(
                sort,
                self.planner.cores[sort],
                "" if self.item is None else self.item.digest,
                self.data,
                self.precision,
                self.device,
                str(threads),
            )
        return self._digests[sort, threads]

    def measures(self, scope: str) -> list[CellMeasure]:
        """Return the suite's measures of a scope as they apply here."""
        if scope not in self._measures:
            self._measures[scope] = [
                CellMeasure(self, chosen, chosen.item)
                for chosen in self.planner.suite.measures
                if isinstance(chosen.item, Measure) and chosen.item.scope == scope
            ]
        return self._measures[scope]


class CellMeasure:
    """One measure on one cell, ready to make a job for each fit."""

    def __init__(self, cell: Cell, chosen: Chosen, item: Measure) -> None:
        """Take a measure of the suite."""
        planner, hardware = cell.planner, cell.planner.suite.hardware
        self.cell, self.item = cell, item
        self.name = chosen.label if item.name in planner.repeated else item.name
        cores = hardware.exclusive_threads or planner.cpus
        self.threads = cores if item.exclusive else hardware.threads
        self.skip = cell.skip
        narrowed = planner.narrow(chosen, cell.modality)
        left_out = narrowed.left_out
        if self.skip:
            pass
        elif cell.problem not in item.problems:
            self.skip = f"{item.name} is for {' or '.join(item.problems)}, not {cell.problem}"
        elif cell.modality not in item.takes or narrowed.item is None:
            names = f" ({', '.join(left_out)})" if left_out else ""
            self.skip = f"{item.name}{names} is not for {cell.modality}s"
        used = narrowed.item or planner.item(chosen)
        self.corrupted: dict[str, str] = {}
        if item.prepares is not None and not self.skip:
            self.corrupted = planner.corruptions(item, used, cell.dataset, cell.data)
        machine = planner.machine(cell.device) if item.exclusive else ""
        self.base = join(
            cell.digest("measure", self.threads),
            used.digest,
            machine,
            str(planner.suite.data_seed),
            *self.corrupted.values(),
        )
        self.spec: Mapping[str, Any] = cell.spec | {
            "measure": used.spec,
            "corrupted": self.corrupted,
            "seed": planner.suite.data_seed,
        }
        self.needs = (cell.data, *self.corrupted.values())
        if left_out and not self.skip:
            planner.add(
                Job(
                    fingerprint=join("left out", self.base),
                    sort="measure",
                    label=f"{self.name} {cell.label}: {', '.join(left_out)}",
                    spec={},
                    needs=(),
                    axes=cell.axes | {"measure": self.name},
                    skip=f"{', '.join(left_out)} is not for {cell.modality}s",
                )
            )

    def job(self, fit: str, label: str, axes: Mapping[str, Any]) -> Job:
        """Return the job of this measure on a fit; "" for a bare architecture."""
        return Job(
            fingerprint=join(self.base, fit),
            sort="measure",
            label=f"{self.name} {label}",
            spec={**self.spec, "fit": fit},
            needs=(*self.needs, fit) if fit else self.needs,
            axes={**axes, "measure": self.name},
            device=self.cell.device,
            exclusive=self.item.exclusive,
            threads=self.threads,
            skip=self.skip,
        )

    def comparison(self, seed: int, fits: Sequence[PlannedFit]) -> Job:
        """Return the job of this measure on all fits of a seed; skipped where there is only one.

        The names of architectures and recipes stand in its metrics, so the fingerprint covers them.
        """
        ordered = sorted(fits, key=lambda fit: (fit.architecture.label, fit.recipe))
        names = [digest(fit.architecture.label, fit.recipe) for fit in ordered]
        needs = tuple(fit.job.fingerprint for fit in ordered)
        found = "none" if not ordered else f"only one, {ordered[0].job.label!r}"
        return Job(
            fingerprint=join("compare", self.base, str(seed), *names, *needs),
            sort="measure",
            label=f"{self.name} {self.cell.seeded(seed)}",
            spec={**self.spec, "fits": [fit.spec for fit in ordered]},
            needs=(*self.needs, *needs),
            axes={**self.cell.axes, "seed": seed, "measure": self.name},
            device=self.cell.device,
            exclusive=self.item.exclusive,
            threads=self.threads,
            skip="" if len(ordered) > 1 else f"it compares fitted models, and here is {found}",
        )
