"""Which settings of training differ between models of one name."""

from __future__ import annotations

from typing import Any

import pandas as pd
from made_rows import job_row

from harness.compare.trainings import training_differences
from harness.store.run_data import JobRow, RunData

_GIVEN = {
    "learning_rate": None,
    "epochs": 125,
    "batch_size": 64,
    "patience": None,
    "optimizer": {"name": "adamw", "options": {"learning_rate": 0.001, "beta1": 0.9}},
    "augmentations": [],
    "weights_digest": "random",
}


def _fit(architecture: str, seed: int = 0, planned: int | None = None, **training: Any) -> JobRow:
    axes = {"architecture": architecture, "dataset": "digits", "recipe": "plain", "seed": seed}
    return job_row(
        "fit",
        fingerprint=f"{architecture}{seed}",
        label=architecture,
        axes=axes,
        spec={"training": _GIVEN | training},
        notes={} if planned is None else {"planned_epochs": planned},
    )


def _run(tmp_path: Any, *jobs: JobRow) -> RunData:
    return RunData(
        name="a",
        suite="a",
        status="completed",
        started="",
        seconds=1.0,
        energy=None,
        counts={},
        written={},
        invocation={},
        store=tmp_path,
        jobs=jobs,
        metrics=pd.DataFrame(),
        environment={},
    )


def test_settings_that_differ_under_one_name_are_told(tmp_path: Any) -> None:
    """A recipe is known by its name alone: 3 epochs and 125 both were "plain"."""
    changed: dict[str, Any] = {
        "learning_rate": 0.003,
        "epochs": 3,
        "optimizer": {"name": "adamw", "options": {"learning_rate": 0.01, "beta1": 0.9}},
        "augmentations": [{"name": "flip", "options": {}}],
    }
    a = _run(tmp_path, *(_fit(name, seed) for name in ("mlp", "gru", "vit") for seed in (0, 1)))
    b = _run(
        tmp_path, _fit("mlp", **changed), _fit("gru", **changed), _fit("vit", patience=5), _fit("x")
    )
    found, other = training_differences(a, b)
    assert found.models == ("mlp", "gru")
    assert dict(found.settings) == {
        "epochs": ("125", "3"),
        "learning rate": ("the optimizer's own", "0.003"),
        "optimizer": ("adamw:learning_rate=0.001,beta1=0.9", "adamw:learning_rate=0.01,beta1=0.9"),
        "augmentations": ("none", "flip"),
    }
    assert next(iter(found.settings)) == "epochs"
    assert (other.models, dict(other.settings)) == (("vit",), {"patience": ("none", "5")})


def test_the_same_settings_are_no_difference(tmp_path: Any) -> None:
    a, b = _run(tmp_path, _fit("mlp", seed=0)), _run(tmp_path, _fit("mlp", seed=1))
    assert training_differences(a, b) == ()
    by_default = _run(tmp_path, _fit("mlp", epochs=None, planned=125))
    assert training_differences(a, by_default) == ()  # as long, though it was not written
    (longer,) = training_differences(a, _run(tmp_path, _fit("mlp", epochs=None, planned=250)))
    assert dict(longer.settings) == {"epochs": ("125", "250")}


def test_fits_are_matched_without_an_axis_in_which_runs_differ_as_a_whole(tmp_path: Any) -> None:
    a, b = _run(tmp_path, _fit("mlp")), _run(tmp_path, _fit("gru", batch_size=32))
    assert training_differences(a, b) == ()
    (found,) = training_differences(a, b, frozenset({"architecture"}))
    assert dict(found.settings) == {"batch size": ("64", "32")}
    assert found.models == ("all models",)
