"""Floors of problems that say what each example adds to their headline: the problem's own baseline, and simple models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import MeasureContext, Metric, NotApplicable, Task
from harness.api.measuring import call
from harness_quality.evaluate import fitting, grader
from harness_quality.floor_models import ridge
from harness_quality.grades import headline_metric, headline_of
from harness_quality.options import FloorsOptions
from harness_quality.pixel_floor import linear_of_pixels

Array = np.ndarray[Any, Any]
Answer = Callable[[Tensor], Tensor]

BATCH_SIZE = 64
MOST_VALUES = 2**25  # of training windows that a linear model learns from
MOST_PAIRS = 2**24  # of tokens that are counted
PRIOR = 10.0  # tokens that a token is taken to have been followed by, as often as each comes, before any is counted


def grade_floors(context: MeasureContext, options: FloorsOptions) -> Iterator[Metric]:
    """Yield the headline of each floor, and keep the grades behind it.

    Raises:
        NotApplicable: The problem says nothing of single examples, or there is no floor of it.
    """
    task = context.task
    say = grader(task)
    floors = {name: answer for name in options.models if (answer := _floor(context, name))}
    if not floors:
        raise NotApplicable(f"{task.problem} has no baseline that models could be compared with")
    said: dict[str, list[Tensor]] = {name: [] for name in floors}
    ids: list[Tensor] = []
    for inputs, targets, found in context.split("test").batches(fitting(task, BATCH_SIZE)):
        for name, answer in floors.items():
            said[name].append(say(answer(inputs), targets).double().cpu())
        ids.append(found.cpu())
    order = torch.cat(ids).argsort()
    time = context.in_time()
    headlines = {
        name: headline_of(task, torch.cat(parts)[order].numpy(), time)
        for name, parts in said.items()
    }
    kept = {f"grade_{name}": headline.grades for name, headline in headlines.items()}
    context.save_examples(ids=torch.cat(ids)[order], **kept)
    for floor, headline in headlines.items():
        yield headline_metric(task, headline, f"grade_{floor}", {"architecture": floor})


def _floor(context: MeasureContext, name: str) -> Answer | None:
    """Return what a floor answers to a batch of inputs; None where there is none of the name."""
    task, item = context.task, context.task.problem_item
    if name == "constant" and item.baseline is not None:
        size = fitting(task, 4096)
        targets = torch.cat([found.cpu() for _, found, _ in context.split("train").batches(size)])
        said = call(item.baseline, targets=targets.numpy(), width=task.outputs)
        outputs = torch.as_tensor(said, dtype=torch.float32, device=context.device)
        return lambda inputs: outputs.expand(len(inputs), *task.output_shape)
    if name == "linear" and item.answers_each == "pixel" and item.classes:
        return linear_of_pixels(context)
    asks_steps = task.modality_item.input_type == "int64" and item.answers_each in (
        "prefix",
        "step",
    )
    follows = asks_steps and task.vocabulary * task.outputs <= MOST_PAIRS
    if name == "bigram" and follows:
        logs = bigram_logs(context).to(context.device)
        return lambda inputs: logs[inputs]
    if task.problem != "forecast":
        return None
    return linear_forecast(context) if name == "linear" else naive_forecast(task, name)


def linear_forecast(context: MeasureContext) -> Answer:
    """Return ridge regression from all values of a window to all that come after it; of long training data the first by id."""
    inputs, targets, values = [], [], 0
    for batch, wanted, _ in context.split("train").batches(1024):
        inputs.append(batch.flatten(1).double().cpu())
        targets.append(wanted.flatten(1).double().cpu())
        values += batch.numel()
        if values >= MOST_VALUES:
            break
    forecast = ridge(torch.cat(inputs).numpy(), torch.cat(targets).numpy())

    def answer(inputs: Tensor) -> Tensor:
        said = forecast(inputs.flatten(1).double().cpu().numpy())
        return torch.as_tensor(said, dtype=torch.float32, device=inputs.device)

    return answer


def naive_forecast(task: Task, name: str) -> Answer | None:
    """Return what repeats the last value that was given, or the last season ``(batch, horizon * series)``.

    Hyndman & Athanasopoulos 2021, "Forecasting: principles and practice", section 5.2. None: it is no such name, or the
    window is shorter than the season.
    """
    steps, horizon = task.input_shape[0], int(task.details["horizon"])
    season = {"last value": 1, "seasonal naive": int(task.details["season"])}.get(name, 0)
    if not 0 < season <= steps:
        return None
    series = task.outputs // horizon
    given = steps - season + torch.arange(horizon) % season
    offset = torch.tensor(task.offset[:series] or (0.0,), dtype=torch.float64) - task.target_offset

    def answer(inputs: Tensor) -> Tensor:
        return (inputs[:, given, :series].double() + offset.to(inputs.device)).float().flatten(1)

    return answer


def bigram_logs(context: MeasureContext) -> Tensor:
    """Return the logarithms of how likely each token follows each, or each label is of each: ``(vocabulary, outputs)``, natural.

    P(b | a) = (n(a, b) + m p(b)) / (n(a) + m), the mean under a Dirichlet prior of weight m = `PRIOR` around p, how often b
    comes at all (MacKay & Peto 1995, "A hierarchical Dirichlet language model", section 4); p itself has half a count
    more of each.
    """
    task = context.task
    counts = torch.zeros(task.vocabulary * task.outputs, dtype=torch.float64)
    for inputs, targets, _ in context.split("train").batches(1024):
        asked = targets >= 0  # where a label is asked for
        pairs = (inputs * task.outputs + targets)[asked].cpu()
        counts += torch.bincount(pairs, minlength=len(counts))
    table = counts.view(task.vocabulary, task.outputs)
    every = table.sum(0) + 0.5
    prior = PRIOR * every / every.sum()
    return ((table + prior) / (table.sum(1, keepdim=True) + PRIOR)).log().float()
