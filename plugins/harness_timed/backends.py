"""How a timed pass is run: its precision, its layout in memory, and what executes it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch

from harness.api import MeasureContext, NotApplicable
from harness.api.measuring import (
    compare_fast_path,
    compile_model,
    copy_model,
    fast_path,
    open_session,
    precise,
    refusing,
)
from harness_timed.inputs import take_batch
from harness_timed.options import (
    BackwardCostOptions,
    GenerationOptions,
    InferenceOptions,
    TimedOptions,
)

COMPARED = 16  # examples that both paths are run on

Call = Callable[[], object]
Autocast = Callable[[], AbstractContextManager[Any]]


def describe_setting(
    context: MeasureContext, options: TimedOptions | GenerationOptions | BackwardCostOptions
) -> dict[str, object]:
    """Return where figures hold: the threads, and of the options those that are not the default."""
    where: dict[str, object] = {"threads": context.threads}
    for name in ("precision", "memory_format", "backend", "optimizer", "fast_path"):
        field = type(options).model_fields.get(name)
        if field is not None and getattr(options, name) != field.default:
            where[name] = getattr(options, name)
    return where


@contextlib.contextmanager
def inference(context: MeasureContext, options: InferenceOptions) -> Iterator[Autocast]:
    """Yield the autocast of the options' precision, in inference mode and on the path that they ask for."""
    with (
        precise(context, options.precision) as autocast,
        fast_path(options.fast_path),
        torch.inference_mode(),
    ):
        yield autocast


def save_comparison(context: MeasureContext, options: InferenceOptions) -> None:
    """Keep what the fast path answers otherwise, where it was taken."""
    if options.fast_path:
        inputs = take_batch(context, COMPARED)
        context.save_findings(compare_fast_path(context.model, inputs, taken=True))


def lay_out(model: torch.nn.Module, memory_format: str) -> torch.nn.Module:
    """Return the model, or where its filters must lie otherwise a copy of it."""
    if memory_format == "contiguous":
        return model
    return copy_model(model).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def lay_out_inputs(inputs: torch.Tensor, memory_format: str) -> torch.Tensor:
    """Return a batch in a memory format.

    Raises:
        NotApplicable: channels_last is asked for, and the batch is none of images.
    """
    if memory_format == "contiguous":
        return inputs
    if inputs.ndim != 4:
        raise NotApplicable(
            "channels_last lays out images, (batch, channels, height, width); these examples have "
            f"the shape {tuple(inputs.shape[1:])}"
        )
    return inputs.contiguous(memory_format=torch.channels_last)


def ready_call(
    context: MeasureContext, options: InferenceOptions, inputs: torch.Tensor, autocast: Autocast
) -> Call:
    """Return a function that takes `inputs` through the model once; what it needs is built.

    Call it, and the function, in torch's inference mode and within `precise`. The model's own
    errors are raised as they are.

    Raises:
        NotApplicable: The back end is missing here, or cannot run this model.
    """
    model = lay_out(context.model, options.memory_format)
    inputs = lay_out_inputs(inputs, options.memory_format)

    def eager() -> object:
        with autocast():
            return model(inputs)

    if options.backend == "compile":
        return _compiled(model, inputs, autocast, eager)
    if options.backend == "cuda-graph":
        return _graphed(context, eager)
    if options.backend == "onnxruntime":
        return _exported(context, options, model, inputs, eager)
    return eager


def _compiled(
    model: torch.nn.Module, inputs: torch.Tensor, autocast: Autocast, eager: Call
) -> Call:
    eager()
    with refusing("torch.compile"):
        compiled = compile_model(model)

    def call() -> object:
        with autocast():
            return compiled(inputs)

    with refusing("torch.compile"):
        call()
    return call


def _graphed(context: MeasureContext, eager: Call) -> Call:
    """Capture a call as a CUDA graph; see torch.cuda.graph for the steps."""
    if context.device.type != "cuda":
        raise NotApplicable(f"CUDA graphs need a CUDA device; this one is {context.device.type}")
    stream = torch.cuda.Stream(context.device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(context.device))
    with torch.cuda.stream(stream):
        for _ in range(3):  # libraries choose their kernels, and take their workspaces
            eager()
    torch.cuda.current_stream(context.device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with refusing("capturing a CUDA graph"), torch.cuda.graph(graph):
        output = eager()

    def replay() -> object:
        graph.replay()
        return output

    return replay


def _exported(
    context: MeasureContext,
    options: InferenceOptions,
    model: torch.nn.Module,
    inputs: torch.Tensor,
    eager: Call,
) -> Call:
    """Export the model to ONNX and run it in ONNX Runtime, on the device and with its threads."""
    precision = context.precision if options.precision == "suite" else options.precision
    if precision not in ("fp32", "tf32"):
        raise NotApplicable(f"onnxruntime runs the model in fp32 here; {precision} was asked for")
    if options.memory_format != "contiguous":
        raise NotApplicable(
            "onnxruntime chooses the layout itself; memory_format must be contiguous"
        )
    eager()
    session = open_session(model, inputs, context.threads, context.device, precision == "tf32")
    on_cuda = context.device.type == "cuda"
    name = session.get_inputs()[0].name
    if not on_cuda:
        feed = {name: inputs.numpy()}
        return lambda: session.run(None, feed)
    binding = session.io_binding()
    shape, pointer = tuple(inputs.shape), inputs.data_ptr()
    index = context.device.index or 0
    binding.bind_input(name, "cuda", index, "float32", shape, pointer)
    binding.bind_output(session.get_outputs()[0].name, "cuda", index)

    def bound(kept: torch.Tensor = inputs) -> None:  # what is bound must stay alive
        session.run_with_iobinding(binding)

    return bound
