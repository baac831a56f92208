"""APGD against its authors' code, against its definition, and in cost."""

import math
from dataclasses import replace
from itertools import product

import pytest
import torch
from attack_cases import Counting, budget, draws, mostly_slow, quick, radius
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from harness.api import Draws
from harness_attacks import apgd
from harness_attacks.active_batch import SearchResult, search_examples
from harness_attacks.apgd_l1_steps import lay_out, split_steps
from harness_attacks.apgd_steps import APGDSteps, checkpoints
from harness_attacks.apgd_target import APGDTarget, choose, look
from harness_attacks.attack_problem import AttackProblem
from harness_attacks.goals import likeliest_others
from harness_attacks.losses import cross_entropy
from harness_attacks.options import ApgdOptions, ApgdTOptions

NORMS = ("linf", "l2", "l1")
KINDS = ("ce", "dlr", "t")
PEER_NORM = {"linf": "Linf", "l2": "L2", "l1": "L1"}
EPSILON = {False: {"linf": 0.09, "l2": 0.45, "l1": 1.2}, True: {"linf": 0.14, "l2": 0.6, "l1": 1.5}}


def train(robust: bool) -> tuple[nn.Module, Tensor, Tensor]:
    """A small CNN, robust by steps of FGSM or not, and 400 test digits that it knows."""
    data = load_digits()
    images = torch.from_numpy(data.images).float()[:, None] / 16
    classes = torch.from_numpy(data.target)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(12, 24, 3, padding=1, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(24 * 16, 10),
        )
        optimizer = torch.optim.Adam(model.parameters(), 3e-3)
        for _ in range(10):
            for rows in torch.randperm(1200).split(60):
                x, y = images[rows], classes[rows]
                if robust:
                    delta = (0.2 * torch.rand_like(x) - 0.1).requires_grad_()
                    (slope,) = torch.autograd.grad(
                        functional.cross_entropy(model(x + delta), y), delta
                    )
                    x = (x + (delta.detach() + 0.12 * slope.sign()).clamp(-0.1, 0.1)).clamp(0, 1)
                optimizer.zero_grad()
                functional.cross_entropy(model(x), y).backward()
                optimizer.step()
    model.eval().requires_grad_(False)
    right = model(images[1200:]).argmax(1) == classes[1200:]
    return model, images[1200:][right][:400], classes[1200:][right][:400]


@pytest.fixture(scope="module")
def digits() -> dict[bool, tuple[nn.Module, Tensor, Tensor]]:
    return {robust: train(robust) for robust in (False, True)}


def climb(problem: AttackProblem, kind: str, **settings: object) -> SearchResult:
    if kind == "t":
        return apgd.climb_targeted(problem, ApgdTOptions(**settings))
    return apgd.climb(problem, kind, ApgdOptions(**settings))


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
    assert len(x) == 400
    ball = budget(norm, EPSILON[robust][norm])
    targets = {"targets": 2} if kind == "t" else {}
    ours = climb(
        AttackProblem(model, x, y, ball, draws(400)), kind, reference=True, seed=5, **targets
    )
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
    assert (ours.fooled == theirs).sum() <= 2
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
    trained: tuple[nn.Module, Tensor, Tensor], norm: str, epsilon: float, kind: str
) -> tuple[float, float]:
    """Return by how much more remains standing than after the authors' attack, of five seeds, and its error."""
    model, x, y = trained
    ours, theirs = [], []
    for seed in range(5):
        problem = AttackProblem(model, x, y, budget(norm, epsilon), draws(len(x), key=seed))
        ours.append(~climb(problem, kind).fooled)
        theirs.append(
            standing_by_authors(
                model, x, y, norm, epsilon, kind, seed=seed, use_largereps=norm == "l1"
            )
        )
    a, b = (torch.stack(rows).double().mean(1) for rows in (ours, theirs))  # one a seed
    return float(a.mean() - b.mean()), float(((a.var() + b.var()) / len(a)).sqrt())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("norm", "kind", "robust"), [("linf", "ce", True), ("l1", "dlr", False)])
def test_own_draws_are_no_weaker_but_for_chance(digits, norm, kind, robust):
    """In two cases; tests/evidence/attacks_beside_their_authors.py has eight."""
    more, error = with_own_draws(digits[robust], norm, EPSILON[robust][norm], kind)
    assert error < 0.01
    assert more < 2.5 * error + 0.001


