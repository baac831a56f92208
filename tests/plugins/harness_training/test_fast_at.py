"""Fast adversarial training against its formula."""

from __future__ import annotations

import pytest
import torch
from objective_cases import batch, draws, moody_net, move, task
from torch import nn

from harness.api import Budget
from harness_training import fast_at
from harness_training.grad_align import misalignment
from harness_training.options import FastAtOptions


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("random_start", [True, False])
def test_one_step_of_a_quarter_more_than_epsilon(norm: str, random_start: bool) -> None:
    _, inputs, targets = batch(12)
    model, other = moody_net(), moody_net()
    options = FastAtOptions.model_validate(
        {"epsilon": 0.1, "norm": norm, "random_start": random_start}
    )
    torch.manual_seed(7)
    loss, logits = fast_at.build(task(), options)(model, inputs, targets, draws(12))
    budget = Budget(norm, 0.1, 0.0, 1.0)
    start = budget.random(inputs, draws(12)) if random_start else inputs.clone()
    start.requires_grad_()
    nn.functional.cross_entropy(other.eval()(start), targets).backward()
    assert start.grad is not None
    torch.manual_seed(7)
    wanted = other.train()(move(start.detach(), start.grad, 0.125, inputs, budget))
    torch.testing.assert_close(logits, wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(loss, nn.functional.cross_entropy(wanted, targets))
    assert model[1].num_batches_tracked.item() == 21  # 20 of its making


def test_grad_align_is_added_with_its_weight() -> None:
    _, inputs, targets = batch(12)
    plain, aligned = (
        fast_at.build(task(), FastAtOptions(epsilon=0.1, grad_align=weight))
        for weight in (0.0, 0.7)
    )
    model = moody_net()
    torch.manual_seed(7)
    without, _ = plain(model, inputs, targets, draws(12))
    tracked = model[1].num_batches_tracked.item()
    value = misalignment(
        moody_net(), inputs, targets, Budget("linf", 0.1, 0, 1), draws(12).at("grad-align")
    )
    model = moody_net()
    torch.manual_seed(7)
    found, _ = aligned(model, inputs, targets, draws(12))
    assert value.item() > 1e-4
    assert found.item() == pytest.approx(without.item() + 0.7 * value.item(), rel=1e-5)
    assert model[1].num_batches_tracked.item() == tracked  # it adds no batch to the statistics
