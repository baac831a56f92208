"""How much memory inference needs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch

from harness.api import (
    MeasureContext,
    Metric,
    NotApplicable,
    count_parameters,
    cuda_peaks,
    peak_resident,
    tensor_peak,
)
from harness_measures.inputs import is_out_of_memory, take_batch
from harness_measures.options import MemoryOptions


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield the bytes of the model, and for each batch size the peaks of a forward pass.

    All peaks are over the loaded model and its inputs, after a pass on one example that loads the
    libraries' code. `peak_memory` is what the system gave: on a CPU the rise of resident memory
    (a single observation), on CUDA that of allocated tensors, with `reserved_memory` beside it, the
    allocator's whole hold. `tensor_peak_memory` is what the computation itself asks for, counted
    on fake tensors. A peak that is not available here is left out, with a warning.

    A batch size that does not fit yields `out_of_memory`; where none fits, the error is raised.
    """
    options = context.options
    assert isinstance(options, MemoryOptions)
    count = count_parameters(context.model)
    yield Metric(
        name="parameter_memory", value=count.parameter_bytes, unit="bytes", exact=True, n=1
    )
    yield Metric(name="buffer_memory", value=count.buffer_bytes, unit="bytes", exact=True, n=1)
    fitted, failure = 0, None
    for batch_size in options.batch_sizes:
        try:
            metrics = list(_weigh(context, batch_size))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            failure = error
            where = {"batch_size": batch_size, "threads": context.threads}
            metrics = [Metric(name="out_of_memory", value=1.0, exact=True, where=where)]
        else:
            fitted += 1
        yield from metrics
    if not fitted and failure is not None:
        raise failure


def _weigh(context: MeasureContext, batch_size: int) -> Iterator[Metric]:
    where: dict[str, object] = {"batch_size": batch_size, "threads": context.threads}
    inputs = take_batch(context, batch_size)

    def call() -> None:
        context.model(inputs)

    found, flag = dict[str, int](), dict[str, object]()
    try:
        with torch.inference_mode(), context.autocast():
            context.model(inputs[:1])
            if context.device.type == "cuda":
                peaks = cuda_peaks(call, context.device)
                found = {"peak_memory": peaks.allocated, "reserved_memory": peaks.reserved}
            else:
                resident = peak_resident(call)
                found = {"peak_memory": resident.bytes}
                if resident.method == "sampled":
                    flag = {"flag": "sampled every millisecond: a short peak can be missed"}
    except NotApplicable as reason:
        warnings.warn(f"peak_memory is left out: {reason}", stacklevel=1)
    for name, value in found.items():
        yield Metric(name=name, value=value, unit="bytes", n=1, where={**where, **flag})
    try:
        with context.autocast():
            value = tensor_peak(context.model, inputs)
    except NotApplicable as reason:
        warnings.warn(f"tensor_peak_memory is left out: {reason}", stacklevel=1)
    else:
        yield Metric(
            name="tensor_peak_memory", value=value, unit="bytes", exact=True, n=1, where=where
        )
