"""The gap between training and test examples, by hand, and where it cannot be told."""

from dataclasses import replace

import pytest
import torch
from measure_cases import (
    InMemory,
    image_examples,
    image_task,
    make_context,
    measure,
    one,
    table_examples,
    table_task,
)
from torch import nn

from harness.api import NotApplicable
from harness.api.measuring import FitHistory, difference_interval, wilson

WHOLE = image_examples(120)


class Remembers(nn.Module):
    """Right on dim images, and never on bright ones."""

    def forward(self, x):
        column = x[:, 0, :, 3].mean(1) > 0.45
        return 5.0 * nn.functional.one_hot(torch.where(column, 2, 0), 3).float()


def part(keep: torch.Tensor) -> InMemory:
    return InMemory(WHOLE.inputs[keep], WHOLE.targets[keep], WHOLE.ids[keep])


def run(context, train: InMemory, test: InMemory, used: int):
    history = FitHistory(rows=[{"epoch": 2, "examples": 2.0 * used}])
    split = {"train": train, "test": test}.__getitem__
    return measure(replace(context, split=split, history=lambda: history), "generalisation_gap")


def test_it_is_the_difference_of_shares_and_of_losses(tmp_path):
    train, test = part(WHOLE.targets != 1), part(WHOLE.targets != 0)
    context = make_context("generalisation_gap", Remembers(), WHOLE, image_task(), tmp_path)
    found = run(context, train, test, len(train))
    model = Remembers()
    right = [[bool(v) for v in model(p.inputs).argmax(1) == p.targets] for p in (train, test)]
    shares = [(sum(v) / len(v), *wilson(sum(v) / len(v), len(v))) for v in right]
    value, low, high = difference_interval(shares[1], shares[0])
    gap = one(found, "accuracy_gap")
    assert value > 0.3
    assert (gap.value, gap.low, gap.high) == pytest.approx((value, low, high))
    losses = [float(nn.functional.cross_entropy(model(p.inputs), p.targets)) for p in (train, test)]
    assert one(found, "loss_gap").value == pytest.approx(losses[1] - losses[0], rel=1e-5)
    assert one(found, "loss_on_training").value == pytest.approx(losses[0], rel=1e-5)
    assert one(found, "loss_gap").low < one(found, "loss_gap").value < one(found, "loss_gap").high


def test_the_same_examples_have_no_gap(tmp_path):
    context = make_context("generalisation_gap", Remembers(), WHOLE, image_task(), tmp_path)
    found = run(context, WHOLE, WHOLE, len(WHOLE))
    assert one(found, "accuracy_gap").value == one(found, "loss_gap").value == 0.0


def test_numbers_have_a_gap_of_losses_alone(tmp_path):
    examples = table_examples()
    context = make_context("generalisation_gap", nn.Linear(4, 1), examples, table_task(), tmp_path)
    found = run(context, examples, examples, len(examples))
    assert {m.name for m in found} == {"loss_on_training", "loss_gap"}


def test_on_a_share_of_the_examples_it_is_not_told(tmp_path):
    context = make_context("generalisation_gap", Remembers(), WHOLE, image_task(), tmp_path)
    with pytest.raises(NotApplicable, match="60 of 120 training examples"):
        run(context, WHOLE, WHOLE, 60)


def test_no_more_examples_are_taken_than_asked_for(tmp_path):
    options = {"examples": 70, "batch_size": 32}
    context = make_context(
        "generalisation_gap", Remembers(), WHOLE, image_task(), tmp_path, **options
    )
    found = run(context, WHOLE, WHOLE, len(WHOLE))
    assert {metric.n for metric in found} == {70}
