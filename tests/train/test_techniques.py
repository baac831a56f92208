"""Hooks are called in the recipe's order, at the points that they are for, and nest where they wrap."""

from __future__ import annotations

from train_cases import same_weights, small_net, split, training

from harness.train.fit import fit
from harness.train.techniques import Techniques, TrainingHooks


class Told(TrainingHooks):
    def __init__(self, name: str, said: list[str]) -> None:
        self.name, self.said = name, said

    def prepare(self, model):
        self.said.append(f"{self.name} prepare")

    def begin(self, fitting):
        self.said.append(f"{self.name} begin {len(list(fitting.inputs()))}")

    def gradients(self, compute):
        self.said.append(f"{self.name} before")
        compute()
        self.said.append(f"{self.name} after")

    def before_step(self):
        self.said.append(f"{self.name} step")

    def after_epoch(self, epoch):
        self.said.append(f"{self.name} epoch {epoch}")

    def average(self):
        self.said.append(f"{self.name} average")

    def resume(self):
        self.said.append(f"{self.name} resume")

    def finish(self, model):
        self.said.append(f"{self.name} finish")


def test_their_order() -> None:
    said: list[str] = []
    made = [lambda: Told("a", said), lambda: Told("b", said)]
    fit(small_net(), training(techniques=made, epochs=1, batch_size=100), split())
    assert said == [
        *("a prepare", "b prepare", "a begin 1", "b begin 1"),
        *("a before", "b before", "b after", "a after", "a step", "b step"),
        *("a epoch 1", "b epoch 1", "a average", "b average", "b resume", "a resume"),
        *("a average", "b average", "b finish", "a finish"),
    ]


def test_hooks_that_do_nothing_change_nothing() -> None:
    ours, plain = small_net(dropout=0.2), small_net(dropout=0.2)
    fit(ours, training(techniques=[TrainingHooks]), split())
    fit(plain, training(), split())
    assert same_weights(ours, plain)
    assert Techniques().state() == []
