"""`adversarial`: train on examples that projected gradient descent has perturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.api import Budget, Draws, Task
from harness_training.options import AdversarialOptions


def build(
    task: Task, options: AdversarialOptions
) -> Callable[[nn.Module, Tensor, Tensor, Draws], tuple[Tensor, Tensor]]:
    """Return a function of a batch that gives the loss in nats and the logits under attack.

    Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks", equation
    2.1: the loss at (nearly) the worst point of the ball, found by projected gradient ascent. One
    step with a random start is the fast method of Wong, Rice & Kolter 2020, hence its length of
    1.25 epsilon by default.

    The search sees the model in evaluation mode, as an attacker would: batch norms use their
    running statistics and do not update them with half-made examples, and nothing is dropped. The
    loss is then taken in training mode.
    """
    budget = Budget(options.norm, options.epsilon, task.low, task.high)

    def adversarial(
        model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
    ) -> tuple[Tensor, Tensor]:
        with evaluating(model):
            perturbed = search(model, inputs, targets, budget, draws, options)
        logits = model(perturbed)
        loss = functional.cross_entropy(
            logits.float(), targets, label_smoothing=options.label_smoothing
        )
        return loss, logits

    return adversarial


def search(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: AdversarialOptions,
) -> Tensor:
    """Return inputs ``(batch, *shape)`` in the budget's ball and box at which the loss is higher."""
    size = options.step_size
    if size is None:
        size = budget.epsilon * (1.25 if options.steps == 1 else 2.5 / options.steps)
    perturbed = inputs.detach()
    if options.random_start:
        start = random_in_ball(inputs, budget, draws)
        perturbed = budget.clip(inputs, perturbed + start)
    for _ in range(options.steps):
        perturbed = perturbed.detach().requires_grad_()
        loss = functional.cross_entropy(model(perturbed).float(), targets, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, perturbed)
        if budget.norm == "linf":
            direction = gradient.sign()
        else:
            length = budget.size(gradient).clamp_min(1e-12)
            direction = gradient / length.view(-1, *[1] * (gradient.dim() - 1))
        perturbed = budget.clip(inputs, perturbed.detach() + size * direction)
    return perturbed.detach()


def random_in_ball(inputs: Tensor, budget: Budget, draws: Draws) -> Tensor:
    """Return uniform draws from the ball, of the shape of the inputs."""
    shape = tuple(inputs.shape[1:])
    if budget.norm == "linf":
        return (2 * draws.uniform("adversarial", shape).to(inputs) - 1) * budget.epsilon
    direction = draws.normal("adversarial", shape).to(inputs)
    dimensions = direction[0].numel()
    radius = budget.epsilon * draws.uniform("adversarial/radius").to(inputs) ** (1 / dimensions)
    length = budget.size(direction).clamp_min(1e-12)
    return direction * (radius / length).view(-1, *[1] * len(shape))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put every module into evaluation mode, and back into the mode that it was in.

    cuDNN has no gradient for a recurrent layer in evaluation mode, so it is off meanwhile where
    there is one.
    """
    modes = [(module, module.training) for module in model.modules()]
    recurrent = any(isinstance(module, nn.RNNBase) for module, _ in modes)
    model.eval()
    try:
        with torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled and not recurrent):
            yield
    finally:
        for module, mode in modes:
            module.training = mode
