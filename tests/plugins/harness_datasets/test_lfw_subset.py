"""The faces are those of scikit-image, and as easily told from background as is known."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score

from harness.api import NotApplicable
from harness_datasets import lfw_subset, scikit_image_files


def test_a_linear_model_tells_faces():
    pytest.importorskip("skimage")
    data = lfw_subset.load()
    assert data.inputs.shape == (200, 1, 25, 25) and data.inputs.dtype == np.float32
    assert (data.inputs.min(), data.inputs.max()) == (0, 1)
    assert np.bincount(data.targets).tolist() == [100, 100] and data.targets[0] == 1
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model, pixels = LogisticRegression(max_iter=1000), data.inputs.reshape(200, -1)
    assert cross_val_score(model, pixels, data.targets, cv=folds).mean() == pytest.approx(
        0.96, abs=0.02
    )


def test_without_scikit_image_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(scikit_image_files, "find_spec", lambda name: None)
    with pytest.raises(NotApplicable, match=r"pip install 'model-harness\[data\]'"):
        lfw_subset.load()
