"""Outcomes hold as long as what they were made of does: files that jobs read, and the outcomes they needed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.catalogue.host import Host
from harness.catalogue.reach import look_anew
from harness.execute.cached import find_cached
from harness.execute.circumstances import basis_of, sources_beyond, state_of
from harness.execute.files_read import read_now
from harness.plan.jobs import Job, Plan
from harness.store.records import Outcome
from harness.store.store import Store


def job(sort: str, name: str, *needs: str) -> Job:
    axes = {"measure": name} if sort == "measure" else {}
    return Job(fingerprint=name, sort=sort, label=name, spec={}, needs=needs, axes=axes)


PLAN = Plan(
    suite="tiny",
    jobs=(
        job("prepare", "data"),
        job("fit", "one", "data"),
        job("fit", "two", "data"),
        job("measure", "speed", "data"),
        job("measure", "accuracy", "data", "one"),
        job("measure", "transfer", "data", "one", "two"),
    ),
    trials=2,
    hardware={},
)
ALL = {job.fingerprint for job in PLAN.jobs}


class Run:
    """Runs of a plan as far as a store knows: what is not cached gets an outcome."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.reads: dict[str, list[Path]] = {}

    def __call__(self, fresh: Sequence[str] = (), plan: Plan = PLAN) -> set[str]:
        """Return what had to be done."""
        found = find_cached(plan, self.store, fresh)
        number, name = self.store.start_run(plan, {})
        states = dict(found.states)
        done = set()
        for one in plan.jobs:
            if one.fingerprint in found.outcomes:
                continue
            files = tuple(read_now(str(path)) for path in self.reads.get(one.fingerprint, ()))
            basis = basis_of(one, states)
            state = state_of(basis, files, name if one.fingerprint in found.fresh else "")
            states[one.fingerprint] = state
            folder = self.store.new_attempt(one.fingerprint)
            self.store.add_outcome(
                number,
                Outcome(
                    fingerprint=one.fingerprint,
                    status="ok",
                    folder=str(folder.relative_to(self.store.folder)),
                    files_read=files,
                    basis=basis,
                    state=state,
                ),
            )
            done.add(one.fingerprint)
        return done

    def forget(self, fingerprint: str) -> None:
        """Remove the files of a job's outcomes."""
        self.store.discard(self.store.folder / "jobs" / fingerprint)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs in a new store."""
    return Run(tmp_path / "store")


def test_where_nothing_is_read_fingerprints_say_all(run: Run) -> None:
    assert run() == ALL
    assert run() == set()
    rows = run.store._rows.execute("SELECT COUNT(*) FROM circumstances").fetchone()
    assert tuple(rows) == (0,)


def test_what_depends_on_a_fresh_job_is_made_fresh_too(run: Run) -> None:
    run()
    assert run(["accuracy"]) == {"accuracy"}
    assert run(["fit"]) == {"one", "two", "accuracy", "transfer"}
    assert run() == set()
    assert run(["prepare"]) == ALL
    assert run() == set()


def test_what_a_later_suite_measures_on_a_fresh_fit_is_made_fresh(run: Run) -> None:
    run()
    fits = Plan(suite="fits", jobs=PLAN.jobs[:2], trials=1, hardware={})
    assert run(["fit"], fits) == {"one"}
    assert run() == {"accuracy", "transfer"}


def test_a_file_that_a_fit_has_read(run: Run, tmp_path: Path) -> None:
    weights = tmp_path / "base.pt"
    weights.write_text("first")
    run.reads = {"one": [weights]}
    assert run() == ALL
    os.utime(weights)
    assert run() == set()
    weights.write_text("second")
    assert find_cached(PLAN, run.store).changed == (str(weights),)
    assert run() == {"one", "accuracy", "transfer"}
    assert run() == set()
    weights.write_text("first")  # the first outcomes hold again
    assert run() == set()
    weights.unlink()
    assert run() == {"one", "accuracy", "transfer"}


def test_a_fit_made_anew_alone_leaves_no_measure_of_the_old_one(run: Run, tmp_path: Path) -> None:
    weights = tmp_path / "base.pt"
    weights.write_text("first")
    run.reads = {"one": [weights]}
    run()
    weights.write_text("second")
    fits = Plan(suite="fits", jobs=PLAN.jobs[:2], trials=1, hardware={})
    assert run(plan=fits) == {"one"}
    assert run() == {"accuracy", "transfer"}


def test_a_file_that_a_measure_has_read(run: Run, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("first")
    run.reads = {"accuracy": [words]}
    run()
    words.write_text("second")
    assert run() == {"accuracy"}


def test_a_file_that_preparing_has_read(run: Run, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("first")
    run.reads = {"data": [labels]}
    run()
    labels.write_text("second")
    assert run() == ALL


def test_what_is_made_again_of_the_same_files_is_the_same(run: Run, tmp_path: Path) -> None:
    weights = tmp_path / "base.pt"
    weights.write_text("first")
    run.reads = {"one": [weights]}
    run()
    run.forget("one")
    assert run() == set()  # nothing that runs needs it
    run.forget("accuracy")
    assert run() == {"one", "accuracy"}
    assert run() == set()


def test_a_store_of_before_is_read_and_written(run: Run) -> None:
    run()
    folder = run.store.folder
    for table in ("circumstances", "files_read"):
        run.store._rows.execute(f"DROP TABLE {table}")
    run.store.close()
    with Store(folder, create=False) as store:
        assert set(find_cached(PLAN, store).outcomes) == ALL
    run.store = Store(folder)
    assert run() == set()
    assert run(["fit"]) == {"one", "two", "accuracy", "transfer"}


def test_states_do_not_depend_on_an_order(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text(name)
    files = [read_now(str(tmp_path / name)) for name in "ab"]
    assert state_of("", files) == state_of("", files[::-1]) != state_of("", files[:1])
    assert state_of("", ()) == "" and state_of("x", ()) != state_of("y", ()) != ""
    assert basis_of(job("fit", "one", "data"), {}) == ""
    assert basis_of(job("fit", "one", "data"), {"data": "x"}) != ""


def test_what_was_made_without_a_model_holds_only_without_it() -> None:
    compared = job("measure", "transfer", "one", "two")
    whole, without = basis_of(compared, {}), basis_of(compared, {}, {"two"})
    assert whole == "" != without != basis_of(compared, {}, {"one"})


def test_modules_that_no_syntax_leads_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "circ_net.py").write_text(
        "import importlib\nfrom circ_seen import x\nclass Net:\n    takes = ('image',)\n"
        "    def f(self): return x, importlib.import_module('circ_' + 'unseen')\n"
    )
    (tmp_path / "circ_seen.py").write_text("x = 1\n")
    (tmp_path / "circ_unseen.py").write_text("y = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    look_anew()
    spec = {"architecture": {"name": "circ_net:Net", "options": {}}}
    built = Job(fingerprint="x", sort="fit", label="x", spec=spec, needs=(), axes={})
    modules = ("circ_net", "circ_seen", "circ_unseen", "circ_gone")
    (file,) = sources_beyond(built, modules, Host().catalogue)
    assert file.path == str(tmp_path / "circ_unseen.py")
