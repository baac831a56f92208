"""A person's own series: wide or long, with gaps; refused in words that name the row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from own_files import visits

from harness.api import DataError
from harness_datasets.tables.options import TimeSeriesOptions
from harness_datasets.time_series import load


@pytest.fixture
def read(tmp_path: Path):
    def read(lines: list[str], **options):
        path = tmp_path / "visits.csv"
        path.write_text("\n".join(lines), encoding="utf-8")
        return load(TimeSeriesOptions(path=str(path), **{"horizon": 3, "window": 5, **options}))

    return read


LONG = ["shop,day,visits", *visits()]


def wide() -> list[str]:
    rows = [line.split(",") for line in LONG[1:]]
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return ["day,north,south", *(f"{one[1]},{one[2]},{other[2]}" for one, other in pairs)]


def values(data, name: str) -> set[tuple[int, ...]]:
    """What the windows of a series are given, in the file's unit."""
    kept = [at for at, one in enumerate(data.columns["series"]) if one == name]
    unit = data.details["units"][name]
    return {tuple(np.round(data.inputs[at, :, 0] * unit).astype(int).tolist()) for at in kept}


def test_a_row_for_each_shop_and_day(read):
    data = read(LONG)
    assert data.inputs.shape[1:] == (5, 1) and data.targets.shape[1:] == (3, 1)
    assert list(data.details["units"]) == ["north", "south"] and data.details["season"] == 7
    north = [float(line.split(",")[2]) for line in LONG[1::2]]
    assert tuple(map(int, north[:5])) in values(data, "north")
    title, rows = data.notes[0].title, data.notes[0].rows
    assert title == "Series of visits.csv: 2, in steps of 1 day"
    assert rows[0] == ("north", "2024-01-01", "2024-04-29", "120", "0")
    parts = [row[:3] for row in data.notes[1].rows]
    assert parts[0][1] == "2024-01-01" and parts[2][2] == "2024-04-29"
    assert parts[0][2] < parts[1][1] < parts[1][2] < parts[2][1]
    assert read([LONG[0], *reversed(LONG[1:])], series="shop").inputs.shape == data.inputs.shape
    only = read(LONG, drop=["south"])
    assert list(only.details["units"]) == ["north"] and list(only.columns) == ["first step"]


def test_a_column_for_each_shop(read):
    data = read(wide(), stride=4)
    assert data.inputs.shape[1:] == (5, 2) and list(data.details["units"]) == ["north", "south"]
    assert list(data.columns) == ["first step"]
    units = np.array(list(data.details["units"].values()))
    first = wide()[1].split(",")[1:]
    assert data.inputs[0, 0] * units == pytest.approx(list(map(float, first)))
    long = read(LONG)
    assert long.details["units"] == pytest.approx(data.details["units"])
    assert read(wide(), value="south").inputs.shape[1:] == (5, 1)
    assert read(wide(), drop=["south"]).inputs.shape[1:] == (5, 1)
    longer = read(wide(), window=None, horizon=None)
    assert (longer.inputs.shape[1], longer.targets.shape[1]) == (14, 7)  # two weeks, and one


def test_a_column_of_lists_is_left_out_as_the_refusal_says(tmp_path):
    path, days = tmp_path / "visits.parquet", pd.date_range("2024-01-01", periods=120)
    frame = pd.DataFrame({"day": days, "tags": [[1, 2]] * 120, "north": np.arange(120.0) ** 2})
    frame.to_parquet(path)
    asked = {"path": str(path), "horizon": 3, "window": 5}
    with pytest.raises(DataError, match=r"or leave it out with drop=\[tags\]"):
        load(TimeSeriesOptions(**asked))
    assert list(load(TimeSeriesOptions(**asked, drop=["tags"])).details["units"]) == ["north"]


