"""From a suite to the jobs that it needs: pure, and without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.kinds import Architecture, Chosen, Dataset, Measure, Objective, Optimizer
from harness.catalogue.references import call
from harness.data.adapt import can_adapt
from harness.errors import UsageError
from harness.measure.devices import cpu_count, gpus, machine_digest
from harness.plan.fingerprint import (
    core_digest,
    data_digest,
    digest,
    item_digest,
    join,
    weights_digest,
)
from harness.plan.jobs import Job, Plan
from harness.plan.names import choose_one, references, settle
from harness.plan.suite import Recipe, Suite, Training


def make_plan(suite: Suite, catalogue: Catalogue) -> Plan:
    """Return every job of a suite; what makes no sense is there too, with the reason to skip it.

    Raises:
        UsageError: A device that is not here, or published weights that cannot be had.
    """
    return _Planner(suite, catalogue).plan()


@dataclass(frozen=True)
class _Item:
    """A chosen item as jobs name it, and its digest."""

    chosen: Chosen
    digest: str

    @cached_property
    def spec(self) -> dict[str, Any]:
        return {"name": self.chosen.name, "options": self.chosen.options}

    @property
    def label(self) -> str:
        return self.chosen.label


class _Planner:
    def __init__(self, suite: Suite, catalogue: Catalogue) -> None:
        self.suite, self.catalogue = suite, catalogue
        self.jobs: dict[str, Job] = {}
        self.trials = 0
        self.cores = {sort: core_digest(sort) for sort in ("prepare", "fit", "measure")}
        self.items: dict[tuple[str, str], _Item] = {}
        self.narrowed: dict[tuple[str, str], tuple[_Item | None, tuple[str, ...]]] = {}
        names = [measure.item.name for measure in suite.measures]
        self.fits = any(getattr(m.item, "scope", "fit") == "fit" for m in suite.measures)
        self.repeated = {name for name in names if names.count(name) > 1}

    def plan(self) -> Plan:
        suite = self.suite
        for device, precision in product(self.devices(), suite.precisions):
            for dataset in suite.datasets:
                data = self.prepare(dataset)
                for architecture in suite.architectures:
                    bare = _Place(self, dataset, architecture, device, precision, data)
                    for recipe in suite.recipes:
                        self.trial(bare, recipe)
        return Plan(
            suite=suite.name,
            jobs=tuple(self.jobs.values()),
            trials=self.trials,
            hardware=suite.hardware.model_dump(mode="json"),
        )

    def devices(self) -> Iterator[str]:
        """Settle "auto", and refuse CUDA where there is no GPU."""
        for device in self.suite.devices:
            if device == "cuda" and not gpus():
                raise UsageError(
                    'device = "cuda", but no NVIDIA GPU is visible here (nvidia-smi lists none); '
                    'write device = "auto" or "cpu"'
                )
            yield ("cuda" if gpus() else "cpu") if device == "auto" else device

    def item(self, chosen: Chosen) -> _Item:
        key = (chosen.item.kind, chosen.label)
        if key not in self.items:
            self.items[key] = _Item(chosen, item_digest(chosen))
        return self.items[key]

    def add(self, job: Job) -> str:
        self.jobs.setdefault(job.fingerprint, job)
        return job.fingerprint

    def prepare(self, dataset: Chosen) -> str:
        item = self.item(dataset)
        seed = self.suite.data_seed
        fingerprint = join("prepare", self.cores["prepare"], item.digest, data_digest(dataset))
        return self.add(
            Job(
                fingerprint=digest(fingerprint, seed),
                sort="prepare",
                label=f"prepare {dataset.label}",
                spec={"dataset": item.spec, "seed": seed},
                needs=(),
                axes={"dataset": dataset.label},
            )
        )

    def corrupt(self, dataset: Chosen, data: str, shift_name: str, severity: int) -> str:
        shift = self.item(choose_one(self.catalogue, "shift", shift_name))
        seed = self.suite.data_seed
        fingerprint = join("corrupt", self.cores["prepare"], data, shift.digest)
        return self.add(
            Job(
                fingerprint=digest(fingerprint, severity, seed),
                sort="prepare",
                label=f"prepare {dataset.label} {shift.label}@{severity}",
                spec={"data": data, "shift": shift.spec, "severity": severity, "seed": seed},
                needs=(data,),
                axes={"dataset": dataset.label, "shift": shift.label, "severity": severity},
            )
        )

    def trial(self, place: _Place, recipe: Recipe) -> None:
        """Add the fits of a recipe for every seed, and the measures on them."""
        training = recipe.settle(place.architecture)
        skip = place.skip or optimizer_skip(self.catalogue, training.optimizer, place.device)
        if training.weights == "pretrained":
            self.check_pretrained(place.architecture)
        objective = training.objective or self.default_objective(place.problem)
        if place.problem not in getattr(objective.item, "problems", ()):
            skip = skip or f"objective {objective.label!r} is not for {place.problem}"
        for augmentation in training.augmentations:
            if place.modality not in getattr(augmentation.item, "takes", ()):
                skip = skip or f"augmentation {augmentation.label!r} is not for {place.modality}s"
        training = replace(training, objective=objective)
        settings = self.training_spec(training)
        base = join(
            place.digest("fit", self.suite.hardware.threads), self.training_digest(training)
        )
        axes = place.axes | {"recipe": recipe.name}
        spec: dict[str, Any] = place.spec | {
            "training": settings,
            "split_seed": self.suite.data_seed,
        }
        named = f" {recipe.name}" if len(self.suite.recipes) > 1 else ""
        needs = [place.data]
        if training.learning_rate == "search" and self.fits and not skip:
            search = join("search", base, str(self.suite.data_seed))
            needs.append(search)
            self.add(
                Job(
                    fingerprint=search,
                    sort="fit",
                    label=f"search {place.label}{named}",
                    spec=spec | {"seed": self.suite.data_seed, "search": True},
                    needs=(place.data,),
                    axes=axes | {"measure": "search"},
                    device=place.device,
                    threads=self.suite.hardware.threads,
                )
            )
            base, spec = join(base, search), spec | {"searched": search}
        measures = [] if skip else list(place.measures("fit"))
        for measure in place.measures("architecture") if not place.skip else ():
            self.add(measure.job("", place.label, place.axes))
        for seed in self.suite.seeds if self.fits else ():
            self.trials += 1
            fit = self.add(
                Job(
                    fingerprint=join(base, str(seed)),
                    sort="fit",
                    label=f"fit {place.seeded(seed)}{named}",
                    spec=spec | {"seed": seed},
                    needs=tuple(needs),
                    axes=axes | {"seed": seed},
                    device=place.device,
                    threads=self.suite.hardware.threads,
                    skip=skip,
                )
            )
            for measure in measures:
                self.add(measure.job(fit, place.seeded(seed) + named, axes | {"seed": seed}))

    def check_pretrained(self, architecture: Chosen) -> None:
        item = architecture.item
        if not isinstance(item, Architecture) or item.pretrained is None:
            raise UsageError(
                f"architecture {architecture.label!r} has no published weights; "
                'write weights = "random" or the path of a file for it'
            )
        facts = self.catalogue.members(item)[architecture.member] if item.is_family else {}
        call(
            item.pretrained,
            member=architecture.member,
            facts=facts,
            options=architecture.model(),
        )

    def default_objective(self, problem: str) -> Chosen:
        for entry in self.catalogue.entries("objective").values():
            item = entry.item
            if isinstance(item, Objective) and item.default and problem in item.problems:
                return settle(item, "", {})
        raise UsageError(f"no objective is the default for {problem}; name one in the recipe")

    def training_spec(self, training: Training) -> dict[str, Any]:
        assert training.objective is not None
        return {
            "optimizer": self.item(training.optimizer).spec,
            "learning_rate": training.learning_rate,
            "schedule": self.item(training.schedule).spec,
            "augmentations": [self.item(a).spec for a in training.augmentations],
            "objective": self.item(training.objective).spec,
            "epochs": training.epochs,
            "batch_size": training.batch_size,
            "patience": training.patience,
            "weights": training.weights,
            "freeze": training.freeze,
        }

    def training_digest(self, training: Training) -> str:
        assert training.objective is not None
        items = [training.optimizer, training.schedule, training.objective, *training.augmentations]
        for chosen in list(items):
            items += [choose_one(self.catalogue, k, n) for _, k, n in references(chosen)]
        return join(
            digest(
                training.learning_rate,
                training.epochs,
                training.batch_size,
                training.patience,
                training.freeze,
                weights_digest(training.weights),
            ),
            *(self.item(item).digest for item in items),
        )

    def narrow(self, measure: Chosen, modality: str) -> tuple[_Item | None, tuple[str, ...]]:
        """Leave out the items that a measure names and that are not for a modality.

        Return the measure with the rest (None where nothing is left) and the names left out.
        """
        key = (measure.label, modality)
        if key not in self.narrowed:
            out: dict[str, list[str]] = {}
            kept: dict[str, list[str]] = {}
            for option, kind, name in references(measure):
                takes = getattr(choose_one(self.catalogue, kind, name).item, "takes", (modality,))
                (kept if modality in takes else out).setdefault(option, []).append(name)
            if any(option not in kept for option in out):
                self.narrowed[key] = None, tuple(n for names in out.values() for n in names)
            else:
                options = measure.options | {option: kept[option] for option in out}
                chosen = settle(measure.item, measure.member, options) if out else measure
                item = _Item(
                    chosen,
                    join(
                        item_digest(chosen),
                        *(
                            self.item(choose_one(self.catalogue, kind, name)).digest
                            for _, kind, name in references(chosen)
                        ),
                    ),
                )
                self.narrowed[key] = item, tuple(n for names in out.values() for n in names)
        return self.narrowed[key]


class _Place:
    """One architecture on one data set, device and precision: what its jobs have in common."""

    def __init__(
        self,
        planner: _Planner,
        dataset: Chosen,
        architecture: Chosen,
        device: str,
        precision: str,
        data: str,
    ) -> None:
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

    def seeded(self, seed: int) -> str:
        """Name the place with a seed."""
        return f"{self.architecture.label}#{seed} {self.suffix}"

    def digest(self, sort: str, threads: int) -> str:
        """Digest what all jobs of a sort on this place depend on."""
        return join(
            sort,
            self.planner.cores[sort],
            self._item.digest,
            self.data,
            self.precision,
            self.device,
            str(threads),
        )

    def measures(self, scope: str) -> Iterator[_MeasureHere]:
        """Yield the suite's measures of a scope as they apply here."""
        for chosen in self.planner.suite.measures:
            item = chosen.item
            if isinstance(item, Measure) and item.scope == scope:
                yield _MeasureHere(self, chosen, item)


