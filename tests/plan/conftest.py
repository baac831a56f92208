from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.host import Host
from harness.plan.jobs import Plan
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite

Planning = Callable[..., Plan]

SMALL: dict[str, Any] = {
    "suite": {"name": "small"},
    "matrix": {
        "architectures": ["mlp", "lenet"],
        "datasets": ["digits"],
        "seeds": [0, 1],
        "floors": False,
    },
    "recipes": {"plain": {"optimizer": "adamw", "epochs": 2}},
    "measure": [
        {"name": "accuracy"},
        {"name": "throughput"},
        {"name": "adversarial", "attacks": ["pgd"], "epsilons": ["1/16"]},
        {"name": "shift", "shifts": ["blur"], "severities": [1]},
    ],
}


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Host().require_usable()


@pytest.fixture
def small() -> dict[str, Any]:
    """A suite whose plan has every sort of job."""
    return copy.deepcopy(SMALL)


@pytest.fixture
def planned(catalogue: Catalogue) -> Planning:
    """Plan a suite that is given as a dictionary or a name."""

    def plan(suite: Any, *settings: str) -> Plan:
        return make_plan(load_suite(suite, catalogue, settings=settings), catalogue)

    return plan
