"""CW-L2 against foolbox from a shared start; the search for c; coordinates at the box's edge."""

import copy
from functools import partial

import pytest
import torch
from attack_cases import budget, draws
from nearest_cases import Recorder, distances, strokes
from peer_foolbox import foolbox
from torch import nn

from harness_attacks import cw_l2
from harness_attacks.active_batch import State, search_examples
from harness_attacks.attack_problem import AttackProblem
from harness_attacks.options import CwL2Options

ANY = budget("l2", torch.inf)


def peer(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, **options) -> torch.Tensor:
    attack = foolbox.attacks.L2CarliniWagnerAttack(**options)
    found, _, _ = attack(foolbox.PyTorchModel(model, bounds=(0, 1)), inputs, targets, epsilons=None)
    return found


@pytest.mark.parametrize("const", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("confidence", [0.0, 0.5])
def test_the_first_steps_equal_foolbox(net, right, const, confidence):
    inputs, targets = right
    options = {"steps": 12, "binary_search_steps": 2, "initial_const": const}
    options |= {"confidence": confidence, "abort_early": False}
    ours, theirs = Recorder(net), Recorder(net)
    cw_l2.perturb(ours, inputs, targets, ANY, draws(len(inputs)), CwL2Options(**options))
    peer(theirs, inputs, targets, **options)
    assert torch.equal(ours.asked[0], inputs)
    trace, reference = torch.stack(ours.asked), torch.stack(theirs.asked[:24])  # then: a verdict
    difference = (trace - reference).abs()
    assert difference[:3].max() < 5e-6
    # Adam divides by what is left where the two pulls cancel, so rounding grows in a few coordinates
    assert (difference < 5e-5).float().mean() > 0.999
    assert difference.max() < 5e-3
    assert (trace[11] - inputs).abs().amax() > 0.02


@pytest.mark.parametrize(
    ("steps", "searches"), [(60, 5), pytest.param(100, 6, marks=pytest.mark.slow)]
)
def test_the_distances_equal_foolbox(net, right, steps, searches):
    inputs, targets = right
    options = {"steps": steps, "binary_search_steps": searches, "abort_early": False}
    ours = cw_l2.perturb(net, inputs, targets, ANY, draws(len(inputs)), CwL2Options(**options))
    theirs = peer(net, inputs, targets, **options)
    sizes = [distances(net, inputs, targets, found, "l2") for found in (ours, theirs)]
    assert sizes[0].isfinite().all()
    torch.testing.assert_close(*sizes, rtol=0.01, atol=0)


@pytest.mark.slow
def test_coordinates_at_the_edge_of_the_box_move():
    """They begin where they are, and the nearest points are nearer than where they begin at 1 - 1e-6."""
    model, inputs, targets = strokes()
    edge = (inputs == 0) | (inputs == 1)
    assert edge.float().mean() > 0.6
    recorder, options = Recorder(model), {"steps": 100, "binary_search_steps": 7}
    found = cw_l2.perturb(
        recorder, inputs, targets, ANY, draws(len(inputs)), CwL2Options(**options)
    )
    assert torch.equal(recorder.asked[0], inputs)
    assert found.min() >= 0 and found.max() <= 1
    assert ((found != inputs) & edge).flatten(1).any(1).all()
    ours = distances(model, inputs, targets, found, "l2")
    theirs = distances(model, inputs, targets, peer(model, inputs, targets, **options), "l2")
    assert ours.isfinite().all()
    assert ours.median() < 0.9 * theirs.median()
    assert (ours <= 1.05 * theirs).all()


def test_a_shift_of_all_logits_changes_nothing(net, right):
    """Exactly what a known peer fails: the largest other logit must not be a product with zero."""
    inputs, targets = right[0].double()[:30], right[1][:30]
    model = copy.deepcopy(net).double()

    def shifted(points: torch.Tensor, offset: float) -> torch.Tensor:
        return model(points) + offset

    options = CwL2Options(steps=60, binary_search_steps=6, learning_rate=0.02)
    found = [
        cw_l2.perturb(partial(shifted, offset=offset), inputs, targets, ANY, draws(30), options)
        for offset in (0.0, -1000.0, 1000.0)
    ]
    assert not torch.equal(found[0], inputs)
    torch.testing.assert_close(found[1], found[0], atol=1e-8, rtol=0)
    torch.testing.assert_close(found[2], found[0], atol=1e-8, rtol=0)


class Watched(cw_l2._CarliniWagner):
    """Keeps c, the step of the search and whether the point was misclassified, of the first example."""

    def advance(self, state: State) -> None:
        seen = state["c"][0], state["step"][0], state["adversarial"][0]
        self.problem.model.seen.append(tuple(float(value) for value in seen))
        super().advance(state)


@pytest.mark.parametrize("searches", [5, 9, 11])
def test_c_grows_tenfold_until_a_search_succeeds_and_is_halved_in_then(net, right, searches):
    inputs, targets = (part[:1] for part in right)
    model = Recorder(net)
    model.seen = []
    options = CwL2Options(
        steps=20, binary_search_steps=searches, learning_rate=0.05, abort_early=False
    )
    search_examples(
        AttackProblem(model, inputs, targets, ANY, draws(1)),
        Watched(AttackProblem(model, inputs, targets, ANY, draws(1)), options),
    )
    rows = torch.tensor(model.seen).view(searches, 20, 3)
    assert torch.equal(rows[:, :, 1], torch.arange(20.0).expand(searches, 20))
    low, high, c = 0.0, float("inf"), 1e-3
    for number, row in enumerate(rows):
        if number == searches - 1 and searches >= 10:
            c = high  # the best that succeeded, once more
        assert torch.allclose(row[:, 0], torch.tensor(c), rtol=1e-5)
        low, high = (low, c) if row[:, 2].any() else (c, high)
        c = 10 * c if high == float("inf") else (low + high) / 2
    assert high < float("inf") and low > 0


@pytest.mark.slow
@pytest.mark.parametrize("count", [5, 8])
def test_a_search_that_gets_nowhere_is_given_up_by_itself(net, right, count):
    """Each example by its own loss: with others beside it nothing changes; who is done leaves."""
    inputs, targets = right[0].double()[:count], right[1][:count]
    options = {"steps": 100, "binary_search_steps": 5, "learning_rate": 0.02}
    net = copy.deepcopy(net).double()
    model = Recorder(net)
    early = cw_l2.perturb(model, inputs, targets, ANY, draws(count), CwL2Options(**options))
    asked = sum(len(points) for points in model.asked)
    sizes = [len(points) for points in model.asked]
    alone = [
        cw_l2.perturb(
            net, inputs[i : i + 1], targets[i : i + 1], ANY, draws(1), CwL2Options(**options)
        )
        for i in range(count)
    ]
    full = cw_l2.perturb(
        net, inputs, targets, ANY, draws(count), CwL2Options(**options, abort_early=False)
    )
    measured = [
        distances(net, inputs, targets, found, "l2") for found in (early, torch.cat(alone), full)
    ]
    torch.testing.assert_close(measured[1], measured[0], rtol=1e-6, atol=0)
    torch.testing.assert_close(measured[2], measured[0], rtol=0.02, atol=0)
    assert asked < 0.9 * count * 500
    assert sizes[0] == count and len(set(sizes)) > 2  # they do not leave together


def test_confidence_is_a_lead_in_logits(net, right):
    inputs, targets = right
    options = CwL2Options(steps=60, binary_search_steps=7, learning_rate=0.03, confidence=0.5)
    found = cw_l2.perturb(net, inputs, targets, ANY, draws(len(inputs)), options)
    moved = (found != inputs).flatten(1).any(1)
    assert moved.float().mean() > 0.9
    with torch.no_grad():
        logits = net(found)[moved]
    own = targets[moved][:, None]
    lead = logits.scatter(1, own, -torch.inf).amax(1) - logits.gather(1, own)[:, 0]
    assert lead.min() >= 0.5 - 1e-5
