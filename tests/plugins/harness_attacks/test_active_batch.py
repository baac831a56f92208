"""The loop: what it tells a search."""

from dataclasses import dataclass, field

import torch
from attack_cases import budget, draws

from harness_attacks.active_batch import State, search_examples
from harness_attacks.attack_problem import AttackProblem


@dataclass
class Clock:
    """Fools each example at an age of its own, in one run of three; keeps the ages that it was told."""

    problem: AttackProblem
    steps: int = 5
    told: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)

    def begin(self, examples: torch.Tensor, run: torch.Tensor) -> State:
        return {"x": self.problem.inputs[examples], "falls": examples % 7 + 10 * (1 - run)}

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

    problem = AttackProblem(
        model, inputs, torch.zeros(20, dtype=torch.long), budget("linf", 1.0), draws(20), 6
    )
    clock = Clock(problem)
    found = search_examples(problem, clock, runs=3)
    assert all(torch.equal(age, host) for age, host in clock.told)
    assert any(len(age.unique()) > 2 for age, _ in clock.told)  # of many ages at once
    assert torch.equal(found.fooled, torch.arange(20) % 7 < 5)
    assert torch.equal(found.perturbed[:5, 0], torch.arange(5.0))


class Early(Clock):
    """Fools every third example at age 2; the others are done at ages of their own, with what `last` says."""

    def begin(self, examples: torch.Tensor, run: torch.Tensor) -> State:
        done = torch.zeros_like(examples, dtype=torch.bool)
        return {"x": self.problem.inputs[examples], "examples": examples, "done": done}

    def evaluate(self, state: State) -> torch.Tensor:
        self.told.append((state["examples"], state["age"]))
        return (state["examples"] % 3 == 0) & (state["age"] == 2)

    def advance(self, state: State) -> None:
        state["x"] = state["x"] + 1
        state["done"] = (state["examples"] % 3 > 0) & (state["age"] + 1 >= state["examples"])

    def last(self, state: State) -> torch.Tensor:
        return -state["x"]


def test_who_is_done_leaves_before_the_steps_are_used_up():
    problem = AttackProblem(
        torch.nn.Identity(),
        torch.zeros(9, 2),
        torch.zeros(9).long(),
        budget("linf", 1),
        draws(9),
        4,
    )
    search = Early(problem, steps=6)
    found = search_examples(problem, search)
    assert found.perturbed[:, 0].tolist() == [2, -1, -2, 2, -4, -5, 2, -6, -6]
    assert found.fooled.tolist() == [True, False, False] * 3
    asked = torch.cat([examples for examples, _ in search.told]).bincount().tolist()
    assert asked == [3, 2, 3, 3, 5, 6, 3, 6, 6]  # a done row is asked about once more
