"""What APGD maximises, and how it remembers the highest point so far."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness_attacks.active_batch import State
from harness_attacks.attack_problem import AttackProblem, differentiate, is_correct, spread
from harness_attacks.losses import Loss

STEEPEST = 1e37  # so that differences of gradients are finite


@dataclass(frozen=True)
class APGDTarget:
    """A loss of the logits.

    goals: ``(examples, runs)``, the class that each run aims at; None: untargeted. positive: the loss
    that the authors climb instead is above 0 everywhere.
    """

    loss: Loss
    goals: Tensor | None = None
    positive: bool = False

    def look_up(self, examples: Tensor, run: Tensor) -> State:
        """Return the goals of runs, if there are any, as a part of a state."""
        return {} if self.goals is None else {"goals": self.goals[examples, run]}


def look(
    problem: AttackProblem, target: APGDTarget, state: State, samples: int
) -> tuple[Tensor, Tensor]:
    """Return which are fooled at "x" ``(batch,)`` and the gradient there ``(batch, *shape)``; keep the loss.

    samples: evaluations over which the gradient of a model that draws random numbers is averaged; its
    verdict and its loss are the last ones.
    """
    goals = state.get("goals")
    total = torch.zeros(())
    for number in range(samples):
        logits, state["loss"], gradient = differentiate(
            problem.model, state["x"], state["targets"], target.loss, goals
        )
        total = gradient if number == 0 else total.add_(gradient)
    if samples > 1:
        total.div_(samples)
    return ~is_correct(logits, state["targets"]), total.clamp_(-STEEPEST, STEEPEST)


def keep_best(state: State) -> None:
    """Note the point and the direction of those whose loss is higher than ever, in tensors of their own."""
    better = state["loss"] > state["best_loss"]
    state["best_loss"] = torch.where(better, state["loss"], state["best_loss"])
    for best, now in (("best_x", "x"), ("best_direction", "direction")):
        state[best].lerp_(state[now], spread(better.to(state[now].dtype), state[now]))


def choose(rows: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return `first` in some ``rows (batch,)`` and `second` in the others; both finite.

    As `torch.where`, but linear interpolation by 0 and 1, which is exact, takes a quarter of its time on a CPU.
    """
    return torch.lerp(second, first, spread(rows.to(first.dtype), first))
