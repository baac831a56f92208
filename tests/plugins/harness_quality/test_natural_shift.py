"""Accuracy on other data sets of the same classes: hand-computed, and whole runs of published forms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from here_engine import run_here
from measure_cases import InMemory, image_task, make_context, measure, named, one
from shift_files import cifar, imagenet, imagenet_c, pictures
from torch import nn

from harness.api.measuring import OtherData, OtherPart, change_interval, difference_interval, wilson
from harness.catalogue.finding import read_findings
from harness_quality.intervals import clustered_wilson

N = 40


class AsWritten(nn.Module):
    """Logits that stand in the first pixels."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs[:, 0, 0, :5]


def written(answers: list[int], targets: list[int], ids: list[int], second: int = -1) -> InMemory:
    """Examples that are answered so; `second` is what all answer where they may not answer that."""
    inputs = torch.zeros(len(answers), 1, 6, 6)
    inputs[torch.arange(len(answers)), 0, 0, torch.tensor(answers)] = 2.0
    if second >= 0:
        inputs[:, 0, 0, second] += 1.0
    return InMemory(inputs, torch.tensor(targets), torch.tensor(ids))


@dataclass
class Setting:
    folder: Path

    def measure(self, clean: InMemory, others: dict[str, OtherData], **options):
        task = replace(image_task(), outputs=5)
        names = tuple(others)
        context = make_context(
            "natural_shift", AsWritten(), clean, task, self.folder, datasets=names, **options
        )
        return measure(replace(context, other=others.__getitem__), "natural_shift")


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def other(*parts: tuple[dict, InMemory], classes, paired=False, note="") -> OtherData:
    return OtherData(tuple(OtherPart(*part) for part in parts), classes, paired, note)


def test_clean_accuracy_is_of_the_same_classes_with_the_same_choice(setting):
    # Classes 0 and 1 are shifted; class 4, which is none of them, takes half of the answers on both sides.
    clean = written([0, 4, 1, 0, 2, 3], [0, 0, 1, 1, 2, 3], [1, 2, 3, 4, 5, 6], second=0)
    shifted = written([4, 1, 1], [0, 0, 1], [7, 8, 9], second=0)
    sets = {"s": other(({}, shifted), classes=((0,), (1,), (2,)))}
    found = setting.measure(clean, sets)
    assert (
        one(found, "clean_subset_accuracy").value == 3 / 4
    )  # the second answers 0 where 4 may not be
    assert one(found, "natural_accuracy", against="s").value == pytest.approx(2 / 3)
    (setting.folder / "examples.npz").unlink()
    among_all = setting.measure(clean, sets, among="all")
    assert one(among_all, "clean_subset_accuracy").value == 2 / 4
    assert one(among_all, "natural_accuracy").value == pytest.approx(1 / 3)


def test_a_class_that_stands_for_several_is_right_with_each(setting):
    clean = written([0, 1, 2, 3], [0, 0, 1, 2], [1, 2, 3, 4])
    shifted = written([0, 1, 2], [0, 0, 1], [5, 6, 7])
    found = setting.measure(clean, {"s": other(({}, shifted), classes=((0, 1), (2, 3)))})
    assert one(found, "natural_accuracy").value == 1.0
    assert one(found, "clean_subset_accuracy").value == 3 / 4


def test_one_that_is_paired_has_the_paired_interval_and_others_have_not(setting):
    answers = [0] * 30 + [1] * 10
    clean = written(answers, [0] * N, list(range(N)))
    shifted = written([0] * 24 + [1] * 16, [0] * N, list(range(N)))
    sets = {
        name: other(({}, shifted), classes=((0,), (1,)), paired=name == "pairs")
        for name in ("pairs", "others")
    }
    # Of two classes only one has examples: the model may choose among all that are shifted or not.
    found = setting.measure(clean, sets, among="all")
    before, after = np.arange(N) < 30, np.arange(N) < 24
    for name, words, ends in (
        ("pairs", "paired", change_interval(before, after)),
        ("others", "unpaired", difference_interval((0.75, *wilson(0.75, N)), (0.6, *wilson(0.6, N)))),
    ):  # fmt: skip
        metric = one(found, "natural_change", against=name)
        assert (metric.value, metric.low, metric.high) == pytest.approx([100 * e for e in ends])
        assert metric.where["compared"] == words
    pair, apart = (one(found, "natural_change", against=name) for name in sets)
    assert pair.high - pair.low < apart.high - apart.low
    mean = one(found, "mean_natural_accuracy")
    assert mean.value == pytest.approx(0.6) and mean.n == 2 * N and mean.examples == ()


