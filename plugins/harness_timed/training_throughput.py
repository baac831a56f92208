"""How many examples a second a model trains on, and where a step's time goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from harness.api import DataError, Examples, Finding, MeasureContext, Metric, NotApplicable
from harness.api.measuring import (
    Timing,
    can_fuse,
    compile_model,
    copy_model,
    count_traffic,
    median_metric,
    precise,
    refusing,
    resolve,
    synchroniser,
    time_calls,
)
from harness_timed.backends import (
    Autocast,
    Call,
    describe_setting,
    lay_out,
    lay_out_inputs,
)
from harness_timed.batch_search import each_that_fits, timed_once
from harness_timed.options import TrainingThroughputOptions
from harness_timed.roofline import shares_of_ceiling
from harness_timed.timed import flagged, harness_cpu, rate

PARTS = ("data", "forward", "backward", "optimizer")
LOADING_MATTERS = 0.2  # of a step
LOADING_SHARE = 0.2  # of the seconds of a series
CUDA_BLOCK_SECONDS = 0.05  # of steps between two waits for the device
Batches = Iterator[tuple[torch.Tensor, torch.Tensor]]
Seconds = np.ndarray[Any, np.dtype[np.float64]]


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield the throughput of training for each batch size, and the parts of a step.

    A step fetches a batch of the training examples and brings it to the device (data), computes the
    loss (forward; the problem's own), its gradients (backward) and
    the optimizer's update, with gradients dropped (optimizer). The model is a copy in train mode, and
    the learning rate is 0: a step costs what it costs, and cannot diverge.

    `loading_throughput` is the batch size over the median time of fetching a batch alone, 1/s; where that takes a fifth of
    a step or more, a finding says which of the two is the bottleneck.

    `training_throughput` is the batch size over the median time of a step, 1/s;
    `training_step_seconds` and `training_step_share` are medians over the steps, by
    `where["part"]`. On CUDA the parts are the device's own time, by events that are read at the end:
    a part that it need not wait for takes none. The samples, steps in seconds and the parts ``(steps,
    4)``, are kept in samples.npz. `harness_cpu` is the harness's own load meanwhile. Where the machine's
    ceilings are known (`harness doctor --measure`), `training_throughput_share_of_ceiling` and what it
    comes from are yielded for each batch size; see `harness_timed.roofline`.

    A batch size that does not fit yields `out_of_memory`; where none fits, the error is raised.

    Raises:
        NotApplicable: No parameter can be trained, or the precision, memory format or back end is
            not to be had here.
    """
    options = context.options
    assert isinstance(options, TrainingThroughputOptions)
    where = describe_setting(context, options)
    kept: dict[int, tuple[Timing, Seconds]] = {}
    loading: dict[int, Timing] = {}
    speeds: dict[int, Metric] = {}

    def measure(batch_size: int) -> Iterator[Metric]:
        timing, parts = kept[batch_size] = _time(context, options, batch_size)
        held = flagged({"batch_size": batch_size, **where}, timing)
        name = f"batch_{batch_size}"
        speeds[batch_size] = rate("training_throughput", batch_size, timing, held, name)
        yield speeds[batch_size]
        loading[batch_size] = _time_loading(context, options, batch_size)
        at = flagged({"batch_size": batch_size, **where}, loading[batch_size])
        yield rate(
            "loading_throughput", batch_size, loading[batch_size], at, f"loading_{batch_size}"
        )
        yield Metric(
            name="training_variation",
            value=timing.variation,
            unit="ratio",
            n=len(timing.samples),
            where=held,
            samples=name,
        )
        shares = parts / np.maximum(parts.sum(axis=1, keepdims=True), 1e-12)
        for index, part in enumerate(PARTS):
            at = {**held, "part": part}
            yield median_metric("training_step_seconds", parts[:, index].tolist(), "s", at)
            yield median_metric("training_step_share", shares[:, index].tolist(), "fraction", at)

    yield from each_that_fits(options.batch_sizes, measure, where)
    yield from shares_of_ceiling(
        context, options, speeds, lambda size: _traffic(context, options, size), backward=True
    )
    yield from harness_cpu(timing for timing, _ in kept.values())
    steps = {size: float(np.median(kept[size][0].samples)) for size in loading}
    loads = {size: float(np.median(timing.samples)) for size, timing in loading.items()}
    context.save_findings(find_bottleneck(loads, steps))
    arrays: dict[str, Seconds] = {
        f"loading_{size}": np.array(timing.samples) for size, timing in loading.items()
    }
    for size, (timing, parts) in kept.items():
        arrays |= {f"batch_{size}": np.array(timing.samples), f"parts_{size}": parts}
    np.savez(context.folder / "samples.npz", **arrays)  # type: ignore[arg-type]


def find_bottleneck(loads: Mapping[int, float], steps: Mapping[int, float]) -> Iterator[Finding]:
    """Yield a finding where fetching a batch takes much of a step of training.

    loads, steps: {batch size: seconds}, of the largest of which is told; a step has its batch fetched before.
    """
    if not steps:
        return
    size = max(steps)
    load, rest = loads[size], max(steps[size] - loads[size], 1e-9)
    if load < LOADING_MATTERS * steps[size]:
        return
    first, second = ("loading", "the model") if load > rest else ("the model", "loading")
    yield Finding(
        code="loading",
        sentence=f"In training with batches of {size}, {first} is the bottleneck, not {second}: examples are loaded at "
        f"{size / load:,.0f}/s and the model takes {size / rest:,.0f}/s; loading is {load / steps[size]:.0%} of a step.",
        advice="A data set that is held in memory, smaller examples or a store on a quicker disk load faster; another model does not."
        if load > rest
        else "Nothing, unless the model becomes faster: then loading is next.",
        numbers={"share": load / steps[size]},
    )


