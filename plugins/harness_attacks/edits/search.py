"""Greedy and beam search over edits: each step takes those that bring the model nearest to another answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from harness.api import Budget, Draws
from harness_attacks.edits.gradients import margins

Propose = Callable[[Tensor, Tensor, Tensor, Draws], tuple[Tensor, Tensor]]
"""(rows, targets, the inputs that they were, draws) -> (rows ``(batch, asked, time)`` that differ by an edit or several, and
which of these there are, ``(batch, asked)`` bool)."""


@dataclass(frozen=True)
class EditProblem:
    """Rows of tokens to be changed until the model answers otherwise.

    inputs: ``(examples, time)``. targets: ``(examples,)``. batch_size: rows that the model is asked at once.
    """

    model: nn.Module
    inputs: Tensor
    targets: Tensor
    budget: Budget
    draws: Draws
    batch_size: int

    def of(self, part: Tensor) -> EditProblem:
        """Return the problem of some of the examples."""
        draws = self.draws.select(part)
        return replace(self, inputs=self.inputs[part], targets=self.targets[part], draws=draws)

    def margins(self, rows: Tensor, targets: Tensor) -> Tensor:
        """Return the margins ``(rows,)``; above 0 the model answers otherwise, as it does where they are no numbers."""
        if not len(rows):  # not every model takes a batch of none
            return torch.zeros(0, device=rows.device)
        found = []
        for part, own in zip(
            torch.split(rows, self.batch_size), torch.split(targets, self.batch_size), strict=True
        ):
            with torch.no_grad():
                found.append(margins(self.model(part).float(), own))
        return torch.cat(found).nan_to_num(nan=math.inf)


def search(problem: EditProblem, propose: Propose, beam: int) -> Tensor:
    """Return rows ``(examples, time)`` that are fooled within the budget, or as near to it as was found.

    A step asks the model about what `propose` makes of the best `beam` rows of each example, and goes on with the best of
    them. An example leaves when it is fooled, or nothing is proposed. There are as many steps as edits; as one put in
    between two that were swapped counts for two, those that fool are measured before they count. As many examples as a batch
    has are searched together, as many rows of each are in memory.
    """
    parts = torch.split(
        torch.arange(len(problem.inputs), device=problem.inputs.device), problem.batch_size
    )
    return torch.cat([_search(problem.of(part), propose, beam) for part in parts])


def _search(problem: EditProblem, propose: Propose, beam: int) -> Tensor:
    found = problem.inputs.clone()
    best = problem.margins(problem.inputs, problem.targets)
    (left,) = torch.nonzero(best <= 0, as_tuple=True)
    rows = problem.inputs[left][:, None]  # (examples left, beam, time)
    steps = min(problem.budget.epsilon, 2 * problem.inputs.shape[1])
    for step in range(int(steps)):
        if not len(left):
            break
        proposed, scores = _asked(problem, propose, left, rows, step)
        order = scores.argsort(dim=1, descending=True, stable=True)[:, :beam]
        scores = scores.gather(1, order)
        order = order.where(scores.isfinite(), order[:, :1])  # what may not be is not gone on with
        rows = proposed.gather(1, order[..., None].expand(-1, -1, proposed.shape[2]))
        better = scores[:, 0] > best[left]
        found[left[better]] = rows[better, 0]
        best[left] = torch.maximum(best[left], scores[:, 0])
        stays = (best[left] <= 0) & scores[:, 0].isfinite()
        left, rows = left[stays], rows[stays]
    return problem.budget.clip(problem.inputs, found)


def _asked(
    problem: EditProblem, propose: Propose, left: Tensor, rows: Tensor, step: int
) -> tuple[Tensor, Tensor]:
    """Return what is proposed of each example's rows ``(examples, beam * asked, time)`` and its margins, -inf where nothing is.

    Of rows that are alike one alone is asked about.
    """
    count, beam, time = rows.shape
    of = left.repeat_interleave(beam)
    made, there = [], []
    for part in torch.split(torch.arange(len(of), device=of.device), problem.batch_size):
        own = of[part]
        more, which = propose(
            rows.reshape(-1, time)[part],
            problem.targets[own],
            problem.inputs[own],
            problem.draws.at("step", step).select(own),
        )
        made.append(more)
        there.append(which)
    proposed = torch.cat(made).reshape(count, -1, time)
    which = torch.cat(there).reshape(count, -1)
    which &= ~_seen_before(proposed.masked_fill(~which[..., None], -1))
    scores = torch.full(which.shape, -math.inf, device=rows.device)
    targets = problem.targets[left][:, None].expand(which.shape)
    scores[which] = problem.margins(proposed[which], targets[which])
    example, row = torch.nonzero(scores > 0, as_tuple=True)
    far = problem.budget.distance(problem.inputs[left[example]], proposed[example, row])
    scores[example, row] = scores[example, row].where(far <= problem.budget.epsilon, -math.inf)
    return proposed, scores


def _seen_before(proposed: Tensor) -> Tensor:
    """Return which rows ``(examples, rows, time)`` an example has before, bool ``(examples, rows)``.

    Rows are told apart by sums with random factors of 62 bits.
    """
    if proposed.shape[1] == 1:
        return torch.zeros(proposed.shape[:2], dtype=torch.bool, device=proposed.device)
    generator = torch.Generator().manual_seed(0)
    factors = torch.randint(1 << 62, proposed.shape[2:], generator=generator).to(proposed.device)
    marks = ((proposed + 1) * factors).sum(2)
    order = marks.argsort(dim=1, stable=True)
    ordered = marks.gather(1, order)
    again = torch.zeros_like(marks, dtype=torch.bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    return torch.zeros_like(again).scatter(1, order, again)
