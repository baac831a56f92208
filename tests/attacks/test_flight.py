"""The loop: what it tells a search."""

from dataclasses import dataclass, field

import torch
from attack_cases import budget, draws

from harness_attacks.flight import State, fly
from harness_attacks.problem import Problem


@dataclass
class Clock:
    """Fools each example at an age of its own, in one run of three; keeps the ages that it was told."""

    problem: Problem
    steps: int = 5
    told: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)

    def begin(self, who: torch.Tensor, run: torch.Tensor) -> State:
        return {"x": self.problem.inputs[who], "falls": who % 7 + 10 * (1 - run)}

    def evaluate(self, state: State) -> torch.Tensor:
        self.told.append((state["age"].clone(), state["host_age"].clone()))
        return state["age"] == state["falls"]

    def advance(self, state: State) -> None:
        assert torch.equal(state["age"], state["host_age"])
        state["x"] = state["x"] + 1

    def last(self, state: State) -> torch.Tensor:
        return state["x"]


def test_the_host_knows_the_ages_of_rows_that_come_and_go():
    inputs = torch.zeros(20, 3)

    def model(x: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[1.0, 0.0]]).expand(len(x), 2)

    problem = Problem(
        model, inputs, torch.zeros(20, dtype=torch.long), budget("linf", 1.0), draws(20), 6
    )
    clock = Clock(problem)
    found = fly(problem, clock, runs=3)
    assert all(torch.equal(age, host) for age, host in clock.told)
    assert any(len(age.unique()) > 2 for age, _ in clock.told)  # of many ages at once
    assert torch.equal(found.fooled, torch.arange(20) % 7 < 5)
    assert torch.equal(found.perturbed[:5, 0], torch.arange(5.0))
