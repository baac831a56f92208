"""FMN against foolbox; what the radius does; where foolbox and the authors' rule find nothing."""

import copy
import math

import pytest
import torch
from attack_cases import budget, draws
from nearest_cases import Recorder, distances, strokes
from peer_foolbox import foolbox
from torch import nn

from harness_attacks import fmn
from harness_attacks.options import FmnOptions


class ProjectingL2(foolbox.attacks.L2FMNAttack):
    """foolbox' L2 variant with a projection: its own multiplies by a norm over itself."""

    def project(self, x, x0, epsilon):
        delta = (x - x0).raw
        size = delta.flatten(1).norm(dim=1).clamp_min(1e-12)
        return x0 + (x - x0) * type(x)((epsilon.raw / size).clamp_max(1).view(-1, 1, 1, 1))


PEERS = {
    "linf": foolbox.attacks.LInfFMNAttack,
    "l2": foolbox.attacks.L2FMNAttack,
    "l1": foolbox.attacks.L1FMNAttack,
    "l0": foolbox.attacks.L0FMNAttack,
}


def peer(attack, model, inputs: torch.Tensor, targets: torch.Tensor, bounds=(0, 1)) -> torch.Tensor:
    model = foolbox.PyTorchModel(model, bounds=bounds)
    found, _, _ = attack(model, inputs, targets, epsilons=None)
    return found


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_the_trace_equals_foolbox(net, right, norm):
    """Of those that the first step fools: before that, ours lets the radius grow faster.

    A first step in L1 fools nobody; there, on a linear model, the slower growth is enough for most.
    """
    inputs, targets = right[0].double(), right[1]
    model, low, high = copy.deepcopy(net).double(), 0, 1
    if norm == "l1":
        generator, low, high = torch.Generator().manual_seed(0), -10, 10
        model = nn.Linear(20, 2).double().requires_grad_(False)
        model.weight.copy_(torch.randn(2, 20, generator=generator))
        inputs = torch.randn(100, 20, generator=generator).double()
        targets = model(inputs).argmax(1)
    ours, theirs = Recorder(model), Recorder(model)
    attack = ProjectingL2 if norm == "l2" else PEERS[norm]
    ball = budget(norm, torch.inf, low, high)
    options = FmnOptions(steps=30, max_step_size=1 / (high - low))
    fmn.perturb(ours, inputs, targets, ball, draws(len(inputs)), options)
    peer(attack(steps=30), theirs, inputs, targets, bounds=(low, high))
    trace, reference = torch.stack(ours.asked), torch.stack(theirs.asked[:30])
    torch.testing.assert_close(trace[1], reference[1], atol=1e-9, rtol=0)
    difference = (trace - reference).abs().flatten(2).amax(2)  # (steps, examples)
    if norm == "l1":
        assert (difference.amax(0) < 1e-9).float().mean() > 0.7
        return
    with torch.no_grad():
        kept = [model(points[1]).argmax(1) != targets for points in (trace, reference)]
    difference = difference[:, kept[0] & kept[1]]
    assert difference.shape[1] > 10
    assert difference[:10].max() < 1e-9
    assert difference.median(1).values.max() < 1e-9


@pytest.mark.parametrize("norm", PEERS)
@pytest.mark.parametrize("steps", [30, pytest.param(100, marks=pytest.mark.slow)])
def test_no_farther_than_foolbox(net, right, norm, steps):
    inputs, targets = right
    for model, points, classes in ((net, inputs, targets), strokes()):
        found = fmn.perturb(
            model,
            points,
            classes,
            budget(norm, torch.inf),
            draws(len(points)),
            FmnOptions(steps=steps),
        )
        ours = distances(model, points, classes, found, norm)
        theirs = distances(
            model, points, classes, peer(PEERS[norm](steps=steps), model, points, classes), norm
        )
        assert ours.isfinite().all()
        assert ours.median() <= 1.05 * theirs.median()
        assert ours.mean() <= 1.05 * theirs.mean()


