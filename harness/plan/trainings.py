"""How recipes train, as jobs carry it: with the objective that the problem has where a recipe names none, and a digest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from harness.catalogue.chosen import Chosen
from harness.catalogue.counts import several
from harness.catalogue.kinds import Objective
from harness.errors import UsageError
from harness.plan.content import weights_digest
from harness.plan.context import PlanContext
from harness.plan.fingerprint import digest, join
from harness.plan.jobs import DEVICES
from harness.plan.names import settle
from harness.plan.suite import TrainingSettings


@dataclass(frozen=True)
class SettledTraining:
    """A training with its objective, its digest, and how jobs carry it."""

    training: TrainingSettings
    digest: str
    spec: dict[str, Any]


class Trainings:
    """Settles trainings, each once for a problem and a modality."""

    def __init__(self, context: PlanContext) -> None:
        """Take what items are looked up in."""
        self._context = context
        self._known: dict[tuple[int, str, str], SettledTraining] = {}

    def default_objective(self, problem: str, modality: str) -> Chosen:
        """Return the objective that is used where a recipe names none."""
        for entry in self._context.catalogue.entries("objective").values():
            item = entry.item
            if (
                isinstance(item, Objective)
                and item.default
                and problem in item.problems
                and modality in item.takes
            ):
                return settle(item, "", {})
        raise UsageError(
            f"no objective is the default for {problem} of {several(modality)}; name one in the recipe"
        )

    def settle(self, training: TrainingSettings, problem: str, modality: str) -> SettledTraining:
        """Return a training with its objective settled, as jobs carry it, and its digest."""
        key = (id(training), problem, modality)
        if key not in self._known:
            objective = training.objective or self.default_objective(problem, modality)
            self._known[key] = self._settle(replace(training, objective=objective), objective)
        return self._known[key]

    def _settle(self, training: TrainingSettings, objective: Chosen) -> SettledTraining:
        optimizer, schedule = (
            self._context.item(training.optimizer),
            self._context.item(training.schedule),
        )
        augmentations = [self._context.item(one) for one in training.augmentations]
        techniques = [self._context.item(one) for one in training.techniques]
        minimised = self._context.item(objective)
        plain = {
            "learning_rate": training.learning_rate,
            "epochs": training.epochs,
            "batch_size": training.batch_size,
            "patience": training.patience,
            "freeze": training.freeze,
            "check_gradients": training.check_gradients,
        }
        shared = {
            DEVICES: training.devices,
            "sync_batch_norm": training.sync_batch_norm,
            "accumulate": training.accumulate,
            "train_share": training.train_share,
        }
        alone = {
            DEVICES: 1,
            "sync_batch_norm": False,
            "accumulate": 1,
            "train_share": 1.0,
        }  # as is a fit that says nothing of them
        said = {key: value for key, value in shared.items() if value != alone[key]}
        weights = weights_digest(training.weights)
        spec = plain | {
            **shared,
            "optimizer": optimizer.spec,
            "schedule": schedule.spec,
            "augmentations": [one.spec for one in augmentations],
            "techniques": [one.spec for one in techniques],
            "objective": minimised.spec,
            "weights": training.weights,
            "weights_digest": weights,
        }
        items = [optimizer, schedule, minimised, *augmentations, *techniques]
        return SettledTraining(
            training, join(digest(plain | said), weights, *(i.digest for i in items)), spec
        )
