"""How much memory inference and training need, and how large a batch fits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping

import torch

from harness.api import MeasureContext, Metric, NotApplicable
from harness.api.declaring import parse_size
from harness.api.measuring import (
    LeftOut,
    adamw_with_state,
    copy_model,
    count_parameters,
    cuda_peaks,
    is_out_of_memory,
    peak_resident,
    predict_largest_batch,
    tensor_peak,
    total_memory,
    training_peak,
    training_step,
)
from harness.api.reporting import counted
from harness_timed.inputs import take_batch
from harness_timed.options import MemoryOptions

_SAMPLED = "sampled every millisecond: a short peak can be missed"
_WHOLE_GPU = "from the whole GPU's memory: other processes disturb, and the context is not seen"


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield the bytes of the model, and for each batch size the peaks of a pass.

    Whole sizes: `parameter_memory`, `buffer_memory`, and for training `gradient_memory` and
    `optimizer_memory` (AdamW's state). Training's figures are yielded where the option `training`
    is set and the model has trainable parameters.

    Peaks are over what is held before the pass: the loaded model and its inputs, in training the
    optimizer's state too; a pass before loads the libraries' code. `peak_memory` and
    `training_peak_memory` are what the system gave: on a CPU the rise of resident memory (a single
    observation), on CUDA that of allocated tensors, with `reserved_memory`, the allocator's whole
    hold, and `process_memory`, the process's, beside it. `tensor_peak_memory` and
    `training_tensor_peak_memory` are what the computation itself asks for, counted on fake tensors.

    `training_memory` is all that is alive at the peak of a training step, by part (parameters,
    buffers, gradients, optimizer_state, activations, temporary, inputs; their sum is "total").
    `largest_batch` is the most examples whose tensors fit into a memory at once, a prediction.

    A peak that is not available here is left out, with a warning. A batch size that does not fit
    yields `out_of_memory`; where none fits in inference, the error is raised.
    """
    options = context.options
    assert isinstance(options, MemoryOptions)
    trains = options.training and any(p.requires_grad for p in context.model.parameters())
    yield from _sizes(context, trains)
    fitted, failure = 0, None
    for batch_size in options.batch_sizes:
        try:
            metrics = list(_weigh_inference(context, batch_size))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            failure = error
            metrics = [_out_of_memory(context, batch_size)]
        else:
            fitted += 1
        yield from metrics
        if trains:
            yield from _try_training(context, batch_size)
    if not fitted and failure is not None:
        raise failure
    yield from _largest_batches(context, options, trains)


def _bytes(
    name: str, value: int, where: Mapping[str, object] | None = None, *, exact: bool = True
) -> Metric:
    return Metric(name=name, value=value, unit="bytes", exact=exact, n=1, where=where or {})


def _out_of_memory(context: MeasureContext, batch_size: int, **more: object) -> Metric:
    where = {"batch_size": batch_size, "threads": context.threads, **more}
    return Metric(name="out_of_memory", value=1.0, exact=True, where=where)


def _sizes(context: MeasureContext, trains: bool) -> Iterator[Metric]:
    count = count_parameters(context.model)
    yield _bytes("parameter_memory", count.parameter_bytes)
    yield _bytes("buffer_memory", count.buffer_bytes)
    if not trains:
        return
    trainable = [p for p in context.model.parameters() if p.requires_grad]
    gradients = sum(p.numel() * p.element_size() for p in trainable)
    yield _bytes("gradient_memory", gradients)
    # Two moments of each parameter, and a step count of 4 bytes.
    yield _bytes("optimizer_memory", 2 * gradients + 4 * len(trainable))


def _weigh_inference(context: MeasureContext, batch_size: int) -> Iterator[Metric]:
    where: dict[str, object] = {"batch_size": batch_size, "threads": context.threads}
    inputs = take_batch(context, batch_size)
    with torch.inference_mode(), context.autocast():
        context.model(inputs[:1])
        observed = list(_observed(context, "", lambda: context.model(inputs), where))
    yield from observed
    try:
        with context.autocast():
            value = tensor_peak(context.model, inputs)
    except NotApplicable as reason:
        warnings.warn(f"tensor_peak_memory is left out: {reason}", LeftOut, stacklevel=1)
    else:
        yield _bytes("tensor_peak_memory", value, where)


