"""The curve of a regression on one number: the model's answers where they are asked, the targets where examples are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import InMemory, make_context, measure, table_examples, table_task
from torch import nn

from harness.api import MeasureContext, Task
from harness_quality.evaluate import regress
from harness_quality.fitted_curve import POINTS, fitted_curve


class Square(nn.Module):
    """x^2, of the first feature ``(batch, features)``."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs[:, :1] ** 2


def context_of(x: list[float], targets: list[float], task: Task, folder) -> MeasureContext:
    data = InMemory(torch.tensor(x)[:, None], torch.tensor(targets), torch.tensor([7, 3, 5]))
    return make_context("accuracy", Square(), data, task, folder)


def one_feature(**changes: object) -> Task:
    task = replace(table_task(), input_shape=(1,), mean=(0.0,), std=(1.0,), feature_names=("dose",))
    return replace(task, **changes)


def curve(context: MeasureContext):
    return fitted_curve(context, regress(context, context.split("test"), 2))


def test_the_lines_are_the_answers_and_what_joins_the_targets(tmp_path):
    sheet = curve(context_of([1.0, 0.0, 0.5], [2.0, 0.0, 3.0], one_feature(), tmp_path))
    [example] = sheet.examples
    [trace] = example.traces
    grid = np.linspace(0, 1, POINTS)
    joined = np.where(grid < 0.5, 6 * grid, 3 - 2 * (grid - 0.5))
    np.testing.assert_allclose(trace.lines["test targets, joined"], joined, atol=1e-12)
    np.testing.assert_allclose(trace.lines["model"], grid**2, atol=1e-6)
    assert (trace.title, trace.steps) == ("over dose from 0 to 1", POINTS)
    assert [pane.title for pane in example.panes] == list(trace.lines)


def test_what_was_subtracted_from_columns_is_added_again(tmp_path):
    task = one_feature(offset=(100.0,), target_offset=10.0)
    sheet = curve(context_of([1.0, 0.0, 0.5], [2.0, 0.0, 3.0], task, tmp_path))
    [trace] = sheet.examples[0].traces
    assert trace.title == "over dose from 100 to 101"
    assert trace.lines["model"][-1] == pytest.approx(11)
    assert trace.lines["test targets, joined"][-1] == pytest.approx(12)


@pytest.mark.parametrize("x", [[0.5, 0.5, 0.5], [0.0, 1.0, float("inf")]])
def test_without_a_range_or_with_answers_that_are_not_finite_there_is_none(tmp_path, x):
    assert curve(context_of(x, [2.0, 0.0, 3.0], one_feature(), tmp_path)) is None


def test_of_several_features_there_is_none(tmp_path):
    context = make_context("accuracy", Square(), table_examples(), table_task(), tmp_path)
    assert curve(context) is None


def test_accuracy_keeps_it(tmp_path):
    measure(context_of([1.0, 0.0, 0.5], [2.0, 0.0, 3.0], one_feature(), tmp_path), "accuracy")
    assert (tmp_path / "gallery.json").exists()
