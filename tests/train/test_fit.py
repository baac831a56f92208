"""The training loop, against a bare loop, torch's own schedules, and what it promises in words."""

import copy
import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from train_cases import (
    CLASSES,
    SIDE,
    adamw,
    cross_entropy,
    same_weights,
    sgd,
    small_net,
    split,
    squared_error,
    table_split,
    training,
)

from harness.data.draws import Draws, derive
from harness.data.whole_gru import WholeGru
from harness.errors import PluginError
from harness.machine import onednn_linear
from harness.train.fit import (
    Diverged,
    epoch_order,
    evaluate,
    first_batch,
    fit,
)


def bare_loop(model, examples, epochs, batch_size, seed, rate, factor):
    """What a person would write: no harness, but for the order of the examples."""
    inputs, targets, ids = examples.take(torch.arange(len(examples)))
    optimizer = torch.optim.AdamW(model.parameters(), rate)
    torch.manual_seed(derive(seed, "training"))
    steps, curve = 0, []
    for epoch in range(1, epochs + 1):
        model.train()
        order = epoch_order(seed, epoch, ids)
        total, right = 0.0, 0
        for start in range(0, len(order), batch_size):
            index = order[start : start + batch_size]
            for group in optimizer.param_groups:
                group["lr"] = rate * factor(steps)
            logits = model(inputs[index])
            loss = nn.functional.cross_entropy(logits, targets[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(index)
            right += int((logits.argmax(1) == targets[index]).sum())
            steps += 1
        curve.append((total / len(order), right / len(order)))
    return model.eval(), curve


def test_targets_move_by_the_draws_of_the_augmentation_that_moves_inputs():
    seen = []

    def brighten(inputs, draws):
        return inputs + draws.uniform("much").view(-1, 1, 1, 1)

    def raise_targets(targets, draws):
        seen.append(draws.uniform("much"))
        return (targets + 1) % CLASSES

    examples = split()
    (inputs, targets, ids), plain = first_batch_of(examples), training()
    changed = replace(plain, augmentations=[brighten] * 2, moves=[None, raise_targets])
    found, moved, _ = first_batch(changed, examples)
    assert torch.equal(moved, (targets + 1) % CLASSES)
    first, second = (
        Draws(derive(plain.seed, "epoch", 1), ids).at("augmentation", k) for k in (0, 1)
    )
    assert torch.equal(seen[0], second.uniform("much"))
    assert torch.equal(found, brighten(brighten(inputs, first), second))


def first_batch_of(examples):
    order = epoch_order(training().seed, 1, examples.ids)
    return next(iter(examples.in_order(order, training().batch_size)))


def test_a_fit_is_a_bare_loop_bit_for_bit():
    examples = split()
    net = small_net(dropout=0.3)
    ours, bare = copy.deepcopy(net), copy.deepcopy(net)

    def factor(step):
        return 1.0 / (1 + step)

    found = fit(ours, training(epochs=3, make_schedule=lambda steps, curves: factor), examples)
    bare.to(memory_format=getattr(torch, found.memory_format))
    _, curve = bare_loop(bare, examples, 3, 16, 3, 0.01, factor)
    assert same_weights(ours, bare)
    assert not same_weights(ours, net)
    assert found.steps == 21 and found.best_epoch == 3 and not ours.training
    assert [row["epoch"] for row in found.curves] == [1, 2, 3]
    for row, (loss, accuracy) in zip(found.curves, curve, strict=True):
        assert row["train_loss"] == pytest.approx(loss, rel=1e-5)
        assert row["train_accuracy"] == accuracy
        assert row["validation_loss"] is None
    assert found.curves[-1]["learning_rate"] == pytest.approx(0.01 / 21)


SCRIPT = """
import sys, hashlib, torch
sys.path.insert(0, sys.argv[1])
torch.set_num_threads(1)
from train_cases import *
from harness.train.fit import fit
net = small_net(dropout=0.3)
fit(net, training(), split())
print(hashlib.sha256(b"".join(v.numpy().tobytes() for v in net.state_dict().values())).hexdigest())
"""


@pytest.mark.slow
def test_two_processes_give_the_same_weights_bit_for_bit():
    run = [sys.executable, "-c", SCRIPT, str(Path(__file__).parent)]
    there = subprocess.run(run, capture_output=True, text=True, check=True, timeout=60).stdout
    net = small_net(dropout=0.3)
    fit(net, training(), split())
    here = b"".join(value.numpy().tobytes() for value in net.state_dict().values())
    assert there.strip() == hashlib.sha256(here).hexdigest()


@pytest.mark.parametrize("kind", ["one-cycle", "cosine"])
def test_the_schedule_is_applied_at_every_step(kind):
    rates = []

    class Notes(torch.optim.SGD):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    def make_schedule(steps, curves):
        from harness_training.cosine import build as cosine
        from harness_training.one_cycle import build as one_cycle
        from harness_training.options import CosineOptions, OneCycleOptions

        if kind == "one-cycle":
            return one_cycle(steps, OneCycleOptions(warm_up=0.3, initial=1 / 25, final=1 / 25e4))
        return cosine(steps, CosineOptions(warm_up=0.0, final=0.0))

    fit(
        small_net(),
        training(
            epochs=5,
            make_optimizer=lambda named: Notes([p for _, p in named], 0.2),
            make_schedule=make_schedule,
        ),
        split(),
    )
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(()))], 0.2)
    if kind == "one-cycle":
        peer = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, 0.2, total_steps=35, cycle_momentum=False
        )
    else:
        peer = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 35)
    expected = []
    for _ in range(35):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        peer.step()
    assert rates == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_groups_keep_their_own_rates_under_a_schedule():
    rates = []

    class Notes(torch.optim.SGD):
        def step(self, closure=None):
            rates.append([group["lr"] for group in self.param_groups])
            return super().step(closure)

    def make(named):
        weights = [p for _, p in named]
        return Notes([{"params": weights[:1], "lr": 0.1}, {"params": weights[1:], "lr": 0.3}], 1.0)

    fit(
        small_net(),
        training(make_optimizer=make, make_schedule=lambda n, curves: lambda step: 0.5, epochs=1),
        split(16),
    )
    assert rates == [[pytest.approx(0.05), pytest.approx(0.15)]]


