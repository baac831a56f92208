"""Small tasks, examples and networks that contracts are checked on. Made in memory; nothing is read."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from harness.catalogue.in_use import modality_named, names_of, problem_named
from harness.catalogue.references import call, resolve
from harness.catalogue.subjects import ExampleSort, Modality, Problem
from harness.contracts.subject import Broken, Subject, require
from harness.data.draws import Draws, derive
from harness.data.seeding import seed_generators
from harness.data.task import Task

CLASSES = 10


def _task(modality: Modality, problem: Problem, sort: ExampleSort) -> Task:
    features = sort.shape[modality.feature_axis]
    middle = (sort.low + sort.high) / 2
    spread = (sort.high - sort.low) / 12**0.5  # of a uniform distribution
    real = modality.input_type == "float32"
    return Task(
        modality=modality.name,
        problem=problem.name,
        input_shape=sort.shape,
        low=sort.low,
        high=sort.high,
        mean=(middle,) * features if real else (0.0,),
        std=(spread,) * features if real else (1.0,),
        counts={"train": 48, "validation": 16, "test": 16},
        **{"outputs": CLASSES, **dict(problem.invented), **dict(sort.more)},
    )


def tasks(takes: Sequence[str], problems: Sequence[str] = ()) -> list[Task]:
    """Return the tasks of these modalities and problems; a range that is not 0 to 1 is among them.

    problems: none: the one that is the default.
    """
    return [
        _task(modality, problem, sort)
        for problem in map(problem_named, problems or default_problems())
        for modality in map(modality_named, names_of("modality"))
        for sort in modality.checked_on
        if modality.name in takes and modality.name in (problem.modalities or takes)
    ]


def default_problems() -> list[str]:
    """Return the name of the problem that is meant where none is named."""
    return [name for name in names_of("problem") if problem_named(name).default]


def smaller(found: Iterable[Task]) -> list[Task]:
    """Return the smallest task of each problem and modality."""
    first: dict[tuple[str, str], Task] = {}
    for task in sorted(found, key=lambda task: math.prod(task.input_shape)):
        first.setdefault((task.problem, task.modality), task)
    return list(first.values())


def describe(task: Task) -> str:
    """Return a task in words, such as "image 1x8x8"."""
    words = f"{task.modality} {'x'.join(map(str, task.input_shape))}"
    words += f" {task.text.by}" if task.text is not None else ""
    return words if task.problem_item.default else f"{words} {task.problem}"


def each(subject: Subject, found: Iterable[Task]) -> Iterator[Task]:
    """Yield tasks, and note on which one the contract is being checked."""
    for task in found:
        subject.at(describe(task))
        yield task
    subject.at("")


@dataclass
class ExamplesInMemory:
    """Examples in memory, whose ids are not their positions."""

    inputs: Tensor
    targets: Tensor
    ids: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield (inputs, targets, ids)."""
        for part in torch.split(torch.arange(len(self)), batch_size):
            yield self.inputs[part], self.targets[part], self.ids[part]


def examples(task: Task, count: int = 24, first: int = 100) -> ExamplesInMemory:
    """Return examples in the task's range around a prototype of each class, so that they can be
    learnt; the same ones on every call. Targets are what the problem invents for them.
    """
    ids = first + torch.arange(count).flip(0)
    noise = Draws(derive("contract"), ids).uniform("inputs", task.input_shape)
    labels = torch.arange(count) % CLASSES
    prototypes = Draws(derive("prototype"), labels).uniform("inputs", task.input_shape)
    unit = 0.3 * noise + 0.7 * prototypes
    inputs = task.low + (task.high - task.low) * unit
    if task.modality_item.input_type != "float32":
        inputs = inputs.round().to(getattr(torch, task.modality_item.input_type))
    if task.text is not None and task.text.padding is not None:
        inputs = _end(inputs, task.text.padding, labels)
    item = task.problem_item
    targets = call(item.invent, unit=unit, labels=labels, inputs=inputs, task=task)
    return ExamplesInMemory(inputs, targets, ids)


