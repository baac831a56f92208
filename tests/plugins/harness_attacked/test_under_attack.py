"""Verdicts at several radii beside those of the attack at each radius alone, where larger balls are searched worse."""

import math

import pytest
import torch
from measure_cases import CLASSES, SIDE, image_examples, train
from torch import nn

from harness.api import Attack, PluginError
from harness.api.measuring import Chosen
from harness.api.training import SearchTwins
from harness_attacked.attack_space import Space
from harness_attacked.attacked_model import AttackedModel
from harness_attacked.under_attack import attack_examples
from harness_attacks import harness_register_attacks

RADII = {"linf": (0.4, 0.06, 0.2, 0.1), "l2": (3.0, 0.25, 1.0), "l1": (12.0, 1.0, 4.0)}
POINTS = 0.003
SHIPPED = {
    item.name: item
    for item in harness_register_attacks()
    if "real-valued" in item.takes and not item.minimum_norm
}
BRIEF = {"autoattack": {"version": "rand"}, "square": {"queries": 40}}
CASES = [
    pytest.param(
        name,
        norm,
        marks=[] if name in ("fgsm", "pgd") and norm == "linf" else [pytest.mark.slow],
    )
    for name, item in SHIPPED.items()
    for norm in (item.norms if name != "autoattack" else ("linf",))  # an ensemble of the others
]


class Wavy(nn.Module):
    """A model behind waves of its inputs, whose gradient points the wrong way on four tenths of the way."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.inner(inputs - 0.16 * torch.sin(8 * math.pi * inputs))


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Flatten(), nn.Linear(SIDE * SIDE, 32), nn.ReLU(), nn.Linear(32, CLASSES)
        )
        return train(net, image_examples(), nn.functional.cross_entropy).requires_grad_(False)


def robust_share(
    model: nn.Module, attack: Chosen, norm: str, radii: tuple[float, ...]
) -> torch.Tensor:
    """Return which share stands at each radius ``(radii,)``."""
    examples = image_examples(6 if attack.label == "autoattack" else 120)
    attacked = AttackedModel(model, model, False, Space(0.0, 1.0), batch_size=128, seed=0)
    right = attacked.correct(examples.inputs, examples.targets)
    given = (part[right] for part in (examples.inputs, examples.targets, examples.ids))
    found = attack_examples(attacked, attack, norm, radii, *given, lambda outcome: None)
    return found.robust.float().mean(1)


@pytest.mark.parametrize(("name", "norm"), CASES)
@pytest.mark.parametrize("masked", [False, True])
def test_radii_together_read_no_higher_than_alone(trained, name, norm, masked):
    model = Wavy(trained) if masked else trained
    item = SHIPPED[name]
    attack = Chosen(item=item, label=name, options=BRIEF.get(name, dict(item.checked_with)))
    radii = RADII[norm] if name != "autoattack" else RADII[norm][:2]
    together = robust_share(model, attack, norm, radii)
    alone = torch.cat([robust_share(model, attack, norm, (epsilon,)) for epsilon in radii])
    assert (together <= alone + POINTS).all()
    assert together.mean() < 1
    if masked and (name, norm) in (("fgsm", "linf"), ("pgd", "linf")):
        rise = alone[0] - alone[1]  # in the largest ball far more stand than in the smallest
        assert rise > 0.05 and together[0] < alone[0] - 0.05


def test_an_attack_that_forgets_the_larger_balls_is_named(trained):
    attack = Chosen(
        Attack(name="one", takes=("image",), perturb=lambda inputs, larger: inputs), "one"
    )
    with pytest.raises(PluginError, match=r"attack one asks for `larger` and .* for 2 balls"):
        robust_share(trained, attack, "linf", (0.1, 0.2))


@pytest.mark.parametrize("nearest", [False, True])
def test_batch_norms_are_folded_but_where_points_lie_at_the_boundary(nearest):
    """There rounding tells on which side they lie, and the model's own verdict is another."""
    given = []

    def perturb(model, inputs):
        given.append(model)
        return inputs

    attack = Chosen(
        Attack(name="look", takes=("image",), perturb=perturb, minimum_norm=nearest), "look"
    )
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.LazyLinear(CLASSES))
    examples = image_examples(6)
    net(examples.inputs)
    attacked = AttackedModel(net.eval(), net, False, Space(0.0, 1.0), 6, 0, twins=SearchTwins())
    budget = attacked.budget("linf", 0.1)
    attacked.attack(attack, budget, examples.inputs, examples.targets, examples.ids)
    assert (given[0] is net) is nearest
