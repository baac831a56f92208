"""Shifts that break their contracts."""

import random

import torch

from harness.api import Shift


def centred(inputs, task):
    return (0.5 * inputs + 0.5 * inputs.mean(0, keepdim=True)).clamp(task.low, task.high)


def half_in_place(inputs):
    return inputs.mul_(0.5)


def global_shift(inputs, severity, task):
    return (inputs + 0.1 * severity * random.random()).clamp(task.low, task.high)


def no_shift(inputs, severity):
    return inputs.clone()


def reversed_shift(inputs, severity, task):
    return (inputs - 0.1 * (6 - severity)).clamp(task.low, task.high)


def grows(inputs, severity):
    return inputs * (1 + severity)


def flattened(inputs, severity):
    return inputs.flatten(1)


def darker(inputs, severity):
    return inputs // (1 + severity) if inputs.dtype == torch.uint8 else inputs / (2 + severity)


def mirror(inputs):
    return inputs.flip(-1)


def nowhere(draws):
    return torch.eye(3, dtype=torch.float64).repeat(len(draws.ids), 1, 1)


CASES = {
    "elsewhere": (
        Shift(name="x", apply=mirror, moves=nowhere, takes=("image",)),
        "An image is moved",
        "from what it says they become",
    ),
    "darker": (
        Shift(name="x", apply=darker, takes=("image",), eight_bit=True),
        "Of images in 8 bits",
        "at severity 1 levels of 8 bits are off by 42",
    ),
    "still": (Shift(name="x", apply=no_shift, takes=("image",)), "Severity 5", "leaves all"),
    "reversed": (
        Shift(name="x", apply=reversed_shift, takes=("image",)),
        "Severity 5",
        "severity 1 by",
    ),
    "grows": (Shift(name="x", apply=grows, takes=("image",)), "At severities", "outside"),
    "flat": (Shift(name="x", apply=flattened, takes=("image",)), "At severities", "the shape"),
    "shift in place": (
        Shift(name="x", apply=half_in_place, takes=("image",)),
        "It leaves the inputs",
        "in place",
    ),
    "shift by batch": (
        Shift(name="x", apply=centred, takes=("image",)),
        "What becomes",
        "another batch",
    ),
    "global shift": (
        Shift(name="x", apply=global_shift, takes=("image",)),
        "It is random",
        "of random",
    ),
}
