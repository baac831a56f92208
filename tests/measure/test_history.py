"""The history of a fit, as measures are given it: read from what the fit has kept."""

import json

import pytest

from harness.errors import NotApplicable
from harness.measure.history import CURVES, TOOK, read_history


def test_it_is_what_the_fit_has_kept(tmp_path):
    searched = {"seconds": 2.0, "core_seconds": 1.0, "candidates": 5}
    (tmp_path / CURVES).write_text(json.dumps([{"epoch": 1, "validation_loss": 0.5}]))
    (tmp_path / TOOK).write_text(json.dumps({"searched": searched, "joules": 3.0, "bytes": 4}))
    found = read_history(str(tmp_path))
    assert (found.rows[0]["validation_loss"], found.searched, found.joules) == (0.5, searched, 3.0)
    assert found.bytes == 4


def test_where_nothing_was_trained_it_says_so(tmp_path):
    (tmp_path / CURVES).write_text("[]")
    for folder in (None, str(tmp_path)):
        with pytest.raises(NotApplicable, match="nothing was trained"):
            read_history(folder)
