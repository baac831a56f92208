"""How many examples a second, and how long a call takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from harness.api import MeasureContext, Metric, Timing, synchroniser, time_calls
from harness_measures.inputs import is_out_of_memory, take_batch
from harness_measures.options import ThroughputOptions

PERCENTILES = (50, 90, 95, 99)
CUDA_BLOCK_SECONDS = 0.01  # so long that launching and waiting do not count in throughput


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield throughput and latency of inference for each batch size.

    Inputs are real test examples that lie on the device already. `throughput` is the batch size
    over the median time of a call (on CUDA: over blocks of calls, one wait a block); `latency_*`
    are seconds of single calls with a wait after each; their intervals are distribution-free, and
    missing where too few calls were timed. `latency_variation` is the coefficient of variation.
    What makes a figure doubtful (drift, steal) stands as words in `where["flag"]`. All samples are
    kept in samples.npz.

    A batch size that does not fit yields `out_of_memory`; where none fits, the error is raised.
    """
    options = context.options
    assert isinstance(options, ThroughputOptions)
    samples: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    failure: Exception | None = None
    for batch_size in options.batch_sizes:
        try:
            calls, blocks = _time(context, batch_size, options.seconds)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            failure = error
            yield Metric(
                name="out_of_memory",
                value=1.0,
                exact=True,
                where={"batch_size": batch_size, "threads": context.threads},
            )
            continue
        samples[f"batch_{batch_size}"] = np.array(calls.samples)
        if blocks is not calls:
            samples[f"blocks_{batch_size}"] = np.array(blocks.samples)
        yield from _describe(calls, blocks, batch_size, context.threads)
    if not samples and failure is not None:
        raise failure
    np.savez(context.folder / "samples.npz", **samples)  # type: ignore[arg-type]


def _time(context: MeasureContext, batch_size: int, seconds: float) -> tuple[Timing, Timing]:
    """Return the series of single calls and that of blocks; on a CPU they are the same."""
    inputs = take_batch(context, batch_size)
    wait = synchroniser(context.device)

    def call() -> object:
        with context.autocast():
            return context.model(inputs)

    with torch.inference_mode():
        if context.device.type != "cuda":
            calls = time_calls(call, seconds=seconds, synchronise=wait)
            return calls, calls
        calls = time_calls(call, seconds=seconds / 2, synchronise=wait)
        length = max(1, round(CUDA_BLOCK_SECONDS / calls.median))
        blocks = time_calls(call, seconds=seconds / 2, calls_per_block=length, synchronise=wait)
        return calls, blocks


def _describe(calls: Timing, blocks: Timing, batch_size: int, threads: int) -> Iterator[Metric]:
    where: dict[str, object] = {"batch_size": batch_size, "threads": threads}
    flags = dict.fromkeys((*calls.flags, *blocks.flags))
    if flags:
        where["flag"] = "; ".join(flags)
    low, high = blocks.interval or (None, None)
    yield Metric(
        name="throughput",
        value=batch_size / blocks.median,
        unit="1/s",
        low=None if high is None else batch_size / high,
        high=None if low is None else batch_size / low,
        n=len(blocks.samples),
        where=where,
    )
    for percent in PERCENTILES:
        low, high = calls.percentile_interval(percent) or (None, None)
        yield Metric(
            name=f"latency_p{percent}",
            value=calls.percentile(percent),
            unit="s",
            low=low,
            high=high,
            n=len(calls.samples),
            where=where,
        )
    yield Metric(
        name="latency_variation",
        value=calls.variation,
        unit="fraction",
        n=len(calls.samples),
        where=where,
    )
