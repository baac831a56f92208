"""How gradients and activations go through the layers of a network, at the start and while it learns."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from harness.api import MeasureContext, Metric, NotApplicable
from harness.api.measuring import copy_model, derive, median_metric, resolve
from harness.api.training import Fitting, TrainingHooks
from harness_training.flow_findings import FlowPoint, find_flow
from harness_training.layer_norms import LayerNorms, layer_norms
from harness_training.options import GradientFlowOptions

# Of which there are figures; of deeper networks so many, evenly from first to last.
MOST_LAYERS = 64

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class NormsSeen:
    """What was seen of a model at a point of training: a `LayerNorms` for each batch."""

    epoch: int
    batches: tuple[LayerNorms, ...]

    def ratios(self) -> list[float]:
        """Return for each batch the gradient at the first layer's outputs over that at the last one's."""
        ends = [(float(one.gradient[0]), float(one.gradient[-1])) for one in self.batches]
        return [first / last for first, last in ends if last > 0 and math.isfinite(first)]


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield the norms of gradients and activations by layer, what a layer multiplies gradients by, and the gradients of steps.

    Layers are the modules that have weights, in the order in which they are called. On the same `batches` of training
    examples, in train mode and with the problem's own loss, before training and after each epoch that is followed:

    - `gradient_norm` of a layer, at the start and at the end of what is followed: the root mean square over examples of
      ||d loss / d outputs||, Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural
      networks", section 4.2; `activation_rms`: the root mean square of its outputs.
    - `gradient_ratio`: the first layer's over the last one's, and `gradient_gain`, its (layers - 1)-th root: of a deep linear
      network of orthogonal matrices times g it is g. 1 keeps gradients; they vanish below and explode above.
      `trained_gradient_gain`: that of the last epoch that is followed.

    Each is a median over the batches, with a distribution-free interval. Of the steps of an epoch `step_gradient_norm`
    is the median, and `largest_gradient_norm` the largest, L2 norm of the gradient of all parameters, before techniques
    such as clipping. The training is that of the fit, gone through again.

    Raises:
        NotApplicable: There is one layer with weights, or none, or the fit trains nothing.
    """
    options = context.options
    assert isinstance(options, GradientFlowOptions)
    watch = _FlowHooks(context, options)
    context.train_again(watch, options.epochs)
    layers = watch.looks[0].batches[0].names
    points = []
    for look in watch.looks:
        ratios = look.ratios()
        if ratios:
            gains = [ratio ** (1 / (len(layers) - 1)) for ratio in ratios]
            yield _median("gradient_ratio", ratios, "ratio", {"epoch": look.epoch})
            yield _median("gradient_gain", gains, "ratio", {"epoch": look.epoch})
            if look is watch.looks[-1] and look.epoch:
                yield _median("trained_gradient_gain", gains, "ratio", {"epoch": look.epoch})
            points.append(
                FlowPoint(look.epoch, statistics.median(ratios), statistics.median(gains))
            )
    for look in dict.fromkeys((watch.looks[0], watch.looks[-1])):
        for layer in _picked(len(layers)):
            where = {"epoch": look.epoch, "layer": layer + 1}
            gradients = [float(one.gradient[layer]) for one in look.batches]
            activations = [float(one.activation[layer]) for one in look.batches]
            yield _median("gradient_norm", gradients, "", where)
            yield _median("activation_rms", activations, "", where)
    for epoch, norms in enumerate(watch.norms, start=1):
        if norms:
            yield _median("step_gradient_norm", norms, "", {"epoch": epoch})
            yield Metric(
                name="largest_gradient_norm",
                value=max(norms),
                n=len(norms),
                where={"epoch": epoch},
            )
    context.save_findings(find_flow(points, layers, context.model))


class _FlowHooks(TrainingHooks):
    """Looks at a model before training and after each epoch, and at the gradient of each step."""

    def __init__(self, context: MeasureContext, options: GradientFlowOptions) -> None:
        self.context = context
        self.loss = _mean_loss(context)
        self.batches: list[Batch] = [
            (inputs, targets)
            for inputs, targets, _ in islice(
                context.split("train").batches(options.batch_size), options.batches
            )
            if len(inputs) > 1  # batch norm has no statistics of one
        ]
        self.looks: list[NormsSeen] = []
        self.norms: list[list[float]] = [[]]

    def begin(self, fitting: Fitting) -> None:
        self.model = fitting.model
        self.trained = [one for group in fitting.optimizer.param_groups for one in group["params"]]
        self.look(0)

    def before_step(self) -> None:
        gradients = [one.grad for one in self.trained if one.grad is not None]
        self.norms[-1].append(float(torch.nn.utils.get_total_norm(gradients)))

    def after_epoch(self, epoch: int) -> None:
        self.norms.append([])
        self.look(epoch)

    def look(self, epoch: int) -> None:
        """Take the norms of all batches, on a copy, and with random numbers of its own."""
        copied = copy_model(self.model)
        copied.train()
        devices = [self.context.device] if self.context.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(derive(self.context.seed, "gradient flow"))
            found = tuple(layer_norms(copied, self.loss, *batch) for batch in self.batches)
        if not found or len(found[0].names) < 2:
            raise NotApplicable("it has fewer than two layers with weights that a gradient reaches")
        self.looks.append(NormsSeen(epoch, found))


def _mean_loss(context: MeasureContext) -> Callable[[Tensor, Tensor], Tensor]:
    summed = resolve(context.task.problem_item.loss)

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        mean: Tensor = summed(outputs, targets) / len(targets)
        return mean

    return loss


def _picked(count: int) -> list[int]:
    """Return the places of at most `MOST_LAYERS` layers."""
    if count <= MOST_LAYERS:
        return list(range(count))
    return sorted({round(k * (count - 1) / (MOST_LAYERS - 1)) for k in range(MOST_LAYERS)})


def _median(name: str, values: Sequence[float], unit: str, where: Mapping[str, object]) -> Metric:
    finite = [value for value in values if math.isfinite(value)]
    return median_metric(name, finite, unit, where)
