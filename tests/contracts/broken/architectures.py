"""Architectures that break their contracts."""

import math
import sys
import time

import torch
from torch import nn

from harness.api import Architecture


def linear(input_shape, num_classes, **layer):
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(input_shape), num_classes, **layer))


class BatchCentred(nn.Linear):
    def forward(self, inputs):
        outputs = super().forward(inputs.flatten(1))
        return outputs - outputs.mean(0)


class Misled(nn.Linear):
    """Its inputs get a third of their gradient."""

    def forward(self, inputs):
        flat = inputs.flatten(1)
        return super().forward(flat / 3 + 2 * flat.detach() / 3)


class Noisy(nn.Linear):
    def forward(self, inputs):
        return super().forward(inputs.flatten(1)) + torch.randn(1)


class Hidden(nn.Module):
    """Its scale is no parameter, so no checkpoint keeps it."""

    def __init__(self, size, outputs):
        super().__init__()
        self.inner, self.shift = nn.Linear(size, outputs), torch.randn(outputs)

    def forward(self, inputs):
        return self.inner(inputs.flatten(1)) + self.shift


def unused(input_shape, num_classes):
    net = linear(input_shape, num_classes)
    net.add_module("spare", nn.Sequential())
    net.spare.register_parameter("lost", nn.Parameter(torch.zeros(3)))
    return net


def constant_weights(input_shape, num_classes):
    net = linear(input_shape, num_classes)
    nn.init.ones_(net[1].weight), nn.init.zeros_(net[1].bias)
    return net


def by_device(input_shape, num_classes):
    return linear(input_shape, num_classes, bias=not torch.empty(1).is_meta)


def wall_clock(input_shape, num_classes):
    torch.manual_seed(time.perf_counter_ns() % 2**31)
    return linear(input_shape, num_classes)


def too_wide(input_shape, num_classes):
    return linear(input_shape, num_classes + 1)


def overflowing(input_shape, num_classes):
    return nn.Sequential(linear(input_shape, num_classes), nn.Threshold(-1e9, math.nan), Divide())


class Divide(nn.Module):
    def forward(self, inputs):
        return inputs / 0


def exits(input_shape):
    sys.exit("no")


class Language(nn.Module):
    """Each step of its answers depends on those up to it; from a state it goes on as if nothing came before."""

    def __init__(self, task):
        super().__init__()
        self.tokens = nn.Embedding(task.vocabulary, 4)
        self.head = nn.Linear(4, task.outputs)

    def forward(self, inputs):
        return self.head(self.tokens(inputs).cumsum(1))

    def forward_from(self, inputs, state):
        return self(inputs), None


class AllAtOnce(Language):
    """Each step of its answers depends on all steps."""

    def forward(self, inputs):
        tokens = self.tokens(inputs)
        return self.head(tokens + tokens.mean(1, keepdim=True))


def of(cls):
    return lambda input_shape, num_classes: cls(math.prod(input_shape), num_classes)


CASES = {
    "meta": (
        Architecture(name="x", build=by_device, takes=("image",)),
        "Built on the meta device",
        "other parameters",
    ),
    "sizes": (
        Architecture(name="x", build=linear, takes=("image",), sizes={"": 150_529_001}),
        "Its known sizes",
        "it has 150,529,000 parameters, and says 150,529,001",
    ),
    "width": (
        Architecture(name="x", build=too_wide, takes=("image",)),
        "It builds for all",
        "(6, 11)",
    ),
    "not finite": (
        Architecture(name="x", build=overflowing, takes=("image",)),
        "It builds for all",
        "not finite",
    ),
    "exit": (
        Architecture(name="x", build=exits, takes=("image",)),
        "It builds for all",
        "SystemExit: no",
    ),
    "no module": (
        Architecture(name="x", build=lambda task: 3, takes=("image",)),
        "It builds",
        "built a int",
    ),
    "asks": (
        Architecture(name="x", build=lambda depth: 3, takes=("image",)),
        "It builds",
        "'depth'",
    ),
    "unused": (
        Architecture(name="x", build=unused, takes=("image",)),
        "A gradient reaches",
        "spare.lost",
    ),
    "unseeded": (
        Architecture(name="x", build=wall_clock, takes=("image",)),
        "The same seed",
        "differ",
    ),
    "constant": (
        Architecture(name="x", build=constant_weights, takes=("image",)),
        "The same seed",
        "depend",
    ),
    "batch": (
        Architecture(name="x", build=of(BatchCentred), takes=("image",)),
        "In evaluation",
        "others in its",
    ),
    "misled": (
        Architecture(name="x", build=of(Misled), takes=("image",)),
        "Its gradients, of",
        "rise 3.00 times",
    ),
    "noisy": (
        Architecture(name="x", build=of(Noisy), takes=("image",)),
        "In evaluation",
        "two passes",
    ),
    "looks ahead": (
        Architecture(name="x", build=AllAtOnce, takes=("tokens",), answers_each=("prefix",)),
        "Where each prefix",
        "depend on what comes after them",
    ),
    "forgets": (
        Architecture(name="x", build=Language, takes=("tokens",), answers_each=("prefix",)),
        "Where each prefix",
        "gives other logits than one pass",
    ),
    "checkpoint": (
        Architecture(name="x", build=of(Hidden), takes=("image",)),
        "Its weights come",
        "other logits",
    ),
}
