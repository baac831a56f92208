"""Which single edits are worth asking a model about: those of the largest gain to first order, or at the places that matter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.api import Draws
from harness_attacks.edits.gradients import gains, margins, worth_of_tokens
from harness_attacks.edits.moves import DELETE, INSERT, SUBSTITUTE, SWAP, Alphabet, allowed, apply

MOST_CELLS = 2**22  # gains that are in memory at once, with some 56 bytes each at the peak


@dataclass(frozen=True)
class ByGradient:
    """Proposes the edits that add most to the margin to first order.

    kinds: of `moves.KINDS`. asked: how many of a row.
    """

    model: nn.Module
    alphabet: Alphabet
    kinds: frozenset[int]
    asked: int

    def __call__(
        self, rows: Tensor, targets: Tensor, inputs: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        """Return ``(batch, asked, time)`` and which of these there are; see `search.Propose`."""
        cells = rows.shape[1] * max(2 * len(self.alphabet.tokens), len(self.alphabet.touched))
        size = max(1, MOST_CELLS // cells)
        parts = [
            self._propose(part, own)
            for part, own in zip(torch.split(rows, size), torch.split(targets, size), strict=True)
        ]
        return torch.cat([part for part, _ in parts]), torch.cat([which for _, which in parts])

    def _propose(self, rows: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        worth = worth_of_tokens(self.model, rows, targets, len(self.alphabet.touched))
        gain = gains(worth, rows, self.alphabet)
        where = allowed(rows, self.alphabet, self.kinds)
        same = rows[..., None] == self.alphabet.tokens
        letters = self.alphabet.tokens.expand(*rows.shape, -1)
        nothing = letters[..., :1]
        scored = [
            (SUBSTITUTE, gain[SUBSTITUTE], where[SUBSTITUTE][..., None] & ~same, letters),
            (INSERT, gain[INSERT], where[INSERT][..., None].expand_as(same), letters),
            (DELETE, gain[DELETE][..., None], where[DELETE][..., None], nothing),
            (SWAP, gain[SWAP][..., None], where[SWAP][..., None], nothing),
        ]
        return best_edits(
            rows,
            [one for one in scored if one[0] in self.kinds],
            self.asked,
            self.alphabet.padding,
        )


Scored = tuple[int, Tensor, Tensor, Tensor]
"""A kind; scores, whether it may be, and the token written, each ``(batch, time, letters)``."""


def best_edits(
    rows: Tensor, scored: list[Scored], asked: int, padding: int | None
) -> tuple[Tensor, Tensor]:
    """Return what the edits of the largest scores make of rows ``(batch, time)``: ``(batch, asked, time)``, and which are."""
    scores, kinds, places, tokens = [], [], [], []
    steps = torch.arange(rows.shape[1], device=rows.device)[:, None]
    for kind, score, where, written in scored:
        scores.append(score.float().masked_fill(~where, -math.inf).flatten(1))
        kinds.append(torch.full_like(scores[-1], kind, dtype=torch.int64))
        places.append(steps.expand_as(score).flatten(1))
        tokens.append(written.flatten(1))
    every = torch.cat(scores, 1)
    top = every.topk(min(asked, every.shape[1]), dim=1)
    there = top.values > -math.inf
    count = top.indices.shape[1]
    edited, place, token = (
        torch.cat(part, 1).gather(1, top.indices).flatten() for part in (kinds, places, tokens)
    )
    made = apply(rows.repeat_interleave(count, 0), edited, place, token, padding)
    return made.view(len(rows), count, -1), there


@dataclass(frozen=True)
class ByScores:
    """Proposes edits at the places whose token, taken out or made unknown, adds most to the margin.

    What is written is drawn. kinds: of `moves.KINDS`. asked: how many of a row.
    """

    model: nn.Module
    alphabet: Alphabet
    kinds: frozenset[int]
    asked: int
    batch_size: int

    def __call__(
        self, rows: Tensor, targets: Tensor, inputs: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        """Return ``(batch, asked, time)`` and which of these there are; see `search.Propose`."""
        worth = importance(self.model, rows, targets, self.alphabet, self.batch_size)[..., None]
        where = allowed(rows, self.alphabet, self.kinds)
        count, steps = len(self.alphabet.tokens), rows.shape[1]
        scored = []
        for kind in sorted(self.kinds):
            drawn = draws.integers(f"written/{kind}", count, (steps,)).to(rows.device)
            written = self.alphabet.tokens[drawn]
            may = where[kind] & ((kind != SUBSTITUTE) | (written != rows))
            scored.append((kind, worth, may[..., None], written[..., None]))
        return best_edits(rows, scored, self.asked, self.alphabet.padding)


def importance(
    model: nn.Module, rows: Tensor, targets: Tensor, alphabet: Alphabet, batch_size: int
) -> Tensor:
    """Return the margin without each token ``(batch, time)``: in its place is what is most like nothing, the padding or
    the first letter of the alphabet. A forward pass for each token that is no padding; -inf elsewhere.
    """
    nothing = int(alphabet.tokens[0]) if alphabet.padding is None else alphabet.padding
    found = torch.full(rows.shape, -math.inf, device=rows.device)
    steps = torch.arange(rows.shape[1], device=rows.device)
    batch, place = torch.nonzero(steps < alphabet.lengths(rows)[:, None], as_tuple=True)
    if not len(batch):
        return found
    for at in torch.split(torch.arange(len(batch), device=rows.device), batch_size):
        without = rows[batch[at]].clone()
        without[torch.arange(len(at), device=rows.device), place[at]] = nothing
        with torch.no_grad():
            found[batch[at], place[at]] = margins(model(without).float(), targets[batch[at]])
    return found.nan_to_num(nan=math.inf, neginf=-math.inf, posinf=math.inf)
