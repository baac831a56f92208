"""Values and slopes of the losses: against plain formulas and autograd, in float64."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from harness_attacks.losses import cross_entropy, difference, dlr, margin, targeted_dlr


def wrong_gap(z: Tensor, y: Tensor) -> Tensor:
    """z_y minus the largest other logit, row by row."""
    rows = [
        row[label] - torch.cat([row[:label], row[label + 1 :]]).max()
        for row, label in zip(z, y.tolist(), strict=True)
    ]
    return torch.stack(rows)


def plain_cross_entropy(z: Tensor, y: Tensor, t: Tensor) -> Tensor:
    return torch.log(torch.expm1(functional.cross_entropy(z, y, reduction="none")))


def plain_dlr(z: Tensor, y: Tensor, t: Tensor) -> Tensor:
    ordered = z.sort(1, descending=True).values
    return -wrong_gap(z, y) / (ordered[:, 0] - ordered[:, 2])


def plain_targeted_dlr(z: Tensor, y: Tensor, t: Tensor) -> Tensor:
    ordered = z.sort(1, descending=True).values
    low = (ordered[:, 2] + ordered[:, 3]) / 2
    return -(z.gather(1, y[:, None]) - z.gather(1, t[:, None]))[:, 0] / (ordered[:, 0] - low)


def plain_difference(z: Tensor, y: Tensor, t: Tensor) -> Tensor:
    return (z.gather(1, t[:, None]) - z.gather(1, y[:, None]))[:, 0]


def plain_margin(z: Tensor, y: Tensor, t: Tensor) -> Tensor:
    return -wrong_gap(z, y)


FORMULAS = {
    cross_entropy: plain_cross_entropy,
    dlr: plain_dlr,
    targeted_dlr: plain_targeted_dlr,
    difference: plain_difference,
    margin: plain_margin,
}
CASES = [
    (loss, classes)
    for loss in FORMULAS
    for classes in (2, 3, 4, 10)
    if classes >= {dlr: 3, targeted_dlr: 4}.get(loss, 2)
]
every_loss = pytest.mark.parametrize(
    ("loss", "classes"), CASES, ids=[f"{loss.__name__}-{classes}" for loss, classes in CASES]
)


def make(classes: int, rows: int = 60) -> tuple[Tensor, Tensor, Tensor]:
    """Logits ``(rows, classes)``, true classes of every rank, and other classes."""
    generator = torch.Generator().manual_seed(classes)
    logits = 3 * torch.randn((rows, classes), generator=generator, dtype=torch.float64)
    ranks = torch.arange(rows) % classes
    order = logits.argsort(1, descending=True)
    targets = order.gather(1, ranks[:, None])[:, 0]
    others = order.gather(1, (ranks[:, None] + 1 + torch.arange(rows)[:, None]) % classes)[:, 0]
    return logits, targets, torch.where(others == targets, (targets + 1) % classes, others)


@every_loss
def test_value_and_slope_are_those_of_the_formula(loss, classes):
    logits, targets, goals = make(classes)
    leaf = logits.clone().requires_grad_()
    expected = FORMULAS[loss](leaf, targets, goals)
    (gradient,) = torch.autograd.grad(expected.sum(), leaf)
    value, slope = loss(logits, targets, goals)
    torch.testing.assert_close(value, expected.detach(), atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(slope, gradient, atol=1e-8, rtol=1e-8)


def test_the_slope_of_cross_entropy_has_its_direction():
    logits, targets, goals = make(10)
    leaf = logits.clone().requires_grad_()
    plain = functional.cross_entropy(leaf, targets, reduction="sum")
    (gradient,) = torch.autograd.grad(plain, leaf)
    _, slope = cross_entropy(logits, targets, goals)
    wrong = 1 - torch.softmax(logits, 1).gather(1, targets[:, None])
    torch.testing.assert_close(slope * wrong, gradient)


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_shift_changes_nothing(loss, classes, dtype):
    logits, targets, goals = make(classes)
    logits = (logits * 2**20).round() / 2**20  # digits that the shift leaves
    shift = torch.tensor([0.0, 4.0, -8.0]).repeat(20)[:, None].double()
    value, slope = loss(logits.to(dtype), targets, goals)
    other_value, other_slope = loss((logits + shift).to(dtype), targets, goals)
    accuracy = 2e-5 if dtype == torch.float32 else 1e-10
    torch.testing.assert_close(other_value, value, atol=accuracy, rtol=accuracy)
    torch.testing.assert_close(other_slope, slope, atol=accuracy, rtol=accuracy)
    sums, sizes = slope.double().sum(1).abs(), slope.double().abs().sum(1)
    assert (sums <= (1e-6 if dtype == torch.float32 else 1e-14) * sizes).all()
    assert value.dtype == slope.dtype == dtype


@every_loss
def test_the_loss_is_positive_where_another_class_leads(loss, classes):
    """By the margin; the cross-entropy gathers all others, so it may be above 0 before."""
    logits, targets, _ = make(classes)
    rival = logits.scatter(1, targets[:, None], -torch.inf).argmax(1)
    value, _ = loss(logits, targets, rival)
    fooled = logits.argmax(1) != targets
    assert (value[fooled] > 0).all()
    if loss is not cross_entropy:
        assert (value[~fooled] < 0).all()


@every_loss
@pytest.mark.parametrize("factor", [1e-4, 1e3, 1e6])
def test_scaled_logits_keep_a_slope_in_float32(loss, classes, factor):
    """The plain cross-entropy of the largest has a gradient of exactly 0 for all that are classified right."""
    logits, targets, goals = make(classes)
    scaled = (logits * factor).float()
    value, slope = loss(scaled, targets, goals)
    assert value.isfinite().all() and slope.isfinite().all()
    right = logits.argmax(1) == targets  # else the ratio may be constant: the last leads the first
    assert (slope[right].abs().amax(1) > 1e-12).all()
    plain_value, plain_slope = loss(logits, targets, goals)
    if loss in (dlr, targeted_dlr):
        torch.testing.assert_close(value.double(), plain_value, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(slope.double() * factor, plain_slope, atol=1e-3, rtol=1e-3)
    elif loss in (difference, margin):
        torch.testing.assert_close(value.double() / factor, plain_value, atol=1e-4, rtol=1e-4)
        assert torch.equal(slope.double(), plain_slope)


@pytest.mark.parametrize(
    ("ratio", "plain", "classes"),
    [(dlr, margin, 2), (targeted_dlr, difference, 2), (targeted_dlr, difference, 3)],
)
def test_too_few_classes_have_no_ratio(ratio, plain, classes):
    logits, targets, goals = make(classes)
    value, slope = ratio(logits, targets, goals)
    expected_value, expected_slope = plain(logits, targets, goals)
    assert torch.equal(value, expected_value) and torch.equal(slope, expected_slope)


@pytest.mark.parametrize("classes", [3, 4, 10])
def test_tied_logits_give_finite_slopes(classes):
    logits = torch.zeros(4, classes)
    targets, goals = torch.zeros(4).long(), torch.ones(4).long()
    for loss in FORMULAS:
        value, slope = loss(logits, targets, goals)
        assert value.isfinite().all() and slope.isfinite().all()
