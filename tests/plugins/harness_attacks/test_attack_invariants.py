"""What must hold of every attack in every norm, on a trained network."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from attack_cases import Net, attack_briefly, budget, draws, matrix, radius
from torch import nn

from harness.api import Budget
from harness.api.measuring import call
from harness_attacks import harness_register_attacks
from harness_attacks.options import BimOptions, PgdOptions

Perturb = Callable[..., torch.Tensor]
CASES = matrix(item for item in harness_register_attacks() if "real-valued" in item.takes)


@pytest.fixture(
    scope="module",
    params=[pytest.param(case.values, id=case.id, marks=case.marks) for case in CASES],
)
def attack(request: pytest.FixtureRequest) -> tuple[Perturb, str]:
    item, norm = request.param
    if item.name == "autoattack":  # its protocol has no smaller options
        return attack_briefly, norm
    options = item.options(**item.checked_with) if item.options else None
    return partial(call, item.perturb, options=options), norm


def perturb(
    run: Perturb, model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, ball: Budget
) -> torch.Tensor:
    return run(model=model, inputs=inputs, targets=targets, budget=ball, draws=draws(len(inputs)))


def verdicts(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(inputs).argmax(1) == targets


@dataclass(frozen=True)
class Attacked:
    """A run that several properties are read from, and what was there before it."""

    model: nn.Module
    inputs: torch.Tensor
    perturbed: torch.Tensor
    state_before: dict[str, torch.Tensor]
    random_before: torch.Tensor
    random_after: torch.Tensor
    correct: torch.Tensor


@pytest.fixture(scope="module")
def attacked(attack, net, examples) -> Attacked:
    """In float32, of a model with modes, gradients and a frozen layer of its own, which change no figure."""
    run, norm = attack
    inputs, targets = examples[0].clone(), examples[1]
    model = copy.deepcopy(net)
    model.body[0].train()
    model.body[0].weight.requires_grad_(False)
    model.body[5].bias.grad = torch.ones(4)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()
    found = perturb(run, model, inputs, targets, budget(norm, radius(norm)))
    after = torch.get_rng_state()
    return Attacked(
        model, inputs, found, state, random, after, correct=verdicts(net, found, targets)
    )


@pytest.fixture(scope="module")
def correct_in_float64(attack, net, examples) -> torch.Tensor:
    run, norm = attack
    inputs, targets = examples[0].double(), examples[1]
    model = copy.deepcopy(net).double()
    found = perturb(run, model, inputs, targets, budget(norm, radius(norm)))
    assert found.dtype == torch.float64
    return verdicts(model, found, targets)


def test_it_stays_in_ball_and_box_and_works(attack, net, examples):
    run, norm = attack
    inputs, targets = examples
    more = 4 if norm == "l0" else 1  # a coordinate moves a quarter as far in a quarter of the box
    ball = budget(norm, more * radius(norm), low=0.25, high=0.5)
    inputs = inputs.clamp(0.25, 0.5)
    found = perturb(run, net, inputs, targets, ball)
    assert found.shape == inputs.shape and not found.requires_grad
    assert found.min() >= 0.25 and found.max() <= 0.5
    assert ball.size(found - inputs).max() <= ball.epsilon * (1 + 1e-5)
    before, after = verdicts(net, inputs, targets), verdicts(net, found, targets)
    assert before.float().mean() > 0.9
    assert after.sum() < before.sum()


def test_no_budget_is_the_identity(attack, net, examples):
    run, norm = attack
    inputs, targets = examples
    assert torch.equal(perturb(run, net, inputs, targets, budget(norm, 0.0)), inputs)


def test_inputs_are_not_written_to(attacked, examples):
    assert torch.equal(attacked.inputs, examples[0])


class Shifted(nn.Module):
    """The same decisions with other logits: one constant for each example is added to all."""

    def __init__(self, inner: nn.Module, factor: float, offset: float) -> None:
        super().__init__()
        self.inner, self.factor, self.offset = inner, factor, offset

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.factor * self.inner(inputs) + self.offset


def test_a_shift_of_all_logits_changes_no_verdict(attack, net, examples, correct_in_float64):
    """In float64: in float32 the shift takes digits of the logits, and apgd-dlr in L1 notices."""
    run, norm = attack
    inputs, targets = examples[0].double(), examples[1]
    net, ball = copy.deepcopy(net).double(), budget(norm, radius(norm))
    shifted = verdicts(net, perturb(run, Shifted(net, 1, 16), inputs, targets, ball), targets)
    assert 0 < correct_in_float64.sum() < 100
    assert torch.equal(shifted, correct_in_float64)


def test_scaled_logits_do_not_hide_the_gradient(attack, net, examples, attacked):
    """Cross-entropy of logits times 1000 has a gradient of exactly zero in float32."""
    run, norm = attack
    inputs, targets = examples
    ball = budget(norm, radius(norm))
    scaled = verdicts(net, perturb(run, Shifted(net, 1000, 0), inputs, targets, ball), targets)
    assert scaled.sum() <= attacked.correct.sum() + 10  # steeper logits turn the gradient, too


class Threshold(nn.Module):
    """Autograd sees no way from the output to the input, or none at all."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.inner((inputs > 0.5).to(inputs.dtype))


