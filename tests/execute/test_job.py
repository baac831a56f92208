"""What a job finds in its process, whatever was there before."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.catalogue.host import Host
from harness.execute.job import run_job
from harness.execute.process_state import state_kept
from harness.execute.request import Request
from harness.plan.jobs import Job


@pytest.mark.parametrize("seed", [{}, {"seed": 0}, {"seed": 2**63}])
def test_numpy_and_python_draw_by_the_seed_of_the_job_alone(
    seed: dict[str, int], tmp_path: Path
) -> None:
    catalogue, drawn = Host().catalogue, []

    def draws(*_: Any) -> None:
        drawn.append((random.random(), np.random.rand()))

    with state_kept():
        for state, spec in ((1, seed), (2, seed), (2, {"seed": 7})):
            random.seed(state)
            np.random.seed(state)
            job = Job("f" * 64, "measure", "measure one", spec, (), {})
            assert run_job(Request(job, str(tmp_path)), catalogue, run=draws).is_ok
    first, again, other = drawn
    assert first == again and first[0] != other[0] and first[1] != other[1]
