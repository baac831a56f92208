"""`daily_series`: a week that a naive forecast repeats, and more that a linear model learns."""

from __future__ import annotations

import pytest
from series_parts import mase, parts
from sklearn.linear_model import Ridge

from harness_datasets import daily_series
from harness_datasets.built_in_options import DailySeriesOptions


def test_days_have_a_week_that_a_naive_forecast_repeats():
    data = daily_series.load(DailySeriesOptions())
    assert data.details["season"] == 7 and len(data.details["units"]) == 5
    (inputs, targets), (asked, wanted) = parts(data, "train"), parts(data, "test")
    seasonal = mase(asked[:, -7:], wanted)
    assert seasonal == pytest.approx(1.0, abs=0.15)
    assert mase(asked[:, -1:], wanted) > 1.5 * seasonal
    assert mase(Ridge().fit(inputs, targets).predict(asked), wanted) < 0.9 * seasonal
    assert data.notes[0].rows[0][1] == "2020-01-01" and data.notes[0].rows[2][2] == "2023-12-31"
    again = daily_series.load(DailySeriesOptions(series=2))
    assert again.details["units"]["place 0"] == data.details["units"]["place 0"]