class _MeasureHere:
    """One measure on one place, ready to make a job for each fit."""

    def __init__(self, place: _Place, chosen: Chosen, item: Measure) -> None:
        planner, hardware = place.planner, place.planner.suite.hardware
        self.place, self.item = place, item
        self.name = chosen.label if item.name in planner.repeated else item.name
        cores = hardware.exclusive_threads or cpu_count()
        self.threads = cores if item.exclusive else hardware.threads
        self.skip = ""
        narrowed, left_out = planner.narrow(chosen, place.modality)
        if place.problem not in item.problems:
            self.skip = f"{item.name} is for {' or '.join(item.problems)}, not {place.problem}"
        elif place.modality not in item.takes or narrowed is None:
            names = f" ({', '.join(left_out)})" if left_out else ""
            self.skip = f"{item.name}{names} is not for {place.modality}s"
        used = narrowed or planner.item(chosen)
        self.corrupted: dict[str, str] = {}
        if item.prepares is not None and not self.skip:
            for shift, severity in call(item.prepares, options=used.chosen.model()):
                self.corrupted[f"{shift}@{severity}"] = planner.corrupt(
                    place.dataset, place.data, shift, severity
                )
        machine = digest(machine_digest(place.device)) if item.exclusive else ""
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


def optimizer_skip(catalogue: Catalogue, optimizer: Chosen, device: str) -> str:
    """Say why an optimizer cannot step on a device; empty where it can."""
    item = optimizer.item
    assert isinstance(item, Optimizer)
    facts = catalogue.members(item)[optimizer.member] if item.is_family else {}
    if facts.get("unusable"):
        return f"optimizer {optimizer.label} cannot be used: {facts['unusable']}"
    requires = (*item.requires, *facts.get("requires", ()))
    if "cuda" in requires and device != "cuda":
        return f"optimizer {optimizer.label} needs CUDA"
    return ""
