"""HotFlip: edits of tokens by the gradient of what a model makes of them."""

from __future__ import annotations

from torch import Tensor, nn

from harness.api import Budget, Draws
from harness_attacks.edits.moves import KINDS, Alphabet
from harness_attacks.edits.proposals import ByGradient
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

    The gradient of the margin (the largest other logit less that of the target, which does not vanish where the model is
    sure, as the cross-entropy of the paper does) at an embedding, or whatever first makes real numbers of tokens, tells to
    first order what each edit adds; of the `asked` best the model itself is asked, and the best `beam` are edited
    further. An insertion moves all that follows, and so does a deletion. Of pairs of bytes the tokens are edited, and the
    text of what comes out may be cut into others.

    Source: Ebrahimi, Rao, Lowd & Dou 2018, arXiv:1712.06751.

    inputs: ``(examples, time)`` int64. targets: ``(examples,)`` classes.
    """
    alphabet = Alphabet.of(budget, inputs.device)
    kinds = frozenset(KINDS[kind] for kind in options.kinds)
    problem = EditProblem(model, inputs, targets, budget, draws, batch_size)
    return search(problem, ByGradient(model, alphabet, kinds, options.asked), options.beam)
