"""The measure of floors: which it takes, what it keeps, and where it has nothing to learn from."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import InMemory, image_examples, measure, one, table_examples

from harness.api import NotApplicable
from harness_quality.floors import MOST_WEIGHTS, SIDE


def named(found, name):
    (metric,) = [one for one in found if one.where == {"architecture": name}]
    return metric


def with_train(context, examples, **task):
    counts = {"train": len(examples), "test": len(examples)}
    changed = replace(context.task, counts=counts, **task)
    return replace(context, task=changed, split=lambda name: examples)


def test_floors_of_images(images, tmp_path):
    examples = image_examples()
    found = measure(with_train(images("floors"), examples), "floors")
    assert [metric.where["architecture"] for metric in found] == ["constant", "linear"]
    assert named(found, "constant").value == pytest.approx(1 / 3)
    line = named(found, "linear")
    assert line.name == "accuracy" and line.value > 0.95 and line.low < line.value and line.n == 120
    kept = np.load(tmp_path / "examples.npz")
    assert np.array_equal(kept["ids"], examples.ids.sort().values)
    assert kept["correct_linear"].mean() == line.value and line.examples == ("correct_linear",)
    wanted = examples.targets[examples.ids.argsort()].numpy()
    assert np.array_equal(
        kept["correct_constant"], wanted == 0
    )  # the first of equally frequent ones


def test_floors_of_a_table_with_numbers_to_tell(tables, tmp_path):
    found = measure(with_train(tables("floors"), table_examples()), "floors")
    names = [metric.where["architecture"] for metric in found]
    assert names == ["constant", "linear", "boosted trees"] and {m.name for m in found} == {"r2"}
    assert named(found, "constant").value == pytest.approx(0.0)
    assert named(found, "linear").value > 0.85
    kept = np.load(tmp_path / "examples.npz")
    assert set(kept.files) == {"ids", "error_constant", "error_linear", "error_boosted_trees"}


def test_some_floors_alone(tables):
    found = measure(with_train(tables("floors", models=["linear"]), table_examples()), "floors")
    assert one(found, "r2").where == {"architecture": "linear"}


def test_large_pictures_are_averaged_and_a_linear_model_of_too_many_weights_is_left_out(images):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand((6, 3, 4 * SIDE, 2 * SIDE), generator=generator)
    examples = InMemory(inputs, torch.arange(6) % 2, torch.arange(6))
    context = with_train(images("floors"), examples, input_shape=(3, 128, 64), outputs=2)
    assert len(measure(context, "floors")) == 2
    many = MOST_WEIGHTS // (3 * SIDE * SIDE) + 1
    context = with_train(images("floors"), examples, input_shape=(3, 128, 64), outputs=many)
    assert one(measure(context, "floors"), "accuracy").where == {"architecture": "constant"}


def test_nothing_to_learn_from(images):
    with pytest.raises(NotApplicable, match="no training examples"):
        measure(with_train(images("floors"), _none()), "floors")


def _none() -> InMemory:
    empty = image_examples()
    return InMemory(empty.inputs[:0], empty.targets[:0], empty.ids[:0])
