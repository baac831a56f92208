"""Which byte comes next, the whole way: fitted, measured, compared with its floors, shown; and what does not apply."""

from __future__ import annotations

from typing import Any

import pytest
from here_engine import run_here

SUITE: dict[str, Any] = {
    "suite": {"name": "text"},
    "matrix": {
        "architectures": ["gpt:dim=8,depth=1,heads=1", "transformer"],
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
        "transformer answers once for each example or step, and next_token asks for an answer for each prefix"
        in said
    )
    assert "adversarial is for classification or segmentation or detection, not next_token" in said


@pytest.mark.slow
def test_sentences_are_attacked_by_edits_and_shifted(tmp_path) -> None:
    suite: dict[str, Any] = {
        "suite": {"name": "sentences"},
        "matrix": {"architectures": ["mlp"], "datasets": ["docstring_sentences"]},
        "recipes": {"plain": {"optimizer": "adamw:learning_rate=3e-3", "epochs": 5}},
        "measure": [
            {"name": "accuracy"},
            {
                "name": "adversarial",
                "attacks": ["hotflip", "word-substitution", "pgd"],
                "norm": "edits",
                "epsilons": ["1", "2"],
                "examples": 100,
            },
            {"name": "shift", "shifts": ["typos", "fog"], "severities": [1, 5]},
        ],
    }
    run = run_here(suite, store=tmp_path / "store")
    (row,) = (row for row in run.summary.rows if row.architecture == "mlp")
    assert row.figures["headline"].value > 0.45
    robust = run.metrics.query("name == 'robust_accuracy'").set_index(["attack", "epsilon"]).value
    assert robust["hotflip", 2] <= robust["hotflip", 1] < 0.2 < robust["word-substitution", 1]
    assert robust["worst case", 1] <= robust["hotflip", 1]
    shifted = run.metrics.query("name == 'shifted_accuracy'").set_index("severity").value
    assert shifted[5] < shifted[1] <= row.figures["headline"].value + 0.02
    said = " ".join(run.report("terminal").split())
    assert "Adversarial examples: 2 galleries" in said and "edits 1" in said
    assert "pgd is not for tokens" in said and "fog is not for tokens" in said
    page = run.report("html")
    assert "hotflip, edits 1" in page and " &gt; " in page
