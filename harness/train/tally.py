"""What an epoch comes to: its mean loss and its accuracy."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from harness.catalogue.references import resolve
from harness.catalogue.subjects import Problem
from harness.train.ranks import Ranks

_JUDGED_TOGETHER = 2**20  # logits


class Tally:
    """The mean loss and the accuracy of an epoch, summed on the device.

    Logits are kept until there are many and then judged together: a handful of small operations
    a step would be felt where a step takes a millisecond.
    """

    def __init__(
        self, device: torch.device, problem: Problem, state: Mapping[str, float] = {}
    ) -> None:
        """Take the device, what is asked, and what another one has summed up."""
        self.is_right = None if problem.correct is None else resolve(problem.correct)
        self.losses, self.correct = (
            torch.tensor(state.get(name, 0.0), device=device) for name in ("losses", "correct")
        )
        self.seen, self.judged = int(state.get("seen", 0)), int(state.get("judged", 0))
        self.waiting = 0
        self.kept: list[tuple[Tensor, Tensor]] = []

    def add(self, loss: Tensor, logits: Tensor | None, targets: Tensor) -> None:
        """Take the mean loss of some examples, and their logits."""
        count = len(targets)
        self.losses.add_(loss, alpha=count)  # one operation, not two
        self.seen += count
        if logits is None or self.is_right is None:
            return
        self.kept.append((logits, targets))
        self.waiting += logits.numel()
        if self.waiting >= _JUDGED_TOGETHER:
            self.judge()

    def judge(self) -> None:
        """Count the right ones among the logits that wait."""
        if self.kept and self.is_right is not None:
            logits, targets = (torch.cat(part) for part in zip(*self.kept, strict=True))
            self.correct += self.is_right(logits, targets).sum()
            self.judged += len(targets)
        self.kept, self.waiting = [], 0

    def state(self) -> dict[str, float]:
        """Return the sums so far, exactly: of them another tally goes on."""
        self.judge()
        return {
            "losses": float(self.losses),
            "correct": float(self.correct),
            "seen": self.seen,
            "judged": self.judged,
        }

    def totals(self, ranks: Ranks) -> tuple[float, float | None]:
        """Return the mean loss and the accuracy, over the examples of all processes."""
        losses, correct, seen, judged = ranks.sums(list(self.state().values()))
        return losses / seen, correct / judged if judged else None
