"""CW-L2: Adam on the squared distance and c times the margin, with a search for each example's c."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.api import Budget, Draws
from harness_attacks.active_batch import State, search_examples
from harness_attacks.attack_problem import AttackProblem, Judge, differentiate, is_correct, spread
from harness_attacks.losses import margin
from harness_attacks.nearest import begin_nearest, keep_nearest
from harness_attacks.options import CwL2Options

EDGE = 0.1  # how far from -1 and 1 a tanh begins: beyond it is so flat that Adam needs hundreds of steps
BETAS = (0.9, 0.999)  # of Adam
TINY = 1e-8  # of Adam
PROGRESS = 0.9999  # of the loss a tenth of the steps ago: above it a search for one c is given up
LARGEST = 1e10  # c


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: CwL2Options,
    batch_size: int | None = None,
    judge: Judge | None = None,
) -> Tensor:
    """Return the nearest misclassified points that were found, or with a finite ball the first inside.

    Minimises ||delta||^2 + c max(z_y - max z_i + confidence, 0), i not y, lengths in widths of the box, by
    Adam over w, where x = inputs + half the width * (tanh(w) - tanh(w_0)). So x stays in the box without a
    constraint. w_0 is where tanh meets the input, but no nearer than 0.1 to -1 and 1, where tanh has hardly a
    slope; for such a coordinate half the width is stretched, so that it still reaches the far edge, and x
    is clipped at the near one. So an input at the edge of the box begins exactly where it is, and can leave.
    The authors, and foolbox, begin 1e-6 from the edge: it takes a coordinate some 500 steps to come back.

    Each example has its own c. It grows tenfold from `initial_const` until a search succeeds, then lies
    midway between the largest that failed and the smallest that succeeded; `binary_search_steps` searches in
    all. With `abort_early` a search ends when a tenth of its steps lowered the loss by less than 0.01 %. That
    is decided for each example; in the authors' code and in foolbox the loss of the whole batch decides.

    Cost: at most a forward and a backward pass for each of `steps` * `binary_search_steps`, 1,800 by default. The
    authors take 10,000 steps for each c. On four small models, two of them on images with many coordinates
    at the box's edge, the median distance after 200 was within 0.2 % of that after 500 or 1,000.

    Source: Carlini & Wagner 2017, "Towards evaluating the robustness of neural networks", section VI.A.

    inputs: ``(examples, *shape)`` in [budget.low, budget.high]. targets: ``(examples,)`` classes.
    """
    problem = AttackProblem(model, inputs, targets, budget, draws, batch_size, judge)
    return search_examples(problem, _CarliniWagner(problem, options)).perturbed


@dataclass(frozen=True)
class _CarliniWagner:
    """A `active_batch.Search`.

    Of the state, "origin" is w_0, "w" the variable, "tanh" its tanh, of which x is "scale" times so much and "offset",
    "first" and "second" Adam's moments, all ``(batch, *shape)``; "c" and its bounds "low" and "high", "step" of
    the current search, "search" its number, "found" whether it succeeded, "previous" its loss at the last look,
    ``(batch,)``.
    """

    problem: AttackProblem
    options: CwL2Options

    @property
    def steps(self) -> int:
        return self.options.steps * self.options.binary_search_steps

    @property
    def half(self) -> float:
        """Half the box's width."""
        return 0.5 * (self.problem.budget.high - self.problem.budget.low)

    def begin(self, examples: Tensor, run: Tensor) -> State:
        state = begin_nearest(self.problem, examples)
        inputs, rows = state["inputs"], state["size"]
        middle = 0.5 * (self.problem.budget.high + self.problem.budget.low)
        start = ((inputs - middle) / self.half).clamp_(EDGE - 1.0, 1.0 - EDGE)
        scale = (inputs - middle).abs_().add_(self.half).div_(start.abs().add_(1.0))
        images = ("first", "second", "gradient")
        return (
            state
            | {name: torch.zeros_like(inputs) for name in images}
            | {
                "origin": start.atanh(),
                "w": start.atanh(),
                "tanh": start,
                "scale": scale,
                "offset": inputs - scale * start,
                "margin": torch.zeros_like(rows),
                "c": torch.full_like(rows, self.options.initial_const),
                "low": torch.zeros_like(rows),
                "high": torch.full_like(rows, torch.inf),
                "step": torch.zeros_like(examples),
                "search": torch.zeros_like(examples),
                "found": torch.zeros_like(rows, dtype=torch.bool),
                "previous": torch.full_like(rows, torch.inf),
                "done": torch.zeros_like(rows, dtype=torch.bool),
            }
        )

    def evaluate(self, state: State) -> Tensor:
        targets = state["targets"]
        logits, value, state["gradient"] = differentiate(
            self.problem.model, state["x"], targets, margin
        )
        state["margin"] = value.to(state["margin"].dtype)
        confidence = torch.full_like(logits[:, :1], self.options.confidence)
        wanted = logits.scatter_add(1, targets.long()[:, None], confidence)
        return keep_nearest(self.problem, state, ~is_correct(wanted, targets) & ~state["done"])

    def advance(self, state: State) -> None:
        short = self.options.confidence - state["margin"]
        length = state["size"] / (2.0 * self.half)
        loss = length.square() + state["c"] * short.clamp_min(0.0)
        self._take_step(state, torch.where(short > 0, state["c"], 0.0))
        self._end_searches(state, loss)
        torch.tanh(state["w"], out=state["tanh"])
        point = torch.addcmul(state["offset"], state["scale"], state["tanh"])
        state["x"] = point.clamp_(self.problem.budget.low, self.problem.budget.high)

    def last(self, state: State) -> Tensor:
        return state["best"]

    def _take_step(self, state: State, weight: Tensor) -> None:
        """Update w in place by Adam, whose moments begin anew where "step" is 0. weight: ``(batch,)``, of the margin."""
        slope = (state["x"] - state["inputs"]).mul_(0.5 / self.half**2)
        slope.addcmul_(state["gradient"], spread(weight, slope), value=-1.0)
        slope.mul_(
            torch.addcmul(torch.ones_like(slope[:1]), state["tanh"], state["tanh"], value=-1.0)
        )
        slope.mul_(state["scale"])
        number = (state["step"] + 1).to(slope.dtype)
        shares = [torch.where(state["step"] == 0, 0.0, beta).to(slope.dtype) for beta in BETAS]
        state["first"].mul_(spread(shares[0], slope)).add_(slope, alpha=1.0 - BETAS[0])
        state["second"].mul_(spread(shares[1], slope)).addcmul_(slope, slope, value=1.0 - BETAS[1])
        first, second = (-torch.expm1(number * math.log(beta)) for beta in BETAS)
        scale = state["second"].div(spread(second, slope)).sqrt_().add_(TINY)
        rate = spread(self.options.learning_rate / first, slope)
        state["w"].sub_(torch.div(state["first"], scale, out=scale).mul_(rate))

    def _end_searches(self, state: State, loss: Tensor) -> None:
        """Where a search is at its end, choose the next c and go back to the origin."""
        options = self.options
        state["found"] |= state["adversarial"]
        state["step"] += 1
        ends = state["step"] >= options.steps
        if options.abort_early:
            looks = (state["step"] - 1) % math.ceil(options.steps / 10) == 0
            ends |= looks & ~(loss <= PROGRESS * state["previous"])
            state["previous"] = torch.where(looks, loss, state["previous"])
        if ends.device.type == "cpu" and not ends.any():
            return
        c, found = state["c"], state["found"]
        state["high"] = torch.where(ends & found, c, state["high"])
        state["low"] = torch.where(ends & ~found, c, state["low"])
        state["search"] += ends
        following = torch.where(
            state["high"].isinf(), 10.0 * c, 0.5 * (state["low"] + state["high"])
        )
        if options.binary_search_steps >= 10:  # the last search is for the best that succeeded
            final = state["search"] == options.binary_search_steps - 1
            following = torch.where(final, state["high"].clamp_max(LARGEST), following)
        state["c"] = torch.where(ends, following, c)
        state["w"] = torch.where(spread(ends, state["w"]), state["origin"], state["w"])
        state["found"] &= ~ends
        state["step"].masked_fill_(ends, 0)
        state["previous"].masked_fill_(ends, torch.inf)
        state["done"] = state["search"] >= options.binary_search_steps