def test_checkpoints_are_those_of_the_paper():
    """Of 100 steps: the shares 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, 0.93, 0.99."""
    table = checkpoints(100)
    (ages,) = table.nonzero(as_tuple=True)
    assert ages.tolist() == [22, 41, 57, 70, 80, 87, 93, 99]
    assert table[ages].tolist() == [22, 19, 16, 13, 10, 7, 6, 6]
    assert checkpoints(5).tolist() == [0, 1, 1, 1, 1, 1]
    assert len(checkpoints(1)) == 2


def test_stages_of_l1():
    assert split_steps(100) == (30, 30, 40)
    assert [split_steps(steps) for steps in (3, 10)] == [(1, 1, 1), (3, 3, 4)]
    stages = lay_out((30, 30, 40), (3.0, 2.0, 1.0), torch.float64)
    assert stages.radii.tolist() == [3.0] * 31 + [2.0] * 31 + [1.0] * 41
    assert stages.ends.nonzero()[:, 0].tolist() == [30, 61]
    assert stages.final.sum() == 41 and stages.final[62:].all()
    assert stages.checked.sum() == 100 and not stages.checked[[0, 31, 62]].any()
    assert lay_out((100,), (1.0,), torch.float64).checked.nonzero()[:2, 0].tolist() == [4, 8]


def bare_ascent(model, x, y, start, epsilon: float, steps: int) -> list[Tensor]:
    """Algorithm 1 of the paper in Linf, for one example, with its code's first window; every iterate."""

    def ask(point: Tensor) -> tuple[float, Tensor]:
        leaf = point.clone().requires_grad_()
        loss = functional.cross_entropy(model(leaf), y)
        (slope,) = torch.autograd.grad(loss, leaf)
        return float(loss.detach()), slope.sign()

    def project(point: Tensor) -> Tensor:
        return point.clamp(x - epsilon, x + epsilon).clamp(0, 1)

    ends, point, before, length = (
        set(checkpoints(steps).nonzero()[:, 0].tolist()),
        start,
        start,
        2 * epsilon,
    )
    loss, sign = ask(point)
    best, trace, losses = (loss, point, sign), [point], [0.0]
    at_check, halved_before, last_check = best[0], True, 0
    for step in range(1, steps + 1):
        aim = project(point + length * sign)
        share = 1.0 if step == 1 else 0.75
        following = project(point + share * (aim - point) + (1 - share) * (point - before))
        before, point = point, following
        trace.append(point)
        loss, sign = ask(point)
        losses.append(loss)
        if loss > best[0]:
            best = (loss, point, sign)
        if step in ends:
            window = range(last_check + 1, step + 1)
            rises = sum(losses[i] > losses[i - 1] for i in window)
            halved = rises <= 0.75 * len(window) or (not halved_before and at_check >= best[0])
            if halved:
                length, point, sign = length / 2, best[1], best[2]
            at_check, halved_before, last_check = best[0], halved, step
    return trace


class Recording(APGDSteps):
    """Keeps each point that is asked about."""

    def evaluate(self, state):
        self.trace.append(state["x"])
        return super().evaluate(state)


def test_every_iterate_is_that_of_a_plain_loop(digits):
    """In float64, for examples that stand; no peer's code is in it."""
    model, x, y = digits[True]
    model, x, y = nn.Sequential(*model).double(), x[:40].double(), y[:40]
    epsilon = 0.06
    try:
        problem = AttackProblem(model, x, y, budget("linf", epsilon), draws(40))
        starts = (x + epsilon * torch.where(x > 0.3, -0.5, 0.5)).clamp(0, 1)
        search = Recording(
            problem,
            APGDTarget(cross_entropy, positive=True),
            lambda examples, run: starts[examples],
            60,
        )
        object.__setattr__(search, "trace", [])
        found = search_examples(problem, search)
        standing = ~found.fooled
        assert 20 < standing.sum() < 40
        for row in standing.nonzero()[:, 0].tolist():
            one = slice(row, row + 1)
            expected = bare_ascent(model, x[one], y[one], starts[one], epsilon, 60)
            torch.testing.assert_close(found.perturbed[one], expected[-1], atol=1e-9, rtol=0)
    finally:
        model.float()