@pytest.mark.parametrize(("rule", "between"), [("previous", 1.0), ("interpolate", 2.0)])
def test_a_step_without_a_value_is_filled_by_the_rule_and_told(read, rule, between):
    lines = ["when,level", *(f"{at},{at % 5}" for at in range(60))]
    del lines[33]  # of time 32
    lines[8] = "7,"
    data = read(lines, time="when", missing=rule, season=1)
    assert data.notes[0].rows == (("level", "0", "59", "60", "2"),)
    unit = data.details["units"]["level"]
    assert data.inputs[7, 0, 0] * unit == pytest.approx(between)  # the window from time 7
    with pytest.raises(
        DataError, match="level has no value at 7, and missing=refuse; 2 values of 60"
    ):
        read(lines, time="when", missing="refuse", season=1)


def test_rows_are_steps_where_there_is_no_time(read):
    data = read(["level,note", *(f"{at % 5},a" for at in range(60))], time="#")
    assert data.notes[0].rows == (("level", "0", "59", "60", "0"),)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({5: "north,2024-01-03 07:00,12"}, {}, "visits.csv, line 6: .* lies between two steps after '2024-01-02' in visits.csv, line 4"),
        ({5: "north,2024-01-02,12"}, {"series": "shop"}, "line 6: '2024-01-02' is there a second time, after visits.csv, line 4"),
        ({5: "north,2024-01-03,closed"}, {}, "line 6: 'closed' in 'visits' is no number"),
        ({5: "north,soon,1"}, {}, "line 6: 'soon' in 'day' is no time; mend or remove that row"),
        ({5: ",2024-01-03,1"}, {"series": "shop"}, "line 6: 'shop', which says of which series a row is, is missing"),
        ({}, {"series": "store"}, "has no column 'store', which series names"),
        ({}, {"time": "shop"}, "time=shop holds neither dates nor numbers, but 'north'"),
        ({}, {"value": "shop", "time": "#"}, "line 2: 'north' in 'shop' is no number"),
        ({}, {"drop": ["visits"]}, "no column of numbers is left"),
        ({}, {"window": 60}, "120 steps of time are too few: .* take 195, 63 for training"),
    ],
)  # fmt: skip
def test_what_is_no_series_is_refused(read, change, options, words):
    lines = [change.get(at, line) for at, line in enumerate(LONG)]
    with pytest.raises(DataError, match=words):
        read(lines, **options)


def test_a_column_that_names_each_row_is_no_column_of_series(read):
    """The identifier of an order was taken for a series of one time each, even where it was dropped."""
    lines = ["order,shop,day,visits", *(f"A{at},{line}" for at, line in enumerate(LONG[1:]))]
    with pytest.raises(
        DataError, match="each of the .* series that 'order' tells apart .*drop=order"
    ):
        read(lines)
    dropped = read(lines, drop=["order"])
    assert list(dropped.details["units"]) == ["north", "south"]


def test_a_file_without_dates_says_what_to_give(read):
    with pytest.raises(
        DataError, match=r'has no column of dates; .* time="#".* It has level, rest'
    ):
        read(["level,rest", *(f"{at},{at}" for at in range(60))])


def test_dates_that_fit_two_formats_are_a_finding(read):
    lines = [
        "month,level",
        *(f"01/{1 + at % 12:02d}/{2000 + at // 12},{at % 5}" for at in range(60)),
    ]
    either, gaps = read(lines, season=1).findings  # twelve days of each January
    assert either.code == "dates-either-way"
    assert gaps.sentence.startswith("1,413 of 1,473 steps of 1 day (96 %) have no value")
    data = read(lines, season=1, date_format="%d/%m/%Y")
    assert data.notes[0].title == "Series of visits.csv: 1, in steps of 1 month"
    assert not data.findings
    few = ["day,level", *(f"01/{1 + at:02d}/2000,{at % 5}" for at in range(12))]
    found = read(few, season=1, window=1, horizon=1)
    assert found.findings[0].sentence == (
        "The times in 'day' were read by %m/%d/%Y, as steps of 1 day, and all fit %d/%m/%Y, too: '01/01/2000'."
    )
