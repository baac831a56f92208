"""Builds the parts of a training from a fit's spec: for the fit, and for a measure that trains its model again. Imports torch."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.catalogue.chosen import Chosen
from harness.catalogue.finding import Finding
from harness.catalogue.kinds import Augmentation, Optimizer
from harness.catalogue.references import call, resolve
from harness.data.draws import Draws, derive
from harness.data.model import DataSpaceModel, build_model
from harness.data.outputs import check_output
from harness.data.prepared import PreparedData
from harness.data.seeding import seed_generators
from harness.data.task import Task
from harness.data.training_share import with_training_share
from harness.errors import NotApplicable, PluginError
from harness.execute.fitted_model import fitted_model
from harness.execute.request import Items
from harness.measure.model_copy import copy_model
from harness.plan.content import check_unchanged, weights_digest
from harness.plan.jobs import START, TEACHER
from harness.plan.search import (
    PROPOSES,
    RESULT,
    SEARCH,
    SEARCHED,
    best_of,
    with_options,
    with_settings,
)
from harness.train import checkpoint
from harness.train.clock import Clock
from harness.train.fit import (
    Batch,
    Diverged,
    Training,
    TrainingExamples,
    evaluate,
    first_batch,
    fit,
    train_mode,
)
from harness.train.follow import follow
from harness.train.length import Length, default_length
from harness.train.outside_state import keep_outside
from harness.train.precision import autocast
from harness.train.ranks import ALONE, Ranks
from harness.train.techniques import TrainingHooks
from harness.train.weight_gradients import check_weights, find_wrong_weights

Notes = dict[str, Any]

_LOOKED_AT = 16  # examples, on which a model that is built anew must return the same
SEARCH_SHARE = 0.3  # of the epochs, with the whole schedule pressed into them
"""A search trains with each of its settings this long; longer schedules cost more and rarely change the choice."""


def say(line: str) -> None:
    """Print a line that a person sees at once."""
    print(line, flush=True)


class Trainer:
    """Builds the parts of a training from a fit's spec."""

    def __init__(
        self,
        spec: Mapping[str, Any],
        items: Items,
        task: Task,
        device: torch.device,
        ranks: Ranks,
        needs: Mapping[str, str] | None,
    ) -> None:
        """Take what to train, and the folders of what it needs; needs: None where a batch is tried before there are any."""
        self.needs = needs
        self.spec, self.items, self.task, self.device = spec, items, task, device
        self.ranks = ranks
        self.settings: Mapping[str, Any] = spec["training"]
        self.said_architecture: Mapping[str, Any] = spec["architecture"]
        if needs is not None and SEARCHED in spec and SEARCH not in spec:
            self.take(self.found["settings"])

    def take(self, settings: Mapping[str, Any]) -> None:
        """Train with what a search tries, or has found."""
        self.settings = with_settings(self.settings, settings)
        self.said_architecture = with_options(self.said_architecture, settings)

    @property
    def architecture(self) -> Chosen:
        """What is trained, with the options that a search has found."""
        return self.items("architecture", self.said_architecture)

    def model(self, seed: int, notes: Notes) -> DataSpaceModel:
        """Build the model on the device, with the weights that the recipe starts from."""
        seed_generators(derive(seed, "initialise"))
        weights = self.settings["weights"]
        model = build_model(self.architecture, self.task, published=weights == "pretrained")
        if weights == "pretrained" and self.settings["epochs"] == 0:
            seed_generators(derive(seed, "initialise again"))
            again = build_model(self.architecture, self.task, published=True)
            checkpoint.require_all_published(self.architecture.label, model, again)
        if weights not in ("random", "pretrained"):
            notes["weights"] = checkpoint.start_from(
                model,
                Path(weights).expanduser(),
                self.task,
                may_replace_head=self.settings["epochs"] != 0,  # None: the default length
            )
            planned = self.settings["weights_digest"]
            check_unchanged(f"the weights {weights!r}", planned, weights_digest(weights))
        if self.starts and self.needs is not None:
            started = Path(self.needs[self.spec[START]["fit"]]) / checkpoint.NAME
            notes["weights"] = checkpoint.start_from(
                model, started, self.task, may_replace_head=True
            )
        if self.settings["freeze"] == "trunk":
            checkpoint.freeze_trunk(model, self.task)
        return model.to(self.device)

    def rate(self) -> float | None:
        """Return the learning rate of the recipe, or what a search has found; None: the optimizer's default."""
        given: float | str | None = self.settings["learning_rate"]
        return None if isinstance(given, str) else given

    @cached_property
    def tried(self) -> list[Mapping[str, Any]]:
        """What the jobs of the search have found, each with its settings, loss on validation and seconds; less those that failed."""
        needs = {} if self.needs is None else self.needs
        jobs = self.spec.get(SEARCHED, ())
        files = [Path(needs[job]) / RESULT for job in jobs if job in needs]
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    @property
    def starts(self) -> bool:
        """Whether the recipe starts from the weights of another trial."""
        return START in self.spec

    def search_cost(self) -> dict[str, float]:
        """Return what the search took, by the clock and of cores, and how many settings it tried; less those that failed."""
        cost = {key: sum(one[key] for one in self.tried) for key in ("seconds", "core_seconds")}
        return cost | {"candidates": len(self.tried)}

    @property
    def found(self) -> Mapping[str, Any]:
        """The best that the search has found.

        Raises:
            Diverged: Training did with all that was tried.
        """
        best = best_of(self.tried)
        if best["validation_loss"] is None:
            names = ", ".join(best["settings"])
            raise Diverged(
                f"training diverged with each of {len(self.tried)} settings of {names} that were tried"
            )
        return best

    def keep_outside(self, model: DataSpaceModel, data: PreparedData) -> dict[str, torch.Tensor]:
        """Return what measures, which build the model anew, need beside its weights."""

        def build() -> torch.nn.Module:
            built = build_model(
                self.architecture,
                self.task,
                published=self.settings["weights"] == "pretrained",
                load=False,
            )
            built.load_state_dict(model.state_dict())
            return built.to(self.device).eval()

        split, count = next((name, count) for name, count in self.task.counts.items() if count)
        few = torch.arange(min(_LOOKED_AT, count), device=self.device)
        inputs, _, _ = data.split(split, self.device).take(few)
        return keep_outside(self.architecture.label, model, build, inputs)

    def default(self) -> Length:
        """Return how long to train where the recipe does not say it."""
        return default_length(self.task.counts.get("train", 0), self.settings["batch_size"])

    def length(self) -> Length:
        """Return how long to train: what the recipe says, or the default."""
        settings = self.settings
        length = self.default() if settings["epochs"] is None else Length(settings["epochs"])
        if settings["patience"] is not None:
            length = replace(length, patience=settings["patience"], every=1)
        return length

    def training(self, rate: float | None, length: Length, seed: int) -> Training:
        """Build objective, augmentations, optimizer, schedule and techniques."""
        settings, items, task = self.settings, self.items, self.task
        objective = items("objective", settings["objective"])
        schedule = items("schedule", settings["schedule"])
        augmentations = [items("augmentation", spec) for spec in settings["augmentations"]]
        techniques = [items("technique", spec) for spec in settings["techniques"]]
        return Training(
            objective=_build(objective, task=task, teacher=self.teacher),
            augmentations=[_build(augmentation, task=task) for augmentation in augmentations],
            moves=[_mover(augmentation, task) for augmentation in augmentations],
            make_optimizer=lambda named: self.optimizer(rate, named),
            make_schedule=lambda steps, curves: _build(schedule, steps=steps, curves=curves),
            epochs=length.epochs,
            batch_size=settings["batch_size"],
            patience=length.patience,
            every=length.every,
            precision=self.spec["precision"],
            seed=seed,
            accumulate=settings["accumulate"],
            sync_batch_norm=settings["sync_batch_norm"],
            techniques=[partial(_build, one, task=task) for one in techniques],
        )

    @cached_property
    def teacher(self) -> Callable[[Tensor], Tensor] | None:
        """What the trial learns from: a model's answers; those of a random one where a batch is tried before the fits."""
        if TEACHER not in self.spec:
            return None
        said = self.spec[TEACHER]
        folder = None if self.needs is None else self.needs[said["fit"]]
        model = fitted_model(self.items, said, self.task, self.device, folder)

        @torch.no_grad()
        def answer(inputs: Tensor) -> Tensor:
            return model(inputs)  # type: ignore[no-any-return]

        return answer

    def look_at_gradients(
        self, model: torch.nn.Module, training: Training, train: TrainingExamples
    ) -> list[Finding]:
        """Say of which parameters the gradient is not the loss's, if the recipe asks for it."""
        if not self.settings["check_gradients"]:
            return []
        copied = copy_model(model)
        train_mode(copied)
        found = check_weights(copied, training.objective, *first_batch(training, train))
        if found is not None and found.said:
            say(f"gradients: {found.said}")
        return find_wrong_weights(found)

    def optimizer(
        self, rate: float | None, named: list[tuple[str, torch.nn.Parameter]]
    ) -> torch.optim.Optimizer:
        """Build the optimizer over named parameters; rate: None for its own."""
        chosen = self.items("optimizer", self.settings["optimizer"])
        assert isinstance(chosen.item, Optimizer)
        built: torch.optim.Optimizer = call(
            chosen.item.build,
            parameters=named,
            learning_rate=float(chosen.options["learning_rate"]) if rate is None else rate,
            options=chosen.model(),
            member=chosen.member,
        )
        return built

    def search(self, data: PreparedData) -> dict[str, Any]:
        """Train with some settings, and judge them on the validation examples; a loss of None: it diverged."""
        part, seed, clock = self.spec[SEARCH], int(self.spec["seed"]), Clock()
        settings = part.get("settings")
        if settings is None:
            propose = resolve(f"{PROPOSES}:propose")
            settings = propose(part["over"], self.tried, derive(seed, SEARCH, part["trial"]))
        self.take(settings)
        length = Length(max(1, round(self.length().epochs * SEARCH_SHARE)))
        model = self.model(seed, {})
        training = self.training(self.rate(), length, seed)
        try:
            fit(model, training, data.split("train", self.device), ranks=self.ranks)
            loss, _ = evaluate(
                model, training, data.split("validation", self.device), ranks=self.ranks
            )
        except Diverged:
            loss = math.inf
        return {
            "settings": settings,
            "validation_loss": loss if math.isfinite(loss) else None,
            "seconds": clock.state()["seconds"],
            "core_seconds": self.ranks.sums([clock.state()["core_seconds"]])[0],
        }

    def try_batch(self, data: PreparedData) -> None:
        """Take one small batch through the model, and through a step where there is training."""
        model = self.model(int(self.spec["seed"]), {})
        split = "train" if data.task.counts.get("train") else "test"
        examples = data.split(split, self.device)
        size = min(len(examples), self.settings["batch_size"])
        inputs, targets, ids = examples.take(torch.arange(size, device=self.device))
        with torch.no_grad(), autocast(self.device, self.spec["precision"]):
            model.eval()
            logits = check_output(self.architecture.label, self.task, model(inputs))
        if not bool(torch.isfinite(logits).all()):
            raise PluginError(
                f"{self.architecture.label} gives NaN or infinite outputs before training"
            )
        checkpoint.check_state(model)
        if self.settings["epochs"] != 0:
            training = self.training(self.rate(), Length(1), 0)
            fit(model, training, _OneBatch((inputs, targets, ids), self.task))