def _try_training(context: MeasureContext, batch_size: int) -> list[Metric]:
    """Weigh a step of training; one that cannot be taken leaves inference's figures alone."""
    try:
        return list(_weigh_training(context, batch_size))
    except NotApplicable as reason:
        warnings.warn(f"training's memory is left out: {reason}", LeftOut, stacklevel=1)
    except Exception as error:
        if is_out_of_memory(error):
            return [_out_of_memory(context, batch_size, mode="training")]
        first_line = (str(error).splitlines() or [""])[0]
        warnings.warn(
            f"training's memory is left out: a step of training with {counted(batch_size, 'example')} failed: "
            f"{type(error).__name__}: {first_line}",
            LeftOut,
            stacklevel=1,
        )
    return []


def _weigh_training(context: MeasureContext, batch_size: int) -> Iterator[Metric]:
    where: dict[str, object] = {"batch_size": batch_size, "threads": context.threads}
    inputs = take_batch(context, batch_size)
    model = copy_model(context.model).train()
    optimizer = adamw_with_state(model)

    def step(examples: torch.Tensor) -> None:
        training_step(model, optimizer, examples, context.autocast)

    step(inputs[:2])  # batch normalisation refuses a single example
    yield from _observed(context, "training_", lambda: step(inputs), where)
    try:
        peak = training_peak(context.model, inputs, context.autocast)
    except NotApplicable as reason:
        warnings.warn(f"training_tensor_peak_memory is left out: {reason}", LeftOut, stacklevel=1)
        return
    yield _bytes("training_tensor_peak_memory", peak.rise, where)
    for part, value in {**peak.parts, "total": peak.total}.items():
        yield _bytes("training_memory", value, {**where, "part": part})


def _observed(
    context: MeasureContext, prefix: str, call: Callable[[], object], where: dict[str, object]
) -> Iterator[Metric]:
    """Yield what the system gave while `call` ran."""
    try:
        if context.device.type == "cuda":
            peaks = cuda_peaks(call, context.device)
            found = {"peak": peaks.allocated, "reserved": peaks.reserved, "process": peaks.process}
            flags = {"process": _WHOLE_GPU} if peaks.method != "nvml" else {}
        else:
            resident = peak_resident(call)
            found = {"peak": resident.bytes}
            flags = {"peak": _SAMPLED} if resident.method == "sampled" else {}
    except NotApplicable as reason:
        warnings.warn(f"{prefix}peak_memory is left out: {reason}", LeftOut, stacklevel=1)
        return
    for name, value in found.items():
        flag = {"flag": flags[name]} if name in flags else {}
        yield _bytes(f"{prefix}{name}_memory", value, {**where, **flag}, exact=False)


def _largest_batches(
    context: MeasureContext, options: MemoryOptions, trains: bool
) -> Iterator[Metric]:
    memory = _device_memory(context.device) if options.fits is None else parse_size(options.fits)
    if not memory:
        return
    for mode in ("inference", "training") if trains else ("inference",):
        try:
            value = predict_largest_batch(
                context.model,
                context.task.input_shape,
                memory,
                training=mode == "training",
                autocast=context.autocast,
                input_type=context.task.modality_item.input_type,
            )
        except NotApplicable as reason:
            warnings.warn(f"largest_batch of {mode} is left out: {reason}", LeftOut, stacklevel=1)
            continue
        where = {"mode": mode, "memory": options.fits or "device", "bytes": memory}
        yield Metric(name="largest_batch", value=value, unit="count", where=where)


def _device_memory(device: torch.device) -> int:
    """Return all that the device has, in bytes; 0 where it is not known."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return total_memory()
