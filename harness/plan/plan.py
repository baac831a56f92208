"""From a suite to the jobs that it needs: pure, and without torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.chosen import Chosen
from harness.catalogue.counts import counted
from harness.catalogue.garbage import uncollected
from harness.catalogue.kinds import Architecture
from harness.catalogue.references import call
from harness.catalogue.syntax_cache import keep_syntax
from harness.errors import Fault, ProblemsError, UsageError
from harness.machine.machines import Machine, this_machine
from harness.plan.cell import Cell
from harness.plan.context import PlanContext
from harness.plan.extents import Extents
from harness.plan.files import settle_by_files
from harness.plan.fingerprint import (
    digest,
    join,
    look_anew,
    module_digest,
)
from harness.plan.jobs import DEVICES, START, TEACHER, Job, Plan
from harness.plan.lines import Path as KeyPath
from harness.plan.names import choose_one
from harness.plan.other_sets import places_of
from harness.plan.planned_fit import PlannedFit
from harness.plan.references import example_sets
from harness.plan.search import PROPOSES, SEARCH, SEARCHED
from harness.plan.suite import Recipe, Suite, TrainingSettings
from harness.plan.teachers import Lessons, Teachers
from harness.plan.training_skip import training_skip
from harness.plan.trainings import Trainings


def make_plan(
    suite: Suite, catalogue: Catalogue, machines: Sequence[Machine] | None = None
) -> Plan:
    """Return every job of a suite; what makes no sense is there too, with the reason to skip it.

    machines: those that it will run on; None is this one.

    Raises:
        UsageError: A device that none of them has, or published weights that cannot be had.
    """
    look_anew()
    with uncollected():
        plan = Planner(suite, catalogue, machines).plan()
    keep_syntax()
    return plan


class Planner:
    """Walks the axes of a suite and collects jobs, each once."""

    def __init__(
        self, suite: Suite, catalogue: Catalogue, machines: Sequence[Machine] | None = None
    ) -> None:
        """Take the suite, what the names in its options mean, and where its jobs will run (None: here)."""
        self.suite, self.catalogue = suite, catalogue
        self.is_here = machines is None
        self.context = PlanContext(suite, catalogue, machines or (this_machine(),))
        self.problems: dict[Fault, None] = {}
        self.trainings = Trainings(self.context)
        self.teachers = Teachers(suite)
        # By fit, the recipes that come to it, but for their share of the training examples.
        self.wholes: dict[str, list[str]] = {}
        self.of_data: set[str] = set()  # measures that have no model
        self.checked: set[tuple[str, str]] = set()  # whose published weights were looked for

    def plan(self) -> Plan:
        """Return the plan.

        Raises:
            ProblemsError: All that cannot be had here.
        """
        suite = self.suite
        datasets = [settle_by_files(dataset) for dataset in suite.datasets]
        for dataset in datasets:
            self.measure_data(dataset)
        self.check_other_sets(datasets)
        for device, precision in product(self.devices(), suite.precisions):
            trials: list[tuple[Cell, Recipe]] = []
            fits: dict[str, tuple[Cell, list[PlannedFit]]] = {}
            for dataset in datasets:
                data = self.context.prepare(dataset)
                together = Cell(self.context, dataset, None, device, precision, data)
                fits[dataset.label] = together, []
                cells = [
                    Cell(self.context, dataset, architecture, device, precision, data)
                    for architecture in suite.architectures
                ]
                trials += product(cells, suite.recipes)
            for cell, recipe in self.teachers.last(trials):
                together, found = fits[cell.dataset.label]
                found += self.trial(cell, recipe, together)
            for together, found in fits.values():
                self.compare(together, found)
        for dataset in datasets:
            self.skip_without_model(dataset)
        if self.problems:
            raise ProblemsError(list(self.problems))
        jobs = tuple(self.needed())
        return Plan(
            suite=suite.name,
            jobs=jobs,
            trials=sum(job.sort == "fit" and "seed" in job.axes for job in jobs),
            hardware=suite.hardware.model_dump(mode="json"),
            labels=suite.labels,
            extents=Extents.of(datasets),
            timed_on={
                device: machine.hardware(device) for device, machine in self.context.timed.items()
            },
        )

    def needed(self) -> Iterator[Job]:
        """Yield the jobs, less the data and the fits that no job which will run needs."""
        wanted: set[str] = set()
        for job in reversed(self.context.jobs.values()):
            if not job.skip and (job.sort == "measure" or job.fingerprint in wanted):
                wanted.update(job.needs)
        for job in self.context.jobs.values():
            if job.sort == "measure" or job.skip or job.fingerprint in wanted:
                yield job

    def devices(self) -> list[str]:
        """Settle "auto", and refuse CUDA where there is no GPU."""
        here = "cuda" if any(machine.gpus for machine in self.context.machines) else "cpu"
        if "cuda" in self.suite.devices and here != "cuda":
            lack = "no NVIDIA GPU is visible here (nvidia-smi lists none)"
            if not self.is_here:
                lack = "none of the engine's machines has an NVIDIA GPU to give"
            self.problem(
                ("matrix", "device"), f'device = "cuda", but {lack}; write "auto" or "cpu"'
            )
        settled = (here if device == "auto" else device for device in self.suite.devices)
        return list(dict.fromkeys(settled))

    def check_other_sets(self, datasets: Sequence[Chosen]) -> None:
        """Refuse a data set whose examples a measure takes for the data's, where they are of none of the suite's; and
        columns and classes that none has.
        """
        for measure in self.suite.measures:
            for option, name, examples in example_sets(measure):
                other = choose_one(self.catalogue, "dataset", name)
                reasons = [self.context.misfits.of(one, other, examples) for one in datasets]
                if reasons and all(reasons):
                    for path in places_of(self.suite.source, measure.item.name, option, name):
                        self.problem(path, f"data set {other.label!r}: {reasons[0]}")
            lacks = [list(self.context.lacking(measure, one)) for one in datasets]
            if lacks and all(lacks):
                for path in places_of(self.suite.source, measure.item.name, "", ""):
                    for words in lacks[0]:
                        self.problem(path, words)

    def problem(self, path: tuple[str | int, ...], message: str) -> None:
        """Keep what cannot be done, with its cell in the suite."""
        self.problems.setdefault(self.suite.source.problem(path, message))

    def trial(self, cell: Cell, recipe: Recipe, together: Cell) -> list[PlannedFit]:
        """Add the fits of a recipe for every seed, and the measures on them.

        Return the fits that will run; together: the cell of the measures that compare them.
        """
        assert cell.item is not None
        architecture = cell.item.chosen
        weights = recipe.settle(architecture).weights
        if weights == "pretrained":
            cell = cell.of_published()
        planned = self.context.item(architecture)
        of_fits, once = [*cell.measures("fit")], []
        if recipe.searches_model(architecture):  # the bare one is another
            once = [*cell.measures("architecture")]
            of_fits += once
        else:
            self.measure_bare(cell, recipe, architecture)
        wanted = [*of_fits, *together.ranging()]
        measures = [measure for measure in of_fits if not measure.skip]
        if not cell.skip:
            for measure in of_fits:
                if measure.skip:
                    self.context.add(measure.job("", cell.label, cell.axes))
            wanted = [measure for measure in wanted if not measure.skip]
        if not wanted:
            return []
        settled = self.trainings.settle(recipe.settle(architecture), cell.problem, cell.modality)
        training = settled.training
        skip = cell.skip or training_skip(self.catalogue, cell, training)
        lessons = self.lessons(cell, training, recipe.path(architecture, TEACHER))
        start = self.start(cell, training, recipe.path(architecture, START))
        skip = skip or lessons.skip or start.skip
        if training.weights == "pretrained" and not skip:
            self.check_pretrained(architecture, recipe)
        base = join(cell.digest("fit", self.suite.hardware.threads), settled.digest)
        axes = cell.axes | {"recipe": recipe.name}
        spec = cell.spec | {"training": settled.spec, "split_seed": self.suite.data_seed}
        if training.devices > 1:
            self.check_devices(cell.device, training, recipe.path(architecture, DEVICES))
            spec[DEVICES] = training.devices
        variant = recipe.name if len(self.suite.recipes) > 1 else ""
        whole = recipe.whole if variant else ""
        named = f" {variant}" if variant else ""
        needs: tuple[str, ...] = (cell.data,)
        if training.search is not None and not skip:
            seed = self.suite.data_seed
            others = (*lessons.needs(), *start.needs())
            tried: list[str] = []
            for number, part in enumerate(training.search.parts()):
                before = tuple(tried) if training.search.in_turn else ()
                said = {"seed": seed, SEARCH: part, SEARCHED: before}
                proposer = (module_digest(PROPOSES),) if "over" in part else ()
                job = Job(
                    fingerprint=join(
                        "search", base, str(seed), digest(part), *proposer, *before, *others
                    ),
                    sort="fit",
                    label=f"search {cell.seeded(number)}{named}",
                    spec=spec | said | lessons.spec() | start.spec(),
                    needs=(*needs, *before, *others),
                    axes=axes | {"measure": SEARCH},
                    device=cell.device,
                    threads=self.suite.hardware.threads,
                )
                self.context.add(job)
                tried.append(job.fingerprint)
            base, spec, needs = join(base, *tried), spec | {SEARCHED: tried}, (*needs, *tried)
        fits: list[PlannedFit] = []
        for seed in self.suite.seeds:
            others = (*lessons.needs(seed), *start.needs(seed))
            lost = (
                (start.skip,) if start.skip else ()
            )  # else it would be the fit from random weights
            fit, here = join(base, str(seed), *others, *lost), axes | {"seed": seed}
            wholes = self.wholes.setdefault(fit, [])
            wholes += [whole] if whole not in wholes else []
            if fit in self.context.jobs:  # another recipe comes to the same here
                self.context.jobs[fit] = same = self.context.jobs[fit].also(recipe.name)
                self.teachers.add(cell, recipe, seed, same)
                continue
            label = cell.seeded(seed) + named
            job = Job(
                fingerprint=fit,
                sort="fit",
                label=f"fit {label}"
                + (f", from {start.label}" if start.label else "")
                + (f", taught by {lessons.label}" if lessons.label else ""),
                spec=spec | {"seed": seed} | lessons.spec(seed) | start.spec(seed),
                needs=(*needs, *others),
                axes=here,
                device=cell.device,
                threads=self.suite.hardware.threads,
                skip=skip,
            )
            self.context.add(job)
            self.teachers.add(cell, recipe, seed, job)
            if not skip:
                measured = [
                    measure.of_fit(job, label)
                    for measure in measures
                    if measure not in once or seed == self.suite.seeds[0]
                ]
                for one in measured:
                    self.context.add(one)
                fits.append(PlannedFit(job, planned, variant, wholes, cell.published, measured))
        return fits

    def measure_data(self, dataset: Chosen) -> None:
        """Add the measures that have no model: one job a data set, on the CPU."""
        data = self.context.prepare(dataset)
        cell = Cell(self.context, dataset, None, "cpu", "fp32", data)
        for measure in cell.measures("data"):
            job = measure.job("", dataset.label, {"dataset": dataset.label})
            self.context.add(job)
            self.of_data.add(job.fingerprint)

    def skip_without_model(self, dataset: Chosen) -> None:
        """Skip the measures of a data set that have no model where every model of the suite is skipped on it."""
        known = self.context.jobs
        mine = [
            job
            for job in known.values()
            if job.sort != "prepare" and job.axes.get("dataset") == dataset.label
        ]
        models = [job for job in mine if "architecture" in job.axes]
        if not models or not all(job.skip for job in mine if job.fingerprint not in self.of_data):
            return
        for job in mine:
            if job.fingerprint in self.of_data and not job.skip:
                reason = f"all models of the suite are skipped on {dataset.label}"
                known[job.fingerprint] = replace(job, skip=reason)

    def measure_bare(self, cell: Cell, recipe: Recipe, architecture: Chosen) -> None:
        """Add the measures that need no fit; for each recipe, where its weights ask for another input, or another one has a
        model of its own.
        """
        recipes = self.suite.recipes
        published = {r.settle(architecture).weights == "pretrained" for r in recipes}
        alone = len(published) > 1 or any(r.searches_model(architecture) for r in recipes)
        label = f"{cell.label} {recipe.name}" if alone else cell.label
        axes = cell.axes | {"recipe": recipe.name} if alone else cell.axes
        for measure in cell.measures("architecture"):
            self.context.add(measure.job("", label, axes))

    def compare(self, together: Cell, fits: Sequence[PlannedFit]) -> None:
        """Add the measures that range over several fits, of those that read the same data."""
        groups: dict[str, list[PlannedFit]] = {}
        for fit in fits:
            groups.setdefault(fit.job.spec["data"], []).append(fit)
        for measure in () if together.skip else together.ranging():
            if measure.skip:
                self.context.add(measure.job("", together.label, together.axes))
        for data, alike in groups.items() or [(together.data, [])]:
            cell = together if data == together.data else together.reading(data)
            for measure in () if cell.skip else cell.ranging():
                for job in () if measure.skip else measure.ranges(alike, len(groups) > 1):
                    self.context.add(job)

    def lessons(self, cell: Cell, training: TrainingSettings, path: KeyPath) -> Lessons:
        """Return what a trial learns from; a teacher that the suite does not have is a problem."""
        problem = self.teachers.problem(training.teacher) if training.teacher else ""
        if problem:
            self.problem(path, problem)
            return Lessons()
        return self.teachers.lessons(cell, training.teacher, self.suite.seeds)

    def start(self, cell: Cell, training: TrainingSettings, path: KeyPath) -> Lessons:
        """Return what a trial starts from; a trial that the suite does not have is a problem."""
        assert cell.architecture is not None
        given = training.start
        problem = self.teachers.wrong_start(given, cell.architecture) if given else ""
        if problem:
            self.problem(path, problem)
            return Lessons()
        return self.teachers.start(cell, given, self.suite.seeds)

    def check_devices(self, device: str, training: TrainingSettings, path: KeyPath) -> None:
        """Keep a problem where a fit asks for more devices than there are."""
        hardware, machines = self.suite.hardware, self.context.machines
        if self.is_here:
            machines = (this_machine(cpu_slots=hardware.cpu_slots, threads=hardware.threads),)
        here = max(machine.places[device] for machine in machines)
        if training.devices <= here:
            return
        slots = f"CPU slots of {counted(hardware.threads, 'thread')}"
        of_these = "NVIDIA GPUs" if device == "cuda" else slots
        where = "this machine has" if self.is_here else "no machine of the engine has more than"
        self.problem(
            path,
            f"devices = {training.devices}, but of {of_these} {where} {here}; write {here}, or less",
        )

    def check_pretrained(self, architecture: Chosen, recipe: Recipe) -> None:
        """Keep a problem where published weights cannot be had."""
        if (architecture.label, recipe.table) in self.checked:
            return
        self.checked.add((architecture.label, recipe.table))
        item, path = architecture.item, recipe.path(architecture, "weights")
        if not isinstance(item, Architecture) or item.pretrained is None:
            self.problem(
                path,
                f"architecture {architecture.label!r} has no published weights; "
                f'write weights = "random" or the path of a file in [recipes.{recipe.table}.for.'
                f'"{architecture.name}"]',
            )
            return
        try:
            call(
                item.pretrained,
                member=architecture.member,
                facts=self.context.facts(architecture),
                options=architecture.model(),
            )
        except UsageError as error:
            self.problem(path, str(error))
