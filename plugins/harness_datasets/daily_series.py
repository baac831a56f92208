"""`daily_series`: counts a day in several places, with a trend, a week and a year; forecast."""

from __future__ import annotations

import datetime

import numpy as np

from harness.api import LoadedData
from harness_datasets.built_in_options import DailySeriesOptions
from harness_datasets.series_windows import Series, Window, cut_series

WEEK, YEAR = 7, 365.25
START = datetime.date(2020, 1, 1)
MEMORY = 0.6  # of the noise, from a day to the next


def load(options: DailySeriesOptions) -> LoadedData:
    """Draw series of several places, each of a level of its own (numpy's PCG64, seed 0).

    A value is the level times ``trend * week * year * exp(noise)``: the trend is a straight line of -10 to 20 % a year, the
    week a factor for each weekday (deviation 20 %), the year a sine of 10 to 30 %, the noise an autoregression of the first
    order with a deviation of 8 %, of which 0.6 stays to the next day. Forecast one by one, with a season of a week.
    """
    draws = np.random.default_rng(0)
    days = np.arange(round(options.years * YEAR))
    several = []
    for place in range(options.series):
        level = np.exp(draws.uniform(np.log(20), np.log(2000)))
        trend = 1 + draws.uniform(-0.1, 0.2) * days / YEAR
        week = np.exp(0.2 * draws.normal(size=WEEK))[days % WEEK]
        year = 1 + draws.uniform(0.1, 0.3) * np.sin(2 * np.pi * (days / YEAR + draws.uniform(0, 1)))
        fresh = 0.08 * np.sqrt(1 - MEMORY**2) * draws.normal(size=len(days))
        noise = np.zeros(len(days))
        for day in days[1:]:
            noise[day] = MEMORY * noise[day - 1] + fresh[day]
        values = level * trend * week * year * np.exp(noise)
        several.append(
            Series((f"place {place}",), 0, values[:, None], np.zeros(len(days), dtype=bool))
        )
    window = Window(options.window, options.horizon, options.stride, WEEK)
    return cut_series(several, window, len(days), _date)


def _date(day: int) -> str:
    return (START + datetime.timedelta(days=day)).isoformat()
