"""What must hold of every gradient attack that looks for the nearest perturbation."""

import copy
import weakref

import pytest
import torch
from attack_cases import budget, draws, mostly_slow
from nearest_cases import NEAREST, distances
from torch import nn

from harness_attacks import active_batch


@pytest.fixture(scope="module", params=NEAREST, ids="-".join)
def attack(request):
    return NEAREST[request.param], request.param[1]


@pytest.fixture(scope="module")
def nearest(attack, net, right) -> torch.Tensor:
    """What is found of them in an infinite ball."""
    run, norm = attack
    return run(net, *right, budget(norm, torch.inf), draws(len(right[0])))


def test_a_finite_ball_cuts_the_distances_of_an_infinite_one(attack, net, right, nearest):
    """Found inside the ball if and only if the whole search finds something as near."""
    run, norm = attack
    inputs, targets = right
    count = len(inputs)
    whole = distances(net, inputs, targets, nearest, norm)
    assert whole.isfinite().float().mean() > 0.9
    epsilon = float(whole.median())
    part = run(net, inputs, targets, budget(norm, epsilon), draws(count))
    cut = distances(net, inputs, targets, part, norm)
    assert torch.equal(cut <= epsilon, whole <= epsilon)
    stayed = whole > epsilon
    assert torch.equal(part[stayed], inputs[stayed])


def test_a_wrong_example_stays_where_it_is(attack, net, examples):
    run, norm = attack
    inputs, targets = examples[0][:20], (examples[1][:20] + 1) % 4
    assert not (net(inputs).argmax(1) == targets).any()
    assert torch.equal(run(net, inputs, targets, budget(norm, torch.inf), draws(20)), inputs)


class Stretched(nn.Module):
    """The same model of data in another box."""

    def __init__(self, inner: nn.Module, low: float, width: float) -> None:
        super().__init__()
        self.inner, self.low, self.width = inner, low, width

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.inner((inputs - self.low) / self.width)


@pytest.mark.parametrize(
    ("low", "high"), mostly_slow([(-3.0, 5.0), (0.0, 255.0), (10.0, 10.01)], {(0.0, 255.0)})
)
def test_the_unit_of_the_data_changes_nothing(attack, net, right, low, high):
    run, norm = attack
    model, width = copy.deepcopy(net).double(), high - low
    inputs, targets = right[0].double()[:40], right[1][:40]
    plain = run(model, inputs, targets, budget(norm, torch.inf), draws(40))
    stretched = Stretched(model, low, width)
    data = low + width * inputs
    found = run(stretched, data, targets, budget(norm, torch.inf, low, high), draws(40))
    found = (found - low) / width
    deltas = [
        torch.where((points - inputs).abs() < 1e-9, 0, points - inputs) for points in (found, plain)
    ]
    sizes = [budget(norm, torch.inf).size(delta) for delta in deltas]
    # fmn aims exactly at a boundary that is linear, and rounding decides on which side it lands
    torch.testing.assert_close(*sizes, rtol=0.02, atol=0)
    assert ((found - plain).abs().flatten(1).amax(1) < 1e-6).float().mean() > 0.7


def test_the_judge_has_the_last_word(attack, net, right, nearest):
    """A judge who asks for a lead of 0.3 is fooled by what is returned, which lies farther."""
    run, norm = attack
    inputs, targets = right
    count = len(inputs)

    def correct(points: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            logits = net(points)
        others = logits.scatter(1, classes[:, None], -torch.inf).amax(1)
        return others - logits.gather(1, classes[:, None])[:, 0] < 0.3

    ball = budget(norm, torch.inf)
    hard = run(net, inputs, targets, ball, draws(count), judge=correct)
    moved = (hard != inputs).flatten(1).any(1)
    assert moved.float().mean() > 0.5
    assert not correct(hard[moved], targets[moved]).any()
    assert ball.size(hard - inputs)[moved].median() >= ball.size(nearest - inputs)[moved].median()
    near = budget(norm, float(ball.size(hard - inputs)[moved].median()))
    found = run(net, inputs, targets, near, draws(count), judge=correct)
    moved = (found != inputs).flatten(1).any(1)
    assert 0 < moved.sum() < count
    assert not correct(found[moved], targets[moved]).any()


def test_no_graph_outlives_a_step(attack, net, right):
    run, norm = attack
    alive: list[weakref.ref] = []

    class Mark(torch.autograd.Function):
        """A node of the graph that can be watched."""

        @staticmethod
        def forward(ctx, inputs):
            ctx.token = nn.Identity()
            alive.append(weakref.ref(ctx.token))
            return inputs.clone()

        @staticmethod
        def backward(ctx, slope):
            return slope

    class Watching(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            assert all(kept() is None for kept in alive), "a graph of an earlier step is alive"
            return net(Mark.apply(inputs) if inputs.requires_grad else inputs)

    inputs, targets = right[0][:20], right[1][:20]
    found = run(Watching(), inputs, targets, budget(norm, torch.inf), draws(20))
    assert len(alive) > 1 and found.grad_fn is None


def test_a_flat_model_leaves_inputs_alone(attack, right):
    run, norm = attack

    class Flat(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return 0 * inputs.flatten(1)[:, :4] + torch.tensor([3.0, 2.0, 1.0, 0.0])

    inputs = right[0][:10]
    targets = torch.zeros(10, dtype=torch.long)
    assert torch.equal(run(Flat(), inputs, targets, budget(norm, torch.inf), draws(10)), inputs)


class Late(active_batch._Watch):
    """Looks at flags three evaluations after they were raised, as a GPU's host may."""

    def __init__(self, waits: bool) -> None:
        super().__init__(waits)
        self.lags = not waits
        self.waiting: list[bool] = []

    def access(self, fooled: torch.Tensor) -> bool:
        if self.waits:
            return super().access(fooled)
        self.waiting.append(bool(fooled.any()))
        return len(self.waiting) > 3 and self.waiting.pop(0)


def test_who_is_seen_late_ends_at_the_same_point(attack, net, right, monkeypatch):
    run, norm = attack
    inputs, targets = right[0][:30], right[1][:30]
    whole = run(net, inputs, targets, budget(norm, torch.inf), draws(30), batch_size=15)
    median = budget(norm, torch.inf).size(whole - inputs).median()
    part = run(net, inputs, targets, budget(norm, float(median)), draws(30), batch_size=15)
    monkeypatch.setattr(active_batch, "_Watch", Late)
    for epsilon, expected in ((torch.inf, whole), (float(median), part)):
        ball = budget(norm, epsilon)
        found = run(net, inputs, targets, ball, draws(30), batch_size=15)
        moved = (expected != inputs).flatten(1).any(1)
        assert torch.equal((found != inputs).flatten(1).any(1), moved)
        ours, theirs = ball.size(found - inputs), ball.size(expected - inputs)
        torch.testing.assert_close(ours, theirs, rtol=0.02, atol=0)


def test_what_a_judge_refuses_is_not_stopped_by_a_late_look(attack, net, right, monkeypatch):
    """As in transfer, where nobody counts as fooled: a row must not stand still until its flag arrives."""
    run, norm = attack
    inputs, targets = right[0][:20], right[1][:20]
    ball = budget(norm, {"linf": 0.1, "l2": 0.5, "l1": 2.0, "l0": 4.0}[norm])

    def never(points: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(points), dtype=torch.bool)

    given = (net, inputs, targets, ball, draws(20))
    expected = run(*given, batch_size=15, judge=never)
    monkeypatch.setattr(active_batch, "_Watch", Late)
    assert torch.equal(run(*given, batch_size=15, judge=never), expected)