def train_again(
    spec: Mapping[str, Any],
    items: Items,
    needs: Mapping[str, str],
    data: PreparedData,
    device: torch.device,
    hooks: TrainingHooks,
    epochs: int,
) -> None:
    """Train a model from its start as its fit did, step by step, but alone and for the first epochs only.

    spec, needs: of the fit. hooks: told of the training, before the techniques of the recipe.

    Raises:
        NotApplicable: The fit trains nothing.
    """
    if spec["training"]["epochs"] == 0:
        raise NotApplicable("its weights are taken as they are, and not trained")
    data = with_training_share(data, spec["training"]["train_share"], int(spec["seed"]))
    trainer = Trainer(spec, items, data.task, device, ALONE, needs)
    model = trainer.model(spec["seed"], {})
    training = trainer.training(trainer.rate(), trainer.length(), spec["seed"])
    validation = data.split("validation", device) if data.task.counts.get("validation") else None
    follow(model, training, data.split("train", device), validation, hooks, epochs)


class _OneBatch:
    """A single batch, as the training loop reads examples."""

    def __init__(self, batch: Batch, task: Task) -> None:
        self.batch, self.ids, self.task = batch, batch[2], task

    def __len__(self) -> int:
        return len(self.ids)

    def in_order(self, order: torch.Tensor, batch_size: int) -> Iterator[Batch]:
        inputs, targets, ids = self.batch
        yield inputs[order], targets[order], ids[order]

    def batches(self, batch_size: int) -> Iterator[Batch]:
        yield self.batch


def _mover(augmentation: Chosen, task: Task) -> Callable[[Tensor, Draws], Tensor] | None:
    """Return what an augmentation does to targets that say where things are; None where it does nothing."""
    item, move = augmentation.item, task.problem_item.move
    assert isinstance(item, Augmentation)
    if move is None or item.moves is None:
        return None
    maps_of, options = item.moves, augmentation.model()

    def follow(targets: Tensor, draws: Draws) -> Tensor:
        maps = call(maps_of, task=task, options=options, draws=draws)
        moved: Tensor = call(move, targets=targets, maps=maps, task=task)
        return moved

    return follow


def _build(chosen: Chosen, **available: Any) -> Any:
    return call(chosen.item.build, options=chosen.model(), **available)  # type: ignore[attr-defined]
