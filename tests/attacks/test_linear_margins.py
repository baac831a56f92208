"""A linear classifier has exact margins: an example falls if and only if epsilon exceeds its own."""

import pytest
import torch
from attack_cases import budget
from torch import nn

from harness.api import Draws
from harness_attacks import fgsm, pgd
from harness_attacks.options import PgdOptions

DUAL = {"linf": 1, "l2": 2}


def linear(classes: int) -> tuple[nn.Linear, torch.Tensor, torch.Tensor]:
    """Two dense rows; or many rows on features of their own, all equally far from one another.

    With many classes the cross-entropy climbs towards the largest wrong logit, which is the nearest
    class where all rows are equally far apart; steep logits leave it no other aim.
    """
    generator = torch.Generator().manual_seed(classes)
    model = nn.Linear(20, classes)
    model.requires_grad_(False)
    if classes == 2:
        model.weight.copy_(torch.randn(model.weight.shape, generator=generator))
    else:
        model.weight.copy_(1e4 * torch.eye(classes).repeat_interleave(20 // classes, 1))
    model.bias.copy_(torch.randn(model.bias.shape, generator=generator))
    inputs = torch.randn((200, 20), generator=generator)
    return model, inputs, model(inputs).argmax(1)


def margins(model: nn.Linear, inputs: torch.Tensor, targets: torch.Tensor, norm: str):
    """min over i of (z_y - z_i) / ||w_y - w_i||_q, with q dual to the norm."""
    logits = model(inputs).double()
    gaps = logits.gather(1, targets[:, None]) - logits  # (n, classes)
    rows = model.weight.double()
    sizes = torch.linalg.vector_norm(rows[targets][:, None] - rows[None], ord=DUAL[norm], dim=2)
    ratio = gaps / sizes.clamp_min(1e-12)
    return ratio.scatter(1, targets[:, None], torch.inf).amin(1)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_fooled_if_and_only_if_epsilon_exceeds_the_margin(attack, classes, norm):
    model, inputs, targets = linear(classes)
    exact = margins(model, inputs, targets, norm)
    options = PgdOptions(steps=100, step_size=0.1, random_start=classes == 2)
    for index in range(0, 200, 8):
        one, target = inputs[index : index + 1], targets[index : index + 1]
        for factor, expected in ((0.99, False), (1.01, True)):
            ball = budget(norm, float(exact[index]) * factor, -100, 100)
            if attack == "fgsm":
                found = fgsm.perturb(model, one, target, ball)
            else:
                draws = Draws(1, torch.tensor([index]))
                found = pgd.perturb(model, one, target, ball, draws, options)
            assert bool(model(found).argmax(1) != target) is expected, (index, factor)
