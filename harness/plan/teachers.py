"""Trials that learn from other trials of the suite: which fit each seed's teacher is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.catalogue.kinds import Chosen
from harness.errors import nearest
from harness.plan.cell import Cell
from harness.plan.jobs import TEACHER, Job
from harness.plan.suite import Recipe, Suite, Teacher


@dataclass(frozen=True)
class Lessons:
    """The fits that a trial's seeds learn from; empty for a trial that has no teacher.

    skip: why it can learn from none of them. label: who teaches.
    """

    fits: Mapping[int, Job] = field(default_factory=dict)
    skip: str = ""
    label: str = ""

    def spec(self, seed: int | None = None) -> dict[str, Any]:
        """Return what a job says of its teacher; None: that of the first seed."""
        if not self.fits:
            return {}
        job = self._fit(seed)
        spec = {key: job.spec[key] for key in ("architecture", "published")}
        return {TEACHER: {"fit": job.fingerprint, **spec}}

    def needs(self, seed: int | None = None) -> tuple[str, ...]:
        """Return the teacher's fit."""
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
        """Return trials in order, but those that learn from others after them."""

        def learns(trial: tuple[Cell, Recipe]) -> bool:
            cell, recipe = trial
            assert cell.architecture is not None
            return recipe.settle(cell.architecture).teacher is not None

        return sorted(trials, key=learns)

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
        return Lessons({seed: fits[seed] for seed in seeds}, label=label)

    def problem(self, teacher: Teacher) -> str:
        """Say why no trial of the suite can be the teacher; empty where one can."""
        name = teacher.architecture.spelled
        called = {one.spelled: one.label for one in self._suite.architectures}
        recipes = {recipe.name: recipe for recipe in self._suite.recipes}
        if name not in called:
            return f"no architecture {name!r} is in the suite{nearest(name, called.values())}"
        if teacher.recipe not in recipes:
            return f"no recipe {teacher.recipe!r} is in the suite{nearest(teacher.recipe, recipes)}"
        if recipes[teacher.recipe].settle(teacher.architecture).teacher is not None:
            return f"{called[name]} {teacher.recipe} learns from a teacher itself; name one that does not"
        return ""


def _key(cell: Cell, architecture: Chosen, recipe: str) -> tuple[str, ...]:
    return cell.dataset.label, cell.device, cell.precision, architecture.spelled, recipe
