"""The gradient of a batch: its examples augmented, in parts or at once, here or with other processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from harness.data.draws import Draws
from harness.train.auxiliary import Objective
from harness.train.data_parallel import Together
from harness.train.precision import autocast
from harness.train.shares import Share
from harness.train.tally import Tally

if TYPE_CHECKING:
    from harness.train.fit import Training


@dataclass(frozen=True)
class BatchGradient:
    """What the gradients of a fit's batches are computed with."""

    model: nn.Module
    training: Training
    objective: Objective
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler | None
    joined: Together
    device: torch.device

    def of(self, share: Share, key: int, tally: Tally) -> Callable[[], None]:
        """Return a function that leaves a batch's gradient at the model's weights in `grad`, times the scaler's scale.

        key: of the epoch's draws. tally: is told of the batch the first time.
        """
        told = False

        def compute() -> None:
            nonlocal told
            pieces = share.parts(self.training.accumulate)
            for piece in pieces:
                inputs, targets, ids = piece.batch
                draws = Draws(key, ids)
                inputs, targets = augmented(self.training, inputs, targets, draws)
                with self.joined.computing(piece.weight > 0, piece is pieces[-1]):
                    with autocast(self.device, self.training.precision):
                        loss, logits = self.objective(self.model, inputs, targets, draws)
                    if piece is pieces[0]:
                        self.optimizer.zero_grad(set_to_none=True)
                    weighed = loss if piece.weight == 1.0 else piece.weight * loss
                    if self.scaler is not None:
                        weighed = self.scaler.scale(weighed)
                    weighed.backward()  # type: ignore[no-untyped-call]
                if piece.weight and not told:
                    tally.add(loss.detach(), None if logits is None else logits.detach(), targets)
            told = True

        return compute


def augmented(
    training: Training, inputs: Tensor, targets: Tensor, draws: Draws
) -> tuple[Tensor, Tensor]:
    """Return a batch as the model is given it: augmented in the order of the recipe, targets moved with their images."""
    for place, augment in enumerate(training.augmentations):
        own = draws.at("augmentation", place)
        inputs = augment(inputs, own)
        move = training.moves[place] if training.moves else None
        if move is not None:
            targets = move(targets, own)
    return inputs, targets
