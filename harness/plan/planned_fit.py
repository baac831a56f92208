"""A fit of the plan, as measures that range over several fits name it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.plan.context import PlannedItem
from harness.plan.jobs import Job


@dataclass(frozen=True)
class PlannedFit:
    """A fit, as a measure that ranges over several names it; recipe: "" where the suite has one.

    whole_recipes: the recipe but for its share of the training examples, and those of others that come to the same fit; more may be
        added until measures are planned that range over it. published: it starts from published weights. measured: the jobs of measures on it alone.
    """

    job: Job
    architecture: PlannedItem
    recipe: str
    whole_recipes: Sequence[str]
    published: bool
    measured: Sequence[Job] = ()

    @property
    def seed(self) -> int:
        """The seed of the fit."""
        return int(self.job.axes["seed"])

    @property
    def order(self) -> tuple[str, str, int]:
        """What fits are sorted by, whatever the order in the suite."""
        return self.architecture.label, self.recipe, self.seed

    @property
    def spec(self) -> dict[str, Any]:
        """What a job that compares says of it."""
        return {
            "fit": self.job.fingerprint,
            "architecture": self.architecture.spec,
            "label": self.architecture.label,
            "behind": self.architecture.chosen.behind,
            "recipe": self.recipe,
            "whole_recipes": list(self.whole_recipes),
            "train_share": self.job.spec["training"]["train_share"],
            "seed": self.seed,
            "published": self.published,
        }
