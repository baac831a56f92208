"""A person's own series, the whole way: fitted, beside naive forecasts, under shifts, shown; and what does not apply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from here_engine import run_here
from own_files import visits

MEASURES: list[dict[str, Any]] = [
    {"name": "accuracy"},
    {"name": "flops"},
    {"name": "shift", "shifts": ["drop_steps", "warp_steps", "rotate"], "severities": [1, 5]},
    {"name": "adversarial", "attacks": ["fgsm"], "epsilons": ["1/16"]},
]


@pytest.mark.slow
def test_series_go_the_whole_way(tmp_path: Path) -> None:
    file = tmp_path / "visits.csv"
    file.write_text("\n".join(["shop,day,visits", *visits(300)]), encoding="utf-8")
    data = {"name": "time_series", "path": str(file), "horizon": 3, "window": 14}
    suite: dict[str, Any] = {
        "suite": {"name": "series"},
        "matrix": {"architectures": ["mlp", "gru", "dlinear"], "datasets": [data], "floors": True},
        "recipes": {"plain": {"optimizer": "adamw:learning_rate=1e-2", "epochs": 3}},
        "measure": MEASURES,
    }
    run = run_here(suite, store=tmp_path / "store")
    rows = {row.architecture: row.figures for row in run.summary.rows}
    errors = {name: figures["headline"].value for name, figures in rows.items()}
    naive = {"constant", "linear", "seasonal naive", "last value"}
    assert set(errors) == {"mlp", "gru", "dlinear"} | naive
    assert errors["linear"] < 0.6 < errors["last value"]
    assert errors["mlp"] < errors["last value"]
    assert list(errors.values()) == sorted(errors.values())
    assert rows["mlp"]["shifted"].value > errors["mlp"]
    said = " ".join(run.report("terminal").split())
    for words in (
        "Series of visits.csv: 2, in steps of 1 day",
        "Windows of 14 steps and 3 to come, season 7",
        "Error by steps ahead",
        "rotate is not for sequences",
        "adversarial is for classification or segmentation or detection, not forecast",
    ):
        assert words in said, words
    page = run.report("html")
    assert "The thick line is what came" in page and "MASE under shift" in page
