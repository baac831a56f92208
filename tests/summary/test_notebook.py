"""The example of the README and of `harness`, executed; and the frames as they are documented."""

import re
import runpy
from functools import partial
from pathlib import Path

import here_engine
import pandas as pd
import pytest

import harness
from harness.errors import StoreError, UsageError

README = Path(__file__).parents[2] / "README.md"


def test_the_readmes_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    section = README.read_text(encoding="utf-8").split("## A notebook")[1]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    (tmp_path / "notebook.py").write_text(code, encoding="utf-8")
    here = partial(harness.run, plugins=[here_engine.__file__], engine="here")
    monkeypatch.setattr(harness, "run", here)
    run = runpy.run_path(str(tmp_path / "notebook.py"))["run"]
    assert run.data.counts["ok"] > 5
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!")
    assert set(run.table["architecture"]) == {"mlp", "constant", "linear"}  # its floors beside it


def test_metrics_are_tidy(small_run):
    frame = small_run.metrics
    fixed = [
        "run", "architecture", "dataset", "recipe", "seed", "precision", "device", "measure",
        "name", "value", "unit", "low", "high", "n", "exact",
    ]  # fmt: skip
    assert list(frame.columns[: len(fixed)]) == fixed
    assert list(frame.columns[-4:]) == ["where", "examples", "samples", "fingerprint"]
    assert {"batch_size", "epsilon", "attack", "shift", "severity"} <= set(frame.columns)
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert kinds["value"] == kinds["low"] == kinds["high"] == "float64"
    assert kinds["n"] == kinds["seed"] == "Int64" and kinds["exact"] == "bool"
    assert set(frame["run"]) == {small_run.name}
    intervals = frame.dropna(subset=["low", "high", "value"])
    assert (intervals["low"] <= intervals["high"]).all()
    accuracy = frame[frame["name"] == "accuracy"].set_index(["architecture", "dataset", "seed"])
    assert accuracy.index.is_unique and len(accuracy) == 4


def test_outcomes_have_a_row_for_each_job(small_run):
    frame = small_run.outcomes
    assert list(frame.columns) == [
        "job", "sort", "status", "reason", "seconds", "cached", "architecture", "dataset", "recipe",
        "seed", "precision", "device", "measure", "fingerprint",
    ]  # fmt: skip
    assert frame["fingerprint"].is_unique
    assert set(frame["sort"]) == {"prepare", "fit", "measure"}
    assert frame["status"].value_counts().to_dict() == dict(small_run.data.counts)
    assert (frame[frame["status"] != "ok"]["reason"] != "").all()
    assert pd.api.types.is_float_dtype(frame["seconds"])


def test_the_table_has_values_with_their_ends(small_run):
    frame = small_run.table
    first = ["architecture", "dataset", "recipe", "precision", "device", "seeds", "group", "rank"]
    assert list(frame.columns[:8]) == first
    for key in ("headline", "throughput", "robust", "shifted", "parameters"):
        assert {key, f"{key}_low", f"{key}_high"} <= set(frame.columns)
        assert pd.api.types.is_float_dtype(frame[key])
    known = frame.dropna(subset=["headline"])
    assert (known["headline_low"] <= known["headline"]).all()
    assert not frame.set_index(["architecture", "dataset", "recipe"]).index.has_duplicates


def test_a_run_is_loaded_by_store_name_and_folder(small_run, small_store):
    for found in (
        harness.load_run(small_store),
        harness.load_run(small_store, small_run.name),
        harness.load_run(small_store / small_run.name),
    ):
        assert found.name == small_run.name
        pd.testing.assert_frame_equal(found.metrics, small_run.metrics)
        pd.testing.assert_frame_equal(found.outcomes, small_run.outcomes)
        pd.testing.assert_frame_equal(found.table, small_run.table)
    assert repr(found).startswith(f"<Run {small_run.name}: completed; ")


def test_what_is_not_there_is_said_in_words(small_store, tmp_path):
    with pytest.raises(StoreError, match="there is no store"):
        harness.load_run(tmp_path / "nothing")
    with pytest.raises(UsageError, match="no run is named 'small-9'"):
        harness.load_run(small_store, "small-9")
