"""Trials that learn from other trials of the suite, or start from their weights: which fit that is for each seed, and what is
wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.catalogue.chosen import Chosen
from harness.errors import nearest
from harness.plan.cell import Cell
from harness.plan.jobs import START, TEACHER, Job
from harness.plan.suite import Recipe, Start, Suite, Teacher


@dataclass(frozen=True)
class Lessons:
    """The fits that a trial's seeds learn from or start from; empty for a trial that does not.

    key: of a job's spec. skip: why it can have none of them. label: whose they are.
    """

    key: str = TEACHER
    fits: Mapping[int, Job] = field(default_factory=dict)
    skip: str = ""
    label: str = ""

    def spec(self, seed: int | None = None) -> dict[str, Any]:
        """Return what a job says of it; None: that of the first seed."""
        if not self.fits:
            return {}
        job = self._fit(seed)
        spec = {key: job.spec[key] for key in ("architecture", "published")}
        return {self.key: {"fit": job.fingerprint, **spec}}

    def needs(self, seed: int | None = None) -> tuple[str, ...]:
        """Return the fit."""
        return (self._fit(seed).fingerprint,) if self.fits else ()

    def _fit(self, seed: int | None) -> Job:
        return self.fits[next(iter(self.fits)) if seed is None else seed]


class Teachers:
    """The fits that were planned so far, by trial and seed."""

    def __init__(self, suite: Suite) -> None:
        """Take the suite, whose trials they are."""
        self._suite = suite
        self._fits: dict[tuple[str, ...], dict[int, Job]] = {}

    def last(self, trials: Iterable[tuple[Cell, Recipe]]) -> list[tuple[Cell, Recipe]]:
        """Return trials in order, but those that start from others after them, and those that learn from others last."""

        def rank(trial: tuple[Cell, Recipe]) -> int:
            cell, recipe = trial
            assert cell.architecture is not None
            training = recipe.settle(cell.architecture)
            return 2 if training.teacher else 1 if training.start else 0

        return sorted(trials, key=rank)

    def add(self, cell: Cell, recipe: Recipe, seed: int, fit: Job) -> None:
        """Take a fit that was planned."""
        assert cell.architecture is not None
        self._fits.setdefault(_key(cell, cell.architecture, recipe.name), {})[seed] = fit

    def lessons(self, cell: Cell, teacher: Teacher | None, seeds: Sequence[int]) -> Lessons:
        """Return what a trial on a cell learns from."""
        if teacher is None:
            return Lessons()
        called = {one.spelled: one.label for one in self._suite.architectures}
        name = teacher.architecture.spelled
        label = f"{called.get(name, name)} {teacher.recipe}"
        fits = self._fits.get(_key(cell, teacher.architecture, teacher.recipe), {})
        skip = next((job.skip for job in fits.values() if job.skip), "")
        if skip or not fits:
            return Lessons(skip=f"its teacher {label} is not trained here{skip and ': '}{skip}")
        if any(job.spec["data"] != cell.data for job in fits.values()):
            return Lessons(
                skip=f"its teacher {label} reads pictures in another way (say size= of the data set for both)"
            )
        return Lessons(TEACHER, {seed: fits[seed] for seed in seeds}, label=label)

    def start(self, cell: Cell, start: Start | None, seeds: Sequence[int]) -> Lessons:
        """Return what a trial on a cell starts from."""
        if start is None:
            return Lessons(START)
        assert cell.architecture is not None
        dataset = start.dataset or cell.dataset.label
        label = start.recipe if dataset == cell.dataset.label else f"{start.recipe} on {dataset}"
        if start.dataset == cell.dataset.label:
            return Lessons(
                START, skip=f"it starts from a fit on {dataset}, and these are the same data"
            )
        key = _key(cell, cell.architecture, start.recipe, dataset)
        fits = self._fits.get(key, {})
        skip = next((job.skip for job in fits.values() if job.skip), "")
        if skip or not fits:
            return Lessons(
                START, skip=f"{label}, which it starts from, is not trained{skip and ': '}{skip}"
            )
        return Lessons(START, {seed: fits[seed] for seed in seeds}, label=label)

    def wrong_start(self, start: Start, architecture: Chosen) -> str:
        """Say why no trial of the suite can be started from; empty where one can."""
        recipes = {recipe.name: recipe for recipe in self._suite.recipes}
        datasets = [one.label for one in self._suite.datasets]
        if start.recipe not in recipes:
            return f"no recipe {start.recipe!r} is in the suite{nearest(start.recipe, recipes)}"
        if start.dataset and start.dataset not in datasets:
            return (
                f"no data set {start.dataset!r} is in the suite{nearest(start.dataset, datasets)}"
            )
        training = recipes[start.recipe].settle(architecture)
        if training.start is not None or training.teacher is not None:
            return f"{start.recipe} needs another trial itself; name one that does not"
        return ""

    def problem(self, teacher: Teacher) -> str:
        """Say why no trial of the suite can be the teacher; empty where one can."""
        name = teacher.architecture.spelled
        called = {one.spelled: one.label for one in self._suite.architectures}
        recipes = {recipe.name: recipe for recipe in self._suite.recipes}
        if name in (one.spelled for one in self._suite.left_out):
            return f"--only leaves out {name!r}, from which it learns; name it too: --only {name!r}"
        if name not in called:
            return f"no architecture {name!r} is in the suite{nearest(name, called.values())}"
        if teacher.recipe not in recipes:
            return f"no recipe {teacher.recipe!r} is in the suite{nearest(teacher.recipe, recipes)}"
        if recipes[teacher.recipe].settle(teacher.architecture).teacher is not None:
            return f"{called[name]} {teacher.recipe} learns from a teacher itself; name one that does not"
        return ""


def _key(cell: Cell, architecture: Chosen, recipe: str, dataset: str = "") -> tuple[str, ...]:
    return dataset or cell.dataset.label, cell.device, cell.precision, architecture.spelled, recipe
