"""Accuracy under shifts, by severity and on average."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from here_engine import run_here
from measure_cases import image_examples, measure, named, one, table_examples
from pydantic import ValidationError

from harness.api import NotApplicable
from harness.api.measuring import call
from harness_quality import harness_register_measures
from harness_quality.imagenet_c import CORRUPTIONS
from harness_quality.options import ShiftOptions


def test_accuracy_by_shift_and_severity(measure_images, classifier, tmp_path):
    found = measure_images("shift", shifts=("darken", "jitter"), severities=(1, 5), batch_size=50)
    kept = np.load(tmp_path / "examples.npz")
    examples = image_examples()
    order = examples.ids.argsort()
    assert np.array_equal(kept["ids"], examples.ids[order])
    with torch.no_grad():
        answers = classifier(examples.inputs * (1 - 0.15 * 5)).argmax(1)
    expected = (answers == examples.targets)[order]
    assert np.array_equal(kept["correct_darken_5"], expected)
    dark = one(found, "shifted_accuracy", shift="darken", severity=5)
    assert dark.value == pytest.approx(float(expected.float().mean()))
    assert dark.low <= dark.value <= dark.high and dark.n == 120
    singles = named(found, "shifted_accuracy")
    mean = one(found, "mean_shifted_accuracy")
    assert len(singles) == 4 and len(found) == 5
    assert mean.value == pytest.approx(np.mean([metric.value for metric in singles]))
    assert mean.low < mean.value < mean.high and mean.n == 120 and mean.where == {}


def test_r2_by_shift_and_severity(measure_tables, regression, tmp_path):
    found = measure_tables("shift", shifts=("darken", "jitter"), severities=(1, 3))
    examples = table_examples()
    with torch.no_grad():
        prediction = regression(examples.inputs * (1 - 0.15 * 3))[:, 0]
    residual = ((examples.targets - prediction) ** 2).sum()
    total = ((examples.targets - examples.targets.mean()) ** 2).sum()
    dark = one(found, "shifted_r2", shift="darken", severity=3)
    assert dark.value == pytest.approx(float(1 - residual / total), rel=1e-4)
    assert dark.low < dark.value < dark.high
    mean = one(found, "mean_shifted_r2")
    values = [metric.value for metric in named(found, "shifted_r2")]
    assert mean.value == pytest.approx(np.mean(values))
    assert mean.low < mean.value < mean.high
    assert "error_jitter_1" in np.load(tmp_path / "examples.npz")


def test_the_mean_corruption_error_is_of_the_15_at_all_severities(images):
    def corrupted(shift: str, severity: int):
        examples = image_examples()
        wrong = torch.arange(120) < severity * (2 if shift in CORRUPTIONS else 20)
        return replace(
            examples, targets=torch.where(wrong, (examples.targets + 1) % 3, examples.targets)
        )

    given = {"shifts": (*CORRUPTIONS, "saturate"), "severities": (1, 2, 3, 4, 5)}
    clean = measure(replace(images("accuracy"), corrupted=corrupted), "accuracy")
    found = measure(replace(images("shift", **given), corrupted=corrupted), "shift")
    error = one(found, "mean_corruption_error")
    assert one(clean, "accuracy").value == 1.0
    assert error.value == pytest.approx(2 * 3 / 120) and error.n == 120
    assert error.low < error.value < error.high and len(error.examples) == 75
    saved = tuple(f"{name}:jpeg=85" for name in CORRUPTIONS)
    context = replace(images("shift", **given | {"shifts": saved}), corrupted=corrupted)
    assert one(measure(context, "shift"), "mean_corruption_error").value == pytest.approx(0.5)
    mixed = (*saved[:7], *CORRUPTIONS[7:])
    for fewer in (
        {"severities": (1, 2, 3, 4)},
        {"shifts": CORRUPTIONS[1:]},
        {"shifts": mixed},
    ):
        context = replace(images("shift", **(given | fewer)), corrupted=corrupted)
        assert not named(measure(context, "shift"), "mean_corruption_error")


def test_a_shift_of_other_data_is_left_out(measure_images):
    with pytest.warns(UserWarning, match="shift sideways is left out: sideways takes sequence"):
        found = measure_images("shift", shifts=("sideways", "darken"), severities=(1,))
    assert len(named(found, "shifted_accuracy")) == 1
    with pytest.raises(NotApplicable, match="sideways takes sequence"):
        measure_images("shift", shifts=("sideways",), severities=(1, 2))


def test_it_announces_what_it_reads():
    (item,) = [item for item in harness_register_measures() if item.name == "shift"]
    options = ShiftOptions(shifts=("a", "b"), severities=(2, 4))
    assert call(item.prepares, options=options) == [("a", 2), ("a", 4), ("b", 2), ("b", 4)]
    assert len(call(item.prepares, options=ShiftOptions())) == 12


@pytest.mark.parametrize("bad", [{"severities": (0,)}, {"severities": ()}, {"shifts": ()}])
def test_senseless_options_are_refused(bad):
    with pytest.raises(ValidationError):
        ShiftOptions(**bad)


@pytest.mark.slow
def test_a_run_measures_the_rest_where_a_shift_does_not_apply_and_says_so(tmp_path):
    suite = {
        "suite": {"name": "grey"},
        "matrix": {"architectures": ["mlp"], "datasets": ["digits"]},
        "recipes": {"plain": {"epochs": 1}},
        "measure": [
            {"name": "shift", "shifts": ["hue", "contrast"], "severities": [1]},
            {"name": "uncertainty", "shifts": ["hue"], "parts": ["selective"], "severities": [1]},
        ],
    }
    for jobs in ({"ok": 6}, {"cached": 6}):
        run = run_here(suite, store=tmp_path)
        assert run.data.counts == jobs
        [row] = run.summary.rows
        assert row.figures["shifted"].value is not None
        (told,) = [one for one in run.summary.findings if one.code == "left-out"]
        assert told.sentence.startswith("Shift hue is left out: hue is of colours")
        assert told.measures == ("shift", "uncertainty")
    alone = run_here(
        {**suite, "measure": [{**suite["measure"][0], "shifts": ["hue"]}]}, store=tmp_path
    )
    assert alone.data.counts == {"cached": 3, "skipped": 1}
