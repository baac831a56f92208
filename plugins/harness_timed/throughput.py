"""How many examples a second, and how long a call takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from harness.api import MeasureContext, Metric, NotApplicable
from harness.api.measuring import (
    Timing,
    count_traffic,
    precise,
    predict_largest_batch,
    synchroniser,
    time_calls,
    total_memory,
)
from harness_timed.backends import (
    describe_setting,
    inference,
    lay_out,
    lay_out_inputs,
    ready_call,
    save_comparison,
)
from harness_timed.batch_search import (
    Largest,
    each_that_fits,
    find_knee,
    find_largest,
    memory_for_search,
    timed_once,
)
from harness_timed.inputs import take_batch
from harness_timed.latency import time_single_calls
from harness_timed.options import ThroughputOptions
from harness_timed.roofline import shares_of_ceiling
from harness_timed.timed import describe_calls, flagged, harness_cpu, rate

CUDA_BLOCK_SECONDS = 0.01  # so long that launching and waiting do not count in throughput


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield throughput and latency of inference for each batch size.

    Inputs are real test examples that lie on the device already. `throughput` is the batch size
    over the median time of a call (on CUDA: over blocks of calls, one wait a block); `latency_*`
    are seconds of single calls with a wait after each; their intervals are distribution-free, and
    missing where too few calls were timed. `latency_variation` is the coefficient of variation.
    What makes a figure doubtful (drift, steal) stands as words in `where["flag"]`. All samples are
    kept in samples.npz. `harness_cpu` is the harness's own load meanwhile.

    Where the machine's ceilings are known (`harness doctor --measure`), `throughput_share_of_ceiling` and
    what it comes from are yielded for each batch size; see `harness_timed.roofline`.

    With batch_sizes "auto", `largest_batch_size` is the largest that was found to fit
    (`where["limit"]` says what ended the search), the powers of two up to it are measured, and
    `knee_batch_size` is the smallest of them with 95 % of the best throughput.

    A batch size that does not fit yields `out_of_memory`; where none fits, the error is raised.

    Raises:
        NotApplicable: The precision, memory format or back end is not to be had here.
    """
    options = context.options
    assert isinstance(options, ThroughputOptions)
    where = describe_setting(context, options)
    kept: dict[int, tuple[Timing, Timing]] = {}
    speeds: dict[int, Metric] = {}

    def measure(batch_size: int) -> Iterator[Metric]:
        calls, blocks = kept[batch_size] = _time(context, options, batch_size)
        held = flagged({"batch_size": batch_size, **where}, calls, blocks)
        one = f"batch_{batch_size}"
        many = one if blocks is calls else f"blocks_{batch_size}"
        speeds[batch_size] = rate("throughput", batch_size, blocks, held, many)
        yield speeds[batch_size]
        yield from describe_calls(calls, held, one)

    sizes = options.batch_sizes
    if sizes == "auto":
        largest = _search(context, options)
        yield Metric(
            name="largest_batch_size",
            value=largest.batch_size,
            unit="count",
            where={**where, "limit": largest.limit},
        )
        sizes = tuple(largest.powers)
    yield from each_that_fits(sizes, measure, where)
    if options.batch_sizes == "auto":
        knee = find_knee({size: size / blocks.median for size, (_, blocks) in kept.items()})
        yield Metric(name="knee_batch_size", value=knee, unit="count", n=len(kept), where=where)
    yield from shares_of_ceiling(
        context, options, speeds, lambda size: _traffic(context, options, size)
    )
    save_comparison(context, options)
    yield from harness_cpu(series for both in kept.values() for series in both)
    arrays = {f"batch_{size}": np.array(calls.samples) for size, (calls, _) in kept.items()}
    for size, (calls, blocks) in kept.items():
        if blocks is not calls:
            arrays[f"blocks_{size}"] = np.array(blocks.samples)
    np.savez(context.folder / "samples.npz", **arrays)  # type: ignore[arg-type]


def _time(
    context: MeasureContext, options: ThroughputOptions, batch_size: int
) -> tuple[Timing, Timing]:
    """Return the series of single calls and that of blocks; on a CPU they are the same."""
    inputs = take_batch(context, batch_size)
    with inference(context, options) as autocast:
        call = ready_call(context, options, inputs, autocast)
        if context.device.type != "cuda":
            calls = time_single_calls(context, call, options.seconds, batch_size)
            return calls, calls
        calls = time_single_calls(context, call, options.seconds / 2, batch_size)
        blocks = time_calls(
            call,
            seconds=options.seconds / 2,
            calls_per_block=max(1, round(CUDA_BLOCK_SECONDS / calls.median)),
            series=f"blocks of batch {batch_size}",
            device=context.device,
            synchronise=synchroniser(context.device),
        )
        return calls, blocks


def _traffic(context: MeasureContext, options: ThroughputOptions, batch_size: int) -> int:
    """Return the bytes that a call moves, as an eager one would."""
    inputs = lay_out_inputs(take_batch(context, batch_size), options.memory_format)
    model = lay_out(context.model, options.memory_format)
    with precise(context, options.precision) as autocast, torch.no_grad():

        def ready(fake_model: torch.nn.Module, fake_inputs: torch.Tensor) -> Callable[[], object]:
            def call() -> object:
                with autocast():
                    return fake_model(fake_inputs)

            return call

        return count_traffic(model, (inputs,), ready)


def _search(context: MeasureContext, options: ThroughputOptions) -> Largest:
    """Find the largest batch that fits, by eager calls in the precision and format of the options."""
    wait = synchroniser(context.device)
    model = lay_out(context.model, options.memory_format)
    with precise(context, options.precision) as autocast:
        memory, cap = memory_for_search(context, total_memory()), None
        if memory is not None:
            try:
                cap = predict_largest_batch(
                    context.model,
                    context.task.input_shape,
                    memory,
                    training=False,
                    autocast=autocast,
                    input_type=context.task.modality_item.input_type,
                )
            except (
                NotApplicable
            ):  # the model cannot be followed on shapes alone: 64 are safe enough
                cap = 64

        def try_call(batch_size: int) -> float:
            inputs = lay_out_inputs(take_batch(context, batch_size), options.memory_format)

            def call() -> object:
                with autocast():
                    return model(inputs)

            return timed_once(call, wait)

        with torch.inference_mode():
            return find_largest(try_call, seconds=options.seconds, memory_cap=cap)
