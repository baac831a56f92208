"""DeepWordBug: small edits of the tokens that matter most, by a model's outputs alone."""

from __future__ import annotations

from torch import Tensor, nn

from harness.api import Budget, Draws
from harness_attacks.edits.moves import KINDS, Alphabet
from harness_attacks.edits.proposals import ByScores
from harness_attacks.edits.search import EditProblem, search
from harness_attacks.options import EditOptions


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: EditOptions,
    batch_size: int = 128,
) -> Tensor:
    """Return rows in which up to epsilon tokens are changed, put in, taken out or swapped.

    A token matters as much as the margin grows without it (the paper's replace-1 score); where it matters most, what
    edits with drawn tokens make is asked of the model, `asked` of a row, and the best `beam` are edited further.

    Source: Gao, Lanchantin, Soffa & Qi 2018, arXiv:1801.04354, which edits each of the words that matter once and asks no more.

    inputs: ``(examples, time)`` int64. targets: ``(examples,)`` classes.
    """
    alphabet = Alphabet.of(budget, inputs.device)
    kinds = frozenset(KINDS[kind] for kind in options.kinds)
    problem = EditProblem(model, inputs, targets, budget, draws, batch_size)
    ranked = ByScores(model, alphabet, kinds, options.asked, batch_size)
    return search(problem, ranked, options.beam)
