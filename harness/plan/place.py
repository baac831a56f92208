"""Where jobs are planned: one architecture on one data set, and the measures there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.catalogue.kinds import Architecture, Chosen, Dataset, Measure
from harness.data.adapt import can_adapt
from harness.plan.fingerprint import join
from harness.plan.jobs import Job

if TYPE_CHECKING:
    from harness.plan.plan import Planner


@dataclass(frozen=True)
class Item:
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

    item: Item | None
    left_out: tuple[str, ...]


class Place:
    """One architecture on one data set, device and precision: what its jobs have in common."""

    def __init__(
        self,
        planner: Planner,
        dataset: Chosen,
        architecture: Chosen,
        device: str,
        precision: str,
        data: str,
    ) -> None:
        """Take the point of the axes, and the fingerprint of the prepared data."""
        self.planner, self.dataset, self.architecture = planner, dataset, architecture
        self.device, self.precision, self.data = device, precision, data
        assert isinstance(dataset.item, Dataset) and isinstance(architecture.item, Architecture)
        self.modality: str = dataset.options.get("modality", dataset.item.modality)
        self.problem: str = dataset.options.get("problem", dataset.item.problem)
        item = planner.item(architecture)
        self.skip = ""
        if not can_adapt(self.modality, architecture.item.takes):
            wanted = " or ".join(architecture.item.takes)
            self.skip = (
                f"{architecture.label} takes {wanted} and {dataset.label} is {self.modality}; "
                "it cannot be adapted"
            )
        if precision == "fp16" and device == "cpu":
            self.skip = "fp16 needs CUDA; on a CPU write bf16 or fp32"
        self.spec: dict[str, Any] = {
            "architecture": item.spec,
            "data": data,
            "precision": precision,
            "device": device,
        }
        self.axes: dict[str, Any] = {
            "architecture": architecture.label,
            "dataset": dataset.label,
            "precision": precision,
            "device": device,
        }
        several = [
            word
            for word, axis in (
                (precision, planner.suite.precisions),
                (device, planner.suite.devices),
            )
            if len(axis) > 1
        ]
        self.suffix = " ".join([dataset.label, *several])
        self.label = f"{architecture.label} {self.suffix}"
        self._item = item
        self._digests: dict[tuple[str, int], str] = {}
        self._measures: dict[str, list[PlacedMeasure]] = {}

    def seeded(self, seed: int) -> str:
        """Name the place with a seed."""
        return f"{self.architecture.label}#{seed} {self.suffix}"

    def digest(self, sort: str, threads: int) -> str:
        """Digest what all jobs of a sort on this place depend on."""
        if (sort, threads) not in self._digests:
            self._digests[sort, threads] = join(
                sort,
                self.planner.cores[sort],
                self._item.digest,
                self.data,
                self.precision,
                self.device,
                str(threads),
            )
        return self._digests[sort, threads]

    def measures(self, scope: str) -> list[PlacedMeasure]:
        """Return the suite's measures of a scope as they apply here."""
        if scope not in self._measures:
            self._measures[scope] = [
                PlacedMeasure(self, chosen, chosen.item)
                for chosen in self.planner.suite.measures
                if isinstance(chosen.item, Measure) and chosen.item.scope == scope
            ]
        return self._measures[scope]


class PlacedMeasure:
    """One measure on one place, ready to make a job for each fit."""

    def __init__(self, place: Place, chosen: Chosen, item: Measure) -> None:
        """Take a measure of the suite."""
        planner, hardware = place.planner, place.planner.suite.hardware
        self.place, self.item = place, item
        self.name = chosen.label if item.name in planner.repeated else item.name
        cores = hardware.exclusive_threads or planner.cpus
        self.threads = cores if item.exclusive else hardware.threads
        self.skip = place.skip
        narrowed = planner.narrow(chosen, place.modality)
        left_out = narrowed.left_out
        if self.skip:
            pass
        elif place.problem not in item.problems:
            self.skip = f"{item.name} is for {' or '.join(item.problems)}, not {place.problem}"
        elif place.modality not in item.takes or narrowed.item is None:
            names = f" ({', '.join(left_out)})" if left_out else ""
            self.skip = f"{item.name}{names} is not for {place.modality}s"
        used = narrowed.item or planner.item(chosen)
        self.corrupted: dict[str, str] = {}
        if item.prepares is not None and not self.skip:
            self.corrupted = planner.corruptions(item, used, place.dataset, place.data)
        machine = planner.machine(place.device) if item.exclusive else ""
        self.base = join(
            place.digest("measure", self.threads),
            used.digest,
            machine,
            str(planner.suite.data_seed),
            *self.corrupted.values(),
        )
        self.spec: Mapping[str, Any] = place.spec | {
            "measure": used.spec,
            "corrupted": self.corrupted,
            "seed": planner.suite.data_seed,
        }
        self.needs = (place.data, *self.corrupted.values())
        if left_out and not self.skip:
            planner.add(
                Job(
                    fingerprint=join("left out", self.base),
                    sort="measure",
                    label=f"{self.name} {place.label}: {', '.join(left_out)}",
                    spec={},
                    needs=(),
                    axes=place.axes | {"measure": self.name},
                    skip=f"{', '.join(left_out)} is not for {place.modality}s",
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
            device=self.place.device,
            exclusive=self.item.exclusive,
            threads=self.threads,
            skip=self.skip,
        )
