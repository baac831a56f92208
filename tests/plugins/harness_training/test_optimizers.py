"""Optimizers against hand computation and against torch; weight decay; the families of timm and of torch."""

from __future__ import annotations

import copy
import math
from functools import partial
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from harness.api import UsageError, import_timm
from harness_training import adamw, sgd, timm_optim, torch_optim
from harness_training.options import AdamwOptions, SgdOptions, TimmOptimOptions, TorchOptimOptions
from harness_training.parameter_groups import group_parameters
from harness_training.tried_steps import try_steps


def parameter(*values: float, gradient: tuple[float, ...]) -> nn.Parameter:
    """A weight of one row, so that it decays, with a gradient."""
    result = nn.Parameter(torch.tensor([values], dtype=torch.float64))
    result.grad = torch.tensor([gradient], dtype=torch.float64)
    return result


def test_groups() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    model[3].weight.requires_grad_(False)
    decayed, others = group_parameters(model.named_parameters(), 0.3)
    assert decayed["weight_decay"] == 0.3 and others["weight_decay"] == 0.0
    assert [tuple(p.shape) for p in decayed["params"]] == [(2, 1, 3, 3)]
    assert [tuple(p.shape) for p in others["params"]] == [(2,), (2,), (2,), (3,)]


def test_no_empty_group() -> None:
    assert len(group_parameters([("bias", nn.Parameter(torch.zeros(3)))], 0.1)) == 1
    assert group_parameters([], 0.1) == []


@pytest.mark.parametrize(("module", "options"), [(adamw, AdamwOptions()), (sgd, SgdOptions())])
def test_weights_that_lie_apart_in_memory_learn_as_any(module: Any, options: Any) -> None:
    """A part of a larger tensor: torch's fused optimizers would write the rest of it in its place."""
    torch.manual_seed(0)
    larger = torch.randn(4, 8)
    before = larger.clone()
    part = nn.Parameter(larger[:, ::2])
    whole = nn.Parameter(part.detach().clone(memory_format=torch.contiguous_format))
    for weight in (part, whole):
        optimizer = module.build([("weight", weight)], 0.1, options)
        for number in range(3):
            weight.grad = torch.full((4, 4), 1.0 + number)
            optimizer.step()
    torch.testing.assert_close(part, whole)
    assert not torch.equal(part, before[:, ::2])
    assert torch.equal(larger[:, 1::2], before[:, 1::2])


def test_sgd_by_hand() -> None:
    rate, momentum, decay, value, gradient = 0.1, 0.9, 0.01, 2.0, 0.5
    weight = parameter(value, gradient=(gradient,))
    options = SgdOptions(momentum=momentum, nesterov=True, weight_decay=decay)
    optimizer = sgd.build([("weight", weight)], rate, options)
    velocity = 0.0
    for _ in range(3):
        total = gradient + decay * value
        velocity = momentum * velocity + total
        value -= rate * (total + momentum * velocity)
        optimizer.step()
        assert weight.item() == pytest.approx(value, rel=1e-12)


def test_sgd_without_momentum_is_plain() -> None:
    weight = parameter(1.0, gradient=(2.0,))
    sgd.build([("weight", weight)], 0.1, SgdOptions(momentum=0.0, weight_decay=0.0)).step()
    assert weight.item() == pytest.approx(0.8, rel=1e-12)


def test_adamw_by_hand() -> None:
    rate, beta1, beta2, decay, value, gradient = 0.01, 0.8, 0.95, 0.1, 2.0, 0.5
    weight = parameter(value, gradient=(gradient,))
    options = AdamwOptions(beta1=beta1, beta2=beta2, weight_decay=decay)
    optimizer = adamw.build([("weight", weight)], rate, options)
    mean = square = 0.0
    for step in range(1, 4):
        mean = beta1 * mean + (1 - beta1) * gradient
        square = beta2 * square + (1 - beta2) * gradient**2
        value -= rate * decay * value
        value -= rate * (mean / (1 - beta1**step)) / (math.sqrt(square / (1 - beta2**step)) + 1e-8)
        optimizer.step()
        assert weight.item() == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            lambda p: adamw.build(p, 1e-2, AdamwOptions(weight_decay=0.0)),
            lambda p: torch.optim.AdamW([v for _, v in p], lr=1e-2, weight_decay=0.0),
        ),
        (
            lambda p: sgd.build(p, 1e-2, SgdOptions(weight_decay=0.0)),
            lambda p: torch.optim.SGD([v for _, v in p], lr=1e-2, momentum=0.9, nesterov=True),
        ),
    ],
)
def test_same_as_torch(ours: Any, theirs: Any) -> None:
    results = []
    for make in (ours, theirs):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 2))
        optimizer = make(list(model.named_parameters()))
        inputs = torch.randn(16, 5)
        for _ in range(5):
            optimizer.zero_grad()
            model(inputs).square().sum().backward()
            optimizer.step()
        results.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    torch.testing.assert_close(results[0], results[1])


