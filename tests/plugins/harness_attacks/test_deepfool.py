"""DeepFool against foolbox, step by step, and its cost."""

import pytest
import torch
from attack_cases import budget, draws
from nearest_cases import Recorder, strokes
from peer_foolbox import foolbox
from torch import nn

from harness_attacks import deepfool
from harness_attacks.active_batch import search_examples
from harness_attacks.attack_problem import AttackProblem
from harness_attacks.options import DeepFoolOptions

PEERS = {
    "linf": foolbox.attacks.LinfDeepFoolAttack,
    "l2": foolbox.attacks.L2DeepFoolAttack,
}


def after(model, inputs, targets, norm: str, options: DeepFoolOptions) -> torch.Tensor:
    """Where the steps led, misclassified or not."""
    problem = AttackProblem(model, inputs, targets, budget(norm, torch.inf), draws(len(inputs)))
    rivals = deepfool._rivals(problem, options.candidates)
    return search_examples(problem, deepfool._Linearising(problem, options, rivals)).perturbed


@pytest.mark.parametrize("norm", PEERS)
@pytest.mark.parametrize("candidates", [2, 3, 10])
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 50])
def test_the_trace_equals_foolbox(net, examples, norm, candidates, steps):
    inputs, targets = examples
    right = net(inputs).argmax(1) == targets
    inputs, targets = inputs[right], targets[right]
    peer = PEERS[norm](steps=steps, candidates=candidates, overshoot=0.1, loss="logits")
    theirs, _, _ = peer(foolbox.PyTorchModel(net, bounds=(0, 1)), inputs, targets, epsilons=None)
    options = DeepFoolOptions(steps=steps, candidates=candidates, overshoot=0.1)
    ours = after(net, inputs, targets, norm, options)
    torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=0)
    assert not torch.equal(ours, inputs)


@pytest.mark.parametrize("norm", PEERS)
def test_the_trace_equals_foolbox_at_the_edges_of_the_box(norm):
    model, inputs, targets = strokes()
    options = DeepFoolOptions(overshoot=0.02)
    peer = PEERS[norm](steps=50, candidates=10, overshoot=0.02)
    theirs, _, _ = peer(foolbox.PyTorchModel(model, bounds=(0, 1)), inputs, targets, epsilons=None)
    ours = deepfool.perturb(
        model, inputs, targets, budget(norm, torch.inf), draws(len(inputs)), options
    )
    # where two classes are nearly as likely a step divides rounding by a small gradient
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
    assert (model(ours).argmax(1) != targets).all()


def test_the_overshoot_applies_once_to_the_sum():
    """Of a linear model one step finds the boundary; the authors' guard is 1e-4 of the box's width."""
    model = nn.Linear(3, 2, bias=False).requires_grad_(False)
    model.weight.copy_(torch.tensor([[2.0, 1.0, 2.0], [0.0, 0.0, 0.0]]))
    inputs, targets = torch.tensor([[1.0, 1.0, 1.5]]), torch.tensor([0])  # 6 / 3 from the boundary
    for overshoot in (0.0, 0.02, 0.5):
        options = DeepFoolOptions(overshoot=overshoot)
        ball = budget("l2", torch.inf, -10, 10)
        found = deepfool.perturb(model, inputs, targets, ball, draws(1), options)
        length = (1 + overshoot) * (2.0 + 1e-4 * 20)
        torch.testing.assert_close(found, inputs - length * model.weight[:1] / 3)


def test_two_classes_have_one_rival_and_a_fooled_example_costs_one_pass_more():
    model = nn.Linear(6, 2).requires_grad_(False)
    model.weight.copy_(torch.linspace(-1, 1, 12).view(2, 6))
    model.bias.zero_()
    inputs = torch.rand((8, 6), generator=torch.Generator().manual_seed(0)) + 0.5
    targets = model(inputs).argmax(1)
    counting, backward = Recorder(model), []
    handle = model.register_full_backward_hook(lambda *_: backward.append(1))
    found = deepfool.perturb(
        counting, inputs, targets, budget("l2", torch.inf, -9, 9), draws(8), DeepFoolOptions()
    )
    handle.remove()
    assert (model(found).argmax(1) != targets).all()
    # who the rivals are; is it fooled; the gradient; is it fooled
    assert [len(asked) for asked in counting.asked] == [8, 8, 8, 8]
    assert len(backward) == 1
