"""Every problem in every modality that it can be asked of: two steps of training, figures, attack, shift, time, report; or a true reason."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import every_problem
import pytest
from here_engine import run_here

MEASURES = [
    {"name": "accuracy"},
    {"name": "adversarial", "attacks": ["pgd:steps=2"], "epsilons": [0.1]},
    {"name": "shift", "shifts": ["gaussian_noise", "typos", "jitter_steps", "feature_shift"], "severities": [3]},
    {"name": "flops"},
    {"name": "answer_throughput", "batch_sizes": [4], "seconds": 0.02},
]  # fmt: skip
ATTACKED = ("classification", "segmentation", "detection")
SHIFTED = ("classification", "regression", "forecast", "segmentation", "detection")
ANSWERED = ("segmentation", "detection")


@pytest.mark.slow
def test_every_problem_goes_the_whole_way_in_every_modality(tmp_path: Path) -> None:
    known = every_problem.known()
    suite: dict[str, Any] = {
        "suite": {"name": "every"},
        "matrix": {"architectures": ["anything"], "datasets": list(known)},
        "recipes": {"plain": {"epochs": 1, "batch_size": 12}},
        "measure": MEASURES,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is left out is told below
        run = run_here(suite, plugins=[every_problem.__file__], store=tmp_path / "store")
        page = run.report("html")
    assert set(run.outcomes.status) == {"ok", "skipped"}
    skipped = {
        row.job.replace("#0", ""): row.reason
        for row in run.outcomes.itertuples()
        if row.status == "skipped" and ":" not in row.job  # others of the shifts are of other data
    }
    for name, task in known.items():
        for measure, reason in reasons(task.problem, task.modality).items():
            said_of_it = skipped.pop(f"{measure} anything {name}", None)
            assert (said_of_it is None) == (reason is None), (measure, name, said_of_it)
            assert reason is None or reason in said_of_it
    assert not skipped
    steps = run.metrics[run.metrics["name"] == "steps"]
    assert steps["value"].tolist() == [2.0] * len(known)
    headlines = {task.headline for task in known.values()}
    found = run.metrics[
        run.metrics["name"].isin(headlines) & run.metrics.architecture.eq("anything")
    ]
    assert len(found) == len(known) and found["value"].notna().all()
    for name in known:
        assert name in page


def reasons(problem: str, modality: str) -> dict[str, str | None]:
    """Return why there is none of each measure, None where there is."""
    attacked = f"not {problem}" if problem not in ATTACKED else None
    return {
        "accuracy": None,
        "adversarial": attacked or ("not for tokens" if modality == "tokens" else None),
        "shift": None if problem in SHIFTED else f"not {problem}",
        "flops": None,
        "answer_throughput": None if problem in ANSWERED else "says of no outputs",
    }
