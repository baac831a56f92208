"""Words of a text in place of others, from a list, by a model's outputs alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.api import Budget, Draws, NotApplicable
from harness_attacks.edits.gradients import margins
from harness_attacks.edits.search import EditProblem, search
from harness_attacks.edits.words import as_written, read_words
from harness_attacks.options import WordSubstitutionOptions

_WORD = re.compile(r"[^\W\d_]+")


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: WordSubstitutionOptions,
    batch_size: int = 128,
) -> Tensor:
    """Return texts in which words were replaced by such as may stand for them, within epsilon edits of tokens.

    A word matters as much as the margin grows without it; of those that matter most the words of the list are tried,
    `asked` texts in each step, and the best `beam` are gone on with. A word for another is an edit where words are tokens;
    of characters it is as many as tell the two apart.

    After Jin, Jin, Zhou & Szolovits 2020, arXiv:1907.11932 (which words matter, and one for another until the answer
    changes), with a list in place of their neighbours of embeddings.

    inputs: ``(examples, time)`` int64. targets: ``(examples,)`` classes.

    Raises:
        NotApplicable: Tokens are no text.
        UsageError: The list cannot be read.
    """
    if budget.text is None:
        raise NotApplicable("the tokens of this data are no text, so there are no words in them")
    problem = EditProblem(model, inputs, targets, budget, draws, batch_size)
    proposals = _Substitutions(problem, read_words(options.words), options.asked)
    return search(problem, proposals, options.beam)


@dataclass(frozen=True)
class _Substitutions:
    """Proposes texts with one word more replaced, those of the words that matter most first."""

    problem: EditProblem
    words: Mapping[str, tuple[str, ...]]
    asked: int

    def __call__(
        self, rows: Tensor, targets: Tensor, inputs: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        """Return ``(batch, asked, time)`` and which of these there are; see `search.Propose`."""
        found = rows[:, None].repeat(1, self.asked, 1)
        there = torch.zeros(found.shape[:2], dtype=torch.bool, device=rows.device)
        for row, (tokens, target, start) in enumerate(zip(rows, targets, inputs, strict=True)):
            made = self._texts(tokens, target, start)[: self.asked]
            found[row, : len(made)] = made
            there[row, : len(made)] = True
        return found, there

    def _texts(self, tokens: Tensor, target: Tensor, start: Tensor) -> Tensor:
        """Return all that one word for another makes of a text within the budget ``(texts, time)``, the words that matter
        most first. Those alone are asked about for which another fits.
        """
        code, budget = self.problem.budget.text, self.problem.budget
        assert code is not None
        text = code.text(tokens.tolist(), lossless=True)
        places = [m for m in _WORD.finditer(text) if m[0].lower() in self.words]
        if not places:
            return tokens[None][:0]
        made = [
            (at, text[: m.start()] + as_written(m[0], other) + text[m.end() :])
            for at, m in enumerate(places)
            for other in self.words[m[0].lower()]
        ]
        rows = self._rows([one for _, one in made], tokens)
        near = budget.distance(start.expand_as(rows), rows)
        fits = (near <= budget.epsilon) & (rows != tokens).any(1)
        rows = rows[fits]
        if not len(rows):
            return rows
        of = torch.tensor([at for at, _ in made], device=rows.device)[fits]
        there, which = of.unique(return_inverse=True)  # type: ignore[no-untyped-call]
        without = [text[: m.start()] + text[m.end() :] for m in (places[k] for k in there.tolist())]
        matters = self._margins(without, tokens, target)
        return rows[matters[which].argsort(descending=True, stable=True)]

    def _margins(self, texts: list[str], tokens: Tensor, target: Tensor) -> Tensor:
        rows = self._rows(texts, tokens)
        size = self.problem.batch_size
        with torch.no_grad():
            logits = torch.cat(
                [self.problem.model(part).float() for part in torch.split(rows, size)]
            )
        return margins(logits, target.expand(len(rows)))

    def _rows(self, texts: list[str], tokens: Tensor) -> Tensor:
        code = self.problem.budget.text
        assert code is not None
        return torch.from_numpy(code.rows(texts, len(tokens))).to(tokens)
