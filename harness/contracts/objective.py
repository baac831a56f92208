"""What an objective must satisfy, for every problem that it is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from harness.catalogue.in_use import names_of
from harness.catalogue.kinds import Objective
from harness.catalogue.references import call
from harness.contracts.cases import (
    ExamplesInMemory,
    State,
    each,
    examples,
    network,
    require_close,
    tasks,
)
from harness.contracts.subject import Broken, NotChecked, Subject, require
from harness.data.draws import Draws, derive
from harness.data.seeding import seed_generators
from harness.data.task import Task
from harness.train.weight_gradients import check_weights


def _cases(subject: Subject) -> Iterator[tuple[Task, ExamplesInMemory, nn.Module]]:
    """Yield each task with a network in training mode, one part of which is frozen."""
    item = subject.item
    assert isinstance(item, Objective)
    problems = [word for word in item.problems if word in names_of("problem")]
    for task in each(subject, tasks(item.takes, problems)):
        net = network(task).train()
        norm = net.get_submodule("1").eval()
        for parameter in norm.parameters():
            parameter.requires_grad = False
        yield task, examples(task), net


def _build(subject: Subject, task: Task) -> Any:
    """Build it; who teaches is a network that does not answer as the one that learns."""
    item = subject.item
    assert isinstance(item, Objective)

    @torch.no_grad()
    def teacher(inputs: Tensor) -> Any:
        return network(task, seed=2)(inputs)

    return call(item.build, task=task, teacher=teacher, options=subject.choose().model())


def _loss(
    subject: Subject, task: Task, data: ExamplesInMemory, model: nn.Module
) -> tuple[Tensor, Tensor | None]:
    objective = _build(subject, task)
    require(callable(objective), f"it built a {type(objective).__name__}, not a function")
    seed_generators(0)  # of the dropout
    draws = Draws(derive("contract"), data.ids)
    found = objective(model, data.inputs, data.targets, draws)
    if not isinstance(found, tuple) or len(found) != 2:
        raise Broken(f"it returned a {type(found).__name__}, not (loss, logits)")
    return found


def check_loss(subject: Subject) -> None:
    """Its loss is one finite number."""
    for task, data, model in _cases(subject):
        loss, _ = _loss(subject, task, data, model)
        if not isinstance(loss, Tensor):
            raise Broken(f"the loss is a {type(loss).__name__}, not a tensor")
        require(loss.dim() == 0, f"the loss has the shape {tuple(loss.shape)}; average it")
        require(bool(loss.isfinite()), f"the loss is {float(loss.detach())}")


def check_gradient(subject: Subject) -> None:
    """The gradient of its loss reaches the parameters."""
    for task, data, model in _cases(subject):
        loss, _ = _loss(subject, task, data, model)
        require(loss.requires_grad, "the loss has no gradient")
        loss.backward()  # type: ignore[no-untyped-call]
        trained = [p for p in model.parameters() if p.requires_grad]
        require(
            all(p.grad is not None and bool(p.grad.isfinite().all()) for p in trained),
            "a trainable parameter has no finite gradient",
        )
        require(any(bool(p.grad.any()) for p in trained if p.grad is not None), "it is zero")


def check_derivative(subject: Subject) -> None:
    """Differences of its loss are what its gradient says."""
    item = subject.item
    assert isinstance(item, Objective)
    if item.holds:
        raise NotChecked(f"it holds {item.holds} on purpose")
    for task, data, model in _cases(subject):
        objective = _build(subject, task)
        draws = Draws(derive("contract"), data.ids)
        found = check_weights(model, objective, data.inputs, data.targets, draws)
        require(
            found is None or not found.wrong,
            f"{found.words() if found else ''}; say what is held on purpose: Objective(holds=...)",
        )


def check_logits(subject: Subject) -> None:
    """Its logits are what the problem asks of a model, (batch, outputs) or another shape, or None."""
    for task, data, model in _cases(subject):
        _, logits = _loss(subject, task, data, model)
        if logits is None:
            continue
        wanted = (len(data), *task.output_shape)
        require(
            isinstance(logits, Tensor) and tuple(logits.shape) == wanted,
            f"the logits are {tuple(getattr(logits, 'shape', ()))}; wanted {wanted} or None",
        )


def check_leaves_model(subject: Subject) -> None:
    """It leaves modes, requires_grad and gradients of the model as they are, and its inputs too."""
    for task, data, model in _cases(subject):
        before, inputs = State.of(model), data.inputs.clone()
        _loss(subject, task, data, model)
        before.require_same(model, values=False)  # training moves the statistics of norms
        require(torch.equal(inputs, data.inputs), "it changes its inputs in place")
        require(not data.inputs.requires_grad, "it asks for the gradient of the caller's inputs")


def check_draws(subject: Subject) -> None:
    """The same draws give the same loss."""
    for task, data, model in _cases(subject):
        first, _ = _loss(subject, task, data, model)
        again, _ = _loss(subject, task, data, model)
        require_close(
            first.detach(), again.detach(), 0.1, "the same batch and draws give another loss"
        )


def check_parts(subject: Subject) -> None:
    """The loss of a batch is the mean of its parts' losses, where batches may be cut."""
    item = subject.item
    assert isinstance(item, Objective)
    if item.joins:
        raise NotChecked("it joins examples of a batch on purpose")
    for task, data, model in _cases(subject):
        objective = _build(subject, task)
        draws, half = Draws(derive("contract"), data.ids), len(data) // 2
        whole = torch.arange(len(data))
        losses = [
            objective(model.eval(), data.inputs[rows], data.targets[rows], draws.select(rows))[0]
            for rows in (whole, whole[:half], whole[half:])
        ]
        of_all, *of_parts = (loss.detach().double() for loss in losses)
        shares = half / len(data), 1 - half / len(data)
        mean = sum(share * loss for share, loss in zip(shares, of_parts, strict=True))
        require(
            bool(torch.isclose(of_all, mean, rtol=1e-3, atol=1e-5)),
            f"the loss of {len(data)} examples is {float(of_all):.5g}, and the mean of those of its halves "
            f"{float(mean):.5g}; take the mean over examples, or say that it joins them: Objective(joins=True)",
        )


CONTRACTS = (
    check_loss,
    check_gradient,
    check_derivative,
    check_logits,
    check_leaves_model,
    check_draws,
    check_parts,
)
