"""Galleries are read back from a job's folder; what is broken there is said, not raised."""

import json
from pathlib import Path
from typing import Any

import pytest
from made_rows import job_row

from harness.catalogue.catalogue import Catalogue, Entry
from harness.catalogue.gallery import Gallery, GalleryExample, Sheet
from harness.catalogue.gallery_file import FORMAT_VERSION, MOST_BYTES, write_gallery
from harness.catalogue.kinds import Measure
from harness.measure.context import MeasureContext
from harness.store.run_data import JobRow
from harness.summary.galleries import read_galleries
from harness.summary.report_data import ShownSheet

SAYS = Gallery(title="Hardest", caption="Those with the largest loss.")
CATALOGUE = Catalogue(
    [Entry(Measure(name="hardest", run=print, takes=("image",), gallery=SAYS), "stranger")]
)


def job(folder: Path | None, seed: int = 0, measure: str = "hardest", **more: Any) -> JobRow:
    axes = {"architecture": "mlp", "dataset": "digits", "seed": seed, "measure": measure}
    fields = {"sort": "measure", "fingerprint": f"{seed:064x}", "label": f"{measure} mlp"}
    return job_row(**(fields | {"axes": axes, "shared": True, "folder": folder} | more))


def write(folder: Path, title: str = "a") -> Path:
    folder.mkdir(exist_ok=True)
    write_gallery(folder, [Sheet(title=title, examples=(GalleryExample(caption="1"),))])
    return folder


def read(*jobs: JobRow) -> tuple[ShownSheet, ...]:
    return read_galleries(jobs, lambda one: one.axes.get("architecture"), CATALOGUE)


def test_a_sheet_has_what_its_measure_declares_and_the_model_it_is_of(tmp_path):
    (found,) = read(job(write(tmp_path / "job"), 4, "hardest:most=3"))
    assert (found.dataset, found.series, found.seed) == ("digits", "mlp", 4)
    assert (found.gallery, found.sheet.title, found.problem) == (SAYS, "a", "")
    assert found.path == str(tmp_path / "job" / "gallery.json")


def test_a_measure_that_declares_none_is_shown_under_its_name(tmp_path):
    (found,) = read(job(write(tmp_path / "job"), measure="odd_ones:most=3"))
    assert found.gallery == Gallery(title="Odd ones")
    (found,) = read(job(write(tmp_path / "other"), measure="mAP_by_class"))
    assert found.gallery == Gallery(title="mAP by class")


def test_one_seed_of_each_model_and_measure(tmp_path):
    folders = [write(tmp_path / str(k), f"a{k}") for k in range(3)]
    bare = tmp_path / "bare"
    bare.mkdir()
    jobs = [
        job(folders[2], 2),
        job(folders[1], 1),
        job(folders[1], 1, "hardest:most=3"),
        job(bare, 0),  # it kept none
        job(folders[0], 0, status="failed"),
        job(folders[0], 0, sort="fit"),
        job(folders[0], 0, axes={"dataset": "digits", "seed": 0}),  # of no model
        job(None, 0),
    ]
    assert [(one.sheet.title, one.seed) for one in read(*jobs)] == [("a1", 1), ("a1", 1)]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("{", "Expecting property name"),
        ("[]", "list indices must be integers"),
        ("[" * 100_000, "recursion"),
        ('{"format_version": 3, "sheets": []}', f"its format is 3, not {FORMAT_VERSION}"),
        ('{"format_version": 2}', "KeyError: 'sheets'"),
        ('{"format_version": 2, "sheets": [{}]}', "KeyError: 'examples'"),
        ('{"format_version": 1, "galleries": [{}]}', "KeyError: 'examples'"),
        ("x" * (MOST_BYTES + 1), "too large"),
        (None, "codec can't decode"),
    ],
)
def test_a_broken_file_is_a_problem_in_words(tmp_path, spoil, words):
    path = tmp_path / "gallery.json"
    path.write_bytes(b"\xff\xfe\x00") if spoil is None else path.write_text(spoil)
    (found,) = read(job(tmp_path))
    assert words in found.problem and found.problem.startswith("cannot be read: ")
    assert (found.sheet.examples, found.path, found.series) == ((), str(path), "mlp")


def test_a_real_run_has_pictures_of_its_first_seed(small_run, small_store):
    every = small_run.summary.galleries()
    assert {(one.dataset, one.seed) for one in every} == {("digits", 0)}
    found = [one for one in every if one.gallery.title == "Adversarial examples"]
    assert [(one.series, one.sheet.title) for one in found] == [
        (name, f"{attack}, linf 1/16")
        for name in ("mlp", "lenet")
        for attack in ("fgsm", "pgd:steps=3")
    ]
    for one in found:
        assert one.sheet.examples and one.sheet.picture is not None
        png = one.sheet.picture.png()
        assert png is not None and len(png) < 50_000
        assert Path(one.path).is_relative_to(small_store / "jobs")
        for example in one.sheet.examples:
            before, _, after = example.panes
            assert f"of class {before.name}, taken for {before.name}," in before.said
            assert before.name != after.name


def test_a_measure_keeps_a_gallery_through_its_context(tmp_path):
    context = MeasureContext(
        **dict.fromkeys(MeasureContext.__dataclass_fields__, None) | {"folder": tmp_path}  # type: ignore[arg-type]
    )
    context.save_gallery(Sheet(title=str(k)) for k in range(2))
    assert [one.sheet.title for one in read(job(tmp_path))] == ["0", "1"]
    assert json.loads((tmp_path / "gallery.json").read_text())["format_version"] == FORMAT_VERSION
