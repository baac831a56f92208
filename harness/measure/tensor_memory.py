"""What the tensors of a pass take at its peak, followed on shapes alone; nothing is computed.

The pass runs on fake tensors (shapes without contents) and `live_tensors` adds up what is
alive. It is the same on every machine. Workspaces inside a kernel, the allocator's slack and the
libraries' own memory are not seen. All figures are bytes.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import NotApplicable
from harness.measure.model_copy import copy_model
from harness.measure.training_step import Autocast, adamw_with_state, training_step

if TYPE_CHECKING:
    import torch

# Examples: enough for activations to have the peak of all but wide and shallow models.
_MANY = (256, 512)


@dataclass(frozen=True)
class TensorPeak:
    """What is alive at the moment of a pass at which most is.

    parts: bytes of the parameters, buffers, gradients, optimizer_state, activations, temporary
    (of the backward pass, such as gradients of activations, and of the optimizer) and inputs;
    together they are `total`. The gradients are those there at that moment, not all.
    held: what was alive before the pass: the model, the optimizer's state and the inputs.
    """

    parts: Mapping[str, int]
    held: Mapping[str, int]

    @property
    def total(self) -> int:
        """All of the tensors."""
        return sum(self.parts.values())

    @property
    def rise(self) -> int:
        """How far the pass goes over what was held before it."""
        return max(0, self.total - sum(self.held.values()))


def tensor_peak(model: torch.nn.Module, inputs: torch.Tensor) -> int:
    """Return the peak bytes of the tensors that a forward pass makes, without running it.

    Parameters, buffers and `inputs` ``(batch, *shape)`` themselves are not counted; the output is.

    Raises:
        NotApplicable: A pass of this model cannot be followed on shapes alone.
    """
    return inference_peak(model, inputs).rise


def inference_peak(model: torch.nn.Module, inputs: torch.Tensor) -> TensorPeak:
    """Return what is alive at the peak of a forward pass in inference; see `tensor_peak`."""
    return _followed(model, tuple(inputs.shape), inputs.dtype, inputs.device, None)


def training_peak(
    model: torch.nn.Module, inputs: torch.Tensor, autocast: Autocast = contextlib.nullcontext
) -> TensorPeak:
    """Return what is alive at the peak of a training step with AdamW, without running it.

    It is a step like all but the first one: the optimizer's state is there already, gradients are
    not. `model` is left as it is.

    Raises:
        NotApplicable: A step of this model cannot be followed on shapes alone, or it has no trainable parameter.
    """
    return _followed(model, tuple(inputs.shape), inputs.dtype, inputs.device, autocast)


def predict_largest_batch(
    model: torch.nn.Module,
    input_shape: tuple[int, ...],
    memory: int,
    *,
    training: bool,
    autocast: Autocast = contextlib.nullcontext,
    input_type: str = "float32",
) -> int:
    """Return how many examples fit into `memory` bytes at once, by the tensors alone.

    0 where none do; in training, where two do not (batch normalisation refuses a single one).

    At each moment of a pass what is alive is affine in the batch size, so the peak is convex in
    it. A line through the peaks of 256 and 512 examples, where mostly the same moment is the highest as of more, reaches
    `memory` at the answer, or beyond it where another moment becomes the highest (of few examples the
    optimizer's step, of many the backward pass); there the line through a guess and its double leads back. Kernels' workspaces are not
    seen: oneDNN's convolutions, which reorder their tensors, take up to a third of the examples.

    input_shape: of one example, of `input_type`, on the model's device. training: a step with AdamW, else a
    forward pass. autocast: as the pass is to run; for inference the caller's own holds, too.

    Raises:
        NotApplicable: As `training_peak`.
    """
    import torch

    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    dtype: torch.dtype = getattr(torch, input_type)

    def peak(batch_size: int) -> int:
        shape = (batch_size, *input_shape)
        if training:
            return _followed(model, shape, dtype, device, autocast).total
        with autocast():
            return _followed(model, shape, dtype, device, None).total

    least = max(1, dtype.itemsize * math.prod(input_shape))  # an example's own bytes
    fewest = 2 if training else 1

    def reach(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
        """Return the (batch size, peak) at which the line through two of them comes to `memory`."""
        slope = max(least, (other[1] - one[1]) / (other[0] - one[0]))
        batch_size = max(fewest, int(one[0] + (memory - one[1]) / slope))
        return batch_size, peak(batch_size)

    many, more = ((size, peak(size)) for size in _MANY)
    guess = reach(many, more)
    if guess[1] > memory and guess[0] > fewest:
        guess = reach(guess, (2 * guess[0], peak(2 * guess[0])))
    if guess[1] > memory:  # a third moment lies between: the chord of a convex line is safe
        few = (fewest, peak(fewest))
        if few[1] > memory:
            return 0
        guess = reach(max(one for one in (few, many, more) if one[1] <= memory), guess)
    return guess[0]


def _followed(
    model: torch.nn.Module,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    device: torch.device,
    training: Autocast | None,
) -> TensorPeak:
    try:
        return _follow(model, shape, dtype, device, training)
    except NotApplicable:
        raise
    except Exception as error:  # a model may fail on shapes alone in any way
        first_line = (str(error).splitlines() or [""])[0]
        raise NotApplicable(
            f"the tensors' peak memory cannot be tracked here: {type(error).__name__}: {first_line}"
        ) from error


def _follow(
    model: torch.nn.Module,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    device: torch.device,
    training: Autocast | None,
) -> TensorPeak:
    """Run a pass on fakes; training: the autocast of a training step, None for inference."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    from harness.measure.live_tensors import LiveTensors

    mode = FakeTensorMode()
    fake_model = copy_model(model, mode.from_tensor).train(training is not None)
    with mode, torch.set_grad_enabled(training is not None):
        inputs = torch.empty(shape, dtype=dtype, device=device)
        optimizer = None if training is None else adamw_with_state(fake_model)
        alive = LiveTensors(fake_model, optimizer, inputs)
        held = alive.now()
        kept = None
        with alive.following():
            if optimizer is not None and training is not None:
                training_step(fake_model, optimizer, inputs, training)
            else:
                kept = fake_model(inputs)
        del kept
    return TensorPeak(alive.most(), held)
