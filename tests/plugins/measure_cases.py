"""Contexts around small trained models and examples in memory."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

import harness_attacked
import harness_certified
import harness_deployment
import harness_explained
import harness_quality
import harness_timed
import harness_training
import harness_uncertainty
from harness.api import Attack, Draws, Measure, MeasureContext, Metric, NotApplicable, Shift, Task
from harness.api.measuring import Chosen, call, derive
from harness.catalogue.host import Host

MEASURES: dict[str, Measure] = {
    item.name: item
    for package in (
        harness_attacked,
        harness_certified,
        harness_deployment,
        harness_explained,
        harness_quality,
        harness_timed,
        harness_training,
        harness_uncertainty,
    )
    for item in package.harness_register_measures()
}
SIDE, CLASSES = 6, 3


@dataclass
class InMemory:
    """Examples whose ids are not their positions."""

    inputs: torch.Tensor
    targets: torch.Tensor
    ids: torch.Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def batches(self, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        for part in torch.arange(len(self)).split(batch_size):
            yield self.inputs[part], self.targets[part], self.ids[part]


def image_examples(n: int = 120) -> InMemory:
    """A bright row, a bright column or neither, in [0, 1]."""
    generator = torch.Generator().manual_seed(1)
    targets = torch.arange(n) % CLASSES
    inputs = 0.4 * torch.rand((n, 1, SIDE, SIDE), generator=generator)
    inputs[targets == 1, :, 2] += 0.5
    inputs[targets == 2, :, :, 3] += 0.5
    ids = 1000 + torch.randperm(n, generator=generator)
    return InMemory(inputs.clamp(0, 1), targets, ids)


def table_examples(n: int = 150) -> InMemory:
    generator = torch.Generator().manual_seed(2)
    inputs = torch.rand((n, 4), generator=generator)
    noise = 0.3 * torch.randn(n, generator=generator)
    targets = inputs @ torch.tensor([3.0, -2.0, 1.0, 0.0]) + 5 + noise
    return InMemory(inputs, targets, torch.arange(n).flip(0))


def image_task() -> Task:
    return Task(
        modality="image",
        problem="classification",
        input_shape=(1, SIDE, SIDE),
        outputs=CLASSES,
        low=0.0,
        high=1.0,
        mean=(0.25,),
        std=(0.2,),
    )


def table_task() -> Task:
    return Task(
        modality="table",
        problem="regression",
        input_shape=(4,),
        outputs=1,
        low=0.0,
        high=1.0,
        std=(0.3,) * 4,
    )


def train(
    model: nn.Module, examples: InMemory, loss: Callable[..., torch.Tensor], rate: float = 0.02
) -> nn.Module:
    optimizer = torch.optim.Adam(model.parameters(), rate)
    for _ in range(60):
        optimizer.zero_grad()
        loss(model(examples.inputs), examples.targets).backward()
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return model.eval()


class Column(nn.Module):
    """A linear regression whose output is ``(batch, 1)``."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.inner(inputs)


def sign_step(model, inputs, targets, budget):
    """A plugin's own attack, from another package than the built-in ones."""
    leaf = inputs.clone().requires_grad_()
    loss = nn.functional.cross_entropy(model(leaf), targets, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, leaf)
    return budget.clip(inputs, inputs + budget.epsilon * gradient.sign())


def random_step(inputs, budget, draws):
    noise = 2 * draws.uniform("noise", tuple(inputs.shape[1:])) - 1
    return budget.clip(inputs, inputs + budget.epsilon * noise.sign())


def leave_the_ball(inputs, budget):
    return (inputs + 1.5 * budget.epsilon * (0.5 - inputs).sign()).clamp(budget.low, budget.high)


def leave_the_box(inputs, budget):
    return inputs - 0.9 * budget.epsilon


def darken_least(model, inputs, targets, budget):
    """The least darkening, in steps of a hundredth, that changes the answer."""
    nearest = inputs.clone()
    for step in range(100, 0, -1):
        darker = (inputs - step / 100).clamp(budget.low, budget.high)
        fooled = model(darker).argmax(1) != targets
        fooled &= budget.size(darker - inputs) <= budget.epsilon
        nearest[fooled] = darker[fooled]
    return nearest.detach()


def pgd() -> Attack:
    return Host().catalogue.entries("attack")["pgd"].item


ATTACKS = {
    "pgd": pgd(),
    "darken": Attack(
        name="darken", takes=("image", "sequence", "table"), perturb=darken_least, minimum_norm=True
    ),
} | {
    name: Attack(name=name, takes=("image", "sequence", "table"), perturb=function, norms=norms)
    for name, function, norms in (
        ("sign", sign_step, ("linf", "l2")),
        ("random", random_step, ("linf",)),
        ("out-of-ball", leave_the_ball, ("linf",)),
        ("out-of-box", leave_the_box, ("linf",)),
        ("l1-only", random_step, ("l1",)),
    )
}


def darken(inputs, severity):
    return inputs * (1 - 0.15 * severity)


def jitter(inputs, severity, draws):
    return (inputs + 0.05 * severity * draws.normal("jitter", tuple(inputs.shape[1:]))).clamp(0, 1)


SHIFTS = {
    "darken": Shift(name="darken", apply=darken, takes=("image", "table")),
    "jitter": Shift(name="jitter", apply=jitter, takes=("image", "table")),
    "sideways": Shift(name="sideways", apply=darken, takes=("sequence",)),
}


def make_context(
    name: str,
    model: nn.Module,
    data: InMemory,
    task: Task,
    folder: Path,
    **options: Any,
) -> MeasureContext:
    """What the harness would give to the measure `name`."""
    model_of_options = MEASURES[name].options

    def split(wanted: str) -> InMemory:
        assert wanted == "test"
        return data

    def corrupted(shift: str, severity: int) -> InMemory:
        item = SHIFTS[shift]
        if task.modality not in item.takes:
            raise NotApplicable(f"{shift} takes {', '.join(item.takes)}")
        draws = Draws(derive(0, "shift", shift), data.ids)
        inputs = call(item.apply, inputs=data.inputs, severity=severity, draws=draws, task=task)
        return replace(data, inputs=inputs)

    return MeasureContext(
        task=task,
        model=model,
        device=torch.device("cpu"),
        precision="fp32",
        threads=1,
        seed=3,
        options=None if model_of_options is None else model_of_options(**options),
        folder=folder,
        split=split,
        corrupted=corrupted,
        choose=lambda kind, wanted: Chosen(item=ATTACKS[wanted], label=wanted),
        autocast=contextlib.nullcontext,
    )


def measure(context: MeasureContext, name: str) -> list[Metric]:
    return list(call(MEASURES[name].run, context=context))


def named(metrics: list[Metric], name: str, **where: Any) -> list[Metric]:
    return [m for m in metrics if m.name == name and where.items() <= m.where.items()]


def one(metrics: list[Metric], name: str, **where: Any) -> Metric:
    (found,) = named(metrics, name, **where)
    return found
