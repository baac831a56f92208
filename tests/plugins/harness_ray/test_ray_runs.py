"""Runs on a cluster of three nodes: the same figures and the same ends as here, whoever is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from harness_process import (
    OBSERVER,
    EndedRun,
    HarnessProcess,
    Workplace,
    done_twice,
    figures,
    outcomes,
    rows,
    small_suite,
    until,
)
from ray_cluster import RayCluster
from test_job_outcomes import ENDS, MEASURES, NAMES
from test_job_outcomes import SUITE as BAD_SUITE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra [ray]"),
    pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc"),
]

BUSY_SECONDS = 480.0  # for a run: each node imports all, and a machine may be busy


class RayWorkplace(Workplace):
    """A workplace whose runs go to a cluster."""

    patience = BUSY_SECONDS
    cluster: RayCluster
    options = ""

    def start(
        self, suite: str | Path, store: str | Path, *more: str, **how: object
    ) -> HarnessProcess:
        engine = f"ray:address={self.cluster.address}{self.options}"
        return super().start(suite, store, "--engine", engine, *more, **how)  # type: ignore[arg-type]

    def run(self, suite: str | Path, store: str | Path, *more: str) -> tuple[int, str, str]:
        code, out, errors = super().run(suite, store, *more)
        assert (self.folder / store / "store.sqlite").exists(), errors
        return code, out, errors


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    started = RayCluster.start(2, 2, 2)
    yield started
    started.close()


@pytest.fixture
def place(cluster: RayCluster, tmp_path: Path) -> RayWorkplace:
    made = RayWorkplace(tmp_path)
    made.cluster = cluster
    made.plugins.append(made.write("noting.py", OBSERVER))
    made.write("small.toml", small_suite())
    return made


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same suite on the local engine."""
    here = Workplace(tmp_path_factory.mktemp("here"))
    process = here.start(here.write("small.toml", small_suite()), "store")
    _, errors = process.output(BUSY_SECONDS)
    assert process.wait() == 0, errors
    return here.folder / "store"


@pytest.mark.parametrize("shared", ["true", "false"])
def test_figures_are_those_of_the_local_engine_bit_for_bit(
    place: RayWorkplace, undisturbed: Path, shared: str
) -> None:
    place.options = f",shared={shared}"
    code, _, errors = place.run("small.toml", "store")
    assert code == 0, errors
    store = place.folder / "store"
    assert "6 CPU slots" in errors
    assert figures(store) == figures(undisturbed)
    for row in rows(store, "SELECT folder FROM outcomes"):
        assert (store / row["folder"] / "log.txt").exists()
        assert not (store / row["folder"] / "request.json").exists()
    environments = rows(store, "SELECT content FROM environments")
    names = {json.loads(row["content"])["machine"] for row in environments}
    assert names and all(isinstance(name, str) and name for name in names)
    code, _, errors = place.run("small.toml", "store")
    jobs = len(rows(store, "SELECT * FROM run_jobs WHERE run = 2"))
    assert code == 0 and f"{jobs} jobs, {jobs} cached" in errors, errors


def test_each_end_has_its_type_and_reason_as_on_the_local_engine(place: RayWorkplace) -> None:
    place.plugins.append(place.write("bad_measures.py", MEASURES))
    measures = "".join(f'[[measure]]\nname = "{name}"\n' for name in NAMES)
    suite = BAD_SUITE.replace('"12s"', '"20s"') + measures
    done = EndedRun(place, place.write("bad.toml", suite))
    found = {name: done.outcomes[f"{name} mlp digits"] for name, _, _ in ENDS}
    assert done.code == 1, done.errors
    wrong = {
        name: (found[name]["status"], found[name]["reason"])
        for name, status, words in ENDS
        if found[name]["status"] != status
        or words.replace("12 s", "20 s") not in found[name]["reason"]
    }
    assert not wrong
    assert "Fatal Python error: Segmentation fault" in done.logs("segfaults mlp digits")
    assert "it starts to sleep" in done.logs("sleeps mlp digits")
    assert len(done.logs("chatty mlp digits").splitlines()) > 20000
    finished = Counter(
        line["fingerprint"]
        for line in HarnessProcess(None, "", place.folder / "announced.jsonl").finished()  # type: ignore[arg-type]
    )
    assert set(finished.values()) == {1} and len(finished) == len(done.outcomes)


def test_the_engine_keeps_the_contracts_of_engines(place: RayWorkplace) -> None:
    engine = f"ray:address={place.cluster.address},shared=false"
    code, text = place.call("plugin", "check", "ray", "--engine", engine)
    assert code == 0 and "not checked" not in text, text
    assert "ok          engine ray: What ends badly ends as what it is" in text


def test_whoever_is_killed_no_job_is_lost_and_none_counted_twice(
    place: RayWorkplace, undisturbed: Path
) -> None:
    """The driver, a worker and a whole node, each at some moment of a run; new nodes take the place of the killed ones."""
    draw, store = random.Random(5), place.folder / "store"
    place.options = ",retries=9"

    def jobs_ended(process: HarnessProcess, count: int) -> None:
        before = len(process.finished())
        until(
            lambda: len(process.finished()) >= before + count or process.process.poll() is not None,
            BUSY_SECONDS,
        )
        time.sleep(draw.uniform(0.0, 0.5))

    process = place.start("small.toml", "store")
    jobs_ended(process, 1)
    process.process.kill()
    process.output()
    process = place.start("small.toml", "store")
    jobs_ended(process, 1)
    for worker in place.cluster.workers(2):
        os.kill(worker, signal.SIGKILL)
    jobs_ended(process, 1)
    place.cluster.kill(1)
    _, errors = process.output(BUSY_SECONDS)
    assert process.wait() == 0, errors
    place.cluster.add(2)
    assert not done_twice(store)
    assert all(row["status"] == "ok" for row in outcomes(store).values())
    assert figures(store) == figures(undisturbed)
    recorded = {row["folder"] for row in rows(store, "SELECT folder FROM outcomes")}
    assert {str(path.relative_to(store)) for path in store.glob("jobs/*/*")} == recorded


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("address=127.0.0.1:1", "nothing answers at '127.0.0.1:1'"),
        ("address=ray://127.0.0.1:1", "nothing answers at 'ray://127.0.0.1:1'"),
        ("address=somewhere", "'somewhere' is no address of a Ray cluster"),
        ("{cluster},gpu=*H100*", "no node has a GPU of the model '*H100*'"),
        ("{cluster},memory_gib=1e9", "no node has the memory_gib=1e+09 that a job may need"),
    ],
)
def test_what_cannot_be_is_refused_in_words_before_the_run(
    place: RayWorkplace, options: str, words: str
) -> None:
    engine = "ray:" + options.format(cluster=f"address={place.cluster.address}")
    started = time.monotonic()
    process = Workplace.start(place, "small.toml", "store", "--engine", engine)
    _, errors = process.output(BUSY_SECONDS)
    code = process.wait()
    said = " ".join(errors.replace("\u2502", " ").split())
    assert code == 2 and words in said, errors
    assert (
        not rows(place.folder / "store", "SELECT * FROM runs")
        if (place.folder / "store" / "store.sqlite").exists()
        else True
    )
    if "cluster" not in options:
        assert time.monotonic() - started < 30.0  # imports and all, on a busy machine
