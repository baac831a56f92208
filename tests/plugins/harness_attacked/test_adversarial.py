"""Robust accuracy: what it divides by, what is kept, and attacks that cheat."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import (
    ATTACKS,
    InMemory,
    image_examples,
    make_context,
    measure,
    named,
    one,
    train,
)
from pydantic import ValidationError
from torch import nn

from harness.api import Attack, NotApplicable, PluginError, Task
from harness_attacked.attack_space import find_space
from harness_attacked.attacked_model import attacked_model
from harness_attacked.options import AdversarialOptions


def test_all_examples_count_and_the_worst_case_is_point_wise(measure_images, tmp_path):
    found = measure_images(
        "adversarial", attacks=("sign", "random"), epsilons=("4/100", 0.2), batch_size=50
    )
    kept = np.load(tmp_path / "examples.npz")
    examples = image_examples()
    assert np.array_equal(kept["ids"], examples.ids.sort().values)
    clean = one(found, "clean_accuracy")
    assert clean.value == kept["clean_correct"].mean() and clean.n == 120
    assert clean.where == {"norm": "linf", "epsilon": 0.0, "epsilon_text": "0"}
    for k, (text, epsilon) in enumerate((("4/100", 0.04), ("0.2", 0.2))):
        where = {"norm": "linf", "epsilon": epsilon, "epsilon_text": text}
        for a, label in enumerate(("sign", "random")):
            metric = one(found, "robust_accuracy", attack=label, **where)
            robust = kept[f"robust_{k}_{a}"]
            assert metric.value == robust.mean() and metric.n == 120
            assert metric.low <= metric.value <= metric.high
            assert not (robust & ~kept["clean_correct"]).any()
        worst = one(found, "robust_accuracy", attack="worst case", **where)
        both = kept[f"robust_{k}_0"] & kept[f"robust_{k}_1"]
        assert np.array_equal(kept[f"robust_{k}"], both) and worst.value == both.mean()
    strong = one(found, "robust_accuracy", attack="worst case", epsilon=0.2)
    assert strong.value < one(found, "robust_accuracy", attack="random", epsilon=0.2).value
    assert strong.value < clean.value
    assert len(found) == 1 + 2 * 3


def test_no_budget_is_clean_accuracy(measure_images):
    found = measure_images("adversarial", attacks=("sign",), epsilons=(0,))
    assert one(found, "robust_accuracy", attack="sign").value == one(found, "clean_accuracy").value


def test_the_batch_size_changes_nothing(measure_images, tmp_path):
    kept = []
    for batch_size in (120, 7):
        measure_images("adversarial", attacks=("random",), epsilons=(0.25,), batch_size=batch_size)
        kept.append(np.load(tmp_path / "examples.npz")["robust_0"])
    assert np.array_equal(*kept)


def test_the_first_examples_by_id(measure_images, tmp_path):
    found = measure_images(
        "adversarial", attacks=("sign",), epsilons=(0.1,), examples=30, batch_size=16
    )
    kept = np.load(tmp_path / "examples.npz")
    assert kept["ids"].tolist() == list(range(1000, 1030))
    assert {metric.n for metric in found} == {30}


@pytest.mark.parametrize(
    ("attack", "words"),
    [("out-of-ball", "attack out-of-ball left the linf ball"), ("out-of-box", "left the box")],
)
def test_an_attack_that_leaves_the_budget_is_named(measure_images, attack, words):
    with pytest.raises(PluginError, match=words):
        measure_images("adversarial", attacks=(attack,), epsilons=(0.1,))


def test_an_attack_without_the_norm_is_left_out(measure_images):
    with pytest.warns(UserWarning, match="l1-only is not defined for linf; it is for l1"):
        found = measure_images("adversarial", attacks=("l1-only", "sign"), epsilons=(0.1,))
    assert {m.where["attack"] for m in named(found, "robust_accuracy")} == {"sign", "worst case"}
    with pytest.raises(NotApplicable, match="not defined for l2"):
        measure_images("adversarial", attacks=("random", "l1-only"), norm="l2")


def test_the_model_is_untouched(images, classifier):
    state = {name: value.clone() for name, value in classifier.state_dict().items()}
    measure(images("adversarial", attacks=("sign",), epsilons=(0.1,)), "adversarial")
    assert all(torch.equal(value, state[name]) for name, value in classifier.state_dict().items())
    assert all(parameter.grad is None for parameter in classifier.parameters())


def test_epsilons_keep_their_text_and_their_type():
    options = AdversarialOptions(epsilons=("8/255", " 1 / 16 ", "1e-2", 0.5, 1))
    assert options.radii == (
        ("8/255", 8 / 255),
        ("1 / 16", 1 / 16),
        ("1e-2", 0.01),
        ("0.5", 0.5),
        ("1", 1.0),
    )
    assert AdversarialOptions.model_validate(options.model_dump(mode="json")) == options


@pytest.mark.parametrize("bad", ["8/0", "-1", "1/2/3", "x", "", -0.1, float("inf"), float("nan")])
def test_senseless_epsilons_are_refused(bad):
    with pytest.raises(ValidationError, match="is not a number of at least 0"):
        AdversarialOptions(epsilons=(bad,))


def test_parts_of_a_token_are_refused_in_edits():
    for epsilons in ({}, {"epsilons": (1, "1/2")}):
        with pytest.raises(
            ValidationError, match="in edits epsilons count tokens: write 1 or more"
        ):
            AdversarialOptions(norm="edits", **epsilons)
    assert AdversarialOptions(norm="edits", epsilons=(0, 1)).radii[1] == ("1", 1.0)


CURVE = tuple(k / 40 for k in (3, 1, 2, 4, 5, 6, 7, 8, 9, 10))


def test_a_curve_reads_as_separate_runs_do(measure_images, tmp_path):
    def verdicts(*epsilons):
        measure_images("adversarial", attacks=("pgd",), epsilons=epsilons)
        kept = np.load(tmp_path / "examples.npz")
        return np.array([kept[f"robust_{k}_0"] for k in range(len(epsilons))])

    order = np.argsort(CURVE)
    curve = verdicts(*CURVE)[order]
    separate = np.concatenate([verdicts(epsilon) for epsilon in CURVE])[order]
    assert 0 < separate.mean() < 0.9
    assert np.array_equal(curve, np.logical_and.accumulate(separate))


def test_who_falls_in_a_ball_is_not_attacked_in_larger_ones(measure_images, monkeypatch):
    seen = []

    def attack(inputs, budget):
        seen.append((budget.epsilon, len(inputs)))
        return darken_by(inputs, budget)

    monkeypatch.setitem(
        ATTACKS,
        "counted",
        Attack(name="counted", takes=("image", "sequence", "table"), perturb=attack),
    )
    found = measure_images("adversarial", attacks=("counted",), epsilons=CURVE)
    n = {
        metric.where["epsilon"]: metric.value * metric.n
        for metric in named(found, "robust_accuracy")
    }
    upwards = sorted(CURVE)[: len(seen)]
    assert [epsilon for epsilon, _ in seen] == upwards and len(seen) > 3
    stood = [one(found, "clean_accuracy").value * 120, *(n[epsilon] for epsilon in upwards)]
    assert [count for _, count in seen] == pytest.approx(stood[:-1])
    assert stood[-1] < stood[0]


def test_what_falls_in_a_ball_falls_in_larger_ones(measure_images, monkeypatch):
    """An attack that succeeds in one of the smaller balls alone."""
    middle = sorted(CURVE)[6]

    def attack(inputs, budget):
        return darken_by(inputs, budget) if budget.epsilon == middle else inputs

    monkeypatch.setitem(
        ATTACKS, "once", Attack(name="once", takes=("image", "sequence", "table"), perturb=attack)
    )
    found = measure_images("adversarial", attacks=("once",), epsilons=CURVE)
    robust = {metric.where["epsilon"]: metric.value for metric in named(found, "robust_accuracy")}
    clean = one(found, "clean_accuracy").value
    assert {robust[epsilon] for epsilon in CURVE if epsilon < middle} == {clean}
    (fallen,) = {robust[epsilon] for epsilon in CURVE if epsilon >= middle}
    assert fallen < clean


@pytest.mark.parametrize(
    ("options", "words"),
    [({"epsilons": ("1/16", 0.0625)}, "twice"), ({"epsilons": (0.1, 0.2, 0.1)}, "twice")],
)
def test_a_radius_that_stands_there_twice_is_refused(options, words):
    with pytest.raises(ValidationError, match=words):
        AdversarialOptions(**options)


def test_an_attack_that_stands_there_twice_is_left_out_once(measure_images):
    with pytest.warns(UserWarning, match="attack sign is given twice"):
        found = measure_images("adversarial", attacks=("sign", "sign"), epsilons=(0.1,))
    assert len(named(found, "robust_accuracy")) == 2  # its own, and the worst case


def test_nothing_is_attacked_in_a_ball_of_radius_0(measure_images, monkeypatch):
    seen = []

    def attack(inputs, budget):
        seen.append(budget.epsilon)
        return darken_by(inputs, budget)

    monkeypatch.setitem(
        ATTACKS,
        "counted",
        Attack(name="counted", takes=("image", "sequence", "table"), perturb=attack),
    )
    found = measure_images("adversarial", attacks=("counted",), epsilons=(0.0, 0.2))
    assert seen == [0.2]
    clean = one(found, "clean_accuracy").value
    assert one(found, "robust_accuracy", attack="counted", epsilon=0.0).value == clean
    assert one(found, "robust_accuracy", attack="counted", epsilon=0.2).value < clean


def darken_by(inputs, budget):
    return (inputs - budget.epsilon).clamp(0, 1)


def test_a_nearest_perturbation_gives_the_whole_curve(measure_images, tmp_path):
    found = measure_images("adversarial", attacks=("darken",), epsilons=CURVE)
    kept = np.load(tmp_path / "examples.npz")
    distance, clean = kept["distance_0"], kept["clean_correct"]
    assert (distance[~clean] == 0).all() and (distance[clean] > 0).all()
    for k, epsilon in enumerate(CURVE):
        assert np.array_equal(kept[f"robust_{k}_0"], distance > np.float32(epsilon))
    median = one(found, "median_distance")
    assert median.value == np.median(distance) and median.where == {
        "attack": "darken",
        "norm": "linf",
    }
    assert median.low is None or median.low <= median.value
    assert one(found, "robust_accuracy", attack="darken", epsilon=0.25).value < clean.mean()


class Tilted(nn.Module):
    """Two classes by a table's features, the second of which is a thousand times wider."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        score = rows[:, 0] + rows[:, 1] / 1000 + 0.0 * rows[:, 2]
        return torch.stack([1.0 - score, score - 1.0], 1)


