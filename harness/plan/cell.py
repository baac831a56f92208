"""Where jobs are planned: one architecture (or all) on one data set, and the measures there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.catalogue.chosen import Chosen
from harness.catalogue.counts import list_some, several
from harness.catalogue.in_use import problem_in
from harness.catalogue.kinds import RANGES, Architecture, Dataset, Measure
from harness.catalogue.own_class import is_own_class
from harness.catalogue.references import call
from harness.data.adapt import can_adapt
from harness.plan.context import PlanContext
from harness.plan.fingerprint import digest, join
from harness.plan.jobs import ASKED_SECONDS, CHECKED, DEVICES, SHARE, SHARES, TRAINED, Job
from harness.plan.planned_fit import PlannedFit


class Cell:
    """One architecture on one data set, device and precision: what its jobs have in common.

    Without an architecture it is the cell of measures that compare those of the suite. A published
    one is of fits that start from published weights.
    """

    def __init__(
        self,
        context: PlanContext,
        dataset: Chosen,
        architecture: Chosen | None,
        device: str,
        precision: str,
        data: str,
        published: bool = False,
    ) -> None:
        """Take the point of the axes, and the fingerprint of the prepared data."""
        self.context, self.dataset, self.architecture = context, dataset, architecture
        self.device, self.precision, self.data = device, precision, data
        self.published = published
        assert isinstance(dataset.item, Dataset)
        subjects = context.subjects(dataset)
        self.modality = subjects["modality"].label
        self.problem = subjects["problem"].label
        self.item = None if architecture is None else context.item(architecture)
        self.skip = ""
        self.spec: dict[str, Any] = {
            "data": data,
            **{kind: item.spec for kind, item in subjects.items()},
            "precision": precision,
            "device": device,
            "published": published,
        }
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
                (precision, context.suite.precisions),
                (device, context.suite.devices),
            )
            if len(axis) > 1
        ]
        who = [] if architecture is None else [architecture.label]
        self._words = [*who, dataset.label, *several]
        self.label = " ".join(self._words)
        self._digests: dict[tuple[str, int], str] = {}
        self._measures: dict[str, list[CellMeasure]] = {}
        self._of_published: Cell | None = None

    def of_published(self) -> Cell:
        """Return the cell of the fits that start from published weights, which read data their way."""
        if self.published or self.skip:
            return self
        if self._of_published is None:
            assert self.architecture is not None
            data = self.context.prepare(
                self.dataset, self.context.preprocessing(self.dataset, self.architecture)
            )
            self._of_published = Cell(
                self.context,
                self.dataset,
                self.architecture,
                self.device,
                self.precision,
                data,
                published=True,
            )
        return self._of_published

    @property
    def way_of_reading(self) -> str:
        """How pictures are read, in brackets; "" where it is the data set's own way."""
        prepared = self.context.jobs[self.data].label
        return prepared.removeprefix(f"prepare {self.dataset.label}")

    def reading(self, data: str) -> Cell:
        """Return the same cell on the data set prepared in another way."""
        return Cell(
            self.context, self.dataset, self.architecture, self.device, self.precision, data
        )

    def seeded(self, seed: int) -> str:
        """Name the cell with a seed."""
        first, *others = self._words
        return " ".join([f"{first}#{seed}", *others])

    def named(self, fixed: Mapping[str, Any], variant: str) -> str:
        """Name the cell with what the fits that a measure ranges over have in common."""
        words = [str(fixed["architecture"])] if "architecture" in fixed else []
        first, *others = [*words, *self._words]
        seed = f"#{fixed['seed']}" if "seed" in fixed else ""
        return " ".join([first + seed, *others, *([variant] if variant else [])])

    def _misfit(self, architecture: Chosen) -> str:
        """Say why an architecture cannot take the data, and which can; empty where it can."""
        item = architecture.item
        assert isinstance(item, Architecture)
        wanted = problem_in(self.context.catalogue, self.problem).answers_each
        if not can_adapt(self.modality, item.takes):
            why = (
                f"{architecture.label} takes {' or '.join(item.takes)} and {self.dataset.label} is {self.modality}; "
                "it cannot be adapted"
            )
        elif wanted in item.answers_each or is_own_class(item):  # what its answers are shows later
            return ""
        else:
            why = (
                f"{architecture.label} answers once for each {' or '.join(item.answers_each)}, and {self.problem} "
                f"asks for an answer for each {wanted}"
            )
        others = [entry.item for entry in self.context.catalogue.entries("architecture").values()]
        names = [
            one.name
            for one in others
            if isinstance(one, Architecture)
            and wanted in one.answers_each
            and can_adapt(self.modality, one.takes)
        ]
        return f"{why}; these do: {list_some(names)}" if names else why

    def digest(self, sort: str, threads: int) -> str:
        """Digest what all jobs of a sort on this cell depend on."""
        if (sort, threads) not in self._digests:
            self._digests[sort, threads] = join(
                sort,
                self.context.cores[sort],
                "" if self.item is None else self.item.digest,
                self.data,
                self.precision,
                self.device,
                str(threads),
                "published" if self.published else "",
            )
        return self._digests[sort, threads]

    def measures(self, scope: str) -> list[CellMeasure]:
        """Return the suite's measures of a scope that do not range over several fits, as they apply here."""
        return self._planned(scope, lambda item: item.scope == scope and not item.over)

    def ranging(self) -> list[CellMeasure]:
        """Return the suite's measures that range over several fitted models, as they apply here."""
        return self._planned("over", lambda item: bool(item.over))

    def _planned(self, which: str, wanted: Callable[[Measure], bool]) -> list[CellMeasure]:
        if which not in self._measures:
            self._measures[which] = [
                CellMeasure(self, chosen, chosen.item)
                for chosen in self.context.suite.measures
                if isinstance(chosen.item, Measure) and wanted(chosen.item)
            ]
        return self._measures[which]


