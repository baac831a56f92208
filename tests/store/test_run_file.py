"""A run as one file: whole when it arrives, and refused where it is not what was sent."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from store_cases import do

from harness.errors import UsageError
from harness.store import run_file
from harness.store.disk import LEFT_OUT, is_whole
from harness.store.merge import Arrival, Merged, take_over
from harness.store.run_data import RunData
from harness.store.run_file import opened_run_file, write_run_file
from harness.store.store import Store


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose second run uses what the first has made, and that run as a file beside it."""
    folder = tmp_path_factory.mktemp("sent") / "a"
    with Store(folder) as store:
        do(store, {1: 0.5})
        do(store, {1: 0.5, 2: 0.25})
        write_run_file(folder.with_name("run.zip"), store.run_rows(2), folder)
    return folder


@pytest.fixture
def sent(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(source.with_name("run.zip"), tmp_path))


def receive(path: Path) -> RunData:
    folder = path.with_name("b")
    with Store(folder) as store:
        with opened_run_file(path, folder) as (rows, place):
            take_over(store, [Arrival(rows, place, str(path))], Merged())
        return RunData.read(store)


def test_a_run_arrives_as_it_was(source: Path, sent: Path) -> None:
    with Store(source, create=False) as store:
        before = RunData.read(store)
    after = receive(sent)
    assert [job.cached for job in after.jobs] == [True, False]  # by a run that was not sent
    assert after.metrics.drop(columns="run").equals(before.metrics.drop(columns="run"))
    assert (after.environment, after.written) == (before.environment, before.written)
    for one, other in zip(before.jobs, after.jobs, strict=True):
        assert one.folder and other.folder
        assert (other.folder / "log.txt").read_bytes() == (one.folder / "log.txt").read_bytes()
        assert {path.name for path in other.folder.rglob("*")} == {"log.txt", "deep", "weights.bin"}
    assert not list(sent.with_name("b").glob("import.*"))
    assert receive(sent).name == after.name  # once more: it is there already


def test_two_files_of_one_run_are_the_same(source: Path, sent: Path) -> None:
    with Store(source, create=False) as store:
        write_run_file(sent.with_name("again.zip"), store.run_rows(2), store.folder)
    assert sent.read_bytes() == sent.with_name("again.zip").read_bytes()


def test_without_artifacts_fits_keep_what_is_shown(tmp_path: Path) -> None:
    with Store(tmp_path / "a") as store:
        do(store, {1: 0.5, 2: 0.25}, sorts={1: "fit"})
        fit = RunData.read(store).jobs[0].folder
        assert fit
        (fit / "findings.json").write_text("[]")
        rows = store.run_rows(1)
        write_run_file(tmp_path / "run.zip", rows, store.folder, artifacts=False)
    fit, measure = (job.folder for job in receive(tmp_path / "run.zip").jobs)
    assert fit and {path.name for path in fit.iterdir()} == {"findings.json", LEFT_OUT}
    assert json.loads((fit / LEFT_OUT).read_text()) == ["deep/weights.bin", "log.txt"]
    assert measure and is_whole(measure) and not is_whole(fit)
    write_run_file(tmp_path / "run.zip", rows, tmp_path / "a")
    assert receive(tmp_path / "run.zip").jobs[0].folder == fit and is_whole(fit)
    assert (fit / "deep" / "weights.bin").exists()


Files = dict[str, bytes]
Change = Callable[[Files, dict[str, Any]], None]


