"""APGD beside its authors' code: verdict by verdict on its random stream, and no weaker on draws of our own."""

import pytest
import torch
from apgd_cases import EPSILON, NORMS, climb
from attack_cases import budget, draws, quick
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from torch import Tensor, nn

from harness_attacks.attack_problem import AttackProblem

PEER_NORM = {"linf": "Linf", "l2": "L2", "l1": "L1"}


def standing_by_authors(
    model: nn.Module, x: Tensor, y: Tensor, norm: str, epsilon: float, kind: str, **settings: object
) -> Tensor:
    given = {"norm": PEER_NORM[norm], "eps": epsilon, "device": "cpu", **settings}
    if kind == "t":
        attack = APGDAttack_targeted(model, **given)
    else:
        attack = APGDAttack(model, loss=kind, **given)
    return model(attack.perturb(x.clone(), y)).argmax(1) == y


@pytest.mark.filterwarnings("ignore")  # the peer's own
@pytest.mark.parametrize("robust", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "kind", ["ce", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("dlr", "t"))]
)
@pytest.mark.parametrize("norm", quick(NORMS, "linf"))
def test_verdicts_equal_the_authors(digits, norm, kind, robust):
    model, x, y = digits[robust]
    x, y = x[:200], y[:200]
    ball = budget(norm, EPSILON[robust][norm])
    targets = {"targets": 2} if kind == "t" else {}
    problem = AttackProblem(model, x, y, ball, draws(200))
    ours = climb(problem, kind, reference=True, seed=5, **targets)
    theirs = standing_by_authors(
        model,
        x,
        y,
        norm,
        ball.epsilon,
        kind,
        seed=5,
        use_largereps=norm == "l1",
        **({"n_target_classes": 2} if kind == "t" else {}),
    )
    assert 0.2 < theirs.float().mean() < 0.8
    assert (ours.fooled == theirs).sum() <= 1
    assert ball.size(ours.perturbed - x).max() <= ball.epsilon * (1 + 1e-5)
    assert torch.equal(model(ours.perturbed).argmax(1) != y, ours.fooled)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("norm", quick(NORMS, "l1"))
def test_restarts_and_a_single_radius_follow_the_authors(digits, norm):
    """A second run draws for whom the first left, so one verdict that differs turns the rest of the stream."""
    model, x, y = digits[False]
    x, y, epsilon = x[:200], y[:200], EPSILON[False][norm]
    problem = AttackProblem(model, x, y, budget(norm, epsilon), draws(200))
    settings = {"steps": 40, "reference": True, "seed": 2}
    ours = climb(problem, "ce", restarts=2, epsilon_schedule=False, **settings)
    theirs = standing_by_authors(
        model, x, y, norm, epsilon, "ce", n_iter=40, n_restarts=2, seed=2, use_largereps=False
    )
    assert 0.2 < theirs.float().mean() < 0.8
    assert (ours.fooled == theirs).sum() <= 1


def with_own_draws(
    trained: tuple[nn.Module, Tensor, Tensor],
    norm: str,
    epsilon: float,
    kind: str,
    count: int = 400,
    steps: int = 100,
) -> tuple[float, float]:
    """Return by how much more remains standing than after the authors' attack, of five seeds, and its error."""
    model, x, y = trained
    x, y = x[:count], y[:count]
    ours, theirs = [], []
    for seed in range(5):
        problem = AttackProblem(model, x, y, budget(norm, epsilon), draws(len(x), key=seed))
        ours.append(~climb(problem, kind, steps=steps).fooled)
        settings = {"seed": seed, "n_iter": steps, "use_largereps": norm == "l1"}
        theirs.append(standing_by_authors(model, x, y, norm, epsilon, kind, **settings))
    a, b = (torch.stack(rows).double().mean(1) for rows in (ours, theirs))  # one a seed
    return float(a.mean() - b.mean()), float(((a.var() + b.var()) / len(a)).sqrt())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("norm", "kind", "robust"), [("linf", "ce", True), ("l1", "dlr", False)])
def test_own_draws_are_no_weaker_but_for_chance(digits, norm, kind, robust):
    """In two cases of 200 digits, 40 steps; tests/evidence/attacks_beside_their_authors.py has eight of 400."""
    epsilon = EPSILON[robust][norm]
    more, error = with_own_draws(digits[robust], norm, epsilon, kind, count=200, steps=40)
    assert error < 0.015
    assert more < 2.5 * error + 0.001