def test_biases_do_not_decay() -> None:
    layer = nn.Linear(3, 2)
    before = {name: value.clone() for name, value in layer.named_parameters()}
    for value in layer.parameters():
        value.grad = torch.zeros_like(value)
    adamw.build(layer.named_parameters(), 0.1, AdamwOptions(weight_decay=0.5)).step()
    torch.testing.assert_close(layer.weight.data, before["weight"] * (1 - 0.1 * 0.5))
    assert torch.equal(layer.bias, before["bias"])


@pytest.fixture(scope="session")
def timm() -> Any:
    return import_timm()


@pytest.mark.parametrize("name", ["lamb", "lion", "adafactor", "nadamw", "muon", "sgdp"])
def test_timm_optimizers_learn(timm: Any, name: str) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(3, 2)
    options = TimmOptimOptions()
    optimizer = timm_optim.build(layer.named_parameters(), 1e-2, options, name)
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.0}
    inputs = torch.randn(32, 3)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = layer(inputs).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_timm_decay_reaches_weights_only(timm: Any) -> None:
    layer = nn.Linear(3, 2)
    options = TimmOptimOptions(weight_decay=0.5)
    optimizer = timm_optim.build(layer.named_parameters(), 0.1, options, "adamw")
    decays = {len(g["params"][0].shape): g["weight_decay"] for g in optimizer.param_groups}
    assert decays == {2: 0.5, 1: 0.0}


def test_what_a_try_says(timm: Any) -> None:
    def tried(name: str) -> str | None:
        return try_steps(partial(timm_optim._of_named, name))

    assert tried("sgdw") is None
    assert "grad" in (tried("adahessian") or "")
    assert "CUDA" in (tried("fusedadam") or "CUDA")


def test_a_try_compiles_nothing(timm: Any) -> None:
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert try_steps(partial(timm_optim._of_named, "kron")) is None
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == before


def test_torch_members() -> None:
    """Each is tried on a CPU, and what cannot be used says why."""
    members = torch_optim.list_members()
    reasons = {name: facts["unusable"] for name, facts in members.items() if "unusable" in facts}
    assert not any("requires" in facts for facts in members.values())
    assert {"Adadelta", "Adagrad", "Adam", "NAdam", "RAdam", "RMSprop", "SGD"} <= members.keys()
    assert "does not support dense gradients" in reasons.pop("SparseAdam")
    assert "parameter groups" in reasons.pop("LBFGS")
    assert "2D parameters" in reasons.pop("Muon")
    assert "a schedule would mean nothing" in reasons.pop("Rprop")
    assert reasons == {}
    assert members["Adadelta"]["summary"].endswith("own learning rate is 1")


@pytest.mark.parametrize("name", ["ASGD", "Adagrad", "RMSprop"])
def test_torch_optimizers_are_torchs_own(name: str) -> None:
    torch.manual_seed(0)
    ours = nn.Linear(3, 2)
    theirs = copy.deepcopy(ours)
    mine = torch_optim.build(ours.named_parameters(), 0.02, TorchOptimOptions(), name)
    own = getattr(torch.optim, name)(theirs.parameters(), lr=0.02)
    for _ in range(3):
        for layer, optimizer in ((ours, mine), (theirs, own)):
            optimizer.zero_grad()
            layer(torch.ones(4, 3)).square().sum().backward()
            optimizer.step()
    assert torch.equal(ours.weight, theirs.weight) and torch.equal(ours.bias, theirs.bias)


def test_torch_options_reach_those_that_have_them() -> None:
    layer = nn.Linear(3, 2)
    options = TorchOptimOptions(weight_decay=0.5, momentum=0.8)
    optimizer = torch_optim.build(layer.named_parameters(), 0.1, options, "RMSprop")
    found = {len(g["params"][0].shape): g["weight_decay"] for g in optimizer.param_groups}
    assert found == {2: 0.5, 1: 0.0}
    assert {group["momentum"] for group in optimizer.param_groups} == {0.8}
    for name, lacking in (("LBFGS", "weight_decay"), ("Adagrad", "momentum")):
        with pytest.raises(UsageError, match=f"torch-optim/{name} has no {lacking}"):
            torch_optim.build(layer.named_parameters(), 0.1, options, name)


def test_timm_members() -> None:
    members = timm_optim.list_members()
    assert len(members) > 90
    usable = [name for name, facts in members.items() if set(facts) == {"summary"}]
    assert len(usable) >= 80
    assert "unusable" in members["adahessian"]
    assert members["bnbadam"].get("requires") == ["cuda"]
    assert members["lamb"]["summary"]


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (SgdOptions, {"momentum": 1.0}),
        (SgdOptions, {"learning_rate": 0.0}),
        (AdamwOptions, {"beta2": 1.5}),
        (AdamwOptions, {"momentum": 0.9}),
        (TimmOptimOptions, {"weight_decay": -1}),
    ],
)
def test_options_are_checked(model: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model(**options)
