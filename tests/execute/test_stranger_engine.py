"""An engine of a stranger: one file, the example of plugins/README.md, runs a suite as ours does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness_process import figures
from here_engine import run_here

from harness.catalogue.host import Host, PluginChoice
from harness.contracts import check_plugin
from harness.contracts.new_plugin import kind_examples
from harness.execute.run import run_plan
from harness.execute.session import open_suite
from harness.plan.plan import make_plan
from harness.store.recorder import Recorder
from harness.store.store import Store

SUITE: dict[str, Any] = {
    "suite": {"name": "tiny"},
    "matrix": {"architectures": ["mlp"], "datasets": ["digits"], "floors": False},
    "recipes": {"plain": {"epochs": 1}},
    "measure": [{"name": "accuracy"}, {"name": "flops"}],
}


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """The engine of the README, as a file."""
    path = tmp_path / "pool_engine.py"
    path.write_text(kind_examples()["engine"])
    return path


class Watching:
    """A recorder that passes all on to a store, and notes what is written: it has nothing else."""

    def __init__(self, store: Store) -> None:
        self._store, self.written = store, list[str]()
        self.folder = store.folder

    def __getattr__(self, name: str) -> Any:
        if name not in vars(Recorder):
            raise AttributeError(f"{name} is not of the recorder's interface")
        if name in ("start_run", "link", "add_outcomes", "finish_run"):
            self.written.append(name)
        return getattr(self._store, name)


def run(folder: Path, choice: PluginChoice, engine: str) -> tuple[dict[str, int], list[str]]:
    host = Host(choice)
    suite = open_suite(host, SUITE)
    with Store(folder) as store:
        watching = Watching(store)
        done = run_plan(make_plan(suite, host.catalogue), watching, host, engine=engine)  # type: ignore[arg-type]
    return dict(done.counts), watching.written


def test_the_engine_keeps_its_contracts(pool: Path) -> None:
    assert [one for one in check_plugin(str(pool)) if one.word != "ok"] == []


@pytest.mark.slow
def test_an_engine_of_one_file_runs_a_suite(pool: Path, tmp_path: Path) -> None:
    choice = PluginChoice(files=(str(pool),))
    counts, written = run(tmp_path / "pool", choice, "pool:workers=1")
    assert counts == {"ok": 4}
    assert written == ["start_run", "link", *["add_outcomes"] * 4, "finish_run"]
    run_here(SUITE, store=tmp_path / "here")
    assert figures(tmp_path / "pool") == figures(tmp_path / "here")
