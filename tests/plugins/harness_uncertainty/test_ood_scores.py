"""Scores of logits and features against scikit-learn and the definitions, a line at a time."""

import numpy as np
import pytest
import torch
from calibrated_cases import softmax
from scipy.stats import entropy as scipy_entropy
from sklearn.covariance import EmpiricalCovariance
from sklearn.neighbors import NearestNeighbors
from torch import nn

from harness_uncertainty.feature_scores import Known, knn, mahalanobis, vim
from harness_uncertainty.odin import perturbed_logits
from harness_uncertainty.ood_scores import energy, entropy, max_logit, msp

DRAWS = np.random.default_rng(0)
LOGITS = 3 * DRAWS.normal(size=(40, 4))


def known(n=120, size=6, classes=3):
    draws = np.random.default_rng(1)
    labels = np.arange(n) % classes
    features = draws.normal(size=(n, size)) @ draws.normal(size=(size, size))
    features += 2 * draws.normal(size=(classes, size))[labels]
    weight, bias = draws.normal(size=(classes, size)), draws.normal(size=classes)
    return Known(features, features @ weight.T + bias, labels, weight, bias)


def test_scores_of_logits_are_those_of_the_definitions():
    p = softmax(LOGITS)
    assert 1 / (1 + np.exp(-msp(LOGITS))) == pytest.approx(p.max(axis=1))
    assert max_logit(LOGITS) == pytest.approx(LOGITS.max(axis=1))
    assert energy(LOGITS) == pytest.approx(np.log(np.exp(LOGITS).sum(axis=1)))
    assert -entropy(LOGITS) == pytest.approx(scipy_entropy(p, axis=1))


def test_probabilities_that_are_1_in_floating_point_are_told_apart():
    sure, surer = msp(np.array([[60.0, 0.0, 0.0], [80.0, 0.0, 0.0]]))
    assert surer > sure and (softmax(np.array([[60.0, 0, 0], [80.0, 0, 0]])).max(axis=1) == 1).all()


def test_mahalanobis_is_scikit_learns_distance_to_the_nearest_class():
    one = known()
    new = 3 * np.random.default_rng(2).normal(size=(25, 6))
    means = [one.features[one.labels == k].mean(axis=0) for k in range(3)]
    centred = np.concatenate([one.features[one.labels == k] - means[k] for k in range(3)])
    covariance = EmpiricalCovariance(assume_centered=True).fit(centred)
    expected = -np.min([covariance.mahalanobis(new - mean) for mean in means], axis=0)
    assert mahalanobis(one)(new, new) == pytest.approx(expected)


def test_mahalanobis_leaves_out_units_that_are_dead():
    one = known()
    dead = Known(
        np.pad(one.features, ((0, 0), (0, 2))), one.logits, one.labels, one.weight, one.bias
    )
    new = np.random.default_rng(2).normal(size=(25, 6))
    assert mahalanobis(dead)(np.pad(new, ((0, 0), (0, 2))), new) == pytest.approx(
        mahalanobis(one)(new, new)
    )


@pytest.mark.parametrize("k", [1, 7, 500])
def test_knn_is_scikit_learns_distance_of_normed_features(k):
    one = known()
    new = np.random.default_rng(2).normal(size=(25, 6))
    bank = one.features / np.linalg.norm(one.features, axis=1, keepdims=True)
    neighbours = NearestNeighbors(n_neighbors=min(k, 120)).fit(bank)
    distances, _ = neighbours.kneighbors(new / np.linalg.norm(new, axis=1, keepdims=True))
    assert knn(one, k)(new, new) == pytest.approx(-distances[:, -1], abs=1e-7)


def test_vim_is_that_of_the_definition():
    one = known()
    new = np.random.default_rng(2).normal(size=(25, 6))
    logits = new @ one.weight.T + one.bias
    origin = -np.linalg.lstsq(one.weight, one.bias, rcond=None)[0]
    principal = np.linalg.svd(one.features - origin, full_matrices=True)[2][:3]  # half of 6
    outside = np.eye(6) - principal.T @ principal
    alpha = (
        one.logits.max(axis=1).sum()
        / np.linalg.norm((one.features - origin) @ outside, axis=1).sum()
    )
    virtual = alpha * np.linalg.norm((new - origin) @ outside, axis=1)
    expected = np.log(np.exp(logits).sum(axis=1)) - virtual
    assert vim(one)(new, logits) == pytest.approx(expected)


def test_odin_moves_a_linear_model_s_inputs_up_its_confidence():
    """For two classes the gradient of log S has the sign of w_winner - w_loser."""
    model = nn.Linear(3, 2).double()
    inputs = torch.randn(20, 3, dtype=torch.float64)
    logits = model(inputs)
    winner = logits.argmax(1)
    direction = (model.weight[winner] - model.weight[1 - winner]).sign()
    expected = model(inputs + 0.1 * direction).float() / 1000
    found = perturbed_logits(model, inputs, 0.1)
    assert torch.allclose(found, expected) and not found.requires_grad
    assert model.weight.grad is None
    assert (msp(found.numpy()) > msp(logits.detach().numpy() / 1000)).all()