def changed(path: Path, change: Change, *, honest: bool = True) -> Path:
    """Write the file anew, after a change to its members and its manifest; an honest one has right digests."""
    with zipfile.ZipFile(path) as file:
        files = {name: file.read(name) for name in file.namelist()}
    manifest = json.loads(files.pop("manifest.json"))
    change(files, manifest)
    if honest:
        manifest["files"] = {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in files.items()
        }
    with zipfile.ZipFile(path, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
        file.writestr("manifest.json", json.dumps(manifest))
    return path


def rows(table: str, column: str, value: Any) -> Change:
    def change(files: Files, manifest: dict[str, Any]) -> None:
        said = json.loads(files["rows.json"])
        said[table]["rows"][0][said[table]["columns"].index(column)] = value
        files["rows.json"] = json.dumps(said).encode()

    return change


def moved(name: str) -> Change:
    def change(files: Files, manifest: dict[str, Any]) -> None:
        first = next(key for key in files if key.startswith("jobs/"))
        files[name.replace("FOLDER", "/".join(first.split("/")[:3]))] = files.pop(first)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (moved("../out"), "no place in a store"),
        (moved("/out"), "no place in a store"),
        (moved("FOLDER/../out"), "no place in a store"),
        (moved("FOLDER/a\\out"), "no place in a store"),
        (moved("FOLDER//out"), "no place in a store"),
        (moved("FOLDER"), "no place in a store"),
        (moved(f"jobs/{3:064x}/{3:012x}/out"), "do not belong together"),
        (moved("store.sqlite"), "no place in a store"),
        (rows("outcomes", "folder", "jobs/../../out"), "no place in a store"),
        (rows("outcomes", "folder", f"jobs/{3:064x}/{3:012x}"), "no place in a store"),
        (rows("outcomes", "status", "fine"), "a status that there is not"),
        (rows("outcomes", "seconds", "long"), "outcomes.seconds is 'long'"),
        (rows("outcomes", "notes", "[]"), "outcomes.notes is '\\[\\]'"),
        (rows("outcomes", "id", 77), "not among them"),
        (rows("jobs", "fingerprint", "../x"), "jobs.fingerprint is '../x'"),
        (rows("jobs", "label", None), "jobs.label is 'None'"),
        (rows("run", "suite", "../../x"), "runs.suite is '../../x'"),
        (rows("run", "written", "{"), "rows are none of a store"),
        (rows("environments", "content", "{}"), "not what its digest says"),
        (lambda files, manifest: files.update({"rows.json": b"{}"}), "rows are none of a store"),
        (lambda files, manifest: manifest.update(format=2), "newer than this program's 1"),
        (lambda files, manifest: manifest.update(format="x"), "not as `harness export` writes"),
    ],
)
def test_what_a_store_does_not_hold_is_refused(sent: Path, change: Change, said: str) -> None:
    changed(sent, change)
    with pytest.raises(UsageError, match=said):
        receive(sent)
    with Store(sent.with_name("b"), create=False) as store:
        assert store.runs() == [] and store.latest_outcome() == 0
    assert not (sent.with_name("b") / "jobs").exists() and not sent.with_name("out").exists()


def test_damage_is_found(sent: Path) -> None:
    whole = sent.read_bytes()

    def other(files: Files, manifest: dict[str, Any]) -> None:
        files[next(name for name in files if name.endswith("weights.bin"))] = b"v" * 10

    def more(files: Files, manifest: dict[str, Any]) -> None:
        files[next(name for name in files if name.endswith("weights.bin"))] += b"w"

    for change in (other, more):
        sent.write_bytes(whole)
        with pytest.raises(UsageError, match=r"weights.bin' is not what its manifest.json says"):
            receive(changed(sent, change, honest=False))
    sent.write_bytes(whole)
    with pytest.raises(UsageError, match=r"not what its manifest.json names"):
        receive(changed(sent, lambda files, manifest: files.update(more=b""), honest=False))
    sent.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match="is damaged, or no file of `harness export`"):
        receive(sent)
    with zipfile.ZipFile(sent, "w") as file:
        file.writestr("data.csv", "a,b")
    with pytest.raises(UsageError, match=r"it has no manifest.json"):
        receive(sent)
    with pytest.raises(UsageError, match="there is no file"):
        receive(sent.with_name("none.zip"))
    assert not list(sent.with_name("b").glob("jobs/*/*"))


def test_what_goes_wrong_later_is_not_said_of_the_file(sent: Path) -> None:
    with pytest.raises(RuntimeError, match="elsewhere"), opened_run_file(sent, sent.parent):
        raise RuntimeError("elsewhere")
    assert not list(sent.parent.glob("import.*"))


def test_a_manifest_beyond_all_measure_is_not_read(
    sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_file, "_MOST_SAID", 100)
    with pytest.raises(UsageError, match=r"its manifest.json has over 100 bytes"):
        receive(sent)


def test_a_byte_that_is_another_is_found_or_does_no_harm(source: Path, sent: Path) -> None:
    with Store(source, create=False) as store:
        tables = store.run_rows(2).tables
    whole = sent.read_bytes()
    found = 0
    for place in range(0, len(whole), 61):
        sent.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            with opened_run_file(sent, sent.parent) as (rows, files):
                assert rows.tables == tables
                assert len(list(files.rglob("weights.bin"))) == 2
        except UsageError:
            found += 1
    assert found > 10
