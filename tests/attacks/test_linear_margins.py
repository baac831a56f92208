"""A linear classifier has exact margins: an example falls if and only if epsilon exceeds its own."""

from functools import partial

import pytest
import torch
from attack_cases import budget
from torch import nn

from harness.api import Draws
from harness_attacks import bim, fgsm, mi_fgsm, pgd
from harness_attacks.options import BimOptions, MiFgsmOptions, PgdOptions

DUAL = {"linf": 1, "l2": 2, "l1": torch.inf}


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


GRADIENT = {
    "fgsm": fgsm.perturb,
    "bim": partial(bim.perturb, options=BimOptions(steps=100, step_size=0.1)),
    "mi-fgsm": partial(mi_fgsm.perturb, options=MiFgsmOptions(steps=100, step_size=0.1)),
    "pgd": partial(pgd.perturb, options=PgdOptions(steps=100, step_size=0.1)),
    "pgd from the input": partial(
        pgd.perturb, options=PgdOptions(steps=100, step_size=0.1, random_start=False)
    ),
}
CASES = [
    (attack, classes, norm)
    for attack in GRADIENT
    for classes in (2, 5)
    for norm in DUAL
    if not (attack == "mi-fgsm" and norm == "l1") and not (attack == "pgd" and classes == 5)
]


@pytest.mark.parametrize(("attack", "classes", "norm"), CASES)
def test_fooled_if_and_only_if_epsilon_exceeds_the_margin(attack, classes, norm):
    model, inputs, targets = linear(classes)
    exact = margins(model, inputs, targets, norm)
    for index in range(0, 200, 8):
        one, target = inputs[index : index + 1], targets[index : index + 1]
        for factor, expected in ((0.99, False), (1.01, True)):
            ball = budget(norm, float(exact[index]) * factor, -100, 100)
            draws = Draws(1, torch.tensor([index]))
            found = GRADIENT[attack](model, one, target, ball, draws)
            assert bool(model(found).argmax(1) != target) is expected, (index, factor)
