"""What a timed test is judged by: its timings, or what its job has in their place."""

from pathlib import Path

import numpy as np

from harness.pytest_plugin.results import Result
from harness.summary.timing_samples import TimedFigure


def result(folder: Path) -> Result:
    metrics = (
        TimedFigure(name="speed", value=9.0, where={"size": 1}, samples="size_1"),
        TimedFigure(name="too_large", value=1.0, where={"size": 64}),
    )
    return Result("ok", "", "", 1.0, folder, metrics)


def test_a_size_without_timings_has_other_figures_beside_those_that_were_timed(tmp_path):
    np.savez(tmp_path / "samples.npz", size_1=[0.25, 0.5])
    found = result(tmp_path)
    assert found.is_timed
    assert found.samples({"size": 1}) == [0.25, 0.5]
    assert (found.samples({"size": 64}), found.figures({"size": 64})) == ([], {"too_large": 1.0})


def test_a_job_that_keeps_no_timings_is_not_timed(tmp_path):
    assert not result(tmp_path).is_timed and result(tmp_path).samples({"size": 1}) == []
