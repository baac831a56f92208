"""A task of Slurm that does jobs of a pool; here without Slurm, as far as that goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.api.nodes import Installed, NodeSetting
from harness.catalogue.host import PluginChoice
from harness.execute.engines import EngineSetting
from harness.execute.request import Request
from harness.plan.jobs import Job
from harness_slurm.pools import Limits, Pool, QueuedJob
from harness_slurm.worker import forget_slurm


def test_the_variables_of_slurm_go_and_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_PROCID", "SBATCH_QOS", "SRUN_CPUS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    forget_slurm()
    left = {"SLURM_PROCID", "SBATCH_QOS", "SRUN_CPUS", "OMP_NUM_THREADS"} & set(os.environ)
    assert left == {"OMP_NUM_THREADS"}


def pool_of(folder: Path, versions: dict[str, str], *plugins: str) -> Pool:
    setting = EngineSetting(plugins=PluginChoice(plugins), cpu_slots=1)
    here = Installed.look(setting.plugins, ())
    installed = Installed({**here.versions, **versions}, here.plugins, here.code)
    return Pool.make(
        folder / "base",
        {
            "node": NodeSetting.here(setting).to_json(),
            "installed": installed.to_json(),
            "device": "cpu",
            "devices": 1,
            "alone": False,
            "folder": str(folder),
            "gpus": 0,
        },
    )


def work(pool: Pool, seconds: float) -> int:
    names = {"SLURMD_NODENAME": "n01", "SLURM_JOB_ID": "7", "SLURM_JOB_PARTITION": "debug"}
    command = [sys.executable, "-m", "harness_slurm.worker", str(pool.folder), str(seconds)]
    done = subprocess.run(
        command, env=os.environ | names, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode in (0, 3), done.stderr
    return done.returncode


@pytest.mark.slow
def test_a_node_with_another_library_does_no_job_and_says_so_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "own.py"
    plugin.write_text("")
    pool = pool_of(tmp_path, {"torch": "1.0"}, str(plugin))
    plugin.unlink()  # as on a node that does not have it: it is written anew there
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    assert work(pool, 60) == 3
    assert list((tmp_path / "temporary").iterdir()) == []
    words = pool.refusal()
    assert words.startswith("n01 has torch ") and words.endswith(" instead of 1.0")
    assert pool.refusal() == ""  # it is said once


@pytest.mark.slow
def test_a_task_comes_back_to_its_job_and_kills_what_takes_too_long(tmp_path: Path) -> None:
    pool = pool_of(tmp_path, {})
    entries = []
    for number, deed in enumerate(("works", "sleeps")):
        job = Job(
            fingerprint=f"{number:064x}",
            sort="probe",
            label=f"probe {number}",
            spec={"deed": deed},
            needs=(),
            axes={},
        )
        folder = tmp_path / str(number)
        folder.mkdir()
        request = Request(job, str(folder))
        entry = QueuedJob.of(tmp_path / "base", request)
        entry.make(request, pool, Limits(2.0 if number else 60.0, 1.0))
        pool.put(number, entry)
        entries.append(entry)
    pool.close()
    assert pool.take(pool.queued()[0], "7") is not None  # before it was preempted
    began = time.monotonic()
    assert work(pool, 600) == 0
    assert time.monotonic() - began < 120
    first, second = (entry.outcome() for entry in entries)
    assert first is not None and first.is_ok
    assert second is not None and second.status == "timeout"
    assert second.reason == "it took longer than its time limit of 2 s and was killed"
    assert not pool.queued() and not pool.taken()
    assert json.loads((entries[0].folder / "limits.json").read_text())["limit"] == 60.0
