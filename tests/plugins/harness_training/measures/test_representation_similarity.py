"""Linear CKA: its closed form, what it does not change under, and what it is of independent features."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import image_examples, image_task, make_context, measure, named, one, train
from torch import nn

from harness.api import FittedModel, NotApplicable
from harness.api.measuring import LeftOut
from harness_training.measures.representation_similarity import centred_gram, cka, debiased_cka

DRAWS = np.random.default_rng(0)
X, Y = DRAWS.normal(size=(60, 5)), DRAWS.normal(size=(60, 7))


def of(one, other):
    return cka(centred_gram(one), centred_gram(other))


def test_it_is_the_closed_form():
    """|Y'X|^2 / (|X'X| |Y'Y|) of centred features, Kornblith et al. 2019, equation 5."""
    x, y = X - X.mean(0), Y - Y.mean(0)
    norm = np.linalg.norm
    expected = norm(y.T @ x) ** 2 / (norm(x.T @ x) * norm(y.T @ y))
    assert of(X, Y) == pytest.approx(expected, rel=1e-12)
    one, other = np.array([[1.0], [2], [4]]), np.array([[1.0], [3], [2]])
    assert of(one, other) == pytest.approx(np.corrcoef(one[:, 0], other[:, 0])[0, 1] ** 2)


def test_rotations_scales_and_shifts_change_nothing():
    rotation, _ = np.linalg.qr(DRAWS.normal(size=(5, 5)))
    for changed in (X @ rotation, 3.7 * X, X + 10.0, -X):
        assert of(X, changed) == pytest.approx(1.0)
        assert of(changed, Y) == pytest.approx(of(X, Y))
        assert debiased_cka(changed, Y) == pytest.approx(debiased_cka(X, Y))
    assert of(X, X * np.array([1, 1, 1, 1, 30])) < 0.9  # but a scale of one feature does


def test_of_independent_features_the_debiased_one_is_about_0():
    pairs = [DRAWS.normal(size=(2, 40, 60)) for _ in range(200)]
    assert np.mean([of(*pair) for pair in pairs]) > 0.5
    debiased = [debiased_cka(*pair) for pair in pairs]
    assert abs(np.mean(debiased)) < 4 * np.std(debiased) / np.sqrt(len(debiased))
    assert debiased_cka(X, X) == pytest.approx(1.0)


class Turned(nn.Module):
    """The same network, its last features mirrored and its head with them."""

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.body, self.head = net[:3], nn.Linear(8, 3)
        with torch.no_grad():
            self.head.weight.copy_(-net[3].weight)
            self.head.bias.copy_(net[3].bias)

    def forward(self, x):
        return self.head(-self.body(x))


def fits(*models: nn.Module) -> tuple[FittedModel, ...]:
    return tuple(
        FittedModel(
            architecture=f"net{k}", recipe="", dataset="d", seed=0, load=lambda model=model: model
        )
        for k, model in enumerate(models)
    )


def test_models_are_compared_by_what_their_heads_are_given(tmp_path):
    torch.manual_seed(0)
    examples = image_examples()
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, 3))
    train(net, examples, nn.functional.cross_entropy)
    other = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Tanh(), nn.Linear(8, 3)).eval()
    context = make_context("representation_similarity", net, examples, image_task(), tmp_path)
    models = fits(net, Turned(net).eval(), other)
    found = measure(replace(context, fits=models), "representation_similarity")
    assert len(named(found, "cka")) == 9
    assert one(found, "cka", one_model="net0", other_model="net1").value == pytest.approx(1.0)
    assert one(found, "cka", one_model="net0", other_model="net2").value < 0.95
    mirrored = one(found, "cka", one_model="net2", other_model="net0").value
    assert mirrored == pytest.approx(one(found, "cka", one_model="net0", other_model="net2").value)


def test_models_without_a_linear_head_are_left_out(tmp_path):
    examples = image_examples()
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 3)).eval()
    bare = nn.Sequential(nn.Flatten(), nn.Linear(36, 3), nn.Tanh()).eval()
    context = make_context("representation_similarity", net, examples, image_task(), tmp_path)
    with pytest.warns(LeftOut, match="net1: no linear layer"), pytest.raises(NotApplicable):
        measure(replace(context, fits=fits(net, bare)), "representation_similarity")
