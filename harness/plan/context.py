"""What planning looks up, once for all cells of a plan: items, prepared data, machines; and its jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.chosen import Chosen
from harness.catalogue.counts import several
from harness.catalogue.kinds import Architecture, Dataset, Measure
from harness.catalogue.references import call
from harness.catalogue.subjects import Modality
from harness.data.adapt import can_adapt
from harness.data.preprocessing import Preprocessing
from harness.errors import UsageError, nearest
from harness.machine.machines import Machine, this_machine, timed_kind
from harness.plan.content import files_digest
from harness.plan.fingerprint import core_digest, digest, item_digest, join
from harness.plan.jobs import Job
from harness.plan.names import OptionsError, choose_one, settle
from harness.plan.other_sets import Misfits
from harness.plan.references import example_sets, is_spared, references
from harness.plan.suite import Suite


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
    """A measure without the items that are not for the data; None where nothing is left of it.

    left_out: those of another modality, data sets that are unlike the data, and shifts that need larger images. unlike: {of
        the latter two: why}.
    """

    item: PlannedItem | None
    left_out: tuple[str, ...]
    unlike: Mapping[str, str]

    def words(self, modality: str) -> str:
        """Say what is left out and why."""
        others = [name for name in self.left_out if name not in self.unlike]
        are = "is" if len(others) == 1 else "are"
        words = [f"{', '.join(others)} {are} not for {several(modality)}"] if others else []
        alike: dict[str, list[str]] = {}
        for name, why in self.unlike.items():
            alike.setdefault(why, []).append(name)
        return "; ".join([*words, *(f"{', '.join(names)}: {why}" for why, names in alike.items())])


@dataclass(frozen=True)
class PlanContext:
    """A suite, what the names in it mean, and what was found of them: planner and cells receive it.

    machines: those that the jobs will run on. jobs: {fingerprint: job}, each once.
    """

    suite: Suite
    catalogue: Catalogue
    machines: Sequence[Machine] = field(default_factory=lambda: (this_machine(),))
    jobs: dict[str, Job] = field(default_factory=dict)
    items: dict[tuple[str, str], PlannedItem] = field(default_factory=dict)
    narrowed: dict[tuple[str, str], NarrowedMeasure] = field(default_factory=dict)
    corrupted: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    beside: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    read: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    asked: dict[str, float] = field(default_factory=dict)
    misfits: Misfits = field(default_factory=Misfits)
    timed: dict[str, Machine] = field(default_factory=dict)
    files_digests: dict[str, str] = field(default_factory=dict)
    settled: dict[str, Mapping[str, PlannedItem]] = field(default_factory=dict)

    @cached_property
    def cores(self) -> Mapping[str, str]:
        """The digest of the core by sort of job."""
        return {sort: core_digest(sort) for sort in ("prepare", "fit", "measure")}

    @cached_property
    def repeated(self) -> frozenset[str]:
        """The names of measures that the suite has more than once, with different options."""
        names = [measure.item.name for measure in self.suite.measures]
        return frozenset(name for name in names if names.count(name) > 1)

    def item(self, chosen: Chosen) -> PlannedItem:
        """Return a chosen item with its digest, which covers the items that its options name.

        Of a data set that they name, it covers the files, which no job of its own reads.
        """
        key = (chosen.item.kind, chosen.label)
        if key not in self.items:
            meant = [choose_one(self.catalogue, k, name) for _, k, name in references(chosen)]
            named = [self.item(one).digest for one in meant]
            named += [files_digest(one) for one in meant if one.item.kind == "dataset"]
            self.items[key] = PlannedItem(chosen, join(item_digest(chosen), *named))
        return self.items[key]

    def subjects(self, dataset: Chosen) -> Mapping[str, PlannedItem]:
        """Return the problem and the modality of a data set: those that its options say, else those that it declares.

        Raises:
            UsageError: No plugin provides one of them.
        """
        if dataset.label not in self.settled:
            self.settled[dataset.label] = {
                kind: self._subject(dataset, kind) for kind in ("problem", "modality")
            }
        return self.settled[dataset.label]

    def digest_of(self, subject: Chosen) -> str:
        """Digest a problem, or a modality with those that its examples can be read as."""
        known, item = self.catalogue.entries("modality"), subject.item
        named = [one.modality for one in item.reads_as] if isinstance(item, Modality) else []
        others = [known[name].item for name in named if name in known]
        return join(*(self.item(settle(one, "", {})).digest for one in (item, *others)))

    def _subject(self, dataset: Chosen, kind: str) -> PlannedItem:
        known, said = self.catalogue.entries(kind), dataset.options.get(kind)
        name = str(said if said in known else getattr(dataset.item, kind))
        if name not in known:
            raise UsageError(
                f"data set {dataset.label!r} is of the {kind} {name!r}, which no plugin that is loaded "
                f"provides{nearest(name, known)}"
            )
        return self.item(settle(known[name].item, "", {}))

    def add(self, job: Job) -> str:
        """Add a job unless one of the same fingerprint is there."""
        self.jobs.setdefault(job.fingerprint, job)
        return job.fingerprint

    def prepare(self, dataset: Chosen, preprocessing: Preprocessing | None = None) -> str:
        """Add the job that makes a data set ready, its pictures as published weights expect them."""
        item = self.item(dataset)
        seed = self.suite.data_seed
        if dataset.label not in self.files_digests:
            self.files_digests[dataset.label] = files_digest(dataset)
        files = self.files_digests[dataset.label]
        subjects = self.subjects(dataset)
        asks = [self.digest_of(one.chosen) for one in subjects.values()]
        fingerprint = join("prepare", self.cores["prepare"], item.digest, files, *asks)
        asked = None if preprocessing is None else preprocessing.to_json()
        return self.add(
            Job(
                fingerprint=digest(fingerprint, seed, asked),
                sort="prepare",
                label=f"prepare {dataset.label}{_in_brackets(preprocessing)}",
                spec={
                    "dataset": item.spec,
                    **{kind: one.spec for kind, one in subjects.items()},
                    "seed": seed,
                    "preprocessing": asked,
                    "files": files,
                },
                needs=(),
                axes={"dataset": dataset.label},
            )
        )

    def preprocessing(self, dataset: Chosen, architecture: Chosen) -> Preprocessing | None:
        """Return how published weights expect pictures, where the data set follows that."""
        item, reader = architecture.item, dataset.item
        assert isinstance(item, Architecture) and isinstance(reader, Dataset)
        if item.preprocessing is None or reader.preprocesses is None:
            return None
        if not call(reader.preprocesses, options=dataset.model()):
            return None
        found: Preprocessing = call(
            item.preprocessing,
            member=architecture.member,
            facts=self.facts(architecture),
            options=architecture.model(),
        )
        return found

    def facts(self, architecture: Chosen) -> Mapping[str, Any]:
        """Return what a family says of its member."""
        item = architecture.item
        return self.catalogue.members(item)[architecture.member] if item.is_family else {}

    def corruptions(
        self, measure: Measure, item: PlannedItem, dataset: Chosen, data: str
    ) -> dict[str, str]:
        """Add the jobs that make the corrupted copies which a measure reads."""
        key = (data, item.chosen.label)
        if key not in self.corrupted:
            assert measure.prepares is not None
            pairs = call(measure.prepares, options=item.chosen.model())
            self.corrupted[key] = {
                f"{shift}@{severity}": self.corrupt(dataset, data, shift, severity)
                for shift, severity in pairs
            }
        return self.corrupted[key]

    def timed_on(self, device: str) -> Machine:
        """Return a machine of the kind on which figures of a device are timed and weighed."""
        if device not in self.timed:
            self.timed[device] = timed_kind(self.machines, device)
        return self.timed[device]

    def corrupt(self, dataset: Chosen, data: str, shift_name: str, severity: int) -> str:
        """Add the job that makes a corrupted copy of a data set."""
        shift = self.item(choose_one(self.catalogue, "shift", shift_name))
        seed = self.suite.data_seed
        fingerprint = join("corrupt", self.cores["prepare"], data, shift.digest)
        return self.add(
            Job(
                fingerprint=digest(fingerprint, severity, seed),
                sort="prepare",
                label=f"{self.jobs[data].label} {shift.label}@{severity}",
                spec={"data": data, "shift": shift.spec, "severity": severity, "seed": seed},
                needs=(data,),
                axes={"dataset": dataset.label, "shift": shift.label, "severity": severity},
            )
        )

    def lacking(self, measure: Chosen, dataset: Chosen) -> Iterator[str]:
        """Say of each column and each class of the data that a measure names and a data set has not, as far as is known."""
        assert isinstance(measure.item, Measure)
        for what, lacks in (("columns", self.misfits.column), ("classes", self.misfits.class_)):
            key, asked = (what, measure.label), getattr(measure.item, what)
            if key not in self.read:
                names = () if asked is None else call(asked, options=measure.model())
                self.read[key] = tuple(names)
            yield from filter(None, (lacks(dataset, name) for name in self.read[key]))

    def seconds(self, measure: Chosen) -> float:
        """Return how long a measure times, by its options."""
        assert isinstance(measure.item, Measure) and measure.item.seconds is not None
        if measure.label not in self.asked:
            self.asked[measure.label] = float(call(measure.item.seconds, options=measure.model()))
        return self.asked[measure.label]

    def others(self, item: PlannedItem, dataset: Chosen, data: str) -> dict[str, str]:
        """Add the jobs that make other data sets ready as examples of the data, for a measure that names them."""
        key = (data, item.chosen.label)
        if key not in self.beside:
            self.beside[key] = {
                name: self.other(dataset, data, self._dataset(name), examples)
                for _, name, examples in example_sets(item.chosen)
            }
        return self.beside[key]

    def other(self, dataset: Chosen, data: str, other: Chosen, examples: str) -> str:
        """Add the job that makes another data set ready as examples of the data."""
        planned = self.item(other)
        if other.label not in self.files_digests:
            self.files_digests[other.label] = files_digest(other)
        files = self.files_digests[other.label]
        fingerprint = join("other", self.cores["prepare"], data, planned.digest, files, examples)
        return self.add(
            Job(
                fingerprint=fingerprint,
                sort="prepare",
                label=f"{self.jobs[data].label} beside {other.label}",
                spec={
                    "data": data,
                    "dataset": planned.spec,
                    "preprocessing": self.jobs[data].spec["preprocessing"],
                    "files": files,
                    "other": examples,
                },
                needs=(data,),
                axes={"dataset": dataset.label, "other": other.label},
            )
        )

    def narrow(self, measure: Chosen, modality: str, dataset: Chosen) -> NarrowedMeasure:
        """Leave out the items that a measure names and that are not for a modality, or not like a data set.

        Nothing is left of it where an option that names items by default, or the measure itself, cannot be without.
        """
        key = (measure.label, dataset.label)
        if key not in self.narrowed:
            self.narrowed[key] = self._narrow(measure, modality, dataset)
        return self.narrowed[key]

    def _narrow(self, measure: Chosen, modality: str, dataset: Chosen) -> NarrowedMeasure:
        out: dict[str, list[str]] = {}
        kept: dict[str, list[str]] = {}
        unlike = {
            name: why
            for _, name, examples in example_sets(measure)
            if (why := self.misfits.of(dataset, self._dataset(name), examples))
        }
        for option, kind, name in references(measure):
            if name in unlike:
                out.setdefault(option, []).append(name)
                continue
            named = choose_one(self.catalogue, kind, name)
            takes = getattr(named.item, "takes", (modality,))
            fits = can_adapt(modality, takes) if kind == "architecture" else modality in takes
            if fits and kind == "shift" and (why := self.misfits.window(dataset, named)):
                unlike[name], fits = why, False
            (kept if fits else out).setdefault(option, []).append(name)
        left_out = tuple(
            name
            for option, names in out.items()
            for name in names
            if not is_spared(measure.item, option)
        )
        if not out:
            return NarrowedMeasure(self.item(measure), left_out, unlike)
        assert measure.item.options is not None
        defaults = measure.item.options.model_fields
        needed = [
            option for option in out if option not in kept and not is_spared(measure.item, option)
        ]
        if any(defaults[option].default != () for option in needed):
            return NarrowedMeasure(None, left_out, unlike)
        options = measure.options | {option: kept.get(option, []) for option in out}
        try:
            chosen = settle(measure.item, measure.member, options)
        except OptionsError:  # it needs one of several
            return NarrowedMeasure(None, left_out, unlike)
        return NarrowedMeasure(self.item(chosen), left_out, unlike)

    def _dataset(self, name: str) -> Chosen:
        return choose_one(self.catalogue, "dataset", name)


def _in_brackets(preprocessing: Preprocessing | None) -> str:
    return "" if preprocessing is None else f" [{preprocessing.words()}]"
