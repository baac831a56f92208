"""Accuracy by groups of a column, and of the worst group: by hand, and in whole runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
import torch
from here_command import call_here
from here_engine import run_here
from measure_cases import InMemory, image_task, make_context, measure, named, one
from torch import nn

from harness.api.measuring import wilson
from harness.catalogue.finding import read_findings


class ByPixel(nn.Module):
    """The first pixel is the answer."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        answer = (inputs[:, 0, 0, 0] * 10).round().long()
        return nn.functional.one_hot(answer, 4).float()


HOSPITAL = ["north"] * 10 + ["south"] * 20 + ["west"] * 4
RIGHT = [True] * 9 + [False] + [True] * 10 + [False] * 10 + [True] * 4
TARGETS = [0, 1] * 17


def found_of(folder: Path, words=tuple(HOSPITAL), **options):
    answers = [t if right else 2 for t, right in zip(TARGETS, RIGHT, strict=True)]
    inputs = torch.zeros(len(answers), 1, 6, 6)
    inputs[:, 0, 0, 0] = torch.tensor(answers) / 10
    ids = torch.arange(len(answers)).flip(0)  # words come in the order of the ids
    data = InMemory(inputs, torch.tensor(TARGETS), ids)
    task = replace(image_task(), outputs=4, class_names=("ant", "bee", "cat", "dog"))
    context = make_context("by_group", ByPixel(), data, task, folder, column="hospital", **options)
    column = np.array(words[::-1])
    return measure(replace(context, column=lambda *asked: column), "by_group")


def test_each_group_has_its_own_share_and_the_worst_an_interval_that_holds_for_all(tmp_path):
    found = found_of(tmp_path)
    shares = {m.where["subgroup"]: (m.value, m.n) for m in named(found, "group_accuracy")}
    assert shares == {"north": (0.9, 10), "south": (0.5, 20), "west": (1.0, 4)}
    worst = one(found, "worst_group_accuracy")
    quantile = NormalDist().inv_cdf(1 - 0.05 / 6)
    assert (worst.value, worst.n) == (0.5, 20)
    assert worst.low == pytest.approx(wilson(0.5, 20, quantile)[0])
    assert worst.high == pytest.approx(wilson(0.5, 20, quantile)[1])
    gap = one(found, "group_gap")
    assert gap.value == pytest.approx(100 * (0.5 - 13 / 14)) and gap.high < 0
    (finding,) = read_findings(tmp_path) or ()
    assert "1 with fewer than 5 test examples: 'west'" in finding.sentence


def test_groups_that_are_numbers_come_in_their_order(tmp_path):
    rooms = {"north": "10", "south": "9", "west": "2"}
    found = found_of(tmp_path, words=tuple(rooms[word] for word in HOSPITAL))
    assert [m.where["subgroup"] for m in named(found, "group_accuracy")] == ["2", "9", "10"]


def test_a_group_may_be_a_value_and_a_class(tmp_path):
    found = found_of(tmp_path, by_class=True, most=2)
    assert [m.where["subgroup"] for m in named(found, "group_accuracy")] == [
        "south, ant",
        "south, bee",
    ]
    assert one(found, "worst_group_accuracy").value == 0.5


def write_table(folder: Path) -> Path:
    draws = np.random.default_rng(0)
    lines = [f"{k % 2 + draws.normal(0, 0.3):.3f},{'ab'[k // 40 % 2]},{k % 2}" for k in range(160)]
    path = folder / "t.csv"
    path.write_text("x,ward,sick\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.slow
def test_a_run_on_a_table_whose_parts_are_trained_and_tested_on(tmp_path):
    data = f"table:path={write_table(tmp_path)},part=ward,test_parts=[b]"
    suite = {
        "suite": {"name": "g"},
        "matrix": {"architectures": ["mlp"], "datasets": [data], "floors": False},
        "recipes": {"plain": {"epochs": 2}},
        "measure": [{"name": "by_group", "column": "ward"}],
    }
    report = run_here(suite, store=tmp_path / "s").summary
    (grid,) = (chart for chart in report.charts if chart.title == "Accuracy by group of ward")
    assert grid.columns == ("b",)
    assert report.rows[0].figures["by_group/worst_group_accuracy"].n == 80


def test_a_column_that_no_data_has_is_refused_before_anything_runs(tmp_path):
    path = write_table(tmp_path)
    said = call_here(
        tmp_path, "plan", "-a", "mlp", "-d", str(path), "--measure", "by_group:column=wardd"
    )
    assert said.returncode == 2 and "has no column 'wardd'; did you mean 'ward'?" in said.stderr
    said = call_here(
        tmp_path, "plan", "-a", "mlp", "-d", "digits", "--measure", "by_group:column=x"
    )
    assert said.returncode == 2 and "digits has no column 'x'" in said.stderr
