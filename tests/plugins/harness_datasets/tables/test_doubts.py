"""What could stand for something else, or be read in another way."""

from pathlib import Path

import pytest

from harness.api import Finding
from harness_datasets.tables.columns import take_columns
from harness_datasets.tables.doubts import find_doubts, find_stand_ins
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import RawTable
from harness_datasets.tables.target import read_target


def found(cells: list[object]) -> dict[str, tuple[str, str]]:
    return {one.code: (one.sentence, one.advice) for one in findings(cells)}


def findings(cells: list[object], to_predict: str = "y") -> list[Finding]:
    texts = [str(cell) for cell in cells]
    rows = range(2, 2 + len(texts))
    table = RawTable(Path("t.csv"), ("x", "y"), (texts, ["no", "yes"] * (len(texts) // 2)), rows)
    options = TableOptions(path="t.csv", target=to_predict)
    columns = take_columns(table, options, [to_predict])
    target = read_target(table, options)
    return [*find_doubts(columns, target), *find_stand_ins(columns, target)]


@pytest.mark.parametrize("value", [-999, 99, -1.5e300])
def test_a_number_far_from_all_others_may_stand_for_missing(value: float) -> None:
    said, advice = found([value if n % 10 == 3 else n / 7 for n in range(200)])[
        "stands-for-missing"
    ]
    assert f"{value:.10g} in 20 rows of 'x' (others 0 to 28.42857143)" in said
    assert advice.endswith(f"na=[{value:.10g}].")


@pytest.mark.parametrize("scale", [0.5, 7])  # -1 lies as near as others do, or farther off
def test_several_of_one_column_are_named(scale: float) -> None:
    """Only -999 was, and -1 stayed a number when that was left out."""
    cells = [
        -999 if n % 10 == 3 else -1 if n % 10 == 7 else 2 + scale * (n // 2) for n in range(200)
    ]
    (one,) = findings(cells)
    others = f"others 2 to {2 + scale * 99:.10g}"
    assert f"-999 in 20 rows and -1 in 20 rows of 'x' ({others})" in one.sentence
    assert one.advice.endswith("na=[-999,-1].")


def test_an_ordinary_number_beside_one_is_not_named() -> None:
    cells = [-999 if n % 10 == 3 else 0 if n % 10 == 7 else n // 9 for n in range(200)]
    assert [one.advice.rpartition(" ")[2] for one in findings(cells)] == ["na=[-999]."]


def test_one_that_decides_the_scale_of_its_column_makes_figures_doubtful() -> None:
    doubtful = {
        value: [one.flag for one in findings([value if n % 10 == 3 else n / 7 for n in range(200)])]
        for value in (-999, 99)
    }
    flag = "a number may stand for missing cells, and decides a column's scale"
    assert doubtful == {-999: [flag], 99: [""]}  # 37 times, and 3 times the others' deviation


def test_one_among_the_numbers_to_predict_is_found_too() -> None:
    cells: list[object] = [-999 if n % 10 == 3 else n / 7 for n in range(200)]
    (one,) = findings(cells, "x")
    assert "-999 in 20 rows of 'x' (others 0 to 28.42857143)" in one.sentence and one.flag
    assert findings([0 if n % 10 == 3 else n / 7 for n in range(200)], "x") == []


def test_one_that_is_rare_or_near_or_of_few_does_not() -> None:
    assert found([-999 if n == 3 else n / 7 for n in range(200)]) == {}  # an outlier
    assert found([-5 if n % 10 == 3 else n / 7 for n in range(200)]) == {}  # as far as others are
    assert found([9 if n % 10 == 3 else n % 3 for n in range(200)]) == {}  # a scale of four answers


def test_dates_that_read_both_ways() -> None:
    said, advice = found([f"{n % 12 + 1:02d}/{n % 11 + 1:02d}/2024" for n in range(40)])[
        "dates-either-way"
    ]
    assert "'x' (read as %m/%d/%Y)" in said and "date_format=%d/%m/%Y" in advice
    assert found([f"{n % 12 + 1:02d}/{n % 28 + 1:02d}/2024" for n in range(40)]) == {}