def test_radii_grow_where_the_box_keeps_the_linear_radius_out_of_reach():
    """Coordinates at the box's edge take part in the projection and nothing of it is left after the clip."""
    model, inputs, targets = strokes()
    theirs = distances(
        model, inputs, targets, peer(ProjectingL2(steps=100), model, inputs, targets), "l2"
    )
    found = fmn.perturb(
        model, inputs, targets, budget("l2", torch.inf), draws(len(inputs)), FmnOptions()
    )
    ours = distances(model, inputs, targets, found, "l2")
    assert theirs.isinf().float().mean() > 0.2
    assert ours.isfinite().all()


def test_steps_and_radii_fall_along_a_cosine():
    """A linear model of one coordinate at a time: the first radius is the margin, then (1 - gamma) of it."""
    model = nn.Linear(1, 2, bias=False).requires_grad_(False)
    model.weight.copy_(torch.tensor([[1.0], [0.0]]))
    recorder = Recorder(model.double())
    inputs, targets = torch.tensor([[0.5]]).double(), torch.tensor([0])
    options = FmnOptions(steps=8, gamma=0.2)
    fmn.perturb(recorder, inputs, targets, budget("l2", torch.inf, -1, 1), draws(1), options)
    found = [float(points) for points in recorder.asked]
    radius, expected, fooled_before = math.inf, [0.5], False
    for number in range(7):
        gamma = 0.001 + (0.2 - 0.001) * (1 + math.cos(math.pi * number / 8)) / 2
        x = expected[-1]
        if x < 0:
            fooled_before = True
            nearest = min(0.5 - point for point in expected if point < 0)
            radius = min(radius * (1 - gamma), nearest)
        elif fooled_before:
            radius *= 1 + gamma
        else:
            linear = 0.5 - x + x
            radius = linear if math.isinf(radius) else max(linear, radius * (1 + gamma))
        radius = min(radius, 1.5)
        length = 2 * (0.01 + 0.99 * (1 + math.cos(math.pi * number / 8)) / 2)
        expected.append(0.5 - min(0.5 - x + length, radius))
    assert found == pytest.approx(expected, abs=1e-12)


def test_in_l0_many_coordinates_are_not_too_many():
    """Some 600 of 3,072 are needed; with one to begin with a hundred steps do not reach so many."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(3072, 2)).requires_grad_(False)
    model[1].weight.copy_(torch.tensor([1.0, -1.0])[:, None].expand(2, 3072))
    model[1].bias.copy_(torch.tensor([-2 * 2472.5, 0.0]))  # up to 2,472 of ones are class 1
    inputs, targets = torch.ones(3, 3, 32, 32), torch.zeros(3, dtype=torch.long)
    assert (model(inputs).argmax(1) == targets).all()
    ball = budget("l0", torch.inf)
    found = fmn.perturb(model, inputs, targets, ball, draws(3), FmnOptions())
    assert (model(found).argmax(1) != targets).all()
    size = ball.size(found - inputs)
    assert (size >= 600).all() and (size <= 660).all()


def test_in_l0_coordinates_without_room_take_no_places():
    """The steepest coordinate is at the edge of the box already; the next two suffice."""
    model = nn.Linear(4, 2, bias=False).requires_grad_(False)
    model.weight.copy_(torch.tensor([[0.0] * 4, [9.0, 2.0, 2.0, 0.1]]))
    model.weight.requires_grad_(False)

    class Offset(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return model(inputs) + torch.tensor([11.5, 0.0])

    inputs, targets = torch.tensor([[1.0, 0.2, 0.2, 0.2]]), torch.tensor([0])
    found = fmn.perturb(Offset(), inputs, targets, budget("l0", torch.inf), draws(1), FmnOptions())
    assert (found != inputs).tolist() == [[False, True, True, False]]
