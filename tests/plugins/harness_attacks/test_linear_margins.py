"""A linear classifier has exact margins: an example falls if and only if epsilon exceeds its own."""

from functools import partial

import pytest
import torch
from attack_cases import budget, draws, mostly_slow
from torch import nn

from harness.api import Draws
from harness_attacks import bim, cw_l2, deepfool, fab, fgsm, fmn, mi_fgsm, pgd
from harness_attacks.options import (
    BimOptions,
    CwL2Options,
    DeepFoolOptions,
    FabOptions,
    FabTOptions,
    FmnOptions,
    MiFgsmOptions,
    PgdOptions,
)

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
DEFAULT = {("fgsm", 5, "l1"), ("bim", 2, "l1"), ("mi-fgsm", 5, "l2"), ("pgd", 2, "linf")}


@pytest.mark.parametrize(("attack", "classes", "norm"), mostly_slow(CASES, DEFAULT))
def test_fooled_if_and_only_if_epsilon_exceeds_the_margin(attack, classes, norm):
    model, inputs, targets = linear(classes)
    exact = margins(model, inputs, targets, norm)
    for index in range(0, 200, 80):
        one, target = inputs[index : index + 1], targets[index : index + 1]
        for factor, expected in ((0.99, False), (1.01, True)):
            ball = budget(norm, float(exact[index]) * factor, -100, 100)
            found = GRADIENT[attack](model, one, target, ball, Draws(1, torch.tensor([index])))
            assert bool(model(found).argmax(1) != target) is expected, (index, factor)


NEAREST = {
    "deepfool": (
        partial(deepfool.perturb, options=DeepFoolOptions(overshoot=0.001)),
        ("linf", "l2"),
    ),
    "cw-l2": (
        partial(
            cw_l2.perturb,
            options=CwL2Options(steps=500, learning_rate=0.001, initial_const=1e-5),
        ),
        ("l2",),
    ),
    "fmn": (partial(fmn.perturb, options=FmnOptions()), ("linf", "l2", "l1")),
    "fab": (partial(fab.perturb, options=FabOptions()), ("linf", "l2", "l1")),
    "fab-t": (partial(fab.perturb_targeted, options=FabTOptions()), ("linf", "l2", "l1")),
}


NEAREST_CASES = [
    (name, norm, classes)
    for name, (_, norms) in NEAREST.items()
    for norm in norms
    for classes in (2, 5)
]
NEAREST_DEFAULT = {
    ("deepfool", "linf", 5),
    ("fmn", "l1", 5),
    ("fab", "linf", 2),
    ("fab-t", "l2", 5),
}


@pytest.mark.parametrize(("attack", "norm", "classes"), mostly_slow(NEAREST_CASES, NEAREST_DEFAULT))
def test_the_nearest_misclassified_point_is_at_the_margin(attack, classes, norm):
    """Within 1 %, where the margin is more than the steps are long that an attack takes by the box's width."""
    model, inputs, targets = linear(classes)
    exact = margins(model, inputs, targets, norm)
    inside = (exact > 0.1) & (inputs.abs().amax(1) < 4 - exact)  # else the box is nearer
    inputs, targets, exact = (part[inside][:40] for part in (inputs, targets, exact))
    ball = budget(norm, torch.inf, -4, 4)
    found = NEAREST[attack][0](model, inputs, targets, ball, draws(len(inputs)))
    assert (model(found).argmax(1) != targets).all()
    ratio = ball.size(found - inputs).double() / exact
    assert ratio.min() > 1 - 1e-4
    assert ratio.max() < 1.01


@pytest.mark.parametrize(("classes", "features"), [(2, 20), (10, 100)])
def test_fewest_coordinates(classes, features):
    """Exactly: for each rival as many as it takes when those with the most to gain in the box go first."""
    generator = torch.Generator().manual_seed(classes)
    model = nn.Linear(features, classes).requires_grad_(False)
    model.weight.copy_(torch.randn(model.weight.shape, generator=generator))
    model.bias.copy_(3 * torch.randn(classes, generator=generator))
    inputs = torch.rand((200, features), generator=generator)
    logits = model(inputs)
    targets = logits.argmax(1)
    exact = torch.full((200,), torch.inf)
    for rival in range(classes):
        slope = model.weight[rival] - model.weight[targets]
        gains = torch.where(slope > 0, slope * (1 - inputs), -slope * inputs)
        gained = gains.sort(1, descending=True).values.cumsum(1)
        gap = logits.gather(1, targets[:, None]) - logits[:, rival : rival + 1]
        needed = (gained <= gap).sum(1) + 1.0
        needed[(needed > features) | (targets == rival)] = torch.inf
        exact = torch.minimum(exact, needed)
    ball = budget("l0", torch.inf)
    found = fmn.perturb(model, inputs, targets, ball, draws(200), FmnOptions())
    size = ball.size(found - inputs)
    size[model(found).argmax(1) == targets] = torch.inf
    assert (size >= exact).all()
    assert (size <= exact + 1).float().mean() >= 0.9
