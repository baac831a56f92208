"""An attack that learns one perturbation from the training examples, once for each model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import universal_plugin
from measure_cases import ATTACKS, InMemory, make_context, measure
from torch import nn

from harness.api import (
    Attack,
    FittedModel,
    MeasureContext,
    Metric,
    NotApplicable,
    PluginError,
    Task,
)
from harness.api.measuring import Chosen
from harness.contracts import check_plugin
from harness.plan.grammar import parse_name
from harness.plan.names import settle

EPSILONS = (0.05, 0.1, 0.2)
WEIGHTS = torch.tensor([1.0, -2.0, 0.0, 0.5])
AT = 0.5 * float(WEIGHTS.sum())


class Linear(nn.Module):
    """Class 1 where w x > b."""

    def __init__(self, weights: torch.Tensor = WEIGHTS) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        margin = inputs.flatten(1) @ self.weights - 0.5 * self.weights.sum()
        return torch.stack([-margin, margin], 1)


def task(train: int = 300) -> Task:
    return Task(
        modality="image",
        problem="classification",
        input_shape=(1, 2, 2),
        outputs=2,
        low=0.0,
        high=1.0,
        counts={"train": train, "test": 200},
    )


def examples(n: int, first: int, share: float) -> InMemory:
    """Examples of [0.3, 0.7] that `Linear` gets right, so many of them of class 1; the box is far."""
    generator = torch.Generator().manual_seed(first)
    inputs = 0.3 + 0.4 * torch.rand((4 * n, 1, 2, 2), generator=generator)
    targets = Linear()(inputs).argmax(1)
    ones = int(share * n)
    rows = torch.cat([(targets == 1).nonzero()[:ones], (targets == 0).nonzero()[: n - ones]])[:, 0]
    return InMemory(inputs[rows], targets[rows], first + torch.arange(n).flip(0))


TRAIN, TEST = examples(300, 1000, 0.9), examples(200, 5000, 0.7)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Offer the attack to measures; return a list of what its `prepare` was given."""
    given: list[Any] = []

    def prepare(context: Any) -> torch.Tensor:
        given.append(context)
        return universal_plugin.prepare(context)

    (item,) = universal_plugin.harness_register_attacks()
    monkeypatch.setitem(ATTACKS, "universal", replace(item, prepare=prepare))
    return given


def context_of(
    name: str, folder: Path, wanted: Task | None = None, **options: Any
) -> MeasureContext:
    options = {"epsilons": EPSILONS, **options}
    context = make_context(name, Linear().eval(), TEST, wanted or task(), folder, **options)
    splits = {"train": TRAIN, "test": TEST}

    def choose(kind: str, written: str) -> Chosen:
        assert kind == "attack"
        parsed = parse_name(written)
        return settle(ATTACKS[parsed.base], "", parsed.options)

    return replace(context, split=lambda split: splits[split], choose=choose)


def robust(found: list[Metric]) -> list[float]:
    return [
        metric.value
        for metric in found
        if metric.name == "robust_accuracy" and metric.where["attack"] != "worst case"
    ]


def test_the_universal_perturbation_of_a_linear_model_is_the_closed_form(
    counted: list[Any], tmp_path: Path
) -> None:
    """Most of the training examples are of class 1, so the loss climbs along -sign(w): of class 1 those stay
    right whose margin is over epsilon |w|_1, and all of class 0 do.
    """
    found = measure(context_of("adversarial", tmp_path, attacks=["universal"]), "adversarial")
    margin = (TEST.inputs.flatten(1) @ WEIGHTS - AT).abs()
    ones = TEST.targets == 1
    wanted = [float((~ones | (margin > e * WEIGHTS.abs().sum())).float().mean()) for e in EPSILONS]
    assert robust(found) == pytest.approx(wanted)
    assert 0.3 <= wanted[-1] < wanted[0] < 0.95
    (context,) = counted  # three radii, and the examples in several batches
    assert context.budget.epsilon == max(EPSILONS) and context.budget.norm == "linf"
    assert len(context.train) == 300 and context.task.counts["train"] == 300
    ids = torch.cat([ids for _, _, ids in context.train.batches(64)])
    assert not torch.isin(ids, TEST.ids).any()


def test_it_prepares_once_for_its_options(counted: list[Any], tmp_path: Path) -> None:
    attacks = ["universal", "universal:epochs=2"]
    measure(context_of("adversarial", tmp_path, attacks=attacks, batch_size=32), "adversarial")
    assert [context.options.epochs for context in counted] == [5, 2]
    assert {context.batch_size for context in counted} == {32}


def test_transfer_prepares_once_for_each_source(
    counted: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness_attacked.attack_choice.CHUNK_BYTES", 4 * 4 * 50 * 5)  # four chunks
    models = {"a": Linear(), "b": Linear(torch.tensor([1.0, -2.0, 0.5, 0.5]))}
    fits = tuple(
        FittedModel(
            architecture=name, recipe="", dataset="x", seed=0, load=lambda model=model: model.eval()
        )
        for name, model in models.items()
    )
    context = replace(
        context_of("transfer", tmp_path, attack="universal", batch_size=20), fits=fits
    )
    found = measure(context, "transfer")
    assert len(counted) == 2
    assert {metric.where["source"] for metric in found if "source" in metric.where} == {"a", "b"}


def test_without_training_examples_it_does_not_apply(counted: list[Any], tmp_path: Path) -> None:
    for name, options in {
        "adversarial": {"attacks": ["universal"]},
        "transfer": {"attack": "universal"},
    }.items():
        with pytest.raises(NotApplicable, match="universal prepares on training examples, and the"):
            measure(context_of(name, tmp_path, task(train=0), **options), name)
    assert not counted


def test_an_attack_that_asks_for_what_it_does_not_prepare_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = Attack(name="unprepared", takes=("image",), perturb=universal_plugin.perturb)
    monkeypatch.setitem(ATTACKS, "unprepared", item)
    with pytest.raises(PluginError, match="asks for a parameter 'prepared'; available: batch_size"):
        measure(context_of("adversarial", tmp_path, attacks=["unprepared"]), "adversarial")


def test_it_keeps_all_contracts_as_a_plugin() -> None:
    path = Path(universal_plugin.__file__)
    results = list(check_plugin(str(path)))
    assert [result for result in results if result.word != "ok"] == []
    assert "attack universal" in {result.item for result in results}