def test_of_parts_the_mean_is_told_and_each(setting):
    clean = written([0] * N, [0] * N, list(range(N)))
    parts = [
        ({"shift": "fog", "severity": s}, written([0] * (N - k) + [1] * k, [0] * N, list(range(N))))
        for s, k in ((1, 4), (5, 20))
    ]
    sets = {"c": other(*parts, classes=((0,), (1,)), paired=True)}
    found = setting.measure(clean, sets, among="all")
    assert one(found, "natural_accuracy").value == pytest.approx(28 / N)
    assert one(found, "natural_part_accuracy", severity=5).value == 0.5
    change = one(found, "natural_change")
    right = np.stack([np.arange(N) < N - k for k in (4, 20)])
    before = 1.0, *wilson(1.0, N)  # the same for all: nothing goes along with it
    ends = difference_interval(before, clustered_wilson(right))
    assert (change.value, change.low, change.high) == pytest.approx([100 * e for e in ends])
    kept = np.load(setting.folder / "examples.npz")
    assert one(found, "mean_natural_accuracy").examples == ("correct_0", "correct_1")
    assert [kept[name].sum() for name in ("correct_0", "correct_1")] == [36, 20]


def test_of_parts_that_change_no_verdict_the_change_has_an_interval_yet(setting):
    answers = [0] * 30 + [1] * 10
    clean = written(answers, [0] * N, list(range(N)))
    parts = [({"severity": s}, written(answers, [0] * N, list(range(N)))) for s in (1, 2, 3)]
    sets = {"c": other(*parts, classes=((0,), (1,)), paired=True)}
    change = one(setting.measure(clean, sets, among="all"), "natural_change")
    assert change.value == 0.0 and change.low < -1 and change.high > 1


def test_why_it_is_unpaired_and_why_it_has_no_figures_are_findings(setting):
    clean = written([0, 1], [0, 1], [1, 2])
    shifted = written([2, 3], [0, 1], [3, 4])
    sets = {
        "odd": other(({}, shifted), classes=((0,), (1,)), note="2 of 2 labels differ"),
        "elsewhere": other(({}, shifted), classes=((2,), (3,))),
        "alone": other(({}, written([2, 3], [0, 0], [5, 6])), classes=((0,), (1,))),
    }
    found = setting.measure(clean, sets)
    told = [(finding.code, finding.sentence) for finding in read_findings(setting.folder)]
    not_judged = [sentence for code, sentence in told if code == "shift-not-judged"]
    assert dict(told)["shift-unpaired"].endswith("unpaired: 2 of 2 labels differ.")
    assert not_judged == [
        "elsewhere has no figures: no test example is of a class of elsewhere.",
        (
            "alone has no figures: all examples of alone are of one class, and a model that chooses among the classes of "
            "which it has examples would always be right."
        ),
    ]
    assert {m.where["against"] for m in named(found, "natural_accuracy")} == {"odd"}


def suite(data: str, *others: str) -> dict[str, object]:
    return {
        "suite": {"name": "n"},
        "matrix": {"architectures": ["mlp"], "datasets": [data], "floors": False},
        "recipes": {"plain": {"epochs": 1}},
        "measure": [{"name": "natural_shift", "datasets": list(others)}],
    }


@pytest.mark.slow
def test_a_run_on_cifars_shifts(tmp_path):
    data = f"npz:path={cifar(tmp_path)}"
    names = f"cifar10_c:path={tmp_path / 'CIFAR-10-C'}", f"cifar10_1:path={tmp_path / 'CIFAR-10.1'}"
    report = run_here(suite(data, *names), store=tmp_path / "store").summary
    [row] = report.rows
    assert "natural_shift/mean_natural_accuracy" in row.figures
    grids = {chart.title: chart for chart in report.charts}
    assert grids["Accuracy under natural shift"].columns == names
    by_part = grids[f"Accuracy under natural shift by part, {names[0]}"]
    assert by_part.columns == ("1", "2", "3", "4", "5")


@pytest.mark.slow
def test_a_run_on_imagenets_shifts_whose_folders_have_other_names(tmp_path):
    root = imagenet(tmp_path)
    sketches = pictures(tmp_path / "sketch", ("goldfish, Carassius auratus", "Analog clock"))
    places = pictures(tmp_path / "v2", ("0", "1", "409", "530"))
    names = [
        f"imagenet_c:path={imagenet_c(tmp_path, root / 'val')}",
        f"shifted_folder:path={sketches}",
        f"shifted_folder:path={places}",
    ]
    report = run_here(
        suite(f"imagefolder:path={root},size=8", *names), store=tmp_path / "s"
    ).summary
    grids = {chart.title: chart for chart in report.charts}
    assert len(grids["Change of accuracy under natural shift, points"].columns) == 3
    [finding] = [one for one in report.findings if "unpaired" in str(one)] or [None]
    assert finding is None
