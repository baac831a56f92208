"""The commands of README.md for files of many formats: each path is opened by its reader and prepared; one is run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from here_command import call_here
from here_engine import OPTIONS
from own_files import write_all

from harness.catalogue.host import Host
from harness.data.prepare import prepare
from harness.plan.files import check_files, open_path, settle_by_files
from harness.plan.names import choose_one
from harness.plan.suite import find_suite

README = Path(__file__).parents[3] / "README.md"
READERS = {
    "./photos": "imagefolder",
    "./shards": "webdataset",
    "./my_dataset": "huggingface",
    "./fashion-mnist": "idx",
    "./cifar-10-batches-py": "cifar10",
    "./cifar-100-python": "cifar100",
    "arrays.npz": "npz",
    "./arrays": "npz",
    "sales.csv": "table",
    "sales.tsv": "table",
    "sales.parquet": "table",
    "sales.jsonl": "table",
    "reviews.csv": "table",
    "./letters": "textfolder",
    "./books": "textfolder",
    "visits.csv": "time_series",
    "phrases.jsonl": "text_pairs",
    "./my_masks": "maskfolder",
    "./coco": "coco",
    "./my_boxes/boxes.json": "coco",
    "./VOC2012": "voc",
}

PROBLEMS = {
    "sales": "regression",
    "books": "next_token",
    "visits": "forecast",
    "phrases": "sequence_to_sequence",
    "my_masks": "segmentation",
    "coco": "detection",
    "boxes": "detection",
    "VOC2012": "detection",
}


def commands(of: str = "files") -> list[list[str]]:
    found = re.search(rf"<!-- command: {of} -->\n```sh\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    return [shlex.split(line, comments=True) for line in found[1].splitlines()]


def test_each_path_is_opened_by_its_reader_and_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_all(tmp_path)
    catalogue, seen = Host().catalogue, {}
    for words in commands():
        assert words[:3] == ["harness", "run", "-a"] and words[4] == "-d" and len(words) == 6
        dataset = settle_by_files(choose_one(catalogue, "dataset", open_path(catalogue, words[5])))
        check_files(dataset)
        folder = tmp_path / "prepared" / str(len(seen))
        folder.mkdir(parents=True)
        task = prepare(dataset, 0, folder)
        assert min(task.counts.values()) > 0
        seen[words[5].partition(":")[0]] = dataset.item.name
        name = words[5].partition(":")[0]
        assert task.problem == PROBLEMS.get(Path(name).stem, "classification"), words
    assert seen == READERS


def test_the_way_from_a_question_to_a_model(tmp_path: Path) -> None:
    """What is run there is planned here: the networks and their searches."""
    write_all(tmp_path)
    shown, run, chapter = commands("question")
    assert "price" in call_here(tmp_path, *shown[1:]).stdout
    planned = call_here(tmp_path, "plan", *run[2:], "--jobs").stdout
    assert "deep is mlp:depth=4" in planned
    assert planned.count("search deep") == planned.count("search mlp") > 1
    assert find_suite(chapter[2]).stem == "tables"


@pytest.mark.slow
def test_the_commands_run(tmp_path: Path) -> None:
    """Those of one architecture together, as each start of a run takes longer than its jobs here."""
    write_all(tmp_path)
    paths: dict[str, list[str]] = {}
    for _, _, _, architecture, _, path in commands():
        paths.setdefault(architecture, []).append(path)
    short = (
        "--measure",
        "accuracy",
        "--set",
        "recipes.plain.epochs=1",
        "--set",
        "matrix.floors=false",
    )
    for number, (architecture, some) in enumerate(paths.items(), 1):
        asked = (word for path in some for word in ("-d", path))
        done = call_here(tmp_path, "run", "-a", architecture, *asked, *OPTIONS, *short)
        assert done.returncode == 0, done.stdout + done.stderr
        report = (tmp_path / f"runs/default-{number:04}/report.html").read_text(encoding="utf-8")
        for path in some:
            assert path.partition(":")[0] in report, path
        assert f"{3 * len(some)} ok." in done.stdout
