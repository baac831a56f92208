"""Nodes of Slurm as machines of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from said_by_slurm import SaidBySlurm

from harness_slurm.commands import nodes, output
from harness_slurm.nodes import known_machines, look_here

NODE = "n01|{}|4|8000|(null)|(null)|1:4:1\n"


def test_a_node_is_a_machine_once_a_task_has_looked_at_it_and_as_long_as_tasks_start_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm = SaidBySlurm(tmp_path / "slurm", monkeypatch)
    monkeypatch.setenv("SLURMD_NODENAME", "n01")
    monkeypatch.setenv("SLURM_JOB_PARTITION", "debug")
    (tmp_path / "nodes").mkdir()

    def known(state: str) -> list[str]:
        slurm.say("sinfo", NODE.format(state))
        return [one.name for one in known_machines(tmp_path, nodes("debug"), 0)]

    assert known("idle") == []
    look_here(tmp_path, 0)
    for state in ("idle", "mixed", "allocated", "idle~"):
        assert known(state) == ["n01"], state
    for state in ("down*", "drained", "draining", "maint", "failing"):
        assert known(state) == [], state


def test_a_folder_may_have_what_sbatch_would_replace() -> None:
    assert output(Path("/100%J/out"), "%A_%a.txt") == "--output=/100%%J/out/%A_%a.txt"