def test_in_a_table_epsilon_is_a_share_of_each_feature_s_range(tmp_path):
    generator = torch.Generator().manual_seed(0)
    rows = torch.rand((60, 3), generator=generator) * torch.tensor([1.0, 1000.0, 0.0])
    rows[0, :2], rows[1, :2] = 0.0, torch.tensor([1.0, 1000.0])
    rows[:, 2] = 7.0  # never varies
    targets = (Tilted()(rows).argmax(1)).long()
    data = InMemory(rows, targets, torch.arange(60))
    task = Task(
        modality="table",
        problem="classification",
        input_shape=(3,),
        outputs=2,
        low=0.0,
        high=1000.0,
        counts={"test": 60},
    )
    context = make_context(
        "adversarial",
        Tilted().eval(),
        data,
        task,
        tmp_path,
        attacks=("pgd",),
        epsilons=(0.1, 0.2),
    )
    found = measure(context, "adversarial")
    score = rows[:, 0] + rows[:, 1] / 1000
    for epsilon in (0.1, 0.2):  # two features, each by a share of its own range
        exact = ((score - 1).abs() > 2 * epsilon).float().mean().item()
        robust = one(found, "robust_accuracy", attack="pgd", epsilon=epsilon).value
        assert robust == pytest.approx(exact, abs=1 / 59)