class CellMeasure:
    """One measure on one cell, ready to make a job for each fit."""

    def __init__(self, cell: Cell, chosen: Chosen, item: Measure) -> None:
        """Take a measure of the suite."""
        context, hardware = cell.context, cell.context.suite.hardware
        self.cell, self.chosen, self.item = cell, chosen, item
        self.name = chosen.label if item.name in context.repeated else item.name
        cores = hardware.exclusive_threads or context.timed_on(cell.device).cores
        self.threads = cores if item.exclusive else hardware.threads
        self.devices = 1
        if item.in_ranks:
            self.threads = 1  # forks of a process that has computed on more would wait for them
            self.devices = (
                context.timed_on(cell.device).places["cuda"] if cell.device == "cuda" else cores
            )
        self.skip = cell.skip
        narrowed = context.narrow(chosen, cell.modality, cell.dataset)
        left_out = narrowed.left_out
        if self.skip:
            pass
        elif cell.problem not in item.problems:
            self.skip = f"{item.name} is for {' or '.join(item.problems)}, not {cell.problem}"
        elif cell.modality not in item.takes or narrowed.item is None:
            names = f" ({', '.join(left_out)})" if left_out else ""
            self.skip = f"{item.name}{names} is not for {several(cell.modality)}"
            if narrowed.unlike:
                self.skip = f"{item.name}: {narrowed.words(cell.modality)}"
        self.skip = self.skip or next(context.lacking(chosen, cell.dataset), "")
        used = narrowed.item or context.item(chosen)
        self.corrupted: dict[str, str] = {}
        if item.prepares is not None and not self.skip:
            self.corrupted = context.corruptions(item, used, cell.dataset, cell.data)
        self.others = {} if self.skip else context.others(used, cell.dataset, cell.data)
        timed_on = context.timed_on(cell.device).hardware(cell.device)
        machine = digest(timed_on) if item.exclusive else ""
        self.base = join(
            cell.digest("measure", self.threads),
            used.digest,
            machine,
            str(context.suite.data_seed),
            *self.corrupted.values(),
            *self.others.values(),
            *([f"{self.devices} devices"] if item.in_ranks else []),
        )
        self.spec: Mapping[str, Any] = cell.spec | {
            "measure": used.spec,
            "corrupted": self.corrupted,
            "others": self.others,
            "prepared": context.jobs[cell.data].spec,
            "seed": context.suite.data_seed,
        }
        if self.devices > 1:
            self.spec = {**self.spec, DEVICES: self.devices}
        if item.shares_process and not item.in_ranks:  # what forks must have computed nothing
            self.spec = {**self.spec, SHARES: True}
        if item.check is not None:
            self.spec = {**self.spec, CHECKED: True}
        if item.seconds is not None and not self.skip:
            self.spec = {**self.spec, ASKED_SECONDS: context.seconds(used.chosen)}
        self.needs = (cell.data, *self.corrupted.values(), *self.others.values())
        if left_out and not self.skip:
            context.add(
                Job(
                    fingerprint=join("left out", self.base),
                    sort="measure",
                    label=f"{self.name} {cell.label}: {list_some(left_out)}",
                    spec={},
                    needs=(),
                    axes=cell.axes | {"measure": self.name},
                    skip=narrowed.words(cell.modality),
                )
            )

    def of_fit(self, fit: Job, label: str) -> Job:
        """Return the job of this measure on a fit; one that trains again has what the fit has."""
        job = self.job(fit.fingerprint, label, fit.axes)
        share = fit.spec["training"]["train_share"]
        if share != 1.0:  # the training examples of such a model are those that it has seen
            job = replace(job, spec={**job.spec, SHARE: {"share": share, "seed": fit.spec["seed"]}})
        if not self.item.trains_again:
            return job
        needs = dict.fromkeys((*job.needs, *fit.needs))
        return replace(job, spec={**job.spec, TRAINED: fit.spec}, needs=tuple(needs))

    def job(self, fit: str, label: str, axes: Mapping[str, Any]) -> Job:
        """Return the job of this measure on a fit; "" for a bare architecture.

        Of a bare one that holds for one recipe alone, the fingerprint covers the recipe.
        """
        recipe = "" if fit else axes.get("recipe", "")
        return Job(
            fingerprint=join(self.base, fit, recipe) if recipe else join(self.base, fit),
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

    def ranges(self, fits: Sequence[PlannedFit], apart: bool = False) -> list[Job]:
        """Return the jobs of this measure: one for all fits that differ only in what it ranges over.

        apart: other fits read the pictures in another way, and are not taken together with these.
        """
        fixed = [axis for axis in RANGES if axis not in self.item.over]
        groups: dict[tuple[Any, ...], list[PlannedFit]] = {}
        for fit in fits:
            groups.setdefault(tuple(fit.job.axes[axis] for axis in fixed), []).append(fit)
        if not groups:
            skip = f"it ranges over {_plurals(self.item.over)} of fitted models, and here is none"
            return [replace(self.job("", self.cell.label, self.cell.axes), skip=skip)]
        return [
            self._range(dict(zip(fixed, values, strict=True)), group, apart)
            for values, group in groups.items()
        ]

    def _range(self, fixed: Mapping[str, Any], fits: Sequence[PlannedFit], apart: bool) -> Job:
        """Return the job on fits that have the `fixed` axes in common; skipped where there is only one, or where `Measure.unfit` says so.

        The names of the fits stand in its metrics, so the fingerprint covers them.
        """
        ordered = sorted(fits, key=lambda fit: fit.order)
        needs = tuple(fit.job.fingerprint for fit in ordered)
        kept = [self._kept(fit) for fit in ordered]
        if all(kept):  # else models are asked again, all of them in one way
            needs += tuple(kept)
        else:
            kept = [""] * len(ordered)
        variant = ordered[0].recipe if "recipe" in fixed else ""
        names = (digest(*fit.order, *fit.whole_recipes) for fit in ordered)
        skip = ""
        if self.item.unfit is not None:
            skip = call(
                self.item.unfit,
                options=self.chosen.model(),
                models=[(fit.architecture.label, fit.recipe) for fit in ordered],
                classes=self.cell.context.misfits.classes(self.cell.dataset),
            )
        elif len(ordered) == 1:
            skip = (
                f"it ranges over {_plurals(self.item.over)} of fitted models, and here is only one, "
                f"{ordered[0].job.label!r}"
            )
        if skip and apart and len(ordered) == 1:
            skip += ", that reads pictures in its way (say size= of the data set for all)"
        return Job(
            fingerprint=join("range", self.base, *names, *needs),
            sort="measure",
            label=f"{self.name} {self.cell.named(fixed, variant)}{self.cell.way_of_reading}",
            spec={
                **self.spec,
                "fits": [fit.spec | {"kept": one} for fit, one in zip(ordered, kept, strict=True)],
            },
            needs=(*self.needs, *needs),
            axes={**self.cell.axes, **fixed, "measure": self.name},
            device=self.cell.device,
            exclusive=self.item.exclusive,
            threads=self.threads,
            skip=skip,
        )

    def _kept(self, fit: PlannedFit) -> str:
        """Return the job whose arrays of a fit this one can take; "" where there is none."""
        for job in fit.measured:
            reads = job.spec.get("corrupted", {})
            alike = job.spec["measure"]["name"] in self.item.reads and not job.skip
            if self.corrupted and alike and self.corrupted.items() <= reads.items():
                return job.fingerprint
        return ""


def _plurals(axes: Sequence[str]) -> str:
    return " and ".join(f"{axis}s" for axis in axes)
