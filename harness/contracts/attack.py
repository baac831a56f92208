"""What an attack must satisfy, in every norm that it is defined for."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from harness.catalogue.in_use import problem_named
from harness.catalogue.kinds import Attack
from harness.catalogue.references import call, resolve
from harness.contracts.cases import (
    ExamplesInMemory,
    State,
    describe,
    each,
    examples,
    generators,
    network,
    parts,
    require_inputs,
    require_same_generators,
    smaller,
    tasks,
)
from harness.contracts.subject import Subject, require
from harness.data.budget import Budget
from harness.data.draws import Draws, derive
from harness.data.seeding import seed_generators
from harness.data.task import Task
from harness.errors import NotApplicable
from harness.measure.context import AttackContext
from harness.measure.model_copy import copy_model

_LARGEST = 2.0  # radius of a ball that holds the box, as a share of the range


@dataclass(frozen=True)
class _Case:
    subject: Subject
    task: Task
    data: ExamplesInMemory
    model: nn.Module
    norm: str

    def budget(self, share: float) -> Budget:
        """Return the ball whose radius is a share of the range in each coordinate.

        In L0 and in edits: that share of the coordinates, one at least unless it is 0.
        """
        epsilon, coordinates = (
            share * (self.task.high - self.task.low),
            math.prod(self.task.input_shape),
        )
        if self.norm in ("l0", "edits"):
            epsilon = math.ceil(share * coordinates)
        elif self.norm != "linf":
            epsilon *= coordinates if self.norm == "l1" else math.sqrt(coordinates)
        return Budget(self.norm, epsilon, self.task.low, self.task.high, self.task.text)

    def prepare(self) -> Any:
        """Run what the attack does once for a model."""
        item = self.subject.item
        assert isinstance(item, Attack) and item.prepare is not None
        largest = self.budget(_LARGEST)
        if item.minimum_norm:
            largest = replace(largest, epsilon=math.inf)
        return call(
            item.prepare,
            context=AttackContext(
                model=self.model,
                task=self.task,
                train=examples(self.task, 96, first=1000),
                budget=largest,
                batch_size=len(self.data),
                device=torch.device("cpu"),
                seed=derive("contract"),
                options=self.subject.choose(item.checked_with).model(),
            ),
        )

    def found(self, share: float) -> Tensor:
        """Return what the attack makes of the examples; it is run once, whichever contracts ask."""
        where = f"found {describe(self.task)} {self.norm} {share}"
        return self.subject.keep(where, partial(self.perturb, share))

    def again(self, made: Tensor | None = None) -> Tensor:
        """Return what another run makes of them at 0.1, prepared anew; `made`, where it has been run so."""
        where = f"again {describe(self.task)} {self.norm}"
        anew = partial(self.perturb, 0.1, prepare_anew=True)
        return self.subject.keep(where, anew if made is None else lambda: made)

    def perturb(
        self, share: float, part: Tensor | None = None, *, prepare_anew: bool = False
    ) -> Tensor:
        """Run the attack on the examples, or on some of them."""
        item = self.subject.item
        assert isinstance(item, Attack)
        where = f"prepared {describe(self.task)} {self.norm}"
        made = self.prepare if prepare_anew else partial(self.subject.keep, where, self.prepare)
        prepared = {} if item.prepare is None else {"prepared": made()}
        index = torch.arange(len(self.data)) if part is None else part
        inputs = self.data.inputs[index]
        found = call(
            item.perturb,
            model=self.model,
            inputs=inputs,
            targets=self.data.targets[index],
            budget=self.budget(share),
            draws=Draws(derive("contract"), self.data.ids[index]),
            problem=self.task.problem_item,
            options=self.subject.choose(item.checked_with).model(),
            **prepared,
        )
        return require_inputs(found, inputs, self.task)

    def correct(self, inputs: Tensor, index: Tensor | None = None) -> Tensor:
        """Return which examples the model gets right: ``(batch,)`` bool."""
        targets = self.data.targets if index is None else self.data.targets[index]
        fooled = self.task.problem_item.fooled
        assert fooled is not None
        with torch.no_grad():
            return torch.as_tensor(~resolve(fooled)(self.model(inputs), targets))


def _cases(subject: Subject, *, smallest: bool = False) -> Iterator[_Case]:
    """Yield every norm on every task to which it is applicable, or on the smallest of each modality."""
    item = subject.item
    assert isinstance(item, Attack)
    wanted = tasks(item.takes)
    wanted = [task for task in wanted if _is_applicable(subject, task)]
    require(bool(wanted), "it is not applicable to anything that it takes")
    if smallest:
        wanted = smaller(wanted)
    others = [name for name in item.problems if not problem_named(name).default]
    wanted += smaller(tasks(item.takes, others)) if others else []
    for task in each(subject, wanted):
        model = subject.keep(describe(task), partial(network, task, trained=True))
        for norm in item.norms:
            subject.at(f"{describe(task)}, {norm}")
            yield _Case(subject, task, examples(task), copy_model(model), norm)


def _is_applicable(subject: Subject, task: Task) -> bool:
    """Whether it has no reason against a task whose examples are of some sort; real-valued ones are of one."""
    if task.modality_item.input_type == "float32":
        return True
    item = subject.item
    assert isinstance(item, Attack)
    model = subject.keep(describe(task), partial(network, task, trained=True))
    case = _Case(subject, task, examples(task), copy_model(model), item.norms[0])
    with contextlib.suppress(NotApplicable):
        case.found(0.01)
        return True
    return False


def check_budget(subject: Subject) -> None:
    """It stays inside the ball and the box, at small and large radii."""
    for case in _cases(subject):
        for share in (0.01, 0.1, _LARGEST):
            budget = case.budget(share)
            found = case.found(share)
            largest = float(budget.distance(case.data.inputs, found).max())
            slack = 1e-5 * budget.epsilon + 1e-5 * (case.task.high - case.task.low)
            require(
                largest <= budget.epsilon + slack,
                f"a perturbation has the norm {largest:.6g}, and epsilon is {budget.epsilon:.6g}; "
                "return budget.clip(inputs, perturbed)",
            )


def check_zero(subject: Subject) -> None:
    """With epsilon 0 it returns the inputs."""
    for case in _cases(subject, smallest=True):
        difference = float((case.perturb(0.0) - case.data.inputs).abs().max())
        require(difference <= 1e-6, f"with epsilon 0 it moves inputs by {difference:.3g}")


def check_leaves_model(subject: Subject) -> None:
    """It leaves the model, its inputs and the global generators as they are."""
    for case in _cases(subject, smallest=True):
        _seed_otherwise()
        state, inputs, before = State.of(case.model), case.data.inputs.clone(), generators()
        found = case.perturb(0.1, prepare_anew=True)
        state.require_same(case.model)
        require_same_generators(before)
        require(torch.equal(inputs, case.data.inputs), "it changes its inputs in place")
        require(
            not case.data.inputs.requires_grad, "it asks for the gradient of the caller's inputs"
        )
        require(not found.requires_grad, "what it returns still has a graph; detach it")
        case.again(found)


def check_same_twice(subject: Subject) -> None:
    """The same draws give the same perturbation, prepared anew."""
    for case in _cases(subject, smallest=True):
        found = case.found(0.1)
        _seed_otherwise()
        require(
            torch.equal(found, case.again()),
            "run twice with the same draws, it returns other examples",
        )


def _seed_otherwise() -> None:
    """A contract begins with a seed of 0, which what draws globally must not meet again in another run."""
    seed_generators(1)


def check_batch(subject: Subject) -> None:
    """Whether an example is fooled does not depend on its batch."""
    for case in _cases(subject):
        whole = case.correct(case.found(0.05))
        for part in parts(len(case.data)):
            split = case.correct(case.perturb(0.05, part), part)
            differing = int((split != whole[part]).sum())
            require(not differing, f"in another batch {differing} of {len(part)} verdicts change")


def check_fools(subject: Subject) -> None:
    """It never raises accuracy, and in a ball as large as the box it fools at least one example; of texts those of some sort
    at least, as not all have the words that it changes.
    """
    sorts: dict[str, bool] = {}
    for case in _cases(subject):
        clean = int(case.correct(case.data.inputs).sum())
        for share in (0.05, 0.1, _LARGEST):
            left = int(case.correct(case.found(share)).sum())
            require(left <= clean, f"{clean} examples are right before the attack, {left} after it")
        if case.task.text is None:
            require(left < clean, f"all {clean} examples withstand a ball as large as the box")
        else:
            sorts[case.task.text.by] = left < clean
    fooled = not sorts or any(sorts.values())
    require(fooled, "all texts withstand a ball as large as the box")


CONTRACTS = (
    check_budget,
    check_zero,
    check_leaves_model,
    check_same_twice,
    check_batch,
    check_fools,
)
