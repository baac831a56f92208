"""What a technique must satisfy."""

from __future__ import annotations

import copy
import math
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.catalogue.in_use import names_of
from harness.catalogue.kinds import Technique
from harness.catalogue.references import call
from harness.contracts.cases import ExamplesInMemory, each, examples, network, smaller, tasks
from harness.contracts.subject import Broken, Subject, require
from harness.data.draws import Draws
from harness.data.model import DataSpaceModel
from harness.data.task import Task
from harness.train.fit import Batch, Training, fit
from harness.train.resume import Keeper
from harness.train.techniques import TrainingHooks

_EPOCHS, _BATCH = 4, 8
_PLACES = (5, 4)  # steps after which an attempt is killed


class _Killed(BaseException):
    """What ends a fit in the middle of it."""


class _Examples(ExamplesInMemory):
    """Examples as the training loop reads them."""

    task: Task

    def in_order(self, order: Tensor, batch_size: int) -> Iterator[Batch]:
        for part in torch.split(order, batch_size):
            yield self.inputs[part], self.targets[part], self.ids[part]


def _cases(subject: Subject) -> Iterator[tuple[Task, _Examples, nn.Module]]:
    for task in each(subject, smaller(tasks(names_of("modality")))[:1]):
        found = examples(task)
        data = _Examples(found.inputs, found.targets, found.ids)
        data.task = task
        yield task, data, DataSpaceModel([], network(task), nn.Identity())


def _training(subject: Subject, task: Task) -> Training:
    item = subject.item
    assert isinstance(item, Technique)

    def make() -> TrainingHooks:
        built = call(item.build, task=task, options=subject.choose().model())
        if not isinstance(built, TrainingHooks):
            raise Broken(f"it built a {type(built).__name__}, not TrainingHooks")
        return built

    def objective(
        model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        logits = model(inputs)
        return nn.functional.cross_entropy(logits, targets), logits

    return Training(
        objective=objective,
        make_optimizer=lambda named: torch.optim.AdamW([p for _, p in named], 0.01),
        make_schedule=lambda steps, curves: lambda step: 1.0,
        epochs=_EPOCHS,
        batch_size=_BATCH,
        techniques=[make],
    )


def _same(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)


def check_trains(subject: Subject) -> None:
    """A fit with it lowers the loss."""
    for task, data, model in _cases(subject):
        curves = fit(model, _training(subject, task), data, data).curves
        first, last = curves[0]["validation_loss"] or 0.0, curves[-1]["validation_loss"] or 0.0
        require(
            math.isfinite(last) and last < first,
            f"the loss of examples that were trained on went from {first:.4g} to {last:.4g}",
        )


def check_leaves_model(subject: Subject) -> None:
    """The fitted model has the parts and the weights' names that it had, and is itself the one that was evaluated last."""
    for task, data, model in _cases(subject):
        state, kinds = model.state_dict().keys(), [type(one) for one in model.modules()]
        training = _training(subject, task)
        found = fit(model, training, data, data)
        require(model.state_dict().keys() == state, "the weights have other names")
        require([type(one) for one in model.modules()] == kinds, "the model has other parts")
        with torch.no_grad():
            loss = float(nn.functional.cross_entropy(model(data.inputs), data.targets))
        told = found.curves[-1]["validation_loss"] or 0.0
        require(
            math.isclose(loss, told, rel_tol=1e-3, abs_tol=1e-5),
            f"its loss is {loss:.5g}, and it was {told:.5g} when the fit looked last",
        )


def check_goes_on(subject: Subject) -> None:
    """A fit that is killed twice ends bit for bit as one that was not."""
    for task, data, model in _cases(subject):
        training = _training(subject, task)
        again = copy.deepcopy(model)
        fit(model, training, data, data)
        with tempfile.TemporaryDirectory() as folder:
            said: list[str] = []
            keep = partial(Keeper, Path(folder) / "kept.safetensors", 0.0, said.append)
            for place in _PLACES:
                _fit_killed(copy.deepcopy(again), training, data, keep(), place)
                require(not said or "keeps nothing" not in said[-1], "; ".join(said[-1:]))
            fit(again, training, data, data, keeper=keep())
        require(
            _same(model, again),
            "killed and gone on, the weights are others: draw by a seed, and tell in `state` what goes from step to step",
        )


def _fit_killed(
    model: nn.Module, training: Training, data: _Examples, keeper: Keeper, steps: int
) -> None:
    """Fit until so many batches were read."""
    left = steps

    class Few(_Examples):
        def in_order(self, order: Tensor, batch_size: int) -> Iterator[Batch]:
            nonlocal left
            for batch in super().in_order(order, batch_size):
                left -= 1
                if left < 0:
                    raise _Killed
                yield batch

    few = Few(data.inputs, data.targets, data.ids)
    few.task = data.task
    try:
        fit(model, training, few, data, keeper=keeper)
    except _Killed:
        return
    raise Broken("a fit that was to be killed came to its end")


CONTRACTS = (check_trains, check_leaves_model, check_goes_on)
