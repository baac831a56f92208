"""Errors of forecasts beside sktime's and statsmodels': MASE, sMAPE, RMSE and MAE of the same forecasts of the same series.

    python tests/evidence/forecast_peers.py

needs sktime and statsmodels beside the harness. The series are those of `daily_series`, the forecast repeats the last season.
sktime's MASE takes the training part itself; its scale is the seasonal naive error of that, as here.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from harness_datasets import daily_series
from harness_datasets.built_in_options import DailySeriesOptions
from harness_quality.forecasts import relative_errors

Array = np.ndarray[Any, Any]


def training_part(name: str, data: Any) -> Array:
    """Return the values of a series from its first window of training to the last, in their own unit."""
    names, split = np.array(data.columns["series"]), np.array(data.split)
    rows = (names == name) & (split == "train")
    whole = np.concatenate([data.inputs[rows], data.targets[rows]], axis=1)[:, :, 0]
    return np.concatenate([whole[0], whole[1:, -1]]) * data.details["units"][name]


def main() -> None:
    """Print a row for each series and error: ours, sktime's, statsmodels'."""
    from sktime.performance_metrics import forecasting as peers
    from statsmodels.tools import eval_measures

    warnings.filterwarnings("ignore")
    data = daily_series.load(DailySeriesOptions())
    season = data.details["season"]
    print("series  | error | ours | sktime | statsmodels")
    for name, unit in data.details["units"].items():
        rows = (np.array(data.columns["series"]) == name) & (np.array(data.split) == "test")
        truth = data.targets[rows][..., 0].ravel() * unit
        forecast = data.inputs[rows][:, -season:, 0].ravel() * unit
        error = forecast - truth
        train = training_part(name, data)
        found = {
            "MASE": (
                np.abs(error).mean() / unit,
                peers.mean_absolute_scaled_error(truth, forecast, y_train=train, sp=season),
                eval_measures.meanabs(truth, forecast)
                / np.abs(train[season:] - train[:-season]).mean(),
            ),
            "sMAPE": (
                relative_errors(forecast, truth).mean(),
                100 * peers.mean_absolute_percentage_error(truth, forecast, symmetric=True),
                None,
            ),
            "RMSE": (
                np.sqrt((error**2).mean()),
                peers.mean_squared_error(truth, forecast, square_root=True),
                eval_measures.rmse(truth, forecast),
            ),
            "MAE": (
                np.abs(error).mean(),
                peers.mean_absolute_error(truth, forecast),
                eval_measures.meanabs(truth, forecast),
            ),
        }
        for word, values in found.items():
            said = " | ".join("-" if value is None else f"{value:.9g}" for value in values)
            print(f"{name} | {word} | {said}")


if __name__ == "__main__":
    main()
