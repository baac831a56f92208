"""The latency of scikit-learn's boosted trees: what is timed, and under which name it stands beside models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from measure_cases import make_context, measure, named, table_examples, table_task
from torch import nn

from harness.api import NotApplicable


def test_it_is_a_row_of_that_name_with_percentiles_by_batch_size(tmp_path: Path) -> None:
    data = table_examples()
    task = replace(table_task(), counts={"train": len(data), "test": len(data)})
    options = {"batch_sizes": (1, 3000), "seconds": 0.05}
    context = make_context("tree_latency", nn.Identity(), data, task, tmp_path, **options)
    found = measure(replace(context, split=lambda name: data), "tree_latency")
    few, many = named(found, "latency_p50")
    assert few.where.items() >= {"architecture": "boosted trees", "batch_size": 1}.items()
    assert many.where["batch_size"] == 3000 and many.value > few.value > 0
    assert few.unit == "s" and few.n >= 7
    with np.load(tmp_path / "samples.npz") as samples:
        assert np.median(samples["batch_1"]) == pytest.approx(few.value)


def test_without_training_examples_it_does_not_apply(tmp_path: Path) -> None:
    task = replace(table_task(), counts={"train": 0, "test": 10})
    context = make_context("tree_latency", nn.Identity(), table_examples(), task, tmp_path)
    with pytest.raises(NotApplicable, match="no training examples"):
        measure(context, "tree_latency")
