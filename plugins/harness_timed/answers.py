"""How many examples a second get an answer: of the outputs alone, and with what makes answers of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from harness.api import MeasureContext, Metric, NotApplicable
from harness.api.measuring import resolve
from harness_timed.backends import describe_setting, inference, ready_call
from harness_timed.batch_search import each_that_fits
from harness_timed.inputs import take_batch
from harness_timed.latency import time_single_calls
from harness_timed.options import AnswerThroughputOptions
from harness_timed.timed import flagged, harness_cpu, rate


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield `output_throughput`, of the model alone, and `answer_throughput`, of the model and `Problem.answer` after it.

    The latter holds what is done with outputs before a person is told anything, such as the suppression of boxes that overlap. How
    long that takes depends on the weights: of a model that is sure of little there are few boxes to compare. So the
    trained model is timed, on real test examples. The intervals are those of the medians.

    Raises:
        NotApplicable: Outputs are the answers, as far as the problem says.
    """
    options, item = context.options, context.task.problem_item
    assert isinstance(options, AnswerThroughputOptions)
    if item.answer is None:
        raise NotApplicable(
            f"{context.task.problem} says of no outputs how they become answers; `throughput` times them"
        )
    answer: Callable[[object], object] = resolve(item.answer)
    where = describe_setting(context, options)
    kept = {}

    def measure(batch_size: int) -> Iterator[Metric]:
        inputs = take_batch(context, batch_size)
        with inference(context, options) as autocast:
            outputs = ready_call(context, options, inputs, autocast)
            calls = {
                "output_throughput": outputs,
                "answer_throughput": lambda: answer(_tensor(outputs())),
            }
            for name, call in calls.items():
                timing = time_single_calls(context, call, options.seconds / len(calls), batch_size)
                held = flagged({"batch_size": batch_size, **where}, timing)
                series = f"{name}_{batch_size}"
                kept[series] = timing
                yield rate(name, batch_size, timing, held, series)

    yield from each_that_fits(options.batch_sizes, measure, where)
    yield from harness_cpu(kept.values())
    arrays = {name: np.array(timing.samples) for name, timing in kept.items()}
    np.savez(context.folder / "samples.npz", **arrays)  # type: ignore[arg-type]


def _tensor(outputs: object) -> torch.Tensor:
    assert isinstance(outputs, torch.Tensor)
    return outputs.float()
