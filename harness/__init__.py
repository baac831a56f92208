"""Which model should I take for my data and my machine?

import harness

run = harness.run("quick", only=["mlp", "lenet"])   # or harness.load_run("runs")
run.table      # one row an architecture and data set, with intervals
run.metrics    # one row a metric
run.outcomes   # one row a job
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.execute.session import Run, load_run, run

__all__ = ["Run", "load_run", "run"]


def __getattr__(name: str) -> Any:
    """Import what a notebook uses when it is used."""
    if name in __all__:
        from harness.execute import session

        return getattr(session, name)
    raise AttributeError(f"module 'harness' has no attribute {name!r}")
