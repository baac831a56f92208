"""A fit that is killed goes on, and ends bit for bit as one that was not."""

from __future__ import annotations

import copy
import random
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rank_cases import fitted, together
from safetensors import SafetensorError
from torch import nn
from train_cases import same_weights, small_net, split, task, training

from harness.train import resume
from harness.train.clock import TIMES
from harness.train.fit import FitResult, Training, fit
from harness.train.ranks import Ranks
from harness.train.resume import Keeper
from harness_training import pgd_at, plateau, timm_optim, torch_optim
from harness_training.ema import Ema
from harness_training.options import (
    EmaOptions,
    PgdAtOptions,
    PlateauOptions,
    SamOptions,
    TimmOptimOptions,
    TorchOptimOptions,
)
from harness_training.sam import Sam


class Killed(BaseException):
    """What ends a fit in the middle of it."""


def killed_after(training: Training, steps: int) -> Training:
    """Return the training, killed after so many steps of an attempt."""
    left = steps

    def objective(model: nn.Module, *rest: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return training.objective(model, *rest)

    return replace(training, objective=objective)


def fit_with_kills(
    net: nn.Module, training: Training, path: Path, *places: int, **more: Any
) -> FitResult:
    """Fit, killed after so many steps of each attempt; each begins with a model that is built anew."""
    for place in places:
        with pytest.raises(Killed):
            fit(
                copy.deepcopy(net),
                killed_after(training, place),
                split(),
                keeper=Keeper(path, 0.0),
                **more,
            )
        torch.rand(3), np.random.rand(2), random.random()  # of whatever runs in between
    keeper = Keeper(path, 0.0)
    found = fit(net, training, split(), keeper=keeper, **more)
    assert keeper.resumed
    return found


def without_seconds(found: FitResult) -> list[dict[str, Any]]:
    return [row | dict.fromkeys(TIMES) for row in found.curves]


@pytest.mark.parametrize("places", [(1,), (7,), (10, 3, 1), (20,)])
def test_it_ends_as_if_undisturbed(tmp_path: Path, places: tuple[int, ...]) -> None:
    """Seven steps an epoch; with dropout, batch norm and a patience that keeps the best weights."""
    net = nn.Sequential(small_net(dropout=0.3), nn.BatchNorm1d(3))
    ours, whole = copy.deepcopy(net), copy.deepcopy(net)
    how = training(epochs=3, patience=9)
    expected = fit(whole, how, split(), split(seed=1))
    found = fit_with_kills(
        ours, how, tmp_path / "kept.safetensors", *places, validation=split(seed=1)
    )
    assert same_weights(ours, whole)
    assert without_seconds(found) == without_seconds(expected)
    assert (found.steps, found.epochs, found.best_epoch) == (21, 3, expected.best_epoch)
    assert found.seconds > 0


def test_draws_from_numpy_and_python_go_on(tmp_path: Path) -> None:
    """As a plugin's objective or augmentation may take them."""
    how = training(epochs=2)

    def drawing(model: nn.Module, *rest: Any) -> Any:
        loss, outputs = how.objective(model, *rest)
        return loss * float(np.random.rand() + random.random()), outputs

    ours, whole = small_net(), small_net()
    ours.load_state_dict(whole.state_dict())
    with_draws = replace(how, objective=drawing)
    for net, killed in ((whole, None), (copy.deepcopy(ours), 5)):  # each in a process seeded alike
        np.random.seed(3)
        random.seed(3)
        if killed is None:
            fit(net, with_draws, split())
        else:
            keeper = Keeper(tmp_path / "kept.safetensors", 0.0)
            with pytest.raises(Killed):
                fit(net, killed_after(with_draws, killed), split(), keeper=keeper)
    np.random.rand(3), random.random()
    fit(ours, with_draws, split(), keeper=Keeper(tmp_path / "kept.safetensors", 0.0))
    assert same_weights(ours, whole)


FAMILIES = {
    "timm": (timm_optim, TimmOptimOptions(weight_decay=0.01)),
    "torch": (torch_optim, TorchOptimOptions()),
}


def of_family(family: str, name: str, named: Any) -> torch.optim.Optimizer:
    module, options = FAMILIES[family]
    return module.build(named, 0.01, options, name)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_whatever_an_optimizer_of_a_library_keeps_goes_on(tmp_path: Path, family: str) -> None:
    """Each one ends bit for bit as undisturbed, or says that it cannot be kept; none goes on with less."""
    unkept = []
    for name in (
        name
        for name, facts in FAMILIES[family][0].list_members().items()
        if not facts.keys() & {"unusable", "requires"}
    ):
        path, said = tmp_path / f"{name}.safetensors", list[str]()
        how = training(
            epochs=2,
            make_optimizer=partial(of_family, family, name),
        )
        net = small_net()
        whole, killed, again = (copy.deepcopy(net) for _ in range(3))
        with torch.compiler.set_stance("force_eager"):
            fit(whole, how, split(40))
            with pytest.raises(Killed):
                fit(killed, killed_after(how, 4), split(40), keeper=Keeper(path, 0.0, said.append))
            if said:
                unkept.append(name)
                assert "keeps nothing for the case that it is killed" in said[0]
                continue
            keeper = Keeper(path, 0.0)
            fit(again, how, split(40), keeper=keeper)
        assert keeper.resumed and same_weights(again, whole), name
    assert unkept == []


@pytest.mark.parametrize("fused", [True, False])
def test_weights_that_lie_otherwise_in_memory_go_on(tmp_path: Path, fused: bool) -> None:
    """A file holds rows; a fused optimizer updates in the order of memory, and would take one weight's mean for another's."""
    small = small_net()
    net = nn.Sequential(*small[:3], nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), *small[3:])
    net.to(memory_format=torch.channels_last)
    ours, whole = copy.deepcopy(net), copy.deepcopy(net)

    def optimizer(named: Any) -> torch.optim.Optimizer:
        return torch.optim.AdamW([p for _, p in named], 0.01, fused=fused)

    how = training(epochs=2, make_optimizer=optimizer)
    fit(whole, how, split())
    fit_with_kills(ours, how, tmp_path / "kept.safetensors", 5)
    assert not whole[3].weight.is_contiguous()
    assert same_weights(ours, whole)


