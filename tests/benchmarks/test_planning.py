"""How long planning takes: 100,000 jobs in under 3 s. Timed by `--benchmark-enable`."""

from __future__ import annotations

from typing import Any

import pytest

from harness.catalogue.host import Host
from harness.plan.jobs import Plan
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite

MEASURES = [
    {"name": "accuracy"},
    {"name": "adversarial", "attacks": ["pgd"]},
    {"name": "adversarial", "attacks": ["fgsm"], "norm": "l2"},
    {"name": "shift"},
    {"name": "throughput"},
]


def suite_of(architectures: list[Any], seeds: int) -> dict[str, Any]:
    """Two recipes; each fit has four measures, each architecture a timed one."""
    return {
        "suite": {"name": "large"},
        "matrix": {
            "architectures": architectures,
            "datasets": ["digits"],
            "seeds": list(range(seeds)),
        },
        "recipes": {"short": {"epochs": 3}, "long": {"epochs": 30}},
        "measure": MEASURES,
    }


# 20 architectures of 500 seeds, or 2,000 architectures of 5: the cost of each lies elsewhere
MANY_SEEDS = suite_of([{"name": "mlp", "depth": [1, 2, 3, 4], "width": [8, 16, 32, 64, 96]}], 500)
MANY_ARCHITECTURES = suite_of(
    [
        {
            "name": "mlp",
            "depth": [1, 2, 3, 4],
            "width": list(range(16, 116)),
            "dropout": [0.0, 0.1, 0.2, 0.3, 0.4],
        }
    ],
    5,
)


@pytest.mark.parametrize(
    ("suite", "seeds"),
    [(MANY_SEEDS, 500), (MANY_ARCHITECTURES, 5)],
    ids=["many seeds", "many architectures"],
)
def test_planning_a_hundred_thousand_jobs(
    benchmark: Any, suite: dict[str, Any], seeds: int
) -> None:
    catalogue = Host().require_usable()
    share = 1 if benchmark.enabled else 5  # a fifth of the seeds is enough for a look
    suite = suite | {"matrix": suite["matrix"] | {"seeds": list(range(seeds // share))}}

    def plan() -> Plan:
        return make_plan(load_suite(suite, catalogue), catalogue)

    made = benchmark.pedantic(plan, rounds=3, iterations=1)
    assert made.trials == 20_000 // share
    assert len(made.jobs) >= 100_000 // share


def test_planning_the_quick_suite(benchmark: Any) -> None:
    catalogue = Host().require_usable()
    made = benchmark(lambda: make_plan(load_suite("quick", catalogue), catalogue))
    assert made.trials == 25
