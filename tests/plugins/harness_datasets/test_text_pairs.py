"""`text_pairs`: which token stands where, what is asked for, what is learnt of whom, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.catalogue.chosen import Chosen
from harness.catalogue.finding import read_findings
from harness.catalogue.kinds import Dataset
from harness.data.notes import read_notes
from harness.data.prepare import prepare
from harness.data.prepared import PreparedData
from harness.errors import DataError
from harness_datasets import text_pairs
from harness_datasets.tables.options import TextPairsOptions
from harness_problems.sequence_to_sequence import IGNORE

SOURCES = [f"read {'ab' * (k % 5)}{k}" for k in range(40)]
TARGETS = [f"{k} été"[: 2 + k % 5].strip() for k in range(40)]


def write(folder: Path, sources: list[str] = SOURCES, targets: list[str] = TARGETS) -> Path:
    lines = [
        json.dumps({"number": k, "asked": one, "said": other}, ensure_ascii=False)
        for k, (one, other) in enumerate(zip(sources, targets, strict=True))
    ]
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def prepared(folder: Path, path: Path, seed: int = 0, **options: Any) -> PreparedData:
    folder = folder / f"prepared-{len(list(folder.iterdir()))}"
    folder.mkdir()
    given = TextPairsOptions(path=str(path), **options).model_dump(mode="json")
    item = Dataset(name="text_pairs", load=text_pairs.load, options=TextPairsOptions)
    prepare(Chosen(item=item, label="text_pairs", options=given), seed, folder)
    return PreparedData.open(folder)


def refusal(folder: Path, path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        prepared(folder, path, **options)
    return str(caught.value)


def test_inputs_are_the_source_a_start_and_the_target_and_lag_what_is_asked(tmp_path: Path) -> None:
    data = prepared(tmp_path, write(tmp_path), source="asked", target="said")
    source, edge = data.task.details["source_steps"], 256
    assert data.task.problem == "sequence_to_sequence" and data.task.vocabulary == 257
    inputs, asked = np.asarray(data.array("inputs")), np.asarray(data.array("targets"))
    whole = [line.encode() for line in TARGETS]
    train = data.array("split") == 0
    assert source == max(len(SOURCES[k]) for k in np.flatnonzero(train))
    assert inputs.shape[1] - source == 1 + max(len(whole[k]) for k in np.flatnonzero(train))
    for k, (row, wanted) in enumerate(zip(inputs, asked, strict=True)):
        read = SOURCES[k].encode()[:source]
        assert row[:source].tolist() == [*read, *[0] * (source - len(read))]
        written = [*whole[k], edge][: inputs.shape[1] - source]
        assert (wanted[:source] == IGNORE).all()
        assert wanted[source : source + len(written)].tolist() == written
        assert (wanted[source + len(written) :] == IGNORE).all()
        assert row[source : source + len(written)].tolist() == [edge, *written[:-1]]


def test_csv_comes_to_the_same_as_lines_of_json(tmp_path: Path) -> None:
    lines = [f"{one},{other}" for one, other in zip(SOURCES, TARGETS, strict=True)]
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(["asked,said", *lines]), encoding="utf-8")
    found = prepared(tmp_path, path)  # of two columns the first is read
    beside = prepared(tmp_path, write(tmp_path), source="asked", target="said")
    for name in ("inputs", "targets", "split", "ids"):
        np.testing.assert_array_equal(found.array(name), beside.array(name))
    turned = prepared(tmp_path, path, target="asked")
    assert turned.task.details["source_steps"] < beside.task.details["source_steps"]


def test_pairs_with_one_source_stay_together(tmp_path: Path) -> None:
    data = prepared(
        tmp_path,
        write(tmp_path, [SOURCES[k // 4] for k in range(40)]),
        source="asked",
        target="said",
    )
    split = np.asarray(data.array("split")).reshape(10, 4)
    assert (split == split[:, :1]).all() and set(split[:, 0].tolist()) == {0, 1, 2}


def test_words_are_learnt_of_training_pairs_and_the_rest_is_told(tmp_path: Path) -> None:
    sources = [f"how many are {['two', 'four', 'six'][k % 3]} {k % 7}" for k in range(60)]
    targets = [f"they are {k % 7} rare{k}" for k in range(60)]
    path = write(tmp_path, sources, targets)
    data = prepared(tmp_path, path, source="asked", target="said", by="words", length=4)
    things = {"how", "many", "are", "two", "four", "six", "they", *"0123456"}
    assert data.task.vocabulary == len(things) + 3  # and what fills up, what is unknown, the edge
    (finding,) = (
        one for one in read_findings(data.folder) or () if one.code == "unknown-in-targets"
    )
    others = len(sources) - data.task.counts["train"]
    assert finding.sentence.startswith(f"{others} of {others} targets")
    told = {row[0]: row[1] for note in read_notes(data.folder) for row in note.rows}
    assert "60 are cut" in told["a source"] and "60 are cut" in told["a target"]
    assert (np.asarray(data.array("targets"))[:, -1] != IGNORE).all()  # a cut target has no end


def test_what_is_wrong_is_said_by_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert "has the columns number, asked, said; say which one" in refusal(tmp_path, path)
    assert "no column 'sad', which target names; did you mean 'said'?" in refusal(
        tmp_path, path, source="asked", target="sad"
    )
    hole = write(tmp_path, SOURCES, [*TARGETS[:6], " ", *TARGETS[7:]])
    said = refusal(tmp_path, hole, source="asked", target="said")
    assert (
        said
        == f"{hole}: line 7: 'said', the target, is missing; 1 row of 40 lacks it: fill in or remove it"
    )
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"asked": "a", "said": "b"}\n{"asked": "c", \n')
    assert "line 2 is no JSON" in refusal(tmp_path, broken)
    latin = tmp_path / "latin.csv"
    latin.write_bytes("asked,said\nbleu,bleu\ncafé,noir\n".encode("latin-1"))
    assert "latin.csv: it is not UTF-8: line 3 has the byte 0xe9" in refusal(tmp_path, latin)


def test_options_that_contradict_each_other_are_refused() -> None:
    for options, words in (
        ({"source": "a", "target": "a"}, "two columns"),
        ({"source": "a", "drop": ["a"]}, "in drop, and source names it"),
    ):
        with pytest.raises(ValueError, match=words):
            TextPairsOptions(path="pairs.csv", **options)
