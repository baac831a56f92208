"""Does a net that is trained for the default length reach what five times as many steps reach?

Each model is trained on digits and on three tables with the default length, and again with five times its epochs, with
the same seeds and rows, and the best weights kept in both. Prints a table in Markdown, as in README.md. Run by hand, for some three minutes of CPU:

    OMP_NUM_THREADS=1 python tests/evidence/default_length.py
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path
from typing import Any

from sklearn.datasets import load_wine

sys.path.insert(0, str(Path(__file__).parents[1]))
from here_engine import run_here

from harness.train.length import PATIENCE_SHARE

SEEDS = (0, 1, 2)
TIMES = 5


def trained(
    store: Path, architectures: list[str], data: str, rate: str, epochs: int | None = None
) -> dict[str, tuple[float, int]]:
    """Return the mean accuracy (R2) over seeds of each model, in points, and its planned epochs."""
    optimizer = f"adamw:learning_rate={rate}" if rate else "adamw"
    recipe: dict[str, Any] = {"optimizer": optimizer, "schedule": "one-cycle"}
    if epochs is not None:  # it stops, and keeps the best weights, by the same rule
        recipe |= {"epochs": epochs, "patience": math.ceil(PATIENCE_SHARE * epochs)}
    matrix = {
        "architectures": architectures,
        "datasets": [data],
        "recipes": ["plain"],
        "seeds": SEEDS,
    }
    run = run_here(
        {
            "suite": {"name": "length"},
            "matrix": matrix | {"floors": False},
            "recipes": {"plain": recipe},
            "measure": [{"name": "accuracy"}],
        },
        store=store,
    )
    rows = run.metrics[run.metrics["name"].isin(["accuracy", "r2"])]
    planned = {
        job.axes["architecture"]: job.notes["planned_epochs"]
        for job in run.data.jobs
        if job.sort == "fit"
    }
    return {
        name: (100 * float(rows[rows["architecture"] == name]["value"].mean()), planned[name])
        for name in architectures
    }


def main() -> None:
    """Print the table."""
    print(f"| data | model | epochs | score | {TIMES} times | gain |\n" + "| --- " * 6 + "|")
    with tempfile.TemporaryDirectory() as folder:
        wine = Path(folder) / "wine.csv"
        load_wine(as_frame=True).frame.to_csv(wine, index=False)
        for data, architectures, rate in (
            ("diabetes", ["mlp"], ""),
            (str(wine), ["mlp"], ""),
            ("breast_cancer", ["mlp"], ""),
            ("digits", ["mlp", "lenet", "gru"], "1e-2"),
        ):
            store = Path(folder) / "store"
            by_default = trained(store, architectures, data, rate)
            for name, (score, epochs) in by_default.items():
                longer, _ = trained(store, [name], data, rate, TIMES * epochs)[name]
                print(
                    f"| {Path(data).stem} | {name} | {epochs} | {score:.1f} | {longer:.1f} | {longer - score:+.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