def test_what_is_kept_of_another_start_is_not_used(tmp_path: Path) -> None:
    path, said = tmp_path / "kept.safetensors", list[str]()
    how = training(epochs=2)
    with pytest.raises(Killed):
        fit(small_net(), killed_after(how, 4), split(), keeper=Keeper(path, 0.0))
    kept = path.read_bytes()
    for net, examples, content in (
        (small_net(seed=1), split(), kept),
        (small_net(), split(90), kept),
        (small_net(), split(), kept[:1000]),
        (small_net(), split(), b""),
    ):
        path.write_bytes(content)
        whole = copy.deepcopy(net)
        keeper = Keeper(path, 1000.0, said.append)
        fit(net, how, examples, keeper=keeper)
        assert not keeper.resumed and said.pop().startswith(
            "begins anew: what an earlier attempt has kept"
        )
        fit(whole, how, examples)
        assert same_weights(net, whole) and not path.exists()


def test_nothing_is_written_before_its_time(tmp_path: Path) -> None:
    path = tmp_path / "kept.safetensors"
    keeper = Keeper(path, 1000.0)
    with pytest.raises(Killed):
        fit(small_net(), killed_after(training(), 4), split(), keeper=keeper)
    assert not path.exists()


class Clip(torch.optim.SGD):
    """Keeps what cannot be told without running code."""

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "state": {0: {"what": object()}}}


