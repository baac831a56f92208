"""How training speeds up on several devices, and which share of a step goes to exchanging gradients."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from harness.api import MeasureContext, Metric, NotApplicable
from harness.api.measuring import (
    Ranks,
    Timing,
    copy_model,
    median_interval,
    median_metric,
    synchroniser,
    time_calls,
)
from harness_timed.options import ScalingOptions
from harness_timed.timed import flagged
from harness_timed.training_throughput import loss_of, optimizer_of

BLOCK_SECONDS = 0.05  # of steps between two readings of the clock
MOST_STEPS = 50  # of such a block
HELD = 8  # batches that are on the device before the clock runs; they are taken in turns
BOTH = 0.975  # of each of two medians, so that their ratio is in its interval in 95 of 100 cases (Bonferroni)


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield what training comes to on 1, 2, 4, ... devices: GPUs, or processes of one thread each.

    The model is trained as fits are, by `Ranks.training` (DistributedDataParallel), with a learning rate of 0: forward, backward and the optimizer's update, on batches that are on the device. Each device takes
    its share of `batch_size` examples (strong scaling), or so many each where the batch is `growing` (weak scaling).
    Blocks of steps that average gradients and of steps that do not take turns, on all devices at once.

    `scaling_throughput`, 1/s, is the examples of a step over the median time of those that average;
    `scaling_efficiency` that over the throughput of the fewest devices, device for device, with a conservative interval;
    `communication_share` the median over the pairs of blocks of the part of a step that averaging adds: what of the
    exchange is not hidden behind the backward pass, and the wait for the slowest.

    Raises:
        NotApplicable: There are fewer devices than asked for, or no parameter can be trained.
    """
    options = context.options
    assert isinstance(options, ScalingOptions)
    first: tuple[int, list[float]] | None = None
    counts = _counts(context, options)
    if not options.growing and options.batch_size < max(counts):
        raise NotApplicable(
            f"a batch of {options.batch_size} has no example for each of {max(counts)} devices"
        )
    for count in counts:
        size = options.batch_size * (count if options.growing else 1)
        found = context.in_ranks(
            count, lambda ranks, device: _time(context, options, ranks, device)
        )
        timing = Timing(**found["timing"])
        where = flagged({"devices": count, "batch_size": size}, timing)
        synced, local = found["synced"], found["local"]
        yield _rate(size, synced, where)
        first = first or (count, [seconds / size for seconds in synced])
        if count == first[0]:
            yield _one_by_definition(count, size)
        else:
            yield _efficiency(first, count, [seconds / size for seconds in synced], where)
        if count > 1:
            shares = [max(0.0, 1 - b / a) for a, b in zip(synced, local, strict=True)]
            yield median_metric("communication_share", shares, "fraction", where)


def _counts(context: MeasureContext, options: ScalingOptions) -> list[int]:
    """Return the numbers of devices: those asked for, or the powers of two up to what is there, and that."""
    here = context.devices
    if options.devices is None:
        return sorted({*(2**k for k in range(here.bit_length())), here})
    if max(options.devices) > here:
        raise NotApplicable(f"devices = {max(options.devices)} asked for; here are {here}")
    return sorted(set(options.devices))


def _time(
    context: MeasureContext, options: ScalingOptions, ranks: Ranks, device: torch.device
) -> dict[str, Any]:
    """Time blocks of steps in one of the processes; the first decides when all are done."""
    wait = synchroniser(device)
    with _steps(context, options, ranks, device) as step:
        for _ in range(2):  # what is made at the first step, and the buckets that follow from it
            step(True)
        wait()
        begun = time.perf_counter()
        step(True)
        wait()
        pilot = ranks.everybodys([time.perf_counter() - begun])[0][0]
        length = min(MOST_STEPS, max(1, round(BLOCK_SECONDS / pilot)))
        marks: list[tuple[float, float]] = []

        def block(synced: bool) -> float:
            wait()
            start = time.perf_counter()
            for _ in range(length):
                step(synced)
            wait()
            return (time.perf_counter() - start) / length

        def pair() -> None:
            ranks.sums([0.0])  # the others begin with the first
            marks.append((block(True), block(False)))

        if not ranks.is_first:
            while ranks.everybodys([0.0])[0][0] == 0.0:
                pair()
            return {}

        def next_pair() -> None:
            ranks.everybodys([0.0])
            pair()

        timing = time_calls(next_pair, seconds=options.seconds, device=device)
        ranks.everybodys([1.0])
    kept = marks[timing.warm_up_calls :]
    return {
        "timing": vars(timing),
        "synced": [one for one, _ in kept],
        "local": [one for _, one in kept],
    }


