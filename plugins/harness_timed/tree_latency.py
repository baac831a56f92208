"""How long boosted trees take for an answer, in scikit-learn's own words: a yardstick for networks on tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from harness.api import MeasureContext, Metric, NotApplicable
from harness.api.measuring import Timing, time_calls
from harness_timed.options import TreeLatencyOptions
from harness_timed.timed import describe_calls, flagged, harness_cpu

Array = np.ndarray[Any, Any]

ROUNDS, MOST_TREES = 100, 1000  # as of the floor of that name, whose accuracy stands beside it
NAME = "boosted trees"


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield percentiles of single calls of `predict` for each batch size, as `latency` does of a model.

    The trees are `HistGradientBoostingClassifier` or `-Regressor` as they are by default, of 100 rounds, with seed 0: those of the floor
    "boosted trees". Rows are test examples in memory, repeated where too few, float64, as scikit-learn wants them; it takes as many threads as torch does.

    Raises:
        NotApplicable: There are no training or no test examples.
    """
    options = context.options
    assert isinstance(options, TreeLatencyOptions)
    if not context.task.counts.get("train"):
        raise NotApplicable("there are no training examples, of which trees could be grown")
    if not context.task.counts.get("test"):
        raise NotApplicable("there are no test examples, which trees could answer")
    predict = _grow(context)
    test, _ = _rows(context, "test")
    kept: dict[int, Timing] = {}
    from threadpoolctl import threadpool_limits

    for size in options.batch_sizes:
        few = np.resize(test, (size, test.shape[1]))
        with threadpool_limits(torch.get_num_threads(), user_api="openmp"):
            kept[size] = time_calls(
                lambda few=few: predict(few),  # type: ignore[misc]
                seconds=options.seconds,
                series=f"batch {size}",
            )
        held = {"architecture": NAME, "batch_size": size, "threads": context.threads}
        where = flagged(held, kept[size])
        yield from describe_calls(kept[size], where, f"batch_{size}")
    yield from harness_cpu(kept.values())
    arrays = {f"batch_{size}": np.array(series.samples) for size, series in kept.items()}
    np.savez(context.folder / "samples.npz", **arrays)  # type: ignore[arg-type]


def _grow(context: MeasureContext) -> Callable[[Array], Array]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    inputs, targets = _rows(context, "train")
    if context.task.problem == "classification":
        classes = context.task.outputs
        rounds = max(1, min(ROUNDS, MOST_TREES // (classes if classes > 2 else 1)))
        trees = HistGradientBoostingClassifier(max_iter=rounds, random_state=0)
    else:
        trees = HistGradientBoostingRegressor(max_iter=ROUNDS, random_state=0)
    answer: Callable[[Array], Array] = trees.fit(inputs, targets).predict
    return answer


def _rows(context: MeasureContext, split: str) -> tuple[Array, Array]:
    """Return inputs ``(examples, features)`` float64 and targets of a split."""
    parts = [
        (rows.double().cpu(), wanted.cpu())
        for rows, wanted, _ in context.split(split).batches(4096)
    ]
    inputs, targets = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return inputs, targets