@pytest.mark.parametrize(
    ("norm", "kind"),
    mostly_slow(product(NORMS, KINDS), set(zip(NORMS, reversed(KINDS), strict=True))),
)
def test_who_stands_costs_the_protocol_and_nothing_more(digits, norm, kind):
    model, x, y = digits[False]
    count, runs = (3, 9) if kind == "t" else (10, 1)
    model, x, y = Counting(model), x[:count], y[:count]
    found = climb(AttackProblem(model, x, y, budget(norm, 1e-4), draws(count), 4), kind)
    assert not found.fooled.any()
    starts_of_stages = 2 if norm == "l1" else 0
    assert model.backwards == count * runs * (100 + starts_of_stages)
    clean = count if kind == "t" else 0
    assert model.forwards == model.backwards + count * runs + clean


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_who_falls_leaves_at_once(digits, norm):
    model, x, y = digits[False]
    model = Counting(model)
    found = climb(
        AttackProblem(model, x, y, budget(norm, 20 * EPSILON[False][norm]), draws(400), 32), "ce"
    )
    assert found.fooled.all()
    assert model.forwards <= 3 * 400  # of the 101 that the authors spend on each


@pytest.mark.parametrize("count", [100, pytest.param(400, marks=pytest.mark.slow)])
def test_who_falls_in_l1_leaves_in_the_last_stage(digits, count):
    model, x, y = digits[False]
    model, x, y = Counting(model), x[:count], y[:count]
    found = climb(AttackProblem(model, x, y, budget("l1", 20.0), draws(count), 32), "ce")
    assert found.fooled.all()
    assert model.forwards <= 64 * count


@pytest.mark.parametrize("kind", ["ce", "t"])
@pytest.mark.parametrize("norm", NORMS)
def test_any_box_gives_the_same_attack(digits, norm, kind):
    """Data times 256 minus 128, with epsilon times 256."""
    model, x, y = digits[False]
    double = nn.Sequential(*model).double()

    class Scaled(nn.Module):
        def forward(self, points: Tensor) -> Tensor:
            return double((points + 128) / 256)

    try:
        x, y, epsilon = x[:60].double(), y[:60], EPSILON[False][norm]
        settings = {"targets": 2, "steps": 30} if kind == "t" else {"steps": 30}
        plain = climb(
            AttackProblem(double, x, y, budget(norm, epsilon), draws(60)), kind, **settings
        )
        ball = budget(norm, 256 * epsilon, -128, 128)
        moved = climb(AttackProblem(Scaled(), 256 * x - 128, y, ball, draws(60)), kind, **settings)
    finally:
        double.float()
    assert 0 < plain.fooled.sum() < 60
    assert torch.equal(plain.fooled, moved.fooled)
    apart = ((moved.perturbed + 128) / 256 - plain.perturbed).abs().flatten(1).amax(1)
    assert (apart > 1e-6).sum() <= 6  # the sign of a gradient that is 0 but for rounding


@pytest.mark.parametrize("norm", NORMS)
def test_starts_are_on_the_ball_and_belong_to_example_and_run(norm):
    inputs = torch.full((30, 1, 6, 6), 0.5)
    problem = AttackProblem(
        nn.Flatten(), inputs, torch.zeros(30).long(), budget(norm, 0.4), draws(30)
    )
    noise = apgd._noise(problem, ApgdOptions())
    start = apgd._start(problem, noise, 0.3)
    examples = torch.arange(30)
    points = start(examples, torch.zeros_like(examples))
    torch.testing.assert_close(
        budget(norm, 0.3).size(points - inputs), torch.full((30,), 0.3), atol=1e-5, rtol=0
    )
    mixed = start(torch.tensor([4, 9, 4]), torch.tensor([0, 0, 1]))
    assert torch.equal(mixed[:2], points[[4, 9]])
    assert not torch.equal(mixed[2], points[4])


def test_goals_are_the_likeliest_other_classes():
    logits = torch.tensor([[3.0, 1.0, 2.0, 0.0], [0.0, 9.0, 4.0, 5.0]])
    problem = AttackProblem(
        nn.Identity(), logits, torch.tensor([0, 1]), budget("linf", 1), draws(2)
    )
    assert likeliest_others(problem, 9).tolist() == [[2, 1, 3], [3, 2, 0]]
    assert likeliest_others(problem, 2).tolist() == [[2, 1], [3, 2]]


def test_each_goal_has_its_restarts(digits):
    model, x, y = digits[False]
    model, x, y = Counting(model), x[:5], y[:5]
    problem = AttackProblem(model, x, y, budget("linf", 1e-4), draws(5))
    climb(problem, "t", targets=2, restarts=3, steps=4)
    assert model.backwards == 5 * 2 * 3 * 4