@contextlib.contextmanager
def _steps(
    context: MeasureContext, options: ScalingOptions, ranks: Ranks, device: torch.device
) -> Iterator[Callable[[bool], None]]:
    """Yield a function that takes a step of training, and averages gradients or not."""
    model = copy_model(context.model).to(device).train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trained:
        raise NotApplicable("the model has no trainable parameter, so there is no step to time")
    optimizer = optimizer_of(trained, options.optimizer)
    loss, autocast = loss_of(context), _autocast(context.precision, device)
    batches = _own_batches(context, options, ranks, device)
    taken = 0

    def of_few(copied: nn.Module) -> torch.Tensor:
        inputs, targets = batches[0]
        return loss(copied(inputs[:2]).float(), targets[:2])

    with ranks.training(model, of_few) as joined:

        def step(synced: bool) -> None:
            nonlocal taken
            inputs, targets = batches[taken % len(batches)]
            taken += 1
            with joined.computing(True, synced):
                with autocast():
                    value = loss(model(inputs).float(), targets)
                value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        yield step


def _autocast(precision: str, device: torch.device) -> Callable[[], AbstractContextManager[Any]]:
    if precision == "fp32":
        return contextlib.nullcontext
    dtype = torch.bfloat16 if precision == "bf16" else torch.float16
    return lambda: torch.autocast(device.type, dtype=dtype)


def _own_batches(
    context: MeasureContext, options: ScalingOptions, ranks: Ranks, device: torch.device
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return this process's share of some batches; examples are repeated where there are too few."""
    size = options.batch_size * (ranks.count if options.growing else 1)
    inputs, targets, _ = next(iter(context.split("train").batches(HELD * size)))
    index = torch.arange(max(len(inputs), size)) % len(inputs)
    own = [
        torch.tensor_split(part, ranks.count)[ranks.rank]
        for part in torch.split(index, size)
        if len(part) == size
    ]
    return [(inputs[part].to(device), targets[part].to(device)) for part in own]


def _rate(size: int, seconds: list[float], where: dict[str, object]) -> Metric:
    low, high = median_interval(seconds) or (None, None)
    return Metric(
        name="scaling_throughput",
        value=size / statistics.median(seconds),
        unit="1/s",
        low=None if high is None else size / high,
        high=None if low is None else size / low,
        n=len(seconds),
        where=where,
    )


def _one_by_definition(count: int, size: int) -> Metric:
    """Return the efficiency of the fewest devices, whatever their timing was like."""
    where = {"devices": count, "batch_size": size}
    return Metric(name="scaling_efficiency", value=1.0, unit="ratio", exact=True, where=where)


def _efficiency(
    first: tuple[int, list[float]], count: int, seconds: list[float], where: dict[str, object]
) -> Metric:
    """Return the throughput of a device here over that of a device of the fewest. seconds: an example."""
    fewest, before = first
    share = fewest / count
    ours, theirs = median_interval(seconds, BOTH), median_interval(before, BOTH)
    return Metric(
        name="scaling_efficiency",
        value=share * statistics.median(before) / statistics.median(seconds),
        unit="ratio",
        low=share * theirs[0] / ours[1] if ours and theirs else None,
        high=share * theirs[1] / ours[0] if ours and theirs else None,
        n=min(len(seconds), len(before)),
        where=where,
    )