def test_validation_figures_are_those_of_the_model_in_eval_mode():
    net = small_net(dropout=0.5)
    found = fit(net, training(), split(), split(41, seed=1))
    inputs, targets, _ = split(41, seed=1).take(torch.arange(41))
    with torch.no_grad():
        logits = net(inputs)
    row = found.curves[-1]
    expected = float(nn.functional.cross_entropy(logits, targets))
    assert row["validation_loss"] == pytest.approx(expected, rel=1e-5)
    assert row["validation_accuracy"] == pytest.approx(
        float((logits.argmax(1) == targets).float().mean())
    )
    assert evaluate(net, training(), split(41, seed=1), batch_size=7)[0] == pytest.approx(expected)


# -- what goes wrong


def test_divergence_is_said_in_words():
    net = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, CLASSES))
    with pytest.raises(Diverged, match=r"the training loss became (nan|inf) in epoch 1; lower the"):
        fit(net, training(make_optimizer=sgd(1e38), epochs=3), split())


def test_nothing_to_train_is_said_in_words():
    net = small_net().requires_grad_(False)
    with pytest.raises(PluginError, match="no parameter to train"):
        fit(net, training(), split())


# -- precisions


def test_bf16_autocast_trains():
    kinds = []

    def objective(model, inputs, targets, draws):
        loss, logits = cross_entropy(model, inputs, targets, draws)
        kinds.append(logits.dtype)
        return loss, logits

    net = small_net()
    found = fit(
        net, training(precision="bf16", objective=objective, epochs=8), split(), split(40, seed=1)
    )
    assert set(kinds) == {torch.bfloat16}
    assert all(p.dtype == torch.float32 for p in net.parameters())
    assert found.curves[-1]["validation_accuracy"] > 0.9


@pytest.mark.cuda
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_training_on_cuda(precision):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA GPU")
    from harness.data.prepared import SplitExamples

    device = torch.device("cuda")
    train, validation = (
        SplitExamples(s._inputs, s._rows, s.targets.numpy(), s.ids.numpy(), s.task, device)
        for s in (split(), split(40, seed=1))
    )
    net = small_net().to(device)
    found = fit(net, training(precision=precision, epochs=10), train, validation)
    assert found.curves[-1]["validation_accuracy"] > 0.9


# -- frozen parts


