"""What is explained: test examples, the classes that a model answers, and what stands for a part that is taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.api import MeasureContext, NotApplicable
from harness_explained.gradcam import gradcam
from harness_explained.gradients import integrated_gradients, over_channels, saliency
from harness_explained.options import InterpretabilityOptions
from harness_explained.rollout import attention_rollout

Method = Callable[[nn.Module, Tensor, Tensor], Tensor]  # of a model, inputs and classes


@dataclass(frozen=True)
class ExplainedExamples:
    """Examples by id: inputs ``(n, *input_shape)``, classes that are answered ``(n,)``, ids ``(n,)``.

    reference: what stands for what is taken away ``(1, *input_shape)``.
    """

    inputs: Tensor
    classes: Tensor
    ids: Tensor
    reference: Tensor

    def batches(self, size: int) -> Iterator[slice]:
        """Yield slices of at most so many examples."""
        for start in range(0, len(self.ids), size):
            yield slice(start, start + size)


def choose_subject(context: MeasureContext, options: InterpretabilityOptions) -> ExplainedExamples:
    """Return the test examples with the smallest ids, and what the model answers."""
    inputs, ids = [], []
    for batch, _, batch_ids in context.split("test").batches(options.batch_size):
        inputs.append(batch)
        ids.append(batch_ids)
    order = torch.cat(ids).argsort()[: options.examples]
    taken = torch.cat(inputs)[order]
    answers = []
    with torch.no_grad(), context.autocast():
        for start in range(0, len(taken), options.batch_size):
            answers.append(context.model(taken[start : start + options.batch_size]).argmax(1))
    return ExplainedExamples(
        taken, torch.cat(answers), torch.cat(ids)[order], _reference(context, options)
    )


def _reference(context: MeasureContext, options: InterpretabilityOptions) -> Tensor:
    task = context.task
    if options.reference == "low":
        return torch.full((1, *task.input_shape), task.low, device=context.device)
    mean = torch.tensor(task.mean, dtype=torch.float32, device=context.device)
    shape = [1] * len(task.input_shape)
    shape[task.modality_item.feature_axis] = len(mean)
    return mean.view(shape).expand(task.input_shape)[None]


def attribute(
    context: MeasureContext,
    method: Method,
    model: nn.Module,
    subject: ExplainedExamples,
    batch_size: int,
) -> Tensor:
    """Return the attributions of all examples ``(n, *parts)``, float32; what is no number is 0."""
    with context.autocast():
        found = [
            method(model, subject.inputs[some], subject.classes[some]).detach().float()
            for some in subject.batches(batch_size)
        ]
    return torch.nan_to_num(torch.cat(found))


def choose_methods(
    context: MeasureContext, options: InterpretabilityOptions, reference: Tensor
) -> dict[str, Method]:
    """Return the methods that the options name, or all."""
    task = context.task

    def integrate(model: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
        found = integrated_gradients(model, inputs, classes, reference, options.steps)
        return over_channels(found, task, torch.sum)

    every: dict[str, Method] = {
        "saliency": lambda model, inputs, classes: saliency(model, inputs, classes, task),
        "integrated-gradients": integrate,
        "gradcam": _of_images(context, gradcam),
        "attention-rollout": _of_images(context, attention_rollout),
    }
    return {name: every[name] for name in options.methods or every}


def _of_images(context: MeasureContext, method: Method) -> Method:
    if len(context.task.input_shape) == 3:
        return method

    def refuse(model: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
        raise NotApplicable("it reads maps of images, and these data are none")

    return refuse
