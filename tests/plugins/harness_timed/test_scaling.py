"""Training on several processes, of steps that take a known time."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed
from measure_cases import image_examples, measure, one
from torch import nn

from harness.api import NotApplicable, PluginError
from harness.api.measuring import Ranks
from harness.execute.measure_ranks import ranks_of

EXAMPLE = 0.001  # seconds in which a process does one


class Sleeping(nn.Module):
    """Takes a time for each example; the second process may take more of it."""

    def __init__(self, slower: float = 1.0) -> None:
        super().__init__()
        self.inner, self.slower = nn.Linear(36, 3), slower

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        second = torch.distributed.is_initialized() and torch.distributed.get_rank() == 1
        time.sleep(EXAMPLE * len(inputs) * (self.slower if second else 1.0))
        return self.inner(inputs.flatten(1))


def context(images, folder: Path, model: nn.Module, **options):
    made = images("scaling", model=model, seconds=0.4, **options)
    return replace(
        made,
        folder=folder,
        devices=2,
        split=lambda name: {"train": image_examples(100)}[name],
        in_ranks=ranks_of(folder, "cpu", lambda rank: torch.device("cpu")),
    )


@pytest.mark.slow
def test_two_that_share_a_batch_take_half_the_time(images, tmp_path) -> None:
    found = measure(context(images, tmp_path, Sleeping(), batch_size=40), "scaling")
    alone = one(found, "scaling_throughput", devices=1)
    both = one(found, "scaling_throughput", devices=2)
    assert alone.value == pytest.approx(1 / EXAMPLE, rel=0.2) and alone.value < 1 / EXAMPLE
    assert 1.1 * alone.value < both.value < 2 / EXAMPLE
    efficiency = one(found, "scaling_efficiency", devices=2)
    assert efficiency.value == pytest.approx(both.value / alone.value / 2, rel=1e-6)
    assert efficiency.low < efficiency.value < efficiency.high
    assert one(found, "scaling_efficiency", devices=1).exact
    assert one(found, "communication_share", devices=2).value < 0.3


@pytest.mark.slow
def test_a_batch_that_grows_takes_as_long(images, tmp_path) -> None:
    options = {"batch_size": 20, "growing": True, "devices": [2]}
    found = measure(context(images, tmp_path, Sleeping(), **options), "scaling")
    both = one(found, "scaling_throughput", devices=2)
    assert both.where["batch_size"] == 40
    assert 1.1 / EXAMPLE < both.value < 2 / EXAMPLE
    assert {metric.where["devices"] for metric in found if "devices" in metric.where} == {2}


def test_who_waits_for_the_slowest_waits_for_its_gradients(images, tmp_path) -> None:
    """The first process does its share in a third of the time: two thirds of a step are waiting."""
    slower = Sleeping(slower=3.0)
    found = measure(context(images, tmp_path, slower, batch_size=40), "scaling")
    share = one(found, "communication_share", devices=2)
    assert share.value == pytest.approx(2 / 3, abs=0.15)


def test_devices_that_are_not_there(images, tmp_path) -> None:
    with pytest.raises(NotApplicable, match="devices = 4 asked for; here are 2"):
        measure(context(images, tmp_path, Sleeping(), devices=[4]), "scaling")


def test_what_a_process_raises_is_told(images, tmp_path) -> None:
    made = context(images, tmp_path, Sleeping())

    def broken(ranks: Ranks, device: torch.device) -> None:
        if ranks.rank == 1:
            raise ArithmeticError("nothing to divide")
        ranks.sums([1.0])

    with pytest.raises(PluginError, match="ArithmeticError: nothing to divide"):
        made.in_ranks(2, broken)


def test_a_model_that_nothing_trains(images, tmp_path) -> None:
    model = Sleeping().requires_grad_(False)
    with pytest.raises(NotApplicable, match="no trainable parameter"):
        measure(context(images, tmp_path, model), "scaling")


def test_a_batch_too_small_to_share_is_refused_before_anything_is_timed(images, tmp_path) -> None:
    made = context(images, tmp_path, Sleeping(), batch_size=1)
    with pytest.raises(NotApplicable, match="a batch of 1 has no example for each of 2 devices"):
        next(iter(measure(made, "scaling")))
