"""Figures of confidence and detection beside those of torchmetrics, MAPIE and pytorch-ood, on the same numbers.

Run it as `python tests/evidence/uncertainty_peers.py` where these are installed (the extra `evidence`).
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin

from harness.api import import_torchvision
from harness_uncertainty.bins import equal_width
from harness_uncertainty.calibration_error import calibration_error
from harness_uncertainty.conformal import lac_scores, raps_scores, threshold
from harness_uncertainty.feature_scores import Known, knn, mahalanobis, vim
from harness_uncertainty.odin import TEMPERATURE, perturbed_logits
from harness_uncertainty.ood_rates import RATES, rate
from harness_uncertainty.ood_scores import energy, entropy, max_logit
from harness_uncertainty.predictions import Predictions

EXAMPLES, CLASSES, CALIBRATED = 3000, 5, 500


class OfLogits(ClassifierMixin, BaseEstimator):
    """A classifier whose inputs are logits."""

    def fit(self, inputs: np.ndarray, targets: np.ndarray) -> OfLogits:
        """Learn nothing."""
        self.classes_ = np.arange(CLASSES)
        return self

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        """Return the softmax."""
        return Predictions.of(inputs, np.zeros(len(inputs), dtype=int)).probabilities

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Return the class of the largest logit."""
        return inputs.argmax(axis=1)


def say(what: str, difference: float) -> None:
    """Print the largest difference of a figure."""
    print(f"| {what} | {difference:.1e} |")


def compare_calibration(logits: np.ndarray, labels: np.ndarray) -> None:
    """ECE beside torchmetrics' and LAC sets beside MAPIE's."""
    from mapie.classification import SplitConformalClassifier
    from torchmetrics.functional.classification import multiclass_calibration_error

    found = Predictions.of(logits, labels)
    correct = found.correct.astype(float)
    ours = calibration_error(found.confidence, correct, equal_width(found.confidence)).value
    tensors = torch.tensor(found.probabilities), torch.tensor(labels)
    theirs = multiclass_calibration_error(*tensors, num_classes=CLASSES, n_bins=15)
    say("ECE, torchmetrics", abs(float(theirs) - ours))
    first, rest = slice(0, CALIBRATED), slice(CALIBRATED, None)
    peer = SplitConformalClassifier(
        estimator=OfLogits().fit(logits, labels),
        confidence_level=0.9,
        conformity_score="lac",
        prefit=True,
    )
    sets = peer.conformalize(logits[first], labels[first]).predict_set(logits[rest])[1][:, :, 0]
    scores = lac_scores(found.probabilities)
    limit = threshold(scores[np.arange(CALIBRATED), labels[first]], 0.1)
    say("LAC sets, MAPIE: share that differs", float((sets != (scores[rest] <= limit)).mean()))
    say(
        "RAPS scores of labels that are not randomised, MAPIE",
        _raps_apart(found.probabilities, labels),
    )


def _raps_apart(probabilities: np.ndarray, labels: np.ndarray) -> float:
    from mapie.conformity_scores import RAPSConformityScore

    n, classes = probabilities.shape
    peer = RAPSConformityScore()
    cumulated, ranks = peer.get_true_label_cumsum_proba(labels, probabilities, np.arange(classes))
    apart = 0.0
    for free, penalty in ((5, 0.01), (2, 0.1)):
        theirs = peer._regularize_conformity_score(
            np.array([free]), penalty, cumulated.copy(), ranks
        )
        ours = raps_scores(probabilities, np.ones(n), free, penalty)[np.arange(n), labels]
        apart = max(apart, float(np.abs(theirs[:, 0, 0] - ours).max()))
    return apart


def compare_detection(logits: np.ndarray) -> None:
    """Scores and rates beside pytorch-ood's."""
    from pytorch_ood.detector import KNN, ODIN, EnergyBased, Entropy, Mahalanobis, MaxLogit, ViM
    from pytorch_ood.metrics import OODMetrics

    tensor = torch.tensor(logits)
    for peer, ours in ((EnergyBased, energy), (Entropy, entropy), (MaxLogit, max_logit)):
        theirs = -peer.score(tensor).numpy()
        say(f"{ours.__name__}, pytorch-ood", float(np.abs(theirs - ours(logits)).max()))
    draws = np.random.default_rng(1)
    labels = np.arange(600) % 3
    features = draws.normal(size=(600, 20)) @ draws.normal(size=(20, 20))
    features += 2 * draws.normal(size=(3, 20))[labels]
    weight, bias = draws.normal(size=(3, 20)), draws.normal(size=3)
    known = Known(features, features @ weight.T + bias, labels, weight, bias)
    new = 3 * draws.normal(size=(50, 20))
    peers = (
        ("vim", ViM(_same, 10, torch.tensor(weight), torch.tensor(bias)), vim(known)),
        ("knn", KNN(_same, k=5), knn(known, 5)),
        ("mahalanobis, up to a factor", Mahalanobis(_same), mahalanobis(known)),
    )
    for name, peer, ours in peers:
        peer.fit_features(torch.tensor(features).float(), torch.tensor(labels))
        theirs = -np.asarray(peer.predict_features(torch.tensor(new).float()))
        mine = ours(new, new @ weight.T + bias)
        factor = float(mine @ theirs / (theirs @ theirs)) if "factor" in name else 1.0
        say(
            f"{name}, pytorch-ood, of the largest",
            float(np.abs(factor * theirs - mine).max() / np.abs(mine).max()),
        )
    net, inputs = torch.nn.Linear(6, 4).double(), torch.tensor(new[:, :6])
    theirs = -ODIN(net, eps=0.05, temperature=TEMPERATURE).predict(inputs).detach().numpy()
    mine = perturbed_logits(net, inputs, 0.05).softmax(1).amax(1).numpy()
    say("odin, pytorch-ood", float(np.abs(theirs - mine).max()))
    inside, outside = draws.normal(1, 1, 300), draws.normal(0, 1, 200)
    metrics = OODMetrics()
    targets = torch.tensor(np.repeat([0, -1], [300, 200]))
    metrics.update(torch.tensor(-np.concatenate([inside, outside])), targets)
    ours = dict(zip(RATES, rate(inside, outside).values, strict=True))
    say("AUROC, pytorch-ood", abs(metrics.compute()["AUROC"] - ours["auroc"]))


def _same(inputs: torch.Tensor) -> torch.Tensor:
    return inputs


def main() -> None:
    """Print a row for each figure."""
    import_torchvision()
    warnings.simplefilter("ignore")
    draws = np.random.default_rng(0)
    logits = 3 * draws.normal(size=(EXAMPLES, CLASSES))
    chosen = Predictions.of(logits / 2, np.zeros(EXAMPLES, dtype=int)).probabilities.cumsum(axis=1)
    labels = (chosen > draws.random((EXAMPLES, 1))).argmax(axis=1)
    print("| figure | largest difference |\n| --- | --- |")
    compare_calibration(logits, labels)
    compare_detection(logits)


if __name__ == "__main__":
    main()
