"""How long a call of inference takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from harness.api import MeasureContext, Metric
from harness.api.measuring import Timing, synchroniser, time_calls
from harness_timed.backends import describe_setting, inference, ready_call, save_comparison
from harness_timed.batch_search import each_that_fits
from harness_timed.inputs import take_batch
from harness_timed.options import LatencyOptions
from harness_timed.timed import describe_calls, flagged, harness_cpu


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield percentiles of single calls for each batch size.

    Inputs are real test examples that lie on the device already; it is waited for after each call.
    `latency_p50` is the median, with its interval; `latency_variation` the coefficient of variation.
    What makes a figure doubtful stands as words in `where["flag"]`. All samples, in seconds and in
    the order of measurement, are kept in samples.npz. `harness_cpu` is the harness's own load.

    A batch size that does not fit yields `out_of_memory`; where none fits, the error is raised.
    """
    options = context.options
    assert isinstance(options, LatencyOptions)
    where = describe_setting(context, options)
    kept: dict[int, Timing] = {}

    def measure(batch_size: int) -> Iterator[Metric]:
        inputs = take_batch(context, batch_size)
        with inference(context, options) as autocast:
            call = ready_call(context, options, inputs, autocast)
            kept[batch_size] = time_single_calls(context, call, options.seconds, batch_size)
        held = flagged({"batch_size": batch_size, **where}, kept[batch_size])
        yield from describe_calls(kept[batch_size], held, f"batch_{batch_size}")

    yield from each_that_fits(options.batch_sizes, measure, where)
    save_comparison(context, options)
    yield from harness_cpu(kept.values())
    arrays = {f"batch_{size}": np.array(series.samples) for size, series in kept.items()}
    np.savez(context.folder / "samples.npz", **arrays)  # type: ignore[arg-type]


def time_single_calls(
    context: MeasureContext, call: Callable[[], object], seconds: float, batch_size: int
) -> Timing:
    """Return the series of single calls, the device waited for after each."""
    return time_calls(
        call,
        seconds=seconds,
        series=f"batch {batch_size}",
        device=context.device,
        synchronise=synchroniser(context.device),
    )
