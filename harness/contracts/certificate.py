"""What a certificate must satisfy, in every norm in which it proves something."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.catalogue.kinds import Certificate
from harness.catalogue.references import call
from harness.contracts.cases import (
    ExamplesInMemory,
    describe,
    each,
    examples,
    network,
    parts,
    tasks,
)
from harness.contracts.subject import Subject, require
from harness.data.budget import Budget
from harness.data.draws import Draws, derive
from harness.errors import NotApplicable

_SHARES = (0.01, 0.3)  # of the box's width
_STEPS = 10


@dataclass(frozen=True)
class _Claim:
    subject: Subject
    where: str
    data: ExamplesInMemory
    model: nn.Module
    budget: Budget

    @property
    def proved(self) -> Tensor:
        """Which examples are proved; asked once, whichever contracts ask."""
        return self.subject.keep(f"proved {self.where}", self.certify)

    def certify(self, index: Tensor | None = None) -> Tensor:
        """Ask which examples are proved, of all or of some."""
        item, rows = self.subject.item, slice(None) if index is None else index
        assert isinstance(item, Certificate)
        found = call(
            item.certify,
            model=self.model,
            inputs=self.data.inputs[rows],
            targets=self.data.targets[rows],
            budget=self.budget,
        )
        count = len(self.data.targets[rows])
        require(isinstance(found, Tensor), f"it returns {type(found).__name__}, not a tensor")
        assert isinstance(found, Tensor)
        require(
            found.shape == (count,) and found.dtype == torch.bool,
            f"of {count} examples it returns {tuple(found.shape)} of {found.dtype}, not one bool each",
        )
        return found

    def correct(self, points: Tensor) -> Tensor:
        """Return which points are classified correctly."""
        with torch.no_grad():
            return torch.as_tensor(self.model(points).argmax(1) == self.data.targets)


def _cases(subject: Subject) -> Iterator[_Claim]:
    item, fits = subject.item, False
    assert isinstance(item, Certificate)
    for task in each(subject, tasks(item.takes)):
        for norm in item.norms:
            for share in _SHARES:
                budget = Budget(norm, share * (task.high - task.low), task.low, task.high)
                where = f"{describe(task)}, {norm} {budget.epsilon:g}"
                subject.at(where)
                case = _Claim(subject, where, examples(task), network(task, trained=True), budget)
                with contextlib.suppress(NotApplicable):
                    _ = case.proved
                    fits = True
                    yield case
    require(fits, "it is not applicable to anything that it takes")


def check_right(subject: Subject) -> None:
    """It proves one bool an example, and nothing of an example that the model gets wrong."""
    for case in _cases(subject):
        wrong = case.proved & ~case.correct(case.data.inputs)
        require(not wrong.any(), f"it proves {int(wrong.sum())} examples that the model gets wrong")


def check_sound(subject: Subject) -> None:
    """No random point and no ascent by gradients inside the ball changes an answer that it proved."""
    for case in _cases(subject):
        proved, inputs, budget = case.proved, case.data.inputs, case.budget
        points = budget.random(inputs, Draws(derive("contract"), case.data.ids))
        for _ in range(_STEPS):
            turned = int((proved & ~case.correct(points)).sum())
            require(turned == 0, f"{turned} answers that it proved change inside the ball")
            leaf = points.detach().requires_grad_()
            loss = functional.cross_entropy(case.model(leaf), case.data.targets, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, leaf)
            points = budget.clip(inputs, points + budget.epsilon * gradient.sign())


def check_batches(subject: Subject) -> None:
    """It proves the same of an example in every batch, and leaves inputs and model as they are."""
    for case in _cases(subject):
        before = case.data.inputs.clone()
        state = {name: value.clone() for name, value in case.model.state_dict().items()}
        whole = case.proved
        apart = torch.zeros_like(whole)
        for index in parts(len(whole)):
            apart[index] = case.certify(index)
        require(torch.equal(whole, apart), "what it proves depends on the batch")
        require(torch.equal(before, case.data.inputs), "it changes its inputs in place")
        same = all(torch.equal(state[name], now) for name, now in case.model.state_dict().items())
        require(same, "it changes the model")


CONTRACTS = (check_right, check_sound, check_batches)
