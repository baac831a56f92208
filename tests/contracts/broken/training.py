"""Optimizers, schedules, augmentations, objectives and techniques that break their contracts."""

import random

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch.nn import functional

from harness.api import Augmentation, Objective, Optimizer, Schedule, Technique
from harness.api.training import TrainingHooks


class Rate(BaseModel):
    model_config = ConfigDict(extra="forbid")
    learning_rate: float = Field(0.05, description="the learning rate")


def parameters_of(parameters):
    return [parameter for _, parameter in parameters]


def deaf_optimizer(parameters):
    return torch.optim.SGD(parameters_of(parameters), lr=0.05)


class Climber(torch.optim.SGD):
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.data += group["lr"] * parameter.grad


def climber(parameters, learning_rate):
    return Climber(parameters_of(parameters), lr=learning_rate)


def half_optimizer(parameters, learning_rate):
    return torch.optim.SGD(parameters_of(parameters)[:1], lr=learning_rate)


class Restless(torch.optim.SGD):
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.data -= 0.01 * parameter.grad


def restless(parameters, learning_rate):
    return Restless(parameters_of(parameters), lr=learning_rate)


def stateful_schedule(steps):
    seen = []

    def factor(step):
        seen.append(step)
        return 1 / len(seen)

    return factor


def global_noise(task):
    return lambda inputs, draws: (inputs + 0.1 * torch.randn_like(inputs)).clamp(
        task.low, task.high
    )


def in_place(task):
    def augment(inputs, draws):
        return inputs.mul_(0.5)

    return augment


def batch_mean(task):
    return lambda inputs, draws: 0.5 * inputs + 0.5 * inputs.mean(0, keepdim=True)


def doubled(task):
    return lambda inputs, draws: inputs * 2 + 0.1


def vector_loss(task):
    def objective(model, inputs, targets, draws):
        logits = model(inputs)
        return functional.cross_entropy(logits, targets, reduction="none"), logits

    return objective


def freezing(task):
    def objective(model, inputs, targets, draws):
        model.eval()
        logits = model(inputs)
        model.train()
        return functional.cross_entropy(logits, targets), logits

    return objective


def detached(task):
    def objective(model, inputs, targets, draws):
        return functional.cross_entropy(model(inputs), targets).detach(), None

    return objective


def half_held(task):
    def objective(model, inputs, targets, draws):
        logits = model(inputs)
        return functional.cross_entropy(logits / 2 + logits.detach() / 2, targets), logits

    return objective


def wrong_logits(task):
    def objective(model, inputs, targets, draws):
        logits = model(inputs)
        return functional.cross_entropy(logits, targets), logits[:, :2]

    return objective


def joined_loss(task):
    def objective(model, inputs, targets, draws):
        loss = functional.cross_entropy(model((inputs + inputs.roll(1, 0)) / 2), targets)
        return loss, None

    return objective


def restless_loss(task):
    def objective(model, inputs, targets, draws):
        return functional.cross_entropy(model(inputs), targets) * (1 + random.random()), None

    return objective


class Ascends(TrainingHooks):
    def begin(self, fitting):
        self.fitting = fitting

    def before_step(self):
        for parameter in self.fitting.model.parameters():
            parameter.grad.neg_()


class Renames(TrainingHooks):
    def prepare(self, model):
        model.register_buffer("left_behind", torch.zeros(1))


class Forgets(TrainingHooks):
    """Heavy-ball momentum of its own, which `state` does not tell."""

    def begin(self, fitting):
        self.parameters = list(fitting.model.parameters())
        self.velocity = [torch.zeros_like(p) for p in self.parameters]

    def before_step(self):
        for velocity, parameter in zip(self.velocity, self.parameters, strict=True):
            velocity.mul_(0.5).add_(parameter.grad)
            parameter.grad.copy_(velocity)


CASES = {
    "ascends": (Technique(name="x", build=Ascends), "A fit with it lowers", "went from"),
    "renames": (Technique(name="x", build=Renames), "The fitted model", "other names"),
    "forgets": (Technique(name="x", build=Forgets), "A fit that is killed", "`state`"),
    "no rate": (Optimizer(name="x", build=climber), "At its default", "learning_rate"),
    "climbs": (Optimizer(name="x", build=climber, options=Rate), "At its default", "the loss went"),
    "deaf": (Optimizer(name="x", build=deaf_optimizer, options=Rate), "It takes the", "lr is 0.05"),
    "restless": (Optimizer(name="x", build=restless, options=Rate), "Where a schedule", "moved"),
    "half": (Optimizer(name="x", build=half_optimizer, options=Rate), "It trains all", "bias"),
    "factor": (Schedule(name="x", build=lambda: lambda step: step), "Its factors", "factor 2"),
    "zero": (Schedule(name="x", build=lambda: lambda step: 0), "Some factor", "are zero"),
    "divides": (
        Schedule(name="x", build=lambda steps: lambda step: step / (steps - 1)),
        "Its factors",
        "ZeroDivisionError",
    ),
    "stateful": (Schedule(name="x", build=stateful_schedule), "A factor depends", "backwards"),
    "global": (
        Augmentation(name="x", build=global_noise, takes=("image",)),
        "It is random by",
        "of torch",
    ),
    "in place": (
        Augmentation(name="x", build=in_place, takes=("image",)),
        "It leaves the inputs",
        "in place",
    ),
    "batch mean": (
        Augmentation(name="x", build=batch_mean, takes=("image",)),
        "What becomes",
        "another batch",
    ),
    "range": (
        Augmentation(name="x", build=doubled, takes=("image",)),
        "It returns inputs",
        "outside [0, 1]",
    ),
    "vector": (
        Objective(name="x", takes=("image", "sequence", "table"), build=vector_loss),
        "Its loss is",
        "average it",
    ),
    "half held": (
        Objective(name="x", takes=("image", "sequence", "table"), build=half_held),
        "Differences of its loss",
        "parameters (",
    ),
    "modes": (
        Objective(name="x", takes=("image", "sequence", "table"), build=freezing),
        "It leaves modes",
        "another mode",
    ),
    "detached": (
        Objective(name="x", takes=("image", "sequence", "table"), build=detached),
        "The gradient of",
        "no gradient",
    ),
    "logits": (
        Objective(name="x", takes=("image", "sequence", "table"), build=wrong_logits),
        "Its logits are",
        "wanted (24, 10)",
    ),
    "joined": (
        Objective(name="x", takes=("image", "sequence", "table"), build=joined_loss),
        "The loss of a batch is the mean of its parts'",
        "Objective(joins=True)",
    ),
    "random loss": (
        Objective(name="x", takes=("image", "sequence", "table"), build=restless_loss),
        "The same draws",
        "another loss",
    ),
}
