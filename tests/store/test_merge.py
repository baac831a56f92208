"""Runs of other stores: taken over once, whole or not at all, with what their reports need."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from store_cases import do, make_job

from harness.errors import StoreError
from harness.store.merge import Advance, Arrival, Merged, arrivals, take_over
from harness.store.records import FileRead
from harness.store.run_data import RunData
from harness.store.store import Store


def merge(into: Path, *sources: Path, advance: Advance = lambda size: None) -> Merged:
    merged, coming = Merged(), list[Arrival]()
    for source in sources:
        with Store(source, create=False) as store:
            coming += arrivals(store, merged)
    with Store(into) as store:
        return take_over(store, coming, merged, advance)


def figures(store: Path, run: str) -> str:
    with Store(store, create=False) as opened:
        frame = RunData.read(opened, run).metrics
    return str(frame.drop(columns="run").to_json())


def test_runs_come_together_with_their_figures_and_files(tmp_path: Path) -> None:
    a, b, c = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    with Store(a) as store:
        do(store, {1: 0.5})
        do(store, {1: 0.5, 2: 0.25})  # uses what the first has made
    with Store(b) as store:
        do(store, {3: 0.75})
    merged = merge(c, a, b)
    assert len(merged.runs) == 3 and merged.outcomes == 3 and merged.shared == 1
    assert not merged.differences and not merged.known and not merged.left
    names = {(Path(store).name, name): here for (store, name), here in merged.runs.items()}
    for (store, name), here in names.items():
        assert figures(tmp_path / store, name) == figures(c, here)
    with Store(c, create=False) as store:
        data = RunData.read(store, names["a", "tiny-0002"])
        assert [job.cached for job in data.jobs] == [True, False] and data.environment == {
            "cpu": "c"
        }
        folder = data.jobs[0].folder
        assert folder and (folder / "deep" / "weights.bin").read_bytes() == b"w" * 10
        assert (folder / "log.txt").read_text() == "0.5\n" and not (folder / "link").is_symlink()
        (candidate,) = store.candidates([make_job(1).fingerprint])[make_job(1).fingerprint]
        assert candidate.files == (FileRead("/a/file", "digest"),)
        assert (candidate.basis, candidate.state) == ("basis", "state")


def test_a_merge_again_adds_what_is_new(tmp_path: Path) -> None:
    a, c = tmp_path / "a", tmp_path / "c"
    with Store(a) as store:
        do(store, {1: 0.5})
    merge(c, a)
    copy = shutil.copytree(a, tmp_path / "copy")
    with Store(a) as store:
        do(store, {1: 0.5, 2: 0.25})
    merged = merge(c, a, Path(copy))
    assert list(merged.runs.values()) == ["tiny-0002"] and merged.outcomes == 1
    assert len(merged.known) == 2  # of both folders, the copy's own under its name
    with Store(c, create=False) as store:
        assert [row["name"] for row in store.runs()] == ["tiny-0001", "tiny-0002"]
        assert [job.cached for job in RunData.read(store).jobs] == [True, False]


def test_other_figures_of_one_job_are_kept_and_told(tmp_path: Path) -> None:
    a, b, c = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    for folder, value in ((a, 0.5), (b, 0.625)):
        with Store(folder) as store:
            do(store, {1: value, 2: 0.25})
    merged = merge(c, a, b)
    assert merged.outcomes == 4
    (difference,) = merged.differences
    assert (difference.job, difference.metric) == ("job 1", "accuracy epsilon=0.5")
    assert {difference.before, difference.now} == {0.5, 0.625}
    for folder in (a, b):
        here = merged.runs[str(folder), "tiny-0001"]
        assert figures(folder, "tiny-0001") == figures(c, here)


def test_a_run_that_was_killed_is_taken_and_one_that_goes_on_is_not(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from pathlib import Path\nfrom store_cases import do\nfrom harness.store.store import Store\n"
        f"store = Store(Path({str(tmp_path / 'a')!r})); do(store, {{1: 0.5}}, finish=False)\n"
        "print('made', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout and other.stdout.readline() == "made\n"
        merged = merge(tmp_path / "c", tmp_path / "a")
        assert not merged.runs and [left.split()[0] for left in merged.left] == ["tiny-0001"]
        other.kill()
    merged = merge(tmp_path / "c", tmp_path / "a")
    assert merged.outcomes == 1
    with Store(tmp_path / "c", create=False) as store:
        assert RunData.read(store).status == "interrupted"


def test_a_job_that_another_process_runs_stops_the_merge_and_leaves_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "a") as store:
        do(store, {1: 0.5, 2: 0.5})
    Store(tmp_path / "c").close()
    code = (
        "import sys\nfrom harness.store.store import Store\n"
        f"store = Store({str(tmp_path / 'c')!r}); store.claim({make_job(2).fingerprint!r})\n"
        "print('claimed', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout and other.stdout.readline() == "claimed\n"
        with pytest.raises(
            StoreError, match=f"process {other.pid} runs a job of tiny-0001 in the store"
        ):
            merge(tmp_path / "c", tmp_path / "a")
        with Store(tmp_path / "c", create=False) as store:
            assert store.runs() == [] and store.latest_outcome() == 0
        assert not list((tmp_path / "c").glob("jobs/*/*"))
        other.kill()
    assert merge(tmp_path / "c", tmp_path / "a").outcomes == 2


def test_a_disk_that_is_full_leaves_whole_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path / "a") as store:
        do(store, {1: 0.5})
        do(store, {2: 0.5, 3: 0.5})
    copied: list[object] = []
    real = shutil.copyfile

    def full(source: Any, target: Any, **more: Any) -> Any:
        copied.append(source)
        if len(copied) == 5:
            raise OSError(28, "No space left on device")
        return real(source, target, **more)

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(StoreError, match="is full; free some space"):
        merge(tmp_path / "c", tmp_path / "a")
    with Store(tmp_path / "c", create=False) as store:
        assert [row["name"] for row in store.runs()] == ["tiny-0001"]
    assert len(list((tmp_path / "c").glob("jobs/*/*"))) == 1
    assert len(merge(tmp_path / "c", tmp_path / "a").runs) == 1


@pytest.mark.slow
@pytest.mark.parametrize("place", [1, 3, 4, 6, 9])
def test_a_merge_that_is_killed_goes_on(tmp_path: Path, place: int) -> None:
    with Store(tmp_path / "a") as store:
        for number in range(1, 4):
            do(store, {number: number / 16, number + 100: 0.5})
    code = (
        f"import os, sys; sys.path[:0] = {sys.path!r}\nfrom pathlib import Path\nfrom test_merge import merge\n"
        f"copied = []\ndef advance(size):\n    copied.append(size)\n    if len(copied) == {place}:\n"
        f"        os.kill(os.getpid(), 9)\n"
        f"merge(Path({str(tmp_path / 'c')!r}), Path({str(tmp_path / 'a')!r}), advance=advance)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -9
    with Store(tmp_path / "c") as store:
        runs = [row["name"] for row in store.runs()]
        assert len(runs) == (place - 1) // 4  # four files a run
        assert all(job.status == "ok" for name in runs for job in RunData.read(store, name).jobs)
    assert len(merge(tmp_path / "c", tmp_path / "a").runs) == 3 - len(runs)
    for number in range(1, 4):
        assert figures(tmp_path / "a", str(number)) == figures(tmp_path / "c", str(number))
    assert len(list((tmp_path / "c").glob("jobs/*/*/deep/weights.bin"))) == 6
