"""A few values that decide the deviation by which a column, or the target, is scaled."""

from pathlib import Path

import numpy as np
import pytest
from data_cases import images, prepared, table

from harness.catalogue.finding import Finding, read_findings
from harness.data.scale_findings import few_decide

SPLIT = np.array(["train"] * 64 + ["validation"] * 16 + ["test"] * 20)


def said(folder: Path, problem: str = "classification", **changes: object) -> Finding | None:
    folder.mkdir(exist_ok=True)
    prepared(folder, table(n=100, problem=problem), split=SPLIT, **changes)
    found = [one for one in read_findings(folder) or () if one.code == "few-decide-scale"]
    return found[0] if found else None


def test_a_lone_training_value_that_decides_a_columns_deviation(tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).normal(size=(100, 5))
    inputs[3, 4] = 500.0
    one = said(tmp_path / "far", inputs=inputs)
    assert one is not None and one.flag == "a few training values decide a column's scale"
    times = inputs[:64, 4].std() / np.delete(inputs[:64, 4], 3).std()
    assert one.sentence == (
        "A few of the 64 training values of a column decide the deviation by which it is scaled: feature 4 "
        f"(1 value, the farthest at example 3; {times:.0f} times the deviation of all others)."
    )
    inputs[3, 4] = 60.0
    one = said(tmp_path / "less", inputs=inputs)
    assert one is not None and " 6 times the" in one.sentence and one.flag == ""
    inputs[3, 4], inputs[90, 4] = 30.0, 500.0  # not far enough; of a test example: another finding
    assert said(tmp_path / "near", inputs=inputs) is None


def test_a_training_target_may_decide_the_targets_deviation(tmp_path: Path) -> None:
    targets = np.random.default_rng(0).normal(size=100)
    assert said(tmp_path / "fine", "regression", targets=targets) is None
    targets[7] = 1e6
    one = said(tmp_path / "far", "regression", targets=targets)
    assert one is not None and "the target (1 value, the farthest at example 7;" in one.sentence


@pytest.mark.parametrize(
    ("values", "few"),
    [
        (np.r_[np.arange(100.0), 1e6], 1),
        (np.r_[np.arange(100.0), 1e6, -1e6, 1e6], 3),
        (np.r_[np.arange(100.0), [1e6] * 4], 0),  # several: may stand for missing cells
        (np.r_[np.arange(100.0), 1e300, 2e300], 2),
        (np.r_[np.arange(9000.0), [1e9] * 9], 9),
        (np.r_[np.zeros(100), 1.0], 0),  # a rare category
        (np.r_[np.arange(5.0).repeat(20), 1e6], 0),  # too few different values
        (np.exp(2 * np.random.default_rng(0).normal(size=1000)), 0),  # heavy tails
        (np.random.default_rng(0).normal(size=1000), 0),
    ],
)
def test_how_few_values_decide_a_deviation(values: np.ndarray, few: int) -> None:
    found = few_decide(values)
    assert (found[0] if found else 0) == few


def test_pixels_are_left_alone(tmp_path: Path) -> None:
    values = images()
    values["inputs"][:, 0, 0, 0] = 0
    values["inputs"][0, 0, 0, 0] = 255
    prepared(tmp_path, values)
    assert read_findings(tmp_path) == ()


def test_long_tails_of_which_no_few_values_are_the_whole(tmp_path: Path) -> None:
    """A net reached 0.65 of such a table, where trees, which know no scale, reached 0.98."""
    inputs = np.random.default_rng(0).normal(size=(1000, 3))
    inputs[:, 1] = np.exp(3 * inputs[:, 1])
    inputs[::5, 2] = -999.0  # stands for missing, and is no tail
    prepared(tmp_path, table(n=1000), inputs=inputs, targets=np.arange(1000) % 2)
    (one,) = [one for one in read_findings(tmp_path) or () if one.code == "long-tails"]
    assert one.sentence.startswith(
        "The middle half of a column's training values spans less than 10% of the deviation by which it is scaled: feature 1 ("
    )
    assert one.flag == "" and "logarithmic" in one.advice
