"""The small ones of the models of timm that tests/evidence/zoo.py draws: planned, counted, asked and trained for a step."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from as_before import as_before

from harness.catalogue.host import Host
from harness.plan.plan import make_plan
from harness.plan.reader import load_suite

ZOO = Path(__file__).parents[2] / "evidence" / "zoo.py"
SMALL = ("test_efficientnet_evos", "test_convnext", "test_vit3", "mobilevit_xxs", "xcit_nano_12_p8_224", "pvt_v2_b0")  # fmt: skip


@pytest.fixture(scope="module")
def zoo() -> Any:
    spec = importlib.util.spec_from_file_location("zoo", ZOO)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_plan_takes_all_that_are_drawn(zoo: Any) -> None:
    catalogue = Host().require_usable()
    drawn = zoo.drawn(Host())
    assert len(set(drawn)) == 100 and {f"timm/{name}" for name in SMALL} <= set(drawn)
    suite = {
        "suite": {"name": "drawn"},
        "matrix": {"architectures": drawn, "datasets": ["digits"], "floors": False},
        "recipes": {"step": {"epochs": 1}},
        "measure": [{"name": "accuracy"}, {"name": "flops"}],
    }
    jobs = make_plan(load_suite(suite, catalogue), catalogue).jobs
    assert len(jobs) == 301 and not any(job.skip for job in jobs)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.filterwarnings("ignore")
def test_it_runs(zoo: Any, name: str) -> None:
    with as_before():
        found = zoo.check(f"timm/{name}", zoo.IMAGE, Host(), steps=1)
    assert found.startswith("runs | ")
