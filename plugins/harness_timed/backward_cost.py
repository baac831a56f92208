"""What a gradient costs, in forward passes: by backpropagation, and by the ways that take a pass for each parameter."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from harness.api import MeasureContext, Metric, NotApplicable, differentiable_recurrence
from harness.api.measuring import (
    LeftOut,
    copy_model,
    derive,
    median_metric,
    precise,
    synchroniser,
    time_calls,
)
from harness_timed.backends import describe_setting
from harness_timed.inputs import take_examples
from harness_timed.options import BackwardCostOptions
from harness_timed.timed import flagged
from harness_timed.training_throughput import loss_of

REVERSE, FORWARD, DIFFERENCES = "reverse mode", "forward mode", "differences"
# The root of what float32 tells apart at 1: Press et al., Numerical Recipes, section 5.7.
STEP = 2.0**-12


@dataclass
class _Turns:
    """Seconds of each part of the turns, and for each of the naive ways what it gave and what was right."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    slopes: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield what the gradient of the loss in all parameters costs, by three ways, for each batch size.

    `gradient_cost` is in forward passes of the loss without a graph, by `where["way"]`. Of "reverse mode", backpropagation, it is
    timed as a whole: with any number of parameters a small constant (Baur & Strassen 1983; Griewank & Walther 2008, "Evaluating
    derivatives", section 4.6). "forward mode" (a Jacobian-vector product) and forward "differences" take a pass for each
    parameter: one parameter, drawn anew, is timed a turn, and the cost is that times their number. `backward_over_forward` is the
    backward pass over the forward pass before it, with its graph. Medians of ratios of turns, with distribution-free intervals:
    on a CPU of the CPU time of one thread, which other processes do not lengthen (of several those that wait would count, as
    they spin), and on a GPU of wall time.

    `gradient_error` is how far the naive ways are from reverse mode: the L2 norm of the differences of the drawn parameters'
    slopes over that of the slopes. The model is in evaluation mode, in which dropout draws nothing.

    Raises:
        NotApplicable: No parameter is trained.
    """
    options = context.options
    assert isinstance(options, BackwardCostOptions)
    threads = context.threads if context.device.type == "cuda" else 1
    setting = describe_setting(context, options) | {"threads": threads}
    model = copy_model(context.model).eval()
    trained = {name: one for name, one in model.named_parameters() if one.requires_grad}
    if not trained:
        raise NotApplicable("the model has no trainable parameter, so there is no gradient")
    count = sum(one.numel() for one in trained.values())
    for size in options.batch_sizes:
        with precise(context, "fp32"), differentiable_recurrence(model), _threads(threads):
            turns, flags = _time(context, model, trained, size, options)
        where = flags | {"batch_size": size, **setting}
        yield from _describe(turns, count, where)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Compute with so many threads meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _describe(turns: _Turns, count: int, where: Mapping[str, object]) -> Iterator[Metric]:
    passes = turns.seconds["pass"]
    yield _ratio(
        "backward_over_forward", turns.seconds["backward"], turns.seconds["forward"], where
    )
    both = [
        sum(pair) for pair in zip(turns.seconds["forward"], turns.seconds["backward"], strict=True)
    ]
    for way in (REVERSE, FORWARD, DIFFERENCES):
        if way != REVERSE and way not in turns.seconds:
            continue
        at = {**where, "way": way}
        scale, more = (1, 0) if way == REVERSE else (count, int(way == DIFFERENCES))
        one = _ratio("gradient_cost", both if way == REVERSE else turns.seconds[way], passes, at)
        low, high = (None if end is None else scale * end + more for end in (one.low, one.high))
        yield Metric(
            name=one.name,
            value=scale * one.value + more,
            unit="count",
            low=low,
            high=high,
            n=one.n,
            where=at,
        )
        yield Metric(name="gradient_parameters", value=count, unit="count", exact=True, where=at)
        if way in turns.slopes:
            found, right = zip(*turns.slopes[way], strict=True)
            size = math.hypot(*right)
            if size > 0:
                yield Metric(
                    name="gradient_error",
                    value=math.dist(found, right) / size,
                    unit="ratio",
                    n=len(right),
                    where=at,
                )


def _ratio(
    name: str, above: Sequence[float], below: Sequence[float], where: Mapping[str, object]
) -> Metric:
    ratios = [one / other for one, other in zip(above, below, strict=True)]
    return median_metric(name, ratios, "ratio", where)


def _time(
    context: MeasureContext,
    model: nn.Module,
    trained: Mapping[str, nn.Parameter],
    batch_size: int,
    options: BackwardCostOptions,
) -> tuple[_Turns, dict[str, object]]:
    """Time a forward pass, a gradient, and a slope in each of the naive ways, in turns."""
    inputs, targets = take_examples(context, batch_size)
    mean, on_cuda = loss_of(context), context.device.type == "cuda"
    clock, wait = time.perf_counter if on_cuda else time.process_time, synchroniser(context.device)
    pick = torch.Generator().manual_seed(derive(context.seed, "backward cost"))
    names = list(trained)
    still = {name: one.detach() for name, one in trained.items()}  # with no graph
    sizes = torch.tensor([float(one.numel()) for one in trained.values()])
    turns, broken = _Turns(), set[str]()

    def loss(outputs: Tensor) -> Tensor:
        return mean(outputs.float(), targets)

    def timed(part: str, work: Callable[[], Tensor]) -> Tensor:
        wait()
        began = clock()
        result = work()
        wait()
        turns.seconds.setdefault(part, []).append(clock() - began)
        return result

    def forward_mode(name: str, place: int) -> Tensor:
        weight = still[name]
        along = torch.zeros_like(weight)
        along.view(-1)[place] = 1.0

        def of(value: Tensor) -> Tensor:
            return loss(torch.func.functional_call(model, {**still, name: value}, (inputs,)))

        slope: Tensor = torch.func.jvp(of, (weight,), (along,))[1]
        return slope

    def turn() -> None:
        name = names[int(torch.multinomial(sizes, 1, generator=pick))]
        weights = still[name].view(-1)
        place = int(torch.randint(len(weights), (1,), generator=pick))
        with torch.no_grad():
            loss(model(inputs))  # what comes first pays for caches that other work has filled
            base = timed("pass", lambda: loss(model(inputs)))
        value = timed("forward", lambda: loss(model(inputs)))
        gradients = dict[str, Tensor | None]()

        def back() -> Tensor:
            found = torch.autograd.grad(value, list(trained.values()), allow_unused=True)
            gradients.update(zip(names, found, strict=True))
            return value

        timed("backward", back)
        right = gradients[name]
        slope = 0.0 if right is None else float(right.reshape(-1)[place])
        before = weights[place].clone()
        step = STEP * max(1.0, abs(float(before)))

        def differ() -> Tensor:
            weights[place] += step
            with torch.no_grad():
                moved = loss(model(inputs))
            weights[place] = before
            return moved

        moved = timed(DIFFERENCES, differ)
        found = float(moved.double() - base.double()) / step
        turns.slopes.setdefault(DIFFERENCES, []).append((found, slope))
        if FORWARD in broken:
            return
        try:
            along = timed(FORWARD, lambda: forward_mode(name, place))
        except Exception as error:  # whatever torch raises of what has no such derivative
            broken.add(FORWARD)
            first = (str(error).splitlines() or [type(error).__name__])[0]
            warnings.warn(f"forward mode is left out: {first}", LeftOut, stacklevel=2)
            return
        turns.slopes.setdefault(FORWARD, []).append((float(along), slope))

    timing = time_calls(
        turn,
        seconds=options.seconds,
        series=f"gradients of {batch_size}",
        device=context.device,
        synchronise=wait,
    )
    kept = len(timing.samples)  # those of the warm-up come before
    for series in (turns.seconds, turns.slopes):
        for part in broken:
            series.pop(part, None)
    return (
        _Turns(
            {part: seconds[-kept:] for part, seconds in turns.seconds.items()},
            {way: slopes[-kept:] for way, slopes in turns.slopes.items()},
        ),
        flagged({}, timing) if on_cuda else {},
    )