@pytest.mark.parametrize("frozen", [False, True])
def test_a_model_without_a_gradient_is_attacked_in_vain(attack, net, examples, frozen):
    """It must not fail: the audit says then that gradients are zero."""
    run, norm = attack
    inputs, targets = (part[:8] for part in examples)
    model = Threshold(copy.deepcopy(net).requires_grad_(not frozen))
    ball = budget(norm, radius(norm))
    found = perturb(run, model, inputs, targets, ball)
    assert found.isfinite().all()
    assert ball.size(found - inputs).max() <= ball.epsilon * (1 + 1e-5)


def test_the_model_and_the_generator_are_untouched(attacked):
    model = attacked.model
    assert torch.equal(attacked.random_after, attacked.random_before)
    assert [name for name, module in model.named_modules() if module.training] == ["body.0"]
    for name, value in model.state_dict().items():
        assert torch.equal(value, attacked.state_before[name]), name
    assert not model.body[0].weight.requires_grad
    for name, parameter in model.named_parameters():
        if name == "body.5.bias":
            assert torch.equal(parameter.grad, torch.ones(4))
        else:
            assert parameter.grad is None, name


@pytest.mark.parametrize(
    ("batch_size", "count"), [pytest.param(1, 2, marks=pytest.mark.slow), (25, 40)]
)
def test_the_batch_size_flips_no_verdict(
    attack, net, examples, correct_in_float64, batch_size, count
):
    """In float64, in flight and in calls of their own; for float32 see tests/evidence/batch_flips.py."""
    run, norm = attack
    inputs, targets = examples[0][:count].double(), examples[1][:count]
    model, ball = copy.deepcopy(net).double(), budget(norm, radius(norm))
    given = {"model": model, "budget": ball}
    flown = run(inputs=inputs, targets=targets, draws=draws(count), batch_size=batch_size, **given)
    parts = [
        run(inputs=inputs[rows], targets=targets[rows], draws=draws(count).select(rows), **given)
        for rows in torch.arange(count).split(batch_size)
    ]
    expected = correct_in_float64[:count]
    assert torch.equal(verdicts(model, flown, targets), expected)
    assert torch.equal(verdicts(model, torch.cat(parts), targets), expected)


def test_gradients_may_be_off_outside(attack, net, examples, attacked):
    run, norm = attack
    inputs, targets = examples
    with torch.no_grad():
        found = perturb(run, net, inputs, targets, budget(norm, radius(norm)))
    assert torch.equal(found, attacked.perturbed)


def test_logits_that_are_not_finite_count_as_fooled(attack, net, examples):
    run, norm = attack
    inputs, targets = examples

    class Fragile(Net):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            logits = super().forward(inputs)
            return torch.where((inputs.mean((1, 2, 3)) > 0.37)[:, None], torch.nan, logits)

    model = Fragile().eval()
    model.load_state_dict(net.state_dict())
    found = perturb(run, model, inputs, targets, budget(norm, radius(norm)))
    assert found.isfinite().all()


def test_recurrent_models_in_eval_mode(attack):
    run, norm = attack

    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru, self.head = nn.GRU(6, 8, batch_first=True), nn.Linear(8, 4)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.head(self.gru(inputs.squeeze(1))[0][:, -1])

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model, inputs = Rows().eval(), torch.rand(8, 1, 6, 6)
    with torch.no_grad():
        targets = model(inputs).argmax(1)
    found = perturb(run, model, inputs, targets, budget(norm, radius(norm)))

    def gaps(points: torch.Tensor) -> torch.Tensor:
        """How far each class is ahead of the true one, and the same as apgd-t sees it, in no scale."""
        with torch.no_grad():
            logits = model(points)
        top = logits.sort(1, descending=True)[0]
        ahead = logits - logits.gather(1, targets[:, None])
        return torch.cat([ahead, ahead / (top[:, :1] - top[:, 2:].mean(1, keepdim=True))], 1)

    gained = (gaps(found) > gaps(inputs)).any(1)  # one class at least: some attacks aim at one
    stayed = (found == inputs).flatten(1).all(1)  # the nearest perturbation was outside the ball
    assert (gained | stayed).all()


def test_a_gradient_may_be_one_number_for_all_coordinates(attack):
    """That of a sum is an expanded tensor, which cannot be written to."""
    run, norm = attack

    class Brightness(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            excess = inputs.sum((1, 2, 3)) - 4.5
            return torch.stack([-excess, excess, -40 + excess, -40 - excess], 1)

    inputs = torch.full((8, 1, 3, 3), 0.5) - 0.004 * torch.arange(1, 9).view(8, 1, 1, 1)
    found = perturb(run, Brightness(), inputs, torch.zeros(8).long(), budget(norm, radius(norm)))
    assert found.isfinite().all() and not torch.equal(found, inputs)


def test_options_are_checked():
    assert BimOptions(steps=8).relative_step == 0.125
    assert BimOptions(steps=10, step_size=0.3).relative_step == 0.3
    for bad in ({"steps": 0}, {"step_size": 0}, {"restarts": 0}, {"step": 3}):
        with pytest.raises(ValueError):
            PgdOptions(**bad)
