"""The loop and its parts: against the definition, a peer library, and in cost."""

import pytest
import torch
import torchattacks
from attack_cases import Counting, budget, draws, radius
from torch import nn
from torch.nn import functional

from harness_attacks import mi_fgsm, pgd
from harness_attacks.active_batch import search_examples
from harness_attacks.attack_problem import AttackProblem, differentiate
from harness_attacks.gradient_steps import GradientSteps, steepest_step
from harness_attacks.losses import cross_entropy
from harness_attacks.options import MiFgsmOptions, PgdOptions


def bare_pgd(model, inputs, targets, ball, start, step, steps) -> list[torch.Tensor]:
    """The 20 lines of the paper; every iterate is returned."""
    x, trace = start.clone(), []
    for _ in range(steps):
        x = x.detach().requires_grad_()
        loss = functional.cross_entropy(model(x), targets, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x)
        if ball.norm == "linf":
            x = x + step * gradient.sign()
            delta = (x - inputs).clamp(-ball.epsilon, ball.epsilon)
        else:
            size = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            delta = x + step * gradient / size - inputs
            length = delta.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            delta = delta * (ball.epsilon / length).clamp(max=1)
        x = (inputs + delta).clamp(ball.low, ball.high).detach()
        trace.append(x)
    return trace


def test_the_direction_is_the_gradient_of_the_cross_entropy(net, examples):
    inputs, targets = examples
    logits, _, direction = differentiate(net, inputs, targets, cross_entropy)
    leaf = inputs.clone().requires_grad_()
    loss = functional.cross_entropy(net(leaf), targets, reduction="none")
    (gradient,) = torch.autograd.grad(loss.sum(), leaf)
    share = 1 - torch.softmax(net(inputs), 1).gather(1, targets[:, None]).view(-1, 1, 1, 1)
    torch.testing.assert_close(direction * share, gradient, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(logits, net(inputs))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_steps_match_a_bare_loop_until_an_example_is_fooled(net, examples, norm):
    inputs, targets = examples
    ball, steps = budget(norm, radius(norm)), 10
    step = 0.2 * ball.epsilon
    trace = bare_pgd(net, inputs, targets, ball, inputs, step, steps)
    problem = AttackProblem(net, inputs, targets, ball, draws(100))
    found = search_examples(problem, GradientSteps(problem, steps, step))
    with torch.no_grad():
        wrong = torch.stack([net(x).argmax(1) != targets for x in [inputs, *trace]])
    expected = []
    for index in range(len(inputs)):
        when = wrong[:, index].nonzero()
        last = int(when[0]) if len(when) else steps
        expected.append([inputs, *trace][last][index])
    torch.testing.assert_close(found.perturbed, torch.stack(expected), atol=1e-5, rtol=0)
    assert torch.equal(found.fooled, wrong[:-1].any(0))
    assert 0 < found.fooled.sum() < len(inputs)


@pytest.mark.parametrize(
    ("norm", "peer", "close"), [("linf", torchattacks.PGD, 1e-6), ("l2", torchattacks.PGDL2, 1e-5)]
)
def test_a_trace_equals_torchattacks(net, examples, norm, peer, close):
    options = PgdOptions(steps=7, step_size=0.25, random_start=False)
    settings = {"steps": 7, "random_start": False}
    ball = budget(norm, radius(norm))
    theirs = peer(net, eps=ball.epsilon, alpha=ball.epsilon / 4, **settings)(*examples)
    ours = pgd.perturb(net, *examples, ball, draws(100), options)
    require_same_where_standing(net, examples[1], ours, theirs, close)


def test_momentum_trace_equals_torchattacks(net, examples):
    options = MiFgsmOptions(steps=9, step_size=0.2, decay=0.8)
    ball = budget("linf", radius("linf"))
    settings = {"steps": 9, "decay": 0.8}
    theirs = torchattacks.MIFGSM(net, eps=ball.epsilon, alpha=ball.epsilon / 5, **settings)(
        *examples
    )
    ours = mi_fgsm.perturb(net, *examples, ball, draws(100), options)
    require_same_where_standing(net, examples[1], ours, theirs, 1e-6)


def require_same_where_standing(net, targets, ours, theirs, close):
    """An example that falls is left where it fell, and theirs goes on."""
    with torch.no_grad():
        standing = net(ours).argmax(1) == targets
    assert standing.sum() > 20
    torch.testing.assert_close(ours[standing], theirs[standing], atol=close, rtol=0)


def test_cost_falls_as_examples_fall(net, examples):
    inputs, targets = examples
    costs = {}
    for share in (0.001, 0.05, 0.3):
        model = Counting(net)
        ball = budget("linf", share)
        pgd.perturb(model, inputs, targets, ball, draws(100), PgdOptions())
        costs[share] = model.forwards
    with torch.no_grad():
        clean = int((net(inputs).argmax(1) == targets).sum())
    assert costs[0.001] >= 20 * (clean - 1)  # nobody falls: one forward pass a step
    assert costs[0.05] < 0.8 * costs[0.001]
    assert costs[0.3] < 0.3 * costs[0.001]


def test_restarts_go_on_with_those_that_stand(net, examples):
    inputs, targets = examples
    ball = budget("linf", radius("linf"))
    standing = []
    for restarts in (1, 5):
        model = Counting(net)
        options = PgdOptions(steps=5, restarts=restarts)
        found = pgd.perturb(model, inputs, targets, ball, draws(100), options)
        with torch.no_grad():
            standing.append(net(found).argmax(1) == targets)
        if restarts == 5:
            assert model.forwards < 5 * 5 * 100
    assert not (standing[1] & ~standing[0]).any()  # the first start is shared


def test_a_gradient_of_any_size_gives_a_step_of_the_same_length():
    gradient = torch.randn(3, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    gradient[1] *= 1e-30
    gradient[2] = 0
    x = torch.zeros_like(gradient)
    for norm, order in (("linf", torch.inf), ("l2", 2), ("l1", 1)):
        step = steepest_step(gradient, budget(norm, 9, -1, 1), 0.5, x)
        sizes = step.flatten(1).norm(order, dim=1)
        torch.testing.assert_close(sizes, torch.tensor([0.5, 0.5, 0.0]))
        assert ((step * gradient).flatten(1).sum(1) >= 0).all()
    linf = steepest_step(gradient, budget("linf", 9), 0.5, x)
    assert torch.equal(linf, 0.5 * gradient.sign())


def test_a_step_in_l1_fills_the_steepest_coordinates_up_to_the_box():
    gradient = torch.tensor([[3.0, -2.0, 1.0, 0.0], [1.0, 1.0, -5.0, -4.0]])
    x = torch.tensor([[0.8, 0.5, 0.0, 0.5], [0.9, 0.5, 0.3, 0.0]])
    step = steepest_step(gradient, budget("l1", 9), 0.6, x)
    torch.testing.assert_close(step, torch.tensor([[0.2, -0.4, 0, 0], [0.1, 0.2, -0.3, 0]]))
    step = steepest_step(gradient, budget("l1", 9), 50.0, x)  # longer than the box is wide
    torch.testing.assert_close(step, torch.tensor([[0.2, -0.5, 1, 0], [0.1, 0.5, -0.3, 0]]))


def test_no_graph_outlives_the_attack(net, examples):
    inputs, targets = examples
    alive = []

    class Watching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x * 1.0
            if x.requires_grad:
                x.register_hook(lambda gradient: alive.append(gradient.shape[0]))
            return net(x)

    found = pgd.perturb(
        Watching(), inputs, targets, budget("linf", 0.06), draws(100), PgdOptions(steps=3)
    )
    assert found.grad_fn is None
    assert len(alive) == 3  # one backward pass a step
