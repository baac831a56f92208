"""What an optimizer must satisfy."""

from __future__ import annotations

import torch
from torch import nn

from harness.catalogue.kinds import Optimizer
from harness.catalogue.references import call
from harness.contracts.subject import NotChecked, Subject, require

_STEPS = 30


class _Quadratic(nn.Module):
    """A least-squares problem with a weight and a bias, and a parameter that nobody trains."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(4, 3, generator=generator))
        self.bias = nn.Parameter(torch.randn(4, generator=generator))
        self.other = nn.Parameter(torch.randn(4, generator=generator))
        self.register_buffer("inputs", torch.randn(32, 3, generator=generator))

    def loss(self) -> torch.Tensor:
        inputs: torch.Tensor = self.get_buffer("inputs")
        outputs = inputs @ self.weight.T + self.bias + 0.1 * self.other
        return outputs.square().mean()

    def named(self) -> list[tuple[str, nn.Parameter]]:
        return [("weight", self.weight), ("bias", self.bias)]


def _build(
    subject: Subject, named: list[tuple[str, nn.Parameter]], rate: float | None = None
) -> torch.optim.Optimizer:
    item = subject.item
    assert isinstance(item, Optimizer)
    if "cuda" in item.requires:
        raise NotChecked("it steps on a GPU only")
    chosen = subject.choose()
    require("learning_rate" in chosen.options, "its options have no field learning_rate")
    built = call(
        item.build,
        parameters=named,
        learning_rate=float(chosen.options["learning_rate"]) if rate is None else rate,
        options=chosen.model(),
        member=chosen.member,
    )
    require(
        isinstance(built, torch.optim.Optimizer),
        f"it built a {type(built).__name__}, not a torch.optim.Optimizer",
    )
    optimizer: torch.optim.Optimizer = built
    return optimizer


def _step(problem: _Quadratic, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad(set_to_none=True)
    problem.loss().backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def check_descends(subject: Subject) -> None:
    """At its default learning rate it lowers a least-squares loss."""
    problem = _Quadratic()
    optimizer = _build(subject, problem.named())
    before = float(problem.loss().detach())
    for _ in range(_STEPS):
        _step(problem, optimizer)
    after = float(problem.loss().detach())
    require(after < before, f"the loss went from {before:.4g} to {after:.4g} in {_STEPS} steps")


def check_learning_rate(subject: Subject) -> None:
    """It takes the learning rate that it is given, in every parameter group."""
    for rate in (0.003, 0.02):
        optimizer = _build(subject, _Quadratic().named(), rate)
        for group in optimizer.param_groups:
            require("lr" in group, "a parameter group has no 'lr', so no schedule can reach it")
            found = float(group["lr"])
            require(abs(found - rate) <= 1e-6 * rate, f"given {rate:g}, a group's lr is {found:g}")


def check_zero_rate(subject: Subject) -> None:
    """Where a schedule sets the learning rate to zero, nothing moves; at the latest from the second step on, as ASGD's follow."""
    problem = _Quadratic()
    optimizer = _build(subject, problem.named())
    _step(problem, optimizer)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    _step(problem, optimizer)
    before = [parameter.detach().clone() for _, parameter in problem.named()]
    _step(problem, optimizer)
    for (name, parameter), old in zip(problem.named(), before, strict=True):
        require(torch.equal(parameter.detach(), old), f"{name} moved at a learning rate of 0")


def check_only_its_own(subject: Subject) -> None:
    """It trains all the parameters that it is given, and touches no other one."""
    problem = _Quadratic()
    optimizer = _build(subject, problem.named())
    before = {name: p.detach().clone() for name, p in problem.named_parameters()}
    for _ in range(3):
        _step(problem, optimizer)
    moved = {n for n, p in problem.named_parameters() if not torch.equal(p.detach(), before[n])}
    require("other" not in moved, "it changed a parameter that it was not given")
    still = {"weight", "bias"} - moved
    require(not still, f"{' and '.join(sorted(still))} did not move in three steps")


CONTRACTS = (check_descends, check_learning_rate, check_zero_rate, check_only_its_own)