def _time_loading(
    context: MeasureContext, options: TrainingThroughputOptions, batch_size: int
) -> Timing:
    """Return the series of fetching a batch, without a model."""
    batches = _endless(context.split("train"), batch_size)
    return time_calls(
        lambda: next(batches),
        seconds=LOADING_SHARE * options.seconds,
        series=f"loading of {batch_size}",
        device=context.device,
        synchronise=synchroniser(context.device),
    )


def _time(
    context: MeasureContext, options: TrainingThroughputOptions, batch_size: int
) -> tuple[Timing, Seconds]:
    """Return the series of steps, and the seconds of their parts, ``(steps, 4)``."""
    on_cuda, wait = context.device.type == "cuda", synchroniser(context.device)
    with precise(context, options.precision) as autocast:
        steps = _Steps(context, options, autocast, _endless(context.split("train"), batch_size))
        pilot = timed_once(steps.take_first if options.backend == "compile" else steps.take, wait)
        length = max(1, round(CUDA_BLOCK_SECONDS / pilot)) if on_cuda else 1
        timing = time_calls(
            steps.take,
            seconds=options.seconds,
            calls_per_block=length,
            series=f"step of {batch_size}",
            device=context.device,
            synchronise=wait,
        )
    wait()
    return timing, steps.seconds(length * len(timing.samples))


def _endless(examples: Examples, batch_size: int) -> Batches:
    """Yield whole batches for ever, in the order of the ids; repeated where there are too few."""
    if len(examples) == 0:
        raise DataError("the train split is empty; there is nothing to train a model on")
    while True:
        for inputs, targets, _ in examples.batches(batch_size):
            if len(inputs) == batch_size:
                yield inputs, targets
            elif len(examples) < batch_size:
                index = torch.arange(batch_size, device=inputs.device) % len(inputs)
                yield inputs[index], targets[index]


class _Steps:
    """Takes steps of training, and marks when each part of one ends."""

    def __init__(
        self,
        context: MeasureContext,
        options: TrainingThroughputOptions,
        autocast: Autocast,
        batches: Batches,
    ) -> None:
        self.autocast, self.batches, self.layout = autocast, batches, options.memory_format
        model = lay_out(copy_model(context.model), options.memory_format).train()
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        if not trained:
            raise NotApplicable("the model has no trainable parameter, so there is no step to time")
        self.optimizer = optimizer_of(trained, options.optimizer)
        self.model = compile_model(model) if options.backend == "compile" else model
        precision = context.precision if options.precision == "suite" else options.precision
        self.scaler = torch.amp.GradScaler(
            context.device.type, enabled=precision == "fp16" and context.device.type == "cuda"
        )
        self.loss = loss_of(context)
        self.on_cuda = context.device.type == "cuda"
        self.marks: list[tuple[Any, ...]] = []

    def take_first(self) -> None:
        """Take a step that compiles."""
        with refusing("torch.compile"):
            self.take()

    def take(self) -> None:
        """Take a step."""
        mark: Callable[[], Any] = _event if self.on_cuda else time.perf_counter
        start = mark()
        inputs, targets = next(self.batches)
        inputs = lay_out_inputs(inputs, self.layout)
        fetched = mark()
        with self.autocast():
            loss = self.loss(self.model(inputs).float(), targets)
        forward = mark()
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        backward = mark()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.marks.append((start, fetched, forward, backward, mark()))

    def seconds(self, last: int) -> Seconds:
        """Return the parts' seconds of the last steps; the device must have done them."""
        if not self.on_cuda:
            return np.diff(np.array(self.marks[-last:]), axis=1)
        return np.array(
            [
                [before.elapsed_time(after) / 1e3 for before, after in pairwise(m)]
                for m in self.marks[-last:]
            ]
        )


def optimizer_of(trained: list[nn.Parameter], name: str) -> torch.optim.Optimizer:
    """Return "adamw" or "sgd", with momentum, whose steps move nothing."""
    fused = can_fuse(trained)
    if name == "adamw":
        return torch.optim.AdamW(trained, lr=0.0, fused=fused)
    return torch.optim.SGD(trained, lr=0.0, momentum=0.9, fused=fused)


def loss_of(context: MeasureContext) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return the mean over a batch of the problem's own loss, from outputs and targets."""
    summed = resolve(context.task.problem_item.loss)

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        mean: torch.Tensor = summed(outputs, targets) / len(targets)
        return mean

    return loss


def _traffic(context: MeasureContext, options: TrainingThroughputOptions, batch_size: int) -> int:
    """Return the bytes that a step moves on the device, without fetching its batch."""
    loss, layout = loss_of(context), options.memory_format
    inputs, targets = next(_endless(context.split("train"), batch_size))
    model = lay_out(context.model, layout)
    with precise(context, options.precision) as autocast:

        def ready(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> Call:
            trained = [
                parameter for parameter in model.train().parameters() if parameter.requires_grad
            ]
            optimizer = optimizer_of(trained, options.optimizer)

            def step() -> None:
                with autocast():
                    value = loss(model(inputs).float(), targets)
                value.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)

            step()  # makes the optimizer's state
            return step

        return count_traffic(model, (lay_out_inputs(inputs, layout), targets), ready)


def _event() -> torch.cuda.Event:
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record()
    return event