class Coarse(nn.Module):
    """A model that favours its first class where it computes in bfloat16."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        bias = 3.0 if torch.is_autocast_enabled("cpu") else 0.0
        logits = self.inner(inputs).float()
        return logits + bias * nn.functional.one_hot(torch.tensor(0), logits.shape[1])


def test_what_fools_in_low_precision_must_fool_in_the_suite_s(images, classifier):
    model = Coarse(classifier).eval()
    options = AdversarialOptions(precision="bf16")
    context = images("adversarial", model=model)
    examples = image_examples()
    chosen = context.choose("attack", "pgd")
    remaining = {}
    with attacked_model(context, find_space(context), options, model) as attacked:
        right = attacked.correct(examples.inputs, examples.targets)
        given = (examples.inputs[right], examples.targets[right], examples.ids[right])
        assert attacked.lowered
        for lowered in (True, False):
            one_of = replace(attacked, lowered=lowered)
            perturbed = one_of.attack(chosen, attacked.budget("linf", 0.1), *given)
            remaining[lowered] = int(one_of.correct(perturbed, given[1]).sum())
    metrics = measure(images("adversarial", epsilons=(0.1,)), "adversarial")
    plain = one(metrics, "robust_accuracy", attack="pgd")
    assert remaining[True] <= plain.value * plain.n + 6  # not far from the attack in float32
    assert remaining[False] > remaining[True] + 6  # who believed bfloat16 stopped too early


@pytest.mark.parametrize(
    ("suite", "attacks", "folds"),
    [
        ("fp32", "suite", True),
        ("bf16", "suite", False),
        ("fp32", "bf16", True),  # the model judges
        ("bf16", "fp32", True),
    ],
)
def test_norms_are_folded_where_rounding_is_fine_or_the_model_judges(
    images, classifier, suite, attacks, folds
):
    context = replace(images("adversarial", model=classifier), precision=suite)
    options = AdversarialOptions(precision=attacks)
    with attacked_model(context, find_space(context), options, classifier) as attacked:
        assert (attacked.twins is not None) is folds


@pytest.mark.slow
def test_a_compiled_model_is_attacked_alike(images):
    """A dense network, which takes half as long to compile as one that convolves; some examples withstand."""
    dense = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 3))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        dense = train(dense, image_examples(90), nn.functional.cross_entropy)

    def robust(**options: object) -> float:
        context = images("adversarial", dense, epsilons=(0.1,), examples=60, **options)
        return one(measure(context, "adversarial"), "robust_accuracy", attack="pgd").value

    plain = robust()
    assert 0.1 < plain < 0.9
    assert robust(compile=True) == pytest.approx(plain, abs=0.02)


def test_a_compiler_that_fails_is_a_reason_to_skip(measure_images, monkeypatch):
    def refuse(model, dynamic):
        def call(inputs):
            raise RuntimeError("InvalidCxxCompiler: no working C++ compiler")

        return call

    monkeypatch.setattr("harness_attacked.attacked_model.compile_model", refuse)
    with pytest.raises(NotApplicable, match="torch.compile fails here.*no working"):
        measure_images("adversarial", attacks=("sign",), compile=True)
