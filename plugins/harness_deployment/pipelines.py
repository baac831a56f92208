"""The pipelines of a deployment: each takes what the reference takes, and differs from it in one thing.

=================  =====================================================================================
decode-opencv      files read by OpenCV
resize-nearest ... another interpolation, by Pillow, which smooths where a picture shrinks
resize-torch       the same interpolation by torch, smoothed
resize-aliased     by torch, not smoothed
resize-opencv      by OpenCV, which does not smooth
uncropped          resized to the size of the input, of which no border is cropped
squashed           both sides resized alike, without keeping their ratio
swapped-channels   BGR for RGB, as OpenCV reads; a classic mistake
unscaled           the network gets the data's values as they are, not in its own units; another one
rounded, floored   images saved in 8 bits, to the nearest level, or (as a cast does) to the one below
jpeg               images saved once more as JPEG
threads            one thread instead of several
bf16, fp16         torch's autocast
int8-dynamic       linear and recurrent layers by torch.ao.quantization, ranges found in each call
int8-static        all layers that torch.ao.quantization's FX mode knows, ranges from training examples
compile            torch.compile
onnxruntime        exported to ONNX
=================  =====================================================================================

int8 is not torchao's: its dynamic int8 (0.18.0 on torch 2.13, one CPU thread, linear layers) took 20 to 31 times as long as fp32
on one machine and as long as fp32 on another, with AVX-512 VNNI, and torch.ao.quantization's 1.0 to 1.9 times and a tenth;
convolutions and recurrent layers it leaves in fp32.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.api import MeasureContext, NotApplicable
from harness.api.measuring import (
    compile_model,
    copy_model,
    copy_without_scaling,
    open_session,
    precise,
    refusing,
)
from harness_deployment.images import floor_levels, recompress, round_levels
from harness_deployment.options import DeploymentOptions

Call = Callable[[Tensor], Tensor]
Context = Callable[[], contextlib.AbstractContextManager[object]]


@dataclass(frozen=True)
class Pipeline:
    """call: inputs ``(batch, *shape)`` in data space to logits. setting: a context to call it in.

    timed: whether it executes the model in another way, so that its speed is its own.
    """

    call: Call
    setting: Context = contextlib.nullcontext
    timed: bool = False


def reference(context: MeasureContext) -> Pipeline:
    """Return the pipeline in which all other measures are taken."""

    def call(inputs: Tensor) -> Tensor:
        with context.autocast():
            return context.model(inputs)  # type: ignore[no-any-return]

    return Pipeline(call, timed=True)


def build(name: str, context: MeasureContext, options: DeploymentOptions) -> Pipeline:
    """Return a pipeline, built.

    Raises:
        NotApplicable: It makes no difference to this data or model, or cannot be had here.
    """
    plain = reference(context).call
    match name:
        case "swapped-channels":
            if context.task.modality != "image" or context.task.input_shape[0] != 3:
                raise NotApplicable("only images in three colours have channels to swap")
            return Pipeline(lambda inputs: plain(inputs.flip(1)))
        case "unscaled":
            unscaled = copy_without_scaling(context.model)
            return Pipeline(lambda inputs: _called(context, unscaled, inputs))
        case "rounded" | "floored" | "jpeg":
            return _saved(name, context, options, plain)
        case "threads":
            if context.threads < 2:
                raise NotApplicable("the model has one thread already")
            return Pipeline(plain, lambda: _threads(1, context.threads), timed=True)
        case "bf16" | "fp16":
            return _cast(name, context)
        case "int8-dynamic":
            return Pipeline(_dynamic_int8(context), timed=True)
        case "int8-static":
            return Pipeline(_static_int8(context, options), timed=True)
        case "compile":
            return Pipeline(_compiled(context), timed=True)
        case "onnxruntime":
            return Pipeline(_exported(context, options), timed=True)
    raise ValueError(f"no pipeline {name!r}")


def _called(context: MeasureContext, model: nn.Module, inputs: Tensor) -> Tensor:
    with context.autocast():
        return model(inputs)  # type: ignore[no-any-return]


def _saved(name: str, context: MeasureContext, options: DeploymentOptions, plain: Call) -> Pipeline:
    """Return a pipeline whose images were saved before, and read again."""
    task = context.task
    if task.modality != "image" or task.input_shape[0] not in (1, 3):
        raise NotApplicable("only grey or coloured images are saved in 8 bits")
    low, high = task.low, task.high
    if name == "jpeg":
        return Pipeline(lambda inputs: plain(recompress(inputs, low, high, options.jpeg_quality)))
    levels = round_levels if name == "rounded" else floor_levels
    return Pipeline(lambda inputs: plain(levels(inputs, low, high)))


def _cast(precision: str, context: MeasureContext) -> Pipeline:
    if context.precision == precision:
        raise NotApplicable(f"the reference is in {precision} already")
    if (
        precision == "fp16" and context.device.type == "cpu"
    ):  # timings refuse it: no CPU is meant for it
        return _autocast(context, lambda: torch.autocast("cpu", dtype=torch.float16))
    with precise(context, precision) as autocast:
        return _autocast(context, autocast)


def _autocast(context: MeasureContext, autocast: Context) -> Pipeline:
    def call(inputs: Tensor) -> Tensor:
        with autocast():
            return context.model(inputs)  # type: ignore[no-any-return]

    return Pipeline(call, timed=True)


@contextlib.contextmanager
def _threads(count: int, before: int) -> Iterator[None]:
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _quantising(context: MeasureContext) -> Iterator[None]:
    """Refuse what torch.ao.quantization cannot do; that it is deprecated is no news to a user."""
    if context.device.type != "cpu":
        raise NotApplicable("torch.ao.quantization runs its int8 layers on the CPU alone")
    with refusing("int8 by torch.ao.quantization"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _dynamic_int8(context: MeasureContext) -> Call:
    with _quantising(context):
        from torch.ao.quantization import quantize_dynamic

        layers = {nn.Linear, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell}
        quantised = quantize_dynamic(  # type: ignore[no-untyped-call]
            copy_model(context.model), layers, dtype=torch.qint8
        )
    if not _quantised_layers(quantised):
        raise NotApplicable(
            "it has no linear or recurrent layer, which alone are made dynamic int8"
        )
    return quantised  # type: ignore[no-any-return]


def _static_int8(context: MeasureContext, options: DeploymentOptions) -> Call:
    with _quantising(context):
        from torch.ao.quantization import get_default_qconfig_mapping
        from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

        engine = torch.backends.quantized.engine
        train = context.split("train")
        size = min(options.batch_size, options.calibration)
        first, _, _ = next(iter(train.batches(size)))
        mapping = get_default_qconfig_mapping(engine)
        observed = prepare_fx(copy_model(context.model), mapping, example_inputs=(first,))
        left = options.calibration
        for inputs, _, _ in train.batches(size):
            observed(inputs[:left])
            left -= len(inputs)
            if left <= 0:
                break
        quantised = convert_fx(observed)
    if not _quantised_layers(quantised):
        raise NotApplicable("it has no layer that torch.ao.quantization makes int8")
    return quantised


def _quantised_layers(model: nn.Module) -> int:
    return sum(".quantized." in type(module).__module__ for module in model.modules())


def _compiled(context: MeasureContext) -> Call:
    compiled = compile_model(copy_model(context.model), dynamic=True)

    def call(inputs: Tensor) -> Tensor:
        with context.autocast(), refusing("torch.compile"):
            return compiled(inputs)  # type: ignore[no-any-return]

    return call


def _exported(context: MeasureContext, options: DeploymentOptions) -> Call:
    """Return the exported model; it takes batches of one size, to which smaller ones are filled up."""
    if context.precision != "fp32":
        raise NotApplicable(
            f"onnxruntime runs the model in fp32; the reference is {context.precision}"
        )
    test = context.split("test")
    inputs, _, _ = next(iter(test.batches(min(options.batch_size, len(test)))))
    context.model(inputs)
    session = open_session(context.model, inputs, context.threads, context.device)
    name, size = session.get_inputs()[0].name, len(inputs)

    def call(batch: Tensor) -> Tensor:
        filled = batch if len(batch) == size else batch[torch.arange(size) % len(batch)]
        (logits,) = session.run(None, {name: filled.cpu().numpy()})
        return torch.from_numpy(logits[: len(batch)])

    return call
