"""Certificates that break their contracts."""

import torch

from harness.api import Certificate


def all_right(model, inputs, targets):
    with torch.no_grad():
        return torch.as_tensor(model(inputs).argmax(1) == targets)


def proves_all(targets):
    return torch.ones(len(targets), dtype=torch.bool)


def proves_the_first(model, inputs, targets, budget):
    if budget.epsilon > 0.1 * (budget.high - budget.low):
        return torch.zeros(len(targets), dtype=torch.bool)
    return all_right(model, inputs, targets) & (torch.arange(len(targets)) == 0)


def certificate(certify):
    return Certificate(name="x", certify=certify, norms=("linf",), takes=("image", "table"))


CASES = {
    "proves what is wrong": (certificate(proves_all), "It proves one bool", "gets wrong"),
    "proves what is right here": (
        certificate(all_right),
        "No random point",
        "change inside the ball",
    ),
    "certificate by position": (
        certificate(proves_the_first),
        "It proves the same",
        "depends on the batch",
    ),
}
