"""A run that was run again, figure by figure."""

import json
import os
import shutil
import sqlite3
from dataclasses import replace

import pytest
from here_engine import run_here

from harness.catalogue.shown import Shown
from harness.compare.reproduction import reproduction
from harness.compare.side import Side
from harness.store.run_data import RunData
from harness.store.store import Store


@pytest.fixture(scope="module")
def catalogue(small_run):
    return small_run.host.catalogue


def altered(small_store, folder, *statements):
    """Return the small run with other figures."""
    shutil.copytree(small_store, folder, symlinks=True)
    with sqlite3.connect(folder / "store.sqlite") as rows:
        for statement in statements:
            rows.execute(statement)
    with Store(folder, create=False) as store:
        return RunData.read(store)


def points(a, b, catalogue):
    found = reproduction(a, b, catalogue)
    return found, {point.measure: point for point in found.points}


def test_what_is_the_same_is_the_same_bit_for_bit(small_run, catalogue):
    found, by_measure = points(small_run.data, small_run.data, catalogue)
    assert found.holds and {"accuracy", "throughput", "fit"} <= by_measure.keys()
    for point in found.points:
        assert point.same > 0 and (point.noise, point.untold) == (0, 0)
        assert (point.other, point.timed, point.missing) == ((), (), ())


def test_each_seed_counts(small_run, small_store, tmp_path, catalogue):
    """Two seeds whose figures are exchanged have the same mean."""
    seeds = (
        "SELECT outcome FROM metrics JOIN outcomes ON outcomes.id = outcome JOIN jobs USING (fingerprint)"
        " WHERE jobs.axes LIKE '%\"seed\":{}%' AND jobs.axes LIKE '%mlp%' AND name = 'accuracy'"
    )
    again = altered(
        small_store,
        tmp_path / "store",
        "CREATE TEMP TABLE kept AS SELECT value, outcome FROM metrics WHERE name = 'accuracy'",
        *(
            f"UPDATE metrics SET value = (SELECT value FROM kept WHERE outcome = ({seeds.format(b)}))"
            f" WHERE name = 'accuracy' AND outcome = ({seeds.format(a)})"
            for a, b in ((0, 1), (1, 0))
        ),
    )
    _, by_measure = points(small_run.data, again, catalogue)
    assert (by_measure["accuracy"].noise, by_measure["accuracy"].other) == (1, ())


def test_what_differs_is_told_by_kind(small_run, small_store, tmp_path, catalogue):
    again = altered(
        small_store,
        tmp_path / "store",
        "UPDATE metrics SET value = value + 1 WHERE name = 'parameters'",
        "UPDATE metrics SET value = 100 * value, low = 100 * low, high = 100 * high WHERE name = 'throughput'",
        "UPDATE run_jobs SET outcome = NULL WHERE label LIKE 'accuracy lenet%'",
    )
    found, by_measure = points(small_run.data, again, catalogue)
    assert not found.holds
    others = [pair.name for point in found.points for pair in point.other]
    assert others and set(others) == {"parameters"}
    slower = by_measure["throughput"]  # whatever is claimed of it, it is no failure
    assert slower.other == () and slower.noise + slower.untold + len(slower.timed) > 0
    missing = by_measure["accuracy"].missing
    assert missing and {(one.missing_in, one.label.split()[0]) for one in missing} == {
        ("B", "lenet")
    }


@pytest.mark.slow
def test_a_run_is_run_again_from_its_file(small_suite, tmp_path):
    """By the command line, with the engine that users have; nothing is timed."""
    from here_command import call_here

    suite = small_suite | {"measure": [{"name": "accuracy"}, {"name": "flops"}]}
    run_here(
        suite | {"matrix": {"architectures": ["mlp"], "datasets": ["digits"], "floors": False}},
        store=tmp_path / "a",
    )
    done = call_here(tmp_path, "export", "--store", "a", "-o", "run.zip", "--no-artifacts")
    assert done.returncode == 0
    done = call_here(tmp_path, "reproduce", "run.zip", "-o", "again", "--dry-run")
    assert done.returncode == 0 and not (tmp_path / "again" / "store.sqlite").exists()
    lines = (tmp_path / "again" / "requirements.txt").read_text().splitlines()
    assert lines[0].startswith("# Python 3.") and any(
        line.startswith("torch==2.") for line in lines
    )
    done = call_here(tmp_path, "reproduce", "run.zip", "-o", "again", **os.environ)
    assert done.returncode == 0, done.stderr
    assert "Reproduced: " in done.stdout and "bit for bit; 0 others within noise." in done.stdout
    done = call_here(tmp_path, "reproduce", "again/none.zip", "--store", "a")
    assert done.returncode == 2 and "there is no file 'again/none.zip'" in done.stderr
    done = call_here(tmp_path, "import", "run.zip", "--store", "b")
    assert done.returncode == 0
    for run in ("a:small-0001", "run.zip"):
        for store in ("a", "b"):  # where it would be found, and not run
            done = call_here(tmp_path, "reproduce", run, "-o", store)
            assert done.returncode == 2 and "-o names another one" in done.stderr


def test_trials_of_a_search_pair_by_their_number_whatever_was_proposed(small_run) -> None:
    """After the first ten a proposal hangs on the last bits of the losses before it."""
    job = next(one for one in small_run.data.jobs if one.sort == "fit" and one.status == "ok")
    row = small_run.data.metrics.query("name == 'validation_loss'").iloc[:1]

    def keys(rate: float) -> list[object]:
        trial = replace(job, spec={**job.spec, "search": {"over": {}, "trial": 11}})
        where = json.dumps({"learning_rate": rate})
        metrics = row.assign(measure="search", where=where, fingerprint=job.fingerprint)
        run = replace(small_run.data, jobs=(trial,), metrics=metrics)
        shown = {("search", "validation_loss"): Shown(metric="validation_loss")}
        return list(Side(run, small_run.host.catalogue).index(shown, frozenset()))

    assert keys(0.0125) == keys(0.012500000001)
    assert keys(0.1)[0][3] == '{"trial": 11}'
