"""`harness merge`, `export` and `import`: one run, in another store, says the same."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import zipfile
from pathlib import Path

import pytest

from harness.cli.copying import say_merged
from harness.store.merge import ChangedFigure, Merged


@pytest.mark.parametrize("switches", [(), ("--no-artifacts",)])
def test_a_run_that_was_sent_reports_the_same(
    harness, small_store: Path, tmp_path: Path, switches: tuple[str, ...]
) -> None:
    done = harness("export", "--store", str(small_store), "-o", "run.zip", *switches)
    assert done.returncode == 0 and "is in run.zip" in done.stdout
    done = harness("import", "run.zip", "--store", "there")
    assert "of run.zip is small-0001 in there\n" in done.stdout
    added = re.search(r"^(\d+) outcomes added, 0 there already$", done.stdout, re.MULTILINE)
    assert added is not None and int(added[1]) > 0
    texts = [
        harness("report", "-f", format, "--store", store, "-o", "-").stdout.replace(store, "STORE")
        for store in (str(small_store), "there")
        for format in ("json", "markdown")
    ]
    assert texts[:2] == texts[2:] and "accuracy" in texts[0]
    done = harness("import", "run.zip", "--store", "there")
    assert done.stdout == (
        f"Was there already: small-0001 of run.zip\n0 outcomes added, {added[1]} there already\n"
    )


def test_stores_are_joined(harness, small_store: Path, tmp_path: Path) -> None:
    other = shutil.copytree(small_store, tmp_path / "other", symlinks=True)
    with sqlite3.connect(other / "store.sqlite") as rows:  # another machine, another figure
        rows.execute("UPDATE metrics SET value = 0.125 WHERE name = 'accuracy'")
        rows.execute("UPDATE outcomes SET folder = substr(folder, 1, length(folder) - 4) || 'ffff'")
        rows.execute(
            "UPDATE jobs SET label = 'evil ' || char(27) || '[2J' WHERE label LIKE 'accuracy mlp%'"
        )
    for folder in other.glob("jobs/*/*"):
        folder.rename(folder.with_name(f"{folder.name[:-4]}ffff"))
    done = harness("merge", str(small_store), "other", "-o", "both")
    assert done.returncode == 0
    assert f"small-0001 of {small_store} is small-0001 in both\n" in done.stdout
    assert "small-0001 of other is small-0002 in both\n" in done.stdout
    assert "differ, though they are not timed" in done.stdout
    assert "evil \\x1b[2J: accuracy" in done.stdout and "\x1b" not in done.stdout
    listed = harness("runs", "--store", "both").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["small-0001", "small-0002"]


def test_a_run_that_needs_a_plugin_of_a_file_says_so_when_run_again(
    harness, small_store: Path, tmp_path: Path
) -> None:
    store = shutil.copytree(small_store, tmp_path / "store", symlinks=True)
    command = "harness run -p 'my plugin' --plugin b.py -a mine -d digits"
    with sqlite3.connect(store / "store.sqlite") as rows:
        rows.execute("UPDATE runs SET written = replace(written, '\"mlp', '\"mine')")
        rows.execute("UPDATE runs SET invocation = ?", (json.dumps({"command": command}),))
    done = harness("reproduce", "small-0001", "--store", "store")
    assert done.returncode == 2 and "no architecture is named 'mine'" in done.stderr
    assert done.stderr.endswith("\nThe run was given -p 'my plugin' -p b.py: give that here, too\n")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (
            1,
            "1 figure of a job that two of these runs have both done differs, though it is not timed.",
        ),
        (
            2,
            "2 figures of jobs that two of these runs have both done differ, though they are not timed.",
        ),
    ],
)
def test_one_figure_differs_and_two_differ(capsys, number: int, said: str) -> None:
    say_merged(Merged(differences=[ChangedFigure("fit a", "loss", 1.0, 2.0)] * number), "both")
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["merge", "none", "-o", "c"], "there is no store in 'none'"),
        (["merge", "c", "-o", "./c"], "-o names another one"),
        (["import", "none.zip", "--store", "c"], "there is no file 'none.zip'"),
        (["import", "text.zip", "--store", "c"], "no file of `harness export`"),
        (["import", "torn.zip", "--store", "c"], "'torn.zip' is damaged"),
        (["export", "--store", "c"], "there is no store in 'c'"),
        (
            ["reproduce", "none.zip", "--store", "c"],
            "there is no file 'none.zip', and no such run: there is no store in 'c'",
        ),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_made(
    harness, tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    rows = {"sha256": "0" * 64, "bytes": 2}
    with zipfile.ZipFile(tmp_path / "torn.zip", "w") as torn:
        manifest = {"format": 1, "run": "small-0001", "files": {"rows.json": rows}}
        torn.writestr("manifest.json", json.dumps(manifest))
        torn.writestr("rows.json", "{}")
    done = harness(*arguments)
    assert done.returncode in (1, 2) and says in done.stderr and "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {"text.zip", "torn.zip"}
