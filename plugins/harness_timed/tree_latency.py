"""How long boosted trees take for an answer, in scikit-learn's own words: a yardstick for networks on tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.api import MeasureContext, Metric, NotApplicable
from harness.api.measuring import (
    BOOSTED_TREES,
    Timing,
    grow_trees,
    read_rows,
    time_calls,
    tree_threads,
)
from harness_timed.options import TreeLatencyOptions
from harness_timed.timed import describe_calls, flagged, harness_cpu


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield percentiles of single calls of `predict` for each batch size, as `latency` does of a model.

    The trees are `HistGradientBoostingClassifier` or `-Regressor` as they are by default, of 100 rounds, with seed 0: those of the floor
    "boosted trees". Rows are test examples in memory, repeated where too few, float64, as scikit-learn wants them; it takes as many threads as torch does.

    Raises:
        NotApplicable: There are no training or no test examples.
    """
    options = context.options
    assert isinstance(options, TreeLatencyOptions)
    if not context.task.counts.get("test"):
        raise NotApplicable("there are no test examples, which trees could answer")
    predict = grow_trees(context)
    test, _, _ = read_rows(context.split("test"))
    kept: dict[int, Timing] = {}
    for size in options.batch_sizes:
        few = np.resize(test, (size, test.shape[1]))
        with tree_threads():
            kept[size] = time_calls(
                lambda few=few: predict(few),  # type: ignore[misc]
                seconds=options.seconds,
                series=f"batch {size}",
            )
        held = {"architecture": BOOSTED_TREES, "batch_size": size, "threads": context.threads}
        where = flagged(held, kept[size])
        yield from describe_calls(kept[size], where, f"batch_{size}")
    yield from harness_cpu(kept.values())
    arrays = {f"batch_{size}": np.array(series.samples) for size, series in kept.items()}
    np.savez(context.folder / "samples.npz", **arrays)  # type: ignore[arg-type]
