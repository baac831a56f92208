"""Windows of series: cut by time without an overlap, in units of the seasonal naive error, refused where too short."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from harness.api import DataError
from harness_datasets.series_windows import Series, Window, cut_series


def counting(names=("a",), first: int = 0, steps: int = 200, gone=()) -> Series:
    """Series whose values are their times, but for a small wave that gives them a unit."""
    times = np.arange(first, first + steps, dtype=np.float64)
    values = np.stack([times * (1 + at) for at in range(len(names))], axis=1)
    return Series(tuple(names), first, values, np.isin(times, gone))


def parts(data):
    """The times of each window of a part ``(windows, steps)``, where values are times."""
    units = np.array(list(data.details["units"].values()))
    whole = np.concatenate([data.inputs, data.targets], axis=1)[:, :, 0] * units[0]
    named = np.array(data.split)
    return {part: whole[named == part].round().astype(int) for part in np.unique(named)}


@pytest.mark.parametrize("window", [Window(10, 4), Window(3, 7, 5), Window(30, 10, 1, 7)])
def test_no_step_is_in_windows_of_two_parts_and_a_horizon_lies_between_them(window):
    data = cut_series([counting()], window, 200)
    found = parts(data)
    assert set(found) == {"train", "validation", "test"}
    spans = [(found[part].min(), found[part].max()) for part in ("train", "validation", "test")]
    for (_, last), (first, _) in itertools.pairwise(spans):
        assert first - last > window.horizon
    assert spans[-1][1] == 199 and spans[0][0] == 0
    for times in found.values():
        assert (np.diff(times, axis=1) == 1).all()  # a window is consecutive
    for part in ("validation", "test"):
        to_come = found[part][:, window.length :]
        assert len(np.unique(to_come)) == to_come.size  # each step is forecast once
    assert np.diff(np.sort(found["train"][:, 0])).max() == window.stride


def test_values_are_in_units_of_the_seasonal_naive_error_of_training():
    draws = np.random.default_rng(0)
    values = draws.normal(size=(120, 2)).cumsum(0) * (1.0, 50.0)
    series = Series(("small", "large"), 0, values, np.zeros(120, dtype=bool))
    data = cut_series([series], Window(6, 3, 1, 4), 120)
    ends = {row[0]: int(row[2].split()[1]) for row in data.notes[0].rows}
    training = values[: ends["train"] + 1]
    by_hand = [
        sum(abs(line[t] - line[t - 4]) for t in range(4, len(line))) / (len(line) - 4)
        for line in training.T
    ]
    assert list(data.details["units"].values()) == pytest.approx(by_hand)
    assert data.inputs.shape[1:] == (6, 2) and data.targets.shape[1:] == (3, 2)
    first = np.array(data.split) == "train"
    assert data.inputs[first][0] * by_hand == pytest.approx(values[:6])
    assert data.targets[first][0] * by_hand == pytest.approx(values[6:9])


def test_several_series_are_cut_at_the_same_times():
    several = [counting(("a",)), counting(("b",), first=60, steps=140)]
    data = cut_series(several, Window(5, 2), 200)
    names, split = np.array(data.columns["series"]), np.array(data.split)
    assert (split[names == "a"] == "train").sum() == (split[names == "b"] == "train").sum() + 60
    assert (split[names == "a"] == "test").sum() == (split[names == "b"] == "test").sum()
    assert data.name_example(0) == "the window of a from step 0"


def test_what_was_filled_in_is_given_but_not_asked_for_in_test():
    window = Window(5, 2)
    whole = parts(cut_series([counting()], window, 200))
    filled = parts(cut_series([counting(gone=(190, 20))], window, 200))
    assert len(filled["test"]) == len(whole["test"]) - 1
    assert 190 not in filled["test"][:, 5:] and 190 in filled["test"][:, :5]
    assert len(filled["train"]) == len(whole["train"])


def test_what_is_too_short_is_refused_with_what_it_takes():
    with pytest.raises(DataError, match="49 steps of time are too few.* take 50, 14 for training"):
        cut_series([counting(steps=49)], Window(10, 4), 49)
    data = cut_series([counting(steps=50)], Window(10, 4), 50)
    assert [len(times) for times in parts(data).values()] == [1, 1, 1]
    late = counting(("late",), first=150, steps=50)
    with pytest.raises(DataError, match="late has 0 steps in training; a season of 1 takes 2"):
        cut_series([counting(), late], Window(5, 2), 200)
    early = counting(("early",), steps=150)
    with pytest.raises(
        DataError, match="early has 0 steps from step 160 to step 199, the part for testing"
    ):
        cut_series([counting(), early], Window(5, 2), 200)
    short = counting(("short",), steps=6)
    with pytest.raises(
        DataError, match="short has 6 steps from step 0 .*, the part for training; a window of 5"
    ):
        cut_series([counting(), short], Window(5, 2), 200)
    weekly = counting(gone=[step for step in range(200) if step % 7 > 4])
    with pytest.raises(DataError, match='as weekends, give time="#" to take the rows for steps'):
        cut_series([weekly], Window(7, 7), 200)
    with pytest.raises(DataError, match="take 209, 191 for training"):
        cut_series([counting()], Window(5, 2, 1, 190), 200)
    same = Series(("same",), 0, np.ones((200, 1)), np.zeros(200, dtype=bool))
    with pytest.raises(DataError, match="same repeats itself exactly every 1 step"):
        cut_series([same], Window(5, 2), 200)


def test_a_window_is_not_given_what_was_made_of_what_is_to_come():
    window = Window(10, 4)
    whole = parts(cut_series([counting()], window, 200))["test"]
    last = int(whole[0, window.length - 1])  # the last step that the first window is given
    held = counting(gone=(last,))
    between = Series(held.names, held.first, held.values, held.filled, looks_ahead=True)
    assert len(parts(cut_series([held], window, 200))["test"]) == len(whole)
    found = parts(cut_series([between], window, 200))["test"]
    assert found.tolist() == whole[1:].tolist()


def test_a_series_that_changes_by_rounding_alone_has_no_unit():
    values = np.sin(2 * np.pi * np.arange(200) / 7)[:, None]
    assert 0 < np.abs(values[7:] - values[:-7]).mean() < 1e-13
    series = Series(("a",), 0, values, np.zeros(200, bool))
    with pytest.raises(DataError, match="repeats itself exactly every 7 steps"):
        cut_series([series], Window(10, 4, 1, 7), 200)


def test_changes_beyond_float64_and_two_series_of_a_name_are_refused():
    values = np.where(np.arange(200) % 2, 1.7e308, -1.7e308)[:, None]
    with pytest.raises(DataError, match="beyond the range of float64"):
        cut_series([Series(("a",), 0, values, np.zeros(200, bool))], Window(10, 4), 200)
    with pytest.raises(DataError, match="two series have the name 'a'"):
        cut_series([counting(), counting()], Window(10, 4), 200)
