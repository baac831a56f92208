"""Which examples meet in a batch of the training loop: their order, what is left out, and their draws."""

import math

import pytest
import torch
from torch import nn
from train_cases import CLASSES, SIDE, cross_entropy, same_weights, small_net, split, training

from harness.data.draws import Draws, derive
from harness.train.fit import epoch_order, fit


def test_a_seed_decides_order_and_dropout():
    first, again, other = (small_net(dropout=0.5) for _ in range(3))
    fit(first, training(), split())
    torch.rand(7)  # what was drawn before does not matter
    fit(again, training(), split())
    fit(other, training(seed=4), split())
    assert same_weights(first, again) and not same_weights(first, other)


def test_order_depends_on_seed_epoch_and_ids_alone():
    ids = torch.randperm(50, generator=torch.Generator().manual_seed(0)) + 1000
    order = epoch_order(1, 2, ids)
    assert sorted(order.tolist()) == list(range(50))
    assert torch.equal(order, epoch_order(1, 2, ids))
    assert not torch.equal(order, epoch_order(2, 2, ids))
    assert not torch.equal(order, epoch_order(1, 3, ids))
    shuffled = torch.randperm(50, generator=torch.Generator().manual_seed(1))
    assert torch.equal(ids[shuffled][epoch_order(1, 2, ids[shuffled])], ids[order])
    some = ids[:30]
    kept = [i for i in ids[order].tolist() if i in set(some.tolist())]
    assert some[epoch_order(1, 2, some)].tolist() == kept


def test_epochs_are_in_random_order():
    ids, first = torch.arange(40), torch.zeros(40)
    for epoch in range(2000):
        first[epoch_order(0, epoch, ids)[0]] += 1
    expected = 2000 / 40
    assert float(((first - expected) ** 2 / expected).sum()) < 39 + 4 * math.sqrt(2 * 39)


class Watch:
    """An objective that remembers what it was given."""

    def __init__(self) -> None:
        self.ids, self.sizes, self.draws = [], [], []

    def __call__(self, model, inputs, targets, draws):
        self.ids += draws.ids.tolist()
        self.sizes.append(len(inputs))
        self.draws.append(draws)
        return cross_entropy(model, inputs, targets, draws)


@pytest.mark.parametrize(
    ("n", "batch_size", "sizes"),
    [
        (33, 16, [16, 16]),  # a last batch of one is left out: batch norm cannot take it
        (34, 16, [16, 16, 2]),
        (32, 16, [16, 16]),
        (10, 16, [10]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_a_last_batch_of_one_is_left_out(n, batch_size, sizes):
    watch = Watch()
    net = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, CLASSES))
    steps = []

    def schedule(planned, curves):
        steps.append(planned)
        return lambda step: 1.0

    found = fit(
        net, training(objective=watch, batch_size=batch_size, make_schedule=schedule), split(n)
    )
    assert watch.sizes == sizes * 2
    assert steps == [found.steps] == [2 * len(sizes)]
    left_out = set(range(500, 500 + n)) - set(watch.ids)
    assert (
        n != 33 or len(left_out) <= 1
    )  # another one in each epoch, so both epochs cover nearly all
    assert all(
        len(set(watch.ids[:part])) == part for part in (sum(sizes),)
    )  # nothing twice in an epoch


def test_mean_loss_is_over_the_examples_that_were_seen():
    def always_two(model, inputs, targets, draws):
        return model(inputs).sum() * 0 + 2.0, None

    (row, _) = fit(small_net(), training(objective=always_two), split(33)).curves
    assert row["train_loss"] == 2.0 and row["train_accuracy"] is None


def test_draws_belong_to_seed_epoch_and_example():
    watch = Watch()
    fit(small_net(), training(objective=watch), split(32))
    first, later = watch.draws[0], watch.draws[2]
    assert first.key == Draws(derive(3, "epoch", 1), first.ids).key
    assert later.key == derive(3, "epoch", 2)


def test_augmentations_are_applied_in_order_with_draws_of_their_own():
    seen = []

    def add(inputs, draws):
        seen.append(draws.key)
        return inputs * 0 + 1

    def double(inputs, draws):
        seen.append(draws.key)
        return inputs * 2

    def check(model, inputs, targets, draws):
        assert bool((inputs == 2).all())
        return cross_entropy(model, inputs, targets, draws)

    fit(small_net(), training(objective=check, augmentations=(add, double), epochs=1), split(16))
    assert len(set(seen)) == 2
