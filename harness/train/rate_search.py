"""The search for a learning rate: each candidate trains, and the validation examples choose."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from torch import nn

from harness.train.fit import Diverged, Training, TrainingExamples, evaluate, fit
from harness.train.ranks import ALONE, Ranks


def search_learning_rate(
    make_model: Callable[[], nn.Module],
    make_training: Callable[[float], Training],
    candidates: Sequence[float],
    train: TrainingExamples,
    validation: TrainingExamples,
    report: Callable[[str], None] = lambda line: None,
    ranks: Ranks = ALONE,
) -> tuple[float, list[dict[str, float]]]:
    """Return the learning rate with the lowest validation loss, and the loss of each.

    Every candidate starts from the same weights and trains on the same batches; one that diverges counts as
    infinitely bad. Of equal losses the smaller rate wins.

    Raises:
        Diverged: All of them diverge.
    """
    rows: list[dict[str, float]] = []
    for rate in sorted(candidates):
        model = make_model()
        training = make_training(rate)
        try:
            fit(model, training, train, ranks=ranks)
            loss, _ = evaluate(model, training, validation, ranks=ranks)
        except Diverged:
            loss = math.inf
        loss = loss if math.isfinite(loss) else math.inf  # NaN cannot be compared
        rows.append({"learning_rate": rate, "validation_loss": loss})
        report(f"learning rate {rate:g}: validation loss {loss:.4g}")
    best = min(rows, key=lambda row: row["validation_loss"])
    if not math.isfinite(best["validation_loss"]):
        raise Diverged(f"training diverged at every learning rate of {sorted(candidates)}")
    return best["learning_rate"], rows
