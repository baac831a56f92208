"""What measures are given while their contracts are checked: small networks, and a fit that was invented."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import nn

from harness.catalogue.chosen import Chosen
from harness.catalogue.references import resolve
from harness.contracts.cases import (
    network,
)
from harness.contracts.subject import Subject
from harness.data.adapt import can_adapt
from harness.data.corrupt import corrupt
from harness.data.draws import Draws
from harness.data.prepared import PreparedData, SplitExamples
from harness.data.refusal import check_refusal, write_refusal
from harness.data.task import Task
from harness.errors import NotApplicable
from harness.execute.measure_ranks import ranks_of
from harness.machine.devices import cpu_count
from harness.measure.context import FittedModel, MeasureContext
from harness.measure.history import FitHistory
from harness.measure.no_model import NoModel
from harness.plan.names import choose_one
from harness.train.fit import Training
from harness.train.follow import follow
from harness.train.precision import autocast
from harness.train.techniques import TrainingHooks


def invented_context(
    subject: Subject, chosen: Chosen, data: PreparedData, models: list[nn.Module], folder: Path
) -> MeasureContext:
    """Return what a measure is given.

    models: in evaluation mode; one, or those that it ranges over. folder: it has a folder `job` for the measure's files, and takes
    corrupted copies.
    """
    device = torch.device("cpu")

    def corrupted(name: str, severity: int) -> SplitExamples:
        shift = choose_one(subject.catalogue, "shift", name)
        takes = shift.item.takes  # type: ignore[attr-defined]
        if not can_adapt(data.task.modality, takes) or data.task.modality not in takes:
            raise NotApplicable(f"shift {name} takes {', '.join(takes)}")
        copy = folder / f"{name}@{severity}".replace("/", "_")
        if not copy.exists():
            copy.mkdir()
            made = corrupt(data.folder, shift, {severity: copy}, 0)[severity]
            if isinstance(made, NotApplicable):
                write_refusal(copy, made)
            elif isinstance(made, Exception):
                raise made
        check_refusal(copy)
        return PreparedData.open(copy).split("test", device)

    def train_again(hooks: TrainingHooks, epochs: int) -> None:
        model, train = network(data.task), data.split("train", device)
        follow(model, _training(data.task), train, None, hooks, epochs)

    return MeasureContext(
        task=data.task,
        model=models[0] if len(models) == 1 else NoModel(),
        device=device,
        precision="fp32",
        threads=torch.get_num_threads(),
        seed=0,
        options=chosen.model(),
        folder=folder / "job",
        split=lambda name: data.split(name, device),
        corrupted=corrupted,
        choose=lambda kind, name: choose_one(subject.catalogue, kind, name),
        autocast=lambda: autocast(device, "fp32"),
        fits=tuple(_fits(subject.item.over, models)),  # type: ignore[attr-defined]
        train_again=train_again,
        devices=min(2, cpu_count()),
        in_ranks=ranks_of(folder, "cpu", lambda rank: device),
        history=lambda: _history(data.task),
    )


def _training(task: Task) -> Training:
    """Return how a small network is trained."""
    loss_of = resolve(task.problem_item.loss)

    def objective(
        model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, draws: Draws
    ) -> tuple[torch.Tensor, torch.Tensor]:
        outputs = model(inputs)
        return loss_of(outputs, targets) / len(targets), outputs

    return Training(
        objective=objective,
        make_optimizer=lambda named: torch.optim.Adam([one for _, one in named], 0.01),
        make_schedule=lambda steps, curves: lambda step: 1.0,
        epochs=4,
        batch_size=16,
    )


def _history(task: Task) -> FitHistory:
    """Return how a fit of two epochs may have gone."""
    graded = task.problem_item.correct is not None
    rows = [
        {
            "epoch": k,
            "examples": 40 * k,
            "learning_rate": 0.1,
            "train_loss": 1.0 / k,
            "train_accuracy": 0.45 * k if graded else None,
            "validation_loss": 1.2 / k,
            "validation_accuracy": 0.4 * k if graded else None,
            "seconds": 0.02 * k,
            "training_seconds": 0.015 * k,
            "core_seconds": 0.01 * k,
        }
        for k in (1, 2)
    ]
    searched = {"seconds": 0.1, "core_seconds": 0.05, "candidates": 5}
    return FitHistory(rows=rows, searched=searched, joules=2.0, bytes=2**20)


def _fits(over: Sequence[str], models: Sequence[nn.Module]) -> Iterator[FittedModel]:
    """Yield models as a measure is given them: they differ in the axes that it ranges over."""
    for k, model in enumerate(models if over else ()):
        yield FittedModel(
            architecture=f"net:width={k + 1}" if "architecture" in over else "net",
            recipe=f"recipe-{k + 1}" if "recipe" in over else "",
            dataset="contract",
            seed=k if "seed" in over else 0,
            load=partial(_same, model),
        )


def _same(model: nn.Module) -> nn.Module:
    return model
