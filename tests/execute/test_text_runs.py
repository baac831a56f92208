"""Which byte comes next, the whole way: fitted, measured, compared with its floors, shown; and what does not apply."""

from __future__ import annotations

from typing import Any

import pytest
from here_engine import run_here

SUITE: dict[str, Any] = {
    "suite": {"name": "text"},
    "matrix": {
        "architectures": ["gpt:dim=8,depth=1,heads=1", "gru"],
        "datasets": ["pydoc_topics:length=32"],
        "floors": True,
    },
    "recipes": {"plain": {"optimizer": "adamw:learning_rate=1e-2", "epochs": 1, "batch_size": 256}},
    "measure": [
        {"name": "accuracy"},
        {"name": "flops"},
        {"name": "adversarial", "attacks": ["fgsm"], "epsilons": ["1/16"]},
    ],
}


@pytest.mark.slow
def test_a_text_goes_the_whole_way(tmp_path) -> None:
    run = run_here(SUITE, store=tmp_path / "store")
    rows = {row.architecture: row for row in run.summary.rows}
    bits = {name: row.figures["headline"] for name, row in rows.items()}
    assert set(bits) == {"gpt:dim=8,depth=1,heads=1", "constant", "bigram"}
    assert 4.4 < bits["constant"].value < 4.9
    assert 3.2 < bits["bigram"].value < 3.7
    (mine,) = (figure for name, figure in bits.items() if name.startswith("gpt"))
    assert 3.0 < mine.value < 8.0 and mine.low < mine.value < mine.high
    best_first = [row.figures["headline"].value for row in run.summary.rows]
    assert best_first == sorted(best_first)
    said = " ".join(run.report("terminal").split())
    assert "bits per byte" in said
    assert (
        "gru answers once for each example, and next_token asks for an answer for each prefix"
        in said
    )
    assert "adversarial is for classification, not next_token" in said