def test_gradients_are_averaged_over_samples():
    class Alternating(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x * torch.tensor([[1.0, self.calls]])

    model, x = Alternating(), torch.tensor([[0.2, 0.1]])
    problem = AttackProblem(model, x, torch.tensor([0]), budget("linf", 1), draws(1))
    state = {"x": x, "targets": problem.targets}
    fooled, gradient = look(problem, APGDTarget(cross_entropy), state, 4)
    torch.testing.assert_close(gradient, torch.tensor([[-1.0, 2.5]]))
    torch.testing.assert_close(state["loss"], torch.tensor([0.4 - 0.2]))  # the last call's
    assert model.calls == 4 and fooled.all()


def test_a_random_model_is_asked_so_many_times_a_step(digits):
    model, x, y = digits[False]

    class Noisy(nn.Module):
        def forward(self, points: Tensor) -> Tensor:
            return model(points + 0.05 * torch.randn_like(points))

    counting = Counting(Noisy())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        problem = AttackProblem(counting, x[:20], y[:20], budget("linf", 0.001), draws(20))
        found = climb(problem, "ce", steps=5, eot_samples=7)
    assert counting.backwards == 7 * 5 * 20 or found.fooled.any()


def test_choice_by_interpolation_is_exact():
    generator = torch.Generator().manual_seed(0)
    for size in (1e-30, 1.0, 1e36):
        first = size * torch.randn((64, 3, 5), generator=generator)
        second = torch.randn((64, 3, 5), generator=generator) / size
        rows = torch.arange(64) % 3 == 0
        expected = torch.where(rows[:, None, None], first, second)
        assert torch.equal(choose(rows, first, second), expected)


def test_a_model_without_gradient_leaves_finite_points():
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 0 * x.flatten(1)[:, :4] + torch.tensor([3.0, 2.0, 1.0, 0.0])

    x = torch.rand((6, 1, 4, 4), generator=torch.Generator().manual_seed(0))
    for norm in NORMS:
        for kind in KINDS:
            ball = budget(norm, radius(norm))
            problem = AttackProblem(Constant(), x, torch.zeros(6).long(), ball, draws(6))
            found = climb(problem, kind, steps=12)
            assert found.perturbed.isfinite().all() and not found.fooled.any()
            assert ball.size(found.perturbed - x).max() <= ball.epsilon * (1 + 1e-5)


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
@pytest.mark.parametrize("norm", NORMS)
def test_few_steps(digits, norm, steps):
    model, x, y = digits[False]
    counting = Counting(model)
    problem = AttackProblem(counting, x[:50], y[:50], budget(norm, EPSILON[False][norm]), draws(50))
    found = climb(problem, "ce", steps=steps)
    assert (model(found.perturbed).argmax(1) != y[:50]).equal(found.fooled)
    more = 2 if norm == "l1" and steps >= 3 else 0
    assert counting.backwards <= 50 * (steps + more)


@pytest.mark.parametrize(
    ("norm", "classes"),
    mostly_slow(
        [("linf", 2), ("l2", 2), ("linf", 5), ("l2", 5), ("l1", 5)], {("l2", 2), ("linf", 5)}
    ),
)
def test_linear_margins_are_reached(norm, classes):
    """fooled if epsilon exceeds the margin by 1 %, and never if it does not.

    In L1 with two classes a step of two coordinates can hold still for good on a perturbation of the same
    two, as two thirds of two, rounded up, are two: the authors' rule.
    """
    from test_linear_margins import linear, margins

    model, inputs, targets = linear(classes)
    exact = margins(model, inputs, targets, norm)
    for share in (0.25, 0.5, 0.75):
        epsilon = float(exact.quantile(share))
        ball = budget(norm, epsilon, -100, 100)
        problem = AttackProblem(model, inputs, targets, ball, Draws(1, torch.arange(200)))
        found = climb(problem, "t", steps=100)
        assert not found.fooled[exact > epsilon * (1 + 1e-6)].any()
        assert found.fooled[exact < epsilon / 1.01].all()


def test_in_lower_precision_the_judge_has_the_last_word(digits):
    model, x, y = digits[False]
    x, y = x[:60], y[:60]
    problem = AttackProblem(model, x, y, budget("linf", EPSILON[False]["linf"]), draws(60), 16)
    expected = climb(problem, "ce", steps=30)

    def never(points: Tensor, targets: Tensor) -> Tensor:
        return torch.ones(len(points), dtype=torch.bool)

    found = climb(replace(problem, judge=never), "ce", steps=30)
    assert expected.fooled.any() and not found.fooled.any()


def test_options_are_checked():
    assert ApgdTOptions().targets == 9 and math.isclose(ApgdOptions().rho, 0.75)
    for bad in ({"steps": 0}, {"rho": 0}, {"eot_samples": 0}, {"restarts": 0}, {"targets": 2}):
        with pytest.raises(ValueError):
            ApgdOptions(**bad)
