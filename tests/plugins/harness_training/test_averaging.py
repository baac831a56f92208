"""Averages of weights: their closed forms, that they are what is evaluated and kept, and statistics of batch norms."""

from __future__ import annotations

import pytest
import torch
from technique_cases import fitted
from torch import nn
from train_cases import small_net, split, training

from harness.api.training import Fitting
from harness.train.fit import evaluate
from harness_training.averaged import Averaged
from harness_training.ema import Ema
from harness_training.options import EmaOptions, SwaOptions
from harness_training.running_statistics import batch_norms, held_still, take_anew
from harness_training.swa import Swa


def flat(net: nn.Module) -> torch.Tensor:
    buffers = [b for b in net.buffers() if b.is_floating_point()]
    return torch.cat([v.detach().flatten() for v in (*net.parameters(), *buffers)])


def test_an_exponential_average_is_its_closed_form() -> None:
    """d^T w_0 + (1 - d) sum_t d^(T - t) w_t, of running statistics too; the trained weights are as without it."""
    decay = 0.9
    net, seen, _ = fitted(lambda: Ema(EmaOptions(decay=decay, warm_up=False)))
    _, plain, _ = fitted()
    trained = torch.stack(seen.weights).double()
    assert torch.equal(trained, torch.stack(plain.weights).double())
    last = len(trained) - 1
    expected = decay**last * trained[0]
    for step in range(1, last + 1):
        expected += (1 - decay) * decay ** (last - step) * trained[step]
    assert torch.allclose(flat(net).double(), expected, atol=1e-6)
    assert not torch.allclose(flat(net).double(), trained[-1], atol=1e-3)


def test_the_first_weights_are_soon_forgotten_where_it_warms_up() -> None:
    """With d_t = (1 + t) / (10 + t) what is left of the first weights is the product of these."""
    net, seen, _ = fitted(lambda: Ema(EmaOptions(decay=0.999)))
    average = seen.weights[0].double()
    for step, weights in enumerate(seen.weights[1:], start=1):
        decay = (1 + step) / (10 + step)
        average = decay * average + (1 - decay) * weights.double()
    assert torch.allclose(flat(net).double(), average, atol=1e-6)


@pytest.mark.parametrize("make", [lambda: Ema(EmaOptions()), lambda: Swa(SwaOptions(start=0.3))])
@pytest.mark.parametrize("patience", [None, 9])
def test_what_is_evaluated_is_what_is_kept(make: type[Averaged], patience: int | None) -> None:
    net, _, found = fitted(make, patience=patience, epochs=4)
    loss, accuracy = evaluate(net, training(), split(30, seed=1))
    kept = found.kept()
    assert kept["validation_loss"] == pytest.approx(loss, rel=1e-5)  # maps may lie in another order
    assert kept["validation_accuracy"] == accuracy
    _, _, plain = fitted(patience=patience, epochs=4)
    assert plain.curves[-1]["train_loss"] == found.curves[-1]["train_loss"]
    assert plain.curves[-1]["validation_loss"] != found.curves[-1]["validation_loss"]


def test_the_mean_of_the_last_epochs() -> None:
    """Of five epochs the first two are left out; the running statistics are those of the mean."""
    net, seen, _ = fitted(lambda: Swa(SwaOptions(start=0.4)), epochs=5, batch_size=50)
    weights = nn.utils.parameters_to_vector(net.parameters())
    mean = torch.stack(seen.epochs[2:]).mean(0)[: len(weights)]
    assert torch.allclose(weights, mean, atol=1e-6)
    pixels = torch.cat([net[0](inputs) for inputs, _, _ in split().batches(50)])
    assert torch.allclose(net[1].running_mean, pixels.mean((0, 2, 3)), atol=1e-5)


def test_it_starts_with_the_last_epoch_at_the_latest() -> None:
    net, seen, _ = fitted(lambda: Swa(SwaOptions(start=0.99)), epochs=2)
    weights = nn.utils.parameters_to_vector(net.parameters())
    assert torch.equal(weights, seen.epochs[-1][: len(weights)])


def test_what_was_there_comes_back_with_its_counts() -> None:
    """Those by which a batch norm without a momentum weighs its next batch."""
    net, hooks = small_net().train(), Swa(SwaOptions(start=0.0))
    batches = [inputs for inputs, _, _ in split().batches(20)]
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    hooks.begin(Fitting(net, optimizer, 2, lambda: iter(batches)))
    for epoch in (1, 2):
        net(batches[0])
        hooks.after_epoch(epoch)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    hooks.average()
    assert int(net[1].num_batches_tracked) == len(batches)
    net(batches[0])
    hooks.resume()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_statistics_are_held_still() -> None:
    net = small_net().train()
    inputs, _, _ = next(iter(split().batches(32)))
    before = [buffer.clone() for buffer in net.buffers()]
    with held_still(net):
        held = net(inputs)
    assert all(torch.equal(*pair) for pair in zip(before, net.buffers(), strict=True))
    assert torch.equal(held, net(inputs))  # it normalised by the batch
    assert float(net[1].num_batches_tracked) == 1 and net[1].momentum == 0.1
    with held_still(net):
        net(torch.full((4, 1, 6, 6), torch.inf))  # as where half precision overflows
    assert bool(net[1].running_mean.isfinite().all() and net[1].running_var.isfinite().all())


def test_statistics_are_taken_anew_but_those_of_frozen_norms() -> None:
    net = small_net(dropout=0.5).train()
    net[5].eval()
    batches = [inputs for inputs, _, _ in split().batches(50)]
    take_anew(net, batches)
    found = net[0](torch.cat(batches))
    assert torch.allclose(net[1].running_mean, found.mean((0, 2, 3)), atol=1e-5)
    assert net.training and net[1].momentum == 0.1 and not net[5].training
    kept = [buffer.clone() for buffer in net.buffers()]
    for part in (net[0], net[1]):
        part.requires_grad_(False)
    take_anew(net, [2 * inputs for inputs in batches])
    assert all(torch.equal(*pair) for pair in zip(kept, net.buffers(), strict=True))
    assert batch_norms(nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False))) == []