def _end(inputs: Tensor, padding: int, labels: Tensor) -> Tensor:
    """Return texts ``(count, time)`` of several lengths, which padding follows."""
    steps = inputs.shape[1]
    ends = steps - labels % max(2, steps // 4)
    over = torch.arange(steps) >= ends[:, None]
    return inputs.masked_fill(inputs == padding, padding + 1).masked_fill(over, padding)


def network(task: Task, *, trained: bool = False, seed: int = 1) -> nn.Module:
    """Return a small network in evaluation mode with a batch norm and a dropout, which show when
    something meddles with modes; trained for a moment if asked. seed: of its first weights.
    """
    key = (repr(task), task.problem_item.loss, seed)
    real = task.modality_item.input_type == "float32"
    first = nn.Flatten() if real else _Share(task.low, task.high)
    shape = task.output_shape
    last = [] if len(shape) == 1 else [nn.Unflatten(1, shape)]
    if trained and key in _trained:
        return copy.deepcopy(_trained[key])
    with torch.random.fork_rng(devices=[]):
        seed_generators(seed)
        size = torch.zeros(task.input_shape).numel()
        net = nn.Sequential(
            first,
            nn.BatchNorm1d(size),
            nn.Linear(size, 32),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(32, math.prod(shape)),
            *last,
        )
        if trained:
            _train(net, task)
            _trained[key] = copy.deepcopy(net.eval())
    return net.eval()


class _Share(nn.Module):
    """Numbers of things as shares of the range, which a derivative can be taken behind."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, inputs: Tensor) -> Tensor:
        return (inputs.flatten(1).float() - self.low) / (self.high - self.low)


_trained: dict[object, nn.Module] = {}  # always the same; many items are checked on each


def _train(net: nn.Module, task: Task) -> None:
    data = examples(task, 96, first=1000)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    loss_of = resolve(task.problem_item.loss)
    for _ in range(40):
        optimizer.zero_grad()
        outputs = net(data.inputs)
        loss = loss_of(outputs, data.targets) / (len(data) * task.target_std**2)
        loss.backward()
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)


@dataclass(frozen=True)
class State:
    """Everything about a model that a plugin must leave as it is."""

    values: dict[str, Tensor]
    modes: list[bool]
    trainable: list[bool]
    gradients: list[Tensor | None]

    @classmethod
    def of(cls, model: nn.Module) -> State:
        """Copy a model's state."""
        return cls(
            {name: value.detach().clone() for name, value in model.state_dict().items()},
            [module.training for module in model.modules()],
            [parameter.requires_grad for parameter in model.parameters()],
            [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        )

    def require_same(
        self, model: nn.Module, *, values: bool = True, gradients: bool = True
    ) -> None:
        """Raise where the model is no longer in this state.

        Raises:
            Broken: It is not; the message says what changed.
        """
        now = State.of(model)
        require(now.modes == self.modes, "it left modules in another mode (train, eval)")
        require(now.trainable == self.trainable, "it changed requires_grad of parameters")
        if values:
            for name, value in self.values.items():
                same = torch.equal(now.values[name], value)
                require(same, f"it changed the model's {name!r}")
        if gradients:
            for before, after in zip(self.gradients, now.gradients, strict=True):
                same = (
                    before is None
                    if after is None
                    else before is not None and bool(torch.equal(before, after))
                )
                require(same, "it left gradients on the model's parameters")


def generators() -> dict[str, Any]:
    """Return the state of the global random generators."""
    import random

    import numpy as np

    legacy: Any = np.random.get_state(legacy=False)
    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": (legacy["state"]["pos"], legacy["state"]["key"].tolist()),
        "random": random.getstate(),
    }


def require_same_generators(before: dict[str, Any]) -> None:
    """Raise where a global generator moved.

    Raises:
        Broken: One did; the message names it.
    """
    moved = [name for name, state in generators().items() if state != before[name]]
    require(
        not moved,
        f"it drew from the global generator of {' and '.join(moved)}; use draws.uniform or "
        "draws.normal, which belong to the example",
    )


def require_inputs(found: object, inputs: Tensor, task: Task) -> Tensor:
    """Return what a plugin made of inputs, checked: shape, dtype, finite, range.

    Raises:
        Broken: It is something else.
    """
    if not isinstance(found, Tensor):
        raise Broken(f"it returned a {type(found).__name__}, not a tensor")
    require(
        found.shape == inputs.shape,
        f"it returned the shape {tuple(found.shape)} for {tuple(inputs.shape)}",
    )
    require(found.dtype == inputs.dtype, f"it returned {found.dtype} for {inputs.dtype}")
    require(bool(found.isfinite().all()), "it returned NaN or infinite values")
    slack = 1e-6 * (task.high - task.low)
    low, high = float(found.min()), float(found.max())
    require(
        low >= task.low - slack and high <= task.high + slack,
        f"it returned values from {low:g} to {high:g}, outside [{task.low:g}, {task.high:g}]",
    )
    return found


def require_close(one: Tensor, other: Tensor, scale: float, words: str) -> None:
    """Raise where two tensors differ by more than 1e-4 of a scale.

    Raises:
        Broken: They do; `words` says what that means.
    """
    difference = float((one - other).abs().max())
    require(difference <= 1e-4 * scale, f"{words} (by {difference:.2g})")


def parts(count: int) -> list[Tensor]:
    """Return the positions of two batches that make up a batch of `count`, in another order."""
    order = torch.arange(count).flip(0)
    return [order[: count // 3], order[count // 3 :]]
