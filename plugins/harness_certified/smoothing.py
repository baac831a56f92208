"""Randomized smoothing: a certificate for the vote of a model on noisy copies of its input.

Cohen, Rosenfeld & Kolter 2019, "Certified adversarial robustness via randomized smoothing", arXiv:1902.02918,
algorithm CERTIFY and theorem 1. It is of the vote, another classifier than the model itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy import stats
from torch import Tensor

from harness.api.measuring import derive
from harness_certified.options import CertifiedOptions

ABSTAINS = -1


@dataclass(frozen=True)
class Voted:
    """answer: the class, or ABSTAINS. radius: in l2, within which the vote stays; 0 where it abstains."""

    answer: int
    radius: float


class Smoothed:
    """The vote of a model on copies of an input with Gaussian noise, which is not cut to the data's range."""

    def __init__(self, model: object, options: CertifiedOptions, classes: int, seed: int) -> None:
        """Take the model, ``(batch, *shape)`` -> logits, and the number of its classes."""
        self.model, self.options, self.classes, self.seed = model, options, classes, seed

    def certify(self, example: Tensor, name: int) -> Voted:
        """Return the vote at an example ``(*shape)`` and the radius within which it is sure, but for probability alpha.

        name: the example's id, by which its noise is drawn, in any batch and order.
        """
        options = self.options
        first = self.count(example, name, options.first_votes, "first")
        answer = int(first.argmax())
        found = int(self.count(example, name, options.votes, "votes")[answer])
        least = lower_bound(found, options.votes, options.alpha)
        if least <= 0.5:
            return Voted(ABSTAINS, 0.0)
        return Voted(answer, options.sigma * float(stats.norm.ppf(least)))

    def count(self, example: Tensor, name: int, votes: int, stream: str) -> Tensor:
        """Return how many noisy copies are given each class, ``(classes,)``."""
        options = self.options
        generator = torch.Generator(example.device)
        generator.manual_seed(derive(self.seed, "smoothing", stream, name))
        counts = torch.zeros(self.classes, dtype=torch.int64)
        for start in range(0, votes, options.batch_size):
            size = min(options.batch_size, votes - start)
            noise = torch.randn((size, *example.shape), generator=generator, device=example.device)
            logits: Tensor = self.model(example + options.sigma * noise)  # type: ignore[operator]
            counts += logits.argmax(1).bincount(minlength=self.classes).cpu()
        return counts


def lower_bound(successes: int, trials: int, alpha: float) -> float:
    """Return the one-sided lower bound of a proportion at 1 - alpha (Clopper & Pearson 1934)."""
    if successes == 0:
        return 0.0
    return float(stats.beta.ppf(alpha, successes, trials - successes + 1))
