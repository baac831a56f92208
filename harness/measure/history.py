"""How a fit went, as measures are given it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import NotApplicable

CURVES, TOOK = "curves.json", "took.json"
"""In a fit's folder: the rows of its epochs, and what else is known of what it took."""


@dataclass(frozen=True, kw_only=True)
class FitHistory:
    """How a fit went.

    rows: one for each look at the validation examples, in their order: epoch, examples (that passed until then, again
        each epoch), learning_rate, train_loss, train_accuracy, validation_loss, validation_accuracy (None where there is
        none), seconds, training_seconds (without evaluation), core_seconds (of CPU time, likewise).
    searched: seconds, core_seconds and candidates of the search for its hyperparameters; {} where there was none.
    joules: of the fit, of the whole package or board; bytes: the rise of memory while it went on, evaluation among it, of one
        process; None where this machine does not tell it.
    """

    rows: Sequence[Mapping[str, float | None]]
    searched: Mapping[str, float] = field(default_factory=dict)
    joules: float | None = None
    bytes: int | None = None


def read_history(folder: str | None) -> FitHistory:
    """Read the history of a fit from its folder; None: there is no fit.

    Raises:
        NotApplicable: Nothing was trained.
    """
    path = None if folder is None else Path(folder) / CURVES
    rows = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else []
    if path is None or not rows:
        raise NotApplicable("nothing was trained: the weights were loaded as they are")
    took = json.loads(path.with_name(TOOK).read_text(encoding="utf-8"))
    return FitHistory(rows=rows, **took)