def test_what_cannot_be_kept_is_said_once_and_training_goes_on(tmp_path: Path) -> None:
    said: list[str] = []
    how = training(make_optimizer=lambda named: Clip([p for _, p in named], 0.01))
    found = fit(
        small_net(), how, split(), keeper=Keeper(tmp_path / "kept.safetensors", 0.0, said.append)
    )
    assert found.steps == 21 or found.steps > 1
    assert len(said) == 1 and "keeps nothing for the case that it is killed" in said[0]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_no_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, said = tmp_path / "kept.safetensors", list[str]()
    how, net = training(epochs=2), small_net()
    whole = copy.deepcopy(net)
    with pytest.raises(Killed):
        fit(copy.deepcopy(net), killed_after(how, 4), split(), keeper=Keeper(path, 0.0))

    def full(*arguments: Any) -> None:
        raise SafetensorError("No space left on device (os error 28)")

    monkeypatch.setattr(resume, "write", full)
    keeper = Keeper(path, 0.0, said.append)
    fit(net, how, split(), keeper=keeper)
    fit(whole, how, split())
    assert keeper.resumed and same_weights(net, whole) and path.exists()
    assert "could not be written: No space left" in said[-1]


def test_what_cannot_be_put_back_is_met_once(tmp_path: Path) -> None:
    path, how = tmp_path / "kept.safetensors", training(epochs=2)
    with pytest.raises(Killed):
        fit(small_net(), killed_after(how, 4), split(), keeper=Keeper(path, 0.0))
    momentum = replace(
        how, make_optimizer=lambda named: torch.optim.SGD([{"params": [p]} for _, p in named], 0.1)
    )
    with pytest.raises(ValueError, match="parameter groups"):
        fit(small_net(), momentum, split(), keeper=Keeper(path, 0.0))
    assert not path.exists()


@pytest.mark.slow
def test_several_processes_go_on_as_one(tmp_path: Path) -> None:
    """Dropout and running statistics of each process are its own, and so are averages of these; the attack reads the statistics
    at every step.
    """
    path = tmp_path / "kept.safetensors"
    net = nn.Sequential(small_net(dropout=0.3), nn.BatchNorm1d(3))
    how = training(
        epochs=3,
        batch_size=32,
        patience=9,
        objective=pgd_at.build(task(), PgdAtOptions(epsilon=0.05, steps=1)),
        techniques=[lambda: Sam(SamOptions()), lambda: Ema(EmaOptions(decay=0.9))],
    )

    def whole(ranks: Ranks) -> Any:
        return ranks.gathered(fitted(net, how, split(), split(seed=1), ranks=ranks))

    def killed(ranks: Ranks, after: int) -> Any:
        keeper = Keeper(path, 0.0, ranks=ranks)
        with pytest.raises(Killed):
            fit(
                copy.deepcopy(net),
                killed_after(how, after),
                split(),
                split(seed=1),
                keeper=keeper,
                ranks=ranks,
            )
        return True

    def again(ranks: Ranks) -> Any:
        keeper = Keeper(path, 0.0, ranks=ranks)
        found = fitted(net, how, split(), split(seed=1), keeper=keeper, ranks=ranks)
        assert keeper.resumed
        return ranks.gathered(found)

    expected = together(2, tmp_path, whole)
    for after in (5, 4):
        assert together(2, tmp_path, partial(killed, after=after))
        assert path.exists()
    assert together(2, tmp_path, again) == expected


def test_a_schedule_that_looks_back_goes_on(tmp_path: Path) -> None:
    """The curves that it looks at are kept; at this learning rate the loss rests from the first epoch on."""
    options = PlateauOptions(patience=0, gamma=0.5, threshold=0.9)
    how = training(
        epochs=4, make_schedule=lambda steps, curves: plateau.build(steps, curves, options)
    )
    ours, whole = small_net(), small_net()
    expected = fit(whole, how, split(), split(seed=1))
    found = fit_with_kills(ours, how, tmp_path / "kept.safetensors", 9, 7, validation=split(seed=1))
    rates = [row["learning_rate"] for row in expected.curves]
    assert rates == [row["learning_rate"] for row in found.curves]
    assert rates[-1] is not None and rates[0] is not None and rates[-1] <= rates[0] / 4
    assert same_weights(ours, whole)
