"""Small trained and hand-made models to attack."""

from collections.abc import Container, Iterable

import pytest
import torch
from _pytest.mark import ParameterSet
from torch import nn

from harness.api import Attack, Budget, Draws
from harness_attacks import apgd, autoattack, fab, square
from harness_attacks.attack_problem import AttackProblem
from harness_attacks.options import (
    ApgdOptions,
    ApgdTOptions,
    AutoAttackOptions,
    FabTOptions,
    SquareOptions,
)

CLASSES = 4


def make_examples(n: int = 100, side: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    """Blobs at a place that depends on the class, in [0, 1], with noise."""
    generator = torch.Generator().manual_seed(3)
    targets = torch.arange(n) % CLASSES
    inputs = 0.25 + 0.15 * torch.rand((n, 1, side, side), generator=generator)
    half = side // 2
    for index, target in enumerate(targets.tolist()):
        row, column = divmod(target, 2)
        block = inputs[index, 0, row * half : (row + 1) * half, column * half :][:, :half]
        block += 0.12
    return inputs.clamp(0, 1), targets


class Net(nn.Module):
    """Convolution, batch normalisation, dropout: parts that a careless attack disturbs."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Flatten(),
            nn.Linear(8 * 36, CLASSES),
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.body(inputs)


class Counting(nn.Module):
    """Counts the examples that pass forward and back."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.forwards, self.backwards = inner, 0, 0

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.forwards += len(inputs)
        logits = self.inner(inputs)
        if logits.requires_grad:
            logits.register_hook(self.back)
        return logits

    def back(self, gradient: torch.Tensor) -> None:
        self.backwards += len(gradient)


def quick(values: Iterable[str], *chosen: str) -> list[ParameterSet]:
    """All values of a parameter; those that are not chosen are in the slow tier."""
    return mostly_slow([(value,) for value in values], {(value,) for value in chosen})


def matrix(items: Iterable[Attack], slow: Container[str] = ()) -> list[ParameterSet]:
    """Every attack in every norm that it knows, as (item, norm). By default each is tested in one of
    them, one after another by turns; the other norms, and the attacks named, are in the slow tier.
    """
    cases = []
    for place, item in enumerate(items):
        default = None if item.name in slow else item.norms[place % len(item.norms)]
        for norm in item.norms:
            marks = [] if norm == default else [pytest.mark.slow]
            cases.append(pytest.param(item, norm, id=f"{item.name}-{norm}", marks=marks))
    return cases


def mostly_slow(
    cases: Iterable[tuple[object, ...]], chosen: set[tuple[object, ...]]
) -> list[ParameterSet]:
    """All combinations of parameters; those that are not chosen are in the slow tier."""
    cases = list(cases)
    assert chosen <= set(cases)
    return [
        pytest.param(*case, marks=[] if case in chosen else [pytest.mark.slow]) for case in cases
    ]


def attack_briefly(
    model: nn.Module,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    budget: Budget,
    draws: Draws,
    batch_size: int | None = None,
) -> torch.Tensor:
    """Perturb as AutoAttack's standard version does, by the same attacks in the same order with few steps
    each: what holds of its parts and of their order needs no thousands of queries.
    """
    whole = autoattack.stages(AutoAttackOptions(), budget.norm)
    brief: dict[str, autoattack.Stage] = {
        "apgd-ce": lambda part: apgd.climb(part, "ce", ApgdOptions(steps=10)),
        "apgd-t": lambda part: apgd.climb_targeted(part, ApgdTOptions(steps=5, targets=2)),
        "fab-t": lambda part: fab.attack(part, FabTOptions(steps=5, targets=2), targeted=True),
        "square": lambda part: square.attack(part, SquareOptions(queries=30)),
    }
    problem = AttackProblem(model, inputs, targets, budget, draws, batch_size)
    return autoattack.attack_in_turn(problem, [(name, brief[name]) for name, _ in whole])


def draws(n: int, key: int = 7) -> Draws:
    return Draws(key, torch.arange(n))


def budget(norm: str, epsilon: float, low: float = 0.0, high: float = 1.0) -> Budget:
    return Budget(norm, epsilon, low, high)


def radius(norm: str) -> float:
    """An epsilon that fools some examples and spares some, in each norm."""
    return {"linf": 0.05, "l2": 0.2, "l1": 0.8, "l0": 1.0}[norm]
