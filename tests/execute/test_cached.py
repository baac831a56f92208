"""What is done again, and what is not."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness_process import (
    Workplace,
    WorkplaceHere,
    done_twice,
    figures,
    outcomes,
    rows,
    small_suite,
)

from harness.execute.cached import find_cached
from harness.plan.jobs import Job, Plan
from harness.store.records import FORMAT_VERSION
from harness.store.store import Store

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, undisturbed: Path) -> WorkplaceHere:
    """Return a workplace whose store is a copy of the undisturbed one."""
    found = WorkplaceHere(tmp_path_factory.mktemp("cached"))
    found.write("small.toml", (undisturbed.parent / "small.toml").read_text())
    shutil.copytree(undisturbed, found.folder / "store")
    return found


def done_by_the_last_run(store: Path) -> set[str]:
    """Return the labels of the jobs that the last run did itself."""
    last = rows(store, "SELECT MAX(id) AS run FROM runs")[0]["run"]
    found = outcomes(store)
    assert all(row["status"] == "ok" for row in found.values())
    return {label for label, row in found.items() if row["run"] == last}


def run(place: Workplace, *more: str) -> set[str]:
    code, _, errors = place.run("small.toml", "store", *more)
    assert code == 0, errors
    return done_by_the_last_run(place.folder / "store")


def folder(place: Workplace, label: str) -> Path:
    store = place.folder / "store"
    return store / str(outcomes(store)[label]["folder"])


def test_fresh_measures_again_and_keeps_the_old(place: Workplace) -> None:
    store = place.folder / "store"
    before = rows(store, "SELECT * FROM outcomes ORDER BY id")
    again = run(place, "--fresh", "flops")
    assert again == {"flops mlp digits", "flops lenet digits"}
    after = rows(store, "SELECT * FROM outcomes ORDER BY id")
    assert after[: len(before)] == before and len(after) == len(before) + 2


def test_fresh_names_what_it_does_not_know(place: Workplace) -> None:
    code, _, errors = place.run("small.toml", "store", "--fresh", "flop")
    assert code == 2
    assert "'flop'; did you mean 'flops'?" in errors


def test_a_measure_that_a_suite_has_twice_is_taken_again_by_its_name_alone(tmp_path: Path) -> None:
    names = ("adversarial:norm=l2", "adversarial:norm=linf", "accuracy")
    jobs = [Job(f"{n}" * 64, "measure", n, {}, (), {"measure": n}) for n in names]
    plan = Plan("some", tuple(jobs), 0, {})
    with Store(tmp_path) as store:
        both = find_cached(plan, store, ["adversarial"]).fresh
        one = find_cached(plan, store, ["adversarial:norm=l2"]).fresh
    assert both == {job.fingerprint for job in jobs[:2]}
    assert one == {jobs[0].fingerprint}


@pytest.mark.slow
def test_vanished_files_are_made_again_where_they_are_needed(place: Workplace) -> None:
    shutil.rmtree(folder(place, "prepare digits contrast@1"))
    assert run(place) == set()  # nothing that runs needs it
    shutil.rmtree(folder(place, "shift mlp#1 digits"))
    assert run(place) == {"prepare digits contrast@1", "shift mlp#1 digits"}
    shutil.rmtree(folder(place, "fit mlp#0 digits"))
    shutil.rmtree(folder(place, "prepare digits"))
    shutil.rmtree(folder(place, "accuracy mlp#0 digits"))
    assert run(place) == {"prepare digits", "fit mlp#0 digits", "accuracy mlp#0 digits"}


def test_what_is_made_again_is_the_same(place: Workplace, undisturbed: Path) -> None:
    assert figures(place.folder / "store") == figures(undisturbed)


def test_order_and_names_do_not_matter(place: Workplace) -> None:
    text = (place.folder / "small.toml").read_text()
    text = text.replace('["mlp", "lenet"]', '["lenet", "mlp"]').replace("[0, 1]", "[1, 0]")
    place.write("other.toml", text.replace('"small"', '"other"'))
    code, _, errors = place.run("other.toml", "store")
    assert code == 0
    assert "17 jobs, 17 cached" in errors


@pytest.mark.slow
def test_a_full_disk_stops_the_run_and_the_next_one_goes_on(
    workplace: Workplace, undisturbed: Path
) -> None:
    if shutil.which("mount") is None:
        pytest.skip("there is no `mount`")
    store = workplace.folder / "store"
    store.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "none", str(store)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mount is refused here: {done.stderr.strip()}")
    try:
        code, _, errors = workplace.run("small.toml", "store")
        assert code == 2, errors
        assert "the disk of the store 'store' is full; free some space and run again" in errors
        assert "Traceback" not in errors
        kept = rows(store, "SELECT * FROM outcomes")
        assert kept and {row["status"] for row in kept} == {"ok"}
        assert len(kept) < 17
        remount = ["mount", "-o", "remount,size=64m", str(store)]
        subprocess.run(remount, check=True)
        code, _, errors = workplace.run("small.toml", "store")
        assert code == 0, errors
        assert f"{len(kept)} cached" in errors
        assert not done_twice(store)
        assert figures(store) == figures(undisturbed)
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            subprocess.run(["umount", "-l", str(store)], check=True)


@pytest.mark.parametrize("trouble", ["file", "newer", "damaged"])
def test_a_store_that_cannot_be_used_is_refused_in_words(
    tmp_path: Path, trouble: str, undisturbed: Path
) -> None:
    place = WorkplaceHere(tmp_path)
    place.write("small.toml", small_suite())
    store = tmp_path / "store"
    if trouble == "file":
        store.write_text("notes")
        expected = "there is a file"
    else:
        store.mkdir()
        shutil.copy(undisturbed / "store.sqlite", store)
        if trouble == "newer":
            import sqlite3

            with contextlib.closing(sqlite3.connect(store / "store.sqlite")) as made, made:
                made.execute("UPDATE meta SET value = '99'")
            expected = (
                f"has format 99, newer than this program's {FORMAT_VERSION}; update model-harness"
            )
        else:
            (store / "store.sqlite").write_bytes(b"\0" * 4096)
            expected = "is damaged (file is not a database)"
    code, _, errors = place.run("small.toml", "store")
    assert code == 2
    assert expected in errors and "Traceback" not in errors
