"""Models with one fault each, and a function that says what the audit finds of them."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch
from measure_cases import (
    ATTACKS,
    InMemory,
    image_examples,
    image_task,
    make_context,
    measure,
    pgd,
    random_step,
    sign_step,
)
from torch import Tensor, nn
from torch.nn import functional

from harness.api import Attack, Finding, MeasureContext, Metric, Task
from harness.api.measuring import Chosen
from harness.plan.names import settle


def audited(
    model: nn.Module,
    folder: Path,
    *,
    data: InMemory | None = None,
    task: Task | None = None,
    attacks: dict[str, Chosen] | None = None,
    epsilons: tuple[float | str, ...] = (0.1,),
    **options: Any,
) -> tuple[list[Finding], list[Metric]]:
    """What the measure finds and yields, by default of PGD on bright rows and columns."""
    chosen = {"pgd": settle(pgd(), "", {})} if attacks is None else attacks
    options.setdefault("instead", ())
    context = make_context(
        "adversarial",
        model,
        image_examples() if data is None else data,
        image_task() if task is None else task,
        folder,
        attacks=tuple(chosen),
        epsilons=epsilons,
        **options,
    )
    context = dataclasses.replace(context, choose=lambda kind, name: chosen[name])
    metrics = measure(context, "adversarial")
    return read(context), metrics


def read(context: MeasureContext) -> list[Finding]:
    text = (context.folder / "findings.json").read_text()
    return [Finding(**values) for values in json.loads(text)]


def only(found: list[Finding], code: str) -> Finding:
    """The finding, which must be the only one."""
    assert [finding.code for finding in found] == [code], [finding.sentence for finding in found]
    return found[0]


def flags(metrics: list[Metric], **where: Any) -> set[str]:
    """The flags of the robust accuracies, "" of one without."""
    return {
        metric.where.get("flag", "")
        for metric in metrics
        if metric.name == "robust_accuracy" and where.items() <= metric.where.items()
    }


class Before(nn.Module):
    """A change of the inputs before a model, or of its outputs behind it."""

    def __init__(self, model: nn.Module, inputs: Any = None, outputs: Any = None) -> None:
        super().__init__()
        self.model = model
        self.inputs = inputs or (lambda x: x)
        self.outputs = outputs or (lambda z: z)
        self.training = model.training

    def forward(self, inputs: Tensor) -> Tensor:
        return self.outputs(self.model(self.inputs(inputs)))


class _Backwards(torch.autograd.Function):
    """The identity, with a derivative that points the other way."""

    @staticmethod
    def forward(context: Any, inputs: Tensor) -> Tensor:
        return inputs.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return -gradient


def misleading(inputs: Tensor) -> Tensor:
    return _Backwards.apply(inputs)


class Frozen(nn.Module):
    """A batch norm that always normalises by the batch."""

    def forward(self, inputs: Tensor) -> Tensor:
        return functional.batch_norm(inputs, None, None, training=True)


def descend(model, inputs, targets, budget):
    """A signed step with the wrong sign."""
    return budget.clip(inputs, 2 * inputs - sign_step(model, inputs, targets, budget))


def many_random_steps(model, inputs, targets, budget, draws):
    """The best of 60 random steps."""
    best = inputs
    for number in range(60):
        points = random_step(inputs, budget, draws.at(number))
        with torch.no_grad():
            fooled = model(points).argmax(1) != targets
        best = torch.where(fooled[:, None, None, None], points, best)
    return best


def chosen(name: str, **changes: Any) -> Chosen:
    """An attack of the measures' tests, or one of those above."""
    own = {
        "wrong-sign": Attack(
            name="wrong-sign", takes=("image", "sequence", "table"), perturb=descend
        ),
        "random-search": Attack(
            name="random-search",
            takes=("image", "sequence", "table"),
            perturb=many_random_steps,
            access="scores",
        ),
    }
    return settle(dataclasses.replace((ATTACKS | own)[name], **changes), "", {})
