"""Attacks that break their contracts."""

import torch
from torch.nn import functional

from harness.api import Attack


def prepares_by_chance(context):
    return torch.rand(context.task.input_shape)


def prepares_by_training(context):
    inputs, targets, _ = next(context.train.batches(64))
    functional.cross_entropy(context.model(inputs), targets).backward()
    return torch.ones(context.task.input_shape)


def prepared_step(inputs, budget, prepared):
    return budget.clip(inputs, inputs + budget.epsilon * prepared)


def sign(inputs, draws):
    return (2 * draws.uniform("sign", tuple(inputs.shape[1:])) - 1).sign()


def leaves_ball(inputs, budget, draws):
    return (inputs + 1.5 * budget.epsilon * sign(inputs, draws)).clamp(budget.low, budget.high)


def leaves_box(inputs, budget, draws):
    return inputs + budget.epsilon * sign(inputs, draws)


def does_nothing(inputs):
    return inputs


def always_moves(inputs, budget):
    return (inputs + 0.01).clamp(budget.low, budget.high)


def global_start(inputs, budget):
    return budget.clip(inputs, inputs + budget.epsilon * torch.randn_like(inputs).sign())


def leaves_gradients(model, inputs, targets, budget):
    leaf = inputs.clone().requires_grad_()
    functional.cross_entropy(model(leaf), targets).backward()
    return budget.clip(inputs, inputs + budget.epsilon * leaf.grad.sign())


def switches_mode(model, inputs, budget, draws):
    model.train()
    return budget.clip(inputs, inputs + budget.epsilon * sign(inputs, draws))


def by_position(inputs, budget, draws):
    turns = torch.where(torch.arange(len(inputs)) % 2 == 0, 1.0, 0.0)
    step = turns.view(-1, *[1] * (inputs.dim() - 1)) * sign(inputs, draws)
    return budget.clip(inputs, inputs + 20 * budget.epsilon * step)


CASES = {
    "ball": (
        Attack(name="x", perturb=leaves_ball, takes=("table",)),
        "It stays inside",
        "the norm",
    ),
    "box": (
        Attack(name="x", perturb=leaves_box, takes=("table",)),
        "It stays inside",
        "outside [-2, 5]",
    ),
    "idle": (
        Attack(name="x", perturb=does_nothing, takes=("table",)),
        "It never raises",
        "withstand",
    ),
    "epsilon 0": (
        Attack(name="x", perturb=always_moves, takes=("table",)),
        "With epsilon 0",
        "moves inputs",
    ),
    "start": (
        Attack(name="x", perturb=global_start, takes=("table",)),
        "It leaves the model",
        "of torch",
    ),
    "start again": (
        Attack(name="x", perturb=global_start, takes=("table",)),
        "The same draws",
        "other examples",
    ),
    "grads": (
        Attack(name="x", perturb=leaves_gradients, takes=("table",)),
        "It leaves the model",
        "left gradients",
    ),
    "mode": (
        Attack(name="x", perturb=switches_mode, takes=("table",)),
        "It leaves the model",
        "another mode",
    ),
    "position": (
        Attack(name="x", perturb=by_position, norms=("linf",), takes=("table",)),
        "Whether an example",
        "verdicts change",
    ),
    "prepared by chance": (
        Attack(name="x", takes=("table",), perturb=prepared_step, prepare=prepares_by_chance),
        "The same draws",
        "other examples",
    ),
    "prepared from a global generator": (
        Attack(name="x", takes=("table",), perturb=prepared_step, prepare=prepares_by_chance),
        "It leaves the model",
        "of torch",
    ),
    "prepared by training": (
        Attack(name="x", takes=("table",), perturb=prepared_step, prepare=prepares_by_training),
        "It leaves the model",
        "left gradients",
    ),
    "access": (
        Attack(name="x", perturb=does_nothing, takes=("table",), access="eyes"),
        "It says what",
        "access is 'eyes'",
    ),
}