def test_a_frozen_trunk_stays_as_it_is():
    net = small_net()
    for parameter in net[:5].parameters():
        parameter.requires_grad_(False)
    before = copy.deepcopy(net)
    fit(net, training(), split())
    assert same_weights(before[:5], net[:5])  # statistics and the count of batches too
    assert not same_weights(before[5], net[5])


def test_statistics_without_parameters_are_frozen_with_the_rest():
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4, affine=False),
        nn.Flatten(),
        nn.Linear(4 * SIDE * SIDE, CLASSES),
    )
    net[0].requires_grad_(False)
    before = copy.deepcopy(net)
    fit(net, training(), split())
    assert same_weights(before[1], net[1]) and not same_weights(before[3], net[3])
    net.requires_grad_(True)
    fit(net, training(), split())
    assert not same_weights(before[1], net[1])


# -- regression


def test_a_regression_has_losses_and_no_accuracy():
    net = nn.Sequential(nn.Linear(4, 1))
    found = fit(
        net,
        training(objective=squared_error, make_optimizer=adamw(0.3), epochs=30),
        table_split(),
        table_split(20),
    )
    row = found.curves[-1]
    assert row["train_accuracy"] is None and row["validation_accuracy"] is None
    assert row["validation_loss"] < 0.1 < found.curves[0]["validation_loss"]


@pytest.mark.parametrize("unit", [1e-30, 1e-20, 1e20, 1e30])
def test_a_validation_loss_is_neither_lost_nor_infinite(unit):
    """Early stopping and a search choose by it."""

    net = nn.Linear(4, 1)
    nn.init.zeros_(net.weight)
    nn.init.zeros_(net.bias)
    ((_, targets, _),) = table_split(20).batches(20)
    loss, _ = evaluate(net, training(objective=squared_error), table_split(20, unit))
    assert loss == pytest.approx(float(targets.double().square().mean()) * unit**2, rel=1e-5)


def test_recurrent_layers_are_whole_while_they_are_trained_and_torchs_after():
    class Rows(nn.Module):
        def __init__(self):
            super().__init__()
            self.recurrent, self.head = nn.GRU(SIDE, 4, batch_first=True), nn.Linear(4, CLASSES)

        def forward(self, images):
            return self.head(self.recurrent(images[:, 0])[0].mean(1))

    torch.manual_seed(0)
    model, kinds = Rows(), []
    bare = copy.deepcopy(model)
    hook = model.recurrent.register_forward_hook(lambda layer, *given: kinds.append(type(layer)))
    found = fit(model, training(), split())
    hook.remove()
    assert set(kinds) == {WholeGru} and type(model.recurrent) is nn.GRU
    _, expected = bare_loop(bare, split(), 2, 16, 3, 0.01, lambda step: 1.0)
    for row, (loss, _) in zip(found.curves, expected, strict=True):
        assert row["train_loss"] == pytest.approx(loss, rel=1e-4)


def test_a_fit_multiplies_by_onednn_where_that_gains_and_goes_on_bit_for_bit(monkeypatch):
    """What was multiplied before in the process is nothing to it, as a fit that is killed goes on in another one."""
    seen = []

    class Seen(nn.Linear):
        def forward(self, inputs):
            seen.append(nn.functional.linear)
            return super().forward(inputs)

    def once(faster):
        monkeypatch.setattr("harness.machine.matrix_products.onednn_is_faster", lambda: faster)
        torch.manual_seed(0)
        wide = nn.Linear(SIDE * SIDE, 192), nn.ReLU(), nn.Linear(192, 192), nn.ReLU()
        model = nn.Sequential(nn.Flatten(), *wide, Seen(192, CLASSES))
        plan = training(epochs=2, batch_size=256, make_optimizer=sgd(0.1))
        result = fit(model, plan, split(512), split(40))
        return model, [row["train_loss"] for row in result.curves]

    plain, expected = once(False)
    assert set(seen) == {torch._C._nn.linear}
    first, losses = once(True)
    assert torch._C._nn.linear not in seen[-4:]
    assert nn.functional.linear is torch._C._nn.linear
    onednn_linear._multiplied.update({(256 * 192, torch.Size((192, 192))): 2**40})
    again, _ = once(True)
    assert same_weights(first, again) and not same_weights(first, plain)
    assert losses == pytest.approx(expected, rel=1e-5)
